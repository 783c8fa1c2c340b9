#include "test.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/map.h"
#include "base/slab.h"

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

enum { SECRET = 4000, MARK = 0xa5 };

/* How many bytes of the mark lie where something was: the kernel reads what was freed, too. */
static size_t marks_at(const void *p, size_t n)
{
	static unsigned char bytes[1 << 20];
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	size_t found = 0;
	ssize_t got;

	assert_true(fd >= 0);
	got = pread(fd, bytes, n, (off_t)(uintptr_t)p);
	close(fd);
	for (ssize_t i = 0; i < got; i++)
		found += bytes[i] == MARK;
	return found;
}

/* But for what the allocator itself writes there. Large pieces are the kernel's at once, and unreadable. */
TEST(what_is_given_back_is_wiped)
{
	static const size_t sizes[] = {24, 100, SECRET, 1 << 17, 1 << 20};

	for (size_t i = 0; i < BW_COUNT(sizes); i++) {
		void *volatile p = bw_realloc(NULL, sizes[i]);
		void *moved;

		memset(p, MARK, sizes[i]);
		assert_int_equal(marks_at(p, sizes[i]), sizes[i]);
		moved = bw_realloc(p, 2 * sizes[i] + 64);
		assert_ptr_not_equal(moved, p);
		assert_int_equal(marks_at(moved, sizes[i]), sizes[i]);
		assert_true(marks_at(p, sizes[i]) < 16);
		p = moved;
		bw_free(p);
		assert_true(marks_at(p, sizes[i]) < 16);
	}
}

TEST(memory_of_another_size_stays_or_moves_whole)
{
	unsigned char *p = bw_realloc(NULL, SECRET), *same, *less;

	memset(p, MARK, SECRET);
	same = bw_realloc(p, SECRET - 8);
	assert_ptr_equal(same, p);
	less = bw_realloc(same, 100);
	assert_ptr_not_equal(less, same);
	assert_int_equal(marks_at(less, 100), 100);
	bw_free(less);
	bw_free(NULL);
}

/* All its chunks, the one that stays included; and what comes next is zero. */
TEST(arena_leaves_nothing)
{
	struct bw_arena a;
	char *chunks[4];

	bw_arena_init(&a, 1 << 20);
	for (int reset = 0; reset < 2; reset++) {
		for (size_t i = 0; i < BW_COUNT(chunks); i++) {
			chunks[i] = bw_arena_alloc(&a, 4096u << i);
			for (size_t k = 0; k < 4096u << i; k++)
				assert_int_equal(chunks[i][k], 0);
			memset(chunks[i], MARK, 4096u << i);
		}
		if (reset)
			bw_arena_free(&a);
		else
			bw_arena_reset(&a);
		for (size_t i = 0; i < BW_COUNT(chunks); i++)
			assert_true(marks_at(chunks[i], 4096u << i) < 16);
	}
}

/* Sheets go back without what lay on them, and so does a piece that has one of its own. */
TEST(slab_leaves_nothing)
{
	static const size_t sizes[] = {256, SECRET, 70000};

	for (size_t i = 0; i < BW_COUNT(sizes); i++) {
		struct bw_slab s = {0};
		char *p = bw_slab_take(&s, sizes[i]);

		memset(p, MARK, sizes[i]);
		assert_int_equal(marks_at(p, sizes[i]), sizes[i]);
		bw_slab_give(&s, p);
		bw_slab_free(&s);
		assert_true(marks_at(p, sizes[i]) < 16);
	}
}

/* Emptied, eaten from, outgrown and freed. */
TEST(buf_leaves_nothing)
{
	static const char secret[SECRET] = {[0 ... SECRET - 1] = (char)MARK};
	struct bw_str all = bw_str_make(secret, SECRET);
	struct bw_buf b;
	char *p;

	bw_buf_init(&b, 1 << 20);
	bw_buf_put(&b, all);
	bw_buf_eat(&b, SECRET - 10);
	assert_int_equal(marks_at(b.p, SECRET), 10);
	bw_buf_reset(&b);
	assert_int_equal(marks_at(b.p, SECRET), 0);
	bw_buf_put(&b, all);
	p = b.p;
	bw_buf_put(&b, all);
	assert_ptr_not_equal(b.p, p);
	assert_true(marks_at(p, SECRET) < 16);
	p = b.p;
	bw_buf_free(&b);
	assert_true(marks_at(p, SECRET) < 16);
}

/* Whatever was there is gone, and the memory is that of before. */
TEST(arena_clears_and_keeps_its_memory)
{
	struct bw_arena a;
	char *first, *again;

	bw_arena_init(&a, 1 << 20);
	first = bw_arena_alloc(&a, 100);
	memset(first, 's', 100);
	bw_arena_reset(&a);
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
