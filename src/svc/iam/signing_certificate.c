#include "base/sys.h"
#include "crypto/pair.h"
#include "svc/iam/owned.h"

/* X.509 signing certificates of users, or of the root user under the account's id. */

enum { ID_CHARS = 32 };

static BW_QUOTA(signing_certificates_quota, "iam-signing-certificates-per-user", 2, "LimitExceeded",
    "Cannot exceed quota for CertificatesPerUser: %lld");

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct iam_signing_certificate, id),
    BW_FIELD(2, STR, struct iam_signing_certificate, body),
    BW_FIELD(3, BOOL, struct iam_signing_certificate, active),
    BW_FIELD(4, I64, struct iam_signing_certificate, uploaded_ms),
};
const struct bw_record iam_signing_certificate_record =
    BW_RECORD("signing-certificate", struct iam_signing_certificate, fields);

struct owner {
	struct bw_str name, id;
};

static enum bw_err owner_find(struct bw_call *call, struct bw_str given, struct owner *o)
{
	struct bw_user u;

	TRY(iam_user_name(call, given, &o->name));
	o->id = call->account;
	if (!bw_str_set(o->name))
		return BW_OK;
	TRY(iam_user_load(call, o->name, &u));
	o->id = u.id;
	return BW_OK;
}

static struct bw_str key_of(struct bw_call *call, const struct owner *o, struct bw_str id)
{
	return iam_owned_key(call, &iam_signing_certificate_record, o->id, id);
}

static enum bw_err certificate_load(
    struct bw_call *call, const struct owner *o, struct bw_str id, struct iam_signing_certificate *out)
{
	enum bw_err e = bw_call_load(call, &iam_signing_certificate_record, key_of(call, o, id), out);

	if (e == BW_ENOTFOUND || (e == BW_OK && !bw_str_eq(out->id, id)))
		return bw_call_fail(
		    call, "NoSuchEntity", "The Certificate with id %.*s cannot be found.", BW_FMT(id));
	return e;
}

static struct iam_SigningCertificate shape(
    struct bw_call *call, const struct owner *o, const struct iam_signing_certificate *c)
{
	return (struct iam_SigningCertificate){
	    .UserName = bw_str_set(o->name) ? o->name : call->account,
	    .CertificateId = c->id,
	    .CertificateBody = c->body,
	    .Status = c->active ? BW_STR("Active") : BW_STR("Inactive"),
	    .UploadDate = BW_TIME(c->uploaded_ms),
	};
}

/* The same certificate twice, and more than the quota, are refused. */
static enum bw_err room_check(struct bw_call *call, const struct owner *o, struct bw_str body)
{
	struct bw_str prefix = key_of(call, o, BW_STR(""));
	struct iam_signing_certificate other;
	struct bw_page page;
	enum bw_err e;

	TRY(bw_page_begin(call, prefix, BW_STR_NONE, BW_INT(1000), 1000, &page));
	while ((e = bw_page_next(call, &page, &iam_signing_certificate_record, &other, NULL)) == BW_OK)
		if (bw_str_eq(other.body, body))
			break;
	bw_page_end(call, &page, &(struct bw_opt_bool){0}, &(struct bw_str){0});
	if (e == BW_OK)
		return bw_call_fail(
		    call, "DuplicateCertificate", "The certificate is already associated with the user.");
	if (e != BW_ENOTFOUND)
		return e;
	return bw_call_within(
	    call, &signing_certificates_quota, bw_call_count_under(call, prefix, SIZE_MAX) + 1);
}

BW_OP(iam, UploadSigningCertificate, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct iam_signing_certificate c = {
	    .body = in->CertificateBody, .active = true, .uploaded_ms = call->now_ms};
	char *id = bw_arena_alloc(call->arena, ID_CHARS + 1);
	struct bw_pair_facts facts;
	struct owner o;

	TRY(owner_find(call, in->UserName, &o));
	if (bw_pair_check(c.body, BW_STR_NONE, BW_STR_NONE, &facts) != BW_PAIR_GOOD)
		return bw_call_fail(call, "MalformedCertificate",
		    "Unable to parse certificate. Please ensure the certificate is in PEM format.");
	if (facts.until_ms <= call->now_ms)
		return bw_call_fail(call, "InvalidCertificate", "The certificate has expired.");
	TRY(room_check(call, &o, c.body));
	bw_random_text(id, ID_CHARS, BW_STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
	c.id = bw_str_make(id, ID_CHARS);
	bw_call_save(call, &iam_signing_certificate_record, key_of(call, &o, c.id), &c);
	out->Certificate = BW_NEW(call->arena, struct iam_SigningCertificate);
	*out->Certificate = shape(call, &o, &c);
	return BW_OK;
}

BW_OP(iam, UpdateSigningCertificate, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct iam_signing_certificate c;
	struct owner o;

	TRY(owner_find(call, in->UserName, &o));
	TRY(certificate_load(call, &o, in->CertificateId, &c));
	TRY(iam_status_take(call, in->Status, &c.active));
	bw_call_save(call, &iam_signing_certificate_record, key_of(call, &o, c.id), &c);
	return BW_OK;
}

BW_OP(iam, DeleteSigningCertificate, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct iam_signing_certificate c;
	struct owner o;

	TRY(owner_find(call, in->UserName, &o));
	TRY(certificate_load(call, &o, in->CertificateId, &c));
	bw_call_delete(call, key_of(call, &o, c.id));
	return BW_OK;
}

BW_OP(iam, ListSigningCertificates, .effect = BW_READ, .resource = iam_user_resource)
{
	struct iam_signing_certificate c;
	struct bw_page page;
	struct owner o;
	enum bw_err e;

	TRY(owner_find(call, in->UserName, &o));
	TRY(bw_page_begin(
	    call, key_of(call, &o, BW_STR("")), in->Marker, in->MaxItems, IAM_PAGE_USUAL, &page));
	out->Certificates.set = true;
	out->Certificates.v = BW_NEW_ARRAY(call->arena, struct iam_SigningCertificate, page.left);
	while ((e = bw_page_next(call, &page, &iam_signing_certificate_record, &c, NULL)) == BW_OK)
		out->Certificates.v[out->Certificates.n++] = shape(call, &o, &c);
	bw_page_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}
