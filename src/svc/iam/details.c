#include "core/trust.h"
#include "svc/iam/iam_policy.h"

/* GetAccountAuthorizationDetails: everything that decides who may do what, in pages through users, groups,
 * roles and policies. */

struct listing {
	OUT_iam_GetAccountAuthorizationDetails *out;
	struct iam_chain page;
};

static struct iam_policyDetailListType inline_to_shape(struct bw_call *call, const struct bw_pairs *policies)
{
	struct iam_policyDetailListType out = {.set = true};

	out.v = BW_NEW_ARRAY(call->arena, struct iam_PolicyDetail, policies->n);
	for (size_t i = 0; i < policies->n; i++)
		out.v[out.n++] = (struct iam_PolicyDetail){.PolicyName = policies->v[i].key,
		    .PolicyDocument = iam_document_encode(call, policies->v[i].value)};
	return out;
}

static struct iam_tagListType tags_to_shape(struct bw_call *call, const struct bw_pairs *tags)
{
	struct iam_tagListType out = {.set = true};

	iam_tags_to_shape(call, tags, &out);
	return out;
}

static void user_to_detail(struct bw_call *call, const struct bw_user *u, struct iam_UserDetail *out)
{
	*out = (struct iam_UserDetail){
	    .Path = u->path,
	    .UserName = u->name,
	    .UserId = u->id,
	    .Arn = bw_iam_arn(call->arena, call->account, "user", u->path, u->name),
	    .CreateDate = BW_TIME(u->created_ms),
	    .GroupList = {.set = true, .n = u->groups.n, .v = u->groups.v},
	    .PermissionsBoundary = iam_boundary_to_shape(call, u->boundary),
	    .Tags = tags_to_shape(call, &u->tags),
	};
	/* AWS leaves this list out when it is empty, unlike those of groups and roles. */
	if (u->inline_policies.n)
		out->UserPolicyList = inline_to_shape(call, &u->inline_policies);
	iam_attached_to_shape(call, &u->attached, 0, u->attached.n, &out->AttachedManagedPolicies);
}

static enum bw_err users_list(struct bw_call *call, struct listing *l)
{
	struct iam_userDetailListType *out = &l->out->UserDetailList;
	struct iam_chain_scan scan;
	struct bw_user u;
	struct bw_str name;
	enum bw_err e;

	out->v = BW_NEW_ARRAY(call->arena, struct iam_UserDetail, l->page.left);
	TRY(iam_chain_scan_begin(call, &l->page, iam_prefix(call, "user"), &scan));
	while ((e = iam_chain_scan_next(call, &scan, &bw_user_record, &u, &name)) == BW_OK) {
		if (!iam_chain_take(&l->page, name))
			break;
		user_to_detail(call, &u, &out->v[out->n++]);
	}
	iam_chain_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static void group_to_detail(struct bw_call *call, const struct bw_group *g, struct iam_GroupDetail *out)
{
	*out = (struct iam_GroupDetail){
	    .Path = g->path,
	    .GroupName = g->name,
	    .GroupId = g->id,
	    .Arn = bw_iam_arn(call->arena, call->account, "group", g->path, g->name),
	    .CreateDate = BW_TIME(g->created_ms),
	    .GroupPolicyList = inline_to_shape(call, &g->inline_policies),
	};
	iam_attached_to_shape(call, &g->attached, 0, g->attached.n, &out->AttachedManagedPolicies);
}

static enum bw_err groups_list(struct bw_call *call, struct listing *l)
{
	struct iam_groupDetailListType *out = &l->out->GroupDetailList;
	struct iam_chain_scan scan;
	struct bw_group g;
	struct bw_str name;
	enum bw_err e;

	out->v = BW_NEW_ARRAY(call->arena, struct iam_GroupDetail, l->page.left);
	TRY(iam_chain_scan_begin(call, &l->page, iam_prefix(call, "group"), &scan));
	while ((e = iam_chain_scan_next(call, &scan, &bw_group_record, &g, &name)) == BW_OK) {
		if (!iam_chain_take(&l->page, name))
			break;
		group_to_detail(call, &g, &out->v[out->n++]);
	}
	iam_chain_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err role_to_detail(struct bw_call *call, const struct bw_role *r, struct iam_RoleDetail *out)
{
	*out = (struct iam_RoleDetail){
	    .Path = r->path,
	    .RoleName = r->name,
	    .RoleId = r->id,
	    .Arn = bw_iam_arn(call->arena, call->account, "role", r->path, r->name),
	    .CreateDate = BW_TIME(r->created_ms),
	    .AssumeRolePolicyDocument = iam_document_encode(call, bw_trust_effective(call, r)),
	    .RolePolicyList = inline_to_shape(call, &r->inline_policies),
	    .PermissionsBoundary = iam_boundary_to_shape(call, r->boundary),
	    .Tags = tags_to_shape(call, &r->tags),
	};
	iam_attached_to_shape(call, &r->attached, 0, r->attached.n, &out->AttachedManagedPolicies);
	TRY(iam_profiles_of_role(call, r->name, &out->InstanceProfileList));
	return iam_role_last_used(call, r, &out->RoleLastUsed);
}

static enum bw_err roles_list(struct bw_call *call, struct listing *l)
{
	struct iam_roleDetailListType *out = &l->out->RoleDetailList;
	struct iam_chain_scan scan;
	struct bw_role r;
	struct bw_str name;
	enum bw_err e;

	out->v = BW_NEW_ARRAY(call->arena, struct iam_RoleDetail, l->page.left);
	TRY(iam_chain_scan_begin(call, &l->page, iam_prefix(call, "role"), &scan));
	while ((e = iam_chain_scan_next(call, &scan, &bw_role_record, &r, &name)) == BW_OK) {
		if (!iam_chain_take(&l->page, name))
			break;
		e = role_to_detail(call, &r, &out->v[out->n]);
		if (e != BW_OK)
			break;
		/* Each of its profiles shows the role again. */
		l->page.spent_bytes +=
		    out->v[out->n].InstanceProfileList.n * out->v[out->n].AssumeRolePolicyDocument.n;
		out->n++;
	}
	iam_chain_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err policy_to_detail(
    struct bw_call *call, const struct iam_managed *m, struct iam_ManagedPolicyDetail *out)
{
	struct bw_strs versions;

	*out = (struct iam_ManagedPolicyDetail){
	    .PolicyName = m->name,
	    .PolicyId = m->id,
	    .Arn = m->arn,
	    .Path = m->path,
	    .DefaultVersionId = m->default_version,
	    .AttachmentCount = BW_INT((int64_t)iam_managed_uses(call, m->arn, "attached")),
	    .PermissionsBoundaryUsageCount = BW_INT((int64_t)iam_managed_uses(call, m->arn, "boundary")),
	    .IsAttachable = BW_BOOL(true),
	    .Description = m->description,
	    .CreateDate = BW_TIME(m->created_ms),
	    .UpdateDate = BW_TIME(m->updated_ms),
	    .PolicyVersionList = {.set = true},
	};
	iam_versions(call, m, &versions);
	out->PolicyVersionList.v = BW_NEW_ARRAY(call->arena, struct iam_PolicyVersion, versions.n);
	for (size_t i = 0; i < versions.n; i++)
		TRY(iam_version_to_shape(
		    call, m, versions.v[i], true, &out->PolicyVersionList.v[out->PolicyVersionList.n++]));
	return BW_OK;
}

/* Both sources of policies add to one list. */
static struct iam_ManagedPolicyDetail *policy_room(struct bw_call *call, struct listing *l)
{
	struct iam_ManagedPolicyDetailListType *out = &l->out->Policies;

	if (!out->v)
		out->v = BW_NEW_ARRAY(call->arena, struct iam_ManagedPolicyDetail, l->page.room);
	return &out->v[out->n++];
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
		if (!iam_chain_take(&l->page, name))
			break;
		iam_managed_from_own(call, &p, &m);
		e = policy_to_detail(call, &m, policy_room(call, l));
		if (e != BW_OK)
			break;
	}
	iam_chain_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* Of AWS's own policies, those in use. */
static enum bw_err aws_list(struct bw_call *call, struct listing *l)
{
	struct iam_managed m;
	enum bw_err e;

	for (size_t i = 0; (e = iam_managed_aws_at(call, i, &m)) == BW_OK; i++) {
		if (bw_str_cmp(m.name, l->page.after) <= 0)
			continue;
		if (iam_managed_uses(call, m.arn, "attached") + iam_managed_uses(call, m.arn, "boundary") ==
		    0)
			continue;
		if (!iam_chain_take(&l->page, m.name))
			break;
		TRY(policy_to_detail(call, &m, policy_room(call, l)));
	}
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static const struct source {
	const char *filter;
	enum bw_err (*list)(struct bw_call *call, struct listing *l);
} sources[] = {
    {"User", users_list},
    {"Group", groups_list},
    {"Role", roles_list},
    {"LocalManagedPolicy", own_list},
    {"AWSManagedPolicy", aws_list},
};

static bool filter_has(const struct iam_entityListType *filter, const char *source)
{
	for (size_t i = 0; i < filter->n; i++)
		if (bw_str_eq(filter->v[i], bw_str_c(source)))
			return true;
	return filter->n == 0;
}

BW_OP(iam, GetAccountAuthorizationDetails, .effect = BW_READ)
{
	struct listing l = {.out = out};

	TRY(iam_chain_begin(call, in->Marker, in->MaxItems, &l.page));
	out->UserDetailList.set = out->GroupDetailList.set = out->RoleDetailList.set = out->Policies.set =
	    true;
	for (unsigned i = 0; i < BW_COUNT(sources); i++)
		if (filter_has(&in->Filter, sources[i].filter) && iam_chain_wants(&l.page, i))
			TRY(sources[i].list(call, &l));
	iam_chain_end(call, &l.page, &out->IsTruncated, &out->Marker);
	return BW_OK;
}
