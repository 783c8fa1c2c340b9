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

TEST(lane_notes_an_attempt_once_a_second)
{
	struct bw_lane *lane = bw_alloc(sizeof *lane);
	struct caller_entry *entry = bw_alloc(sizeof *entry);
	const struct bw_service *iam = bw_service_find(BW_STR("iam"));
	struct bw_caller c = {.kind = BW_PRINCIPAL_USER, .account = A, .entity_id = BW_STR("AIDAEXAMPLE")};
	struct bw_call call = {
	    .now_ms = 1700000000000, .service = iam, .caller = &c, .region = BW_STR("eu-west-1")};
	struct bw_str get = BW_STR("111122223333/global/iam/access/AIDAEXAMPLE/iam/GetUser");

	bw_map_init(&lane->notes, 16, rate_drop);
	call.model = bw_operation_find(iam, BW_STR("GetUser"));
	lane_note_access(lane, &call, entry);
	assert_int_equal(lane->notes.count, 1);
	assert_non_null(bw_map_get(&lane->notes, get));
	/* The same second says nothing new, even when the note has left; the next one does. */
	bw_map_del(&lane->notes, get);
	call.now_ms += 999;
	lane_note_access(lane, &call, entry);
	assert_int_equal(lane->notes.count, 0);
	call.now_ms += 1;
	lane_note_access(lane, &call, entry);
	assert_int_equal(lane->notes.count, 1);
	call.model = bw_operation_find(iam, BW_STR("ListUsers"));
	lane_note_access(lane, &call, entry);
	assert_int_equal(lane->notes.count, 2);
	/* The root user is no entity, and who was proven by no key has no entry. */
	c.kind = BW_PRINCIPAL_ROOT;
	call.now_ms += 1000;
	lane_note_access(lane, &call, entry);
	c.kind = BW_PRINCIPAL_USER;
	lane_note_access(lane, &call, NULL);
	assert_int_equal(lane->notes.count, 2);
	bw_map_free(&lane->notes);
	bw_free(entry);
	bw_free(lane);
}

static int strange(struct bw_lane *lane, struct bw_str address, int64_t now_ms, int asked)
{
	int n = 0;

	for (int i = 0; i < asked; i++)
		n += lane_stranger_take(lane, address, now_ms);
	return n;
}

TEST(lane_unsigned_calls_of_an_address_have_their_ceiling)
{
	struct bw_lane *lane = bw_alloc(sizeof *lane);
	int64_t now_ms = 1700000000000;

	bw_map_init(&lane->strangers, 16, rate_drop);
	assert_int_equal(strange(lane, BW_STR("192.0.2.1"), now_ms, STRANGER_CALLS_S - 1), STRANGER_CALLS_S - 1);
	assert_true(lane_stranger_take(lane, BW_STR("192.0.2.1"), now_ms));
	assert_false(lane_stranger_take(lane, BW_STR("192.0.2.1"), now_ms));
	assert_true(lane_stranger_take(lane, BW_STR("192.0.2.2"), now_ms));
	/* Parts of a call are not lost. */
	assert_false(lane_stranger_take(lane, BW_STR("192.0.2.1"), now_ms + 1));
	assert_true(lane_stranger_take(lane, BW_STR("192.0.2.1"), now_ms + 2));
	assert_int_equal(strange(lane, BW_STR("192.0.2.1"), now_ms + 3600000, 1000), STRANGER_CALLS_S);
	/* Addresses of one /64 are one. */
	assert_int_equal(strange(lane, BW_STR("2001:db8::1"), now_ms, 1000), STRANGER_CALLS_S);
	assert_false(lane_stranger_take(lane, BW_STR("2001:db8::ffff:2"), now_ms));
	assert_true(lane_stranger_take(lane, BW_STR("2001:db8:0:1::1"), now_ms));
	bw_map_free(&lane->strangers);
	bw_free(lane);
}

static int told(struct bw_lane *lane, int64_t now_ms, int asked)
{
	int n = 0;

	for (int i = 0; i < asked; i++)
		n += lane_stranger_record(lane, now_ms);
	return n;
}

/* A full disk stops everybody: what strangers have written on it has a ceiling, and what is above is counted. */
TEST(lane_records_of_strangers_have_their_ceiling)
{
	struct bw_lane *lane = bw_alloc(sizeof *lane);
	int64_t now_ms = 1700000000000;

	assert_int_equal(told(lane, now_ms, STRANGER_RECORDS_AT_ONCE - 1), STRANGER_RECORDS_AT_ONCE - 1);
	assert_true(lane_stranger_record(lane, now_ms));
	assert_int_equal(lane->untold, 0);
	assert_false(lane_stranger_record(lane, now_ms));
	assert_int_equal(lane->untold, 1);
	assert_int_equal(told(lane, now_ms + 999, 100), STRANGER_RECORDS_S - 1);
	assert_int_equal(told(lane, now_ms + 1000, 100), 1);
	assert_int_equal(lane->untold, 1 + 81 + 99);
	/* Quiet is saved up to that many. */
	assert_int_equal(told(lane, now_ms + 1000 + 1000 * 49, 2000), 49 * STRANGER_RECORDS_S);
	assert_int_equal(told(lane, now_ms + 1000 + 1000 * 3600, 2000), STRANGER_RECORDS_AT_ONCE);
	bw_free(lane);
}
