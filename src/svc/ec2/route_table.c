#include "svc/ec2/vpc_part.h"

/* The main table of a VPC: its own network, and in a default VPC everything else through the internet
 * gateway. */

static bool routes_out(const struct ec2_part *part)
{
	return part->vpc->is_default && part->gateway.n;
}

static void vpc_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct ec2_part *)item)->vpc->id);
}

static void association_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct ec2_part *)item)->vpc->route_association);
}

static void destination_fact(struct ec2_facts *f, const void *item)
{
	const struct ec2_part *part = item;

	ec2_fact(f, part->vpc->cidr);
	ec2_fact(f, routes_out(part) ? BW_STR("0.0.0.0/0") : BW_STR_NONE);
}

static void destination6_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct ec2_part *)item)->vpc->ipv6_cidr);
}

static void gateway_fact(struct ec2_facts *f, const void *item)
{
	const struct ec2_part *part = item;

	ec2_fact(f, BW_STR("local"));
	ec2_fact(f, routes_out(part) ? part->gateway : BW_STR_NONE);
}

static void origin_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, BW_STR("CreateRouteTable"));
	ec2_fact(f, routes_out(item) ? BW_STR("CreateRoute") : BW_STR_NONE);
}

static const struct ec2_filter_row table_filters[] = {
    EC2_FILTER_FIXED("association.gateway-id", NULL),
    EC2_FILTER_FIXED("association.main", "true"),
    EC2_FILTER_OF("association.route-table-association-id", association_fact),
    EC2_FILTER_STR("association.route-table-id", struct ec2_part, id),
    EC2_FILTER_FIXED("association.subnet-id", NULL),
    EC2_FILTER_OWNER("owner-id"),
    EC2_FILTER_STR("route-table-id", struct ec2_part, id),
    EC2_FILTER_OF("route.destination-cidr-block", destination_fact),
    EC2_FILTER_OF("route.destination-ipv6-cidr-block", destination6_fact),
    EC2_FILTER_FIXED("route.destination-prefix-list-id", NULL),
    EC2_FILTER_FIXED("route.egress-only-internet-gateway-id", NULL),
    EC2_FILTER_OF("route.gateway-id", gateway_fact),
    EC2_FILTER_FIXED("route.instance-id", NULL),
    EC2_FILTER_FIXED("route.nat-gateway-id", NULL),
    EC2_FILTER_FIXED("route.transit-gateway-id", NULL),
    EC2_FILTER_OF("route.origin", origin_fact),
    EC2_FILTER_FIXED("route.state", "active"),
    EC2_FILTER_FIXED("route.vpc-peering-connection-id", NULL),
    EC2_FILTER_OF("vpc-id", vpc_fact),
};
static const struct ec2_listing table_listing = {
    &ec2_route_table, sizeof(struct ec2_part), table_filters, BW_COUNT(table_filters)};

static void routes_shape(struct bw_call *call, const struct ec2_part *part, struct ec2_RouteList *out)
{
	*out = (struct ec2_RouteList){true, 1, BW_NEW_ARRAY(call->arena, struct ec2_Route, 3)};
	out->v[0] = (struct ec2_Route){.DestinationCidrBlock = part->vpc->cidr,
	    .GatewayId = BW_STR("local"),
	    .Origin = BW_STR("CreateRouteTable"),
	    .State = BW_STR("active")};
	if (part->vpc->ipv6_cidr.n)
		out->v[out->n++] = (struct ec2_Route){.DestinationIpv6CidrBlock = part->vpc->ipv6_cidr,
		    .GatewayId = BW_STR("local"),
		    .Origin = BW_STR("CreateRouteTable"),
		    .State = BW_STR("active")};
	if (!routes_out(part))
		return;
	out->v[out->n++] = (struct ec2_Route){.DestinationCidrBlock = BW_STR("0.0.0.0/0"),
	    .GatewayId = part->gateway,
	    .Origin = BW_STR("CreateRoute"),
	    .State = BW_STR("active")};
}

static enum bw_err table_shape(struct bw_call *call, const struct ec2_part *part, struct ec2_RouteTable *out)
{
	struct ec2_RouteTableAssociation *main = BW_NEW(call->arena, struct ec2_RouteTableAssociation);

	*main = (struct ec2_RouteTableAssociation){.Main = BW_BOOL(true),
	    .RouteTableAssociationId = part->vpc->route_association,
	    .RouteTableId = part->id,
	    .AssociationState = BW_NEW(call->arena, struct ec2_RouteTableAssociationState)};
	main->AssociationState->State = BW_STR("associated");
	*out = (struct ec2_RouteTable){.Associations = {true, 1, main},
	    .PropagatingVgws = {.set = true},
	    .RouteTableId = part->id,
	    .VpcId = part->vpc->id,
	    .OwnerId = call->account};
	routes_shape(call, part, &out->Routes);
	TRY(ec2_tags_shape(call, part->id, &out->Tags));
	out->Tags.set = true;
	return BW_OK;
}

EC2_OP(DescribeRouteTables, .effect = BW_READ)
{
	struct ec2_part *parts;
	struct ec2_page page;
	size_t n;

	TRY(ec2_parts(call, offsetof(struct bw_vpc, route_table), &parts, &n));
	TRY(ec2_select(call, &table_listing, parts, n, &in->RouteTableIds, &in->Filters, in->NextToken,
	    in->MaxResults, &page));
	out->RouteTables = (struct ec2_RouteTableList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_RouteTable, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(table_shape(call, page.items[i], &out->RouteTables.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}
