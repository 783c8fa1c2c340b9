#include "svc/ec2/group.h"

bool ec2_rule_same(const struct bw_group_rule *a, const struct bw_group_rule *b)
{
	return a->egress == b->egress && a->from_port == b->from_port && a->to_port == b->to_port &&
	       bw_str_eq(a->protocol, b->protocol) && bw_str_eq(a->cidr, b->cidr) &&
	       bw_str_eq(a->prefix_list, b->prefix_list) && bw_str_eq(a->group, b->group);
}

struct bw_group_rule *ec2_rule_find(const struct ec2_rules *rules, const struct bw_group_rule *like)
{
	for (size_t i = 0; i < rules->n; i++)
		if (ec2_rule_same(&rules->v[i], like))
			return &rules->v[i];
	return NULL;
}

struct bw_group_rule *ec2_rule_by_id(const struct ec2_rules *rules, struct bw_str id)
{
	for (size_t i = 0; i < rules->n; i++)
		if (bw_str_eq(rules->v[i].id, id))
			return &rules->v[i];
	return NULL;
}

static struct bw_str peer_of(const struct bw_group_rule *r)
{
	return r->group.n ? r->group : r->prefix_list.n ? r->prefix_list : r->cidr;
}

static struct bw_str number_or_all(struct bw_call *call, int64_t v)
{
	return v < 0 ? BW_STR("ALL") : bw_arena_printf(call->arena, "%lld", (long long)v);
}

static struct bw_str ports_text(struct bw_call *call, const struct bw_group_rule *r)
{
	if (bw_str_eq(r->protocol, BW_STR("-1")))
		return BW_STR("ALL");
	if (bw_str_eq(r->protocol, BW_STR("tcp")) || bw_str_eq(r->protocol, BW_STR("udp")))
		return bw_arena_printf(call->arena, "%s, from port: %lld, to port: %lld",
		    r->protocol.p[0] == 't' ? "TCP" : "UDP", (long long)r->from_port, (long long)r->to_port);
	if (bw_str_starts(r->protocol, BW_STR("icmp")))
		return bw_arena_printf(call->arena, "%s, type: %.*s, code: %.*s",
		    r->protocol.n == 4 ? "ICMP" : "ICMPv6", BW_FMT(number_or_all(call, r->from_port)),
		    BW_FMT(number_or_all(call, r->to_port)));
	return bw_arena_printf(call->arena, "protocol: %.*s", BW_FMT(r->protocol));
}

enum bw_err ec2_rule_duplicate(struct bw_call *call, const struct bw_group_rule *r)
{
	return bw_call_fail(call, "InvalidPermission.Duplicate",
	    "the specified rule \"peer: %.*s, %.*s, ALLOW\" already exists", BW_FMT(peer_of(r)),
	    BW_FMT(ports_text(call, r)));
}

/* ---- Shapes ---- */

static bool same_ports(const struct bw_group_rule *a, const struct ec2_IpPermission *b)
{
	return bw_str_eq(a->protocol, b->IpProtocol) &&
	       (!b->FromPort.set || (a->from_port == b->FromPort.v && a->to_port == b->ToPort.v));
}

/* Protocols that have no ports show none. */
static bool has_ports(const struct bw_group_rule *r)
{
	return bw_str_eq(r->protocol, BW_STR("tcp")) || bw_str_eq(r->protocol, BW_STR("udp")) ||
	       bw_str_starts(r->protocol, BW_STR("icmp"));
}

static struct ec2_IpPermission *permission_of(
    struct bw_call *call, struct ec2_IpPermissionList *list, const struct bw_group_rule *r, size_t rules)
{
	struct ec2_IpPermission *p = list->v;

	for (; p < list->v + list->n; p++)
		if (same_ports(r, p))
			return p;
	list->n++;
	*p = (struct ec2_IpPermission){
	    .IpProtocol = r->protocol,
	    .UserIdGroupPairs = {true, 0, BW_NEW_ARRAY(call->arena, struct ec2_UserIdGroupPair, rules)},
	    .IpRanges = {true, 0, BW_NEW_ARRAY(call->arena, struct ec2_IpRange, rules)},
	    .Ipv6Ranges = {true, 0, BW_NEW_ARRAY(call->arena, struct ec2_Ipv6Range, rules)},
	    .PrefixListIds = {true, 0, BW_NEW_ARRAY(call->arena, struct ec2_PrefixListId, rules)},
	};
	if (has_ports(r)) {
		p->FromPort = BW_INT(r->from_port);
		p->ToPort = BW_INT(r->to_port);
	}
	return p;
}

static void peer_add(struct bw_call *call, struct ec2_IpPermission *p, const struct bw_group_rule *r)
{
	if (r->group.n)
		p->UserIdGroupPairs.v[p->UserIdGroupPairs.n++] = (struct ec2_UserIdGroupPair){
		    .UserId = call->account, .GroupId = r->group, .Description = r->description};
	else if (r->prefix_list.n)
		p->PrefixListIds.v[p->PrefixListIds.n++] =
		    (struct ec2_PrefixListId){.PrefixListId = r->prefix_list, .Description = r->description};
	else if (bw_str_find(r->cidr, ':', 0) >= 0)
		p->Ipv6Ranges.v[p->Ipv6Ranges.n++] =
		    (struct ec2_Ipv6Range){.CidrIpv6 = r->cidr, .Description = r->description};
	else
		p->IpRanges.v[p->IpRanges.n++] =
		    (struct ec2_IpRange){.CidrIp = r->cidr, .Description = r->description};
}

/* How many rules have the ports of this one: the room that its permission needs. */
static size_t rules_like(const struct ec2_rules *rules, const struct bw_group_rule *r)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n; i++)
		n += rules->v[i].egress == r->egress && bw_str_eq(rules->v[i].protocol, r->protocol) &&
		     rules->v[i].from_port == r->from_port && rules->v[i].to_port == r->to_port;
	return n;
}

void ec2_permissions_shape(
    struct bw_call *call, const struct ec2_rules *rules, bool egress, struct ec2_IpPermissionList *out)
{
	*out = (struct ec2_IpPermissionList){
	    true, 0, BW_NEW_ARRAY(call->arena, struct ec2_IpPermission, rules->n)};
	for (size_t i = 0; i < rules->n; i++) {
		const struct bw_group_rule *r = &rules->v[i];

		if (r->egress == egress)
			peer_add(call, permission_of(call, out, r, rules_like(rules, r)), r);
	}
}

enum bw_err ec2_rule_shape(struct bw_call *call, const struct bw_security_group *g,
    const struct bw_group_rule *r, struct ec2_SecurityGroupRule *out)
{
	bool v6 = bw_str_find(r->cidr, ':', 0) >= 0;

	*out = (struct ec2_SecurityGroupRule){
	    .SecurityGroupRuleId = r->id,
	    .GroupId = g->id,
	    .GroupOwnerId = call->account,
	    .IsEgress = BW_BOOL(r->egress),
	    .IpProtocol = r->protocol,
	    .FromPort = BW_INT(r->from_port),
	    .ToPort = BW_INT(r->to_port),
	    .CidrIpv4 = v6 || !r->cidr.n ? BW_STR_NONE : r->cidr,
	    .CidrIpv6 = v6 ? r->cidr : BW_STR_NONE,
	    .PrefixListId = r->prefix_list.n ? r->prefix_list : BW_STR_NONE,
	    .Description = r->description.n ? r->description : BW_STR_NONE,
	    .SecurityGroupRuleArn = ec2_arn(call, &ec2_rule, r->id),
	};
	if (r->group.n) {
		out->ReferencedGroupInfo = BW_NEW(call->arena, struct ec2_ReferencedSecurityGroup);
		*out->ReferencedGroupInfo =
		    (struct ec2_ReferencedSecurityGroup){.GroupId = r->group, .UserId = call->account};
	}
	TRY(ec2_tags_shape(call, r->id, &out->Tags));
	out->Tags.set = true;
	return BW_OK;
}
