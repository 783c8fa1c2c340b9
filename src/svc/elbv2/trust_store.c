#include "core/bucket.h"
#include "crypto/crypto.h"
#include "svc/elbv2/trust_store.h"

/* Application Load Balancers Guide, "Mutual authentication with TLS": bundles and revocation lists come from
 * S3, here from the buckets of the data folder (core/bucket.h). */

enum { BUNDLE_MAX = 512 * 1024 }; /* a record holds 1 MiB */

static enum bw_err new_resource(struct bw_call *call)
{
	elb_new_resource(
	    call, bw_arena_printf(call->arena, "truststore/%.*s/*", BW_FMT(bw_call_input(call, "Name"))));
	return BW_OK;
}

static enum bw_err bundle_read(struct bw_call *call, struct bw_str bucket, struct bw_str key,
    struct bw_str version, struct elb_trust_store *s)
{
	size_t count;
	enum bw_err e = bw_str_set(version)
	                    ? BW_ENOTFOUND
	                    : bw_bucket_read(call->core, bucket, key, BUNDLE_MAX, call->arena, &s->bundle);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "CaCertificatesBundleNotFound",
		    "The specified CA certificates bundle 's3://%.*s/%.*s' does not exist", BW_FMT(bucket),
		    BW_FMT(key));
	if (e == BW_OK)
		e = bw_ca_bundle_check(s->bundle, &count);
	if (e == BW_EINVAL || e == BW_ETOOBIG)
		return bw_call_fail(call, "InvalidCaCertificatesBundle",
		    "The specified CA certificates bundle 's3://%.*s/%.*s' is in an invalid format, or "
		    "corrupt",
		    BW_FMT(bucket), BW_FMT(key));
	TRY(e);
	s->certificates = (int64_t)count;
	return bw_call_within(call, &elb_trust_certificates_quota, count);
}

enum bw_err revocations_of(
    struct bw_call *call, const struct elb_trust_store *s, struct elb_revocation **v, size_t *n)
{
	return elb_all(
	    call, &elb_revocation_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(s->name)), v, n);
}

struct bw_str revocation_name(struct bw_call *call, const struct elb_trust_store *s, int64_t id)
{
	return bw_arena_printf(call->arena, "%.*s/%010lld", BW_FMT(s->name), (long long)id);
}

static struct bw_str arn_of(struct bw_call *call, const struct elb_trust_store *s)
{
	return elb_named_arn(call, "truststore", s->name, s->id);
}

static enum bw_err store_to_shape(
    struct bw_call *call, const struct elb_trust_store *s, struct elbv2_TrustStore *out)
{
	struct elb_revocation *v;
	int64_t entries = 0;
	size_t n;

	TRY(revocations_of(call, s, &v, &n));
	for (size_t i = 0; i < n; i++)
		entries += v[i].entries;
	*out = (struct elbv2_TrustStore){.Name = s->name,
	    .TrustStoreArn = arn_of(call, s),
	    .Status = BW_STR("ACTIVE"),
	    .NumberOfCaCertificates = BW_INT(s->certificates),
	    .TotalRevokedEntries = BW_INT(entries)};
	return BW_OK;
}

static enum bw_err one_to_shape(
    struct bw_call *call, const struct elb_trust_store *s, struct elbv2_TrustStores *out)
{
	*out = (struct elbv2_TrustStores){true, 1, BW_NEW(call->arena, struct elbv2_TrustStore)};
	return store_to_shape(call, s, out->v);
}

BW_OP(elbv2, CreateTrustStore, .effect = BW_WRITE, .slow = true, .resource = new_resource)
{
	struct elb_trust_store s = {.name = in->Name, .created_ms = call->now_ms, .next_revocation = 1};

	if (bw_call_exists(call, elb_key(call, &elb_trust_store_kind, s.name)))
		return bw_call_fail(call, "DuplicateTrustStoreName",
		    "A trust store with the name '%.*s' already exists", BW_FMT(s.name));
	TRY(elb_tags_set(call, &s.tags, &in->Tags));
	TRY(bundle_read(call, in->CaCertificatesBundleS3Bucket, in->CaCertificatesBundleS3Key,
	    in->CaCertificatesBundleS3ObjectVersion, &s));
	s.id = elb_id(call);
	bw_call_take(call, &elb_trust_stores_quota, call->region, 1);
	elb_save(call, &elb_trust_store_kind, s.name, &s);
	return one_to_shape(call, &s, &out->TrustStores);
}

BW_OP(elbv2, ModifyTrustStore, .effect = BW_WRITE, .slow = true, .resource = elb_arn_resource)
{
	struct elb_trust_store s;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	TRY(bundle_read(call, in->CaCertificatesBundleS3Bucket, in->CaCertificatesBundleS3Key,
	    in->CaCertificatesBundleS3ObjectVersion, &s));
	elb_save(call, &elb_trust_store_kind, s.name, &s);
	return one_to_shape(call, &s, &out->TrustStores);
}

/* ---- Reading ---- */

static enum bw_err by_name(struct bw_call *call, struct bw_str name, struct elb_trust_store *s)
{
	enum bw_err e = elb_load(call, &elb_trust_store_kind, name, s);

	return e == BW_ENOTFOUND
	           ? bw_call_fail(call, "TrustStoreNotFound", "One or more trust stores not found")
	           : e;
}

BW_OP(elbv2, DescribeTrustStores, .effect = BW_READ)
{
	size_t asked = in->TrustStoreArns.n + in->Names.n, n = 0, from, to;
	struct elb_trust_store *v = BW_NEW_ARRAY(call->arena, struct elb_trust_store, asked);

	if (in->TrustStoreArns.n && in->Names.n)
		return elb_invalid(
		    call, "Trust store names and trust store ARNs cannot be specified at the same time");
	for (size_t i = 0; i < in->TrustStoreArns.n; i++)
		TRY(elb_trust_store_load(call, in->TrustStoreArns.v[i], &v[n++]));
	for (size_t i = 0; i < in->Names.n; i++)
		TRY(by_name(call, in->Names.v[i], &v[n++]));
	if (!asked)
		TRY(elb_all(call, &elb_trust_store_kind, BW_STR(""), &v, &n));
	TRY(bw_page_slice(
	    call, n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->TrustStores = (struct elbv2_TrustStores){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_TrustStore, to - from)};
	for (; from < to; from++)
		TRY(store_to_shape(call, &v[from], &out->TrustStores.v[out->TrustStores.n++]));
	return BW_OK;
}

/* ---- Who verifies by it ---- */

static enum bw_err users_of(struct bw_call *call, const struct elb_trust_store *s, struct bw_strs *names)
{
	return elb_names(
	    call, elb_index(call, "trust", bw_arena_printf(call->arena, "%.*s/", BW_FMT(s->name))), names);
}

BW_OP(elbv2, DescribeTrustStoreAssociations, .effect = BW_READ)
{
	struct elb_trust_store s;
	struct elb_listener l;
	struct bw_strs names;
	size_t from, to;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	TRY(users_of(call, &s, &names));
	TRY(bw_page_slice(
	    call, names.n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->TrustStoreAssociations = (struct elbv2_TrustStoreAssociations){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_TrustStoreAssociation, to - from)};
	for (; from < to; from++) {
		TRY(elb_load(call, &elb_listener_kind, names.v[from], &l));
		out->TrustStoreAssociations.v[out->TrustStoreAssociations.n++].ResourceArn =
		    elb_listener_arn(call, &l);
	}
	return BW_OK;
}

/* Shared trust stores come from other accounts; none are shared here, so every association is the account's
 * own. */
BW_OP(elbv2, DeleteSharedTrustStoreAssociation, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_trust_store s;
	struct elb_arn a;
	struct bw_strs names;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	TRY(users_of(call, &s, &names));
	if (elb_arn_parse(call, in->ResourceArn, &a) == BW_OK && a.kind == ELB_LISTENER && a.here &&
	    bw_strs_has(&names, elb_arn_name(call, &a)))
		return bw_call_fail(call, "DeleteAssociationSameAccount",
		    "The association of '%.*s' is within the same account", BW_FMT(in->ResourceArn));
	return bw_call_fail(call, "AssociationNotFound",
	    "The association of '%.*s' with trust store '%.*s' does not exist", BW_FMT(in->ResourceArn),
	    BW_FMT(in->TrustStoreArn));
}

/* A resource policy is made by sharing a trust store through RAM, which nothing here does. */
BW_OP(elbv2, GetResourcePolicy, .effect = BW_READ, .resource = elb_arn_resource)
{
	struct elb_trust_store s;
	struct elb_arn a;

	if (elb_arn_parse(call, in->ResourceArn, &a) != BW_OK || a.kind != ELB_TRUST_STORE)
		return elb_invalid(call, "'%.*s' is not a valid trust store ARN", BW_FMT(in->ResourceArn));
	if (!a.here || elb_load(call, &elb_trust_store_kind, a.name, &s) != BW_OK || !bw_str_eq(s.id, a.id))
		return bw_call_fail(call, "ResourceNotFound", "The specified resource '%.*s' does not exist",
		    BW_FMT(in->ResourceArn));
	return bw_call_fail(call, "ResourceNotFound",
	    "The specified resource '%.*s' does not have a resource policy", BW_FMT(in->ResourceArn));
}

/* ---- Deleting ---- */

BW_OP(elbv2, DeleteTrustStore, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_trust_store s;
	struct elb_revocation *v;
	struct bw_strs names;
	size_t n;

	TRY(elb_trust_store_load(call, in->TrustStoreArn, &s));
	TRY(users_of(call, &s, &names));
	if (names.n)
		return bw_call_fail(call, "TrustStoreInUse",
		    "Trust store '%.*s' is currently in use by a listener", BW_FMT(in->TrustStoreArn));
	TRY(revocations_of(call, &s, &v, &n));
	for (size_t i = 0; i < n; i++)
		elb_delete(call, &elb_revocation_kind, revocation_name(call, &s, v[i].id));
	bw_call_take(call, &elb_trust_stores_quota, call->region, -1);
	elb_delete(call, &elb_trust_store_kind, s.name);
	return BW_OK;
}
