/* Pieces of memory: what is out is counted, and everything goes back. */
#include "base/slab.h"
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

/* A crowd that has left does not stay in memory: one sheet a class is kept. */
TEST(slab_gives_sheets_back_behind_a_crowd)
{
	enum { MANY = 3000, BYTES = 256 };
	struct bw_slab s = {0};
	static void *p[MANY];

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++)
			p[i] = bw_slab_take(&s, BYTES);
		assert_true(s.sheet_bytes >= MANY * BYTES && s.sheet_bytes < MANY * BYTES + MANY * BYTES / 8);
		for (size_t i = 0; i < MANY; i++) /* in an order of its own */
			bw_slab_give(&s, p[i * 7 % MANY]);
		assert_int_equal(s.used_bytes, 0);
		assert_true(s.sheet_bytes <= 64 * 1024);
	}
	bw_slab_free(&s);
	assert_int_equal(s.sheet_bytes, 0);
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

TEST(slab_resizes_and_keeps_what_was_there)
{
	struct bw_slab s = {0};
	size_t sizes[] = {10, 32, 33, 4000, 70000, 100, 1}, had = 0;
	unsigned char *p = NULL;

	for (size_t i = 0; i < BW_COUNT(sizes); i++) {
		p = bw_slab_resize(&s, p, sizes[i]);
		is_filled(p, had < sizes[i] ? had : sizes[i], 7);
		fill(p, sizes[i], 7);
		had = sizes[i];
	}
	assert_int_equal(s.used_bytes, 32);
	bw_slab_give(&s, p);
	bw_slab_free(&s);
	assert_int_equal(s.sheet_bytes, 0);
}
