/* Certificates for other services of this server (core/authority.h): what ACM requests and renews. */
#include "core/authority.h"
#include "svc/acm_pca/pca.h"

#include "core/trust.h"

enum { COMMON_NAME_MAX = 64 };

#define END_ENTITY "arn:aws:acm-pca:::template/EndEntityCertificate/V1"

static enum bw_err also_state(struct bw_call *call, const struct pca_found *f, struct bw_str action)
{
	struct bw_also *also = bw_call_also_on(call, action, f->arn);
	struct bw_policy *policy;

	bw_also_context(call, also, BW_STR("acm-pca:TemplateArn"), BW_STR(END_ENTITY));
	for (size_t i = 0; i < f->a.tags.n; i++)
		bw_also_context(call, also,
		    bw_arena_printf(call->arena, "aws:ResourceTag/%.*s", BW_FMT(f->a.tags.v[i].key)),
		    f->a.tags.v[i].value);
	if (!bw_str_set(f->a.policy))
		return BW_OK;
	TRY(bw_call_policy(call, bw_principals_effective(call, f->a.policy, &f->a.policy_principals),
	    BW_POLICY_RESOURCE, "InvalidPolicyException", &policy));
	also->policy = (struct bw_policy_ref){policy, f->arn};
	return BW_OK;
}

/* AWS Private CA User Guide, "Control access to the private CA": whoever requests from it issues with it. */
static enum bw_err permit(struct bw_call *call, struct bw_str arn)
{
	struct pca_found f;

	TRY(pca_find(call, arn, &f));
	if (!f.exists)
		return BW_OK;
	TRY(also_state(call, &f, BW_STR("acm-pca:IssueCertificate")));
	return also_state(call, &f, BW_STR("acm-pca:GetCertificate"));
}

static bool has_action(const struct acm_pca_ActionList *actions, struct bw_str action)
{
	for (size_t i = 0; i < actions->n; i++)
		if (bw_str_eq(actions->v[i], action))
			return true;
	return false;
}

static enum bw_err permits(struct bw_call *call, struct bw_str arn, struct bw_str principal)
{
	struct acm_pca_Permission p = {0};
	const struct bw_pair *given;
	struct pca_found f;

	TRY(pca_find(call, arn, &f));
	CHECK(f.exists, BW_ENOTFOUND);
	given = bw_pairs_find(&f.a.permissions,
	    bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(call->account), BW_FMT(principal)));
	CHECK(given, BW_EPERM);
	TRY(bw_shape_unpack(acm_pca_Permission_shape, given->value, call->arena, &p));
	return has_action(&p.Actions, BW_STR("IssueCertificate")) &&
	               has_action(&p.Actions, BW_STR("GetCertificate"))
	           ? BW_OK
	           : BW_EPERM;
}

/* ---- Issuing ---- */

/* As if such a request had come: a common name where it fits, and the names. */
static enum bw_err request_make(
    struct bw_call *call, const struct bw_authority_request *r, struct bw_csr *out)
{
	struct acm_pca_ASN1Subject subject = {
	    .CommonName = r->names[0].n <= COMMON_NAME_MAX ? r->names[0] : BW_STR_NONE};
	struct bw_str *parts = BW_NEW_ARRAY(call->arena, struct bw_str, r->name_count + 1);
	struct bw_x509_extension *names = BW_NEW(call->arena, struct bw_x509_extension);

	*out = (struct bw_csr){.spki = r->spki, .extensions = names, .extension_count = 1};
	TRY(bw_spki_id(r->spki, call->arena, &out->key_id));
	out->subject = BW_DER(call->arena, BW_DER_SEQUENCE, BW_STR_NONE);
	if (bw_str_set(subject.CommonName))
		TRY(pca_subject_der(call, &subject, &out->subject));
	for (size_t i = 0; i < r->name_count; i++)
		TRY(pca_general_name_der(
		    call, &(struct acm_pca_GeneralName){.DnsName = r->names[i]}, &parts[i]));
	*names = (struct bw_x509_extension){BW_STR(PCA_OID_SUBJECT_ALT_NAME), false,
	    bw_der_list(call->arena, BW_DER_SEQUENCE, parts, r->name_count)};
	return BW_OK;
}

static enum bw_err ask(struct bw_call *call, const struct bw_authority_request *r,
    struct bw_keyer_request *request, void **state)
{
	struct pca_issuing *i = BW_NEW(call->arena, struct pca_issuing);
	struct acm_pca_CertificateAuthorityConfiguration *c;

	*i = (struct pca_issuing){
	    .not_after_ms = r->not_after_ms, .not_before_ms = call->now_ms - PCA_EARLIER_MS};
	*state = i;
	TRY(pca_find(call, r->authority, &i->f));
	CHECK(i->f.exists, BW_ENOTFOUND);
	/* ACM User Guide, "Request a private certificate": not from one for short-lived certificates. */
	CHECK(pca_state(call, &i->f.a) == PCA_ACTIVE && !i->f.a.short_lived &&
	          r->not_after_ms <= i->f.a.not_after_ms,
	    BW_EPERM);
	TRY(pca_template(call, BW_STR(END_ENTITY), &i->chosen));
	TRY(pca_configuration(call, &i->f.a, &c));
	TRY(pca_signing_algorithm(
	    call, c->SigningAlgorithm, pca_key_algorithm(call, c->KeyAlgorithm), &i->signing));
	TRY(request_make(call, r, &i->csr));
	TRY(pca_certificate_make(call, NULL, i));
	return pca_sign_ask(call, &i->f, i->signing, i->to_sign, request);
}

static enum bw_err take(struct bw_call *call, void *state, struct bw_authority_issued *out)
{
	struct pca_issuing *i = state;

	TRY(pca_answered(call));
	TRY(pca_certificate_take(call, i, &out->cert_pem, &out->arn));
	out->chain_pem = pca_chain(call, &i->f.a);
	return BW_OK;
}

static const struct bw_authority_keeper keeper = {
    .service = "acm-pca", .permit = permit, .permits = permits, .ask = ask, .take = take};
BW_AUTHORITY_KEEPER(keeper);
