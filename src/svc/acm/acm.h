/* What the files of ACM share. A certificate is one record, "account/Region/acm/certificate/id", sealed with
 * its key. */
#pragma once

#include "core/authority.h"
#include "core/certificate.h"
#include "core/core.h"
#include "core/entity.h"
#include "core/op.h"
#include "crypto/pair.h"
#include "crypto/x509.h"
#include "gen/acm.h"

enum { ACM_TOKEN_MS = 3600 * 1000 }; /* how long an idempotency token counts */
enum acm_type { ACM_IMPORTED = 1, ACM_PRIVATE, ACM_VALIDATED };

struct acm_certificate {
	struct bw_str id, cert_pem, chain_pem, key_pem; /* chain absent: none was given */
	int64_t type, created_ms, renewed_ms;
	struct bw_strs names; /* as requested; imported: none */
	struct bw_pairs tags;
	bool exported, logging, export_option;
	int64_t revoked_ms;              /* 0: it is not */
	struct bw_str revocation_reason; /* as given */
	struct bw_str
	    authority; /* ARN of the ACM-PCA authority that issues it; absent: the server's own CA */
	struct bw_str validation;           /* of ACM_VALIDATED: "DNS" or "EMAIL" */
	struct bw_pairs validation_domains; /* by domain, where the request named another */
	struct bw_str renewal_fault; /* why the last renewal failed, in ACM's word; absent: it did not */
};

extern const struct bw_record acm_certificate_record;
extern const struct bw_quota acm_certificates_quota;

/* Rows' `resource`: the certificate of CertificateArn with its tags. */
BW_CHECKED enum bw_err acm_resource(struct bw_call *call);
/* Rows' `keys`: acm:DomainNames, as they were requested, of the certificate that CertificateArn names. */
BW_CHECKED enum bw_err acm_name_keys(struct bw_call *call);
struct bw_str acm_arn(struct bw_call *call, struct bw_str id);
/* ResourceNotFoundException, InvalidArnException. */
BW_CHECKED enum bw_err acm_load(struct bw_call *call, struct bw_str arn, struct acm_certificate *out);
/* BW_ENOTFOUND: left to the caller. */
BW_CHECKED enum bw_err acm_find(struct bw_call *call, struct bw_str arn, struct acm_certificate *out);
void acm_save(struct bw_call *call, const struct acm_certificate *c);

/* The input's. InvalidTagException, InvalidParameterException, TooManyTagsException. */
BW_CHECKED enum bw_err acm_tags_set(struct bw_call *call, struct bw_pairs *tags);

/* The server's private CA, made when there is none yet. */
struct acm_authority {
	struct bw_str cert_pem, key_pem;
};
BW_CHECKED enum bw_err acm_authority_load(struct bw_call *call, struct acm_authority *out);
/* "arn:aws:acm-pca:...", the same as long as the CA is. */
struct bw_str acm_authority_arn(struct bw_call *call, const struct acm_authority *ca);

/* Asks for a certificate of the names and key in `c` from the authority there: to be asked in a row's `ask`,
 * taken in its handler. BW_EFAILED: stated; BW_ENOTFOUND: there is none, BW_EPERM: it does not issue such
 * now. */
BW_CHECKED enum bw_err acm_issue_ask(
    struct bw_call *call, const struct acm_certificate *c, struct bw_keyer_request *request, void **issuing);
BW_CHECKED enum bw_err acm_issue_take(struct bw_call *call, void *issuing, struct acm_certificate *c);
/* Makes the certificate a validated one when the request asks for that. InvalidParameterException,
 * InvalidDomainValidationOptionsException. */
BW_CHECKED enum bw_err acm_validation_take(
    struct bw_call *call, const IN_acm_RequestCertificate *in, struct acm_certificate *c);
/* How each domain was validated. */
void acm_validations(
    struct bw_call *call, const struct acm_certificate *c, struct acm_DomainValidationList *out);
/* The same domain, or one below. */
bool acm_is_under(struct bw_str domain, struct bw_str parent);
/* From then on it renews itself. */
void acm_renewal_schedule(struct bw_call *call, const struct acm_certificate *c);
struct bw_str acm_taken(
    struct bw_arena *arena, struct bw_buf *b); /* what stands in it, into the arena; the buffer is wiped */

/* What the certificate is, by its own facts. */
BW_CHECKED enum bw_err acm_facts(
    struct bw_call *call, const struct acm_certificate *c, struct bw_x509_facts *out);
struct bw_str acm_status(
    const struct bw_call *call, const struct acm_certificate *c, const struct bw_x509_facts *facts);
/* ValidationException: a revoked certificate is neither renewed nor exported. */
BW_CHECKED enum bw_err acm_not_revoked(struct bw_call *call, const struct acm_certificate *c);
struct bw_str acm_type_name(const struct acm_certificate *c);
struct bw_str acm_renewal_status(const struct acm_certificate *c); /* absent: it was never renewed */
struct bw_str acm_export_option(const struct acm_certificate *c);  /* absent: imported ones have none */
struct bw_str acm_eligibility(const struct acm_certificate *c, size_t users);
/* RSA_2048 is answered as RSA-2048. */
struct bw_str acm_algorithm_text(struct bw_call *call, struct bw_str name);
/* The name it goes by, and all its names. */
struct bw_str acm_domain(const struct acm_certificate *c, const struct bw_x509_facts *facts);

/* One certificate with what it can be chosen and listed by. */
struct acm_listed {
	struct acm_certificate c;
	struct bw_x509_facts f;
	struct bw_str arn;
	size_t users;
};
/* All of the account and Region that are wanted: their number is bounded by the quota. */
BW_CHECKED enum bw_err acm_gather(struct bw_call *call,
    bool (*is_wanted)(const struct bw_call *call, const struct acm_listed *one, const void *ctx),
    const void *ctx, struct acm_listed ***out, size_t *n);

/* ---- SearchCertificates ---- */

/* ValidationException for a statement of too many parts, or a range that ends before it starts. NULL: none is
 * given. */
BW_CHECKED enum bw_err acm_filter_check(struct bw_call *call, const struct acm_CertificateFilterStatement *s);
bool acm_filter_matches(
    const struct bw_call *call, const struct acm_listed *one, const struct acm_CertificateFilterStatement *s);
/* A certificate's X.509 attributes as SearchCertificates shows them. */
BW_CHECKED enum bw_err acm_attributes(
    struct bw_call *call, const struct acm_listed *one, struct acm_X509Attributes **out);
