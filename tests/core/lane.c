#include "test.h"
#include "core/internal.h"

#define A BW_STR("111122223333")
#define B BW_STR("444455556666")

static void rate_drop(void *value)
{
	bw_free(value);
}

static int taken(struct bw_lane *lane, struct bw_str account, int64_t now_ms, int asked)
{
	int n = 0;

	for (int i = 0; i < asked; i++)
		n += lane_rate_take(lane, account, now_ms);
	return n;
}

TEST(lane_rate_of_an_account_has_its_ceiling)
{
	struct bw_lane *lane = bw_alloc(sizeof *lane);
	int64_t now_ms = 1700000000000;

	bw_map_init(&lane->rates, 16, rate_drop);
	/* At it, and one above. */
	assert_int_equal(taken(lane, A, now_ms, BW_CALLS_PER_ACCOUNT_S), BW_CALLS_PER_ACCOUNT_S);
	assert_false(lane_rate_take(lane, A, now_ms));
	/* One account's flood is not another's. */
	assert_true(lane_rate_take(lane, B, now_ms));
	/* A millisecond's worth, and no more; a clock that was put back gives nothing. */
	assert_int_equal(taken(lane, A, now_ms + 1, 1000), BW_CALLS_PER_ACCOUNT_S / 1000);
	assert_false(lane_rate_take(lane, A, now_ms - 60000));
	assert_int_equal(taken(lane, A, now_ms + 2, 1000), BW_CALLS_PER_ACCOUNT_S / 1000);
	/* Quiet is not saved up beyond a second. */
	assert_int_equal(
	    taken(lane, A, now_ms + 3600000, BW_CALLS_PER_ACCOUNT_S + 10), BW_CALLS_PER_ACCOUNT_S);
	bw_map_free(&lane->rates);
	bw_free(lane);
}
