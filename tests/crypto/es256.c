#include "test.h"

#include "crypto/crypto.h"
#include "crypto/es256.h"
#include "crypto/public_key.h"

static struct bw_public_key *public_of(const struct bw_es256 *k)
{
	struct bw_public_key *out;
	unsigned char point[65];

	bw_es256_public_point(k, point);
	assert_ok(
	    bw_public_ec(BW_STR("P-256"), bw_str_make(point + 1, 32), bw_str_make(point + 33, 32), &out));
	return out;
}

TEST(es256_signs_what_its_public_key_verifies)
{
	static const unsigned char one[32] = {1}, two[32] = {2};
	struct bw_es256 *a = bw_es256_derive(one), *b = bw_es256_derive(two);
	struct bw_public_key *pa = public_of(a), *pb = public_of(b);
	unsigned char signature[64];
	struct bw_str s = bw_str_make(signature, sizeof signature), text = BW_STR("some words");

	bw_es256_sign(a, text, signature);
	assert_ok(bw_public_verify(pa, BW_ES256, text, s));
	assert_int_equal(bw_public_verify(pb, BW_ES256, text, s), BW_ECORRUPT);
	assert_int_equal(bw_public_verify(pa, BW_ES256, BW_STR("other words"), s), BW_ECORRUPT);
	signature[40] ^= 1;
	assert_int_equal(bw_public_verify(pa, BW_ES256, text, s), BW_ECORRUPT);
	bw_public_free(pa);
	bw_public_free(pb);
	bw_es256_free(a);
	bw_es256_free(b);
}

TEST(es256_keys_are_their_secrets)
{
	static const unsigned char secret[32] = {7};
	struct bw_es256 *a = bw_es256_derive(secret), *b = bw_es256_derive(secret);
	struct bw_buf one, two;

	bw_buf_init(&one, 4096);
	bw_buf_init(&two, 4096);
	bw_es256_public_pem(a, &one);
	bw_es256_public_pem(b, &two);
	assert_true(bw_str_eq(bw_buf_str(&one), bw_buf_str(&two)));
	assert_true(bw_str_starts(bw_buf_str(&one), BW_STR("-----BEGIN PUBLIC KEY-----\n")));
	bw_buf_free(&one);
	bw_buf_free(&two);
	bw_es256_free(a);
	bw_es256_free(b);
}
