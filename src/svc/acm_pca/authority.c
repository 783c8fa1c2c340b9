/* The record of an authority, and how a call finds it. */
#include "svc/acm_pca/pca.h"

#include "base/sys.h"
#include "codec/uuid.h"
#include "core/trust.h"

static const struct bw_field authority_fields[] = {
    BW_FIELD(1, STR, struct pca_authority, id),
    BW_FIELD(2, STR, struct pca_authority, configuration),
    BW_FIELD(3, STR, struct pca_authority, revocation),
    BW_FIELD(4, STR, struct pca_authority, subject),
    BW_FIELD(5, STR, struct pca_authority, spki),
    BW_FIELD(6, STR, struct pca_authority, wrapped),
    BW_FIELD(7, STR, struct pca_authority, material_id),
    BW_FIELD(8, STR, struct pca_authority, csr_pem),
    BW_FIELD(9, STR, struct pca_authority, cert_pem),
    BW_FIELD(10, STR, struct pca_authority, chain_pem),
    BW_FIELD(11, STR, struct pca_authority, key_id),
    BW_FIELD(12, STR, struct pca_authority, serial),
    BW_FIELD(13, STR, struct pca_authority, key_standard),
    BW_FIELD(14, STR, struct pca_authority, policy),
    BW_FIELD(15, I64, struct pca_authority, type),
    BW_FIELD(16, I64, struct pca_authority, state),
    BW_FIELD(17, I64, struct pca_authority, state_before),
    BW_FIELD(18, I64, struct pca_authority, created_ms),
    BW_FIELD(19, I64, struct pca_authority, changed_ms),
    BW_FIELD(20, I64, struct pca_authority, not_before_ms),
    BW_FIELD(21, I64, struct pca_authority, not_after_ms),
    BW_FIELD(22, I64, struct pca_authority, restorable_ms),
    BW_FIELD(23, I64, struct pca_authority, path_limit),
    BW_FIELD(24, BOOL, struct pca_authority, short_lived),
    BW_FIELD(25, PAIRS, struct pca_authority, tags),
    BW_FIELD(26, PAIRS, struct pca_authority, policy_principals),
    BW_FIELD(27, PAIRS, struct pca_authority, permissions),
};
const struct bw_record pca_authority_record = BW_RECORD("authority", struct pca_authority, authority_fields);

static const struct bw_field certificate_fields[] = {
    BW_FIELD(1, STR, struct pca_certificate, serial),
    BW_FIELD(2, STR, struct pca_certificate, cert_pem),
    BW_FIELD(3, STR, struct pca_certificate, template),
    BW_FIELD(4, STR, struct pca_certificate, revocation_reason),
    BW_FIELD(5, I64, struct pca_certificate, issued_ms),
    BW_FIELD(6, I64, struct pca_certificate, revoked_ms),
    BW_FIELD(7, I64, struct pca_certificate, not_after_ms),
};
const struct bw_record pca_certificate_record =
    BW_RECORD("certificate", struct pca_certificate, certificate_fields);

/* AWS General Reference, "AWS Private CA endpoints and quotas". */
BW_QUOTA(pca_authorities_quota, "acm-pca-authorities", 200, "LimitExceededException",
    "You have reached the limit of %lld private certificate authorities in this account and Region.");
BW_QUOTA(pca_certificates_quota, "acm-pca-certificates-per-authority", 1000000, "LimitExceededException",
    "A private certificate authority can issue at most %lld certificates.");
BW_QUOTA(pca_tags_quota, "acm-pca-tags-per-authority", 50, "TooManyTagsException",
    "A private certificate authority can have at most %lld tags.");

/* ---- Keys and ARNs ---- */

struct bw_str pca_arn(struct bw_call *call, struct bw_str id)
{
	return bw_arena_printf(call->arena, "arn:aws:acm-pca:%.*s:%.*s:certificate-authority/%.*s",
	    BW_FMT(call->region), BW_FMT(call->account), BW_FMT(id));
}

struct bw_str pca_key(struct bw_call *call, const char *kind, struct bw_str name)
{
	return bw_arena_printf(call->arena, "%.*s/%.*s/acm-pca/%s/%.*s", BW_FMT(call->account),
	    BW_FMT(call->region), kind, BW_FMT(name));
}

struct bw_str pca_certificate_key(struct bw_call *call, struct bw_str id, struct bw_str serial)
{
	return pca_key(
	    call, "certificate", bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(id), BW_FMT(serial)));
}

struct bw_str pca_hex(struct bw_call *call, struct bw_str bytes)
{
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, 2 * bytes.n + 1);
	bw_buf_put_hex(&text, bytes.p, bytes.n);
	out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

void pca_save(struct bw_call *call, const struct pca_found *f)
{
	bw_call_save(call, &pca_authority_record, pca_key(call, "authority", f->id), &f->a);
}

struct bw_token pca_token(struct bw_call *call, struct bw_str given)
{
	return (struct bw_token){.token = given,
	    .request = bw_shape_pack(bw_at(call->model->input), call->in, call->arena),
	    .within_ms = PCA_TOKEN_MS};
}

/* ---- Finding ---- */

enum bw_err pca_find(struct bw_call *call, struct bw_str text, struct pca_found *out)
{
	struct bw_arn arn;
	struct bw_str id;
	enum bw_err e;

	*out = (struct pca_found){.arn = text};
	/* One spelling alone: policies are held against the ARN as it was given. */
	if (bw_arn_parse(text, &arn) != BW_OK || !bw_str_eq(arn.partition, BW_STR("aws")) ||
	    !bw_str_eq(arn.service, BW_STR("acm-pca")) || !bw_str_eq(arn.region, call->region))
		return BW_OK;
	id = arn.resource;
	if (!bw_str_eq(bw_str_cut(&id, '/'), BW_STR("certificate-authority")) || id.n != BW_UUID_TEXT ||
	    bw_str_find(id, '/', 0) >= 0)
		return BW_OK;
	out->is_arn = true;
	out->id = id;
	if (!bw_str_eq(arn.account, call->account))
		return BW_OK;
	e = bw_call_load(call, &pca_authority_record, pca_key(call, "authority", id), &out->a);
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	/* The window has passed: it is gone, though its record may stand until the next tick. */
	out->exists = out->a.state != PCA_DELETED || out->a.restorable_ms > call->now_ms;
	return BW_OK;
}

/* The policy as it counts now. */
static enum bw_err about(struct bw_call *call, const struct pca_found *f)
{
	struct bw_policy *policy;

	bw_call_resource_tags(call, &f->a.tags, false);
	if (!bw_str_set(f->a.policy))
		return BW_OK;
	TRY(bw_call_policy(call, bw_principals_effective(call, f->a.policy, &f->a.policy_principals),
	    BW_POLICY_RESOURCE, "InvalidPolicyException", &policy));
	bw_call_resource_policy(call, policy, f->arn, false);
	return BW_OK;
}

enum bw_err pca_resource(struct bw_call *call)
{
	struct bw_str arn = bw_call_input(call, "CertificateAuthorityArn");
	struct pca_found *f = BW_NEW(call->arena, struct pca_found);

	if (!bw_str_set(arn))
		arn = bw_call_input(call, "ResourceArn");
	TRY(pca_find(call, arn, f));
	call->state = f;
	bw_call_resource(call, arn);
	return f->exists ? about(call, f) : BW_OK;
}

enum bw_err pca_found(struct bw_call *call, struct pca_found **out)
{
	struct pca_found *f = call->state;

	MUST(f != NULL);
	*out = f;
	if (!f->is_arn)
		return bw_call_fail(call, "InvalidArnException",
		    "%.*s is not the ARN of a private certificate authority in this Region.", BW_FMT(f->arn));
	if (!f->exists)
		return bw_call_fail(call, "ResourceNotFoundException",
		    "Could not find Certificate Authority with arn %.*s", BW_FMT(f->arn));
	return BW_OK;
}

/* ---- States ---- */

enum pca_state pca_state(const struct bw_call *call, const struct pca_authority *a)
{
	bool has_certificate = a->state == PCA_ACTIVE || a->state == PCA_DISABLED;

	return has_certificate && a->not_after_ms <= call->now_ms ? PCA_EXPIRED : (enum pca_state)a->state;
}

struct bw_str pca_state_name(enum pca_state state)
{
	static const char *const names[] = {[PCA_PENDING_CERTIFICATE] = "PENDING_CERTIFICATE",
	    [PCA_ACTIVE] = "ACTIVE",
	    [PCA_DISABLED] = "DISABLED",
	    [PCA_DELETED] = "DELETED",
	    [PCA_EXPIRED] = "EXPIRED"};

	return bw_str_c(names[state]);
}

enum bw_err pca_in_state(struct bw_call *call, const struct pca_found *f, unsigned states)
{
	enum pca_state state = pca_state(call, &f->a);

	if (states >> state & 1)
		return BW_OK;
	return bw_call_fail(call, "InvalidStateException",
	    "The certificate authority %.*s is in the %.*s state, which does not allow this.", BW_FMT(f->arn),
	    BW_FMT(pca_state_name(state)));
}
