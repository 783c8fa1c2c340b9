#include "svc/ec2/ipv6.h"

/* ---- Shape ---- */

static void association_shape(
    struct bw_call *call, const struct bw_vpc *v, struct ec2_VpcCidrBlockAssociationSet *out)
{
	struct ec2_VpcCidrBlockState *state = BW_NEW(call->arena, struct ec2_VpcCidrBlockState);

	state->State = BW_STR("associated");
	*out = (struct ec2_VpcCidrBlockAssociationSet){
	    true, 1, BW_NEW(call->arena, struct ec2_VpcCidrBlockAssociation)};
	*out->v = (struct ec2_VpcCidrBlockAssociation){
	    .AssociationId = v->cidr_association, .CidrBlock = v->cidr, .CidrBlockState = state};
}

enum bw_err ec2_vpc_shape(struct bw_call *call, const struct bw_vpc *v, struct ec2_Vpc *out)
{
	*out = (struct ec2_Vpc){
	    .OwnerId = call->account,
	    .InstanceTenancy = v->tenancy,
	    .IsDefault = BW_BOOL(v->is_default),
	    .VpcId = v->id,
	    .State = BW_STR("available"),
	    .CidrBlock = v->cidr,
	    .DhcpOptionsId = v->dhcp_options,
	    .BlockPublicAccessStates = BW_NEW(call->arena, struct ec2_BlockPublicAccessStates),
	};
	out->BlockPublicAccessStates->InternetGatewayBlockMode = BW_STR("off");
	association_shape(call, v, &out->CidrBlockAssociationSet);
	ec2_ipv6_vpc_shape(call, v, &out->Ipv6CidrBlockAssociationSet);
	return ec2_tags_shape(call, v->id, &out->Tags);
}

/* ---- Describe ---- */

static void pool_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct bw_vpc *)item)->ipv6_cidr.n ? BW_STR("Amazon") : BW_STR_NONE);
}

static void state_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct bw_vpc *)item)->ipv6_cidr.n ? BW_STR("associated") : BW_STR_NONE);
}

static const struct ec2_filter_row vpc_filters[] = {
    EC2_FILTER_STR("cidr", struct bw_vpc, cidr),
    EC2_FILTER_STR("cidrBlock", struct bw_vpc, cidr),
    EC2_FILTER_STR("cidr-block", struct bw_vpc, cidr),
    EC2_FILTER_STR("cidr-block-association.cidr-block", struct bw_vpc, cidr),
    EC2_FILTER_STR("cidr-block-association.association-id", struct bw_vpc, cidr_association),
    EC2_FILTER_FIXED("cidr-block-association.state", "associated"),
    EC2_FILTER_STR("dhcp-options-id", struct bw_vpc, dhcp_options),
    EC2_FILTER_STR("ipv6-cidr-block-association.ipv6-cidr-block", struct bw_vpc, ipv6_cidr),
    EC2_FILTER_OF("ipv6-cidr-block-association.ipv6-pool", pool_fact),
    EC2_FILTER_STR("ipv6-cidr-block-association.association-id", struct bw_vpc, ipv6_association),
    EC2_FILTER_OF("ipv6-cidr-block-association.state", state_fact),
    EC2_FILTER_BOOL("is-default", struct bw_vpc, is_default),
    EC2_FILTER_BOOL("isDefault", struct bw_vpc, is_default),
    EC2_FILTER_OWNER("owner-id"),
    EC2_FILTER_FIXED("state", "available"),
    EC2_FILTER_STR("vpc-id", struct bw_vpc, id),
};
static const struct ec2_listing vpc_listing = {
    &ec2_vpc, sizeof(struct bw_vpc), vpc_filters, BW_COUNT(vpc_filters)};

EC2_OP(DescribeVpcs, .effect = BW_READ)
{
	struct ec2_page page;

	TRY(ec2_ids_alone(call, "VpcIds", &in->VpcIds, in->MaxResults));
	TRY(ec2_select_stored(
	    call, &vpc_listing, &in->VpcIds, &in->Filters, in->NextToken, in->MaxResults, &page));
	out->Vpcs = (struct ec2_VpcList){true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_Vpc, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(ec2_vpc_shape(call, page.items[i], &out->Vpcs.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}
