/* Rules from an input's permissions: protocols, ports and peers checked and put into one spelling. */
#include "svc/ec2/group.h"

#include "codec/cidr.h"

enum { TEXT_MAX = 255 };

static const struct protocol {
	const char *name, *number;
} protocols[] = {{"tcp", "6"}, {"udp", "17"}, {"icmp", "1"}, {"icmpv6", "58"}, {"-1", "all"}};

static enum bw_err protocol_parse(struct bw_call *call, struct bw_str given, struct bw_str *out)
{
	int64_t number;

	if (!given.n)
		return bw_call_fail(
		    call, "MissingParameter", "%s", "The request must contain the parameter ipProtocol");
	for (size_t i = 0; i < BW_COUNT(protocols); i++)
		if (bw_str_eq_nocase(given, bw_str_c(protocols[i].name)) ||
		    bw_str_eq_nocase(given, bw_str_c(protocols[i].number))) {
			*out = bw_str_c(protocols[i].name);
			return BW_OK;
		}
	if (bw_str_to_i64(given, 0, 255, &number) != BW_OK)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Invalid value '%.*s' for IP protocol. Unknown protocol.", BW_FMT(given));
	*out = bw_arena_printf(call->arena, "%lld", (long long)number);
	return BW_OK;
}

static enum bw_err port_wrong(struct bw_call *call, const char *what, int64_t value)
{
	return bw_call_fail(call, "InvalidParameterValue", "%s (%lld) out of range", what, (long long)value);
}

static enum bw_err ports_tcp(struct bw_call *call, struct bw_opt_int from, struct bw_opt_int to)
{
	if (!from.set || !to.set)
		return bw_call_fail(call, "InvalidParameterValue", "%s",
		    "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.");
	if (from.v < 0 || from.v > 65535)
		return port_wrong(call, "TCP/UDP port", from.v);
	if (to.v < 0 || to.v > 65535)
		return port_wrong(call, "TCP/UDP port", to.v);
	if (from.v > to.v)
		return bw_call_fail(call, "InvalidParameterValue", "Invalid TCP/UDP port range (%lld:%lld)",
		    (long long)from.v, (long long)to.v);
	return BW_OK;
}

/* The type in place of the first port, the code in place of the last. */
static enum bw_err ports_icmp(struct bw_call *call, struct bw_opt_int type, struct bw_opt_int code)
{
	if (!type.set || !code.set)
		return bw_call_fail(call, "InvalidParameterValue", "%s",
		    "Invalid value 'Must specify both from and to ports with ICMP.' for portRange.");
	if (type.v < -1 || type.v > 255)
		return port_wrong(call, "ICMP type", type.v);
	if (code.v < -1 || code.v > 255)
		return port_wrong(call, "ICMP code", code.v);
	if (type.v == -1 && code.v != -1)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Invalid ICMP code (%lld): all types (-1) have all codes (-1)", (long long)code.v);
	return BW_OK;
}

static enum bw_err ports_parse(
    struct bw_call *call, struct bw_group_rule *r, struct bw_opt_int from, struct bw_opt_int to)
{
	bool icmpv6 = bw_str_eq(r->protocol, BW_STR("icmpv6"));

	r->from_port = r->to_port = -1;
	if (bw_str_eq(r->protocol, BW_STR("tcp")) || bw_str_eq(r->protocol, BW_STR("udp")))
		TRY(ports_tcp(call, from, to));
	else if (bw_str_eq(r->protocol, BW_STR("icmp")) || (icmpv6 && (from.set || to.set)))
		TRY(ports_icmp(call, from, to));
	else
		return BW_OK; /* all ports, whatever was given */
	r->from_port = from.v;
	r->to_port = to.v;
	return BW_OK;
}

bool ec2_group_text(struct bw_str text)
{
	static const char permitted[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789. _-:/()#,@[]+=&;{}!$*";

	for (size_t i = 0; i < text.n; i++)
		if (!text.p[i] || !strchr(permitted, text.p[i]))
			return false;
	return text.n <= TEXT_MAX;
}

enum bw_err ec2_rule_description_check(struct bw_call *call, struct bw_str d)
{
	return ec2_group_text(d) ? BW_OK
	                         : bw_call_fail(call, "InvalidParameterValue", "%s",
	                               "Invalid rule description. Valid descriptions are strings less than 256 "
	                               "characters from the following set:  " EC2_GROUP_CHARACTERS);
}

/* ---- Peers ---- */

/* ::ffff:0:0/96 and what lies in it: nobody comes from there, and who writes it means the IPv4 addresses, which it would not match. */
static bool is_mapped(const struct bw_cidr *c)
{
	static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};

	return c->v6 && c->bits >= 96 && memcmp(c->bytes, prefix, sizeof prefix) == 0;
}

static enum bw_err cidr_parse(struct bw_call *call, struct bw_str given, bool v6, struct bw_str *out)
{
	struct bw_cidr c;

	if (bw_cidr_parse(given, &c) != BW_OK || c.v6 != v6 || is_mapped(&c))
		return bw_call_fail(
		    call, "InvalidParameterValue", "CIDR block %.*s is malformed", BW_FMT(given));
	(void)bw_cidr_mask(&c);
	*out = bw_cidr_text(call->arena, &c);
	return BW_OK;
}

static bool same_network(const struct bw_security_group *g, const struct bw_security_group *peer)
{
	return bw_str_eq(g->vpc, peer->vpc) || bw_strs_has(&peer->vpcs, g->vpc) ||
	       bw_strs_has(&g->vpcs, peer->vpc);
}

static enum bw_err peer_check(struct bw_call *call, const struct bw_security_group *g, struct bw_str id)
{
	struct bw_security_group peer;

	TRY(ec2_load(call, &ec2_group, id, &peer));
	if (!same_network(g, &peer))
		return bw_call_fail(call, "InvalidGroup.NotFound", "%s",
		    "You have specified two resources that belong to different networks.");
	return BW_OK;
}

static enum bw_err group_by_name(
    struct bw_call *call, const struct bw_security_group *g, struct bw_str name, struct bw_str *id)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group *groups;
	size_t count;

	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(groups[i].vpc, g->vpc) && bw_str_eq(groups[i].name, name)) {
			*id = groups[i].id;
			return BW_OK;
		}
	return ec2_absent(call, &ec2_group, name);
}

static enum bw_err pair_parse(struct bw_call *call, const struct bw_security_group *g,
    const struct ec2_UserIdGroupPair *pair, enum ec2_rule_use use, struct bw_str *id)
{
	*id = pair->GroupId;
	if (pair->VpcPeeringConnectionId.n)
		return bw_call_fail(call, "InvalidVpcPeeringConnectionID.NotFound",
		    "The vpcPeeringConnection ID '%.*s' does not exist",
		    BW_FMT(pair->VpcPeeringConnectionId));
	if (!id->n && !pair->GroupName.n)
		return bw_call_fail(call, "MissingParameter", "%s", "Source group ID missing.");
	if (!id->n)
		TRY(group_by_name(call, g, pair->GroupName, id));
	TRY(ec2_id_check(call, &ec2_group, *id));
	if (pair->UserId.n && !bw_str_eq(pair->UserId, call->account))
		return use == EC2_RULE_NEW ? ec2_absent(call, &ec2_group, *id) : BW_OK;
	return use == EC2_RULE_NEW ? peer_check(call, g, *id) : BW_OK;
}

static enum bw_err list_check(struct bw_call *call, struct bw_str id, enum ec2_rule_use use)
{
	struct bw_prefix_list list;

	return use == EC2_RULE_NEW ? ec2_load(call, &ec2_prefix_list, id, &list)
	                           : ec2_id_check(call, &ec2_prefix_list, id);
}

/* ---- Permissions ---- */

struct parsing {
	struct bw_call *call;
	const struct bw_security_group *g;
	struct ec2_rules *out;
	enum ec2_rule_use use;
};

/* A copy of the permission's rule with one of its peers. */
static enum bw_err rule_add(
    struct parsing *p, const struct bw_group_rule *of, struct bw_str description, struct bw_group_rule **out)
{
	struct bw_group_rule *r = &p->out->v[p->out->n++];

	*r = *of;
	r->description = description;
	*out = r;
	return ec2_rule_description_check(p->call, description);
}

static enum bw_err permission_parse(struct parsing *p, bool egress, const struct ec2_IpPermission *in)
{
	struct bw_group_rule r = {.egress = egress}, *to;
	struct bw_call *call = p->call;

	TRY(protocol_parse(call, in->IpProtocol, &r.protocol));
	TRY(ports_parse(call, &r, in->FromPort, in->ToPort));
	if (!in->UserIdGroupPairs.n && !in->IpRanges.n && !in->Ipv6Ranges.n && !in->PrefixListIds.n)
		return bw_call_fail(call, "MissingParameter", "%s",
		    "Missing source specification: include source security group or CIDR information");
	for (size_t i = 0; i < in->IpRanges.n; i++) {
		TRY(rule_add(p, &r, in->IpRanges.v[i].Description, &to));
		TRY(cidr_parse(call, in->IpRanges.v[i].CidrIp, false, &to->cidr));
	}
	for (size_t i = 0; i < in->Ipv6Ranges.n; i++) {
		TRY(rule_add(p, &r, in->Ipv6Ranges.v[i].Description, &to));
		TRY(cidr_parse(call, in->Ipv6Ranges.v[i].CidrIpv6, true, &to->cidr));
	}
	for (size_t i = 0; i < in->UserIdGroupPairs.n; i++) {
		TRY(rule_add(p, &r, in->UserIdGroupPairs.v[i].Description, &to));
		TRY(pair_parse(call, p->g, &in->UserIdGroupPairs.v[i], p->use, &to->group));
	}
	for (size_t i = 0; i < in->PrefixListIds.n; i++) {
		TRY(rule_add(p, &r, in->PrefixListIds.v[i].Description, &to));
		to->prefix_list = in->PrefixListIds.v[i].PrefixListId;
		TRY(list_check(call, to->prefix_list, p->use));
	}
	return BW_OK;
}

static size_t sources_count(const struct ec2_IpPermissionList *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->v[i].UserIdGroupPairs.n + list->v[i].IpRanges.n + list->v[i].Ipv6Ranges.n +
		     list->v[i].PrefixListIds.n;
	return n;
}

enum bw_err ec2_rules_parse(struct bw_call *call, const struct bw_security_group *g, bool egress,
    const struct ec2_IpPermissionList *permissions, enum ec2_rule_use use, struct ec2_rules *out)
{
	size_t n = sources_count(permissions);
	struct parsing p = {call, g, out, use};

	/* Each is compared with those before it, and no group holds more. */
	if (n > EC2_RULES_MAX)
		return bw_call_within(call, &ec2_rules_quota, SIZE_MAX >> 1);
	*out = (struct ec2_rules){BW_NEW_ARRAY(call->arena, struct bw_group_rule, n), 0};
	for (size_t i = 0; i < permissions->n; i++)
		TRY(permission_parse(&p, egress, &permissions->v[i]));
	for (size_t i = 0; i < out->n; i++)
		for (size_t k = 0; k < i; k++)
			if (ec2_rule_same(&out->v[i], &out->v[k]))
				return bw_call_fail(call, "InvalidParameterValue", "%s",
				    "The same permission must not appear multiple times");
	return BW_OK;
}

enum bw_err ec2_rule_parse(struct bw_call *call, const struct bw_security_group *g, bool egress,
    const struct ec2_SecurityGroupRuleRequest *in, struct bw_group_rule *out)
{
	int peers = (in->CidrIpv4.n > 0) + (in->CidrIpv6.n > 0) + (in->PrefixListId.n > 0) +
	            (in->ReferencedGroupId.n > 0);

	*out = (struct bw_group_rule){.egress = egress, .description = in->Description};
	TRY(protocol_parse(call, in->IpProtocol, &out->protocol));
	TRY(ports_parse(call, out, in->FromPort, in->ToPort));
	TRY(ec2_rule_description_check(call, in->Description));
	if (peers != 1)
		return bw_call_fail(call, "InvalidParameterCombination", "%s",
		    "You must specify exactly one of the following parameters, based on the rule type: "
		    "CidrIpv4, "
		    "CidrIpv6, PrefixListId, ReferencedGroupId");
	if (in->CidrIpv4.n)
		return cidr_parse(call, in->CidrIpv4, false, &out->cidr);
	if (in->CidrIpv6.n)
		return cidr_parse(call, in->CidrIpv6, true, &out->cidr);
	out->prefix_list = in->PrefixListId;
	out->group = in->ReferencedGroupId;
	return in->PrefixListId.n ? list_check(call, in->PrefixListId, EC2_RULE_NEW)
	                          : peer_check(call, g, in->ReferencedGroupId);
}
