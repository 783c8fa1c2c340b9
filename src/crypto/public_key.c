#include "crypto/public_key.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "base/mem.h"
#include "crypto/evp.h"

enum { RSA_MIN = 2048, RSA_MAX = 8192, DER_MAX = 160, DIGEST_MAX = 64 };

static const struct {
	const char *name;
	const char *group; /* the curve as JSON web keys name it; NULL: RSA */
	size_t digest_bytes;
	size_t number_bytes; /* of r and of s */
} rows[BW_SIGNATURES] = {
    [BW_RS256] = {"RS256", NULL, 32, 0},
    [BW_RS384] = {"RS384", NULL, 48, 0},
    [BW_RS512] = {"RS512", NULL, 64, 0},
    [BW_ES256] = {"ES256", "P-256", 32, 32},
    [BW_ES384] = {"ES384", "P-384", 48, 48},
    [BW_ES512] = {"ES512", "P-521", 64, 66},
};

struct bw_public_key {
	EVP_PKEY *key;
	/* Each made once: what OpenSSL looks up and allocates for a verification is done then. */
	EVP_PKEY_CTX *ready[BW_SIGNATURES];
};

enum bw_err bw_signature_of(struct bw_str name, enum bw_signature *out)
{
	for (size_t i = 0; i < BW_SIGNATURES; i++)
		if (bw_str_eq(name, bw_str_c(rows[i].name))) {
			*out = (enum bw_signature)i;
			return BW_OK;
		}
	return BW_EINVAL;
}

static const EVP_MD *digest_of(size_t bytes)
{
	return bytes == 32 ? EVP_sha256() : bytes == 48 ? EVP_sha384() : EVP_sha512();
}

static EVP_PKEY_CTX *context_make(EVP_PKEY *key, enum bw_signature s)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx && EVP_PKEY_verify_init(ctx) == 1 &&
	    (rows[s].group || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, digest_of(rows[s].digest_bytes)) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static enum bw_err key_keep(EVP_PKEY *key, const char *group, struct bw_public_key **out)
{
	struct bw_public_key *k;

	CHECK(key != NULL, BW_EINVAL);
	k = bw_alloc(sizeof *k);
	k->key = key;
	for (size_t i = 0; i < BW_SIGNATURES; i++)
		if (group ? rows[i].group && strcmp(rows[i].group, group) == 0 : !rows[i].group)
			k->ready[i] = context_make(key, (enum bw_signature)i);
	*out = k;
	return BW_OK;
}

enum bw_err bw_public_rsa(struct bw_str modulus, struct bw_str exponent, struct bw_public_key **out)
{
	EVP_PKEY *key;
	int bits;

	CHECK(modulus.n && modulus.n <= RSA_MAX / 8 && exponent.n && exponent.n <= 8, BW_EINVAL);
	CHECK((exponent.p[exponent.n - 1] & 1) && (modulus.p[modulus.n - 1] & 1), BW_EINVAL);
	CHECK(exponent.n > 1 || (unsigned char)exponent.p[0] >= 3, BW_EINVAL);
	key = evp_rsa_public(modulus, exponent);
	bits = key ? EVP_PKEY_get_bits(key) : 0;
	if (bits < RSA_MIN || bits > RSA_MAX) {
		EVP_PKEY_free(key);
		return BW_EINVAL;
	}
	return key_keep(key, NULL, out);
}

enum bw_err bw_public_ec(struct bw_str curve, struct bw_str x, struct bw_str y, struct bw_public_key **out)
{
	unsigned char point[1 + 2 * 66] = {4}; /* uncompressed (SEC 1, 2.3.3) */
	size_t i = BW_ES256, n;

	while (i < BW_SIGNATURES && !bw_str_eq(curve, bw_str_c(rows[i].group)))
		i++;
	CHECK(i < BW_SIGNATURES, BW_EINVAL);
	n = rows[i].number_bytes;
	CHECK(x.n == n && y.n == n, BW_EINVAL); /* whole, with leading zeros: RFC 7518 6.2.1.2 */
	memcpy(point + 1, x.p, n);
	memcpy(point + 1 + n, y.p, n);
	return key_keep(evp_ec_public(rows[i].group, bw_str_make(point, 1 + 2 * n)), rows[i].group, out);
}

void bw_public_free(struct bw_public_key *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < BW_SIGNATURES; i++)
		EVP_PKEY_CTX_free(k->ready[i]);
	EVP_PKEY_free(k->key);
	bw_free(k);
}

bool bw_public_makes(const struct bw_public_key *k, enum bw_signature s)
{
	return k->ready[s] != NULL;
}

static void digest(size_t bytes, struct bw_str of, unsigned char out[DIGEST_MAX])
{
	const unsigned char *p = (const unsigned char *)(of.n ? of.p : "");

	if (bytes == 32)
		(void)SHA256(p, of.n, out);
	else if (bytes == 48)
		(void)SHA384(p, of.n, out);
	else
		(void)SHA512(p, of.n, out);
}

/* r and s (RFC 7518 3.4) as OpenSSL takes them: ASN.1. How many bytes; 0: they are none. */
static size_t der_of(struct bw_str signature, size_t n, unsigned char out[DER_MAX])
{
	const unsigned char *p = (const unsigned char *)signature.p;
	BIGNUM *r = signature.n == 2 * n ? BN_bin2bn(p, (int)n, NULL) : NULL;
	BIGNUM *s = signature.n == 2 * n ? BN_bin2bn(p + n, (int)n, NULL) : NULL;
	ECDSA_SIG *both = ECDSA_SIG_new();
	unsigned char *at = out;
	int bytes = 0;

	if (r && s && both && ECDSA_SIG_set0(both, r, s) == 1) {
		r = s = NULL;
		bytes = i2d_ECDSA_SIG(both, NULL);
		bytes = bytes > 0 && bytes <= DER_MAX ? i2d_ECDSA_SIG(both, &at) : 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(both);
	return bytes > 0 ? (size_t)bytes : 0;
}

enum bw_err bw_public_verify(
    struct bw_public_key *k, enum bw_signature s, struct bw_str bytes, struct bw_str signature)
{
	unsigned char hash[DIGEST_MAX], der[DER_MAX];
	bool good;

	CHECK(k->ready[s] && signature.n, BW_ECORRUPT);
	if (rows[s].group) {
		signature = bw_str_make(der, der_of(signature, rows[s].number_bytes, der));
		CHECK(signature.n, BW_ECORRUPT);
	}
	digest(rows[s].digest_bytes, bytes, hash);
	good = EVP_PKEY_verify(k->ready[s], (const unsigned char *)signature.p, signature.n, hash,
	           rows[s].digest_bytes) == 1;
	ERR_clear_error();
	return good ? BW_OK : BW_ECORRUPT;
}
