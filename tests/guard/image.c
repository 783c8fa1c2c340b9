#include "test.h"

#include "guard/guard_internal.h"

static enum bw_err parse(struct bw_arena *a, struct bw_guard_config *out, const char *one, const char *two)
{
	const char *const options[] = {one, two, NULL};
	const char *wrong, *why;

	return bw_guard_parse(options, a, out, &wrong, &why);
}

TEST(guard_options_are_bindings)
{
	struct bw_guard_config c;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	assert_int_equal(
	    parse(&a, &c, "eth0=sg-01234567,sg-0123456789abcdef0", "blue/veth0.1@x=eni-0123456789abcdef0"),
	    BW_OK);
	assert_int_equal(c.count, 2);
	assert_str(c.bindings[0].name, "eth0");
	assert_false(bw_str_set(c.bindings[0].space));
	assert_int_equal(c.bindings[0].groups.n, 2);
	assert_str(c.bindings[0].groups.v[1], "sg-0123456789abcdef0");
	assert_str(c.bindings[1].name, "blue/veth0.1@x");
	assert_str(c.bindings[1].space, "blue");
	assert_str(c.bindings[1].interface, "veth0.1@x");
	assert_str(c.bindings[1].network_interface, "eni-0123456789abcdef0");
	assert_int_equal(parse(&a, &c, "*=sg-01234567", "blue/*=sg-01234567"), BW_OK);
	assert_false(bw_str_set(c.bindings[1].interface));
	bw_arena_free(&a);
}

TEST(guard_options_that_are_none)
{
	static const char *const wrong[] = {"", "=", "eth0", "eth0=", "=sg-01234567", "/=sg-01234567",
	    "/eth0=sg-01234567", "a/b/c=sg-01234567", "../eth0=sg-01234567", "a/..=sg-01234567",
	    "eth0=sg-0123456", "eth0=sg-0123456G", "eth0=sg-01234567,", "eth0=,sg-01234567",
	    "eth0=vpc-01234567", "eth0=eni-01234567,sg-01234567", "0123456789abcdef=sg-01234567",
	    "e th=sg-01234567", "e\"th=sg-01234567", "**=sg-01234567", "eth0=sg-01234567 "};
	struct bw_guard_config c;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(wrong); i++)
		assert_int_equal(parse(&a, &c, wrong[i], NULL), BW_EINVAL);
	assert_int_equal(parse(&a, &c, "eth0=sg-01234567", "eth0=sg-01234567"), BW_EINVAL);
	assert_int_equal(parse(&a, &c, "eth0=sg-01234567", "*=sg-01234567"), BW_EINVAL);
	assert_int_equal(parse(&a, &c, "eth0=sg-01234567", "a/eth0=sg-01234567"), BW_OK);
	bw_arena_free(&a);
}

TEST(guard_options_have_ceilings)
{
	const char *options[BW_GUARD_BINDINGS_MAX + 2] = {0}, *wrong, *why;
	struct bw_guard_config c;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_GUARD_BINDINGS_MAX; i++)
		options[i] = bw_arena_printf(&a, "e%zu=sg-01234567", i).p;
	assert_int_equal(bw_guard_parse(options, &a, &c, &wrong, &why), BW_OK);
	options[BW_GUARD_BINDINGS_MAX] = "more=sg-01234567";
	assert_int_equal(bw_guard_parse(options, &a, &c, &wrong, &why), BW_EINVAL);
	assert_string_equal(wrong, "more=sg-01234567");
	bw_arena_free(&a);
}

TEST(guard_image_and_report_survive_their_bytes)
{
	struct bw_edge_permit permits[] = {
	    {BW_STR("tcp"), 1, 2, BW_STR("10.0.0.0/8")}, {BW_STR("-1"), -1, -1, BW_STR("::/0")}};
	struct bw_guard_rules rules = {.name = BW_STR("blue/*"),
	    .space = BW_STR("blue"),
	    .known = true,
	    .ingress = permits,
	    .ingress_count = 2,
	    .egress = permits,
	    .egress_count = 1};
	struct bw_guard_target target = {true, BW_STR("fd00::1"), 53};
	struct bw_guard_image image = {7, &rules, 1, true, &target, 1}, back;
	struct bw_guard_state state = {BW_STR("blue/*"), BW_STR("failed"), BW_STR("why"), 3, 4, 5};
	struct bw_guard_report report = {7, &state, 1, BW_STR("kept"), BW_STR(""), 9}, told;
	struct bw_arena a;
	struct bw_buf out;

	bw_arena_init(&a, 1 << 20);
	bw_buf_init(&out, 1 << 20);
	bw_guard_image_encode(&image, &out);
	assert_int_equal(bw_guard_image_decode(bw_buf_str(&out), &a, &back), BW_OK);
	assert_int_equal(back.version, 7);
	assert_str(back.rules[0].ingress[1].network, "::/0");
	assert_false(bw_str_set(back.rules[0].interface));
	assert_true(back.targets_known && back.targets[0].udp && back.targets[0].port == 53);
	assert_str(back.targets[0].address, "fd00::1");
	for (size_t i = 0; i < out.n; i++)
		assert_int_equal(bw_guard_image_decode(bw_str_make(out.p, i), &a, &back), BW_ECORRUPT);
	bw_buf_reset(&out);
	bw_guard_report_encode(&report, &out);
	assert_int_equal(bw_guard_report_decode(bw_buf_str(&out), &a, &told), BW_OK);
	assert_str(told.states[0].reason, "why");
	assert_int_equal(told.states[0].refused, 5);
	assert_str(told.origins, "kept");
	assert_int_equal(told.origins_made, 9);
	bw_buf_free(&out);
	bw_arena_free(&a);
}
