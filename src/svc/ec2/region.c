/* Regions and zones as facts of AWS's. */
#include "svc/ec2/ec2.h"

#include <stdlib.h>

static const struct region_fact {
	const char *name, *status, *geography, *title;
} regions[] = {
    {"af-south-1", "not-opted-in", "South Africa", "Africa (Cape Town)"},
    {"ap-east-1", "not-opted-in", "Hong Kong", "Asia Pacific (Hong Kong)"},
    {"ap-east-2", "not-opted-in", "Taiwan", "Asia Pacific (Taipei)"},
    {"ap-northeast-1", "opt-in-not-required", "Japan", "Asia Pacific (Tokyo)"},
    {"ap-northeast-2", "opt-in-not-required", "South Korea", "Asia Pacific (Seoul)"},
    {"ap-northeast-3", "opt-in-not-required", "Japan", "Asia Pacific (Osaka)"},
    {"ap-south-1", "opt-in-not-required", "India", "Asia Pacific (Mumbai)"},
    {"ap-south-2", "not-opted-in", "India", "Asia Pacific (Hyderabad)"},
    {"ap-southeast-1", "opt-in-not-required", "Singapore", "Asia Pacific (Singapore)"},
    {"ap-southeast-2", "opt-in-not-required", "Australia", "Asia Pacific (Sydney)"},
    {"ap-southeast-3", "not-opted-in", "Indonesia", "Asia Pacific (Jakarta)"},
    {"ap-southeast-4", "not-opted-in", "Australia", "Asia Pacific (Melbourne)"},
    {"ap-southeast-5", "not-opted-in", "Malaysia", "Asia Pacific (Malaysia)"},
    {"ap-southeast-6", "not-opted-in", "New Zealand", "Asia Pacific (New Zealand)"},
    {"ap-southeast-7", "not-opted-in", "Thailand", "Asia Pacific (Thailand)"},
    {"ca-central-1", "opt-in-not-required", "Canada", "Canada (Central)"},
    {"ca-west-1", "not-opted-in", "Canada", "Canada West (Calgary)"},
    {"eu-central-1", "opt-in-not-required", "Germany", "Europe (Frankfurt)"},
    {"eu-central-2", "not-opted-in", "Switzerland", "Europe (Zurich)"},
    {"eu-north-1", "opt-in-not-required", "Sweden", "Europe (Stockholm)"},
    {"eu-south-1", "not-opted-in", "Italy", "Europe (Milan)"},
    {"eu-south-2", "not-opted-in", "Spain", "Europe (Spain)"},
    {"eu-west-1", "opt-in-not-required", "Ireland", "Europe (Ireland)"},
    {"eu-west-2", "opt-in-not-required", "United Kingdom", "Europe (London)"},
    {"eu-west-3", "opt-in-not-required", "France", "Europe (Paris)"},
    {"il-central-1", "not-opted-in", "Israel", "Israel (Tel Aviv)"},
    {"me-central-1", "not-opted-in", "United Arab Emirates", "Middle East (UAE)"},
    {"me-south-1", "not-opted-in", "Bahrain", "Middle East (Bahrain)"},
    {"mx-central-1", "not-opted-in", "Mexico", "Mexico (Central)"},
    {"sa-east-1", "opt-in-not-required", "Brazil", "South America (Sao Paulo)"},
    {"us-east-1", "opt-in-not-required", "United States of America", "US East (N. Virginia)"},
    {"us-east-2", "opt-in-not-required", "United States of America", "US East (Ohio)"},
    {"us-west-1", "opt-in-not-required", "United States of America", "US West (N. California)"},
    {"us-west-2", "opt-in-not-required", "United States of America", "US West (Oregon)"},
};

static const struct region_fact *fact_of(struct bw_str region)
{
	for (size_t i = 0; i < BW_COUNT(regions); i++)
		if (bw_str_eq(region, bw_str_c(regions[i].name)))
			return &regions[i];
	return NULL;
}

const char *ec2_region_title(struct bw_str region)
{
	const struct region_fact *fact = fact_of(region);

	return fact ? fact->title : NULL;
}

const char *ec2_region_geography(struct bw_str region)
{
	const struct region_fact *fact = fact_of(region);

	return fact ? fact->geography : NULL;
}

struct region_item {
	struct bw_str name, status, endpoint, geography;
};

static const struct ec2_filter_row region_filters[] = {
    EC2_FILTER_STR("endpoint", struct region_item, endpoint),
    EC2_FILTER_STR("opt-in-status", struct region_item, status),
    EC2_FILTER_STR("region-name", struct region_item, name),
};
static const struct ec2_listing region_listing = {
    NULL, sizeof(struct region_item), region_filters, BW_COUNT(region_filters)};

static struct region_item region_item(
    struct bw_call *call, struct bw_str name, const struct region_fact *fact)
{
	return (struct region_item){.name = name,
	    .status = fact ? bw_str_c(fact->status) : BW_STR("opt-in-not-required"),
	    .geography = fact ? bw_str_c(fact->geography) : BW_STR_NONE,
	    .endpoint = bw_arena_printf(call->arena, "ec2.%.*s.amazonaws.com", BW_FMT(name))};
}

static int by_name(const void *a, const void *b)
{
	return bw_str_cmp(*(const struct bw_str *)a, *(const struct bw_str *)b);
}

/* AWS's Regions, and the one that the call is for, whatever its name. */
static size_t regions_all(struct bw_call *call, struct region_item *items)
{
	size_t n = 0;
	bool own = false;

	for (size_t i = 0; i < BW_COUNT(regions); i++) {
		items[n++] = region_item(call, bw_str_c(regions[i].name), &regions[i]);
		own = own || bw_str_eq(call->region, items[n - 1].name);
	}
	if (!own)
		items[n++] = region_item(call, call->region, NULL);
	qsort(items, n, sizeof *items, by_name);
	return n;
}

static const struct region_item *region_find(const struct region_item *items, size_t n, struct bw_str name)
{
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(items[i].name, name))
			return &items[i];
	return NULL;
}

static enum bw_err region_names_check(struct bw_call *call, const struct ec2_RegionNameStringList *names,
    const struct region_item *items, size_t n)
{
	for (size_t i = 0; i < names->n; i++)
		if (!region_find(items, n, names->v[i]))
			return bw_call_fail(call, "InvalidParameterValue", "Invalid region provided: [%.*s]",
			    BW_FMT(names->v[i]));
	return BW_OK;
}

/* Named Regions are shown whatever their status, others when they are enabled or all are asked for. */
static bool region_shown(const struct ec2_DescribeRegionsRequest *in, const struct region_item *item)
{
	for (size_t i = 0; i < in->RegionNames.n; i++)
		if (bw_str_eq(in->RegionNames.v[i], item->name))
			return true;
	return !in->RegionNames.n && (in->AllRegions.v || !bw_str_eq(item->status, BW_STR("not-opted-in")));
}

EC2_OP(DescribeRegions, .effect = BW_READ)
{
	struct region_item items[BW_COUNT(regions) + 1];
	size_t n = regions_all(call, items);
	struct ec2_page page;

	TRY(region_names_check(call, &in->RegionNames, items, n));
	TRY(ec2_select(
	    call, &region_listing, items, n, NULL, &in->Filters, BW_STR_NONE, (struct bw_opt_int){0}, &page));
	out->Regions = (struct ec2_RegionList){true, 0, BW_NEW_ARRAY(call->arena, struct ec2_Region, page.n)};
	for (size_t i = 0; i < page.n; i++) {
		const struct region_item *r = page.items[i];
		struct ec2_Region *to = &out->Regions.v[out->Regions.n];

		if (!region_shown(in, r))
			continue;
		*to = (struct ec2_Region){
		    .OptInStatus = r->status, .RegionName = r->name, .Endpoint = r->endpoint};
		if (r->geography.n) {
			to->Geography = (struct ec2_RegionGeographyList){
			    true, 1, BW_NEW(call->arena, struct ec2_RegionGeography)};
			to->Geography.v->Name = r->geography;
		}
		out->Regions.n++;
	}
	return BW_OK;
}

struct bw_str ec2_internal_domain(struct bw_call *call)
{
	if (bw_str_eq(call->region, BW_STR("us-east-1")))
		return BW_STR("ec2.internal");
	return bw_arena_printf(call->arena, "%.*s.compute.internal", BW_FMT(call->region));
}
