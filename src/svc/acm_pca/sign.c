/* Algorithms, and what the keyer is asked to sign with them. */
#include "svc/acm_pca/pca.h"

#include <openssl/evp.h>

/* ACM-PCA API Reference, "CertificateAuthorityConfiguration"; SM2 is for Regions in China alone. */
static const struct pca_key_algorithm keys[] = {
    {"RSA_2048", BW_KEY_RSA_2048, "RSA", NULL},
    {"RSA_3072", BW_KEY_RSA_3072, "RSA", NULL},
    {"RSA_4096", BW_KEY_RSA_4096, "RSA", NULL},
    {"EC_prime256v1", BW_KEY_ECC_NIST_P256, "ECDSA", NULL},
    {"EC_secp384r1", BW_KEY_ECC_NIST_P384, "ECDSA", NULL},
    {"EC_secp521r1", BW_KEY_ECC_NIST_P521, "ECDSA", NULL},
    {"ML_DSA_44", BW_KEY_ML_DSA_44, "ML_DSA_44", NULL},
    {"ML_DSA_65", BW_KEY_ML_DSA_65, "ML_DSA_65", NULL},
    {"ML_DSA_87", BW_KEY_ML_DSA_87, "ML_DSA_87", NULL},
    {"SM2", BW_KEY_SM2, "SM2", "cn-"},
};

/* Identifiers: RFC 4055, RFC 5758, RFC 9881, GM/T 0006. */
static const struct pca_signing_algorithm signings[] = {
    {"SHA256WITHRSA", "RSA", "1.2.840.113549.1.1.11", BW_ALG_RSASSA_PKCS1_V1_5_SHA_256, 32, true},
    {"SHA384WITHRSA", "RSA", "1.2.840.113549.1.1.12", BW_ALG_RSASSA_PKCS1_V1_5_SHA_384, 48, true},
    {"SHA512WITHRSA", "RSA", "1.2.840.113549.1.1.13", BW_ALG_RSASSA_PKCS1_V1_5_SHA_512, 64, true},
    {"SHA256WITHECDSA", "ECDSA", "1.2.840.10045.4.3.2", BW_ALG_ECDSA_SHA_256, 32, false},
    {"SHA384WITHECDSA", "ECDSA", "1.2.840.10045.4.3.3", BW_ALG_ECDSA_SHA_384, 48, false},
    {"SHA512WITHECDSA", "ECDSA", "1.2.840.10045.4.3.4", BW_ALG_ECDSA_SHA_512, 64, false},
    {"ML_DSA_44", "ML_DSA_44", "2.16.840.1.101.3.4.3.17", BW_ALG_ML_DSA_SHAKE_256, 0, false},
    {"ML_DSA_65", "ML_DSA_65", "2.16.840.1.101.3.4.3.18", BW_ALG_ML_DSA_SHAKE_256, 0, false},
    {"ML_DSA_87", "ML_DSA_87", "2.16.840.1.101.3.4.3.19", BW_ALG_ML_DSA_SHAKE_256, 0, false},
    {"SM3WITHSM2", "SM2", "1.2.156.10197.1.501", BW_ALG_SM2DSA, 0, false},
};

const struct pca_key_algorithm *pca_key_algorithm(const struct bw_call *call, struct bw_str name)
{
	for (size_t i = 0; i < BW_COUNT(keys); i++)
		if (bw_str_eq(name, bw_str_c(keys[i].name)) &&
		    (!keys[i].regions || bw_str_starts(call->region, bw_str_c(keys[i].regions))))
			return &keys[i];
	return NULL;
}

enum bw_key_spec pca_key_spec(struct bw_str name)
{
	for (size_t i = 0; i < BW_COUNT(keys); i++)
		if (bw_str_eq(name, bw_str_c(keys[i].name)))
			return keys[i].spec;
	return BW_KEY_NONE;
}

enum bw_err pca_signing_algorithm(struct bw_call *call, struct bw_str name,
    const struct pca_key_algorithm *key, const struct pca_signing_algorithm **out)
{
	for (size_t i = 0; i < BW_COUNT(signings); i++)
		if (bw_str_eq(name, bw_str_c(signings[i].name)) &&
		    strcmp(signings[i].family, key->family) == 0) {
			*out = &signings[i];
			return BW_OK;
		}
	return bw_call_fail(call, "InvalidArgsException",
	    "The signing algorithm %.*s does not go with the key algorithm %s.", BW_FMT(name), key->name);
}

struct bw_str pca_algorithm_der(struct bw_call *call, const struct pca_signing_algorithm *s)
{
	struct bw_arena *a = call->arena;

	return BW_DER(a, BW_DER_SEQUENCE, bw_der_oid(a, bw_str_c(s->oid)),
	    s->null_parameters ? BW_DER(a, BW_DER_NULL, BW_STR_NONE) : BW_STR_NONE);
}

enum bw_err pca_configuration(struct bw_call *call, const struct pca_authority *a,
    struct acm_pca_CertificateAuthorityConfiguration **out)
{
	*out = BW_NEW(call->arena, struct acm_pca_CertificateAuthorityConfiguration);
	return bw_shape_unpack(
	    acm_pca_CertificateAuthorityConfiguration_shape, a->configuration, call->arena, *out);
}

/* ---- Signing ---- */

static struct bw_str digest_of(
    struct bw_call *call, const struct pca_signing_algorithm *s, struct bw_str bytes)
{
	const EVP_MD *md = s->digest_bytes == 32   ? EVP_sha256()
	                   : s->digest_bytes == 48 ? EVP_sha384()
	                                           : EVP_sha512();
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	MUST(EVP_Digest(bytes.p, bytes.n, digest, &n, md, NULL) == 1 && n == s->digest_bytes);
	return bw_arena_str(call->arena, bw_str_make(digest, n));
}

enum bw_err pca_sign_ask(struct bw_call *call, const struct pca_found *f,
    const struct pca_signing_algorithm *s, struct bw_str bytes, struct bw_keyer_request *request)
{
	struct acm_pca_CertificateAuthorityConfiguration *c;

	TRY(pca_configuration(call, &f->a, &c));
	if (bytes.n > BW_KEYER_MESSAGE_MAX / 2)
		return bw_call_fail(
		    call, "InvalidArgsException", "%s", "The certificate is too large to be signed.");
	*request = (struct bw_keyer_request){.op = BW_KEYER_SIGN_ISSUED,
	    .algorithm = s->algorithm,
	    .message = s->digest_bytes ? BW_MESSAGE_DIGEST : BW_MESSAGE_RAW,
	    .input = s->digest_bytes ? digest_of(call, s, bytes) : bytes};
	pca_material(call, f, pca_key_spec(c->KeyAlgorithm), &request->key);
	return BW_OK;
}

void pca_material(
    struct bw_call *call, const struct pca_found *f, enum bw_key_spec spec, struct bw_keyer_material *out)
{
	/* No KMS key has a '/' in its id: what is wrapped for one opens for no other. */
	*out = (struct bw_keyer_material){.account = call->account,
	    .region = call->region,
	    .key_id = bw_arena_printf(call->arena, "acm-pca/%.*s", BW_FMT(f->id)),
	    .material_id = f->a.material_id,
	    .version = 1,
	    .spec = spec,
	    .wrapped = f->a.wrapped};
}

enum bw_err pca_answered(struct bw_call *call)
{
	switch (call->answer.result) {
	case BW_OK:
		return BW_OK;
	case BW_ENOTFOUND:
		return bw_call_fail(
		    call, "InvalidArgsException", "%s", "This server's cryptography has no such algorithm.");
	case BW_EAGAIN:
	case BW_EIO:
	case BW_EPERM:
		return bw_call_fail(
		    call, "RequestFailedException", "%s", "The key service does not answer now. Try again.");
	default:
		return call->answer.result;
	}
}

struct bw_str pca_signed(
    struct bw_call *call, struct bw_str bytes, struct bw_str algorithm_der, struct bw_str signature)
{
	return BW_DER(
	    call->arena, BW_DER_SEQUENCE, bytes, algorithm_der, bw_der_bits(call->arena, signature));
}
