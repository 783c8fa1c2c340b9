/* CreateCertificateAuthority: the keyer makes the key, then signs the request for its certificate. */
#include "svc/acm_pca/pca.h"

#include "codec/uuid.h"

/* What is on its way through the call's steps. */
struct creating {
	struct pca_found f;
	const struct pca_key_algorithm *key;
	const struct pca_signing_algorithm *signing;
	struct bw_token token;
	struct bw_str earlier; /* the ARN that the same request made; absent: none */
	struct bw_str to_sign, public_key;
	struct bw_str extensions; /* SEQUENCE OF Extension; absent: none */
};

static enum bw_err create_resource(struct bw_call *call)
{
	const IN_acm_pca_CreateCertificateAuthority *in = call->in;
	struct creating *c = BW_NEW(call->arena, struct creating);

	*c = (struct creating){0};
	c->f.id = bw_uuid_new(call->arena);
	c->f.arn = pca_arn(call, c->f.id);
	call->state = c;
	/* AWS Private CA User Guide, "Attaching tags to a CA at the time of creation". */
	if (in->Tags.n)
		bw_call_also(call, BW_STR("acm-pca:TagCertificateAuthority"), pca_arn(call, BW_STR("*")),
		    BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

static enum bw_err algorithms_check(
    struct bw_call *call, const struct acm_pca_CertificateAuthorityConfiguration *in, struct creating *c)
{
	c->key = pca_key_algorithm(call, in->KeyAlgorithm);
	if (!c->key)
		return bw_call_fail(call, "InvalidArgsException",
		    "The key algorithm %.*s is not available in this Region.", BW_FMT(in->KeyAlgorithm));
	return pca_signing_algorithm(call, in->SigningAlgorithm, c->key, &c->signing);
}

static enum bw_err csr_extensions(
    struct bw_call *call, const struct acm_pca_CsrExtensions *in, struct creating *c)
{
	struct pca_extensions list = {0};
	struct bw_str value;

	if (in && in->KeyUsage)
		pca_extension_add(
		    call, &list, PCA_OID_KEY_USAGE, true, pca_key_usage_der(call, in->KeyUsage));
	if (in && in->SubjectInformationAccess.n) {
		TRY(pca_access_der(call, &in->SubjectInformationAccess, &value));
		pca_extension_add(call, &list, PCA_OID_SUBJECT_ACCESS, false, value);
	}
	return list.n ? pca_extensions_der(call, &list, &c->extensions) : BW_OK;
}

static enum bw_err authority_fill(
    struct bw_call *call, const IN_acm_pca_CreateCertificateAuthority *in, struct creating *c)
{
	const struct acm_pca_CertificateAuthorityConfiguration *given = in->CertificateAuthorityConfiguration;
	struct pca_authority *a = &c->f.a;

	*a = (struct pca_authority){.id = c->f.id,
	    .configuration =
	        bw_shape_pack(acm_pca_CertificateAuthorityConfiguration_shape, given, call->arena),
	    .type = bw_str_eq(in->CertificateAuthorityType, BW_STR("ROOT")) ? PCA_ROOT : PCA_SUBORDINATE,
	    .state = PCA_PENDING_CERTIFICATE,
	    .created_ms = call->now_ms,
	    .changed_ms = call->now_ms,
	    .short_lived = bw_str_eq(in->UsageMode, BW_STR("SHORT_LIVED_CERTIFICATE")),
	    .key_standard = in->KeyStorageSecurityStandard};
	TRY(algorithms_check(call, given, c));
	TRY(pca_subject_der(call, given->Subject, &a->subject));
	TRY(csr_extensions(call, given->CsrExtensions, c));
	TRY(pca_revocation_set(call, a, in->RevocationConfiguration));
	return pca_tags_set(call, &a->tags);
}

static enum bw_err create_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_acm_pca_CreateCertificateAuthority *in = input;
	struct creating *c = call->state;

	c->token = pca_token(call, in->IdempotencyToken);
	TRY(bw_token_find(call, &c->token, &c->earlier));
	if (bw_str_set(c->earlier))
		return BW_OK;
	TRY(authority_fill(call, in, c));
	request->op = BW_KEYER_GENERATE;
	pca_material(call, &c->f, c->key->spec, &request->key);
	return BW_OK;
}

/* CertificationRequestInfo (RFC 2986 section 4.1). */
static struct bw_str request_info(struct bw_call *call, const struct creating *c)
{
	struct bw_arena *a = call->arena;
	struct bw_str attributes = BW_STR_NONE;

	if (bw_str_set(c->extensions))
		attributes = BW_DER(a, BW_DER_SEQUENCE, bw_der_oid(a, BW_STR("1.2.840.113549.1.9.14")),
		    BW_DER(a, BW_DER_SET, c->extensions));
	return BW_DER(a, BW_DER_SEQUENCE, bw_der_small(a, 0), c->f.a.subject, c->f.a.spki,
	    BW_DER(a, BW_DER_CONSTRUCTED, attributes));
}

/* The key is there: its first use is to sign for itself. */
static enum bw_err create_then(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	struct creating *c = call->state;

	(void)input;
	if (bw_str_set(c->to_sign))
		return BW_OK;
	TRY(pca_answered(call));
	c->f.a.wrapped = call->answer.out;
	c->f.a.spki = call->answer.out2;
	c->f.a.material_id = call->answer.out3;
	c->to_sign = request_info(call, c);
	return pca_sign_ask(call, &c->f, c->signing, c->to_sign, request);
}

BW_OP(acm_pca, CreateCertificateAuthority, .effect = BW_WRITE, .resource = create_resource, .ask = create_ask,
    .then = create_then)
{
	struct creating *c = call->state;

	if (bw_str_set(c->earlier)) {
		out->CertificateAuthorityArn = c->earlier;
		return BW_OK;
	}
	TRY(pca_answered(call));
	c->f.a.csr_pem = bw_der_pem(call->arena, "CERTIFICATE REQUEST",
	    pca_signed(call, c->to_sign, pca_algorithm_der(call, c->signing), call->answer.out));
	pca_save(call, &c->f);
	bw_call_take(call, &pca_authorities_quota, call->region, 1);
	bw_token_keep(call, &c->token, c->f.arn);
	out->CertificateAuthorityArn = c->f.arn;
	return BW_OK;
}

BW_OP(acm_pca, GetCertificateAuthorityCsr, .effect = BW_READ, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	out->Csr = f->a.csr_pem;
	return BW_OK;
}
