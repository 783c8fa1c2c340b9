#include "core/bucket.h"
#include "core/object.h"
#include "crypto/crypto.h"
#include "svc/elbv2/trust_store.h"

enum { CRL_MAX = 768 * 1024 }; /* a record holds 1 MiB */

static enum bw_err crl_read(struct bw_call *call, const struct elb_trust_store *s,
    const struct elbv2_RevocationContent *given, struct elb_revocation *r)
{
	size_t entries;
	enum bw_err e = bw_str_set(given->S3ObjectVersion)
	                    ? BW_ENOTFOUND
	                    : bw_bucket_read(call->core, given->S3Bucket, given->S3Key, CRL_MAX, call->arena,
	                          &r->content);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "RevocationContentNotFound",
		    "The specified revocation file 's3://%.*s/%.*s' does not exist", BW_FMT(given->S3Bucket),
		    BW_FMT(given->S3Key));
	if (e == BW_OK)
		e = bw_crl_check(r->content, s->bundle, &entries);
	if (e == BW_EINVAL || e == BW_ETOOBIG)
		return bw_call_fail(call, "InvalidRevocationContent",
		    "The provided revocation file 's3://%.*s/%.*s' is an invalid format, or uses an "
		    "incorrect algorithm",
		    BW_FMT(given->S3Bucket), BW_FMT(given->S3Key));
	TRY(e);
	r->entries = (int64_t)entries;
	return BW_OK;
}

static enum bw_err room_check(struct bw_call *call, const struct elb_trust_store *s, int64_t added)
{
	struct elb_revocation *v;
	size_t n;

	TRY(revocations_of(call, s, &v, &n));
	for (size_t i = 0; i < n; i++)
		added += v[i].entries;
	return bw_call_within(call, &elb_revocations_quota, (size_t)added);
}

BW_OP(elbv2, AddTrustStoreRevocations, .effect = BW_WRITE, .slow = true, .resource = elb_arn_resource)
{
	struct elb_trust_store s;
	struct elbv2_TrustStoreRevocations *r = &out->TrustStoreRevocations;
	int64_t added = 0;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	if (in->RevocationContents.n == 0)
		return elb_invalid(call, "At least one revocation content must be specified");
	*r = (struct elbv2_TrustStoreRevocations){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_TrustStoreRevocation, in->RevocationContents.n)};
	for (size_t i = 0; i < in->RevocationContents.n; i++) {
		struct elb_revocation one = {.id = s.next_revocation++};

		TRY(crl_read(call, &s, &in->RevocationContents.v[i], &one));
		added += one.entries;
		elb_save(call, &elb_revocation_kind, revocation_name(call, &s, one.id), &one);
		r->v[r->n++] = (struct elbv2_TrustStoreRevocation){
		    in->TrustStoreArn, BW_INT(one.id), BW_STR("CRL"), BW_INT(one.entries)};
	}
	TRY(room_check(call, &s, added));
	elb_save(call, &elb_trust_store_kind, s.name, &s);
	return BW_OK;
}

static enum bw_err revocation_load(
    struct bw_call *call, const struct elb_trust_store *s, int64_t id, struct elb_revocation *r)
{
	enum bw_err e = elb_load(call, &elb_revocation_kind, revocation_name(call, s, id), r);

	return e == BW_ENOTFOUND ? bw_call_fail(call, "RevocationIdNotFound",
	                               "The specified revocation ID '%lld' does not exist", (long long)id)
	                         : e;
}

BW_OP(elbv2, RemoveTrustStoreRevocations, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_trust_store s;
	struct elb_revocation r;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	for (size_t i = 0; i < in->RevocationIds.n; i++) {
		TRY(revocation_load(call, &s, in->RevocationIds.v[i].v, &r));
		elb_delete(call, &elb_revocation_kind, revocation_name(call, &s, r.id));
	}
	return BW_OK;
}

BW_OP(elbv2, DescribeTrustStoreRevocations, .effect = BW_READ)
{
	struct elb_trust_store s;
	struct elb_revocation *v = BW_NEW_ARRAY(call->arena, struct elb_revocation, in->RevocationIds.n);
	size_t n = in->RevocationIds.n, from, to;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	for (size_t i = 0; i < n; i++)
		TRY(revocation_load(call, &s, in->RevocationIds.v[i].v, &v[i]));
	if (n == 0)
		TRY(revocations_of(call, &s, &v, &n));
	TRY(bw_page_slice(
	    call, n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->TrustStoreRevocations = (struct elbv2_DescribeTrustStoreRevocationResponse){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_DescribeTrustStoreRevocation, to - from)};
	for (; from < to; from++)
		out->TrustStoreRevocations.v[out->TrustStoreRevocations.n++] =
		    (struct elbv2_DescribeTrustStoreRevocation){
		        in->TrustStoreArn, BW_INT(v[from].id), BW_STR("CRL"), BW_INT(v[from].entries)};
	return BW_OK;
}

/* ---- What was handed in, handed out again ---- */

enum { LOCATION_S = 600 }; /* "active for ten minutes" */

BW_OP(elbv2, GetTrustStoreCaCertificatesBundle, .effect = BW_READ, .resource = elb_arn_resource)
{
	struct elb_trust_store s;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	out->Location = bw_object_url(
	    call, bw_arena_printf(call->arena, "%.*s/%.*s/bundle", BW_FMT(s.name), BW_FMT(s.id)), LOCATION_S);
	return BW_OK;
}

BW_OP(elbv2, GetTrustStoreRevocationContent, .effect = BW_READ, .resource = elb_arn_resource)
{
	struct elb_trust_store s;
	struct elb_revocation r;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	TRY(revocation_load(call, &s, in->RevocationId.v, &r));
	out->Location = bw_object_url(call,
	    bw_arena_printf(call->arena, "%.*s/%.*s/%lld", BW_FMT(s.name), BW_FMT(s.id), (long long)r.id),
	    LOCATION_S);
	return BW_OK;
}

static enum bw_err record_read(struct bw_snapshot *view, struct bw_arena *arena, const struct elb_kind *k,
    struct bw_str place, struct bw_str name, void *to)
{
	struct bw_str bytes;

	TRY(bw_snapshot_get(view,
	    bw_arena_printf(arena, "%.*s/elbv2/%s/%.*s", BW_FMT(place), k->record->kind, BW_FMT(name)), arena,
	    &bytes, NULL));
	return bw_record_decode(k->record, bytes, arena, to);
}

/* "NAME/ID/bundle" or "NAME/ID/REVOCATION". */
static enum bw_err object_read(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
    struct bw_str account, struct bw_str region, struct bw_str name, struct bw_str *bytes)
{
	struct bw_str place = bw_arena_printf(arena, "%.*s/%.*s", BW_FMT(account), BW_FMT(region));
	struct bw_str what = name, store = bw_str_cut(&what, '/'), id = bw_str_cut(&what, '/');
	struct elb_trust_store s;
	struct elb_revocation r;
	int64_t number;

	(void)core;
	TRY(record_read(view, arena, &elb_trust_store_kind, place, store, &s));
	CHECK(bw_str_eq(s.id, id), BW_ENOTFOUND);
	if (elb_is(what, "bundle")) {
		*bytes = s.bundle;
		return BW_OK;
	}
	CHECK(bw_str_to_i64(what, 1, INT32_MAX, &number) == BW_OK, BW_ENOTFOUND);
	TRY(record_read(view, arena, &elb_revocation_kind, place,
	    bw_arena_printf(arena, "%.*s/%010lld", BW_FMT(store), (long long)number), &r));
	*bytes = r.content;
	return BW_OK;
}

static const struct bw_object_keeper object_keeper = {"elbv2", object_read, "application/x-pem-file"};
BW_OBJECT_KEEPER(object_keeper);
