#include "svc/iam/iam_policy.h"

/* Customer-managed policies, and AWS's where they can be read. */

enum policy_detail {
	POLICY_CREATED, /* CreatePolicy: tags when there are any, no description */
	POLICY_LISTED,  /* ListPolicies: neither */
	POLICY_WHOLE,   /* GetPolicy: description and tags, be they none */
};

static void policy_to_shape(
    struct bw_call *call, const struct iam_managed *m, enum policy_detail detail, struct iam_Policy *out)
{
	out->PolicyName = m->name;
	out->PolicyId = m->id;
	out->Arn = m->arn;
	out->Path = m->path;
	out->DefaultVersionId = m->default_version;
	out->AttachmentCount = BW_INT((int64_t)iam_managed_uses(call, m->arn, "attached"));
	out->PermissionsBoundaryUsageCount = BW_INT((int64_t)iam_managed_uses(call, m->arn, "boundary"));
	out->IsAttachable = BW_BOOL(true);
	out->CreateDate = BW_TIME(m->created_ms);
	out->UpdateDate = BW_TIME(m->updated_ms);
	if (detail == POLICY_LISTED)
		return;
	iam_tags_to_shape(call, &m->own.tags, &out->Tags);
	if (detail == POLICY_CREATED)
		return;
	out->Tags.set = true;
	out->Description = m->description;
}

BW_OP(iam, CreatePolicy, .effect = BW_WRITE, .resource = iam_new_policy_resource)
{
	struct bw_managed_policy p = {
	    .path = iam_path(in->Path),
	    .name = in->PolicyName,
	    .id = bw_id_make(call->arena, "ANPA", call->account),
	    .description = in->Description,
	    .created_ms = call->now_ms,
	    .updated_ms = call->now_ms,
	    .default_version = 1,
	    .next_version = 1,
	};
	struct iam_managed m;

	TRY(iam_exact_tags_set(call, &p.tags, &in->Tags));
	TRY(iam_version_add(call, &p, in->PolicyDocument));
	if (bw_call_exists(call, iam_key(call, "policy", p.name)))
		return bw_call_fail(call, "EntityAlreadyExists",
		    "A policy called %.*s already exists. Duplicate names are not allowed.", BW_FMT(p.name));
	bw_call_take(call, &iam_policies_quota, BW_STR_NONE, 1);
	iam_policy_save(call, &p);
	iam_managed_from_own(call, &p, &m);
	out->Policy = BW_NEW(call->arena, struct iam_Policy);
	policy_to_shape(call, &m, POLICY_CREATED, out->Policy);
	return BW_OK;
}

BW_OP(iam, GetPolicy, .effect = BW_READ, .resource = iam_policy_resource)
{
	struct iam_managed m;

	TRY(iam_managed_load(call, in->PolicyArn, &m));
	out->Policy = BW_NEW(call->arena, struct iam_Policy);
	policy_to_shape(call, &m, POLICY_WHOLE, out->Policy);
	return BW_OK;
}

BW_OP(iam, DeletePolicy, .effect = BW_WRITE, .resource = iam_policy_resource)
{
	struct bw_managed_policy p;

	TRY(iam_policy_load(call, in->PolicyArn, &p));
	if (iam_managed_uses(call, in->PolicyArn, "attached") +
	        iam_managed_uses(call, in->PolicyArn, "boundary") >
	    0)
		return bw_call_fail(call, "DeleteConflict", "Cannot delete a policy attached to entities.");
	if (p.versions.n > 1)
		return bw_call_fail(call, "DeleteConflict",
		    "This policy has more than one version. Before you delete a policy, you must delete the "
		    "policy's "
		    "versions. The default version is deleted with the policy.");
	bw_call_delete(call, iam_key(call, "policy", p.name));
	bw_call_take(call, &iam_policies_quota, BW_STR_NONE, -1);
	bw_call_take(call, &iam_versions_in_use_quota, BW_STR_NONE, -1);
	return BW_OK;
}

/* ---- ListPolicies ---- */

struct listing {
	const IN_iam_ListPolicies *in;
	struct iam_chain page;
	struct iam_policyListType *out;
};

static bool policy_wanted(struct bw_call *call, const struct listing *l, const struct iam_managed *m)
{
	bool permissions = bw_str_eq(l->in->PolicyUsageFilter, BW_STR("PermissionsPolicy"));
	bool boundaries = bw_str_eq(l->in->PolicyUsageFilter, BW_STR("PermissionsBoundary"));

	if (!iam_path_matches(m->path, l->in->PathPrefix))
		return false;
	if ((permissions || (l->in->OnlyAttached.set && l->in->OnlyAttached.v)) &&
	    iam_managed_uses(call, m->arn, "attached") == 0)
		return false;
	return !boundaries || iam_managed_uses(call, m->arn, "boundary") > 0;
}

/* False when the page is full. */
static bool policy_list(
    struct bw_call *call, struct listing *l, const struct iam_managed *m, struct bw_str name)
{
	if (!policy_wanted(call, l, m))
		return true;
	if (!iam_chain_take(&l->page, name))
		return false;
	policy_to_shape(call, m, POLICY_LISTED, &l->out->v[l->out->n++]);
	return true;
}

static enum bw_err own_list(struct bw_call *call, struct listing *l)
{
	struct iam_chain_scan scan;
	struct bw_managed_policy p;
	struct iam_managed m;
	struct bw_str name;
	enum bw_err e;

	TRY(iam_chain_scan_begin(call, &l->page, iam_prefix(call, "policy"), &scan));
	while ((e = iam_chain_scan_next(call, &scan, &bw_managed_policy_record, &p, &name)) == BW_OK) {
		iam_managed_from_own(call, &p, &m);
		if (!policy_list(call, l, &m, name))
			break;
	}
	iam_chain_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err aws_list(struct bw_call *call, struct listing *l)
{
	struct iam_managed m;
	enum bw_err e;

	for (size_t i = 0; (e = iam_managed_aws_at(call, i, &m)) == BW_OK; i++)
		if (bw_str_cmp(m.name, l->page.after) > 0 && !policy_list(call, l, &m, m.name))
			break;
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* AWS decides on this list by the path asked for, as on those of users and roles. */
static enum bw_err policies_resource(struct bw_call *call)
{
	bw_call_resource(call, bw_iam_arn(call->arena, call->account, "policy",
	                           iam_path(bw_call_input(call, "PathPrefix")), BW_STR("")));
	bw_call_resource_said(call, bw_arena_printf(call->arena, "policy path %.*s",
	                                BW_FMT(iam_path(bw_call_input(call, "PathPrefix")))));
	return BW_OK;
}

BW_OP(iam, ListPolicies, .effect = BW_READ, .resource = policies_resource)
{
	struct listing l = {.in = in, .out = &out->Policies};

	TRY(iam_chain_begin(call, in->Marker, in->MaxItems, &l.page));
	out->Policies.set = true;
	out->Policies.v = BW_NEW_ARRAY(call->arena, struct iam_Policy, l.page.room);
	if (!bw_str_eq(in->Scope, BW_STR("AWS")) && iam_chain_wants(&l.page, 0))
		TRY(own_list(call, &l));
	if (!bw_str_eq(in->Scope, BW_STR("Local")) && iam_chain_wants(&l.page, 1))
		TRY(aws_list(call, &l));
	iam_chain_end(call, &l.page, &out->IsTruncated, &out->Marker);
	return BW_OK;
}

/* ---- Tags ---- */

BW_OP(iam, TagPolicy, .effect = BW_WRITE, .resource = iam_policy_resource)
{
	struct bw_managed_policy p;

	TRY(iam_policy_load(call, in->PolicyArn, &p));
	TRY(iam_exact_tags_set(call, &p.tags, &in->Tags));
	iam_policy_save(call, &p);
	return BW_OK;
}

BW_OP(iam, UntagPolicy, .effect = BW_WRITE, .resource = iam_policy_resource)
{
	struct bw_managed_policy p;

	TRY(iam_policy_load(call, in->PolicyArn, &p));
	iam_exact_tags_remove(&p.tags, &in->TagKeys);
	iam_policy_save(call, &p);
	return BW_OK;
}

BW_OP(iam, ListPolicyTags, .effect = BW_READ, .resource = iam_policy_resource)
{
	struct iam_managed m;

	TRY(iam_managed_load(call, in->PolicyArn, &m));
	return iam_tags_page(
	    call, &m.own.tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated, &out->Marker);
}
