/* IssueCertificate and GetCertificate. */
#include "svc/acm_pca/pca.h"

#include "base/sys.h"
#include "crypto/x509.h"

enum { SERIAL = 16, SHORT_LIVED_DAYS = 7 };

static enum bw_err invalid(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "InvalidArgsException", "%s", text);
}

static enum bw_err issue_resource(struct bw_call *call)
{
	struct pca_issuing *i = BW_NEW(call->arena, struct pca_issuing);
	const struct pca_found *f;

	TRY(pca_resource(call));
	f = call->state;
	*i = (struct pca_issuing){.f = *f};
	call->state = i;
	return BW_OK;
}

static enum bw_err issue_keys(struct bw_call *call)
{
	struct bw_str arn = bw_call_input(call, "TemplateArn");

	bw_call_context(call, BW_STR("acm-pca:TemplateArn"),
	    bw_str_set(arn) ? arn : BW_STR("arn:aws:acm-pca:::template/EndEntityCertificate/V1"));
	return BW_OK;
}

/* ---- Checks ---- */

static enum bw_err csr_check(struct bw_call *call, struct bw_str pem, struct bw_csr *out)
{
	static const char *const faults[] = {
	    [BW_CSR_FORM] = "The certificate signing request is not one request in PEM format.",
	    [BW_CSR_KEY] = "The key of the certificate signing request is not supported: use RSA with 2048 "
	                   "to 8192 bits or ECDSA with "
	                   "P-256, P-384 or P-521.",
	    [BW_CSR_SIGNATURE] = "The certificate signing request is not signed with its own key.",
	    [BW_CSR_EXTENSIONS] =
	        "The certificate signing request has unreadable, too many or duplicate extensions.",
	};
	enum bw_csr_fault fault = bw_csr_read(pem, call->arena, out);

	return fault == BW_CSR_GOOD ? BW_OK
	                            : bw_call_fail(call, "MalformedCSRException", "%s", faults[fault]);
}

/* A root's certificate is signed by its own key, before there is any; all others take one that is active. */
static enum bw_err template_check(struct bw_call *call, struct pca_issuing *i)
{
	const struct pca_authority *a = &i->f.a;
	int path = i->chosen.t->path_length;

	if (path == PCA_ANY_PATH) {
		TRY(pca_in_state(
		    call, &i->f, PCA_IN(PENDING_CERTIFICATE) | PCA_IN(ACTIVE) | PCA_IN(EXPIRED)));
		if (a->type != PCA_ROOT || !bw_str_eq(i->csr.spki, a->spki))
			return invalid(call, "The root CA template is for the certificate signing request of "
			                     "the root CA itself.");
		return BW_OK;
	}
	TRY(pca_in_state(call, &i->f, PCA_IN(ACTIVE)));
	if (path != PCA_NO_PATH && a->path_limit && path + 1 > a->path_limit - 1)
		return invalid(call, "The path length of the template is not allowed by the path length of "
		                     "the CA's own certificate.");
	return BW_OK;
}

static enum bw_err times_check(
    struct bw_call *call, const IN_acm_pca_IssueCertificate *in, struct pca_issuing *i)
{
	i->not_before_ms = call->now_ms - PCA_EARLIER_MS;
	TRY(pca_validity(call, in->Validity, false, &i->not_after_ms));
	if (in->ValidityNotBefore)
		TRY(pca_validity(call, in->ValidityNotBefore, true, &i->not_before_ms));
	if (i->not_after_ms <= call->now_ms || i->not_after_ms <= i->not_before_ms)
		return invalid(call, "The certificate would end before it begins, or has already ended.");
	if (i->f.a.short_lived && i->chosen.t->path_length == PCA_NO_PATH &&
	    i->not_after_ms > call->now_ms + SHORT_LIVED_DAYS * PCA_DAY_MS)
		return invalid(call, "A CA for short-lived certificates issues them for at most seven days.");
	if (i->chosen.t->path_length != PCA_ANY_PATH && i->not_after_ms > i->f.a.not_after_ms)
		return bw_call_fail(call, "ValidationException", "%s",
		    "The certificate validity specified exceeds the certificate authority validity.");
	return BW_OK;
}

static enum bw_err issue_check(
    struct bw_call *call, const IN_acm_pca_IssueCertificate *in, struct pca_issuing *i)
{
	struct acm_pca_CertificateAuthorityConfiguration *c;

	TRY(pca_template(call, in->TemplateArn, &i->chosen));
	if (in->ApiPassthrough && !i->chosen.api)
		return invalid(call, "ApiPassthrough is for templates that pass values of the API through.");
	TRY(pca_configuration(call, &i->f.a, &c));
	TRY(pca_signing_algorithm(
	    call, in->SigningAlgorithm, pca_key_algorithm(call, c->KeyAlgorithm), &i->signing));
	TRY(csr_check(call, in->Csr, &i->csr));
	TRY(template_check(call, i));
	return times_check(call, in, i);
}

/* ---- The certificate ---- */

/* 126 random bits with the second highest set: positive, and always sixteen bytes long. */
static struct bw_str serial_make(struct bw_call *call)
{
	unsigned char bytes[SERIAL];

	bw_random(bytes, sizeof bytes);
	bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
	return bw_arena_str(call->arena, bw_str_make(bytes, sizeof bytes));
}

static struct bw_str constraints_der(struct bw_call *call, int path)
{
	struct bw_arena *a = call->arena;

	if (path == PCA_NO_PATH)
		return BW_DER(a, BW_DER_SEQUENCE, BW_STR_NONE);
	return BW_DER(a, BW_DER_SEQUENCE, bw_der_true(a),
	    path == PCA_ANY_PATH ? BW_STR_NONE : bw_der_small(a, (unsigned)path));
}

/* AWS Private CA User Guide, "Template order of operations": the template's first, and nothing takes their
 * place. */
static void template_extensions(
    struct bw_call *call, const struct pca_issuing *i, struct pca_extensions *list)
{
	const struct pca_template *t = i->chosen.t;
	struct bw_arena *a = call->arena;
	struct bw_str issuer_id = t->path_length == PCA_ANY_PATH ? i->csr.key_id : i->f.a.key_id;
	struct bw_str usages[2] = {
	    bw_der_oid(a, bw_str_c(t->extended[0])), bw_der_oid(a, bw_str_c(t->extended[1]))};

	pca_extension_add(call, list, PCA_OID_BASIC_CONSTRAINTS, t->path_length != PCA_NO_PATH,
	    constraints_der(call, t->path_length));
	pca_extension_add(call, list, PCA_OID_AUTHORITY_KEY_ID, false,
	    BW_DER(a, BW_DER_SEQUENCE, BW_DER(a, BW_DER_CONTEXT, issuer_id)));
	pca_extension_add(
	    call, list, PCA_OID_SUBJECT_KEY_ID, false, BW_DER(a, BW_DER_OCTET_STRING, i->csr.key_id));
	if (t->key_usage)
		pca_extension_add(call, list, PCA_OID_KEY_USAGE, true, bw_der_named_bits(a, t->key_usage));
	if (t->extended[0])
		pca_extension_add(call, list, PCA_OID_EXTENDED_KEY_USAGE, t->extended_critical,
		    bw_der_list(a, BW_DER_SEQUENCE, usages, 2));
}

static void csr_extensions(struct bw_call *call, const struct pca_issuing *i, struct pca_extensions *list)
{
	const struct bw_csr *csr = &i->csr;

	if (i->chosen.csr) {
		pca_extension_add_all(call, list, csr->extensions, csr->extension_count);
		return;
	}
	/* Names pass through whatever the variety. */
	for (size_t n = 0; n < csr->extension_count; n++)
		if (bw_str_eq(csr->extensions[n].oid, BW_STR(PCA_OID_SUBJECT_ALT_NAME)))
			pca_extension_add_all(call, list, &csr->extensions[n], 1);
}

/* TBSCertificate (RFC 5280 section 4.1). */
enum bw_err pca_certificate_make(
    struct bw_call *call, const struct acm_pca_ApiPassthrough *passed, struct pca_issuing *i)
{
	struct bw_arena *a = call->arena;
	struct bw_str subject = i->csr.subject, issuer, extensions;
	struct pca_extensions list = {0};

	template_extensions(call, i, &list);
	if (passed && passed->Extensions)
		TRY(pca_extensions_add(call, &list, passed->Extensions));
	if (passed && passed->Subject)
		TRY(pca_subject_der(call, passed->Subject, &subject));
	csr_extensions(call, i, &list);
	/* Without a subject the alternative names are all it has (RFC 5280 section 4.2.1.6). */
	for (size_t n = 0; n < list.n; n++)
		if (subject.n == 2 && bw_str_eq(list.v[n].oid, BW_STR(PCA_OID_SUBJECT_ALT_NAME)))
			list.v[n].critical = true;
	TRY(pca_extensions_der(call, &list, &extensions));
	issuer = i->chosen.t->path_length == PCA_ANY_PATH ? subject : i->f.a.subject;
	i->serial = serial_make(call);
	i->to_sign = BW_DER(a, BW_DER_SEQUENCE, BW_DER(a, BW_DER_CONSTRUCTED, bw_der_small(a, 2)),
	    bw_der_unsigned(a, i->serial), pca_algorithm_der(call, i->signing), issuer,
	    BW_DER(a, BW_DER_SEQUENCE, bw_der_time(a, i->not_before_ms), bw_der_time(a, i->not_after_ms)),
	    subject, i->csr.spki, BW_DER(a, BW_DER_CONSTRUCTED + 3, extensions));
	return BW_OK;
}

/* ---- IssueCertificate ---- */

static enum bw_err issue_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_acm_pca_IssueCertificate *in = input;
	struct pca_issuing *i = call->state;
	struct pca_found *f;

	TRY(pca_found(call, &f));
	i->token = pca_token(call, in->IdempotencyToken);
	TRY(bw_token_find(call, &i->token, &i->earlier));
	if (bw_str_set(i->earlier))
		return BW_OK;
	TRY(issue_check(call, in, i));
	TRY(pca_certificate_make(call, in->ApiPassthrough, i));
	return pca_sign_ask(call, &i->f, i->signing, i->to_sign, request);
}

/* What OpenSSL does not read back is no certificate, whatever was passed through. */
static enum bw_err readable(struct bw_call *call, struct bw_str pem)
{
	struct bw_x509_facts facts;

	return bw_x509_facts(pem, call->arena, &facts) == BW_OK
	           ? BW_OK
	           : invalid(call, "What is passed through does not make a readable certificate.");
}

enum bw_err pca_certificate_take(
    struct bw_call *call, struct pca_issuing *i, struct bw_str *pem, struct bw_str *arn)
{
	struct pca_certificate c = {.serial = pca_hex(call, i->serial),
	    .template = i->chosen.arn,
	    .issued_ms = call->now_ms,
	    .not_after_ms = i->not_after_ms};

	c.cert_pem = bw_der_pem(call->arena, "CERTIFICATE",
	    pca_signed(call, i->to_sign, pca_algorithm_der(call, i->signing), call->answer.out));
	TRY(readable(call, c.cert_pem));
	bw_call_save(call, &pca_certificate_record, pca_certificate_key(call, i->f.id, c.serial), &c);
	bw_call_take(call, &pca_certificates_quota, i->f.id, 1);
	*pem = c.cert_pem;
	*arn = bw_arena_printf(call->arena, "%.*s/certificate/%.*s", BW_FMT(i->f.arn), BW_FMT(c.serial));
	return BW_OK;
}

BW_OP(acm_pca, IssueCertificate, .effect = BW_WRITE, .resource = issue_resource, .keys = issue_keys,
    .ask = issue_ask)
{
	struct pca_issuing *i = call->state;
	struct bw_str pem;

	if (bw_str_set(i->earlier)) {
		out->CertificateArn = i->earlier;
		return BW_OK;
	}
	TRY(pca_answered(call));
	TRY(pca_certificate_take(call, i, &pem, &out->CertificateArn));
	bw_token_keep(call, &i->token, out->CertificateArn);
	return BW_OK;
}

/* ---- GetCertificate ---- */

/* The serial number in the ARN of a certificate of this authority; absent: it is no such ARN. */
static struct bw_str serial_of(struct bw_call *call, const struct pca_found *f, struct bw_str arn)
{
	struct bw_str front = bw_arena_printf(call->arena, "%.*s/certificate/", BW_FMT(f->arn)), serial;

	if (!bw_str_starts(arn, front))
		return BW_STR_NONE;
	serial = bw_str_sub(arn, front.n, arn.n);
	return serial.n == 2 * SERIAL && bw_str_find(serial, '/', 0) < 0 ? serial : BW_STR_NONE;
}

static bool is_own(const struct pca_authority *a, const struct bw_str serial)
{
	size_t at = 0;

	/* The record has it with colons. */
	for (size_t i = 0; i < a->serial.n; i++)
		if (a->serial.p[i] != ':' && (at >= serial.n || serial.p[at++] != a->serial.p[i]))
			return false;
	return at == serial.n;
}

struct bw_str pca_chain(struct bw_call *call, const struct pca_authority *a)
{
	if (!bw_str_set(a->chain_pem))
		return a->cert_pem;
	return bw_arena_printf(call->arena, "%.*s\n%.*s", BW_FMT(a->cert_pem), BW_FMT(a->chain_pem));
}

BW_OP(acm_pca, GetCertificate, .effect = BW_READ, .resource = pca_resource)
{
	struct pca_certificate c;
	struct pca_found *f;
	struct bw_str serial;
	enum bw_err e;

	TRY(pca_found(call, &f));
	serial = serial_of(call, f, in->CertificateArn);
	if (!bw_str_set(serial))
		return bw_call_fail(call, "InvalidArnException",
		    "%.*s is not the ARN of a certificate of %.*s.", BW_FMT(in->CertificateArn),
		    BW_FMT(f->arn));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	e = bw_call_load(call, &pca_certificate_record, pca_certificate_key(call, f->id, serial), &c);
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "ResourceNotFoundException", "Could not find certificate %.*s.",
		    BW_FMT(in->CertificateArn));
	TRY(e);
	out->Certificate = c.cert_pem;
	if (f->a.state == PCA_PENDING_CERTIFICATE || (f->a.type == PCA_ROOT && is_own(&f->a, serial)))
		return BW_OK; /* its own: there is nothing above */
	out->CertificateChain = pca_chain(call, &f->a);
	return BW_OK;
}
