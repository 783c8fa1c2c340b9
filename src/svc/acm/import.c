/* ImportCertificate, for the first time and again. */
#include "svc/acm/acm.h"

#include "codec/uuid.h"

static enum bw_err invalid(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "ValidationException", "%s", text);
}

/* ---- What is given ---- */

static const char *const faults[] = {
    [BW_PAIR_CERTIFICATE] = "Unable to parse certificate. Please ensure the certificate is in PEM format.",
    [BW_PAIR_SEVERAL] =
        "The certificate field contains more than one certificate. You can specify only one certificate in this field.",
    [BW_PAIR_KEY] =
        "The private key is not supported. Please ensure it is one unencrypted private key in PEM format.",
    [BW_PAIR_MISMATCH] = "The private key does not match the public key of the certificate.",
    [BW_PAIR_CHAIN] = "Could not validate the certificate with the certificate chain.",
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
    struct bw_call *call, const IN_acm_ImportCertificate *in, const struct acm_certificate *c, struct bw_x509_facts *facts)
{
	struct bw_pair_facts validity;
	enum bw_pair_fault fault =
	    bw_pair_check(in->Certificate, in->PrivateKey, in->CertificateChain, &validity);

	if (fault != BW_PAIR_GOOD)
		return invalid(call, faults[fault]);
	TRY(acm_facts(call, c, facts));
	if (!is_strong(facts->key_algorithm))
		return invalid(call, "The key of the certificate is not supported. Please use RSA with 2048, 3072 or 4096 bits or "
		                     "ECDSA with P-256, P-384 or P-521.");
	if (validity.from_ms > call->now_ms || validity.until_ms <= call->now_ms)
		return invalid(call, "The certificate is not valid now: it has expired or is not yet valid.");
	return BW_OK;
}

/* ---- Again ---- */

static bool has_usage(const struct bw_x509_facts *f, const char *usage)
{
	for (size_t i = 0; i < f->key_usage_count; i++)
		if (strcmp(f->key_usages[i], usage) == 0)
			return true;
	return false;
}

/* RFC 5480, section 3: keys on curves encipher no keys. */
static bool usage_may_go(const struct bw_x509_facts *f, const char *usage)
{
	return bw_str_starts(f->key_algorithm, BW_STR("EC_")) && strcmp(usage, "KEY_ENCIPHERMENT") == 0;
}

static bool usages_stay(const struct bw_x509_facts *before, const struct bw_x509_facts *now)
{
	for (size_t i = 0; i < before->key_usage_count; i++)
		if (!has_usage(now, before->key_usages[i]) && !usage_may_go(now, before->key_usages[i]))
			return false;
	return true;
}

static bool has_extended(const struct bw_x509_facts *f, struct bw_str oid)
{
	for (size_t i = 0; i < f->extended_count; i++)
		if (bw_str_eq(f->extended[i].oid, oid))
			return true;
	return false;
}

/* Public authorities issue none any more that authenticates clients: that one may go. */
static bool extended_stay(const struct bw_x509_facts *before, const struct bw_x509_facts *now)
{
	for (size_t i = 0; i < before->extended_count; i++)
		if (!has_extended(now, before->extended[i].oid) &&
		    strcmp(before->extended[i].name, "TLS_WEB_CLIENT_AUTHENTICATION") != 0)
			return false;
	return true;
}

/* ACM User Guide, "Reimport a certificate" and "Prerequisites for importing ACM certificates": whoever uses the certificate goes on
 * with the new one. */
static enum bw_err again_check(struct bw_call *call, const struct bw_x509_facts *before, const struct bw_x509_facts *now)
{
	if (!bw_str_eq(before->key_algorithm, now->key_algorithm))
		return invalid(call, "The key type and size of the new certificate must be those of the currently imported certificate.");
	if (before->name_count && !now->name_count && !bw_str_set(now->common_name))
		return invalid(call, "The new certificate must have a domain name.");
	if (!usages_stay(before, now))
		return invalid(
		    call, "New certificate is missing one or more Key Usages supported by the currently imported certificate");
	if (!extended_stay(before, now))
		return invalid(call,
		    "New certificate is missing one or more Extended Key Usages supported by the currently imported certificate");
	if ((before->any_key_usage && !now->any_key_usage) || (!before->extended_count && now->extended_count))
		return invalid(call, "New certificate has a Key Usage or Extended Key Usage extension, which the currently imported "
		                     "certificate does not have.");
	return BW_OK;
}

/* ---- ImportCertificate ---- */

/* One that is there already, with its facts, or a new one with tags. */
static enum bw_err place_find(
    struct bw_call *call, const IN_acm_ImportCertificate *in, struct acm_certificate *c, struct bw_x509_facts *before)
{
	if (!bw_str_set(in->CertificateArn)) {
		*c = (struct acm_certificate){
		    .id = bw_uuid_new(call->arena), .type = ACM_IMPORTED, .created_ms = call->now_ms};
		bw_call_take(call, &acm_certificates_quota, call->region, 1);
		return acm_tags_set(call, &c->tags);
	}
	if (in->Tags.n)
		return invalid(call, "Tags cannot be given when a certificate is imported again.");
	TRY(acm_load(call, in->CertificateArn, c));
	if (c->type != ACM_IMPORTED)
		return invalid(call, "Only an imported certificate can be imported again.");
	return acm_facts(call, c, before);
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
	struct bw_x509_facts before, now;
	struct acm_certificate c;

	TRY(place_find(call, in, &c, &before));
	c.cert_pem = in->Certificate;
	c.key_pem = in->PrivateKey;
	c.chain_pem = in->CertificateChain;
	c.renewed_ms = call->now_ms;
	TRY(pem_check(call, in, &c, &now));
	if (bw_str_set(in->CertificateArn))
		TRY(again_check(call, &before, &now));
	acm_save(call, &c);
	out->CertificateArn = acm_arn(call, c.id);
	return BW_OK;
}
