/* Pieces of memory: what is out is counted, and everything goes back. */
#include "base/slab.h"

#include <stdio.h>

#include "base/sanitizer.h"
#include "base/sparse.h"
#include "test.h"

static void fill(void *p, size_t n, int with)
{
	memset(p, with, n);
}

static void is_filled(const void *p, size_t n, int with)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(((const unsigned char *)p)[i], with);
}

TEST(slab_pieces_are_apart_and_aligned)
{
	static const size_t sizes[] = {0, 1, 32, 33, 500, 4095, 4096, 4097, 65535, 65536, 200000};
	struct bw_slab s = {0};
	unsigned char *p[3 * BW_COUNT(sizes)];

	for (size_t i = 0; i < BW_COUNT(p); i++) {
		size_t n = sizes[i % BW_COUNT(sizes)];

		p[i] = bw_slab_take(&s, n);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		fill(p[i], n, (int)i);
	}
	for (size_t i = 0; i < BW_COUNT(p); i++) {
		is_filled(p[i], sizes[i % BW_COUNT(sizes)], (int)i);
		bw_slab_give(&s, p[i]);
	}
	assert_int_equal(s.used_bytes, 0);
	bw_slab_free(&s);
	assert_int_equal(s.sheet_bytes, 0);
}

TEST(slab_counts_classes_and_large_pieces_by_their_size)
{
	struct bw_slab s = {0};
	void *small = bw_slab_take(&s, 33), *large;

	assert_int_equal(s.used_bytes, 48);
	large = bw_slab_take(&s, 5000);
	assert_int_equal(s.used_bytes, 5048);
	bw_slab_give(&s, small);
	bw_slab_give(&s, NULL);
	assert_int_equal(s.used_bytes, 5000);
	bw_slab_give(&s, large);
	assert_int_equal(s.used_bytes, 0);
	bw_slab_free(&s);
}

enum { SHEET = 64 * 1024 };

/* A crowd that has left does not stay in memory: one sheet a class is kept, and some in store. */
TEST(slab_gives_sheets_back_behind_a_crowd)
{
	enum { MANY = 30000, BYTES = 256 };
	struct bw_slab s = {0};
	static void *p[MANY];

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++)
			p[i] = bw_slab_take(&s, BYTES);
		assert_true(s.sheet_bytes >= MANY * BYTES && s.sheet_bytes < MANY * BYTES + MANY * BYTES / 8);
		for (size_t i = 0; i < MANY; i++) /* in an order of its own */
			bw_slab_give(&s, p[i * 7 % MANY]);
		assert_int_equal(s.used_bytes, 0);
		assert_int_equal(s.sheet_bytes, (1 + BW_SLAB_SPARES) * SHEET);
	}
	bw_slab_free(&s);
	assert_int_equal(s.sheet_bytes, 0);
}

/* What comes and goes, of whatever size, does so without the system, up to the store's ceiling. */
TEST(slab_keeps_some_sheets_for_all_classes)
{
	static const size_t sizes[] = {32, 320, 4096};
	enum { MANY = 16 };
	struct bw_slab s = {0};
	unsigned char *p[BW_SLAB_SPARES * MANY + 1];
	size_t n, most;

	for (n = 0; s.sheet_bytes < (1 + BW_SLAB_SPARES) * (size_t)SHEET; n++)
		p[n] = bw_slab_take(&s, 4096);
	while (n)
		bw_slab_give(&s, p[--n]);
	assert_int_equal(s.spare_count, BW_SLAB_SPARES);
	most = s.sheet_bytes;
	for (size_t i = 0; i < 5 * BW_COUNT(sizes); i++) {
		size_t bytes = sizes[i % BW_COUNT(sizes)];

		for (n = 0; n < MANY * 5; n++)
			fill(p[n] = bw_slab_take(&s, bytes), bytes, (int)n);
		while (n) {
			is_filled(p[n - 1], bytes, (int)n - 1);
			bw_slab_give(&s, p[--n]);
		}
		assert_int_equal(s.sheet_bytes, most);
	}
	assert_int_equal(s.used_bytes, 0);
	bw_slab_free(&s);
	assert_int_equal(s.sheet_bytes, 0);
	assert_int_equal(s.spare_count, 0);
}

TEST(slab_uses_pieces_again)
{
	struct bw_slab s = {0};
	void *p = bw_slab_take(&s, 100), *q;

	bw_slab_give(&s, p);
	q = bw_slab_take(&s, 128);
	assert_ptr_equal(p, q);
	bw_slab_give(&s, q);
	bw_slab_free(&s);
}

/* Given back, it is wiped but for its link, also where its sheet stays because others are out. */
TEST(slab_wipes_what_is_given_back)
{
	struct bw_slab s = {0};
	void *stays = bw_slab_take(&s, 100);
	unsigned char *p = bw_slab_take(&s, 100), *q;

	fill(p, 128, 7);
	bw_slab_give(&s, p);
	q = bw_slab_take(&s, 100);
	assert_ptr_equal(p, q);
	is_filled(q + sizeof(void *), 128 - sizeof(void *), 0);
	bw_slab_give(&s, q);
	bw_slab_give(&s, stays);
	bw_slab_free(&s);
}

/* Two sheets with a piece to give: what is new goes into the fuller one, whichever was last given to, and the other
 * becomes empty with its last piece. */
TEST(slab_prefers_the_fuller_sheet)
{
	enum { BYTES = 256, MOST = 2 * 64 * 1024 / BYTES };
	struct bw_slab s = {0};
	void *p[MOST], *more;
	size_t n = 0, one, whole;

	p[n++] = bw_slab_take(&s, BYTES);
	whole = s.sheet_bytes;
	for (; s.sheet_bytes == whole; n++)
		p[n] = bw_slab_take(&s, BYTES);
	one = n - 1; /* of the first sheet; the last one taken is the second's */
	for (size_t i = 8; i < one; i++)
		p[n++] = bw_slab_take(&s, BYTES);
	assert_int_equal(s.sheet_bytes, 2 * whole); /* the second one is nearly full too */
	for (size_t i = 1; i < one; i++)
		bw_slab_give(&s, p[i]);
	more = bw_slab_take(&s, BYTES);
	bw_slab_give(&s, p[0]);
	assert_int_equal(s.spare_count, 1);
	assert_int_equal((uintptr_t)more / whole, (uintptr_t)p[one] / whole);
	bw_slab_give(&s, more);
	for (size_t i = one; i < n; i++)
		bw_slab_give(&s, p[i]);
	assert_int_equal(s.used_bytes, 0);
	bw_slab_free(&s);
	assert_int_equal(s.sheet_bytes, 0);
}

static uint32_t draw(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* One in twenty stays of a crowd, wherever it lies, and comes and goes from then on: soon they lie together. */
TEST(slab_gathers_what_a_crowd_has_left_behind)
{
	enum { MANY = 8000, STAY = 400, BYTES = 1000 };
	struct bw_slab s = {0};
	static void *p[MANY];
	uint32_t state = 1;

	for (size_t i = 0; i < MANY; i++)
		p[i] = bw_slab_take(&s, BYTES);
	for (size_t i = MANY; i > 1; i--) {
		size_t k = draw(&state) % i;
		void *swapped = p[k];

		p[k] = p[i - 1];
		p[i - 1] = swapped;
	}
	for (size_t i = STAY; i < MANY; i++)
		bw_slab_give(&s, p[i]);
	for (size_t i = 0; i < 20 * STAY; i++) {
		size_t k = draw(&state) % STAY;

		bw_slab_give(&s, p[k]);
		p[k] = bw_slab_take(&s, BYTES);
	}
	assert_true(s.sheet_bytes - s.spare_count * SHEET <= s.used_bytes + s.used_bytes / 8 + SHEET);
	for (size_t i = 0; i < STAY; i++)
		bw_slab_give(&s, p[i]);
	assert_int_equal(s.sheet_bytes, (1 + BW_SLAB_SPARES) * SHEET);
	bw_slab_free(&s);
}

static size_t resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*u %lu", &pages), 1);
	(void)fclose(f);
	return pages * 4096;
}

/* Not only as counted. (A sanitizer keeps what is given back for a while.) */
TEST(slab_leaves_nothing_of_a_crowd_resident)
{
	enum { MANY = 32 * 1024, BYTES = 1024, WHOLE = MANY * BYTES };
	struct bw_slab s = {0};
	static void *p[MANY];
	size_t before;

	memset(p, 1, sizeof p);
	before = resident_bytes();
	for (size_t i = 0; i < MANY; i++)
		fill(p[i] = bw_slab_take(&s, BYTES), BYTES, 1);
	assert_true(resident_bytes() > before + WHOLE / 2);
	for (size_t i = 0; i < MANY; i++)
		if (i != MANY / 2)
			bw_slab_give(&s, p[i]);
	assert_int_equal(s.used_bytes, BYTES);
	if (!BW_SANITIZED)
		assert_true(resident_bytes() < before + WHOLE / 8);
	bw_slab_give(&s, p[MANY / 2]);
	bw_slab_free(&s);
}

TEST(sparse_memory_lies_where_it_is_wanted)
{
	static const size_t sizes[] = {4096, 64 * 1024, 3 * 4096, 200 * 1024 / 4096 * 4096};
	enum { EACH = 20, AT = 64 * 1024 };
	char *p[EACH * BW_COUNT(sizes)];

	for (size_t i = 0; i < BW_COUNT(p); i++) {
		size_t n = sizes[i % BW_COUNT(sizes)];

		p[i] = bw_sparse_aligned(n, AT);
		assert_int_equal((uintptr_t)p[i] % AT, 0);
		is_filled(p[i], n, 0);
		fill(p[i], n, (int)i);
	}
	for (size_t i = 0; i < BW_COUNT(p); i++) {
		is_filled(p[i], sizes[i % BW_COUNT(sizes)], (int)i);
		bw_sparse_free(p[i], sizes[i % BW_COUNT(sizes)]);
	}
}
