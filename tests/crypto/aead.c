#include "known.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"

#include <pthread.h>

/* Cases 13, 14 and 16 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: 256-bit keys.
 */
static const struct {
	const char *key, *nonce, *aad, *plain, *cipher, *tag;
} gcm[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "",
        "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
        "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static struct bw_arena a;

static struct bw_aead_key *key_of(unsigned char byte)
{
	unsigned char key[32];

	bw_crypto_init();
	bw_arena_init(&a, 1 << 24);
	memset(key, byte, sizeof key);
	return bw_aead_key_new(key);
}

TEST(aead_opens_the_known_answers)
{
	bw_crypto_init();
	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(gcm); i++) {
		struct bw_aead_key *k = bw_aead_key_new((const unsigned char *)from_hex(&a, gcm[i].key).p);
		struct bw_str sealed =
		    from_hex(&a, bw_arena_printf(&a, "%s%s%s", gcm[i].nonce, gcm[i].cipher, gcm[i].tag).p);
		struct bw_str plain;

		assert_ok(bw_aead_open(k, from_hex(&a, gcm[i].aad), sealed, &a, &plain));
		assert_hex(&a, plain.p, plain.n, gcm[i].plain);
		bw_aead_key_free(k);
	}
	bw_arena_free(&a);
}

TEST(aead_opens_what_it_seals_at_every_small_size)
{
	struct bw_aead_key *k = key_of(1);
	char text[70];
	struct bw_buf out;

	memset(text, 'x', sizeof text);
	bw_buf_init(&out, 1000);
	for (size_t n = 0; n <= sizeof text; n++) {
		struct bw_str plain;

		bw_buf_reset(&out);
		bw_aead_seal(k, BW_STR("aad"), bw_str_make(text, n), &out);
		assert_int_equal(out.n, n + BW_AEAD_OVERHEAD);
		assert_ok(bw_aead_open(k, BW_STR("aad"), bw_buf_str(&out), &a, &plain));
		assert_true(bw_str_set(plain));
		assert_true(bw_str_eq(plain, bw_str_make(text, n)));
	}
	bw_buf_free(&out);
	bw_aead_key_free(k);
	bw_arena_free(&a);
}

TEST(aead_refuses_every_flipped_bit)
{
	struct bw_aead_key *k = key_of(2);
	struct bw_buf out;
	struct bw_str plain;

	bw_buf_init(&out, 1000);
	bw_aead_seal(k, BW_STR("here"), BW_STR("a secret of some length"), &out);
	for (size_t bit = 0; bit < out.n * 8; bit++) {
		out.p[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(bw_aead_open(k, BW_STR("here"), bw_buf_str(&out), &a, &plain), BW_ECORRUPT);
		assert_false(bw_str_set(plain));
		out.p[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_ok(bw_aead_open(k, BW_STR("here"), bw_buf_str(&out), &a, &plain));
	bw_buf_free(&out);
	bw_aead_key_free(k);
	bw_arena_free(&a);
}

TEST(aead_refuses_other_data_other_keys_and_short_input)
{
	struct bw_aead_key *k = key_of(3), *other = key_of(4);
	struct bw_buf out;
	struct bw_str plain;

	bw_buf_init(&out, 1000);
	bw_aead_seal(k, BW_STR("here"), BW_STR("text"), &out);
	assert_int_equal(bw_aead_open(k, BW_STR("there"), bw_buf_str(&out), &a, &plain), BW_ECORRUPT);
	assert_int_equal(bw_aead_open(k, BW_STR_NONE, bw_buf_str(&out), &a, &plain), BW_ECORRUPT);
	assert_int_equal(bw_aead_open(other, BW_STR("here"), bw_buf_str(&out), &a, &plain), BW_ECORRUPT);
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(
		    bw_aead_open(k, BW_STR("here"), bw_str_sub(bw_buf_str(&out), 0, n), &a, &plain),
		    BW_ECORRUPT);
	bw_buf_put_c(&out, 0);
	assert_int_equal(bw_aead_open(k, BW_STR("here"), bw_buf_str(&out), &a, &plain), BW_ECORRUPT);
	bw_buf_free(&out);
	bw_aead_key_free(k);
	bw_aead_key_free(other);
	bw_arena_free(&a);
}

TEST(aead_never_repeats_a_nonce_and_respects_the_ceiling)
{
	struct bw_aead_key *k = key_of(5);
	struct bw_buf one, two, full;

	bw_buf_init(&one, 100);
	bw_buf_init(&two, 100);
	bw_aead_seal(k, BW_STR_NONE, BW_STR("same"), &one);
	bw_aead_seal(k, BW_STR_NONE, BW_STR("same"), &two);
	assert_memory_not_equal(one.p, two.p, 12);
	bw_buf_init(&full, 4 + BW_AEAD_OVERHEAD - 1);
	bw_aead_seal(k, BW_STR_NONE, BW_STR("same"), &full);
	assert_true(full.failed);
	assert_int_equal(full.n, 0);
	bw_buf_free(&one);
	bw_buf_free(&two);
	bw_buf_free(&full);
	bw_aead_key_free(k);
	bw_arena_free(&a);
}

/* More threads than the key keeps contexts for. */
static void *seal_and_open(void *key)
{
	struct bw_arena mine;
	struct bw_buf out;

	bw_arena_init(&mine, 1 << 24);
	bw_buf_init(&out, 1000);
	for (int i = 0; i < 500; i++) {
		struct bw_str plain, text = bw_arena_printf(&mine, "%p %d", (void *)&out, i);

		bw_buf_reset(&out);
		bw_aead_seal(key, BW_STR("x"), text, &out);
		if (bw_aead_open(key, BW_STR("x"), bw_buf_str(&out), &mine, &plain) != BW_OK ||
		    !bw_str_eq(plain, text))
			return "wrong";
	}
	bw_buf_free(&out);
	bw_arena_free(&mine);
	return NULL;
}

TEST(aead_one_key_serves_many_threads)
{
	struct bw_aead_key *k = key_of(6);
	pthread_t threads[20];
	void *result;

	for (size_t i = 0; i < BW_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, seal_and_open, k), 0);
	for (size_t i = 0; i < BW_COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	bw_aead_key_free(k);
	bw_arena_free(&a);
}

TEST(secret_is_zeroed_writable_and_empty_after_free)
{
	struct bw_secret s = bw_secret_new(5000);

	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.p[i], 0);
	memset(s.p, 0xff, s.n);
	assert_int_equal(bw_secret_bytes(&s).n, 5000);
	bw_secret_free(&s);
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	bw_secret_free(&s);
}
