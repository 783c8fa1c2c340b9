#include "svc/ec2/ec2.h"

static enum bw_err gateway_shape(
    struct bw_call *call, const struct bw_internet_gateway *g, struct ec2_InternetGateway *out)
{
	*out = (struct ec2_InternetGateway){
	    .Attachments = {.set = true}, .InternetGatewayId = g->id, .OwnerId = call->account};
	if (g->vpc.n) {
		out->Attachments = (struct ec2_InternetGatewayAttachmentList){
		    true, 1, BW_NEW(call->arena, struct ec2_InternetGatewayAttachment)};
		*out->Attachments.v =
		    (struct ec2_InternetGatewayAttachment){.State = BW_STR("available"), .VpcId = g->vpc};
	}
	TRY(ec2_tags_shape(call, g->id, &out->Tags));
	out->Tags.set = true;
	return BW_OK;
}

static enum bw_err create_resource(struct bw_call *call)
{
	ec2_about_new(call, &ec2_gateway,
	    &((const struct ec2_CreateInternetGatewayRequest *)call->in)->TagSpecifications, BW_STR_NONE);
	return BW_OK;
}

EC2_OP(CreateInternetGateway, .effect = BW_WRITE, .resource = create_resource)
{
	struct bw_internet_gateway g = {.id = bw_network_id(call->arena, "igw")}, *all;
	struct bw_network n = bw_network_of(call);
	size_t count;

	TRY(bw_network_all(&n, &bw_internet_gateway_record, &all, &count));
	TRY(bw_call_within(call, &ec2_gateways_quota, count + 1));
	bw_network_save(call, &bw_internet_gateway_record, &g);
	out->InternetGateway = BW_NEW(call->arena, struct ec2_InternetGateway);
	TRY(gateway_shape(call, &g, out->InternetGateway));
	TRY(ec2_tags_new(call, &ec2_gateway, g.id, &in->TagSpecifications, &out->InternetGateway->Tags));
	out->InternetGateway->Tags.set = true;
	return BW_OK;
}

static enum bw_err gateway_resource(struct bw_call *call)
{
	ec2_about(call, &ec2_gateway, bw_call_input(call, "InternetGatewayId"), BW_STR_NONE);
	ec2_about(call, &ec2_vpc, bw_call_input(call, "VpcId"), BW_STR_NONE);
	return BW_OK;
}

EC2_OP(DeleteInternetGateway, .effect = BW_WRITE, .resource = gateway_resource)
{
	struct bw_internet_gateway g;

	TRY(ec2_load(call, &ec2_gateway, in->InternetGatewayId, &g));
	if (g.vpc.n)
		return bw_call_fail(call, "DependencyViolation",
		    "The internetGateway '%.*s' has dependencies and cannot be deleted.", BW_FMT(g.id));
	bw_network_delete(call, &bw_internet_gateway_record, g.id);
	return BW_OK;
}

/* Of all operations these two tell a VPC's id that is none from one that is not there. */
static enum bw_err vpc_load(struct bw_call *call, struct bw_str id, struct bw_vpc *out)
{
	struct ec2_kind strict = ec2_vpc;

	strict.malformed = "InvalidVpcId.Malformed";
	return ec2_load(call, &strict, id, out);
}

EC2_OP(AttachInternetGateway, .effect = BW_WRITE, .resource = gateway_resource)
{
	struct bw_network n = bw_network_of(call);
	struct bw_internet_gateway g, *all;
	struct bw_vpc vpc;
	size_t count;

	TRY(ec2_load(call, &ec2_gateway, in->InternetGatewayId, &g));
	TRY(vpc_load(call, in->VpcId, &vpc));
	if (g.vpc.n)
		return bw_call_fail(call, "Resource.AlreadyAssociated",
		    "resource %.*s is already attached to network %.*s", BW_FMT(g.id), BW_FMT(g.vpc));
	TRY(bw_network_all(&n, &bw_internet_gateway_record, &all, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(all[i].vpc, vpc.id))
			return bw_call_fail(call, "InvalidParameterValue",
			    "Network %.*s already has an internet gateway attached", BW_FMT(vpc.id));
	g.vpc = vpc.id;
	bw_network_save(call, &bw_internet_gateway_record, &g);
	return BW_OK;
}

static enum bw_err public_addresses_check(struct bw_call *call, struct bw_str vpc)
{
	struct bw_network n = bw_network_of(call);
	struct bw_network_interface *all;
	size_t count;

	TRY(bw_network_all(&n, &bw_network_interface_record, &all, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(all[i].vpc, vpc) && all[i].public_address.n)
			return bw_call_fail(call, "DependencyViolation",
			    "Network %.*s has some mapped public address(es). Please unmap those public "
			    "address(es) before "
			    "detaching the gateway.",
			    BW_FMT(vpc));
	return BW_OK;
}

EC2_OP(DetachInternetGateway, .effect = BW_WRITE, .resource = gateway_resource)
{
	struct bw_internet_gateway g;
	struct bw_vpc vpc;

	TRY(ec2_load(call, &ec2_gateway, in->InternetGatewayId, &g));
	TRY(vpc_load(call, in->VpcId, &vpc));
	if (!bw_str_eq(g.vpc, vpc.id))
		return bw_call_fail(call, "Gateway.NotAttached",
		    "resource %.*s is not attached to network %.*s", BW_FMT(g.id), BW_FMT(vpc.id));
	TRY(public_addresses_check(call, vpc.id));
	g.vpc = BW_STR_NONE;
	bw_network_save(call, &bw_internet_gateway_record, &g);
	return BW_OK;
}

static void attached_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct bw_internet_gateway *)item)->vpc.n ? BW_STR("available") : BW_STR_NONE);
}

static const struct ec2_filter_row gateway_filters[] = {
    EC2_FILTER_OF("attachment.state", attached_fact),
    EC2_FILTER_STR("attachment.vpc-id", struct bw_internet_gateway, vpc),
    EC2_FILTER_STR("internet-gateway-id", struct bw_internet_gateway, id),
    EC2_FILTER_OWNER("owner-id"),
};
static const struct ec2_listing gateway_listing = {
    &ec2_gateway, sizeof(struct bw_internet_gateway), gateway_filters, BW_COUNT(gateway_filters)};

EC2_OP(DescribeInternetGateways, .effect = BW_READ)
{
	struct ec2_page page;

	TRY(ec2_select_stored(call, &gateway_listing, &in->InternetGatewayIds, &in->Filters, in->NextToken,
	    in->MaxResults, &page));
	out->InternetGateways = (struct ec2_InternetGatewayList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_InternetGateway, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(gateway_shape(call, page.items[i], &out->InternetGateways.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}
