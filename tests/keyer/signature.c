/* Signatures, MACs and shared secrets, against published answers where there are any. */
#include "fixture.h"

#include <openssl/x509.h>

/* Every signing algorithm with a key that it goes with. */
static const struct {
	enum bw_key_spec spec;
	enum bw_key_algorithm algorithm;
	size_t digest; /* 0: takes messages alone */
} schemes[] = {
    {BW_KEY_RSA_2048, BW_ALG_RSASSA_PSS_SHA_256, 32},
    {BW_KEY_RSA_2048, BW_ALG_RSASSA_PSS_SHA_384, 48},
    {BW_KEY_RSA_2048, BW_ALG_RSASSA_PSS_SHA_512, 64},
    {BW_KEY_RSA_2048, BW_ALG_RSASSA_PKCS1_V1_5_SHA_256, 32},
    {BW_KEY_RSA_2048, BW_ALG_RSASSA_PKCS1_V1_5_SHA_384, 48},
    {BW_KEY_RSA_2048, BW_ALG_RSASSA_PKCS1_V1_5_SHA_512, 64},
    {BW_KEY_ECC_NIST_P256, BW_ALG_ECDSA_SHA_256, 32},
    {BW_KEY_ECC_NIST_P384, BW_ALG_ECDSA_SHA_384, 48},
    {BW_KEY_ECC_NIST_P521, BW_ALG_ECDSA_SHA_512, 64},
    {BW_KEY_ECC_SECG_P256K1, BW_ALG_ECDSA_SHA_256, 32},
    {BW_KEY_ECC_NIST_EDWARDS25519, BW_ALG_ED25519_SHA_512, 0},
    {BW_KEY_SM2, BW_ALG_SM2DSA, 0}, /* its digest is over more than the message */
};

static enum bw_err verifies(
    const struct bw_keyer_request *signing, struct bw_str message, struct bw_str signature)
{
	struct bw_keyer_request r = *signing;

	r.op = BW_KEYER_VERIFY;
	r.input = message;
	r.input2 = signature;
	return ask(&r).result;
}

/* The other way to the digest of a message: the one that callers take who hash themselves. */
static struct bw_str digest_of(struct bw_str message, size_t n)
{
	unsigned char *out = bw_arena_alloc(&arena, EVP_MAX_MD_SIZE);
	unsigned got;

	assert_int_equal(EVP_Digest(message.p, message.n, out, &got,
	                     n == 32   ? EVP_sha256()
	                     : n == 48 ? EVP_sha384()
	                               : EVP_sha512(),
	                     NULL),
	    1);
	assert_int_equal(got, n);
	return bw_str_make(out, n);
}

TEST(what_is_signed_verifies_and_nothing_else_does)
{
	keyer_begin();
	for (size_t i = 0; i < BW_COUNT(schemes); i++) {
		struct bw_keyer_request r = {.op = BW_KEYER_SIGN,
		    .key = key_make(schemes[i].spec, NULL),
		    .algorithm = schemes[i].algorithm,
		    .input = BW_STR("a message")};
		struct bw_str signature = ask_ok(&r);

		assert_ok(verifies(&r, r.input, signature));
		assert_int_equal(verifies(&r, BW_STR("another"), signature), BW_ECORRUPT);
		assert_int_equal(verifies(&r, r.input, flipped(signature, signature.n - 1)), BW_ECORRUPT);
		assert_int_equal(
		    verifies(&r, r.input, bw_str_sub(signature, 0, signature.n - 1)), BW_ECORRUPT);
		assert_int_equal(verifies(&r, r.input, BW_STR("")), BW_ECORRUPT);
	}
}

TEST(a_digest_is_not_hashed_again)
{
	keyer_begin();
	for (size_t i = 0; i < BW_COUNT(schemes); i++) {
		struct bw_str message = BW_STR("a message");
		struct bw_keyer_request r = {.op = BW_KEYER_SIGN,
		    .key = key_make(schemes[i].spec, NULL),
		    .algorithm = schemes[i].algorithm,
		    .message = BW_MESSAGE_DIGEST,
		    .input = message};
		struct bw_str signature;

		assert_int_equal(ask(&r).result, BW_EINVAL); /* of another length, or no such thing */
		if (!schemes[i].digest)
			continue;
		r.input = digest_of(message, schemes[i].digest);
		signature = ask_ok(&r);
		r.message = BW_MESSAGE_RAW;
		assert_ok(verifies(&r, message, signature));
		r.message = BW_MESSAGE_EXTERNAL_MU;
		assert_int_equal(verifies(&r, message, signature), BW_EINVAL);
	}
}

/* RFC 4231 sections 4.3 (the key is too short to be one of KMS's) and 4.8: what HMAC is, shown on keys that
 * are wrapped here. */
TEST(macs_are_those_of_rfc_4231)
{
	struct keyer_turn t = {.keyer = &keyer, .arena = &arena, .generation = 1};
	struct bw_keyer_material m = {BW_STR("111122223333"), BW_STR("eu-central-1"), BW_STR("k"),
	    BW_STR("m"), 1, BW_KEY_HMAC_256, BW_STR_NONE};
	struct bw_keyer_request r;

	keyer_begin();
	/* Twenty bytes of 0x0b, padded with zeros as HMAC itself pads a key (section 4.2). */
	keyer_wrap(
	    &t, &m, hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b000000000000000000000000"), &m.wrapped);
	r = (struct bw_keyer_request){
	    .op = BW_KEYER_MAC, .key = m, .algorithm = BW_ALG_HMAC_SHA_256, .input = BW_STR("Hi There")};
	assert_true(
	    bw_str_eq(ask_ok(&r), hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")));
}

TEST(a_mac_verifies_and_nothing_else_does)
{
	static const struct {
		enum bw_key_spec spec;
		enum bw_key_algorithm algorithm;
		size_t n;
	} macs[] = {{BW_KEY_HMAC_224, BW_ALG_HMAC_SHA_224, 28}, {BW_KEY_HMAC_256, BW_ALG_HMAC_SHA_256, 32},
	    {BW_KEY_HMAC_384, BW_ALG_HMAC_SHA_384, 48}, {BW_KEY_HMAC_512, BW_ALG_HMAC_SHA_512, 64}};

	keyer_begin();
	for (size_t i = 0; i < BW_COUNT(macs); i++) {
		struct bw_keyer_request r = {.op = BW_KEYER_MAC,
		    .key = key_make(macs[i].spec, NULL),
		    .algorithm = macs[i].algorithm,
		    .input = BW_STR("m")};
		struct bw_str mac = ask_ok(&r);

		assert_int_equal(mac.n, macs[i].n);
		r.op = BW_KEYER_VERIFY_MAC;
		r.input2 = mac;
		assert_ok(ask(&r).result);
		r.input2 = flipped(mac, 0);
		assert_int_equal(ask(&r).result, BW_ECORRUPT);
		r.input2 = bw_str_sub(mac, 0, mac.n - 1);
		assert_int_equal(ask(&r).result, BW_ECORRUPT);
	}
}

/* RFC 8032 section 7.1, test 2. */
TEST(ed25519_signs_as_rfc_8032)
{
	struct keyer_turn t = {.keyer = &keyer, .arena = &arena, .generation = 1};
	struct bw_keyer_material m = {BW_STR("111122223333"), BW_STR("eu-central-1"), BW_STR("k"),
	    BW_STR("m"), 1, BW_KEY_ECC_NIST_EDWARDS25519, BW_STR_NONE};
	struct bw_keyer_request r;

	keyer_begin();
	keyer_wrap(&t, &m,
	    hex("302e020100300506032b657004220420"
	        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
	    &m.wrapped);
	r = (struct bw_keyer_request){
	    .op = BW_KEYER_SIGN, .key = m, .algorithm = BW_ALG_ED25519_SHA_512, .input = hex("72")};
	assert_true(
	    bw_str_eq(ask_ok(&r), hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	                              "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")));
}

/* RFC 8032 section 7.3: the message is "abc", and what is signed its SHA-512. */
TEST(ed25519ph_signs_as_rfc_8032)
{
	struct keyer_turn t = {.keyer = &keyer, .arena = &arena, .generation = 1};
	struct bw_keyer_material m = {BW_STR("111122223333"), BW_STR("eu-central-1"), BW_STR("k"),
	    BW_STR("m"), 1, BW_KEY_ECC_NIST_EDWARDS25519, BW_STR_NONE};
	struct bw_keyer_request r;
	struct bw_str signature;

	keyer_begin();
	keyer_wrap(&t, &m,
	    hex("302e020100300506032b657004220420"
	        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"),
	    &m.wrapped);
	r = (struct bw_keyer_request){.op = BW_KEYER_SIGN,
	    .key = m,
	    .algorithm = BW_ALG_ED25519_PH_SHA_512,
	    .message = BW_MESSAGE_DIGEST,
	    .input = digest_of(BW_STR("abc"), 64)};
	signature = ask_ok(&r);
	assert_true(bw_str_eq(signature, hex("98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
	                                     "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406")));
	assert_ok(verifies(&r, r.input, signature));
	assert_int_equal(verifies(&r, digest_of(BW_STR("abd"), 64), signature), BW_ECORRUPT);
	for (size_t i = 0; i < signature.n; i++)
		assert_int_equal(verifies(&r, r.input, flipped(signature, i)), BW_ECORRUPT);
	/* S + L is the same number in another spelling: L is 2^252 and some. */
	assert_int_equal(
	    verifies(&r, r.input,
	        hex("98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
	            "1ecc469f609f3c8d30bdfa7241a7d4bfa10b8c61e636062aaad11c2a26083416")),
	    BW_ECORRUPT);
	assert_int_equal(verifies(&r, bw_str_sub(r.input, 0, 63), signature), BW_EINVAL);
	r.message = BW_MESSAGE_RAW;
	assert_int_equal(ask(&r).result, BW_EINVAL);
	/* The same key's plain signature of the same bytes is another. */
	r.algorithm = BW_ALG_ED25519_SHA_512;
	assert_false(bw_str_eq(ask_ok(&r), signature));
}

/* GM/T 0003.5-2012's worked example is on another curve: what there is to compare with is OpenSSL's own command, in
 * tests/clients. Here: digests are taken as they are, and only of SM3's length. */
TEST(sm2_signs_digests_as_they_are)
{
	struct bw_keyer_request r = {.op = BW_KEYER_SIGN, .algorithm = BW_ALG_SM2DSA, .message = BW_MESSAGE_DIGEST};
	struct bw_str signature;

	keyer_begin();
	r.key = key_make(BW_KEY_SM2, NULL);
	r.input = digest_of(BW_STR("m"), 32);
	signature = ask_ok(&r);
	assert_ok(verifies(&r, r.input, signature));
	assert_int_equal(verifies(&r, digest_of(BW_STR("n"), 32), signature), BW_ECORRUPT);
	assert_int_equal(verifies(&r, bw_str_sub(r.input, 0, 31), signature), BW_EINVAL);
	r.message = BW_MESSAGE_RAW;
	assert_int_equal(verifies(&r, r.input, signature), BW_ECORRUPT);
}

/* Debian 12's OpenSSL has no ML-DSA; where there is one, it is like the others. */
TEST(ml_dsa_is_there_or_said_not_to_be)
{
	static const enum bw_key_spec all[] = {BW_KEY_ML_DSA_44, BW_KEY_ML_DSA_65, BW_KEY_ML_DSA_87};
	EVP_KEYMGMT *there = EVP_KEYMGMT_fetch(NULL, "ML-DSA-44", NULL);

	keyer_begin();
	for (size_t i = 0; i < BW_COUNT(all); i++) {
		struct bw_keyer_request r = {.op = BW_KEYER_GENERATE, .key = {.account = BW_STR("1"), .region = BW_STR("r"),
		    .key_id = BW_STR("k"), .version = 1, .spec = all[i]}};

		if (!there) {
			assert_int_equal(ask(&r).result, BW_ENOTFOUND);
			continue;
		}
		r = (struct bw_keyer_request){.op = BW_KEYER_SIGN, .key = key_make(all[i], NULL),
		    .algorithm = BW_ALG_ML_DSA_SHAKE_256, .input = BW_STR("m")};
		assert_ok(verifies(&r, r.input, ask_ok(&r)));
		assert_int_equal(verifies(&r, BW_STR("n"), ask_ok(&r)), BW_ECORRUPT);
		r.message = BW_MESSAGE_EXTERNAL_MU;
		assert_int_equal(ask(&r).result, BW_EINVAL);
		r.input = digest_of(BW_STR("mu"), 64);
		assert_ok(verifies(&r, r.input, ask_ok(&r)));
	}
	EVP_KEYMGMT_free(there);
}

TEST(two_sides_derive_one_secret)
{
	static const struct {
		enum bw_key_spec spec;
		size_t n;
	} curves[] = {{BW_KEY_ECC_NIST_P256, 32}, {BW_KEY_ECC_NIST_P384, 48}, {BW_KEY_ECC_NIST_P521, 66}};

	keyer_begin();
	for (size_t i = 0; i < BW_COUNT(curves); i++) {
		struct bw_str one_public, two_public, foreign;
		struct bw_keyer_material one = key_make(curves[i].spec, &one_public),
		                         two = key_make(curves[i].spec, &two_public);
		struct bw_keyer_request r = {
		    .op = BW_KEYER_DERIVE, .key = one, .algorithm = BW_ALG_ECDH, .input = two_public};
		struct bw_str secret = ask_ok(&r);

		assert_int_equal(secret.n, curves[i].n);
		r.key = two;
		r.input = one_public;
		assert_true(bw_str_eq(secret, ask_ok(&r)));
		/* Off the curve, cut short, of another curve, nothing at all. */
		r.input = flipped(one_public, one_public.n - 1);
		assert_int_equal(ask(&r).result, BW_EINVAL);
		r.input = bw_str_sub(one_public, 0, one_public.n - 1);
		assert_int_equal(ask(&r).result, BW_EINVAL);
		(void)key_make(i ? BW_KEY_ECC_NIST_P256 : BW_KEY_ECC_NIST_P384, &foreign);
		r.input = foreign;
		assert_int_equal(ask(&r).result, BW_EINVAL);
		r.input = BW_STR("");
		assert_int_equal(ask(&r).result, BW_EINVAL);
	}
}

TEST(data_key_pairs_are_what_they_say)
{
	static const enum bw_key_spec pairs[] = {
	    BW_KEY_RSA_2048, BW_KEY_ECC_NIST_P256, BW_KEY_ECC_SECG_P256K1, BW_KEY_ECC_NIST_EDWARDS25519};
	struct bw_keyer_material key;

	keyer_begin();
	key = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	for (size_t i = 0; i < BW_COUNT(pairs); i++) {
		struct bw_keyer_request r = {
		    .op = BW_KEYER_DATA_KEY_PAIR, .key = key, .pair_spec = pairs[i], .plain = true};
		struct bw_keyer_answer a = ask(&r);
		const unsigned char *at = (const unsigned char *)a.out2.p;
		EVP_PKEY *pkey;

		assert_ok(a.result);
		pkey = d2i_AutoPrivateKey(NULL, &at, (long)a.out2.n);
		assert_non_null(pkey);
		assert_true(bw_str_eq(keyer_der_public(&arena, pkey), a.out3));
		EVP_PKEY_free(pkey);
		r = (struct bw_keyer_request){.op = BW_KEYER_DECRYPT,
		    .key = key,
		    .algorithm = BW_ALG_SYMMETRIC_DEFAULT,
		    .input = a.out};
		assert_true(bw_str_eq(ask_ok(&r), a.out2));
	}
	{
		const struct bw_keyer_request r = {
		    .op = BW_KEYER_DATA_KEY_PAIR, .key = key, .pair_spec = BW_KEY_HMAC_256};

		assert_int_equal(ask(&r).result, BW_EINVAL);
	}
}

/* ---- What certificates are signed with ---- */

static const struct {
	enum bw_key_algorithm ecdsa, rsa;
	size_t digest;
} issued[] = {
    {BW_ALG_ECDSA_SHA_256, BW_ALG_RSASSA_PKCS1_V1_5_SHA_256, 32},
    {BW_ALG_ECDSA_SHA_384, BW_ALG_RSASSA_PKCS1_V1_5_SHA_384, 48},
    {BW_ALG_ECDSA_SHA_512, BW_ALG_RSASSA_PKCS1_V1_5_SHA_512, 64},
};

/* OpenSSL's word, by the public half alone. */
static bool openssl_verifies(struct bw_str public_der, struct bw_str digest, struct bw_str signature)
{
	const unsigned char *at = (const unsigned char *)public_der.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)public_der.n);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	const EVP_MD *md = digest.n == 32 ? EVP_sha256() : digest.n == 48 ? EVP_sha384() : EVP_sha512();
	bool good;

	assert_int_equal(EVP_PKEY_verify_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(c, md), 1);
	good = EVP_PKEY_verify(c, (const unsigned char *)signature.p, signature.n, (const unsigned char *)digest.p, digest.n) == 1;
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return good;
}

TEST(certificates_are_signed_with_any_digest_on_any_curve)
{
	static const enum bw_key_spec specs[] = {
	    BW_KEY_ECC_NIST_P256, BW_KEY_ECC_NIST_P384, BW_KEY_ECC_NIST_P521, BW_KEY_RSA_2048};

	keyer_begin();
	for (size_t s = 0; s < BW_COUNT(specs); s++) {
		struct bw_str public_der;
		struct bw_keyer_request r = {.op = BW_KEYER_SIGN_ISSUED, .key = key_make(specs[s], &public_der), .message = BW_MESSAGE_DIGEST};

		for (size_t i = 0; i < BW_COUNT(issued); i++) {
			r.algorithm = specs[s] == BW_KEY_RSA_2048 ? issued[i].rsa : issued[i].ecdsa;
			r.input = digest_of(BW_STR("a certificate"), issued[i].digest);
			assert_true(openssl_verifies(public_der, r.input, ask_ok(&r)));
			assert_false(openssl_verifies(public_der, digest_of(BW_STR("another"), issued[i].digest), ask_ok(&r)));
			r.input = bw_str_sub(r.input, 0, issued[i].digest - 1);
			assert_int_equal(ask(&r).result, BW_EINVAL);
		}
	}
}

TEST(certificates_are_not_signed_with_what_is_no_such_algorithm)
{
	static const struct {
		enum bw_key_spec spec;
		enum bw_key_algorithm algorithm;
	} bad[] = {
	    {BW_KEY_ECC_NIST_P256, BW_ALG_RSASSA_PKCS1_V1_5_SHA_256},
	    {BW_KEY_ECC_NIST_P256, BW_ALG_ECDH},
	    {BW_KEY_RSA_2048, BW_ALG_ECDSA_SHA_256},
	    {BW_KEY_RSA_2048, BW_ALG_RSASSA_PSS_SHA_256},
	    {BW_KEY_RSA_2048, BW_ALG_RSAES_OAEP_SHA_256},
	    {BW_KEY_RSA_2048, BW_ALG_RSA_AES_KEY_WRAP_SHA_256},
	    {BW_KEY_HMAC_256, BW_ALG_HMAC_SHA_256},
	    {BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_SYMMETRIC_DEFAULT},
	    {BW_KEY_ECC_NIST_EDWARDS25519, BW_ALG_ED25519_SHA_512},
	};

	keyer_begin();
	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		struct bw_keyer_request r = {.op = BW_KEYER_SIGN_ISSUED, .key = key_make(bad[i].spec, NULL), .algorithm = bad[i].algorithm,
		    .message = BW_MESSAGE_DIGEST, .input = digest_of(BW_STR("a certificate"), 32)};

		assert_int_equal(ask(&r).result, BW_EINVAL);
		r.key.key_id = BW_STR("another"); /* nor with a key that was made for somebody else */
		assert_int_not_equal(ask(&r).result, BW_OK);
	}
}
