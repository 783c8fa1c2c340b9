/* The network that AWS gives every account in every Region: VPC User Guide, "Default VPC components". It is
 * computed from the store's key, so that two servers have different ids and one server always the same. */
#include "core/network_internal.h"

#include <stdlib.h>

/* Zones as AWS names them: a Region's prefix of zone ids and the letters of its zones. */
static const struct region_zones {
	const char *region, *prefix, *letters;
} zones_known[] = {
    {"us-east-1", "use1", "abcdef"},
    {"us-east-2", "use2", "abc"},
    {"us-west-1", "usw1", "ab"},
    {"us-west-2", "usw2", "abcd"},
    {"af-south-1", "afs1", "abc"},
    {"ap-east-1", "ape1", "abc"},
    {"ap-northeast-1", "apne1", "acd"},
    {"ap-northeast-2", "apne2", "abcd"},
    {"ap-northeast-3", "apne3", "abc"},
    {"ap-south-1", "aps1", "abc"},
    {"ap-south-2", "aps2", "abc"},
    {"ap-southeast-1", "apse1", "abc"},
    {"ap-southeast-2", "apse2", "abc"},
    {"ap-southeast-3", "apse3", "abc"},
    {"ap-southeast-4", "apse4", "abc"},
    {"ap-southeast-5", "apse5", "abc"},
    {"ap-southeast-7", "apse7", "abc"},
    {"ca-central-1", "cac1", "abd"},
    {"ca-west-1", "caw1", "abc"},
    {"eu-central-1", "euc1", "abc"},
    {"eu-central-2", "euc2", "abc"},
    {"eu-north-1", "eun1", "abc"},
    {"eu-south-1", "eus1", "abc"},
    {"eu-south-2", "eus2", "abc"},
    {"eu-west-1", "euw1", "abc"},
    {"eu-west-2", "euw2", "abc"},
    {"eu-west-3", "euw3", "abc"},
    {"il-central-1", "ilc1", "abc"},
    {"me-central-1", "mec1", "abc"},
    {"me-south-1", "mes1", "abc"},
    {"mx-central-1", "mxc1", "abc"},
    {"sa-east-1", "sae1", "abc"},
};

static struct region_zones zones_of(struct bw_str region)
{
	for (size_t i = 0; i < BW_COUNT(zones_known); i++)
		if (bw_str_eq(region, bw_str_c(zones_known[i].region)))
			return zones_known[i];
	/* A Region of the operator's own: three zones, whose ids spell its name out. */
	return (struct region_zones){NULL, NULL, "abc"};
}

size_t bw_network_zones(const struct bw_network *n, struct bw_zone **zones)
{
	struct region_zones known = zones_of(n->region);
	size_t count = strlen(known.letters);

	*zones = BW_NEW_ARRAY(n->arena, struct bw_zone, count);
	for (size_t i = 0; i < count; i++) {
		struct bw_str prefix = known.prefix ? bw_str_c(known.prefix) : n->region;

		(*zones)[i] = (struct bw_zone){
		    .name = bw_arena_printf(n->arena, "%.*s%c", BW_FMT(n->region), known.letters[i]),
		    .id = bw_arena_printf(n->arena, "%.*s-az%zu", BW_FMT(prefix), i + 1)};
	}
	return count;
}

/* An id that this store, account and Region always give to this part. */
static struct bw_str own_id(const struct bw_network *n, const char *prefix, size_t index)
{
	unsigned char bytes[32];
	struct bw_buf text;
	struct bw_str id;

	bw_store_derive(n->store,
	    bw_arena_printf(n->arena, "default network %.*s %.*s %s %zu", BW_FMT(n->account),
	        BW_FMT(n->region), prefix, index),
	    bytes);
	bw_buf_init(&text, 64);
	bw_buf_printf(&text, "%s-0", prefix);
	bw_buf_put_hex(&text, bytes, 8);
	id = bw_arena_str(n->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return id;
}

struct bw_str bw_network_dhcp_options(const struct bw_network *n)
{
	return own_id(n, "dopt", 0);
}

static void *default_vpc(const struct bw_network *n, size_t *count)
{
	struct bw_vpc *v = BW_NEW(n->arena, struct bw_vpc);

	*count = 1;
	*v = (struct bw_vpc){.id = own_id(n, "vpc", 0),
	    .cidr = BW_STR("172.31.0.0/16"),
	    .tenancy = BW_STR("default"),
	    .is_default = true,
	    .dns_support = true,
	    .dns_hostnames = true,
	    .cidr_association = own_id(n, "vpc-cidr-assoc", 0),
	    .dhcp_options = bw_network_dhcp_options(n),
	    .route_table = own_id(n, "rtb", 0),
	    .route_association = own_id(n, "rtbassoc", 0),
	    .network_acl = own_id(n, "acl", 0),
	    .group = own_id(n, "sg", 0)};
	return v;
}

static int by_id(const void *a, const void *b)
{
	return bw_str_cmp(*(const struct bw_str *)a, *(const struct bw_str *)b);
}

static void *default_subnets(const struct bw_network *n, size_t *count)
{
	struct bw_zone *zones;
	struct bw_subnet *subnets;

	*count = bw_network_zones(n, &zones);
	subnets = BW_NEW_ARRAY(n->arena, struct bw_subnet, *count);
	for (size_t i = 0; i < *count; i++)
		subnets[i] = (struct bw_subnet){.id = own_id(n, "subnet", i),
		    .vpc = own_id(n, "vpc", 0),
		    .cidr = bw_arena_printf(n->arena, "172.31.%zu.0/20", i * 16),
		    .zone = zones[i].name,
		    .zone_id = zones[i].id,
		    .default_for_zone = true,
		    .public_addresses = true,
		    .acl_association = own_id(n, "aclassoc", i),
		    .hostname_type = BW_STR("ip-name")};
	qsort(subnets, *count, sizeof *subnets, by_id);
	return subnets;
}

static void *default_gateway(const struct bw_network *n, size_t *count)
{
	struct bw_internet_gateway *g = BW_NEW(n->arena, struct bw_internet_gateway);

	*count = 1;
	*g = (struct bw_internet_gateway){.id = own_id(n, "igw", 0), .vpc = own_id(n, "vpc", 0)};
	return g;
}

static void *default_group(const struct bw_network *n, size_t *count)
{
	struct bw_security_group *g = BW_NEW(n->arena, struct bw_security_group);

	*count = 1;
	*g = bw_network_default_group(
	    n->arena, own_id(n, "vpc", 0), own_id(n, "sg", 0), own_id(n, "sgr", 0), own_id(n, "sgr", 1));
	return g;
}

struct bw_security_group bw_network_default_group(
    struct bw_arena *a, struct bw_str vpc, struct bw_str id, struct bw_str in, struct bw_str out)
{
	struct bw_security_group g = {.id = id,
	    .name = BW_STR("default"),
	    .description = BW_STR("default VPC security group"),
	    .vpc = vpc};
	const struct bw_group_rule rules[] = {
	    {.id = in, .protocol = BW_STR("-1"), .from_port = -1, .to_port = -1, .group = id},
	    {.id = out,
	        .egress = true,
	        .protocol = BW_STR("-1"),
	        .from_port = -1,
	        .to_port = -1,
	        .cidr = BW_STR("0.0.0.0/0")},
	};

	network_rules_encode(a, &g, rules, BW_COUNT(rules));
	return g;
}

void *network_default(const struct bw_network *n, const struct bw_record *r, size_t *count)
{
	*count = 0;
	if (r == &bw_vpc_record)
		return default_vpc(n, count);
	if (r == &bw_subnet_record)
		return default_subnets(n, count);
	if (r == &bw_internet_gateway_record)
		return default_gateway(n, count);
	if (r == &bw_security_group_record)
		return default_group(n, count);
	return bw_arena_alloc(n->arena, 1);
}
