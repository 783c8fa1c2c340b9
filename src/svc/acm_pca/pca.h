/* What the files of ACM-PCA share. An authority is one record, "account/Region/acm-pca/authority/id"; what it
 * issued stands at "account/Region/acm-pca/certificate/id/serial". Its private key is the keyer's alone: here
 * it stands wrapped. All runs on the call's own thread, in the memory of the call's arena; errors of the
 * client are stated on the call (BW_EFAILED). */
#pragma once

#include "aws/pack.h"
#include "core/core.h"
#include "core/op.h"
#include "core/token.h"
#include "crypto/csr.h"
#include "crypto/der.h"
#include "gen/acm-pca.h"

enum { PCA_PEM_MAX = 64 * 1024 };
#define PCA_DAY_MS INT64_C(86400000)

enum pca_type { PCA_ROOT = 1, PCA_SUBORDINATE };
enum pca_state {
	PCA_PENDING_CERTIFICATE = 1,
	PCA_ACTIVE,
	PCA_DISABLED,
	PCA_DELETED,
	PCA_EXPIRED
}; /* EXPIRED: never kept, told by the time */

struct pca_authority {
	struct bw_str id, configuration; /* packed: CertificateAuthorityConfiguration */
	struct bw_str revocation;        /* packed: RevocationConfiguration */
	struct bw_str subject, spki;     /* DER; the subject is the certificate's, once there is one */
	struct bw_str wrapped, material_id;
	struct bw_str csr_pem, cert_pem, chain_pem;
	struct bw_str key_id, serial; /* of the certificate */
	struct bw_str key_standard;   /* as asked for; absent: it was not */
	struct bw_str policy;
	int64_t type, state, state_before; /* before it was deleted */
	int64_t created_ms, changed_ms, not_before_ms, not_after_ms, restorable_ms;
	int64_t path_limit; /* of the certificate, plus one; 0: none */
	bool short_lived;
	struct bw_pairs tags, policy_principals;
	struct bw_pairs permissions; /* of account/principal: packed Permission */
};

/* One that was issued. */
struct pca_certificate {
	struct bw_str serial, cert_pem, template, revocation_reason;
	int64_t issued_ms, revoked_ms; /* 0: it is not */
	int64_t not_after_ms;
};

extern const struct bw_record pca_authority_record, pca_certificate_record;
extern const struct bw_quota pca_authorities_quota, pca_certificates_quota, pca_tags_quota;

/* ---- The authority that is meant ---- */

struct pca_found {
	bool is_arn, exists; /* is_arn: it may be one of ours */
	struct bw_str arn, id;
	struct pca_authority a;
};

/* BW_OK whatever is found. One whose time to be restored has passed is not. */
BW_CHECKED enum bw_err pca_find(struct bw_call *call, struct bw_str arn, struct pca_found *out);
/* Rows' `resource`: the authority of CertificateAuthorityArn or ResourceArn with its tags and policy, left as
 * call->state. */
BW_CHECKED enum bw_err pca_resource(struct bw_call *call);
/* What `resource` found. InvalidArnException, ResourceNotFoundException. */
BW_CHECKED enum bw_err pca_found(struct bw_call *call, struct pca_found **out);
void pca_save(struct bw_call *call, const struct pca_found *f);
struct bw_str pca_arn(struct bw_call *call, struct bw_str id);
enum pca_state pca_state(const struct bw_call *call, const struct pca_authority *a);
struct bw_str pca_state_name(enum pca_state state);
#define PCA_IN(state) (1u << PCA_##state)
/* InvalidStateException unless it is in one of `states`. */
BW_CHECKED enum bw_err pca_in_state(struct bw_call *call, const struct pca_found *f, unsigned states);
/* "account/Region/acm-pca/kind/name", whichever service's call it is. */
struct bw_str pca_key(struct bw_call *call, const char *kind, struct bw_str name);
/* "account/Region/acm-pca/certificate/id/serial"; serial absent: of all. */
struct bw_str pca_certificate_key(struct bw_call *call, struct bw_str id, struct bw_str serial);
struct bw_str pca_hex(struct bw_call *call, struct bw_str bytes);

/* At that time it is looked at: whether its window has ended and it is destroyed. */
void pca_end_schedule(struct bw_call *call, struct bw_str id, int64_t due_ms);

/* ---- Algorithms ---- */

/* NULL: none of that name that this server can make in the call's Region. */
struct pca_key_algorithm {
	const char *name;
	enum bw_key_spec spec;
	const char *family;
	const char *regions; /* only in Regions that begin so; NULL: everywhere */
};
const struct pca_key_algorithm *pca_key_algorithm(const struct bw_call *call, struct bw_str name);
enum bw_key_spec pca_key_spec(struct bw_str name); /* BW_KEY_NONE: none of that name */
struct pca_signing_algorithm {
	const char *name, *family, *oid;
	enum bw_key_algorithm algorithm;
	unsigned digest_bytes; /* 0: the message is signed whole */
	bool null_parameters;  /* RFC 4055 section 5 */
};
/* InvalidArgsException when there is none, or it does not go with the key. */
BW_CHECKED enum bw_err pca_signing_algorithm(struct bw_call *call, struct bw_str name,
    const struct pca_key_algorithm *key, const struct pca_signing_algorithm **out);
/* Its AlgorithmIdentifier. */
struct bw_str pca_algorithm_der(struct bw_call *call, const struct pca_signing_algorithm *s);

/* ---- Signing: what is asked of the keyer, and what comes of it ---- */

BW_CHECKED enum bw_err pca_sign_ask(struct bw_call *call, const struct pca_found *f,
    const struct pca_signing_algorithm *s, struct bw_str bytes, struct bw_keyer_request *request);
/* The authority's key as the keyer knows it. */
void pca_material(
    struct bw_call *call, const struct pca_found *f, enum bw_key_spec spec, struct bw_keyer_material *out);
/* The keyer's answer, or InvalidArgsException when it lacks the algorithm. */
BW_CHECKED enum bw_err pca_answered(struct bw_call *call);
/* What was signed with its signature: SEQUENCE { bytes, algorithm, signature }, DER. */
struct bw_str pca_signed(
    struct bw_call *call, struct bw_str bytes, struct bw_str algorithm_der, struct bw_str signature);
/* The packed configuration. */
BW_CHECKED enum bw_err pca_configuration(struct bw_call *call, const struct pca_authority *a,
    struct acm_pca_CertificateAuthorityConfiguration **out);

/* ---- Names and extensions from the model's shapes; InvalidArgsException for what cannot be ---- */

BW_CHECKED enum bw_err pca_subject_der(
    struct bw_call *call, const struct acm_pca_ASN1Subject *s, struct bw_str *out);
BW_CHECKED enum bw_err pca_general_name_der(
    struct bw_call *call, const struct acm_pca_GeneralName *g, struct bw_str *out);

/* A list of extensions in the certificate's order, each once. */
struct pca_extensions {
	struct bw_x509_extension *v;
	size_t n, room;
};
/* Unless it is there already. */
void pca_extension_add(
    struct bw_call *call, struct pca_extensions *list, const char *oid, bool critical, struct bw_str value);
void pca_extension_add_all(
    struct bw_call *call, struct pca_extensions *list, const struct bw_x509_extension *v, size_t n);
struct bw_str pca_key_usage_der(struct bw_call *call, const struct acm_pca_KeyUsage *u);
BW_CHECKED enum bw_err pca_access_der(
    struct bw_call *call, const struct acm_pca_AccessDescriptionList *list, struct bw_str *out);
/* ApiPassthrough's. */
BW_CHECKED enum bw_err pca_extensions_add(
    struct bw_call *call, struct pca_extensions *list, const struct acm_pca_Extensions *e);
/* SEQUENCE OF Extension. */
BW_CHECKED enum bw_err pca_extensions_der(
    struct bw_call *call, const struct pca_extensions *list, struct bw_str *out);

#define PCA_OID_SUBJECT_KEY_ID     "2.5.29.14"
#define PCA_OID_KEY_USAGE          "2.5.29.15"
#define PCA_OID_SUBJECT_ALT_NAME   "2.5.29.17"
#define PCA_OID_BASIC_CONSTRAINTS  "2.5.29.19"
#define PCA_OID_POLICIES           "2.5.29.32"
#define PCA_OID_AUTHORITY_KEY_ID   "2.5.29.35"
#define PCA_OID_EXTENDED_KEY_USAGE "2.5.29.37"
#define PCA_OID_SUBJECT_ACCESS     "1.3.6.1.5.5.7.1.11"

/* ---- Templates ---- */

enum { PCA_NO_PATH = -2, PCA_ANY_PATH = -1 };
struct pca_template {
	const char *name;
	int path_length;    /* PCA_NO_PATH: of an end entity; PCA_ANY_PATH: a root's */
	unsigned key_usage; /* named bits; 0: the template says nothing */
	const char *extended[2];
	bool extended_critical;
};
struct pca_chosen {
	const struct pca_template *t;
	bool api, csr; /* what is passed through */
	struct bw_str arn;
};
/* By ARN; absent: EndEntityCertificate/V1. InvalidArgsException for none that there is. */
BW_CHECKED enum bw_err pca_template(struct bw_call *call, struct bw_str arn, struct pca_chosen *out);

/* ---- Validity ---- */

/* InvalidArgsException for what is no time. `before`: of the beginning. */
BW_CHECKED enum bw_err pca_validity(
    struct bw_call *call, const struct acm_pca_Validity *v, bool before, int64_t *ms);

/* ---- Issuing: what is on its way through a call's steps ---- */

enum { PCA_EARLIER_MS = 3600 * 1000 }; /* clients with a slow clock still accept a fresh certificate */
struct pca_issuing {
	struct pca_found f; /* first: it stands for what `resource` found */
	struct pca_chosen chosen;
	const struct pca_signing_algorithm *signing;
	struct bw_csr csr;
	struct bw_token token;
	struct bw_str earlier; /* the ARN that the same request made; absent: none */
	struct bw_str serial, to_sign;
	int64_t not_before_ms, not_after_ms;
};
/* Out of all but `earlier`, `serial` and `to_sign`: these. `passed` may be NULL. */
BW_CHECKED enum bw_err pca_certificate_make(
    struct bw_call *call, const struct acm_pca_ApiPassthrough *passed, struct pca_issuing *i);
/* With the keyer's signature: the certificate, saved as issued. */
BW_CHECKED enum bw_err pca_certificate_take(
    struct bw_call *call, struct pca_issuing *i, struct bw_str *pem, struct bw_str *arn);
/* The authority's certificate and what is above it. */
struct bw_str pca_chain(struct bw_call *call, const struct pca_authority *a);

/* The same request under the same token within five minutes is one (ACM-PCA API Reference, "CreateCertificateAuthority",
 * "IssueCertificate"). */
enum { PCA_TOKEN_MS = 5 * 60 * 1000 };
struct bw_token pca_token(struct bw_call *call, struct bw_str given);

/* ---- Tags, revocation, shapes ---- */

/* The input's. InvalidTagException, TooManyTagsException. */
BW_CHECKED enum bw_err pca_tags_set(struct bw_call *call, struct bw_pairs *tags);
BW_CHECKED enum bw_err pca_revocation_set(
    struct bw_call *call, struct pca_authority *a, const struct acm_pca_RevocationConfiguration *r);
BW_CHECKED enum bw_err pca_to_shape(
    struct bw_call *call, const struct pca_authority *a, struct acm_pca_CertificateAuthority *out);
/* As bw_page_slice and bw_page_begin, with InvalidNextTokenException. */
BW_CHECKED enum bw_err pca_page_slice(struct bw_call *call, size_t n, struct bw_str token,
    struct bw_opt_int max, size_t *from, size_t *to, struct bw_str *next);
