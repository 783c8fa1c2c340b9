#include "test.h"

#include "guard/guard_internal.h"
#include "text.h"

/* The table for these targets, checked to be JSON; in the arena. */
static struct bw_str table_of(struct bw_arena *a, const struct bw_guard_target *targets, size_t n)
{
	struct bw_buf json;

	bw_buf_init(&json, 1 << 20);
	guard_origins_table(targets, n, &json);
	return json_text(a, &json);
}

TEST(guard_origins_name_no_other_table)
{
	struct bw_arena a;
	struct bw_str t;

	bw_arena_init(&a, 1 << 20);
	t = table_of(&a, NULL, 0);
	assert_int_equal(count(t, "\"family\""), count(t, "\"family\":\"inet\""));
	assert_int_equal(count(t, "\"table\":\""), count(t, "\"table\":\"bulwark_origins\""));
	assert_int_equal(count(t, "\"name\":\"bulwark_origins\""), 3);
	assert_int_equal(count(t, "\"elem\""), 0);
	/* What reaches no target is dropped, and before that nothing but targets is let through. */
	assert_int_equal(count(t, "\"chain\":\"ours\",\"expr\":[{\"counter\":{\"packets\":0,\"bytes\":0}},{\"drop\":null}]"), 1);
	assert_int_equal(count(t, "\"@targets4\""), 1);
	assert_int_equal(count(t, "\"@targets6\""), 1);
	assert_int_equal(count(t, "\"right\":\"new\""), 2);
	bw_arena_free(&a);
}

TEST(guard_origins_have_each_target_once)
{
	const struct bw_guard_target targets[] = {
	    {false, BW_STR("10.0.0.1"), 80},
	    {false, BW_STR("10.0.0.1"), 80},
	    {true, BW_STR("10.0.0.1"), 80},
	    {false, BW_STR("fd00::1"), 65535},
	    {false, BW_STR("fd00:0:0::1"), 65535},
	    {false, BW_STR("10.0.0.1"), 0},
	    {false, BW_STR("10.0.0.1"), 65536},
	    {false, BW_STR("\"},"), 80},
	    {false, BW_STR("10.0.0.0/8"), 80},
	};
	struct bw_arena a;
	struct bw_str t;

	bw_arena_init(&a, 1 << 20);
	t = table_of(&a, targets, BW_COUNT(targets));
	assert_int_equal(count(t, "{\"concat\":[\"tcp\",\"10.0.0.1\",80]}"), 1);
	assert_int_equal(count(t, "{\"concat\":[\"udp\",\"10.0.0.1\",80]}"), 1);
	assert_int_equal(count(t, "{\"concat\":[\"tcp\",\"fd00::1\",65535]}"), 1);
	assert_int_equal(count(t, "{\"concat\":[\""), 3);
	bw_arena_free(&a);
}
