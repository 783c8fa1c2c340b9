#include "svc/iam/iam_policy.h"

enum bw_err iam_version_add(struct bw_call *call, struct bw_managed_policy *p, struct bw_str document)
{
	struct bw_policy *compiled;
	struct bw_str version = bw_arena_printf(call->arena, "v%lld", (long long)p->next_version);

	TRY(bw_call_policy(call, document, BW_POLICY_IDENTITY, NULL, &compiled));
	TRY(iam_document_fits(call, document, &iam_policy_size_quota));
	bw_pairs_set(&p->versions, call->arena, version, document);
	bw_pairs_set(&p->version_dates, call->arena, version,
	    bw_arena_printf(call->arena, "%lld", (long long)call->now_ms));
	TRY(bw_call_within(call, &iam_versions_per_policy_quota, p->versions.n));
	bw_call_take(call, &iam_versions_in_use_quota, BW_STR_NONE, 1);
	p->next_version++;
	p->updated_ms = call->now_ms;
	return BW_OK;
}

static enum bw_err version_absent(struct bw_call *call, struct bw_str arn, struct bw_str version)
{
	return bw_call_fail(call, "NoSuchEntity",
	    "Policy %.*s version %.*s does not exist or is not attachable.", BW_FMT(arn), BW_FMT(version));
}

/* Where a version is named, AWS words the absence of its policy as that of the version. */
static enum bw_err absence_restate(
    struct bw_call *call, enum bw_err e, struct bw_str arn, struct bw_str version)
{
	if (e == BW_EFAILED && bw_str_eq(call->error.code, BW_STR("NoSuchEntity")))
		return version_absent(call, arn, version);
	return e;
}

/* One of the account's own policies, which has this version. */
static enum bw_err version_load(
    struct bw_call *call, struct bw_str arn, struct bw_str version, struct bw_managed_policy *out)
{
	TRY(absence_restate(call, iam_policy_load(call, arn, out), arn, version));
	return bw_pairs_find(&out->versions, version) ? BW_OK : version_absent(call, arn, version);
}

static int64_t version_number(struct bw_str version)
{
	int64_t n = 0;

	MUST(bw_str_to_i64(bw_str_sub(version, 1, version.n), 1, INT64_MAX, &n) == BW_OK);
	return n;
}

BW_OP(iam, CreatePolicyVersion, .effect = BW_WRITE, .resource = iam_policy_resource)
{
	struct bw_managed_policy p;
	struct iam_managed m;
	struct bw_str version;

	TRY(iam_policy_load(call, in->PolicyArn, &p));
	version = bw_arena_printf(call->arena, "v%lld", (long long)p.next_version);
	TRY(iam_version_add(call, &p, in->PolicyDocument));
	if (in->SetAsDefault.set && in->SetAsDefault.v)
		p.default_version = version_number(version);
	iam_policy_save(call, &p);
	iam_managed_from_own(call, &p, &m);
	out->PolicyVersion = BW_NEW(call->arena, struct iam_PolicyVersion);
	return iam_version_to_shape(call, &m, version, false, out->PolicyVersion);
}

BW_OP(iam, GetPolicyVersion, .effect = BW_READ, .resource = iam_policy_resource)
{
	struct iam_managed m;
	enum bw_err e;

	TRY(absence_restate(call, iam_managed_load(call, in->PolicyArn, &m), in->PolicyArn, in->VersionId));
	out->PolicyVersion = BW_NEW(call->arena, struct iam_PolicyVersion);
	e = iam_version_to_shape(call, &m, in->VersionId, true, out->PolicyVersion);
	return e == BW_ENOTFOUND ? version_absent(call, in->PolicyArn, in->VersionId) : e;
}

BW_OP(iam, ListPolicyVersions, .effect = BW_READ, .resource = iam_policy_resource)
{
	struct iam_managed m;
	struct bw_strs versions;
	size_t from, to;

	TRY(iam_managed_load(call, in->PolicyArn, &m));
	iam_versions(call, &m, &versions);
	TRY(bw_page_slice(call, versions.n, in->Marker, in->MaxItems, IAM_PAGE_USUAL, &from, &to,
	    &out->IsTruncated, &out->Marker));
	out->Versions.set = true;
	out->Versions.v = BW_NEW_ARRAY(call->arena, struct iam_PolicyVersion, to - from);
	for (size_t i = from; i < to; i++)
		TRY(iam_version_to_shape(
		    call, &m, versions.v[i], false, &out->Versions.v[out->Versions.n++]));
	return BW_OK;
}

BW_OP(iam, DeletePolicyVersion, .effect = BW_WRITE, .resource = iam_policy_resource)
{
	struct bw_managed_policy p;

	TRY(version_load(call, in->PolicyArn, in->VersionId, &p));
	if (version_number(in->VersionId) == p.default_version)
		return bw_call_fail(call, "DeleteConflict", "Cannot delete the default version of a policy.");
	(void)bw_pairs_remove(&p.versions, in->VersionId);
	(void)bw_pairs_remove(&p.version_dates, in->VersionId);
	bw_call_take(call, &iam_versions_in_use_quota, BW_STR_NONE, -1);
	iam_policy_save(call, &p);
	return BW_OK;
}

BW_OP(iam, SetDefaultPolicyVersion, .effect = BW_WRITE, .resource = iam_policy_resource)
{
	struct bw_managed_policy p;

	TRY(version_load(call, in->PolicyArn, in->VersionId, &p));
	p.default_version = version_number(in->VersionId);
	iam_policy_save(call, &p);
	return BW_OK;
}
