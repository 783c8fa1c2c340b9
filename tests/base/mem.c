#include "test.h"
#include <stdio.h>
#include "base/buf.h"
#include "base/map.h"

/* Below, at and above what is left of a chunk: the text is whole, and what was given out before stays as it
 * was. */
TEST(arena_prints_where_it_fits)
{
	for (int left = 0; left <= 64; left += 16)
		for (int n = 0; n <= 80; n++) {
			struct bw_arena a;
			struct bw_str text;
			char *before;

			bw_arena_init(&a, 1 << 20);
			before = bw_arena_alloc(&a, (size_t)(4096 - left));
			memset(before, 'b', (size_t)(4096 - left));
			text = bw_arena_printf(&a, "%0*d", n, 0);
			assert_int_equal(text.n, n ? n : 1);
			assert_int_equal(text.p[text.n], 0);
			for (size_t i = 0; i < text.n; i++)
				assert_int_equal(text.p[i], '0');
			assert_ptr_not_equal(bw_arena_alloc(&a, 1), text.p);
			assert_int_equal(before[4095 - left], 'b');
			assert_int_equal(text.p[0], '0');
			bw_arena_free(&a);
		}
}

TEST(arena_marks_when_its_ceiling_is_passed)
{
	struct bw_arena a;

	bw_arena_init(&a, 64);
	bw_arena_alloc(&a, 64);
	assert_false(a.over);
	bw_arena_alloc(&a, 1);
	assert_true(a.over);
	bw_arena_reset(&a);
	assert_false(a.over);
	assert_str(bw_arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	bw_arena_free(&a);
}

TEST(arena_joins_parts_that_are_empty_absent_and_long)
{
	struct bw_arena a;
	struct bw_str text, long_part;

	bw_arena_init(&a, 1 << 20);
	text = BW_JOIN(&a, BW_STR("a"), BW_STR(""), BW_STR_NONE, BW_STR("/"), BW_STR("bc"));
	assert_str(text, "a/bc");
	assert_int_equal(text.p[text.n], 0);
	assert_str(BW_JOIN(&a, BW_STR_NONE), "");
	long_part = bw_arena_printf(&a, "%05000d", 0);
	text = BW_JOIN(&a, BW_STR("<"), long_part, BW_STR(">"));
	assert_int_equal(text.n, 5002);
	assert_int_equal(text.p[0], '<');
	assert_int_equal(text.p[5001], '>');
	bw_arena_free(&a);
}

/* Whatever was there is gone, and the memory is that of before. */
TEST(arena_clears_and_keeps_its_memory)
{
	struct bw_arena a;
	char *first, *again;

	bw_arena_init(&a, 1 << 20);
	first = bw_arena_alloc(&a, 100);
	memset(first, 's', 100);
	bw_arena_clear(&a);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(first[i], 0);
	again = bw_arena_alloc(&a, 100);
	assert_ptr_equal(again, first);
	assert_int_equal(a.used_bytes, 112);
	bw_arena_free(&a);
}

TEST(buf_over_memory_of_the_callers_fills_it_and_no_more)
{
	char room[6] = "......";
	struct bw_buf b = bw_buf_over(room, 5);

	bw_buf_put(&b, BW_STR("abc"));
	bw_buf_put_i64(&b, 12);
	assert_false(b.failed);
	assert_str(bw_buf_str(&b), "abc12");
	assert_ptr_equal(b.p, room);
	bw_buf_put_c(&b, '3');
	assert_true(b.failed);
	bw_buf_put(&b, BW_STR("4"));
	bw_buf_printf(&b, "%d", 5);
	assert_str(bw_buf_str(&b), "abc12");
	assert_int_equal(room[5], '.');
}

TEST(buf_refuses_past_its_ceiling_and_stays_refused)
{
	struct bw_buf b;

	bw_buf_init(&b, 4);
	bw_buf_put(&b, BW_STR("abcd"));
	assert_false(b.failed);
	bw_buf_put_c(&b, 'e');
	assert_true(b.failed);
	bw_buf_put(&b, BW_STR(""));
	assert_str(bw_buf_str(&b), "abcd");
	bw_buf_free(&b);
	bw_buf_init(&b, 100);
	bw_buf_put_i64(&b, INT64_MIN);
	assert_str(bw_buf_str(&b), "-9223372036854775808");
	bw_buf_eat(&b, 19);
	bw_buf_put_hex(&b, "\x01\xfe", 2);
	assert_str(bw_buf_str(&b), "801fe");
	bw_buf_free(&b);
}

static int dropped;

static void count_drop(void *value)
{
	(void)value;
	dropped++;
}

TEST(map_evicts_the_least_recently_used)
{
	struct bw_map m;
	int one = 1, two = 2, three = 3;

	dropped = 0;
	bw_map_init(&m, 2, count_drop);
	bw_map_put(&m, BW_STR("one"), &one);
	bw_map_put(&m, BW_STR("two"), &two);
	assert_ptr_equal(bw_map_get(&m, BW_STR("one")), &one);
	bw_map_put(&m, BW_STR("three"), &three);
	assert_null(bw_map_get(&m, BW_STR("two")));
	assert_ptr_equal(bw_map_get(&m, BW_STR("one")), &one);
	assert_int_equal(dropped, 1);
	bw_map_del(&m, BW_STR("one"));
	assert_int_equal(dropped, 2);
	bw_map_free(&m);
	assert_int_equal(dropped, 3);
}

TEST(map_finds_everything_after_growth)
{
	struct bw_map m;
	char name[16];

	bw_map_init(&m, 0, NULL);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "key%d", i);
		bw_map_put(&m, bw_str_c(name), (void *)(uintptr_t)(i + 1));
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "key%d", i);
		assert_int_equal((uintptr_t)bw_map_get(&m, bw_str_c(name)), i + 1);
	}
	bw_map_free(&m);
}
