#include "svc/ec2/ipv6.h"

#include "codec/cidr.h"

/* ---- Creating ---- */

static enum bw_err create_resource(struct bw_call *call)
{
	const struct ec2_CreateSubnetRequest *in = call->in;

	ec2_about(call, &ec2_vpc, in->VpcId, BW_STR_NONE);
	ec2_about_new(call, &ec2_subnet, &in->TagSpecifications, in->VpcId);
	return BW_OK;
}

static enum bw_err zone_choose(
    struct bw_call *call, const struct ec2_CreateSubnetRequest *in, struct bw_subnet *s)
{
	struct bw_network n = bw_network_of(call);
	struct bw_zone *zones;
	size_t count = bw_network_zones(&n, &zones);
	bool by_id = in->AvailabilityZoneId.n > 0;
	struct bw_str wanted = by_id ? in->AvailabilityZoneId : in->AvailabilityZone, known = BW_STR("");

	if (in->AvailabilityZone.n && by_id)
		return bw_call_fail(call, "InvalidParameterCombination", "%s",
		    "The parameters availabilityZone and availabilityZoneId cannot be used together");
	for (size_t i = 0; i < count; i++) {
		if (!wanted.n || bw_str_eq(wanted, by_id ? zones[i].id : zones[i].name)) {
			s->zone = zones[i].name;
			s->zone_id = zones[i].id;
			return BW_OK;
		}
		known = bw_arena_printf(call->arena, "%.*s%s%.*s", BW_FMT(known), i ? ", " : "",
		    BW_FMT(by_id ? zones[i].id : zones[i].name));
	}
	return bw_call_fail(call, "InvalidParameterValue",
	    "Value (%.*s) for parameter %s is invalid. Subnets can currently only be created in the "
	    "following availability "
	    "zones: %.*s.",
	    BW_FMT(wanted), by_id ? "availabilityZoneId" : "availabilityZone", BW_FMT(known));
}

static enum bw_err network_choose(
    struct bw_call *call, struct bw_str given, const struct bw_vpc *vpc, struct bw_cidr *c)
{
	struct bw_cidr whole;

	if (bw_cidr_parse(given, c) != BW_OK || c->v6)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Value (%.*s) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
		    BW_FMT(given));
	(void)bw_cidr_mask(c);
	MUST(bw_cidr_parse(vpc->cidr, &whole) == BW_OK);
	if (c->bits < 16 || c->bits > 28 || !bw_cidr_contains(&whole, c))
		return bw_call_fail(
		    call, "InvalidSubnet.Range", "The CIDR '%.*s' is invalid.", BW_FMT(given));
	return BW_OK;
}

static enum bw_err network_free(
    struct bw_call *call, const struct bw_vpc *vpc, const struct bw_cidr *c, struct bw_str given)
{
	struct bw_network n = bw_network_of(call);
	struct bw_subnet *subnets;
	size_t count, in_vpc = 0;

	TRY(bw_network_all(&n, &bw_subnet_record, &subnets, &count));
	for (size_t i = 0; i < count; i++) {
		struct bw_cidr other;

		if (!bw_str_eq(subnets[i].vpc, vpc->id))
			continue;
		in_vpc++;
		MUST(bw_cidr_parse(subnets[i].cidr, &other) == BW_OK);
		if (bw_cidr_overlaps(&other, c))
			return bw_call_fail(call, "InvalidSubnet.Conflict",
			    "The CIDR '%.*s' conflicts with another subnet", BW_FMT(given));
	}
	return bw_call_within(call, &ec2_subnets_quota, in_vpc + 1);
}

static enum bw_err pools_refuse(struct bw_call *call, const struct ec2_CreateSubnetRequest *in)
{
	struct bw_str pool = in->Ipv4IpamPoolId.n ? in->Ipv4IpamPoolId : in->Ipv6IpamPoolId;

	if (pool.n)
		return bw_call_fail(call, "InvalidIpamPoolId.NotFound",
		    "The ipam-pool ID '%.*s' does not exist", BW_FMT(pool));
	if (in->Ipv6Native.v || in->OutpostArn.n)
		return bw_call_fail(call, "UnsupportedOperation", "%s",
		    "Subnets with IPv6 CIDR blocks alone or on Outposts are not supported.");
	if (!in->CidrBlock.n)
		return bw_call_fail(
		    call, "MissingParameter", "%s", "The request must contain the parameter cidrBlock");
	return BW_OK;
}

EC2_OP(CreateSubnet, .effect = BW_WRITE, .resource = create_resource)
{
	struct bw_subnet s = {.hostname_type = BW_STR("ip-name"), .created_ms = call->now_ms};
	struct bw_vpc vpc;
	struct bw_cidr c;

	TRY(pools_refuse(call, in));
	TRY(ec2_load(call, &ec2_vpc, in->VpcId, &vpc));
	TRY(zone_choose(call, in, &s));
	TRY(network_choose(call, in->CidrBlock, &vpc, &c));
	TRY(network_free(call, &vpc, &c, in->CidrBlock));
	if (in->Ipv6CidrBlock.n)
		TRY(ec2_ipv6_subnet(call, in->Ipv6CidrBlock, &vpc, &s));
	s.id = bw_network_id(call->arena, "subnet");
	s.vpc = vpc.id;
	s.cidr = bw_cidr_text(call->arena, &c);
	s.acl_association = bw_network_id(call->arena, "aclassoc");
	bw_network_save(call, &bw_subnet_record, &s);
	out->Subnet = BW_NEW(call->arena, struct ec2_Subnet);
	TRY(ec2_subnet_shape(call, &s, out->Subnet));
	for (size_t i = 0; i < out->Subnet->Ipv6CidrBlockAssociationSet.n; i++)
		out->Subnet->Ipv6CidrBlockAssociationSet.v[i].Ipv6CidrBlockState->State = BW_STR("associating");
	return ec2_tags_new(call, &ec2_subnet, s.id, &in->TagSpecifications, &out->Subnet->Tags);
}

/* ---- Deleting ---- */

static enum bw_err subnet_resource(struct bw_call *call)
{
	ec2_about_id(call, bw_call_input(call, "SubnetId"));
	return BW_OK;
}

EC2_OP(DeleteSubnet, .effect = BW_WRITE, .resource = subnet_resource)
{
	struct bw_network n = bw_network_of(call);
	struct bw_subnet s;

	TRY(ec2_load(call, &ec2_subnet, in->SubnetId, &s));
	if (bw_call_count_under(call, bw_network_index(&n, "address", s.id, BW_STR_NONE), SIZE_MAX))
		return bw_call_fail(call, "DependencyViolation",
		    "The subnet '%.*s' has dependencies and cannot be deleted.", BW_FMT(s.id));
	bw_network_delete(call, &bw_subnet_record, s.id);
	return BW_OK;
}

/* ---- Attributes ---- */

/* Attributes that need what a subnet here never has may be told "no". */
static enum bw_err absent_check(
    struct bw_call *call, const struct ec2_ModifySubnetAttributeRequest *in, const struct bw_subnet *s)
{
	const struct ec2_AttributeBooleanValue *asked[] = {
	    s->ipv6_cidr.n ? NULL : in->AssignIpv6AddressOnCreation, in->MapCustomerOwnedIpOnLaunch};

	for (size_t i = 0; i < BW_COUNT(asked); i++)
		if (asked[i] && asked[i]->Value.v)
			return bw_call_fail(call, "InvalidParameterValue",
			    "Invalid value 'true' for %s. The subnet '%.*s' has no such addresses.",
			    i ? "mapCustomerOwnedIpOnLaunch" : "assignIpv6AddressOnCreation",
			    BW_FMT(in->SubnetId));
	if (in->EnableLniAtDeviceIndex.set || in->DisableLniAtDeviceIndex)
		return bw_call_fail(
		    call, "UnsupportedOperation", "%s", "Local network interfaces are not supported.");
	return BW_OK;
}

EC2_OP(ModifySubnetAttribute, .effect = BW_WRITE, .resource = subnet_resource)
{
	struct bw_subnet s;
	const struct {
		const struct ec2_AttributeBooleanValue *given;
		bool *to;
	} attributes[] = {{in->MapPublicIpOnLaunch, &s.public_addresses}, {in->EnableDns64, &s.dns64},
	    {in->EnableResourceNameDnsARecordOnLaunch, &s.name_a_record},
	    {in->EnableResourceNameDnsAAAARecordOnLaunch, &s.name_aaaa_record},
	    {in->AssignIpv6AddressOnCreation, &s.ipv6_on_creation}};
	size_t given = in->PrivateDnsHostnameTypeOnLaunch.n > 0;

	TRY(ec2_load(call, &ec2_subnet, in->SubnetId, &s));
	TRY(absent_check(call, in, &s));
	if (given)
		s.hostname_type = in->PrivateDnsHostnameTypeOnLaunch;
	for (size_t i = 0; i < BW_COUNT(attributes); i++)
		if (attributes[i].given) {
			*attributes[i].to = attributes[i].given->Value.v;
			given++;
		}
	given += in->MapCustomerOwnedIpOnLaunch != NULL;
	if (given != 1)
		return bw_call_fail(call, given ? "InvalidParameterCombination" : "MissingParameter", "%s",
		    given ? "Only one attribute can be modified at a time."
		          : "The request must contain an attribute to modify.");
	bw_network_save(call, &bw_subnet_record, &s);
	return BW_OK;
}
