#include "svc/ec2/group.h"
#include "svc/ec2/ipv6.h"

#include "codec/cidr.h"

/* ---- Creating ---- */

static enum bw_err create_resource(struct bw_call *call)
{
	ec2_about_new(
	    call, &ec2_vpc, &((const struct ec2_CreateVpcRequest *)call->in)->TagSpecifications, BW_STR_NONE);
	return BW_OK;
}

/* A network between /16 and /28, as AWS writes it. */
static enum bw_err network_parse(struct bw_call *call, struct bw_str given, struct bw_str *out)
{
	struct bw_cidr c;

	if (bw_cidr_parse(given, &c) != BW_OK || c.v6)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Value (%.*s) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
		    BW_FMT(given));
	if (c.bits < 16 || c.bits > 28)
		return bw_call_fail(call, "InvalidVpc.Range", "The CIDR '%.*s' is invalid.", BW_FMT(given));
	(void)bw_cidr_mask(&c);
	*out = bw_cidr_text(call->arena, &c);
	return BW_OK;
}

/* What hangs on address pools is not here: said rather than ignored. */
static enum bw_err pools_refuse(struct bw_call *call, const struct ec2_CreateVpcRequest *in)
{
	struct bw_str pool = in->Ipv4IpamPoolId.n ? in->Ipv4IpamPoolId : in->Ipv6IpamPoolId;

	if (pool.n)
		return bw_call_fail(call, "InvalidIpamPoolId.NotFound",
		    "The ipam-pool ID '%.*s' does not exist", BW_FMT(pool));
	if (in->Ipv6CidrBlock.n || in->Ipv6Pool.n)
		return bw_call_fail(call, "UnsupportedOperation", "%s",
		    "IPv6 CIDR blocks of address pools of one's own are not supported.");
	if (in->Ipv6CidrBlockNetworkBorderGroup.n && !bw_str_eq(in->Ipv6CidrBlockNetworkBorderGroup, call->region))
		return bw_call_fail(call, "InvalidParameterValue",
		    "Value (%.*s) for parameter ipv6CidrBlockNetworkBorderGroup is invalid.",
		    BW_FMT(in->Ipv6CidrBlockNetworkBorderGroup));
	return BW_OK;
}

static void vpc_fill(struct bw_call *call, struct bw_vpc *v)
{
	struct bw_network n = bw_network_of(call);
	struct bw_arena *a = call->arena;

	v->id = bw_network_id(a, "vpc");
	v->created_ms = call->now_ms;
	v->dns_support = true;
	v->cidr_association = bw_network_id(a, "vpc-cidr-assoc");
	v->dhcp_options = bw_network_dhcp_options(&n);
	v->route_table = bw_network_id(a, "rtb");
	v->route_association = bw_network_id(a, "rtbassoc");
	v->network_acl = bw_network_id(a, "acl");
	v->group = bw_network_id(a, "sg");
}

static enum bw_err vpc_save_new(struct bw_call *call, struct bw_vpc *v)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group g;
	struct bw_vpc *vpcs;
	size_t count;

	TRY(bw_network_all(&n, &bw_vpc_record, &vpcs, &count));
	TRY(bw_call_within(call, &ec2_vpcs_quota, count + 1));
	vpc_fill(call, v);
	g = bw_network_default_group(call->arena, v->id, v->group, bw_network_id(call->arena, "sgr"),
	    bw_network_id(call->arena, "sgr"));
	g.created_ms = call->now_ms;
	bw_network_save(call, &bw_vpc_record, v);
	bw_network_save(call, &bw_security_group_record, &g);
	return BW_OK;
}

/* What is made is pending in the answer, and there when it is next asked for. */
static enum bw_err new_shape(struct bw_call *call, const struct bw_vpc *v, struct ec2_Vpc *out)
{
	TRY(ec2_vpc_shape(call, v, out));
	out->State = BW_STR("pending");
	for (size_t i = 0; i < out->Ipv6CidrBlockAssociationSet.n; i++) {
		out->Ipv6CidrBlockAssociationSet.v[i].Ipv6CidrBlock = BW_STR("");
		out->Ipv6CidrBlockAssociationSet.v[i].Ipv6CidrBlockState->State = BW_STR("associating");
	}
	return BW_OK;
}

EC2_OP(CreateVpc, .effect = BW_WRITE, .resource = create_resource)
{
	struct bw_vpc v = {.tenancy = in->InstanceTenancy.n ? in->InstanceTenancy : BW_STR("default")};

	TRY(pools_refuse(call, in));
	if (!bw_str_set(in->CidrBlock))
		return bw_call_fail(call, "MissingParameter", "%s",
		    "Either 'cidrBlock' or 'ipv4IpamPoolId' must be provided.");
	TRY(network_parse(call, in->CidrBlock, &v.cidr));
	if (bw_str_eq(v.tenancy, BW_STR("host")))
		return bw_call_fail(
		    call, "InvalidParameterValue", "%s", "Invalid value 'host' for instanceTenancy.");
	if (in->AmazonProvidedIpv6CidrBlock.v)
		TRY(ec2_ipv6_vpc(call, &v));
	TRY(vpc_save_new(call, &v));
	out->Vpc = BW_NEW(call->arena, struct ec2_Vpc);
	TRY(new_shape(call, &v, out->Vpc));
	return ec2_tags_new(call, &ec2_vpc, v.id, &in->TagSpecifications, &out->Vpc->Tags);
}

/* ---- A default VPC again, after the first was deleted ---- */

static enum bw_err none_default(struct bw_call *call)
{
	struct bw_network n = bw_network_of(call);
	struct bw_vpc *vpcs;
	size_t count;

	TRY(bw_network_all(&n, &bw_vpc_record, &vpcs, &count));
	for (size_t i = 0; i < count; i++)
		if (vpcs[i].is_default)
			return bw_call_fail(call, "DefaultVpcAlreadyExists", "%s",
			    "A Default VPC already exists for this account in this region.");
	return BW_OK;
}

EC2_OP(CreateDefaultVpc, .effect = BW_WRITE)
{
	struct bw_vpc v = {.cidr = BW_STR("172.31.0.0/16"), .tenancy = BW_STR("default"), .is_default = true};
	struct bw_internet_gateway g = {.id = bw_network_id(call->arena, "igw")};
	struct bw_network n = bw_network_of(call);
	struct bw_zone *zones;
	size_t count = bw_network_zones(&n, &zones);

	TRY(none_default(call));
	v.dns_hostnames = true;
	TRY(vpc_save_new(call, &v));
	g.vpc = v.id;
	bw_network_save(call, &bw_internet_gateway_record, &g);
	for (size_t i = 0; i < count; i++) {
		struct bw_subnet s = {.id = bw_network_id(call->arena, "subnet"),
		    .vpc = v.id,
		    .cidr = bw_arena_printf(call->arena, "172.31.%zu.0/20", i * 16),
		    .zone = zones[i].name,
		    .zone_id = zones[i].id,
		    .default_for_zone = true,
		    .public_addresses = true,
		    .acl_association = bw_network_id(call->arena, "aclassoc"),
		    .hostname_type = BW_STR("ip-name"),
		    .created_ms = call->now_ms};

		bw_network_save(call, &bw_subnet_record, &s);
	}
	out->Vpc = BW_NEW(call->arena, struct ec2_Vpc);
	return new_shape(call, &v, out->Vpc);
}

/* ---- Deleting ---- */

static enum bw_err vpc_resource(struct bw_call *call)
{
	ec2_about(call, &ec2_vpc, bw_call_input(call, "VpcId"), BW_STR_NONE);
	return BW_OK;
}

/* Where other kinds' records name their VPC. */
static const struct {
	const struct bw_record *record;
	size_t vpc;
} dependants[] = {
    {&bw_subnet_record, offsetof(struct bw_subnet, vpc)},
    {&bw_internet_gateway_record, offsetof(struct bw_internet_gateway, vpc)},
    {&bw_network_interface_record, offsetof(struct bw_network_interface, vpc)},
};

static enum bw_err in_use(struct bw_call *call, const struct bw_vpc *v)
{
	return bw_call_fail(call, "DependencyViolation",
	    "The vpc '%.*s' has dependencies and cannot be deleted.", BW_FMT(v->id));
}

static enum bw_err unused_check(struct bw_call *call, const struct bw_vpc *v)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group *groups;
	size_t count;

	for (size_t k = 0; k < BW_COUNT(dependants); k++) {
		char *items;

		TRY(bw_network_all(&n, dependants[k].record, &items, &count));
		for (size_t i = 0; i < count; i++) {
			const char *item = items + i * dependants[k].record->size;

			if (bw_str_eq(*(const struct bw_str *)(item + dependants[k].vpc), v->id))
				return in_use(call, v);
		}
	}
	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++)
		if (!bw_str_eq(groups[i].id, v->group) &&
		    (bw_str_eq(groups[i].vpc, v->id) || bw_strs_has(&groups[i].vpcs, v->id)))
			return in_use(call, v);
	return BW_OK;
}

EC2_OP(DeleteVpc, .effect = BW_WRITE, .resource = vpc_resource)
{
	struct bw_vpc v;
	struct ec2_group_edit group;

	TRY(ec2_load(call, &ec2_vpc, in->VpcId, &v));
	TRY(unused_check(call, &v));
	TRY(ec2_group_edit(call, v.group, BW_STR_NONE, &group));
	group.after.n = 0;
	TRY(ec2_group_commit(call, &group));
	bw_network_delete(call, &bw_security_group_record, v.group);
	bw_network_delete(call, &bw_vpc_record, v.id);
	ec2_tags_delete(call, v.route_table);
	ec2_tags_delete(call, v.network_acl);
	return BW_OK;
}

/* ---- Attributes ---- */

EC2_OP(DescribeVpcAttribute, .effect = BW_READ, .resource = vpc_resource)
{
	struct ec2_AttributeBooleanValue *value = BW_NEW(call->arena, struct ec2_AttributeBooleanValue);
	struct bw_vpc v;

	TRY(ec2_load(call, &ec2_vpc, in->VpcId, &v));
	out->VpcId = v.id;
	if (bw_str_eq(in->Attribute, BW_STR("enableDnsSupport"))) {
		out->EnableDnsSupport = value;
		value->Value = BW_BOOL(v.dns_support);
	} else if (bw_str_eq(in->Attribute, BW_STR("enableDnsHostnames"))) {
		out->EnableDnsHostnames = value;
		value->Value = BW_BOOL(v.dns_hostnames);
	} else {
		out->EnableNetworkAddressUsageMetrics = value;
		value->Value = BW_BOOL(v.address_metrics);
	}
	return BW_OK;
}

EC2_OP(ModifyVpcAttribute, .effect = BW_WRITE, .resource = vpc_resource)
{
	struct bw_vpc v;
	const struct {
		const struct ec2_AttributeBooleanValue *given;
		bool *to;
	} attributes[] = {{in->EnableDnsHostnames, &v.dns_hostnames}, {in->EnableDnsSupport, &v.dns_support},
	    {in->EnableNetworkAddressUsageMetrics, &v.address_metrics}};
	size_t given = 0;

	TRY(ec2_load(call, &ec2_vpc, in->VpcId, &v));
	for (size_t i = 0; i < BW_COUNT(attributes); i++)
		if (attributes[i].given) {
			*attributes[i].to = attributes[i].given->Value.v;
			given++;
		}
	if (given != 1)
		return bw_call_fail(call, given ? "InvalidParameterCombination" : "MissingParameter", "%s",
		    given ? "Only one attribute can be modified at a time."
		          : "The request must contain an attribute to modify.");
	bw_network_save(call, &bw_vpc_record, &v);
	return BW_OK;
}
