#include "test.h"

#include <stdio.h>

#include "guard/guard_internal.h"
#include "text.h"

static const struct guard_opens none;

/* The table for one binding's ingress, checked to be JSON; in the arena. */
static struct bw_str table_of(
    struct bw_arena *a, const struct bw_edge_permit *permits, size_t n, const char *interface, bool fresh)
{
	struct bw_guard_rules r = {
	    .name = BW_STR("x"), .interface = bw_str_c(interface), .ingress = permits, .ingress_count = n};
	struct guard_bound b = {&r, &none, &none};
	struct bw_buf json;

	bw_buf_init(&json, 64 << 20);
	guard_table_put(&b, 1, fresh, &json);
	return json_text(a, &json);
}

TEST(guard_table_names_no_other)
{
	struct bw_arena a;
	struct bw_str t;

	bw_arena_init(&a, 64 << 20);
	t = table_of(&a, NULL, 0, "eth0", false);
	assert_int_equal(count(t, "\"delete\""), 0);
	assert_int_equal(count(t, "\"flush\":{\"table\":{\"family\":\"inet\",\"name\":\"bulwark\"}}"), 1);
	assert_int_equal(count(t, "\"flush\""), 1);
	assert_int_equal(count(t, "\"family\""), count(t, "\"family\":\"inet\""));
	assert_int_equal(count(t, "\"table\":\""), count(t, "\"table\":\"bulwark\""));
	t = table_of(&a, NULL, 0, "eth0", true);
	assert_int_equal(count(t, "\"delete\":{\"table\":{\"family\":\"inet\",\"name\":\"bulwark\"}}"), 1);
	assert_int_equal(count(t, "\"delete\""), 1);
	bw_arena_free(&a);
}

TEST(guard_table_gathers_networks_and_drops_nested_ones)
{
	const struct bw_edge_permit permits[] = {
	    {BW_STR("tcp"), 80, 80, BW_STR("10.1.0.0/16")},
	    {BW_STR("tcp"), 80, 80, BW_STR("10.0.0.0/8")},
	    {BW_STR("tcp"), 80, 80, BW_STR("10.0.0.0/8")},
	    {BW_STR("tcp"), 80, 80, BW_STR("11.0.0.1/32")},
	    {BW_STR("tcp"), 80, 80, BW_STR("2001:db8::/32")},
	    {BW_STR("tcp"), 80, 81, BW_STR("10.0.0.0/8")},
	};
	struct bw_arena a;
	struct bw_str t;

	bw_arena_init(&a, 64 << 20);
	t = table_of(&a, permits, BW_COUNT(permits), "eth0", true);
	assert_int_equal(count(t, "\"saddr\""), 3);
	assert_int_equal(
	    count(t, "{\"addr\":\"10.0.0.0\",\"len\":8}},{\"prefix\":{\"addr\":\"11.0.0.1\",\"len\":32}}]"),
	    1);
	assert_int_equal(count(t, "10.1.0.0"), 0);
	assert_int_equal(count(t, "\"counter\":\"b0_permitted\""), 3);
	bw_arena_free(&a);
}

TEST(guard_table_leaves_out_what_is_no_permit)
{
	const struct bw_edge_permit permits[] = {
	    {BW_STR("tcp"), 80, 80, BW_STR("10.0.0.0")},
	    {BW_STR("nonsense"), 80, 80, BW_STR("10.0.0.0/8")},
	    {BW_STR("tcp"), -2, 80, BW_STR("10.0.0.0/8")},
	    {BW_STR("tcp"), 0, 65536, BW_STR("10.0.0.0/8")},
	    {BW_STR("256"), -1, -1, BW_STR("10.0.0.0/8")},
	    {BW_STR("icmp"), 8, 0, BW_STR("::/0")},
	    {BW_STR("icmpv6"), -1, -1, BW_STR("0.0.0.0/0")},
	    {BW_STR_NONE, -1, -1, BW_STR("0.0.0.0/0")},
	    {BW_STR("tcp"), 1, 1, BW_STR("1.1.1.1/1\"}")},
	};
	struct bw_arena a;

	bw_arena_init(&a, 64 << 20);
	assert_int_equal(
	    count(table_of(&a, permits, BW_COUNT(permits), "eth0", true), "\"counter\":\"b0_permitted\""), 0);
	bw_arena_free(&a);
}

TEST(guard_table_of_every_interface_but_the_loopback)
{
	struct bw_arena a;

	bw_arena_init(&a, 64 << 20);
	assert_int_equal(count(table_of(&a, NULL, 0, NULL, true), "\"op\":\"!=\""), 4);
	assert_int_equal(count(table_of(&a, NULL, 0, "eth0", true), "\"op\":\"!=\""), 0);
	bw_arena_free(&a);
}

/* Ten thousand rules are ten thousand members of sets, not rules of the table. */
TEST(guard_table_of_many_permits_stays_small)
{
	enum { MANY = 10000 };
	struct bw_edge_permit *permits = bw_alloc(MANY * sizeof *permits);
	struct bw_arena a;
	struct bw_str t;

	bw_arena_init(&a, 256 << 20);
	for (size_t i = 0; i < MANY; i++)
		permits[i] = (struct bw_edge_permit){BW_STR("tcp"), 443, 443,
		    bw_arena_printf(&a, "10.%zu.%zu.%zu/32", i / 65536, i / 256 % 256, i % 256)};
	t = table_of(&a, permits, MANY, "eth0", true);
	assert_int_equal(count(t, "\"prefix\""), MANY);
	assert_int_equal(count(t, "\"counter\":\"b0_permitted\""), 1);
	bw_arena_free(&a);
	bw_free(permits);
}

TEST(guard_counters_are_read)
{
	static const char said[] = "{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\"}}, {\"counter\": "
	                           "{\"family\": \"inet\", \"name\": \"b0_permitted\", "
	                           "\"table\": \"bulwark\", \"handle\": 1, \"packets\": 12, \"bytes\": "
	                           "900}}, {\"counter\": {\"name\": \"b0_refused\", \"packets\": "
	                           "3}}, {\"counter\": {\"name\": \"b1_refused\", \"packets\": 9}}]}";
	int64_t in, out;

	assert_int_equal(guard_counters_read(bw_str_c(said), 0, &in, &out), BW_OK);
	assert_int_equal(in, 12);
	assert_int_equal(out, 3);
	assert_int_equal(guard_counters_read(bw_str_c(said), 2, &in, &out), BW_OK);
	assert_int_equal(in + out, 0);
	assert_int_equal(guard_counters_read(BW_STR("nonsense"), 0, &in, &out), BW_EINVAL);
	assert_int_equal(guard_counters_read(BW_STR("[]"), 0, &in, &out), BW_EINVAL);
}
