/* Places that sleep: what was there is there again, nothing else is, and what is kept is counted. */
#include "base/doze.h"
#include "test.h"

enum { BYTES = 7600, PAGES_BYTES = 8192, MAX = 200 };

/* Mostly zero, and words of all kinds between. */
static void write_on(unsigned char *p, size_t seed)
{
	for (size_t i = seed % 7; i < BYTES; i += 61 + seed % 13)
		p[i] = (unsigned char)(i + seed);
	p[BYTES - 1] = 9;
}

static void is_written(const unsigned char *p, size_t seed)
{
	static unsigned char expected[BYTES];

	memset(expected, 0, sizeof expected);
	write_on(expected, seed);
	assert_memory_equal(p, expected, BYTES);
}

TEST(doze_places_are_zero_apart_and_limited)
{
	struct bw_doze d;
	unsigned char *p[MAX];

	bw_doze_init(&d, BYTES, MAX);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MAX; i++) {
			p[i] = bw_doze_take(&d);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % 64, 0);
			assert_true(bw_doze_has(&d, p[i]) && bw_doze_has(&d, p[i] + BYTES - 1));
			for (size_t k = 0; k < BYTES; k++)
				assert_int_equal(p[i][k], 0);
			write_on(p[i], i);
		}
		assert_null(bw_doze_take(&d));
		assert_int_equal(d.held_bytes, (size_t)MAX * PAGES_BYTES);
		for (size_t i = 0; i < MAX; i++) {
			is_written(p[i], i);
			bw_doze_give(&d, p[i]);
		}
		assert_int_equal(d.held_bytes, 0);
	}
	assert_false(bw_doze_has(&d, &d) || bw_doze_has(&d, NULL));
	bw_doze_free(&d);
}

TEST(doze_sleepers_find_what_they_left)
{
	struct bw_doze d;
	unsigned char *p[MAX];

	bw_doze_init(&d, BYTES, MAX);
	for (size_t i = 0; i < MAX; i++)
		write_on(p[i] = bw_doze_take(&d), i);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < MAX; i += 1 + (size_t)round)
			bw_doze_sleep(&d, p[i]);
		for (size_t i = 0; i < MAX; i += 1 + (size_t)round) {
			assert_true(bw_doze_sleeps(&d, p[i]));
			bw_doze_wake(&d, p[i]);
			assert_false(bw_doze_sleeps(&d, p[i]));
		}
		for (size_t i = 0; i < MAX; i++)
			is_written(p[i], i);
	}
	bw_doze_free(&d);
}

TEST(doze_sleepers_are_counted_by_what_is_kept)
{
	struct bw_doze d;
	unsigned char *p;
	size_t empty;

	bw_doze_init(&d, BYTES, 2);
	p = bw_doze_take(&d);
	bw_doze_sleep(&d, p);
	empty = d.held_bytes;
	assert_true(empty > 0 && empty < BYTES / 16);
	bw_doze_wake(&d, p);
	assert_int_equal(d.held_bytes, PAGES_BYTES);
	p[0] = p[4000] = 1;
	bw_doze_sleep(&d, p);
	assert_int_equal(d.held_bytes, empty + 16);
	bw_doze_give(&d, p); /* asleep */
	assert_int_equal(d.held_bytes, 0);
	p = bw_doze_take(&d);
	for (size_t k = 0; k < BYTES; k++)
		assert_int_equal(p[k], 0);
	memset(p, 0xff, BYTES); /* more than is saved: kept all the same */
	bw_doze_sleep(&d, p);
	assert_true(d.held_bytes > BYTES);
	bw_doze_wake(&d, p);
	for (size_t k = 0; k < BYTES; k++)
		assert_int_equal(p[k], 0xff);
	bw_doze_free(&d);
}
