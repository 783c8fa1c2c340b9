#include "svc/kms/spec.h"

#define USE(usage) (1u << KMS_##usage)

static const uint8_t none[] = {BW_ALG_NONE};
static const uint8_t symmetric[] = {BW_ALG_SYMMETRIC_DEFAULT, BW_ALG_NONE};
static const uint8_t oaep[] = {BW_ALG_RSAES_OAEP_SHA_1, BW_ALG_RSAES_OAEP_SHA_256, BW_ALG_NONE};
static const uint8_t rsa_sign[] = {BW_ALG_RSASSA_PKCS1_V1_5_SHA_256, BW_ALG_RSASSA_PKCS1_V1_5_SHA_384,
    BW_ALG_RSASSA_PKCS1_V1_5_SHA_512, BW_ALG_RSASSA_PSS_SHA_256, BW_ALG_RSASSA_PSS_SHA_384, BW_ALG_RSASSA_PSS_SHA_512,
    BW_ALG_NONE};
static const uint8_t ecdsa_256[] = {BW_ALG_ECDSA_SHA_256, BW_ALG_NONE};
static const uint8_t ecdsa_384[] = {BW_ALG_ECDSA_SHA_384, BW_ALG_NONE};
static const uint8_t ecdsa_512[] = {BW_ALG_ECDSA_SHA_512, BW_ALG_NONE};
static const uint8_t ed25519[] = {BW_ALG_ED25519_SHA_512, BW_ALG_ED25519_PH_SHA_512, BW_ALG_NONE};
static const uint8_t ml_dsa[] = {BW_ALG_ML_DSA_SHAKE_256, BW_ALG_NONE};
static const uint8_t sm2_encrypt[] = {BW_ALG_SM2PKE, BW_ALG_NONE};
static const uint8_t sm2_sign[] = {BW_ALG_SM2DSA, BW_ALG_NONE};
static const uint8_t hmac_224[] = {BW_ALG_HMAC_SHA_224, BW_ALG_NONE};
static const uint8_t hmac_256[] = {BW_ALG_HMAC_SHA_256, BW_ALG_NONE};
static const uint8_t hmac_384[] = {BW_ALG_HMAC_SHA_384, BW_ALG_NONE};
static const uint8_t hmac_512[] = {BW_ALG_HMAC_SHA_512, BW_ALG_NONE};
static const uint8_t ecdh[] = {BW_ALG_ECDH, BW_ALG_NONE};

#define RSA(name)        {name, USE(ENCRYPT_DECRYPT) | USE(SIGN_VERIFY), 1, oaep, rsa_sign, none, none}
#define HMAC(name, list) {name, USE(GENERATE_VERIFY_MAC), 0, none, none, list, none}
#define NIST(name, list) {name, USE(SIGN_VERIFY) | USE(KEY_AGREEMENT), 1, none, list, none, ecdh}
#define SIGN(name, list) {name, USE(SIGN_VERIFY), 1, none, list, none, none}

const struct kms_spec kms_specs[BW_KEY_SPECS] = {
    [BW_KEY_NONE] = {"", 0, 0, none, none, none, none},
    [BW_KEY_SYMMETRIC_DEFAULT] = {"SYMMETRIC_DEFAULT", USE(ENCRYPT_DECRYPT), 0, symmetric, none, none, none},
    [BW_KEY_HMAC_224] = HMAC("HMAC_224", hmac_224),
    [BW_KEY_HMAC_256] = HMAC("HMAC_256", hmac_256),
    [BW_KEY_HMAC_384] = HMAC("HMAC_384", hmac_384),
    [BW_KEY_HMAC_512] = HMAC("HMAC_512", hmac_512),
    [BW_KEY_RSA_2048] = RSA("RSA_2048"),
    [BW_KEY_RSA_3072] = RSA("RSA_3072"),
    [BW_KEY_RSA_4096] = RSA("RSA_4096"),
    [BW_KEY_ECC_NIST_P256] = NIST("ECC_NIST_P256", ecdsa_256),
    [BW_KEY_ECC_NIST_P384] = NIST("ECC_NIST_P384", ecdsa_384),
    [BW_KEY_ECC_NIST_P521] = NIST("ECC_NIST_P521", ecdsa_512),
    [BW_KEY_ECC_SECG_P256K1] = SIGN("ECC_SECG_P256K1", ecdsa_256),
    [BW_KEY_ECC_NIST_EDWARDS25519] = SIGN("ECC_NIST_EDWARDS25519", ed25519),
    [BW_KEY_ML_DSA_44] = SIGN("ML_DSA_44", ml_dsa),
    [BW_KEY_ML_DSA_65] = SIGN("ML_DSA_65", ml_dsa),
    [BW_KEY_ML_DSA_87] = SIGN("ML_DSA_87", ml_dsa),
    [BW_KEY_SM2] = {"SM2", USE(ENCRYPT_DECRYPT) | USE(SIGN_VERIFY) | USE(KEY_AGREEMENT), 1, sm2_encrypt, sm2_sign, none, ecdh},
};

const struct kms_algorithm kms_algorithms[BW_ALGS] = {
    [BW_ALG_NONE] = {"", 0},
    [BW_ALG_SYMMETRIC_DEFAULT] = {"SYMMETRIC_DEFAULT", 0},
    [BW_ALG_RSAES_OAEP_SHA_1] = {"RSAES_OAEP_SHA_1", 0},
    [BW_ALG_RSAES_OAEP_SHA_256] = {"RSAES_OAEP_SHA_256", 0},
    [BW_ALG_SM2PKE] = {"SM2PKE", 0},
    [BW_ALG_RSASSA_PSS_SHA_256] = {"RSASSA_PSS_SHA_256", 32},
    [BW_ALG_RSASSA_PSS_SHA_384] = {"RSASSA_PSS_SHA_384", 48},
    [BW_ALG_RSASSA_PSS_SHA_512] = {"RSASSA_PSS_SHA_512", 64},
    [BW_ALG_RSASSA_PKCS1_V1_5_SHA_256] = {"RSASSA_PKCS1_V1_5_SHA_256", 32},
    [BW_ALG_RSASSA_PKCS1_V1_5_SHA_384] = {"RSASSA_PKCS1_V1_5_SHA_384", 48},
    [BW_ALG_RSASSA_PKCS1_V1_5_SHA_512] = {"RSASSA_PKCS1_V1_5_SHA_512", 64},
    [BW_ALG_ECDSA_SHA_256] = {"ECDSA_SHA_256", 32},
    [BW_ALG_ECDSA_SHA_384] = {"ECDSA_SHA_384", 48},
    [BW_ALG_ECDSA_SHA_512] = {"ECDSA_SHA_512", 64},
    [BW_ALG_SM2DSA] = {"SM2DSA", 32},
    [BW_ALG_ML_DSA_SHAKE_256] = {"ML_DSA_SHAKE_256", 64},
    [BW_ALG_ED25519_SHA_512] = {"ED25519_SHA_512", 0},
    [BW_ALG_ED25519_PH_SHA_512] = {"ED25519_PH_SHA_512", 64},
    [BW_ALG_HMAC_SHA_224] = {"HMAC_SHA_224", 0},
    [BW_ALG_HMAC_SHA_256] = {"HMAC_SHA_256", 0},
    [BW_ALG_HMAC_SHA_384] = {"HMAC_SHA_384", 0},
    [BW_ALG_HMAC_SHA_512] = {"HMAC_SHA_512", 0},
    [BW_ALG_ECDH] = {"ECDH", 0},
    [BW_ALG_RSA_AES_KEY_WRAP_SHA_1] = {"RSA_AES_KEY_WRAP_SHA_1", 0},
    [BW_ALG_RSA_AES_KEY_WRAP_SHA_256] = {"RSA_AES_KEY_WRAP_SHA_256", 0},
};

const char *const kms_usage_names[5] = {NULL, "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"};
const char *const kms_origin_names[5] = {NULL, "AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"};
const char *const kms_state_names[6] = {
    NULL, "Enabled", "Disabled", "PendingDeletion", "PendingImport", "PendingReplicaDeletion"};

enum bw_key_spec kms_spec_by_name(struct bw_str name)
{
	for (int i = 1; i < BW_KEY_SPECS; i++)
		if (bw_str_eq(name, bw_str_c(kms_specs[i].name)))
			return (enum bw_key_spec)i;
	return BW_KEY_NONE;
}

enum bw_key_algorithm kms_algorithm_by_name(struct bw_str name)
{
	for (int i = 1; i < BW_ALGS; i++)
		if (bw_str_eq(name, bw_str_c(kms_algorithms[i].name)))
			return (enum bw_key_algorithm)i;
	return BW_ALG_NONE;
}

enum kms_usage kms_usage_by_name(struct bw_str name)
{
	for (int i = 1; i < (int)BW_COUNT(kms_usage_names); i++)
		if (bw_str_eq(name, bw_str_c(kms_usage_names[i])))
			return (enum kms_usage)i;
	return (enum kms_usage)0;
}

const uint8_t *kms_algorithms_of(int64_t spec, int64_t usage)
{
	const struct kms_spec *s = &kms_specs[spec > 0 && spec < BW_KEY_SPECS ? spec : 0];

	switch (usage) {
	case KMS_ENCRYPT_DECRYPT:
		return s->encrypt;
	case KMS_SIGN_VERIFY:
		return s->sign;
	case KMS_GENERATE_VERIFY_MAC:
		return s->mac;
	case KMS_KEY_AGREEMENT:
		return s->agree;
	default:
		return none;
	}
}

bool kms_spec_has(int64_t spec, int64_t usage, enum bw_key_algorithm algorithm)
{
	for (const uint8_t *a = kms_algorithms_of(spec, usage); *a != BW_ALG_NONE; a++)
		if (*a == algorithm)
			return true;
	return false;
}

/* KMS API Reference, "Encrypt". OAEP takes two digests and two bytes of the modulus (RFC 8017, section 7.1.1). */
size_t kms_plaintext_max(int64_t spec, enum bw_key_algorithm algorithm)
{
	size_t modulus = spec == BW_KEY_RSA_2048 ? 256 : spec == BW_KEY_RSA_3072 ? 384 : spec == BW_KEY_RSA_4096 ? 512 : 0;

	if (algorithm == BW_ALG_SM2PKE)
		return 1024;
	if (modulus == 0)
		return 0;
	return modulus - 2 - 2 * (algorithm == BW_ALG_RSAES_OAEP_SHA_1 ? 20 : 32);
}
