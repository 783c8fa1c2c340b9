#include "crypto/rsa_public.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "crypto/evp.h"
#include "crypto/pem.h"

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
	BIO *bio = bw_pem_open(pem);
	EVP_PKEY *key = bw_pem_public_key(bio);
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

enum bw_err bw_rsa_public_pem(struct bw_str modulus, struct bw_str exponent, struct bw_buf *out)
{
	EVP_PKEY *key = evp_rsa_public(modulus, exponent);
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
