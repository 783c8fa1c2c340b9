/* What happens to a certificate after it was issued: revoked, its options changed, its validation asked for
 * again. */
#include "svc/acm/acm.h"

enum bw_err acm_not_revoked(struct bw_call *call, const struct acm_certificate *c)
{
	if (!c->revoked_ms)
		return BW_OK;
	return bw_call_fail(
	    call, "ValidationException", "Certificate %.*s has been revoked.", BW_FMT(acm_arn(call, c->id)));
}

/* ---- RevokeCertificate ---- */

/* ACM User Guide, "Revoke a public certificate": what was exported, and what nobody presents. */
static enum bw_err revocable(struct bw_call *call, struct bw_str arn, const struct acm_certificate *c)
{
	struct bw_strs users;

	if (c->type == ACM_IMPORTED)
		return bw_call_fail(call, "ValidationException", "%s",
		    "Imported certificates are revoked by who issued them.");
	if (bw_str_set(c->authority))
		return bw_call_fail(call, "ValidationException",
		    "Certificate %.*s was issued by %.*s: it is revoked there, with acm-pca "
		    "RevokeCertificate.",
		    BW_FMT(arn), BW_FMT(c->authority));
	if (!c->exported)
		return bw_call_fail(call, "ValidationException",
		    "Certificate %.*s has never been exported. Only exported certificates can be revoked.",
		    BW_FMT(arn));
	if (c->revoked_ms)
		return bw_call_fail(
		    call, "ConflictException", "Certificate %.*s has already been revoked.", BW_FMT(arn));
	TRY(bw_certificate_users(call, arn, &users));
	if (users.n)
		return bw_call_fail(call, "ResourceInUseException",
		    "Certificate %.*s in account %.*s is in use.", BW_FMT(arn), BW_FMT(call->account));
	return BW_OK;
}

BW_OP(acm, RevokeCertificate, .effect = BW_WRITE, .resource = acm_resource, .keys = acm_name_keys)
{
	struct acm_certificate c;

	TRY(acm_load(call, in->CertificateArn, &c));
	TRY(revocable(call, in->CertificateArn, &c));
	c.revoked_ms = call->now_ms;
	c.revocation_reason = in->RevocationReason;
	acm_save(call, &c);
	out->CertificateArn = in->CertificateArn;
	return BW_OK;
}

/* ---- UpdateCertificateOptions ---- */

BW_OP(acm, UpdateCertificateOptions, .effect = BW_WRITE, .resource = acm_resource)
{
	struct bw_str logging = in->Options->CertificateTransparencyLoggingPreference,
	              export = in->Options->Export;
	struct acm_certificate c;
	struct bw_x509_facts f;

	TRY(acm_load(call, in->CertificateArn, &c));
	TRY(acm_facts(call, &c, &f));
	if (c.type == ACM_IMPORTED || !bw_str_eq(acm_status(call, &c, &f), BW_STR("ISSUED")))
		return bw_call_fail(call, "InvalidStateException",
		    "Certificate %.*s cannot be updated: it was imported, or is not issued.",
		    BW_FMT(in->CertificateArn));
	if (!bw_str_set(logging) && !bw_str_set(export))
		return bw_call_fail(call, "ValidationException", "%s", "At least one option must be given.");
	/* ACM API Reference, "CertificateOptions": settled by the request. */
	if (bw_str_set(export) && bw_str_eq(export, BW_STR("ENABLED")) != c.export_option)
		return bw_call_fail(call, "ValidationException", "%s",
		    "Export cannot be changed once a certificate is created.");
	if (bw_str_set(logging))
		c.logging = bw_str_eq(logging, BW_STR("ENABLED"));
	acm_save(call, &c);
	return BW_OK;
}

/* ---- ResendValidationEmail ---- */

static bool is_named(const struct acm_certificate *c, const struct bw_x509_facts *f, struct bw_str domain)
{
	for (size_t i = 0; i < f->name_count; i++)
		if (bw_str_eq_nocase(f->names[i], domain))
			return true;
	return bw_str_eq_nocase(acm_domain(c, f), domain);
}

/* Certificates are issued at once: there never is an e-mail to send again. What can be wrong with the question
 * is answered first. */
BW_OP(acm, ResendValidationEmail, .effect = BW_WRITE, .resource = acm_resource)
{
	struct acm_certificate c;
	struct bw_x509_facts f;

	TRY(acm_load(call, in->CertificateArn, &c));
	TRY(acm_facts(call, &c, &f));
	if (!acm_is_under(in->Domain, in->ValidationDomain))
		return bw_call_fail(call, "InvalidDomainValidationOptionsException",
		    "The validation domain %.*s is neither %.*s nor a superdomain of it.",
		    BW_FMT(in->ValidationDomain), BW_FMT(in->Domain));
	if (!is_named(&c, &f, in->Domain))
		return bw_call_fail(call, "InvalidDomainValidationOptionsException",
		    "%.*s is not a domain of certificate %.*s.", BW_FMT(in->Domain),
		    BW_FMT(in->CertificateArn));
	if (bw_str_eq(c.validation, BW_STR("EMAIL")))
		return bw_call_fail(call, "InvalidStateException", "Certificate %.*s is not pending validation.",
		    BW_FMT(in->CertificateArn));
	return bw_call_fail(call, "InvalidStateException",
	    "Certificate %.*s is not using EMAIL validation for domain %.*s.", BW_FMT(in->CertificateArn),
	    BW_FMT(in->Domain));
}
