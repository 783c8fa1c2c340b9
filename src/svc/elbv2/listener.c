#include "svc/elbv2/listener.h"

/* ---- Creating ---- */

static enum bw_err new_resource(struct bw_call *call)
{
	const IN_elbv2_CreateListener *in = call->in;
	struct bw_arn parts;

	TRY(elb_arn_resource(call));
	if (in->Tags.n && bw_arn_parse(in->LoadBalancerArn, &parts) == BW_OK &&
	    bw_str_starts(parts.resource, BW_STR("loadbalancer/")))
		bw_call_also(call, BW_STR("elasticloadbalancing:AddTags"),
		    bw_arena_printf(call->arena, "arn:aws:elasticloadbalancing:%.*s:%.*s:listener/%.*s/*",
		        BW_FMT(parts.region), BW_FMT(parts.account),
		        BW_FMT(bw_str_sub(parts.resource, strlen("loadbalancer/"), parts.resource.n))),
		    BW_STR("elasticloadbalancing:CreateAction"), BW_STR("CreateListener"));
	return BW_OK;
}

static enum bw_err listeners_of(
    struct bw_call *call, const struct elb_load_balancer *lb, struct elb_listener **v, size_t *n)
{
	return elb_all(
	    call, &elb_listener_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(lb->name)), v, n);
}

static const struct elb_listener *on_port(
    const struct elb_listener *v, size_t n, int64_t port, struct bw_str except)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].shape.Port.v == port && !bw_str_eq(v[i].id, except))
			return &v[i];
	return NULL;
}

static enum bw_err port_duplicate(struct bw_call *call, const struct elb_load_balancer *lb)
{
	return bw_call_fail(call, "DuplicateListener",
	    "A listener already exists on this port for this load balancer '%.*s'",
	    BW_FMT(elb_load_balancer_arn(call, lb->type, lb->name, lb->id)));
}

static enum bw_err default_rule_load(struct bw_call *call, const struct elb_listener *l, struct elb_rule *r)
{
	return elb_load(call, &elb_rule_kind,
	    bw_arena_printf(call->arena, "%.*s/%.*s/%.*s", BW_FMT(l->load_balancer), BW_FMT(l->id),
	        BW_FMT(l->default_rule)),
	    r);
}

enum bw_err elb_listener_to_shape(struct bw_call *call, struct elb_listener *l, struct elbv2_Listener *out)
{
	struct elb_rule r;

	TRY(default_rule_load(call, l, &r));
	*out = l->shape;
	out->ListenerArn = elb_listener_arn(call, l);
	out->LoadBalancerArn = elb_load_balancer_arn(call, l->type, l->load_balancer, l->load_balancer_id);
	elb_actions_to_shape(call, &r.shape.Actions, &out->DefaultActions);
	return BW_OK;
}

/* One that was written in this call is not in the view yet. */
static void written_to_shape(struct bw_call *call, const struct elb_listener *l,
    const struct elbv2_Actions *actions, struct elbv2_Listeners *out)
{
	*out = (struct elbv2_Listeners){true, 1, BW_NEW(call->arena, struct elbv2_Listener)};
	out->v[0] = l->shape;
	out->v[0].ListenerArn = elb_listener_arn(call, l);
	out->v[0].LoadBalancerArn =
	    elb_load_balancer_arn(call, l->type, l->load_balancer, l->load_balancer_id);
	elb_actions_to_shape(call, actions, &out->v[0].DefaultActions);
}

static struct elb_rule default_rule_make(
    struct bw_call *call, struct elb_listener *l, const struct elbv2_Actions *actions)
{
	struct elb_rule r = {.id = elb_id(call),
	    .listener = l->id,
	    .load_balancer = l->load_balancer,
	    .load_balancer_id = l->load_balancer_id,
	    .type = l->type,
	    .priority = ELB_DEFAULT_PRIORITY};

	r.shape.Actions = *actions;
	l->default_rule = r.id;
	return r;
}

/* The same listener again is the listener that is there. */
static enum bw_err same_again(struct bw_call *call, const struct elb_load_balancer *lb,
    const struct elb_listener *old, const struct elb_listener *new, const struct elbv2_Actions *actions,
    struct elbv2_Listeners *out)
{
	struct elbv2_Listener a = old->shape, b = new->shape;
	struct elb_rule r;

	TRY(default_rule_load(call, old, &r));
	a.DefaultActions = r.shape.Actions;
	b.DefaultActions = *actions;
	if (!bw_shape_same(elbv2_Listener_shape, &a, &b, call->arena))
		return port_duplicate(call, lb);
	written_to_shape(call, old, &r.shape.Actions, out);
	return BW_OK;
}

static enum bw_err listener_make(struct bw_call *call, const struct elb_load_balancer *lb,
    struct elb_listener *l, const struct elbv2_Actions *actions)
{
	struct elb_rule r;

	l->id = elb_id(call);
	r = default_rule_make(call, l, actions);
	TRY(elb_uses_allowed(call, lb, actions));
	TRY(elb_uses_set(call, &r, NULL, actions));
	TRY(elb_port_take(call, lb, elb_listener_arn(call, l), l->shape.Port.v, l->shape.Protocol));
	elb_rule_save(call, &r);
	listener_uses_set(call, lb, l, true);
	elb_save(call, &elb_listener_kind, elb_listener_name(call, l), l);
	return BW_OK;
}

BW_OP(elbv2, CreateListener, .effect = BW_WRITE, .resource = new_resource, .keys = elb_listener_keys)
{
	struct listener_input given = {in->Protocol, in->SslPolicy, in->Port, &in->Certificates,
	    &in->AlpnPolicy, in->MutualAuthentication};
	struct elb_listener l = {0}, *others;
	const struct elb_listener *old;
	struct elbv2_Actions actions = in->DefaultActions;
	struct elb_load_balancer lb;
	size_t n;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	l.load_balancer = lb.name;
	l.load_balancer_id = lb.id;
	l.type = lb.type;
	TRY(listener_set(call, &lb, &l, &given));
	TRY(elb_actions_check(call, &lb, l.shape.Protocol, &actions, NULL));
	TRY(elb_tags_set(call, &l.tags, &in->Tags));
	TRY(listeners_of(call, &lb, &others, &n));
	old = on_port(others, n, l.shape.Port.v, BW_STR_NONE);
	if (old)
		return same_again(call, &lb, old, &l, &actions, &out->Listeners);
	TRY(bw_call_within(
	    call, elb_is(lb.type, "app") ? &elb_app_listeners_quota : &elb_net_listeners_quota, n + 1));
	TRY(listener_make(call, &lb, &l, &actions));
	written_to_shape(call, &l, &actions, &out->Listeners);
	return BW_OK;
}

/* ---- Reading ---- */

static enum bw_err by_arns(
    struct bw_call *call, const struct elbv2_ListenerArns *arns, struct elbv2_Listeners *out)
{
	struct elb_listener l;

	*out = (struct elbv2_Listeners){true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_Listener, arns->n)};
	for (size_t i = 0; i < arns->n; i++) {
		TRY(elb_among(call, ELB_LISTENER, elb_listener_load(call, arns->v[i], &l)));
		TRY(elb_listener_to_shape(call, &l, &out->v[out->n++]));
	}
	return BW_OK;
}

static enum bw_err of_load_balancer(
    struct bw_call *call, const IN_elbv2_DescribeListeners *in, OUT_elbv2_DescribeListeners *out)
{
	struct elb_load_balancer lb;
	struct elb_listener *v;
	size_t n, from, to;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	TRY(listeners_of(call, &lb, &v, &n));
	TRY(bw_page_slice(
	    call, n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->Listeners =
	    (struct elbv2_Listeners){true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_Listener, to - from)};
	for (; from < to; from++)
		TRY(elb_listener_to_shape(call, &v[from], &out->Listeners.v[out->Listeners.n++]));
	return BW_OK;
}

BW_OP(elbv2, DescribeListeners, .effect = BW_READ)
{
	if (bw_str_set(in->LoadBalancerArn) && in->ListenerArns.n)
		return elb_invalid(call, "You cannot specify both a load balancer ARN and listener ARNs");
	if (in->ListenerArns.n)
		return by_arns(call, &in->ListenerArns, &out->Listeners);
	if (!bw_str_set(in->LoadBalancerArn))
		return elb_invalid(call, "You must specify either listener ARNs or a load balancer ARN");
	return of_load_balancer(call, in, out);
}

/* ---- Changing ---- */

/* Another protocol must do for every rule, not for the default one alone. */
static enum bw_err rules_recheck(
    struct bw_call *call, const struct elb_load_balancer *lb, const struct elb_listener *l)
{
	struct elb_rule *rules;
	size_t n;

	TRY(elb_rules(call, l, &rules, &n));
	for (size_t i = 0; i < n; i++) {
		struct elbv2_Actions copy = rules[i].shape.Actions;

		if (rules[i].priority != ELB_DEFAULT_PRIORITY)
			TRY(elb_actions_check(call, lb, l->shape.Protocol, &copy, &rules[i].shape.Actions));
	}
	return BW_OK;
}

static enum bw_err port_move(struct bw_call *call, const struct elb_load_balancer *lb,
    const struct elb_listener *before, const struct elb_listener *l)
{
	struct elb_listener *others;
	size_t n;

	if (before->shape.Port.v == l->shape.Port.v && bw_str_eq(before->shape.Protocol, l->shape.Protocol))
		return BW_OK;
	TRY(listeners_of(call, lb, &others, &n));
	if (on_port(others, n, l->shape.Port.v, l->id))
		return port_duplicate(call, lb);
	elb_port_give(call, lb, before->shape.Port.v, before->shape.Protocol);
	return elb_port_take(call, lb, elb_listener_arn(call, l), l->shape.Port.v, l->shape.Protocol);
}

BW_OP(elbv2, ModifyListener, .effect = BW_WRITE, .resource = elb_arn_resource, .keys = elb_listener_keys)
{
	struct listener_input given = {in->Protocol, in->SslPolicy, in->Port, &in->Certificates,
	    &in->AlpnPolicy, in->MutualAuthentication};
	struct elb_listener l, before;
	struct elb_load_balancer lb;
	struct elb_rule r;

	TRY(elb_listener_load(call, in->ListenerArn, &l));
	TRY(elb_owner_load(call, l.load_balancer, &lb));
	TRY(default_rule_load(call, &l, &r));
	before = l;
	TRY(listener_set(call, &lb, &l, &given));
	TRY(elb_rule_actions_set(
	    call, &lb, l.shape.Protocol, &r, in->DefaultActions.n ? &in->DefaultActions : &r.shape.Actions));
	if (!bw_str_eq(before.shape.Protocol, l.shape.Protocol))
		TRY(rules_recheck(call, &lb, &l));
	TRY(port_move(call, &lb, &before, &l));
	listener_uses_set(call, &lb, &before, false);
	listener_uses_set(call, &lb, &l, true);
	elb_rule_save(call, &r);
	elb_save(call, &elb_listener_kind, elb_listener_name(call, &l), &l);
	written_to_shape(call, &l, &r.shape.Actions, &out->Listeners);
	return BW_OK;
}

/* ---- Deleting ---- */

enum bw_err elb_listener_remove(
    struct bw_call *call, const struct elb_load_balancer *lb, const struct elb_listener *l)
{
	struct elb_rule *rules;
	int64_t counted = 0;
	size_t n;

	TRY(elb_rules(call, l, &rules, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(elb_uses_set(call, &rules[i], &rules[i].shape.Actions, NULL));
		elb_rule_forget(call, &rules[i]);
		counted += rules[i].priority != ELB_DEFAULT_PRIORITY;
	}
	if (counted)
		bw_call_take(call, &elb_rules_quota, lb->id, -counted);
	listener_uses_set(call, lb, l, false);
	elb_port_give(call, lb, l->shape.Port.v, l->shape.Protocol);
	elb_delete(call, &elb_listener_kind, elb_listener_name(call, l));
	/* Quotas that were raised far above AWS's let more stand than one call may take away. */
	if (call->batch.refused == BW_ETOOBIG)
		return bw_call_fail(call, "ResourceInUse",
		    "Listener '%.*s' has more rules than can be deleted in one call: delete rules first",
		    BW_FMT(elb_listener_arn(call, l)));
	return BW_OK;
}

BW_OP(elbv2, DeleteListener, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_load_balancer lb;
	struct elb_listener l;

	TRY(elb_listener_load(call, in->ListenerArn, &l));
	TRY(elb_owner_load(call, l.load_balancer, &lb));
	return elb_listener_remove(call, &lb, &l);
}
