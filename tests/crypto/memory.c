#include "test.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/memory.h"

enum { BYTES = 4096, MARK = 0xa5, RECORD = 17000 };

/* How many bytes of the mark lie where something was: the kernel reads what was freed, too. */
static size_t marks_at(const void *p)
{
	static unsigned char bytes[BYTES];
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, bytes, sizeof bytes, (off_t)(uintptr_t)p), sizeof bytes);
	close(fd);
	for (size_t i = 0; i < sizeof bytes; i++)
		n += bytes[i] == MARK;
	return n;
}

static void *marked(void)
{
	void *p = OPENSSL_malloc(BYTES);

	assert_non_null(p);
	memset(p, MARK, BYTES);
	assert_int_equal(marks_at(p), BYTES);
	return p;
}

/* Under a sanitizer what is freed is not taken again for a while. */
TEST(what_openssl_frees_is_wiped)
{
	void *volatile p;
	void *moved;

	p = marked();
	OPENSSL_free(p);
	assert_true(marks_at(p) < 16);
	p = marked();
	moved = OPENSSL_realloc(p, 4 * BYTES);
	assert_int_equal(marks_at(moved), BYTES);
	assert_true(moved == p || marks_at(p) < 16);
	OPENSSL_free(moved);
	assert_null(OPENSSL_malloc(0));
	p = marked();
	assert_null(OPENSSL_realloc(p, 0));
	assert_true(marks_at(p) < 16);
}

/* What is offered goes to what is of that size alone, and comes back when it is freed. */
TEST(openssl_takes_a_place_of_ours)
{
	struct bw_doze places;
	void *place, *p;

	bw_doze_init(&places, BYTES, 1);
	bw_crypto_places(&places);
	place = bw_doze_take(&places);
	bw_crypto_offer(place, BYTES / 2, BYTES);
	for (size_t n = BYTES / 2 - 1; n <= BYTES + 1; n += BYTES / 2 + 2) {
		p = OPENSSL_malloc(n);
		assert_ptr_not_equal(p, place);
		OPENSSL_free(p);
	}
	assert_false(bw_crypto_taken());
	assert_ptr_not_equal(p = OPENSSL_malloc(BYTES), place); /* the offer has ended */
	OPENSSL_free(p);
	for (size_t n = BYTES / 2; n <= BYTES; n += BYTES / 2) {
		bw_crypto_offer(place, BYTES / 2, BYTES);
		p = OPENSSL_malloc(n);
		assert_ptr_equal(p, place);
		assert_true(bw_crypto_taken());
		assert_null(bw_doze_take(&places));
		OPENSSL_free(p);
		assert_ptr_equal(bw_doze_take(&places), place);
	}
	bw_doze_give(&places, place);
	bw_crypto_places(NULL);
	bw_doze_free(&places);
}

TEST(what_openssl_holds_is_counted)
{
	void *p, *old = OPENSSL_malloc(BYTES);
	size_t before;

	assert_int_equal(bw_crypto_held_bytes(), 0);
	bw_crypto_count();
	before = bw_crypto_held_bytes();
	p = OPENSSL_malloc(BYTES);
	assert_true(bw_crypto_held_bytes() >= before + BYTES);
	p = OPENSSL_realloc(p, 10 * BYTES);
	assert_true(bw_crypto_held_bytes() >= before + (size_t)10 * BYTES);
	OPENSSL_free(p);
	assert_int_equal(bw_crypto_held_bytes(), before);
	OPENSSL_free(old); /* of before the counting */
	assert_int_equal(bw_crypto_held_bytes(), 0);
}

static size_t marks_in(const void *p, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += ((const unsigned char *)p)[i] == MARK;
	return found;
}

static void assert_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 0);
}

/* Taken again it is the same piece, in which nothing is left. */
TEST(what_openssl_takes_for_a_record_is_wiped_as_far_as_it_was_used)
{
	unsigned char *p, *again;

	bw_crypto_count();
	p = OPENSSL_malloc(RECORD);
	memset(p, MARK, 100);
	assert_true(bw_crypto_record_used((char *)p + 3, 50));
	assert_false(bw_crypto_record_used((char *)p + 53, 47));
	assert_false(bw_crypto_record_used((char *)p, 10)); /* which is less than was said */
	OPENSSL_free(p);
	again = OPENSSL_malloc(RECORD - 500);
	assert_ptr_equal(again, p);
	assert_zero(p, RECORD);
	memset(p, MARK, RECORD);
	assert_true(bw_crypto_record_used((char *)p, RECORD));
	OPENSSL_free(p);
	assert_ptr_equal(OPENSSL_malloc(RECORD), p);
	assert_zero(p, RECORD);
	OPENSSL_free(p);
}

TEST(what_openssl_takes_for_a_record_untold_is_wiped_whole)
{
	unsigned char *p, *q;

	bw_crypto_count();
	p = OPENSSL_malloc(RECORD);
	memset(p, MARK, RECORD);
	OPENSSL_free(p);
	assert_ptr_equal(OPENSSL_malloc(RECORD), p);
	assert_zero(p, RECORD);
	/* Of two the older one: what is told of it is not heard. */
	memset(p, MARK, RECORD);
	assert_true(bw_crypto_record_used((char *)p, 1));
	q = OPENSSL_malloc(RECORD);
	assert_ptr_not_equal(q, p);
	assert_false(bw_crypto_record_used((char *)p, RECORD));
	OPENSSL_free(p);
	assert_ptr_equal(OPENSSL_malloc(RECORD), p);
	assert_zero(p, RECORD);
	OPENSSL_free(q);
	OPENSSL_free(p);
	/* Nor what is told of none. */
	assert_false(bw_crypto_record_used((char *)p, 1));
}

TEST(what_openssl_takes_for_a_record_too_many_is_wiped_and_freed)
{
	void *p[8];
	size_t before = bw_crypto_held_bytes();
	unsigned char *moved;

	bw_crypto_count();
	p[0] = OPENSSL_malloc(RECORD);
	memset(p[0], MARK, BYTES);
	assert_true(bw_crypto_record_used(p[0], 1));
	moved = OPENSSL_realloc(p[0], 2 * RECORD);
	assert_int_equal(marks_in(moved, BYTES), BYTES);
	assert_true(marks_at(p[0]) < 16);
	OPENSSL_free(moved);
	for (size_t i = 0; i < BW_COUNT(p); i++) {
		p[i] = OPENSSL_malloc(RECORD);
		memset(p[i], MARK, RECORD);
	}
	for (size_t i = 0; i < BW_COUNT(p); i++)
		OPENSSL_free(p[i]);
	for (size_t i = 0; i < BW_COUNT(p); i++)
		assert_true(marks_at(p[i]) < 16);
	/* What is kept is counted, and has an end. */
	assert_in_range(bw_crypto_held_bytes() - before, 0, 4 * 19 * 1024);
}
