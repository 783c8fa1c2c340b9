#include "crypto/es256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "crypto/crypto.h"

enum {
	SEED =
	    48 /* 128 bits more than the order: taken modulo it, no number is likelier (FIPS 186-5 A.2.1) */,
	DER_MAX = 80
};

struct bw_es256 {
	EVP_PKEY *key;
	EVP_PKEY_CTX *sign;
	unsigned char point[65];
};

/* A number from 1 to the order less one. */
static BIGNUM *scalar_of(const EC_GROUP *group, const unsigned char secret[32])
{
	BIGNUM *most = BN_dup(EC_GROUP_get0_order(group)), *d;
	BN_CTX *ctx = BN_CTX_new();
	unsigned char seed[SEED];

	bw_hkdf(bw_str_make(secret, 32), BW_STR_NONE, BW_STR("bulwark es256 key"), seed, sizeof seed);
	d = BN_bin2bn(seed, sizeof seed, BN_secure_new());
	MUST(most && ctx && d);
	BN_set_flags(d, BN_FLG_CONSTTIME);
	MUST(BN_sub_word(most, 1) && BN_mod(d, d, most, ctx) && BN_add_word(d, 1));
	bw_wipe(seed, sizeof seed);
	BN_free(most);
	BN_CTX_free(ctx);
	return d;
}

static void point_of(const EC_GROUP *group, const BIGNUM *d, unsigned char out[65])
{
	EC_POINT *p = EC_POINT_new(group);

	MUST(p && EC_POINT_mul(group, p, d, NULL, NULL, NULL) == 1);
	MUST(EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, out, 65, NULL) == 65);
	EC_POINT_free(p);
}

static EVP_PKEY *key_make(const BIGNUM *d, const unsigned char point[65])
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	MUST(build && ctx);
	MUST(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	     OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) &&
	     OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 65));
	params = OSSL_PARAM_BLD_to_param(build);
	MUST(params && EVP_PKEY_fromdata_init(ctx) == 1 &&
	     EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

struct bw_es256 *bw_es256_derive(const unsigned char secret[32])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	struct bw_es256 *k = bw_alloc(sizeof *k);
	BIGNUM *d;

	MUST(group != NULL);
	d = scalar_of(group, secret);
	point_of(group, d, k->point);
	k->key = key_make(d, k->point);
	BN_clear_free(d);
	EC_GROUP_free(group);
	k->sign = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
	MUST(k->sign && EVP_PKEY_sign_init(k->sign) == 1 &&
	     EVP_PKEY_CTX_set_signature_md(k->sign, EVP_sha256()) == 1);
	return k;
}

void bw_es256_free(struct bw_es256 *k)
{
	if (!k)
		return;
	EVP_PKEY_CTX_free(k->sign);
	EVP_PKEY_free(k->key);
	bw_free(k);
}

void bw_es256_sign(struct bw_es256 *k, struct bw_str bytes, unsigned char out[64])
{
	unsigned char digest[32], der[DER_MAX];
	const unsigned char *at = der;
	size_t n = sizeof der;
	ECDSA_SIG *both;

	bw_sha256(bytes, digest);
	MUST(EVP_PKEY_sign(k->sign, der, &n, digest, sizeof digest) == 1);
	both = d2i_ECDSA_SIG(NULL, &at, (long)n);
	MUST(both && BN_bn2binpad(ECDSA_SIG_get0_r(both), out, 32) == 32 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(both), out + 32, 32) == 32);
	ECDSA_SIG_free(both);
}

void bw_es256_public_pem(const struct bw_es256 *k, struct bw_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	MUST(bio && PEM_write_bio_PUBKEY(bio, k->key) == 1);
	n = BIO_get_mem_data(bio, &text);
	bw_buf_put(out, bw_str_make(text, (size_t)n));
	BIO_free(bio);
}

void bw_es256_public_point(const struct bw_es256 *k, unsigned char out[65])
{
	memcpy(out, k->point, sizeof k->point);
}
