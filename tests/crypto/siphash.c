#include "known.h"
#include "crypto/crypto.h"

#include <openssl/evp.h>
#include <openssl/params.h>

enum { LONGEST = 200 };

static void digest(const unsigned char key[16], const unsigned char *in, size_t n, unsigned char out[16])
{
	struct bw_sip_key k;
	uint64_t words[2];

	bw_sip_key(&k, key);
	bw_sip128(&k, bw_str_make(in, n), words);
	for (size_t i = 0; i < 16; i++)
		out[i] = (unsigned char)(words[i / 8] >> 8 * (i % 8));
}

TEST(siphash_answers_the_authors_vectors)
{
	static const char *const want[] = {
	    "a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45"};
	unsigned char key[16], out[16];
	struct bw_arena a;

	bw_arena_init(&a, 1 << 16);
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (unsigned char)i;
	for (size_t n = 0; n < BW_COUNT(want); n++) {
		digest(key, key, n, out);
		assert_hex(&a, out, sizeof out, want[n]);
	}
	bw_arena_free(&a);
}

TEST(siphash_agrees_with_openssl_at_every_length)
{
	unsigned char key[16], in[LONGEST], ours[16], theirs[16];
	size_t size = sizeof theirs;
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t("size", &size), OSSL_PARAM_construct_end()};

	assert_non_null(mac);
	for (size_t i = 0; i < LONGEST; i++)
		in[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n <= LONGEST; n++) {
		EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
		size_t wrote = 0;

		for (size_t i = 0; i < sizeof key; i++)
			key[i] = (unsigned char)(n + i * 71);
		assert_int_equal(EVP_MAC_init(c, key, sizeof key, params), 1);
		assert_int_equal(EVP_MAC_update(c, in, n), 1);
		assert_int_equal(EVP_MAC_final(c, theirs, &wrote, sizeof theirs), 1);
		assert_int_equal(wrote, sizeof theirs);
		digest(key, in, n, ours);
		assert_memory_equal(ours, theirs, sizeof ours);
		EVP_MAC_CTX_free(c);
	}
	EVP_MAC_free(mac);
}
