#include "svc/ec2/ec2.h"

struct zone_item {
	struct bw_str name, id, group;
};

/* "us-east-1-zg-1" at length; absent in a Region that is not AWS's. */
static struct bw_str group_title(struct bw_call *call)
{
	const char *region = ec2_region_title(call->region);

	return region ? bw_arena_printf(call->arena, "%s 1", region) : BW_STR_NONE;
}

static void title_fact(struct ec2_facts *f, const void *item)
{
	(void)item;
	ec2_fact(f, group_title(f->call));
}

static void region_fact(struct ec2_facts *f, const void *item)
{
	(void)item;
	ec2_fact(f, f->call->region);
}

static const struct ec2_filter_row zone_filters[] = {
    EC2_FILTER_STR("group-name", struct zone_item, group),
    EC2_FILTER_OF("group-long-name", title_fact),
    EC2_FILTER_FIXED("message", NULL),
    EC2_FILTER_FIXED("opt-in-status", "opt-in-not-required"),
    EC2_FILTER_FIXED("parent-zone-id", NULL),
    EC2_FILTER_FIXED("parent-zone-name", NULL),
    EC2_FILTER_OF("region-name", region_fact),
    EC2_FILTER_FIXED("state", "available"),
    EC2_FILTER_STR("zone-id", struct zone_item, id),
    EC2_FILTER_STR("zone-name", struct zone_item, name),
    EC2_FILTER_FIXED("zone-type", "availability-zone"),
};
static const struct ec2_listing zone_listing = {
    NULL, sizeof(struct zone_item), zone_filters, BW_COUNT(zone_filters)};

static bool zone_there(const struct bw_zone *zones, size_t n, struct bw_str name, bool by_id)
{
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(by_id ? zones[i].id : zones[i].name, name))
			return true;
	return false;
}

static enum bw_err names_check(struct bw_call *call, const struct bw_zone *zones, size_t n,
    const struct bw_str *names, size_t name_count, bool by_id)
{
	for (size_t i = 0; i < name_count; i++)
		if (!zone_there(zones, n, names[i], by_id))
			return bw_call_fail(call, "InvalidParameterValue", "Invalid availability %s: [%.*s]",
			    by_id ? "zone-id" : "zone", BW_FMT(names[i]));
	return BW_OK;
}

static bool named(const struct bw_str *names, size_t n, struct bw_str name)
{
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(names[i], name))
			return true;
	return n == 0;
}

static void zone_shape(struct bw_call *call, const struct zone_item *z, struct ec2_AvailabilityZone *out)
{
	const char *geography = ec2_region_geography(call->region);

	*out = (struct ec2_AvailabilityZone){.OptInStatus = BW_STR("opt-in-not-required"),
	    .Messages = {.set = true},
	    .RegionName = call->region,
	    .ZoneName = z->name,
	    .ZoneId = z->id,
	    .GroupName = z->group,
	    .GroupLongName = group_title(call),
	    .NetworkBorderGroup = call->region,
	    .ZoneType = BW_STR("availability-zone"),
	    .State = BW_STR("available")};
	if (!geography)
		return;
	out->Geography = (struct ec2_AvailabilityZoneGeographyList){
	    true, 1, BW_NEW(call->arena, struct ec2_AvailabilityZoneGeography)};
	out->Geography.v->Name = bw_str_c(geography);
}

EC2_OP(DescribeAvailabilityZones, .effect = BW_READ)
{
	struct bw_network n = bw_network_of(call);
	struct bw_zone *zones;
	size_t count = bw_network_zones(&n, &zones);
	struct zone_item *items = BW_NEW_ARRAY(call->arena, struct zone_item, count);
	struct ec2_page page;

	TRY(names_check(call, zones, count, in->ZoneNames.v, in->ZoneNames.n, false));
	TRY(names_check(call, zones, count, in->ZoneIds.v, in->ZoneIds.n, true));
	for (size_t i = 0; i < count; i++)
		items[i] = (struct zone_item){zones[i].name, zones[i].id,
		    bw_arena_printf(call->arena, "%.*s-zg-1", BW_FMT(call->region))};
	TRY(ec2_select(call, &zone_listing, items, count, NULL, &in->Filters, BW_STR_NONE,
	    (struct bw_opt_int){0}, &page));
	out->AvailabilityZones = (struct ec2_AvailabilityZoneList){
	    true, 0, BW_NEW_ARRAY(call->arena, struct ec2_AvailabilityZone, page.n)};
	for (size_t i = 0; i < page.n; i++) {
		const struct zone_item *z = page.items[i];

		if (named(in->ZoneNames.v, in->ZoneNames.n, z->name) &&
		    named(in->ZoneIds.v, in->ZoneIds.n, z->id))
			zone_shape(call, z, &out->AvailabilityZones.v[out->AvailabilityZones.n++]);
	}
	return BW_OK;
}
