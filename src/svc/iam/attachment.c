#include "svc/iam/iam_policy.h"

/* Managed policies of users, groups and roles: one implementation, nine operations. */

/* AWS's policies for service-linked roles are for those alone. */
static enum bw_err service_policy_refuse(struct bw_call *call, const struct iam_holder *h, struct bw_str arn)
{
	if (!bw_str_starts(arn, BW_STR("arn:aws:iam::aws:policy/aws-service-role/")))
		return BW_OK;
	return bw_call_fail(call, "PolicyNotAttachable",
	    "Cannot attach a Service Role Policy to a Customer %s.",
	    h->kind == &iam_role_holder   ? "Role"
	    : h->kind == &iam_user_holder ? "User"
	                                  : "Group");
}

static struct bw_str attached_key(struct bw_call *call, const struct iam_holder *h, struct bw_str arn)
{
	return bw_attached_key(call->arena, call->account, "attached", arn, h->kind->kind, h->name);
}

static enum bw_err attach(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, struct bw_str arn)
{
	struct iam_holder h;

	TRY(iam_holder_load_to_change(call, kind, name, &h));
	TRY(iam_policy_attachable(call, arn));
	TRY(service_policy_refuse(call, &h, arn));
	if (bw_strs_has(h.attached, arn))
		return BW_OK;
	bw_strs_add(h.attached, call->arena, arn);
	TRY(bw_call_within(call, kind->attached_quota, h.attached->n));
	iam_holder_save(call, &h);
	bw_call_mark(call, attached_key(call, &h, arn));
	return BW_OK;
}

static enum bw_err detach(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, struct bw_str arn)
{
	struct iam_holder h;

	TRY(iam_holder_load_to_change(call, kind, name, &h));
	if (!bw_strs_remove(h.attached, arn))
		return bw_call_fail(call, "NoSuchEntity", "Policy %.*s was not found.", BW_FMT(arn));
	iam_holder_save(call, &h);
	bw_call_delete(call, attached_key(call, &h, arn));
	return BW_OK;
}

/* What the three list operations are asked and answer, their types apart. */
struct listing {
	struct bw_str path_prefix, marker;
	struct bw_opt_int max;
	struct iam_attachedPoliciesListType *policies;
	struct bw_opt_bool *truncated;
	struct bw_str *next;
};

static enum bw_err list(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, const struct listing *l)
{
	struct bw_strs wanted = {0};
	struct iam_holder h;
	size_t from, to;

	TRY(iam_holder_load(call, kind, name, &h));
	for (size_t i = 0; i < h.attached->n; i++)
		if (iam_path_matches(iam_policy_arn_path(h.attached->v[i]), l->path_prefix))
			bw_strs_add(&wanted, call->arena, h.attached->v[i]);
	TRY(bw_page_slice(
	    call, wanted.n, l->marker, l->max, IAM_PAGE_USUAL, &from, &to, l->truncated, l->next));
	iam_attached_to_shape(call, &wanted, from, to, l->policies);
	return BW_OK;
}

#define LISTING                                                                                              \
	(&(struct listing){in->PathPrefix, in->Marker, in->MaxItems, &out->AttachedPolicies,                 \
	    &out->IsTruncated, &out->Marker})

BW_OP(iam, AttachUserPolicy, .effect = BW_WRITE, .resource = iam_user_resource, .keys = iam_policy_arn_keys)
{
	return attach(call, &iam_user_holder, in->UserName, in->PolicyArn);
}

BW_OP(iam, AttachGroupPolicy, .effect = BW_WRITE, .resource = iam_group_resource, .keys = iam_policy_arn_keys)
{
	return attach(call, &iam_group_holder, in->GroupName, in->PolicyArn);
}

BW_OP(iam, AttachRolePolicy, .effect = BW_WRITE, .resource = iam_role_resource, .keys = iam_policy_arn_keys)
{
	return attach(call, &iam_role_holder, in->RoleName, in->PolicyArn);
}

BW_OP(iam, DetachUserPolicy, .effect = BW_WRITE, .resource = iam_user_resource, .keys = iam_policy_arn_keys)
{
	return detach(call, &iam_user_holder, in->UserName, in->PolicyArn);
}

BW_OP(iam, DetachGroupPolicy, .effect = BW_WRITE, .resource = iam_group_resource, .keys = iam_policy_arn_keys)
{
	return detach(call, &iam_group_holder, in->GroupName, in->PolicyArn);
}

BW_OP(iam, DetachRolePolicy, .effect = BW_WRITE, .resource = iam_role_resource, .keys = iam_policy_arn_keys)
{
	return detach(call, &iam_role_holder, in->RoleName, in->PolicyArn);
}

BW_OP(iam, ListAttachedUserPolicies, .effect = BW_READ, .resource = iam_user_resource)
{
	return list(call, &iam_user_holder, in->UserName, LISTING);
}

BW_OP(iam, ListAttachedGroupPolicies, .effect = BW_READ, .resource = iam_group_resource)
{
	return list(call, &iam_group_holder, in->GroupName, LISTING);
}

BW_OP(iam, ListAttachedRolePolicies, .effect = BW_READ, .resource = iam_role_resource)
{
	return list(call, &iam_role_holder, in->RoleName, LISTING);
}
