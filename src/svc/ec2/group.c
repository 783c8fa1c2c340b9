#include "svc/ec2/group.h"

/* ---- Creating ---- */

static enum bw_err create_resource(struct bw_call *call)
{
	const struct ec2_CreateSecurityGroupRequest *in = call->in;
	struct bw_str vpc = in->VpcId;
	struct bw_vpc usual;

	if (!bw_str_set(vpc) && ec2_default_vpc(call, &usual) == BW_OK)
		vpc = usual.id;
	ec2_about(call, &ec2_vpc, vpc, BW_STR_NONE);
	ec2_about_new(call, &ec2_group, &in->TagSpecifications, vpc);
	return BW_OK;
}

/* `what`: "name" or "description" (EC2 API Reference, "CreateSecurityGroup": both have the same characters). */
static enum bw_err text_check(
    struct bw_call *call, const char *parameter, const char *what, struct bw_str text)
{
	if (!text.n)
		return bw_call_fail(
		    call, "MissingParameter", "The request must contain the parameter %s", parameter);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] > 0x7e)
			return bw_call_fail(call, "InvalidParameterValue",
			    "Value (%.*s) for parameter %s is invalid. Character sets beyond ASCII are not "
			    "supported.",
			    BW_FMT(text), parameter);
	if (!ec2_group_text(text))
		return bw_call_fail(call, "InvalidParameterValue",
		    "Invalid security group %s. Valid %ss are strings less than 256 characters from the following "
		    "set:  " EC2_GROUP_CHARACTERS,
		    what, what);
	return BW_OK;
}

static enum bw_err name_check(struct bw_call *call, struct bw_str name)
{
	TRY(text_check(call, "GroupName", "name", name));
	if (bw_str_starts_nocase(name, BW_STR("sg-")))
		return bw_call_fail(call, "InvalidParameterValue",
		    "Value (%.*s) for parameter GroupName is invalid. Group names may not be in the format "
		    "sg-*.",
		    BW_FMT(name));
	if (bw_str_eq(name, BW_STR("default")))
		return bw_call_fail(
		    call, "InvalidParameterValue", "%s", "Cannot use reserved security group name: default");
	return BW_OK;
}

/* "Names are case-insensitive and must be unique within the VPC." */
static enum bw_err name_free(struct bw_call *call, struct bw_str vpc, struct bw_str name)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group *groups;
	size_t count;

	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(groups[i].vpc, vpc) && bw_str_eq_nocase(groups[i].name, name))
			return bw_call_fail(call, "InvalidGroup.Duplicate",
			    "The security group '%.*s' already exists for VPC '%.*s'", BW_FMT(name),
			    BW_FMT(vpc));
	return bw_call_within(call, &ec2_groups_quota, count + 1);
}

static enum bw_err vpc_choose(struct bw_call *call, struct bw_str id, struct bw_vpc *out)
{
	return bw_str_set(id) ? ec2_load(call, &ec2_vpc, id, out) : ec2_default_vpc(call, out);
}

EC2_OP(CreateSecurityGroup, .effect = BW_WRITE, .resource = create_resource)
{
	struct bw_security_group g = {
	    .name = in->GroupName, .description = in->Description, .created_ms = call->now_ms};
	struct bw_group_rule out_all = {.egress = true,
	    .protocol = BW_STR("-1"),
	    .from_port = -1,
	    .to_port = -1,
	    .cidr = BW_STR("0.0.0.0/0")};
	struct bw_vpc vpc;

	while (g.name.n && g.name.p[g.name.n - 1] == ' ')
		g.name.n--;
	TRY(name_check(call, g.name));
	TRY(text_check(call, "GroupDescription", "description", g.description));
	TRY(vpc_choose(call, in->VpcId, &vpc));
	TRY(name_free(call, vpc.id, g.name));
	g.vpc = vpc.id;
	g.id = bw_network_id(call->arena, "sg");
	out_all.id = bw_network_id(call->arena, "sgr");
	bw_group_rules_set(call, &g, &out_all, 1);
	bw_network_save(call, &bw_security_group_record, &g);
	out->GroupId = g.id;
	out->SecurityGroupArn = ec2_arn(call, &ec2_group, g.id);
	return ec2_tags_new(call, &ec2_group, g.id, &in->TagSpecifications, &out->Tags);
}

/* ---- Deleting ---- */

static enum bw_err unused_check(struct bw_call *call, const struct bw_security_group *g)
{
	struct bw_network n = bw_network_of(call);

	if (bw_call_count_under(call, bw_network_index(&n, "member", g->id, BW_STR_NONE), SIZE_MAX) ||
	    bw_call_count_under(call, bw_network_index(&n, "reference", g->id, BW_STR_NONE), SIZE_MAX) ||
	    g->vpcs.n)
		return bw_call_fail(
		    call, "DependencyViolation", "resource %.*s has a dependent object", BW_FMT(g->id));
	return BW_OK;
}

EC2_OP(DeleteSecurityGroup, .effect = BW_WRITE, .resource = ec2_group_resource)
{
	struct ec2_group_edit e;

	TRY(ec2_group_edit(call, in->GroupId, in->GroupName, &e));
	if (bw_str_eq(e.group.name, BW_STR("default")))
		return bw_call_fail(call, "CannotDelete",
		    "the specified group: \"%.*s\" name: \"default\" cannot be deleted by a user",
		    BW_FMT(e.group.id));
	TRY(unused_check(call, &e.group));
	e.after.n = 0;
	TRY(ec2_group_commit(call, &e));
	bw_network_delete(call, &bw_security_group_record, e.group.id);
	out->Return = BW_BOOL(true);
	out->GroupId = e.group.id;
	return BW_OK;
}

/* ---- Describing ---- */

enum fact { CIDR4, CIDR6, FROM, TO, GROUP, GROUP_NAME, PREFIX_LIST, PROTOCOL, USER };

static void fact_of_rule(struct ec2_facts *f, const struct bw_group_rule *r, enum fact what)
{
	struct bw_network n = bw_network_of(f->call);
	bool v6 = bw_str_find(r->cidr, ':', 0) >= 0;
	struct bw_security_group peer;

	switch (what) {
	case CIDR4:
	case CIDR6:
		ec2_fact(f, v6 == (what == CIDR6) ? r->cidr : BW_STR_NONE);
		return;
	case FROM:
	case TO:
		ec2_fact_int(f, what == FROM ? r->from_port : r->to_port);
		return;
	case GROUP:
		ec2_fact(f, r->group);
		return;
	case GROUP_NAME:
		if (r->group.n && bw_network_load(&n, &bw_security_group_record, r->group, &peer) == BW_OK)
			ec2_fact(f, peer.name);
		return;
	case PREFIX_LIST:
		ec2_fact(f, r->prefix_list);
		return;
	case PROTOCOL:
		ec2_fact(f, r->protocol);
		return;
	case USER:
		ec2_fact(f, r->group.n ? f->call->account : BW_STR_NONE);
		return;
	}
}

static void rules_facts(struct ec2_facts *f, const void *item, bool egress, enum fact what)
{
	struct bw_network n = bw_network_of(f->call);
	struct ec2_rules rules;

	if (bw_group_rules(&n, item, &rules.v, &rules.n) != BW_OK)
		return;
	for (size_t i = 0; i < rules.n; i++)
		if (rules.v[i].egress == egress)
			fact_of_rule(f, &rules.v[i], what);
}

#define RULE_FACT(WHAT)                                                                                      \
	static void in_##WHAT(struct ec2_facts *f, const void *item)                                         \
	{                                                                                                    \
		rules_facts(f, item, false, WHAT);                                                           \
	}                                                                                                    \
	static void out_##WHAT(struct ec2_facts *f, const void *item)                                        \
	{                                                                                                    \
		rules_facts(f, item, true, WHAT);                                                            \
	}
RULE_FACT(CIDR4)
RULE_FACT(CIDR6)
RULE_FACT(FROM)
RULE_FACT(TO)
RULE_FACT(GROUP)
RULE_FACT(GROUP_NAME)
RULE_FACT(PREFIX_LIST)
RULE_FACT(PROTOCOL)
RULE_FACT(USER)
#define RULE_FILTER(name, WHAT)                                                                              \
	EC2_FILTER_OF("ip-permission." name, in_##WHAT),                                                     \
	    EC2_FILTER_OF("egress.ip-permission." name, out_##WHAT)

static const struct ec2_filter_row group_filters[] = {
    EC2_FILTER_STR("description", struct bw_security_group, description),
    EC2_FILTER_STR("group-id", struct bw_security_group, id),
    EC2_FILTER_STR("group-name", struct bw_security_group, name),
    RULE_FILTER("cidr", CIDR4),
    RULE_FILTER("ipv6-cidr", CIDR6),
    RULE_FILTER("from-port", FROM),
    RULE_FILTER("to-port", TO),
    RULE_FILTER("group-id", GROUP),
    RULE_FILTER("group-name", GROUP_NAME),
    RULE_FILTER("prefix-list-id", PREFIX_LIST),
    RULE_FILTER("protocol", PROTOCOL),
    RULE_FILTER("user-id", USER),
    EC2_FILTER_OWNER("owner-id"),
    EC2_FILTER_STR("vpc-id", struct bw_security_group, vpc),
};
static const struct ec2_listing group_listing = {
    &ec2_group, sizeof(struct bw_security_group), group_filters, BW_COUNT(group_filters)};

static enum bw_err group_shape(
    struct bw_call *call, const struct bw_security_group *g, struct ec2_SecurityGroup *out)
{
	struct bw_network n = bw_network_of(call);
	struct ec2_rules rules;

	TRY(bw_group_rules(&n, g, &rules.v, &rules.n));
	*out = (struct ec2_SecurityGroup){
	    .GroupId = g->id,
	    .VpcId = g->vpc,
	    .SecurityGroupArn = ec2_arn(call, &ec2_group, g->id),
	    .OwnerId = call->account,
	    .GroupName = g->name,
	    .Description = g->description,
	};
	ec2_permissions_shape(call, &rules, false, &out->IpPermissions);
	ec2_permissions_shape(call, &rules, true, &out->IpPermissionsEgress);
	return ec2_tags_shape(call, g->id, &out->Tags);
}

/* Names are those of the default VPC. */
static enum bw_err names_to_ids(
    struct bw_call *call, const struct ec2_DescribeSecurityGroupsRequest *in, struct bw_strs *ids)
{
	*ids =
	    (struct bw_strs){0, BW_NEW_ARRAY(call->arena, struct bw_str, in->GroupIds.n + in->GroupNames.n)};
	for (size_t i = 0; i < in->GroupIds.n; i++)
		ids->v[ids->n++] = in->GroupIds.v[i];
	for (size_t i = 0; i < in->GroupNames.n; i++) {
		struct bw_security_group g;

		TRY(ec2_group_find(call, BW_STR_NONE, in->GroupNames.v[i], &g));
		ids->v[ids->n++] = g.id;
	}
	return BW_OK;
}

EC2_OP(DescribeSecurityGroups, .effect = BW_READ)
{
	struct ec2_page page;
	struct bw_strs ids;
	struct bw_any_list named;

	TRY(names_to_ids(call, in, &ids));
	named = (struct bw_any_list){true, ids.n, ids.v};
	TRY(ec2_select_stored(
	    call, &group_listing, &named, &in->Filters, in->NextToken, in->MaxResults, &page));
	out->SecurityGroups = (struct ec2_SecurityGroupList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_SecurityGroup, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(group_shape(call, page.items[i], &out->SecurityGroups.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}
