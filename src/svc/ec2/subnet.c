#include "svc/ec2/ipv6.h"

#include "codec/cidr.h"

/* ---- Shape ---- */

/* AWS keeps five addresses of each subnet. */
static int64_t addresses_left(struct bw_call *call, const struct bw_subnet *s)
{
	struct bw_network n = bw_network_of(call);
	struct bw_cidr cidr;

	MUST(bw_cidr_parse(s->cidr, &cidr) == BW_OK);
	return (int64_t)bw_cidr_size(&cidr) - 5 - (int64_t)bw_network_addresses_used(&n, s->id);
}

enum bw_err ec2_subnet_shape(struct bw_call *call, const struct bw_subnet *s, struct ec2_Subnet *out)
{
	struct ec2_PrivateDnsNameOptionsOnLaunch *names =
	    BW_NEW(call->arena, struct ec2_PrivateDnsNameOptionsOnLaunch);

	*names = (struct ec2_PrivateDnsNameOptionsOnLaunch){.HostnameType = s->hostname_type,
	    .EnableResourceNameDnsARecord = BW_BOOL(s->name_a_record),
	    .EnableResourceNameDnsAAAARecord = BW_BOOL(s->name_aaaa_record)};
	*out = (struct ec2_Subnet){
	    .AvailabilityZoneId = s->zone_id,
	    .MapCustomerOwnedIpOnLaunch = BW_BOOL(false),
	    .OwnerId = call->account,
	    .AssignIpv6AddressOnCreation = BW_BOOL(s->ipv6_on_creation),
	    .SubnetArn = ec2_arn(call, &ec2_subnet, s->id),
	    .EnableDns64 = BW_BOOL(s->dns64),
	    .Ipv6Native = BW_BOOL(false),
	    .PrivateDnsNameOptionsOnLaunch = names,
	    .BlockPublicAccessStates = BW_NEW(call->arena, struct ec2_BlockPublicAccessStates),
	    .SubnetId = s->id,
	    .State = BW_STR("available"),
	    .VpcId = s->vpc,
	    .CidrBlock = s->cidr,
	    .AvailableIpAddressCount = BW_INT(addresses_left(call, s)),
	    .AvailabilityZone = s->zone,
	    .DefaultForAz = BW_BOOL(s->default_for_zone),
	    .MapPublicIpOnLaunch = BW_BOOL(s->public_addresses),
	};
	out->BlockPublicAccessStates->InternetGatewayBlockMode = BW_STR("off");
	ec2_ipv6_subnet_shape(call, s, &out->Ipv6CidrBlockAssociationSet);
	return ec2_tags_shape(call, s->id, &out->Tags);
}

/* ---- Describe ---- */

static void available_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact_int(f, addresses_left(f->call, item));
}

static void ipv6_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct bw_subnet *)item)->ipv6_cidr.n ? BW_STR("associated") : BW_STR_NONE);
}

static void arn_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ec2_arn(f->call, &ec2_subnet, ((const struct bw_subnet *)item)->id));
}

static const struct ec2_filter_row subnet_filters[] = {
    EC2_FILTER_STR("availability-zone", struct bw_subnet, zone),
    EC2_FILTER_STR("availabilityZone", struct bw_subnet, zone),
    EC2_FILTER_STR("availability-zone-id", struct bw_subnet, zone_id),
    EC2_FILTER_STR("availabilityZoneId", struct bw_subnet, zone_id),
    EC2_FILTER_OF("available-ip-address-count", available_fact),
    EC2_FILTER_STR("cidr", struct bw_subnet, cidr),
    EC2_FILTER_STR("cidrBlock", struct bw_subnet, cidr),
    EC2_FILTER_STR("cidr-block", struct bw_subnet, cidr),
    EC2_FILTER_FIXED("customer-owned-ipv4-pool", NULL),
    EC2_FILTER_BOOL("default-for-az", struct bw_subnet, default_for_zone),
    EC2_FILTER_BOOL("defaultForAz", struct bw_subnet, default_for_zone),
    EC2_FILTER_BOOL("enable-dns64", struct bw_subnet, dns64),
    EC2_FILTER_FIXED("enable-lni-at-device-index", NULL),
    EC2_FILTER_STR("ipv6-cidr-block-association.ipv6-cidr-block", struct bw_subnet, ipv6_cidr),
    EC2_FILTER_STR("ipv6-cidr-block-association.association-id", struct bw_subnet, ipv6_association),
    EC2_FILTER_OF("ipv6-cidr-block-association.state", ipv6_fact),
    EC2_FILTER_FIXED("ipv6-native", "false"),
    EC2_FILTER_FIXED("map-customer-owned-ip-on-launch", "false"),
    EC2_FILTER_BOOL("map-public-ip-on-launch", struct bw_subnet, public_addresses),
    EC2_FILTER_FIXED("outpost-arn", NULL),
    EC2_FILTER_OWNER("owner-id"),
    EC2_FILTER_STR("private-dns-name-options-on-launch.hostname-type", struct bw_subnet, hostname_type),
    EC2_FILTER_BOOL("private-dns-name-options-on-launch.enable-resource-name-dns-a-record", struct bw_subnet,
        name_a_record),
    EC2_FILTER_BOOL("private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
        struct bw_subnet, name_aaaa_record),
    EC2_FILTER_FIXED("state", "available"),
    EC2_FILTER_OF("subnet-arn", arn_fact),
    EC2_FILTER_STR("subnet-id", struct bw_subnet, id),
    EC2_FILTER_STR("vpc-id", struct bw_subnet, vpc),
};
static const struct ec2_listing subnet_listing = {
    &ec2_subnet, sizeof(struct bw_subnet), subnet_filters, BW_COUNT(subnet_filters)};

EC2_OP(DescribeSubnets, .effect = BW_READ)
{
	struct ec2_page page;

	TRY(ec2_select_stored(
	    call, &subnet_listing, &in->SubnetIds, &in->Filters, in->NextToken, in->MaxResults, &page));
	out->Subnets =
	    (struct ec2_SubnetList){true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_Subnet, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(ec2_subnet_shape(call, page.items[i], &out->Subnets.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}
