/* Rules seen and changed one by one, by their ids. */
#include "svc/ec2/group.h"

#include "codec/sort.h"

/* ---- Describing ---- */

/* A rule with its group: what the list is made of. */
struct rule_item {
	struct bw_str id;
	struct bw_str group;
	const struct bw_security_group *g;
	const struct bw_group_rule *r;
};

static const struct ec2_filter_row rule_filters[] = {
    EC2_FILTER_STR("group-id", struct rule_item, group),
    EC2_FILTER_STR("security-group-rule-id", struct rule_item, id),
};
static const struct ec2_listing rule_listing = {
    &ec2_rule, sizeof(struct rule_item), rule_filters, BW_COUNT(rule_filters)};

static int by_id(const void *a, const void *b)
{
	return bw_str_cmp(((const struct rule_item *)a)->id, ((const struct rule_item *)b)->id);
}

static enum bw_err items_read(struct bw_call *call, struct rule_item **items, size_t *n)
{
	struct bw_network net = bw_network_of(call);
	struct bw_security_group *groups;
	size_t count, total = 0;

	*n = 0;
	TRY(bw_network_all(&net, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++)
		total += groups[i].rules.n;
	*items = BW_NEW_ARRAY(call->arena, struct rule_item, total);
	for (size_t i = 0; i < count; i++) {
		struct ec2_rules rules;

		TRY(bw_group_rules(&net, &groups[i], &rules.v, &rules.n));
		for (size_t k = 0; k < rules.n; k++)
			(*items)[(*n)++] =
			    (struct rule_item){rules.v[k].id, groups[i].id, &groups[i], &rules.v[k]};
	}
	if (*n)
		bw_sort(*items, *n, sizeof **items, by_id);
	return BW_OK;
}

/* Of a group's id a filter may be a pattern, but no other text. */
static enum bw_err group_ids_check(struct bw_call *call, const struct ec2_Filter *f)
{
	if (!bw_str_eq(f->Name, BW_STR("group-id")))
		return BW_OK;
	for (size_t i = 0; i < f->Values.n; i++) {
		struct bw_str id = f->Values.v[i];

		if (bw_str_find(id, '*', 0) < 0 && bw_str_find(id, '?', 0) < 0 && !bw_str_starts(id, BW_STR("sg-")))
			return bw_call_fail(call, "InvalidGroupId.Malformed",
			    "The security group ID '%.*s' is malformed", BW_FMT(id));
	}
	return BW_OK;
}

EC2_OP(DescribeSecurityGroupRules, .effect = BW_READ)
{
	struct rule_item *items;
	struct ec2_page page;
	size_t n;

	for (size_t i = 0; i < in->Filters.n; i++)
		TRY(group_ids_check(call, &in->Filters.v[i]));

	TRY(items_read(call, &items, &n));
	TRY(ec2_select(call, &rule_listing, items, n, &in->SecurityGroupRuleIds, &in->Filters, in->NextToken,
	    in->MaxResults, &page));
	out->SecurityGroupRules = (struct ec2_SecurityGroupRuleList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_SecurityGroupRule, page.n)};
	for (size_t i = 0; i < page.n; i++) {
		const struct rule_item *item = page.items[i];

		TRY(ec2_rule_shape(call, item->g, item->r, &out->SecurityGroupRules.v[i]));
	}
	out->NextToken = page.next_token;
	return BW_OK;
}

/* ---- Modifying ---- */

static enum bw_err modify_resource(struct bw_call *call)
{
	const struct ec2_ModifySecurityGroupRulesRequest *in = call->in;

	TRY(ec2_group_resource(call));
	for (size_t i = 0; i < in->SecurityGroupRules.n && i < EC2_RULES_MAX; i++) {
		const struct ec2_SecurityGroupRuleUpdate *u = &in->SecurityGroupRules.v[i];

		ec2_about(call, &ec2_rule, u->SecurityGroupRuleId, BW_STR_NONE);
		if (u->SecurityGroupRule)
			ec2_about(call, &ec2_prefix_list, u->SecurityGroupRule->PrefixListId, BW_STR_NONE);
	}
	return BW_OK;
}

static enum bw_err rule_modify(
    struct bw_call *call, struct ec2_group_edit *e, const struct ec2_SecurityGroupRuleUpdate *u)
{
	struct bw_group_rule *r, made;

	TRY(ec2_id_check(call, &ec2_rule, u->SecurityGroupRuleId));
	r = ec2_rule_by_id(&e->after, u->SecurityGroupRuleId);
	if (!r)
		return ec2_absent(call, &ec2_rule, u->SecurityGroupRuleId);
	if (!u->SecurityGroupRule)
		return bw_call_fail(call, "MissingParameter", "%s",
		    "The request must contain the parameter SecurityGroupRule");
	TRY(ec2_rule_parse(call, &e->group, r->egress, u->SecurityGroupRule, &made));
	/* AWS keeps the kind of peer: "you can't change a rule from one to another". */
	if (!r->cidr.n != !made.cidr.n || !r->group.n != !made.group.n)
		return bw_call_fail(call, "InvalidParameterValue",
		    "The source or destination type of the security group rule '%.*s' cannot be modified.",
		    BW_FMT(r->id));
	made.id = r->id;
	*r = made;
	return BW_OK;
}

static enum bw_err duplicates_check(struct bw_call *call, const struct ec2_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		for (size_t k = 0; k < i; k++)
			if (ec2_rule_same(&rules->v[i], &rules->v[k]))
				return ec2_rule_duplicate(call, &rules->v[i]);
	return BW_OK;
}

EC2_OP(ModifySecurityGroupRules, .effect = BW_WRITE, .resource = modify_resource)
{
	struct ec2_group_edit e;

	if (in->SecurityGroupRules.n > EC2_RULES_MAX)
		return bw_call_within(call, &ec2_rules_quota, SIZE_MAX >> 1);
	TRY(ec2_group_edit(call, in->GroupId, BW_STR_NONE, &e));
	for (size_t i = 0; i < in->SecurityGroupRules.n; i++)
		TRY(rule_modify(call, &e, &in->SecurityGroupRules.v[i]));
	TRY(duplicates_check(call, &e.after));
	out->Return = BW_BOOL(true);
	return ec2_group_commit(call, &e);
}

/* ---- Descriptions ---- */

static enum bw_err describe_by_id(struct bw_call *call, struct ec2_group_edit *e, bool egress,
    const struct ec2_SecurityGroupRuleDescriptionList *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct bw_group_rule *r;

		TRY(ec2_id_check(call, &ec2_rule, list->v[i].SecurityGroupRuleId));
		TRY(ec2_rule_description_check(call, list->v[i].Description));
		r = ec2_rule_by_id(&e->after, list->v[i].SecurityGroupRuleId);
		if (!r || r->egress != egress)
			return ec2_absent(call, &ec2_rule, list->v[i].SecurityGroupRuleId);
		r->description = list->v[i].Description;
	}
	return BW_OK;
}

static enum bw_err describe_by_permission(
    struct bw_call *call, struct ec2_group_edit *e, bool egress, const struct ec2_IpPermissionList *list)
{
	struct ec2_rules asked;

	TRY(ec2_rules_parse(call, &e->group, egress, list, EC2_RULE_FIND, &asked));
	for (size_t i = 0; i < asked.n; i++) {
		struct bw_group_rule *r = ec2_rule_find(&e->after, &asked.v[i]);

		if (!r)
			return bw_call_fail(call, "InvalidPermission.NotFound", "%s",
			    "The specified rule does not exist in this security group.");
		r->description = asked.v[i].description;
	}
	return BW_OK;
}

static enum bw_err descriptions_update(struct bw_call *call, struct bw_str id, struct bw_str name,
    bool egress, const struct ec2_IpPermissionList *permissions,
    const struct ec2_SecurityGroupRuleDescriptionList *list)
{
	struct ec2_group_edit e;

	if (!permissions->n == !list->n)
		return bw_call_fail(call, list->n ? "InvalidParameterCombination" : "MissingParameter", "%s",
		    "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.");
	TRY(ec2_group_edit(call, id, name, &e));
	TRY(list->n ? describe_by_id(call, &e, egress, list)
	            : describe_by_permission(call, &e, egress, permissions));
	return ec2_group_commit(call, &e);
}

EC2_OP(UpdateSecurityGroupRuleDescriptionsIngress, .effect = BW_WRITE, .resource = ec2_group_resource)
{
	out->Return = BW_BOOL(true);
	return descriptions_update(
	    call, in->GroupId, in->GroupName, false, &in->IpPermissions, &in->SecurityGroupRuleDescriptions);
}

EC2_OP(UpdateSecurityGroupRuleDescriptionsEgress, .effect = BW_WRITE, .resource = ec2_group_resource)
{
	out->Return = BW_BOOL(true);
	return descriptions_update(
	    call, in->GroupId, in->GroupName, true, &in->IpPermissions, &in->SecurityGroupRuleDescriptions);
}
