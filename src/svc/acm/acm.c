#include "svc/acm/acm.h"

#include "codec/uuid.h"
#include "core/tag.h"

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct acm_certificate, id),
    BW_FIELD(2, STR, struct acm_certificate, cert_pem),
    BW_FIELD(3, STR, struct acm_certificate, chain_pem),
    BW_FIELD(4, STR, struct acm_certificate, key_pem),
    BW_FIELD(5, I64, struct acm_certificate, type),
    BW_FIELD(6, I64, struct acm_certificate, created_ms),
    BW_FIELD(7, I64, struct acm_certificate, renewed_ms),
    BW_FIELD(8, STRS, struct acm_certificate, names),
    BW_FIELD(9, PAIRS, struct acm_certificate, tags),
    BW_FIELD(10, BOOL, struct acm_certificate, exported),
    BW_FIELD(11, BOOL, struct acm_certificate, logging),
    BW_FIELD(12, BOOL, struct acm_certificate, export_option),
    BW_FIELD(13, I64, struct acm_certificate, revoked_ms),
    BW_FIELD(14, STR, struct acm_certificate, revocation_reason),
    BW_FIELD(15, STR, struct acm_certificate, authority),
    BW_FIELD(16, STR, struct acm_certificate, renewal_fault),
    BW_FIELD(17, STR, struct acm_certificate, validation),
    BW_FIELD(18, PAIRS, struct acm_certificate, validation_domains),
};
const struct bw_record acm_certificate_record = BW_RECORD("certificate", struct acm_certificate, fields);

/* ACM User Guide, "Quotas". */
BW_QUOTA(acm_certificates_quota, "acm-certificates", 2500, "LimitExceededException",
    "Error: Cannot exceed quota for certificates in this account and Region: %lld.");
static BW_QUOTA(tags_quota, "acm-tags-per-certificate", 50, "TooManyTagsException",
    "A certificate can have at most %lld tags.");

/* ---- ARNs ---- */

struct bw_str acm_arn(struct bw_call *call, struct bw_str id)
{
	return bw_arena_printf(call->arena, "arn:aws:acm:%.*s:%.*s:certificate/%.*s", BW_FMT(call->region),
	    BW_FMT(call->account), BW_FMT(id));
}

/* The id of a certificate's ARN; absent: another kind of resource. */
static struct bw_str id_of(const struct bw_arn *arn)
{
	struct bw_str id = arn->resource;

	if (!bw_str_eq(bw_str_cut(&id, '/'), BW_STR("certificate")) || id.n != BW_UUID_TEXT ||
	    bw_str_find(id, '/', 0) >= 0)
		return BW_STR_NONE;
	return id;
}

/* One spelling alone: policies are held against the ARN as it was given, and a denial of the certificate's own ARN must
 * not be left out by another that leads to it. */
static bool arn_read(struct bw_str text, struct bw_arn *out)
{
	return bw_arn_parse(text, out) == BW_OK && bw_str_eq(out->partition, BW_STR("aws")) &&
	       bw_str_eq(out->service, BW_STR("acm")) && bw_str_set(id_of(out));
}

static struct bw_str store_key(struct bw_arena *a, const struct bw_arn *arn)
{
	return bw_arena_printf(a, "%.*s/%.*s/acm/certificate/%.*s", BW_FMT(arn->account), BW_FMT(arn->region),
	    BW_FMT(id_of(arn)));
}

enum bw_err acm_find(struct bw_call *call, struct bw_str text, struct acm_certificate *out)
{
	struct bw_arn arn;

	CHECK(arn_read(text, &arn) && bw_str_eq(arn.account, call->account) && bw_str_eq(arn.region, call->region),
	    BW_ENOTFOUND);
	return bw_call_load(call, &acm_certificate_record, store_key(call->arena, &arn), out);
}

enum bw_err acm_load(struct bw_call *call, struct bw_str arn, struct acm_certificate *out)
{
	enum bw_err e = acm_find(call, arn, out);

	return e != BW_ENOTFOUND ? e
	                         : bw_call_fail(call, "ResourceNotFoundException",
	                               "Could not find certificate %.*s.", BW_FMT(arn));
}

void acm_save(struct bw_call *call, const struct acm_certificate *c)
{
	bw_call_save(call, &acm_certificate_record, bw_call_key(call, "certificate", c->id), c);
}

enum bw_err acm_resource(struct bw_call *call)
{
	struct bw_str arn = bw_call_input(call, "CertificateArn");
	struct acm_certificate c;
	enum bw_err e;

	if (!bw_str_set(arn))
		return BW_OK;
	bw_call_resource(call, arn);
	e = acm_find(call, arn, &c);
	if (e == BW_OK)
		bw_call_resource_tags(call, &c.tags, false);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err acm_name_keys(struct bw_call *call)
{
	struct bw_str arn = bw_call_input(call, "CertificateArn");
	struct acm_certificate c;
	enum bw_err e = acm_find(call, arn, &c);

	if (e == BW_OK)
		bw_call_context_list(call, BW_STR("acm:DomainNames"), c.names.v, c.names.n);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- For listeners ---- */

static enum bw_err keeper_find(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
    struct bw_str text, bool keys, struct bw_certificate *out)
{
	struct acm_certificate c;
	struct bw_arn arn;
	struct bw_str key, bytes;

	(void)core;
	CHECK(arn_read(text, &arn), BW_ENOTFOUND);
	key = store_key(arena, &arn);
	TRY(bw_snapshot_get(view, key, arena, &bytes, NULL));
	TRY(bw_record_decode(&acm_certificate_record, bytes, arena, &c));
	CHECK(!c.revoked_ms, BW_ENOTFOUND); /* a listener must not present it */
	*out = (struct bw_certificate){.arn = text,
	    .record = key,
	    .chain_pem = bw_arena_printf(arena, "%.*s\n%.*s", BW_FMT(c.cert_pem), BW_FMT(c.chain_pem))};
	if (keys)
		out->key_pem = c.key_pem;
	return BW_OK;
}

static const struct bw_certificate_keeper keeper = {.service = "acm", .find = keeper_find};
BW_CERTIFICATE_KEEPER(keeper);

/* ---- Facts ---- */

enum bw_err acm_facts(struct bw_call *call, const struct acm_certificate *c, struct bw_x509_facts *out)
{
	enum bw_err e = bw_x509_facts(c->cert_pem, call->arena, out);

	MUST(e == BW_OK); /* it was read before it was kept */
	return e;
}

struct bw_str acm_status(
    const struct bw_call *call, const struct acm_certificate *c, const struct bw_x509_facts *facts)
{
	if (c->revoked_ms)
		return BW_STR("REVOKED");
	return facts->not_after_ms > call->now_ms ? BW_STR("ISSUED") : BW_STR("EXPIRED");
}

struct bw_str acm_type_name(const struct acm_certificate *c)
{
	static const char *const names[] = {
	    [ACM_IMPORTED] = "IMPORTED", [ACM_PRIVATE] = "PRIVATE", [ACM_VALIDATED] = "AMAZON_ISSUED"};

	return bw_str_c(names[c->type]);
}

struct bw_str acm_renewal_status(const struct acm_certificate *c)
{
	if (bw_str_set(c->renewal_fault))
		return BW_STR("FAILED");
	return c->type != ACM_IMPORTED && c->renewed_ms ? BW_STR("SUCCESS") : BW_STR_NONE;
}

struct bw_str acm_export_option(const struct acm_certificate *c)
{
	if (c->type == ACM_IMPORTED)
		return BW_STR_NONE;
	return c->export_option ? BW_STR("ENABLED") : BW_STR("DISABLED");
}

struct bw_str acm_eligibility(const struct acm_certificate *c, size_t users)
{
	return c->type != ACM_IMPORTED && !c->revoked_ms && (users || c->exported) ? BW_STR("ELIGIBLE")
	                                                                          : BW_STR("INELIGIBLE");
}

struct bw_str acm_domain(const struct acm_certificate *c, const struct bw_x509_facts *facts)
{
	if (c->names.n)
		return c->names.v[0];
	if (bw_str_set(facts->common_name))
		return facts->common_name;
	return facts->name_count ? facts->names[0] : BW_STR_NONE;
}

/* ---- Tags ---- */

enum bw_err acm_tags_set(struct bw_call *call, struct bw_pairs *tags)
{
	return bw_tags_set(call, tags, &tags_quota, "InvalidParameterException");
}

BW_OP(acm, AddTagsToCertificate, .effect = BW_WRITE, .resource = acm_resource)
{
	struct acm_certificate c;

	TRY(acm_load(call, in->CertificateArn, &c));
	TRY(acm_tags_set(call, &c.tags));
	acm_save(call, &c);
	return BW_OK;
}

BW_OP(acm, RemoveTagsFromCertificate, .effect = BW_WRITE, .resource = acm_resource)
{
	struct acm_certificate c;

	TRY(acm_load(call, in->CertificateArn, &c));
	bw_tags_remove(call, &c.tags);
	acm_save(call, &c);
	return BW_OK;
}

BW_OP(acm, ListTagsForCertificate, .effect = BW_READ, .resource = acm_resource)
{
	struct acm_certificate c;

	TRY(acm_load(call, in->CertificateArn, &c));
	out->Tags.set = true;
	out->Tags.v = BW_NEW_ARRAY(call->arena, struct acm_Tag, c.tags.n + 1);
	for (size_t i = 0; i < c.tags.n; i++)
		out->Tags.v[out->Tags.n++] =
		    (struct acm_Tag){.Key = c.tags.v[i].key, .Value = c.tags.v[i].value};
	return BW_OK;
}
