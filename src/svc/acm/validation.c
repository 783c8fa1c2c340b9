/* Validated certificates: what a public authority would want to see of the domains, and that it was seen. The
 * private CA needs no proof, so every domain counts as validated at once. */
#include "svc/acm/acm.h"

#include "crypto/crypto.h"

bool acm_is_under(struct bw_str domain, struct bw_str parent)
{
	if (bw_str_eq_nocase(domain, parent))
		return true;
	return domain.n > parent.n && domain.p[domain.n - parent.n - 1] == '.' &&
	       bw_str_eq_nocase(bw_str_sub(domain, domain.n - parent.n, parent.n), parent);
}

/* ---- What a request says ---- */

static enum bw_err option_check(
    struct bw_call *call, const struct acm_certificate *c, const struct acm_DomainValidationOption *o)
{
	if (!bw_strs_has(&c->names, bw_arena_lower(call->arena, o->DomainName)))
		return bw_call_fail(call, "InvalidDomainValidationOptionsException",
		    "%.*s is not a domain of the request.", BW_FMT(o->DomainName));
	if (!acm_is_under(o->DomainName, o->ValidationDomain))
		return bw_call_fail(call, "InvalidDomainValidationOptionsException",
		    "The validation domain %.*s is neither %.*s nor a superdomain of it.",
		    BW_FMT(o->ValidationDomain), BW_FMT(o->DomainName));
	return BW_OK;
}

enum bw_err acm_validation_take(
    struct bw_call *call, const IN_acm_RequestCertificate *in, struct acm_certificate *c)
{
	if (!bw_str_set(in->ValidationMethod) || bw_str_set(in->CertificateAuthorityArn))
		return BW_OK;
	if (bw_str_eq(in->ValidationMethod, BW_STR("HTTP")))
		return bw_call_fail(call, "InvalidParameterException", "%s",
		    "HTTP validation is for certificates of CloudFront alone.");
	c->type = ACM_VALIDATED;
	c->validation = in->ValidationMethod;
	c->validation_domains.v =
	    BW_NEW_ARRAY(call->arena, struct bw_pair, in->DomainValidationOptions.n + 1);
	for (size_t i = 0; i < in->DomainValidationOptions.n; i++) {
		const struct acm_DomainValidationOption *o = &in->DomainValidationOptions.v[i];

		TRY(option_check(call, c, o));
		c->validation_domains.v[c->validation_domains.n++] =
		    (struct bw_pair){bw_arena_lower(call->arena, o->DomainName),
		        bw_arena_lower(call->arena, o->ValidationDomain)};
	}
	return BW_OK;
}

/* ---- What is shown ---- */

static struct bw_str without_star(struct bw_str domain)
{
	return bw_str_starts(domain, BW_STR("*.")) ? bw_str_sub(domain, 2, domain.n) : domain;
}

/* One an account and domain, so that one record serves every certificate of it (ACM User Guide, "DNS
 * validation"). */
static struct acm_ResourceRecord *record_of(struct bw_call *call, struct bw_str domain)
{
	struct acm_ResourceRecord *r = BW_NEW(call->arena, struct acm_ResourceRecord);
	struct bw_str bare = without_star(domain);
	unsigned char digest[32];
	char hex[65], label[11] = "";

	bw_sha256(bw_arena_printf(call->arena, "%.*s %.*s", BW_FMT(call->account), BW_FMT(bare)), digest);
	for (int i = 0; i < 64; i++)
		hex[i] = "0123456789abcdef"[i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4];
	for (int i = 0; i < 10; i++)
		label[i] = (char)('a' + digest[i] % 26);
	r->Name = bw_arena_printf(call->arena, "_%.32s.%.*s.", hex, BW_FMT(bare));
	r->Type = BW_STR("CNAME");
	r->Value = bw_arena_printf(call->arena, "_%.32s.%s.acm-validations.aws.", hex + 32, label);
	return r;
}

/* ACM User Guide, "Email validation". */
static void addresses(struct bw_call *call, struct bw_str domain, struct acm_ValidationEmailList *out)
{
	static const char *const names[] = {
	    "admin", "administrator", "hostmaster", "postmaster", "webmaster"};

	*out = (struct acm_ValidationEmailList){
	    true, 0, BW_NEW_ARRAY(call->arena, struct bw_str, BW_COUNT(names))};
	for (size_t i = 0; i < BW_COUNT(names); i++)
		out->v[out->n++] = bw_arena_printf(call->arena, "%s@%.*s", names[i], BW_FMT(domain));
}

static struct bw_str validation_domain(const struct acm_certificate *c, struct bw_str domain)
{
	for (size_t i = 0; i < c->validation_domains.n; i++)
		if (bw_str_eq(c->validation_domains.v[i].key, domain))
			return c->validation_domains.v[i].value;
	return domain;
}

static void validation_of(struct bw_call *call, const struct acm_certificate *c, struct bw_str domain,
    struct acm_DomainValidation *out)
{
	*out = (struct acm_DomainValidation){.DomainName = domain,
	    .ValidationDomain = validation_domain(c, domain),
	    .ValidationStatus = BW_STR("SUCCESS"),
	    .ValidationMethod = c->validation};
	if (bw_str_eq(c->validation, BW_STR("DNS")))
		out->ResourceRecord = record_of(call, domain);
	else
		addresses(call, without_star(out->ValidationDomain), &out->ValidationEmails);
}

void acm_validations(
    struct bw_call *call, const struct acm_certificate *c, struct acm_DomainValidationList *out)
{
	*out = (struct acm_DomainValidationList){
	    true, c->names.n, BW_NEW_ARRAY(call->arena, struct acm_DomainValidation, c->names.n + 1)};
	for (size_t i = 0; i < c->names.n; i++)
		validation_of(call, c, c->names.v[i], &out->v[i]);
}
