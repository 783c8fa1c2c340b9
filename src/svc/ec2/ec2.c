#include "svc/ec2/ec2.h"

/* Codes as the EC2 API Reference lists them ("Error codes"): AWS itself spells ID and Id both ways. */
const struct ec2_kind ec2_vpc = {
    "vpc", "vpc", &bw_vpc_record, NULL, "InvalidVpcID.NotFound", "vpc ID", "ec2:VpcID"};
const struct ec2_kind ec2_subnet = {"subnet", "subnet", &bw_subnet_record, NULL,
    "InvalidSubnetID.NotFound", "subnet ID", "ec2:SubnetID"};
const struct ec2_kind ec2_group = {"sg", "security-group", &bw_security_group_record,
    "InvalidGroupId.Malformed", "InvalidGroup.NotFound", "security group", "ec2:SecurityGroupID"};
const struct ec2_kind ec2_rule = {"sgr", "security-group-rule", NULL, "InvalidSecurityGroupRuleId.Malformed",
    "InvalidSecurityGroupRuleId.NotFound", "security group rule ID", NULL};
const struct ec2_kind ec2_interface = {"eni", "network-interface", &bw_network_interface_record,
    "InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID.NotFound", "networkInterface ID",
    "ec2:NetworkInterfaceID"};
const struct ec2_kind ec2_gateway = {"igw", "internet-gateway", &bw_internet_gateway_record,
    "InvalidInternetGatewayId.Malformed", "InvalidInternetGatewayID.NotFound", "internetGateway ID",
    "ec2:InternetGatewayID"};
const struct ec2_kind ec2_prefix_list = {"pl", "prefix-list", &bw_prefix_list_record,
    "InvalidPrefixListId.Malformed", "InvalidPrefixListID.NotFound", "prefix list ID", NULL};
const struct ec2_kind ec2_route_table = {"rtb", "route-table", NULL, "InvalidRouteTableId.Malformed",
    "InvalidRouteTableID.NotFound", "routeTable ID", "ec2:RouteTableID"};
const struct ec2_kind ec2_network_acl = {"acl", "network-acl", NULL, "InvalidNetworkAclId.Malformed",
    "InvalidNetworkAclID.NotFound", "networkAcl ID", "ec2:NetworkAclID"};
const struct ec2_kind ec2_dhcp_options = {"dopt", "dhcp-options", NULL, "InvalidDhcpOptionsId.Malformed",
    "InvalidDhcpOptionID.NotFound", "dhcpOption ID", "ec2:DhcpOptionsID"};

static const struct ec2_kind *const kinds[] = {&ec2_vpc, &ec2_subnet, &ec2_group, &ec2_rule, &ec2_interface,
    &ec2_gateway, &ec2_prefix_list, &ec2_route_table, &ec2_network_acl, &ec2_dhcp_options};

const struct ec2_kind *ec2_kind_of(struct bw_str id)
{
	struct bw_str prefix = bw_str_cut(&id, '-');

	for (size_t i = 0; bw_str_set(id) && i < BW_COUNT(kinds); i++)
		if (bw_str_eq(prefix, bw_str_c(kinds[i]->prefix)))
			return kinds[i];
	return NULL;
}

static bool id_digits(struct bw_str digits)
{
	for (size_t i = 0; i < digits.n; i++)
		if (!((digits.p[i] >= '0' && digits.p[i] <= '9') ||
		        (digits.p[i] >= 'a' && digits.p[i] <= 'f')))
			return false;
	return digits.n == 8 || digits.n == 17;
}

enum bw_err ec2_id_check(struct bw_call *call, const struct ec2_kind *k, struct bw_str id)
{
	struct bw_str digits = id, prefix = bw_str_cut(&digits, '-');
	bool ours = bw_str_set(digits) && bw_str_eq(prefix, bw_str_c(k->prefix));

	if (!k->malformed)
		return ours && id_digits(digits) ? BW_OK : ec2_absent(call, k, id);
	if (!ours)
		return bw_call_fail(
		    call, k->malformed, "Invalid id: \"%.*s\" (expecting \"%s-...\")", BW_FMT(id), k->prefix);
	if (!id_digits(digits))
		return bw_call_fail(call, k->malformed, "Invalid id: \"%.*s\"", BW_FMT(id));
	return BW_OK;
}

enum bw_err ec2_absent(struct bw_call *call, const struct ec2_kind *k, struct bw_str id)
{
	return bw_call_fail(call, k->absent, "The %s '%.*s' does not exist", k->noun, BW_FMT(id));
}

enum bw_err ec2_load(struct bw_call *call, const struct ec2_kind *k, struct bw_str id, void *to)
{
	struct bw_network n = bw_network_of(call);
	enum bw_err e;

	TRY(ec2_id_check(call, k, id));
	e = bw_network_load(&n, k->record, id, to);
	return e == BW_ENOTFOUND ? ec2_absent(call, k, id) : e;
}

enum bw_err ec2_ids_alone(struct bw_call *call, const char *parameter, const void *ids, struct bw_opt_int max)
{
	if (((const struct bw_any_list *)ids)->n == 0 || !max.set)
		return BW_OK;
	return bw_call_fail(call, "InvalidParameterCombination",
	    "The parameter %s cannot be used with the parameter MaxResults", parameter);
}

/* ---- Parts of a VPC that stand in no record of their own ---- */

static bool vpc_has(const struct bw_vpc *v, struct bw_str id)
{
	return bw_str_eq(v->route_table, id) || bw_str_eq(v->network_acl, id) ||
	       bw_str_eq(v->dhcp_options, id);
}

static enum bw_err part_exists(struct bw_call *call, struct bw_str id)
{
	struct bw_network n = bw_network_of(call);
	struct bw_vpc *vpcs;
	size_t count;

	if (bw_str_eq(id, bw_network_dhcp_options(&n)))
		return BW_OK;
	TRY(bw_network_all(&n, &bw_vpc_record, &vpcs, &count));
	for (size_t i = 0; i < count; i++)
		if (vpc_has(&vpcs[i], id))
			return BW_OK;
	return BW_ENOTFOUND;
}

static enum bw_err rule_exists(struct bw_call *call, struct bw_str id)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group *groups;
	size_t count;

	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++) {
		struct bw_group_rule *rules;
		size_t rule_count;

		TRY(bw_group_rules(&n, &groups[i], &rules, &rule_count));
		for (size_t k = 0; k < rule_count; k++)
			if (bw_str_eq(rules[k].id, id))
				return BW_OK;
	}
	return BW_ENOTFOUND;
}

enum bw_err ec2_exists(struct bw_call *call, const struct ec2_kind *k, struct bw_str id)
{
	enum bw_err e;

	if (k->record)
		return ec2_load(call, k, id, bw_arena_alloc(call->arena, k->record->size));
	TRY(ec2_id_check(call, k, id));
	e = k == &ec2_rule ? rule_exists(call, id) : part_exists(call, id);
	return e == BW_ENOTFOUND ? ec2_absent(call, k, id) : e;
}

struct bw_str ec2_arn(struct bw_call *call, const struct ec2_kind *k, struct bw_str id)
{
	struct bw_network n = bw_network_of(call);

	return bw_network_arn(&n, k->type, id);
}

enum bw_err ec2_default_vpc(struct bw_call *call, struct bw_vpc *out)
{
	struct bw_network n = bw_network_of(call);
	struct bw_vpc *vpcs;
	size_t count;

	TRY(bw_network_all(&n, &bw_vpc_record, &vpcs, &count));
	for (size_t i = 0; i < count; i++)
		if (vpcs[i].is_default) {
			*out = vpcs[i];
			return BW_OK;
		}
	return bw_call_fail(call, "VPCIdNotSpecified", "%s", "No default VPC for this user");
}

/* ---- Dry runs ---- */

static bool asks_dry(const struct bw_call *call)
{
	const struct bw_member *dry = bw_member_find(bw_at(call->model->input), "DryRun");

	return dry && ((const struct bw_opt_bool *)((const char *)call->in + dry->offset))->v;
}

enum bw_err ec2_dry(struct bw_call *call)
{
	enum bw_err e;

	if (!asks_dry(call))
		return BW_OK;
	e = bw_call_fail(
	    call, "DryRunOperation", "%s", "Request would have succeeded, but DryRun flag is set.");
	call->error.status = 412; /* the models do not list the code */
	return e;
}
