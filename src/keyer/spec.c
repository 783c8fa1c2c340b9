/* What there is: key specs and algorithms, a row each (KMS Developer Guide, "Key spec reference"). */
#include "keyer/keyer_internal.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

static const struct keyer_spec specs[BW_KEY_SPECS] = {
    [BW_KEY_SYMMETRIC_DEFAULT] = {KEYER_SYMMETRIC, .raw_bytes = 32},
    [BW_KEY_HMAC_224] = {KEYER_MAC, .raw_bytes = 28},
    [BW_KEY_HMAC_256] = {KEYER_MAC, .raw_bytes = 32},
    [BW_KEY_HMAC_384] = {KEYER_MAC, .raw_bytes = 48},
    [BW_KEY_HMAC_512] = {KEYER_MAC, .raw_bytes = 64},
    [BW_KEY_RSA_2048] = {KEYER_RSA, .bits = 2048, .slow = true},
    [BW_KEY_RSA_3072] = {KEYER_RSA, .bits = 3072, .slow = true},
    [BW_KEY_RSA_4096] = {KEYER_RSA, .bits = 4096, .slow = true},
    [BW_KEY_ECC_NIST_P256] = {KEYER_EC, .group = "P-256", .share_bytes = 32},
    [BW_KEY_ECC_NIST_P384] = {KEYER_EC, .group = "P-384", .share_bytes = 48},
    [BW_KEY_ECC_NIST_P521] = {KEYER_EC, .group = "P-521", .share_bytes = 66},
    [BW_KEY_ECC_SECG_P256K1] = {KEYER_EC, .group = "secp256k1", .share_bytes = 32},
    [BW_KEY_ECC_NIST_EDWARDS25519] = {KEYER_EDWARDS, .type = "ED25519"},
    [BW_KEY_ML_DSA_44] = {KEYER_ML_DSA, .type = "ML-DSA-44"},
    [BW_KEY_ML_DSA_65] = {KEYER_ML_DSA, .type = "ML-DSA-65"},
    [BW_KEY_ML_DSA_87] = {KEYER_ML_DSA, .type = "ML-DSA-87"},
    [BW_KEY_SM2] = {KEYER_SM2, .type = "SM2"},
};

/* Whether the OpenSSL that runs has it: asked once. */
static bool type_is_there(enum bw_key_spec spec)
{
	static signed char known[BW_KEY_SPECS]; /* 0: not asked yet */
	signed char is = __atomic_load_n(&known[spec], __ATOMIC_RELAXED);
	EVP_KEYMGMT *found;

	if (is)
		return is > 0;
	found = EVP_KEYMGMT_fetch(NULL, specs[spec].type, NULL);
	ERR_clear_error();
	__atomic_store_n(&known[spec], found ? 1 : -1, __ATOMIC_RELAXED);
	EVP_KEYMGMT_free(found);
	return found != NULL;
}

const struct keyer_spec *keyer_spec(enum bw_key_spec spec)
{
	const struct keyer_spec *s = spec < BW_KEY_SPECS ? &specs[spec] : NULL;

	if (!s || (s->type && !type_is_there(spec)))
		return NULL;
	return s->raw_bytes || s->bits || s->group || s->type ? s : NULL;
}

static const struct keyer_algorithm algorithms[BW_ALGS] = {
    [BW_ALG_SYMMETRIC_DEFAULT] = {KEYER_SYMMETRIC, .only = BW_KEY_SYMMETRIC_DEFAULT},
    [BW_ALG_RSAES_OAEP_SHA_1] = {KEYER_RSA, "SHA1", 20, RSA_PKCS1_OAEP_PADDING},
    [BW_ALG_RSAES_OAEP_SHA_256] = {KEYER_RSA, "SHA256", 32, RSA_PKCS1_OAEP_PADDING},
    [BW_ALG_RSASSA_PSS_SHA_256] = {KEYER_RSA, "SHA256", 32, RSA_PKCS1_PSS_PADDING},
    [BW_ALG_RSASSA_PSS_SHA_384] = {KEYER_RSA, "SHA384", 48, RSA_PKCS1_PSS_PADDING},
    [BW_ALG_RSASSA_PSS_SHA_512] = {KEYER_RSA, "SHA512", 64, RSA_PKCS1_PSS_PADDING},
    [BW_ALG_RSASSA_PKCS1_V1_5_SHA_256] = {KEYER_RSA, "SHA256", 32, RSA_PKCS1_PADDING},
    [BW_ALG_RSASSA_PKCS1_V1_5_SHA_384] = {KEYER_RSA, "SHA384", 48, RSA_PKCS1_PADDING},
    [BW_ALG_RSASSA_PKCS1_V1_5_SHA_512] = {KEYER_RSA, "SHA512", 64, RSA_PKCS1_PADDING},
    [BW_ALG_ECDSA_SHA_256] = {KEYER_EC, "SHA256", 32},
    [BW_ALG_ECDSA_SHA_384] = {KEYER_EC, "SHA384", 48, .only = BW_KEY_ECC_NIST_P384},
    [BW_ALG_ECDSA_SHA_512] = {KEYER_EC, "SHA512", 64, .only = BW_KEY_ECC_NIST_P521},
    [BW_ALG_ED25519_SHA_512] = {KEYER_EDWARDS, .only = BW_KEY_ECC_NIST_EDWARDS25519},
    [BW_ALG_ED25519_PH_SHA_512] = {KEYER_EDWARDS, .only = BW_KEY_ECC_NIST_EDWARDS25519},
    [BW_ALG_ML_DSA_SHAKE_256] = {KEYER_ML_DSA},
    [BW_ALG_SM2PKE] = {KEYER_SM2, "SM3", 32, .only = BW_KEY_SM2},
    [BW_ALG_SM2DSA] = {KEYER_SM2, "SM3", 32, .only = BW_KEY_SM2},
    [BW_ALG_HMAC_SHA_224] = {KEYER_MAC, "SHA224", 28, .only = BW_KEY_HMAC_224},
    [BW_ALG_HMAC_SHA_256] = {KEYER_MAC, "SHA256", 32, .only = BW_KEY_HMAC_256},
    [BW_ALG_HMAC_SHA_384] = {KEYER_MAC, "SHA384", 48, .only = BW_KEY_HMAC_384},
    [BW_ALG_HMAC_SHA_512] = {KEYER_MAC, "SHA512", 64, .only = BW_KEY_HMAC_512},
    [BW_ALG_ECDH] = {KEYER_EC},
    [BW_ALG_RSA_AES_KEY_WRAP_SHA_1] = {KEYER_RSA, "SHA1", 20, RSA_PKCS1_OAEP_PADDING},
    [BW_ALG_RSA_AES_KEY_WRAP_SHA_256] = {KEYER_RSA, "SHA256", 32, RSA_PKCS1_OAEP_PADDING},
};

const struct keyer_algorithm *keyer_algorithm(enum bw_key_algorithm a)
{
	const struct keyer_algorithm *row = a < BW_ALGS ? &algorithms[a] : NULL;

	return row && (row->digest || row->only || a == BW_ALG_ECDH || a == BW_ALG_ML_DSA_SHAKE_256) ? row : NULL;
}

const EVP_MD *keyer_digest(const struct keyer_algorithm *a)
{
	static EVP_MD *fetched[BW_ALGS];
	EVP_MD **mine = &fetched[a - algorithms];
	EVP_MD *md = __atomic_load_n(mine, __ATOMIC_ACQUIRE);

	if (md)
		return md;
	/* Two threads may do so: one is kept for ever. */
	md = EVP_MD_fetch(NULL, a->digest, NULL);
	MUST(md != NULL);
	__atomic_store_n(mine, md, __ATOMIC_RELEASE);
	return md;
}

const struct keyer_algorithm *keyer_mac_algorithm(enum bw_key_spec spec)
{
	for (size_t a = BW_ALG_HMAC_SHA_224; a <= BW_ALG_HMAC_SHA_512; a++)
		if (algorithms[a].only == spec)
			return &algorithms[a];
	return NULL;
}

bool keyer_goes_with(enum bw_key_algorithm a, enum bw_key_spec spec)
{
	const struct keyer_algorithm *row = keyer_algorithm(a);
	const struct keyer_spec *s = keyer_spec(spec);

	if (!row || !s || row->family != s->family)
		return false;
	if (a == BW_ALG_ECDSA_SHA_256)
		return spec == BW_KEY_ECC_NIST_P256 || spec == BW_KEY_ECC_SECG_P256K1;
	if (a == BW_ALG_ECDH)
		return spec != BW_KEY_ECC_SECG_P256K1;
	return row->only == BW_KEY_NONE || row->only == spec;
}
