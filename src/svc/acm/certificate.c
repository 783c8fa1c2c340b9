#include "svc/acm/acm.h"

/* What is said of certificates. */

/* ---- DescribeCertificate ---- */

struct bw_str acm_algorithm_text(struct bw_call *call, struct bw_str name)
{
	struct bw_str copy = bw_arena_str(call->arena, name);

	for (size_t i = 0; i < copy.n; i++)
		if (copy.p[i] == '_')
			((char *)(uintptr_t)copy.p)[i] = '-';
	return copy;
}

static void usages(struct bw_call *call, const struct bw_x509_facts *f, struct acm_CertificateDetail *d)
{
	d->KeyUsages.set = d->ExtendedKeyUsages.set = true;
	d->KeyUsages.v = BW_NEW_ARRAY(call->arena, struct acm_KeyUsage, f->key_usage_count + 1);
	for (size_t i = 0; i < f->key_usage_count; i++)
		d->KeyUsages.v[d->KeyUsages.n++].Name = bw_str_c(f->key_usages[i]);
	if (f->any_key_usage)
		d->KeyUsages.v[d->KeyUsages.n++].Name = BW_STR("ANY");
	d->ExtendedKeyUsages.v =
	    BW_NEW_ARRAY(call->arena, struct acm_ExtendedKeyUsage, f->extended_count + 1);
	for (size_t i = 0; i < f->extended_count; i++)
		d->ExtendedKeyUsages.v[d->ExtendedKeyUsages.n++] = (struct acm_ExtendedKeyUsage){
		    .Name = bw_str_c(f->extended[i].name), .OID = f->extended[i].oid};
}

static void renewal_facts(
    struct bw_call *call, const struct acm_certificate *c, struct acm_CertificateDetail *d)
{
	if (!bw_str_set(acm_renewal_status(c)))
		return;
	d->RenewalSummary = BW_NEW(call->arena, struct acm_RenewalSummary);
	d->RenewalSummary->RenewalStatus = acm_renewal_status(c);
	d->RenewalSummary->RenewalStatusReason = c->renewal_fault;
	d->RenewalSummary->UpdatedAt = BW_TIME(c->renewed_ms ? c->renewed_ms : c->created_ms);
	d->RenewalSummary->DomainValidationOptions.set = true;
	if (c->type == ACM_VALIDATED)
		acm_validations(call, c, &d->RenewalSummary->DomainValidationOptions);
}

static enum bw_err issued_facts(
    struct bw_call *call, const struct acm_certificate *c, struct acm_CertificateDetail *d)
{
	struct acm_authority ca;

	renewal_facts(call, c, d);
	if (c->type == ACM_VALIDATED) {
		acm_validations(call, c, &d->DomainValidationOptions);
		return BW_OK;
	}
	d->CertificateAuthorityArn = c->authority;
	if (!bw_str_set(c->authority)) {
		TRY(acm_authority_load(call, &ca));
		d->CertificateAuthorityArn = acm_authority_arn(call, &ca);
	}
	return BW_OK;
}

BW_OP(acm, DescribeCertificate, .effect = BW_READ, .resource = acm_resource)
{
	struct acm_CertificateDetail *d = BW_NEW(call->arena, struct acm_CertificateDetail);
	struct acm_certificate c;
	struct bw_x509_facts f;
	struct bw_strs users;

	TRY(acm_load(call, in->CertificateArn, &c));
	TRY(acm_facts(call, &c, &f));
	TRY(bw_certificate_users(call, in->CertificateArn, &users));
	*d = (struct acm_CertificateDetail){.CertificateArn = in->CertificateArn,
	    .DomainName = acm_domain(&c, &f),
	    .SubjectAlternativeNames = {true, f.name_count, f.names},
	    .Serial = f.serial,
	    .Subject = f.subject,
	    .Issuer = f.issuer_name,
	    .CreatedAt = BW_TIME(c.created_ms),
	    .Status = acm_status(call, &c, &f),
	    .NotBefore = BW_TIME(f.not_before_ms),
	    .NotAfter = BW_TIME(f.not_after_ms),
	    .KeyAlgorithm = acm_algorithm_text(call, f.key_algorithm),
	    .SignatureAlgorithm = f.signature_algorithm,
	    .InUseBy = {true, users.n, users.v},
	    .Type = acm_type_name(&c),
	    .RenewalEligibility = acm_eligibility(&c, users.n)};
	if (c.revoked_ms) {
		d->RevokedAt = BW_TIME(c.revoked_ms);
		d->RevocationReason = c.revocation_reason;
	}
	d->Options = BW_NEW(call->arena, struct acm_CertificateOptions);
	d->Options->CertificateTransparencyLoggingPreference =
	    c.logging ? BW_STR("ENABLED") : BW_STR("DISABLED");
	d->Options->Export = c.export_option ? BW_STR("ENABLED") : BW_STR("DISABLED");
	usages(call, &f, d);
	out->Certificate = d;
	if (c.type == ACM_IMPORTED) {
		d->ImportedAt = BW_TIME(c.renewed_ms);
		return BW_OK;
	}
	d->IssuedAt = BW_TIME(c.renewed_ms ? c.renewed_ms : c.created_ms);
	return issued_facts(call, &c, d);
}

BW_OP(acm, GetCertificate, .effect = BW_READ, .resource = acm_resource)
{
	struct acm_certificate c;

	TRY(acm_load(call, in->CertificateArn, &c));
	out->Certificate = c.cert_pem;
	out->CertificateChain = c.chain_pem;
	return BW_OK;
}

BW_OP(acm, DeleteCertificate, .effect = BW_WRITE, .resource = acm_resource)
{
	struct acm_certificate c;
	struct bw_strs users;

	TRY(acm_load(call, in->CertificateArn, &c));
	TRY(bw_certificate_users(call, in->CertificateArn, &users));
	if (users.n)
		return bw_call_fail(call, "ResourceInUseException",
		    "Certificate %.*s in account %.*s is in use.", BW_FMT(in->CertificateArn),
		    BW_FMT(call->account));
	bw_call_delete(call, bw_call_key(call, "certificate", c.id));
	bw_call_take(call, &acm_certificates_quota, call->region, -1);
	return BW_OK;
}

/* ---- The account's configuration ---- */

struct configuration {
	int64_t days;
};

static const struct bw_field configuration_fields[] = {BW_FIELD(1, I64, struct configuration, days)};
static const struct bw_record configuration_record =
    BW_RECORD("configuration", struct configuration, configuration_fields);

BW_OP(acm, GetAccountConfiguration, .effect = BW_READ)
{
	struct configuration c = {.days = 45};
	enum bw_err e = bw_call_load(
	    call, &configuration_record, bw_call_key(call, "configuration", BW_STR("expiry")), &c);

	if (e != BW_OK && e != BW_ENOTFOUND)
		return e;
	out->ExpiryEvents = BW_NEW(call->arena, struct acm_ExpiryEventsConfiguration);
	out->ExpiryEvents->DaysBeforeExpiry = BW_INT(e == BW_OK ? c.days : 45);
	return BW_OK;
}

BW_OP(acm, PutAccountConfiguration, .effect = BW_WRITE)
{
	struct configuration c = {.days = in->ExpiryEvents && in->ExpiryEvents->DaysBeforeExpiry.set
	                                      ? in->ExpiryEvents->DaysBeforeExpiry.v
	                                      : 45};

	bw_call_save(call, &configuration_record, bw_call_key(call, "configuration", BW_STR("expiry")), &c);
	return BW_OK;
}
