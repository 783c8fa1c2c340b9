/* Rules added to a group, and taken from it. */
#include "svc/ec2/group.h"

/* The older form of the input: one rule spelled out beside the list. */
struct single {
	struct bw_str protocol, cidr, group_name, group_owner;
	struct bw_opt_int from, to;
};

static bool single_given(const struct single *s)
{
	return s->protocol.n || s->cidr.n || s->group_name.n;
}

/* The permissions of the input, whichever form they have. */
static enum bw_err permissions_of(struct bw_call *call, const struct ec2_IpPermissionList *list,
    const struct single *s, struct ec2_IpPermissionList *out)
{
	struct ec2_IpPermission *p;

	*out = *list;
	if (!single_given(s))
		return BW_OK;
	if (list->n)
		return bw_call_fail(call, "InvalidParameterCombination", "%s",
		    "The parameter 'ipPermissions' may not be used in combination with 'ipProtocol'");
	p = BW_NEW(call->arena, struct ec2_IpPermission);
	*p = (struct ec2_IpPermission){.IpProtocol = s->protocol, .FromPort = s->from, .ToPort = s->to};
	if (s->group_name.n && !s->cidr.n && !s->protocol.n)
		p->IpProtocol = BW_STR("-1");
	if (s->cidr.n) {
		p->IpRanges = (struct ec2_IpRangeList){true, 1, BW_NEW(call->arena, struct ec2_IpRange)};
		p->IpRanges.v->CidrIp = s->cidr;
	}
	if (s->group_name.n) {
		p->UserIdGroupPairs = (struct ec2_UserIdGroupPairList){
		    true, 1, BW_NEW(call->arena, struct ec2_UserIdGroupPair)};
		*p->UserIdGroupPairs.v =
		    (struct ec2_UserIdGroupPair){.GroupName = s->group_name, .UserId = s->group_owner};
	}
	*out = (struct ec2_IpPermissionList){true, 1, p};
	return BW_OK;
}

/* ---- Authorizing ---- */

static enum bw_err authorize_resource(struct bw_call *call, const struct ec2_TagSpecificationList *specs)
{
	TRY(ec2_group_resource(call));
	ec2_about_new(call, &ec2_rule, specs, BW_STR_NONE);
	return BW_OK;
}

static enum bw_err ingress_resource(struct bw_call *call)
{
	return authorize_resource(
	    call, &((const struct ec2_AuthorizeSecurityGroupIngressRequest *)call->in)->TagSpecifications);
}

static enum bw_err egress_resource(struct bw_call *call)
{
	return authorize_resource(
	    call, &((const struct ec2_AuthorizeSecurityGroupEgressRequest *)call->in)->TagSpecifications);
}

static enum bw_err rules_add(struct bw_call *call, struct ec2_group_edit *e, const struct ec2_rules *more)
{
	struct bw_group_rule *all = BW_NEW_ARRAY(call->arena, struct bw_group_rule, e->before.n + more->n);

	if (e->before.n)
		memcpy(all, e->before.v, e->before.n * sizeof *all);
	for (size_t i = 0; i < more->n; i++) {
		if (ec2_rule_find(&e->before, &more->v[i]))
			return ec2_rule_duplicate(call, &more->v[i]);
		more->v[i].id = bw_network_id(call->arena, "sgr");
		all[e->before.n + i] = more->v[i];
	}
	e->after = (struct ec2_rules){all, e->before.n + more->n};
	return ec2_group_commit(call, e);
}

static enum bw_err rules_shape(struct bw_call *call, const struct ec2_group_edit *e,
    const struct ec2_rules *rules, const struct ec2_TagSpecificationList *specs,
    struct ec2_SecurityGroupRuleList *out)
{
	*out = (struct ec2_SecurityGroupRuleList){
	    true, rules->n, BW_NEW_ARRAY(call->arena, struct ec2_SecurityGroupRule, rules->n)};
	for (size_t i = 0; i < rules->n; i++) {
		TRY(ec2_rule_shape(call, &e->group, &rules->v[i], &out->v[i]));
		TRY(ec2_tags_new(call, &ec2_rule, rules->v[i].id, specs, &out->v[i].Tags));
		out->v[i].Tags.set = true;
	}
	return BW_OK;
}

static enum bw_err authorize(struct bw_call *call, struct bw_str id, struct bw_str name, bool egress,
    const struct ec2_IpPermissionList *list, const struct single *single,
    const struct ec2_TagSpecificationList *specs, struct ec2_SecurityGroupRuleList *out)
{
	struct ec2_IpPermissionList permissions;
	struct ec2_group_edit e;
	struct ec2_rules rules;

	TRY(permissions_of(call, list, single, &permissions));
	if (!permissions.n)
		return bw_call_fail(
		    call, "MissingParameter", "%s", "The request must contain the parameter ipPermissions");
	TRY(ec2_group_edit(call, id, name, &e));
	TRY(ec2_rules_parse(call, &e.group, egress, &permissions, EC2_RULE_NEW, &rules));
	TRY(rules_add(call, &e, &rules));
	return rules_shape(call, &e, &rules, specs, out);
}

EC2_OP(AuthorizeSecurityGroupIngress, .effect = BW_WRITE, .resource = ingress_resource)
{
	struct single s = {in->IpProtocol, in->CidrIp, in->SourceSecurityGroupName,
	    in->SourceSecurityGroupOwnerId, in->FromPort, in->ToPort};

	out->Return = BW_BOOL(true);
	return authorize(call, in->GroupId, in->GroupName, false, &in->IpPermissions, &s,
	    &in->TagSpecifications, &out->SecurityGroupRules);
}

EC2_OP(AuthorizeSecurityGroupEgress, .effect = BW_WRITE, .resource = egress_resource)
{
	struct single s = {in->IpProtocol, in->CidrIp, in->SourceSecurityGroupName,
	    in->SourceSecurityGroupOwnerId, in->FromPort, in->ToPort};

	out->Return = BW_BOOL(true);
	return authorize(call, in->GroupId, BW_STR_NONE, true, &in->IpPermissions, &s, &in->TagSpecifications,
	    &out->SecurityGroupRules);
}

/* ---- Revoking ---- */

struct revoking {
	struct bw_call *call;
	struct ec2_group_edit e;
	bool egress;
	struct ec2_rules gone, unknown;
};

static void rule_revoke(struct revoking *r, const struct bw_group_rule *rule)
{
	size_t at = (size_t)(rule - r->e.after.v);

	r->gone.v[r->gone.n++] = *rule;
	memmove(r->e.after.v + at, r->e.after.v + at + 1, (r->e.after.n - at - 1) * sizeof *rule);
	r->e.after.n--;
}

static enum bw_err revoke_ids(struct revoking *r, const struct ec2_SecurityGroupRuleIdList *ids)
{
	for (size_t i = 0; i < ids->n; i++) {
		const struct bw_group_rule *rule;

		TRY(ec2_id_check(r->call, &ec2_rule, ids->v[i]));
		rule = ec2_rule_by_id(&r->e.after, ids->v[i]);
		if (!rule || rule->egress != r->egress)
			return ec2_absent(r->call, &ec2_rule, ids->v[i]);
		rule_revoke(r, rule);
	}
	return BW_OK;
}

/* In the default VPC a rule that is not there is told in the answer, elsewhere it is an error (EC2 API
 * Reference, "RevokeSecurityGroupIngress"). */
static enum bw_err unknown_take(struct revoking *r, const struct bw_group_rule *rule)
{
	struct bw_network n = bw_network_of(r->call);
	struct bw_vpc vpc;

	TRY(bw_network_load(&n, &bw_vpc_record, r->e.group.vpc, &vpc));
	if (!vpc.is_default)
		return bw_call_fail(r->call, "InvalidPermission.NotFound", "%s",
		    "The specified rule does not exist in this security group.");
	r->unknown.v[r->unknown.n++] = *rule;
	return BW_OK;
}

static enum bw_err revoke_permissions(struct revoking *r, const struct ec2_IpPermissionList *permissions)
{
	struct ec2_rules asked;

	TRY(ec2_rules_parse(r->call, &r->e.group, r->egress, permissions, EC2_RULE_FIND, &asked));
	r->unknown.v = BW_NEW_ARRAY(r->call->arena, struct bw_group_rule, asked.n);
	for (size_t i = 0; i < asked.n; i++) {
		const struct bw_group_rule *rule = ec2_rule_find(&r->e.after, &asked.v[i]);

		if (rule)
			rule_revoke(r, rule);
		else
			TRY(unknown_take(r, &asked.v[i]));
	}
	return BW_OK;
}

static void revoked_shape(
    struct bw_call *call, const struct revoking *r, struct ec2_RevokedSecurityGroupRuleList *out)
{
	*out = (struct ec2_RevokedSecurityGroupRuleList){r->gone.n > 0, r->gone.n,
	    BW_NEW_ARRAY(call->arena, struct ec2_RevokedSecurityGroupRule, r->gone.n)};
	for (size_t i = 0; i < r->gone.n; i++) {
		const struct bw_group_rule *g = &r->gone.v[i];
		bool v6 = bw_str_find(g->cidr, ':', 0) >= 0;

		out->v[i] = (struct ec2_RevokedSecurityGroupRule){.SecurityGroupRuleId = g->id,
		    .GroupId = r->e.group.id,
		    .IsEgress = BW_BOOL(g->egress),
		    .IpProtocol = g->protocol,
		    .FromPort = BW_INT(g->from_port),
		    .ToPort = BW_INT(g->to_port),
		    .CidrIpv4 = v6 || !g->cidr.n ? BW_STR_NONE : g->cidr,
		    .CidrIpv6 = v6 ? g->cidr : BW_STR_NONE,
		    .PrefixListId = g->prefix_list.n ? g->prefix_list : BW_STR_NONE,
		    .ReferencedGroupId = g->group.n ? g->group : BW_STR_NONE,
		    .Description = g->description.n ? g->description : BW_STR_NONE};
	}
}

static enum bw_err revoke(struct revoking *r, struct bw_str id, struct bw_str name,
    const struct ec2_IpPermissionList *list, const struct single *single,
    const struct ec2_SecurityGroupRuleIdList *ids)
{
	struct bw_call *call = r->call;
	struct ec2_IpPermissionList permissions;

	TRY(permissions_of(call, list, single, &permissions));
	if (!permissions.n == !ids->n)
		return bw_call_fail(call, permissions.n ? "InvalidParameterCombination" : "MissingParameter",
		    "%s", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
	TRY(ec2_group_edit(call, id, name, &r->e));
	r->gone.v = BW_NEW_ARRAY(call->arena, struct bw_group_rule, r->e.before.n);
	TRY(ids->n ? revoke_ids(r, ids) : revoke_permissions(r, &permissions));
	return r->gone.n ? ec2_group_commit(call, &r->e) : BW_OK;
}

EC2_OP(RevokeSecurityGroupIngress, .effect = BW_WRITE, .resource = ec2_group_resource)
{
	struct revoking r = {.call = call};
	struct single s = {in->IpProtocol, in->CidrIp, in->SourceSecurityGroupName,
	    in->SourceSecurityGroupOwnerId, in->FromPort, in->ToPort};

	TRY(revoke(&r, in->GroupId, in->GroupName, &in->IpPermissions, &s, &in->SecurityGroupRuleIds));
	out->Return = BW_BOOL(true);
	if (r.unknown.n)
		ec2_permissions_shape(call, &r.unknown, false, &out->UnknownIpPermissions);
	revoked_shape(call, &r, &out->RevokedSecurityGroupRules);
	return BW_OK;
}

EC2_OP(RevokeSecurityGroupEgress, .effect = BW_WRITE, .resource = ec2_group_resource)
{
	struct revoking r = {.call = call, .egress = true};
	struct single s = {in->IpProtocol, in->CidrIp, in->SourceSecurityGroupName,
	    in->SourceSecurityGroupOwnerId, in->FromPort, in->ToPort};

	TRY(revoke(&r, in->GroupId, BW_STR_NONE, &in->IpPermissions, &s, &in->SecurityGroupRuleIds));
	out->Return = BW_BOOL(true);
	if (r.unknown.n)
		ec2_permissions_shape(call, &r.unknown, true, &out->UnknownIpPermissions);
	revoked_shape(call, &r, &out->RevokedSecurityGroupRules);
	return BW_OK;
}
