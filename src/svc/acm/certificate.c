#include "svc/acm/acm.h"

#include "codec/uuid.h"

/* ---- ImportCertificate ---- */

static const char *const faults[] = {
    [BW_PAIR_CERTIFICATE] = "Unable to parse certificate. Please ensure the certificate is in PEM format.",
    [BW_PAIR_KEY] =
        "The private key is not supported. Please ensure it is one unencrypted private key in PEM format.",
    [BW_PAIR_MISMATCH] = "The private key does not match the public key of the certificate.",
    [BW_PAIR_CHAIN] = "Could not be validated with the certificate chain.",
};

/* ACM User Guide, "Prerequisites for importing ACM certificates". */
static bool is_strong(struct bw_str algorithm)
{
	static const char *const good[] = {
	    "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"};

	for (size_t i = 0; i < BW_COUNT(good); i++)
		if (bw_str_eq(algorithm, bw_str_c(good[i])))
			return true;
	return false;
}

static enum bw_err pem_check(
    struct bw_call *call, const IN_acm_ImportCertificate *in, const struct acm_certificate *c)
{
	struct bw_pair_facts validity;
	enum bw_pair_fault fault =
	    bw_pair_check(in->Certificate, in->PrivateKey, in->CertificateChain, &validity);
	struct bw_x509_facts facts;

	if (fault != BW_PAIR_GOOD)
		return bw_call_fail(call, "ValidationException", "%s", faults[fault]);
	TRY(acm_facts(call, c, &facts));
	if (!is_strong(facts.key_algorithm))
		return bw_call_fail(call, "ValidationException", "%s",
		    "The key of the certificate is not supported. Please use RSA with 2048, 3072 or 4096 "
		    "bits or ECDSA with P-256, "
		    "P-384 or P-521.");
	if (validity.from_ms > call->now_ms || validity.until_ms <= call->now_ms)
		return bw_call_fail(call, "ValidationException", "%s",
		    "The certificate is not valid now: it has expired or is not yet valid.");
	return BW_OK;
}

/* One that is there already, or a new one with tags. */
static enum bw_err place_find(
    struct bw_call *call, const IN_acm_ImportCertificate *in, struct acm_certificate *c)
{
	if (!bw_str_set(in->CertificateArn)) {
		*c = (struct acm_certificate){
		    .id = bw_uuid_new(call->arena), .type = ACM_IMPORTED, .created_ms = call->now_ms};
		bw_call_take(call, &acm_certificates_quota, call->region, 1);
		return acm_tags_set(call, &c->tags);
	}
	if (in->Tags.n)
		return bw_call_fail(call, "ValidationException", "%s",
		    "Tags cannot be given when a certificate is imported again.");
	TRY(acm_load(call, in->CertificateArn, c));
	if (c->type != ACM_IMPORTED)
		return bw_call_fail(
		    call, "ValidationException", "%s", "Only an imported certificate can be imported again.");
	return BW_OK;
}

static enum bw_err import_keys(struct bw_call *call)
{
	const IN_acm_ImportCertificate *in = call->in;

	if (in->Tags.n)
		bw_call_also(call, BW_STR("acm:AddTagsToCertificate"), acm_arn(call, BW_STR("*")),
		    BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

BW_OP(acm, ImportCertificate, .effect = BW_WRITE, .resource = acm_resource, .keys = import_keys)
{
	struct acm_certificate c;

	TRY(place_find(call, in, &c));
	c.cert_pem = in->Certificate;
	c.key_pem = in->PrivateKey;
	c.chain_pem = in->CertificateChain;
	c.renewed_ms = call->now_ms;
	TRY(pem_check(call, in, &c));
	acm_save(call, &c);
	out->CertificateArn = acm_arn(call, c.id);
	return BW_OK;
}

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
