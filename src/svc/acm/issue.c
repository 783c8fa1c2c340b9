/* Certificates on request: from the server's private CA, or from an authority of ACM-PCA. */
#include "svc/acm/acm.h"

#include "codec/uuid.h"
#include "core/token.h"
#include "crypto/crypto.h"

enum {
	PEM_MAX = 256 * 1024,
	PRIVATE_DAYS = 395,
	COMMON_NAME_MAX = 64, /* ACM API Reference, "RequestCertificate", DomainName; RFC 5280, appendix A.1 */
};

static const int64_t day_ms = 24 * 3600 * 1000;

/* ---- The authority: the CA of the server's TLS identity, in its record ---- */

static const struct bw_field authority_fields[] = {
    BW_FIELD(1, STR, struct acm_authority, cert_pem),
    BW_FIELD(2, STR, struct acm_authority, key_pem),
};
static const struct bw_record authority_record = BW_RECORD("tls", struct acm_authority, authority_fields);

#define AUTHORITY_KEY BW_STR("-/global/core/tls/api")

struct bw_str acm_taken(struct bw_arena *arena, struct bw_buf *b)
{
	struct bw_str s = bw_arena_str(arena, bw_buf_str(b));

	bw_buf_free(b);
	return s;
}

enum bw_err acm_authority_load(struct bw_call *call, struct acm_authority *out)
{
	enum bw_err e = bw_call_load(call, &authority_record, AUTHORITY_KEY, out);
	struct bw_buf cert, key;

	if (e != BW_ENOTFOUND && !(e == BW_OK && !bw_str_set(out->cert_pem)))
		return e;
	bw_buf_init(&cert, PEM_MAX);
	bw_buf_init(&key, PEM_MAX);
	e = bw_ca_make(BW_STR("Bulwark private CA"), call->now_ms, &cert, &key);
	out->cert_pem = acm_taken(call->arena, &cert);
	out->key_pem = acm_taken(call->arena, &key);
	if (e == BW_OK && call->op->effect == BW_WRITE)
		bw_call_save(call, &authority_record, AUTHORITY_KEY, out);
	return e;
}

struct bw_str acm_authority_arn(struct bw_call *call, const struct acm_authority *ca)
{
	unsigned char digest[32];
	char hex[32];

	bw_sha256(ca->cert_pem, digest);
	for (int i = 0; i < 32; i++)
		hex[i] = "0123456789abcdef"[i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4];
	return bw_arena_printf(call->arena,
	    "arn:aws:acm-pca:%.*s:%.*s:certificate-authority/%.8s-%.4s-%.4s-%.4s-%.12s", BW_FMT(call->region),
	    BW_FMT(call->account), hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* ---- RequestCertificate ---- */

/* The domain name first, each name once, in lower case. */
static struct bw_strs names_of(struct bw_call *call, const IN_acm_RequestCertificate *in)
{
	struct bw_strs names = {0};

	bw_strs_add(&names, call->arena, bw_arena_lower(call->arena, in->DomainName));
	for (size_t i = 0; i < in->SubjectAlternativeNames.n; i++) {
		struct bw_str name = bw_arena_lower(call->arena, in->SubjectAlternativeNames.v[i]);

		if (!bw_strs_has(&names, name))
			bw_strs_add(&names, call->arena, name);
	}
	return names;
}

static struct bw_str or_else(struct bw_str given, const char *otherwise)
{
	return bw_str_set(given) ? given : bw_str_c(otherwise);
}

/* ACM User Guide, "Use condition keys with ACM". What is left out counts as what it stands for, and names as they will be
 * issued: a denial holds however the request is spelt. */
static enum bw_err request_keys(struct bw_call *call)
{
	const IN_acm_RequestCertificate *in = call->in;
	const struct acm_CertificateOptions none = {0}, *options = in->Options ? in->Options : &none;
	struct bw_strs names = names_of(call, in);

	bw_call_context_list(call, BW_STR("acm:DomainNames"), names.v, names.n);
	bw_call_context(call, BW_STR("acm:CertificateTransparencyLogging"),
	    or_else(options->CertificateTransparencyLoggingPreference, "ENABLED"));
	bw_call_context(call, BW_STR("acm:Export"), or_else(options->Export, "DISABLED"));
	bw_call_context(call, BW_STR("acm:KeyAlgorithm"), or_else(in->KeyAlgorithm, "RSA_2048"));
	bw_call_context(call, BW_STR("acm:ValidationMethod"), in->ValidationMethod);
	bw_call_context(call, BW_STR("acm:CertificateAuthority"), in->CertificateAuthorityArn);
	if (bw_authority_keeper(in->CertificateAuthorityArn))
		TRY(bw_authority_keeper(in->CertificateAuthorityArn)
		        ->permit(call, in->CertificateAuthorityArn));
	if (in->Tags.n)
		bw_call_also(call, BW_STR("acm:AddTagsToCertificate"), acm_arn(call, BW_STR("*")),
		    BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

/* The same certificate under the same token within an hour is one (ACM API Reference, "RequestCertificate"). */
static struct bw_token token_of(
    struct bw_call *call, struct bw_str given, const struct acm_certificate *c, struct bw_str algorithm)
{
	struct bw_token token = {.token = given, .within_ms = ACM_TOKEN_MS};
	struct bw_buf text;

	bw_buf_init(&text, 64 * 1024);
	for (size_t i = 0; i < c->names.n; i++)
		bw_buf_printf(&text, "%.*s\n", BW_FMT(c->names.v[i]));
	bw_buf_printf(
	    &text, "%.*s\n%.*s\n%.*s", BW_FMT(algorithm), BW_FMT(c->authority), BW_FMT(c->validation));
	token.request = acm_taken(call->arena, &text);
	return token;
}

/* ---- From an authority of ACM-PCA ---- */

enum bw_err acm_issue_ask(
    struct bw_call *call, const struct acm_certificate *c, struct bw_keyer_request *request, void **issuing)
{
	const struct bw_authority_keeper *keeper = bw_authority_keeper(c->authority);
	/* ACM User Guide, "Private certificates": thirteen months. */
	struct bw_authority_request r = {.authority = c->authority,
	    .names = c->names.v,
	    .name_count = c->names.n,
	    .not_after_ms = call->now_ms + PRIVATE_DAYS * day_ms};
	struct bw_buf spki;
	enum bw_err e;

	CHECK(keeper, BW_ENOTFOUND);
	bw_buf_init(&spki, PEM_MAX);
	e = bw_key_public(c->key_pem, &spki);
	r.spki = acm_taken(call->arena, &spki);
	MUST(e == BW_OK); /* it was made here */
	return keeper->ask(call, &r, request, issuing);
}

enum bw_err acm_issue_take(struct bw_call *call, void *issuing, struct acm_certificate *c)
{
	struct bw_authority_issued issued;

	TRY(bw_authority_keeper(c->authority)->take(call, issuing, &issued));
	c->cert_pem = issued.cert_pem;
	c->chain_pem = issued.chain_pem;
	return BW_OK;
}

/* ---- RequestCertificate ---- */

/* What is on its way through the call's steps. */
struct requesting {
	struct bw_str algorithm;
	struct bw_token token;
	struct bw_str earlier; /* the certificate that the same request made; absent: none */
	struct acm_certificate c;
	void *issuing;
};

static enum bw_err issue(struct bw_call *call, const struct requesting *r, struct acm_certificate *c)
{
	struct acm_authority ca;
	struct bw_buf cert, key;
	enum bw_err e;

	TRY(acm_authority_load(call, &ca));
	bw_buf_init(&cert, PEM_MAX);
	bw_buf_init(&key, PEM_MAX);
	e = bw_ca_issue_as(
	    ca.cert_pem, ca.key_pem, r->algorithm, c->names.v, c->names.n, call->now_ms, &cert, &key);
	c->cert_pem = acm_taken(call->arena, &cert);
	c->key_pem = acm_taken(call->arena, &key);
	c->chain_pem = ca.cert_pem;
	if (e == BW_EINVAL)
		return bw_call_fail(call, "InvalidParameterException", "%s",
		    "The domain names or the key algorithm are not valid.");
	return e;
}

/* Absent: the server's own. */
static enum bw_err authority_choose(struct bw_call *call, struct bw_str given, struct bw_str *out)
{
	struct acm_authority ca;

	*out = BW_STR_NONE;
	if (!bw_str_set(given))
		return BW_OK;
	TRY(acm_authority_load(call, &ca));
	if (!bw_str_eq(given, acm_authority_arn(call, &ca)))
		*out = given;
	return BW_OK;
}

static enum bw_err key_make(struct bw_call *call, struct requesting *r)
{
	struct bw_buf key, spki;
	enum bw_err e;

	bw_buf_init(&key, PEM_MAX);
	bw_buf_init(&spki, PEM_MAX);
	e = bw_key_make(r->algorithm, &key, &spki);
	r->c.key_pem = acm_taken(call->arena, &key);
	bw_buf_free(&spki);
	if (e == BW_EINVAL)
		return bw_call_fail(
		    call, "InvalidParameterException", "%s", "The key algorithm is not valid.");
	return e;
}

static enum bw_err authority_ask(struct bw_call *call, struct requesting *r, struct bw_keyer_request *request)
{
	enum bw_err e;

	TRY(key_make(call, r));
	e = acm_issue_ask(call, &r->c, request, &r->issuing);
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "InvalidArnException", "Could not find certificate authority %.*s.",
		    BW_FMT(r->c.authority));
	if (e == BW_EPERM)
		return bw_call_fail(call, "InvalidParameterException",
		    "The certificate authority %.*s is not active, is for short-lived certificates, or ends "
		    "before the certificate would.",
		    BW_FMT(r->c.authority));
	return e;
}

static enum bw_err request_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_acm_RequestCertificate *in = input;
	struct requesting *r = BW_NEW(call->arena, struct requesting);

	call->state = r;
	*r = (struct requesting){.algorithm = or_else(in->KeyAlgorithm, "RSA_2048")};
	r->c = (struct acm_certificate){.id = bw_uuid_new(call->arena),
	    .type = ACM_PRIVATE,
	    .created_ms = call->now_ms,
	    .names = names_of(call, in)};
	if (in->DomainName.n > COMMON_NAME_MAX)
		return bw_call_fail(call, "ValidationException",
		    "The first domain name can be at most %d octets long, including periods.", COMMON_NAME_MAX);
	if (bw_str_set(in->CertificateAuthorityArn) && in->Options && bw_str_set(in->Options->Export))
		return bw_call_fail(call, "ValidationException", "%s",
		    "One or more of the options specified in the request are not supported for PRIVATE certificate types");
	TRY(authority_choose(call, in->CertificateAuthorityArn, &r->c.authority));
	TRY(acm_validation_take(call, in, &r->c));
	r->token = token_of(call, in->IdempotencyToken, &r->c, r->algorithm);
	TRY(bw_token_find(call, &r->token, &r->earlier));
	if (bw_str_set(r->earlier))
		return BW_OK;
	TRY(acm_tags_set(call, &r->c.tags));
	return bw_str_set(r->c.authority) ? authority_ask(call, r, request) : BW_OK;
}

BW_OP(acm, RequestCertificate, .effect = BW_WRITE, .slow = true, .keys = request_keys, .ask = request_ask)
{
	struct requesting *r = call->state;
	struct acm_certificate *c = &r->c;

	if (bw_str_set(r->earlier)) {
		out->CertificateArn = acm_arn(call, r->earlier);
		return BW_OK;
	}
	c->logging = !(in->Options &&
	               bw_str_eq(in->Options->CertificateTransparencyLoggingPreference, BW_STR("DISABLED")));
	c->export_option = in->Options && bw_str_eq(in->Options->Export, BW_STR("ENABLED"));
	TRY(bw_str_set(c->authority) ? acm_issue_take(call, r->issuing, c) : issue(call, r, c));
	acm_save(call, c);
	bw_call_take(call, &acm_certificates_quota, call->region, 1);
	bw_token_keep(call, &r->token, c->id);
	acm_renewal_schedule(call, c);
	out->CertificateArn = acm_arn(call, c->id);
	return BW_OK;
}

/* ---- ExportCertificate ---- */

BW_OP(acm, ExportCertificate, .effect = BW_WRITE, .slow = true, .resource = acm_resource,
    .keys = acm_name_keys)
{
	struct acm_certificate c;
	struct bw_buf key;
	enum bw_err e;

	TRY(acm_load(call, in->CertificateArn, &c));
	/* ACM API Reference, "CertificateOptions": a public certificate may leave when its request said so. */
	if (c.type == ACM_IMPORTED || (c.type == ACM_VALIDATED && !c.export_option))
		return bw_call_fail(call, "ValidationException",
		    "Certificate ARN: %.*s is not a private certificate", BW_FMT(in->CertificateArn));
	TRY(acm_not_revoked(call, &c));
	bw_buf_init(&key, PEM_MAX);
	e = bw_x509_key_export(c.key_pem, in->Passphrase, &key);
	out->PrivateKey = acm_taken(call->arena, &key);
	TRY(e);
	out->Certificate = c.cert_pem;
	out->CertificateChain = c.chain_pem;
	c.exported = true;
	acm_save(call, &c);
	return BW_OK;
}
