#include "crypto/rsa_public.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

static enum bw_err number_read(EVP_PKEY *key, const char *name, struct bw_arena *arena, struct bw_str *out)
{
	BIGNUM *n = NULL;
	unsigned char *bytes;

	CHECK(EVP_PKEY_get_bn_param(key, name, &n) == 1, BW_EINVAL);
	bytes = bw_arena_alloc(arena, (size_t)BN_num_bytes(n) + 1);
	*out = bw_str_make(bytes, (size_t)BN_bn2bin(n, bytes));
	BN_free(n);
	return BW_OK;
}

enum bw_err bw_rsa_public_read(
    struct bw_str pem, struct bw_arena *arena, struct bw_str *modulus, struct bw_str *exponent)
{
	BIO *bio = pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	enum bw_err e = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? BW_OK : BW_EINVAL;

	if (e == BW_OK)
		e = number_read(key, OSSL_PKEY_PARAM_RSA_N, arena, modulus);
	if (e == BW_OK)
		e = number_read(key, OSSL_PKEY_PARAM_RSA_E, arena, exponent);
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return e;
}

static EVP_PKEY *key_make(struct bw_str modulus, struct bw_str exponent)
{
	BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.p, (int)modulus.n, NULL);
	BIGNUM *e = BN_bin2bn((const unsigned char *)exponent.p, (int)exponent.n, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (n && e && build && ctx && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) &&
	    (params = OSSL_PARAM_BLD_to_param(build)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

enum bw_err bw_rsa_public_pem(struct bw_str modulus, struct bw_str exponent, struct bw_buf *out)
{
	EVP_PKEY *key = key_make(modulus, exponent);
	BIO *bio = BIO_new(BIO_s_mem());
	enum bw_err e = key && bio && PEM_write_bio_PUBKEY(bio, key) == 1 ? BW_OK : BW_EINVAL;
	char *text;
	long n;

	if (e == BW_OK) {
		n = BIO_get_mem_data(bio, &text);
		bw_buf_put(out, bw_str_make(text, (size_t)n));
	}
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return e;
}

void bw_md5(struct bw_str bytes, unsigned char out[16])
{
	MUST(EVP_Digest(bytes.p, bytes.n, out, NULL, EVP_md5(), NULL) == 1);
}
