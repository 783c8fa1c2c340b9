#include "svc/elbv2/elb.h"

/* ---- Where rules stand ---- */

static struct bw_str priority_key(struct bw_call *call, const struct elb_rule *r)
{
	return elb_index(call, "priority",
	    bw_arena_printf(call->arena, "%.*s/%.*s/%05lld/%.*s", BW_FMT(r->load_balancer),
	        BW_FMT(r->listener), (long long)r->priority, BW_FMT(r->id)));
}

static struct bw_str priority_prefix(struct bw_call *call, const struct elb_rule *r, int64_t priority)
{
	return elb_index(call, "priority",
	    bw_arena_printf(call->arena, "%.*s/%.*s/%05lld/", BW_FMT(r->load_balancer), BW_FMT(r->listener),
	        (long long)priority));
}

void elb_rule_save(struct bw_call *call, struct elb_rule *r)
{
	bw_call_mark(call, priority_key(call, r));
	elb_save(call, &elb_rule_kind, elb_rule_name(call, r), r);
}

void elb_rule_forget(struct bw_call *call, const struct elb_rule *r)
{
	bw_call_delete(call, priority_key(call, r));
	elb_delete(call, &elb_rule_kind, elb_rule_name(call, r));
}

/* "PRIORITY/ID" behind the listener's prefix of the index. */
static enum bw_err by_entry(
    struct bw_call *call, struct bw_str listener_name, struct bw_str entry, struct elb_rule *out)
{
	struct bw_str id = entry;

	(void)bw_str_cut(&id, '/');
	return elb_load(call, &elb_rule_kind,
	    bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(listener_name), BW_FMT(id)), out);
}

static enum bw_err rule_entries(struct bw_call *call, struct bw_str listener_name, struct bw_strs *out)
{
	return elb_names(call,
	    elb_index(call, "priority", bw_arena_printf(call->arena, "%.*s/", BW_FMT(listener_name))), out);
}

enum bw_err elb_rules(struct bw_call *call, const struct elb_listener *l, struct elb_rule **rules, size_t *n)
{
	struct bw_str name = elb_listener_name(call, l);
	struct bw_strs entries;

	TRY(rule_entries(call, name, &entries));
	*n = entries.n;
	*rules = BW_NEW_ARRAY(call->arena, struct elb_rule, entries.n);
	for (size_t i = 0; i < entries.n; i++)
		TRY(by_entry(call, name, entries.v[i], &(*rules)[i]));
	return BW_OK;
}

static void rule_to_shape(struct bw_call *call, const struct elb_rule *r, struct elbv2_Rule *out)
{
	bool usual = r->priority == ELB_DEFAULT_PRIORITY;

	*out = r->shape;
	elb_actions_to_shape(call, &r->shape.Actions, &out->Actions);
	out->RuleArn = elb_rule_arn(call, r);
	out->Priority =
	    usual ? BW_STR("default") : bw_arena_printf(call->arena, "%lld", (long long)r->priority);
	out->IsDefault = BW_BOOL(usual);
	out->Conditions.set = out->Transforms.set = true;
}

static void one_to_shape(struct bw_call *call, const struct elb_rule *r, struct elbv2_Rules *out)
{
	*out = (struct elbv2_Rules){true, 1, BW_NEW(call->arena, struct elbv2_Rule)};
	rule_to_shape(call, r, out->v);
}

/* ---- Creating ---- */

static enum bw_err new_resource(struct bw_call *call)
{
	struct bw_str arn = bw_call_input(call, "ListenerArn");
	struct bw_arn parts;
	const IN_elbv2_CreateRule *in = call->in;

	TRY(elb_arn_resource(call));
	/* Tags go on the rule, which has the listener's place. */
	if (in->Tags.n && bw_arn_parse(arn, &parts) == BW_OK &&
	    bw_str_starts(parts.resource, BW_STR("listener/")))
		bw_call_also(call, BW_STR("elasticloadbalancing:AddTags"),
		    bw_arena_printf(call->arena,
		        "arn:aws:elasticloadbalancing:%.*s:%.*s:listener-rule/%.*s/*", BW_FMT(parts.region),
		        BW_FMT(parts.account),
		        BW_FMT(bw_str_sub(parts.resource, strlen("listener/"), parts.resource.n))),
		    BW_STR("elasticloadbalancing:CreateAction"), BW_STR("CreateRule"));
	return BW_OK;
}

static enum bw_err priority_free(struct bw_call *call, const struct elb_rule *r)
{
	if (bw_call_count_under(call, priority_prefix(call, r, r->priority), 2))
		return bw_call_fail(
		    call, "PriorityInUse", "Priority '%lld' is currently in use", (long long)r->priority);
	return BW_OK;
}

BW_OP(elbv2, CreateRule, .effect = BW_WRITE, .resource = new_resource)
{
	struct elb_load_balancer lb;
	struct elb_listener l;
	struct elb_rule r = {.priority = in->Priority.v};

	TRY(elb_among(call, ELB_LISTENER, elb_listener_load(call, in->ListenerArn, &l)));
	TRY(elb_owner_load(call, l.load_balancer, &lb));
	if (!elb_is(l.type, "app"))
		return bw_call_fail(call, "UnsupportedProtocol",
		    "Rules are not supported for listeners with the protocol '%.*s'",
		    BW_FMT(l.shape.Protocol));
	r.id = elb_id(call);
	r.listener = l.id;
	r.load_balancer = l.load_balancer;
	r.load_balancer_id = l.load_balancer_id;
	r.type = l.type;
	r.shape = (struct elbv2_Rule){
	    .Conditions = in->Conditions, .Actions = in->Actions, .Transforms = in->Transforms};
	TRY(elb_conditions_check(call, &r.shape.Conditions));
	TRY(elb_transforms_check(call, &r.shape.Transforms));
	TRY(elb_actions_check(call, &lb, l.shape.Protocol, &r.shape.Actions, NULL));
	TRY(elb_tags_set(call, &r.tags, &in->Tags));
	TRY(priority_free(call, &r));
	TRY(elb_uses_allowed(call, &lb, &r.shape.Actions));
	bw_call_take(call, &elb_rules_quota, lb.id, 1);
	TRY(elb_uses_set(call, &r, NULL, &r.shape.Actions));
	elb_rule_save(call, &r);
	one_to_shape(call, &r, &out->Rules);
	return BW_OK;
}

/* ---- Reading ---- */

static enum bw_err by_arns(struct bw_call *call, const struct elbv2_RuleArns *arns, struct elbv2_Rules *out)
{
	struct elb_rule r;

	*out = (struct elbv2_Rules){true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_Rule, arns->n)};
	for (size_t i = 0; i < arns->n; i++) {
		TRY(elb_among(call, ELB_RULE, elb_rule_load(call, arns->v[i], &r)));
		rule_to_shape(call, &r, &out->v[out->n++]);
	}
	return BW_OK;
}

static enum bw_err of_listener(
    struct bw_call *call, const IN_elbv2_DescribeRules *in, OUT_elbv2_DescribeRules *out)
{
	struct elb_listener l;
	struct bw_strs entries;
	struct bw_str name;
	struct elb_rule r;
	size_t from, to;

	TRY(elb_among(call, ELB_LISTENER, elb_listener_load(call, in->ListenerArn, &l)));
	name = elb_listener_name(call, &l);
	TRY(rule_entries(call, name, &entries));
	TRY(bw_page_slice(
	    call, entries.n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->Rules = (struct elbv2_Rules){true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_Rule, to - from)};
	for (; from < to; from++) {
		TRY(by_entry(call, name, entries.v[from], &r));
		rule_to_shape(call, &r, &out->Rules.v[out->Rules.n++]);
	}
	return BW_OK;
}

BW_OP(elbv2, DescribeRules, .effect = BW_READ)
{
	if (bw_str_set(in->ListenerArn) && in->RuleArns.n)
		return elb_invalid(call, "You cannot specify both a listener ARN and rule ARNs");
	if (in->RuleArns.n)
		return by_arns(call, &in->RuleArns, &out->Rules);
	if (!bw_str_set(in->ListenerArn))
		return elb_invalid(call, "You must specify either listener ARN or rule ARNs");
	return of_listener(call, in, out);
}

/* ---- Changing ---- */

static enum bw_err parents_load(
    struct bw_call *call, const struct elb_rule *r, struct elb_load_balancer *lb, struct elb_listener *l)
{
	TRY(elb_owner_load(call, r->load_balancer, lb));
	return elb_load(call, &elb_listener_kind,
	    bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(r->load_balancer), BW_FMT(r->listener)), l);
}

enum bw_err elb_rule_actions_set(struct bw_call *call, const struct elb_load_balancer *lb,
    struct bw_str protocol, struct elb_rule *r, const struct elbv2_Actions *given)
{
	struct elbv2_Actions before = r->shape.Actions, actions = *given;

	TRY(elb_actions_check(call, lb, protocol, &actions, &before));
	TRY(elb_uses_allowed(call, lb, &actions));
	TRY(elb_uses_set(call, r, &before, &actions));
	r->shape.Actions = actions;
	return BW_OK;
}

BW_OP(elbv2, ModifyRule, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_load_balancer lb;
	struct elb_listener l;
	struct elb_rule r;
	bool reset = in->ResetTransforms.set && in->ResetTransforms.v;

	TRY(elb_rule_load(call, in->RuleArn, &r));
	TRY(parents_load(call, &r, &lb, &l));
	if (r.priority == ELB_DEFAULT_PRIORITY)
		return bw_call_fail(call, "OperationNotPermitted", "Default rule '%.*s' cannot be modified",
		    BW_FMT(in->RuleArn));
	if (!in->Conditions.n && !in->Actions.n && !in->Transforms.n && !reset)
		return elb_invalid(call, "Either conditions, actions or transforms must be specified");
	if (reset && in->Transforms.n)
		return elb_invalid(call, "You cannot specify transforms and reset them at the same time");
	if (in->Conditions.n) {
		r.shape.Conditions = in->Conditions;
		TRY(elb_conditions_check(call, &r.shape.Conditions));
	}
	if (in->Transforms.n || reset) {
		r.shape.Transforms = reset ? (struct elbv2_RuleTransformList){0} : in->Transforms;
		TRY(elb_transforms_check(call, &r.shape.Transforms));
	}
	if (in->Actions.n)
		TRY(elb_rule_actions_set(call, &lb, l.shape.Protocol, &r, &in->Actions));
	elb_rule_save(call, &r);
	one_to_shape(call, &r, &out->Rules);
	return BW_OK;
}

/* ---- SetRulePriorities ---- */

static enum bw_err priorities_resource(struct bw_call *call)
{
	const IN_elbv2_SetRulePriorities *in = call->in;
	struct bw_str *arns = BW_NEW_ARRAY(call->arena, struct bw_str, in->RulePriorities.n);
	size_t n = 0;

	for (size_t i = 0; i < in->RulePriorities.n; i++)
		if (bw_str_set(in->RulePriorities.v[i].RuleArn))
			arns[n++] = in->RulePriorities.v[i].RuleArn;
	return elb_arns_resource(call, arns, n);
}

static enum bw_err pair_check(
    struct bw_call *call, const struct elbv2_RulePriorityList *pairs, size_t i, struct elb_rule *r)
{
	const struct elbv2_RulePriorityPair *p = &pairs->v[i];

	if (!bw_str_set(p->RuleArn) || !p->Priority.set)
		return elb_invalid(call, "A rule ARN and a priority must be specified");
	for (size_t j = 0; j < i; j++) {
		if (bw_str_eq(p->RuleArn, pairs->v[j].RuleArn))
			return elb_invalid(
			    call, "Rule '%.*s' was specified more than once", BW_FMT(p->RuleArn));
		if (p->Priority.v == pairs->v[j].Priority.v)
			return elb_invalid(
			    call, "Priority '%lld' was specified more than once", (long long)p->Priority.v);
	}
	TRY(elb_among(call, ELB_RULE, elb_rule_load(call, p->RuleArn, r)));
	if (r->priority == ELB_DEFAULT_PRIORITY)
		return bw_call_fail(call, "OperationNotPermitted",
		    "Default rule '%.*s' priority cannot be modified", BW_FMT(p->RuleArn));
	return BW_OK;
}

/* Whether somebody who keeps its place has the priority. */
static enum bw_err taken_by_another(
    struct bw_call *call, const struct elb_rule *rules, size_t n, size_t at, int64_t priority)
{
	struct bw_strs ids;

	TRY(elb_names(call, priority_prefix(call, &rules[at], priority), &ids));
	for (size_t i = 0; i < ids.n; i++) {
		size_t k = 0;

		while (k < n && !bw_str_eq(rules[k].id, ids.v[i]))
			k++;
		if (k == n)
			return bw_call_fail(call, "PriorityInUse", "Priority '%lld' is currently in use",
			    (long long)priority);
	}
	return BW_OK;
}

BW_OP(elbv2, SetRulePriorities, .effect = BW_WRITE, .resource = priorities_resource)
{
	size_t n = in->RulePriorities.n;
	struct elb_rule *rules = BW_NEW_ARRAY(call->arena, struct elb_rule, n);

	if (n == 0)
		return elb_invalid(call, "At least one rule priority must be specified");
	for (size_t i = 0; i < n; i++) {
		TRY(pair_check(call, &in->RulePriorities, i, &rules[i]));
		if (!bw_str_eq(rules[i].listener, rules[0].listener))
			return elb_invalid(call, "All rules must belong to the same listener");
	}
	for (size_t i = 0; i < n; i++)
		TRY(taken_by_another(call, rules, n, i, in->RulePriorities.v[i].Priority.v));
	for (size_t i = 0; i < n; i++)
		bw_call_delete(call, priority_key(call, &rules[i]));
	out->Rules = (struct elbv2_Rules){true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_Rule, n)};
	for (size_t i = 0; i < n; i++) {
		rules[i].priority = in->RulePriorities.v[i].Priority.v;
		elb_rule_save(call, &rules[i]);
		rule_to_shape(call, &rules[i], &out->Rules.v[out->Rules.n++]);
	}
	return BW_OK;
}

/* ---- Deleting ---- */

BW_OP(elbv2, DeleteRule, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_rule r;

	TRY(elb_rule_load(call, in->RuleArn, &r));
	if (r.priority == ELB_DEFAULT_PRIORITY)
		return bw_call_fail(call, "OperationNotPermitted", "Default rule '%.*s' cannot be deleted",
		    BW_FMT(in->RuleArn));
	TRY(elb_uses_set(call, &r, &r.shape.Actions, NULL));
	bw_call_take(call, &elb_rules_quota, r.load_balancer_id, -1);
	elb_rule_forget(call, &r);
	return BW_OK;
}
