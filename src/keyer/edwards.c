/* Signatures of messages that are not hashed before (Ed25519, RFC 8032 section 5.1; ML-DSA, FIPS 204), and Ed25519ph, which takes a
 * hash in the message's place. OpenSSL 3.0 has no Ed25519ph, and libsodium's takes messages alone: its arithmetic is taken here. */
#include "keyer/keyer_internal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <sodium.h>

enum { SEED = 32, SCALAR = 32, POINT = 32, SIGNATURE = 64, PREHASHED = 64, MU = 64 };

static const unsigned char *bytes_of(struct bw_str s)
{
	return (const unsigned char *)s.p;
}

/* ---- By OpenSSL ---- */

/* ML-DSA's external mu stands in the message's place, too, and OpenSSL is told so. BW_EINVAL: not with this key. */
static enum bw_err form_choose(const struct bw_keyer_request *r, int *mu, OSSL_PARAM params[2])
{
	bool lattice = keyer_spec(r->key.spec)->family == KEYER_ML_DSA;

	params[0] = params[1] = OSSL_PARAM_construct_end();
	CHECK(r->message == BW_MESSAGE_RAW || (lattice && r->message == BW_MESSAGE_EXTERNAL_MU), BW_EINVAL);
	CHECK(r->message == BW_MESSAGE_RAW || r->input.n == MU, BW_EINVAL);
	if (r->message == BW_MESSAGE_EXTERNAL_MU)
		params[0] = OSSL_PARAM_construct_int("mu", mu);
	return BW_OK;
}

static enum bw_err message_sign(struct keyer_turn *t, EVP_PKEY *pkey, struct bw_str *out)
{
	const struct bw_keyer_request *r = t->request;
	size_t n = (size_t)EVP_PKEY_get_size(pkey);
	unsigned char *to = bw_arena_alloc(t->arena, n);
	OSSL_PARAM params[2];
	EVP_MD_CTX *c;
	int mu = 1;
	bool good;

	TRY(form_choose(r, &mu, params));
	c = EVP_MD_CTX_new();
	MUST(c != NULL);
	good = EVP_DigestSignInit_ex(c, NULL, NULL, NULL, NULL, pkey, params) == 1 &&
	       EVP_DigestSign(c, to, &n, bytes_of(r->input), r->input.n) == 1;
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	*out = bw_str_make(to, n);
	return good ? BW_OK : BW_EINVAL;
}

static enum bw_err message_verify(struct keyer_turn *t, EVP_PKEY *pkey)
{
	const struct bw_keyer_request *r = t->request;
	OSSL_PARAM params[2];
	EVP_MD_CTX *c;
	int mu = 1;
	bool good;

	TRY(form_choose(r, &mu, params));
	c = EVP_MD_CTX_new();
	MUST(c != NULL);
	good = EVP_DigestVerifyInit_ex(c, NULL, NULL, NULL, NULL, pkey, params) == 1 &&
	       EVP_DigestVerify(c, bytes_of(r->input2), r->input2.n, bytes_of(r->input), r->input.n) == 1;
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	return good ? BW_OK : BW_ECORRUPT;
}

/* ---- Ed25519ph ---- */

/* dom2(1, "") of RFC 8032 section 2, then the parts, as a scalar. */
static void scalar_of(struct bw_str one, struct bw_str two, struct bw_str three, unsigned char out[SCALAR])
{
	static const unsigned char domain[] = "SigEd25519 no Ed25519 collisions\x01"; /* and the NUL: no context */
	unsigned char digest[64];
	crypto_hash_sha512_state h;

	crypto_hash_sha512_init(&h);
	crypto_hash_sha512_update(&h, domain, sizeof domain);
	crypto_hash_sha512_update(&h, bytes_of(one), one.n);
	crypto_hash_sha512_update(&h, bytes_of(two), two.n);
	crypto_hash_sha512_update(&h, bytes_of(three), three.n);
	crypto_hash_sha512_final(&h, digest);
	crypto_core_ed25519_scalar_reduce(out, digest);
	bw_wipe(digest, sizeof digest);
	bw_wipe(&h, sizeof h);
}

/* RFC 8032 section 5.1.5: half of the seed's hash is the scalar, the other half what nonces are made with. */
static bool secret_open(EVP_PKEY *pkey, unsigned char expanded[64])
{
	unsigned char seed[SEED];
	size_t n = sizeof seed;
	bool good = EVP_PKEY_get_raw_private_key(pkey, seed, &n) == 1 && n == SEED;

	if (good)
		crypto_hash_sha512(expanded, seed, sizeof seed);
	bw_wipe(seed, sizeof seed);
	expanded[0] &= 248;
	expanded[31] &= 127;
	expanded[31] |= 64;
	return good;
}

static bool public_open(EVP_PKEY *pkey, unsigned char point[POINT])
{
	size_t n = POINT;

	return EVP_PKEY_get_raw_public_key(pkey, point, &n) == 1 && n == POINT;
}

/* Section 5.1.6. */
static enum bw_err prehashed_sign(struct keyer_turn *t, EVP_PKEY *pkey, struct bw_str *out)
{
	unsigned char expanded[64], point[POINT], r[SCALAR], k[SCALAR], product[SCALAR];
	unsigned char *to = bw_arena_alloc(t->arena, SIGNATURE);
	struct bw_str hash = t->request->input;
	bool good;

	CHECK(t->request->message == BW_MESSAGE_DIGEST && hash.n == PREHASHED, BW_EINVAL);
	good = secret_open(pkey, expanded) && public_open(pkey, point);
	scalar_of(bw_str_make(expanded + 32, 32), hash, BW_STR(""), r);
	good = good && crypto_scalarmult_ed25519_base_noclamp(to, r) == 0;
	scalar_of(bw_str_make(to, POINT), bw_str_make(point, POINT), hash, k);
	crypto_core_ed25519_scalar_mul(product, k, expanded);
	crypto_core_ed25519_scalar_add(to + POINT, product, r);
	bw_wipe(expanded, sizeof expanded);
	bw_wipe(r, sizeof r);
	bw_wipe(product, sizeof product);
	*out = bw_str_make(to, SIGNATURE);
	return good ? BW_OK : BW_EINTERNAL;
}

/* Section 5.1.7: one spelling of each number alone. */
static bool is_reduced(const unsigned char s[SCALAR])
{
	unsigned char wide[64] = {0}, reduced[SCALAR];

	memcpy(wide, s, SCALAR);
	crypto_core_ed25519_scalar_reduce(reduced, wide);
	return memcmp(reduced, s, SCALAR) == 0;
}

/* Whether [S]B - [k]A is R. */
static bool equation_holds(const unsigned char *signature, const unsigned char point[POINT], const unsigned char k[SCALAR])
{
	unsigned char sb[POINT], ka[POINT], r[POINT];

	return crypto_core_ed25519_is_valid_point(point) == 1 &&
	       crypto_scalarmult_ed25519_base_noclamp(sb, signature + POINT) == 0 &&
	       crypto_scalarmult_ed25519_noclamp(ka, k, point) == 0 && crypto_core_ed25519_sub(r, sb, ka) == 0 &&
	       memcmp(r, signature, POINT) == 0;
}

static enum bw_err prehashed_verify(struct keyer_turn *t, EVP_PKEY *pkey)
{
	struct bw_str hash = t->request->input, signature = t->request->input2;
	unsigned char point[POINT], k[SCALAR];

	CHECK(t->request->message == BW_MESSAGE_DIGEST && hash.n == PREHASHED, BW_EINVAL);
	CHECK(signature.n == SIGNATURE && is_reduced(bytes_of(signature) + POINT) && public_open(pkey, point), BW_ECORRUPT);
	scalar_of(bw_str_sub(signature, 0, POINT), bw_str_make(point, POINT), hash, k);
	return equation_holds(bytes_of(signature), point, k) ? BW_OK : BW_ECORRUPT;
}

enum bw_err keyer_message_sign(struct keyer_turn *t, EVP_PKEY *pkey, struct bw_str *out)
{
	if (t->request->algorithm == BW_ALG_ED25519_PH_SHA_512)
		return prehashed_sign(t, pkey, out);
	return message_sign(t, pkey, out);
}

enum bw_err keyer_message_verify(struct keyer_turn *t, EVP_PKEY *pkey)
{
	if (t->request->algorithm == BW_ALG_ED25519_PH_SHA_512)
		return prehashed_verify(t, pkey);
	return message_verify(t, pkey);
}
