#include "test.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/memory.h"

enum { BYTES = 4096, MARK = 0xa5 };

/* How many bytes of the mark lie where something was: the kernel reads what was freed, too. */
static size_t marks_at(const void *p)
{
	unsigned char bytes[BYTES];
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
