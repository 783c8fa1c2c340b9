#include "svc/iam/iam_policy.h"

static enum bw_err boundary_change(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, struct bw_str arn)
{
	struct bw_str old, entity;
	struct iam_holder h;

	TRY(iam_holder_load_to_change(call, kind, name, &h));
	if (bw_str_set(arn))
		TRY(iam_boundary_attachable(call, arn));
	entity = h.name;
	old = *h.boundary;
	if (bw_str_eq(old, arn))
		return BW_OK;
	if (bw_str_set(old))
		bw_call_delete(
		    call, bw_attached_key(call->arena, call->account, "boundary", old, kind->kind, entity));
	if (bw_str_set(arn))
		bw_call_mark(
		    call, bw_attached_key(call->arena, call->account, "boundary", arn, kind->kind, entity));
	*h.boundary = arn;
	iam_holder_save(call, &h);
	return BW_OK;
}

BW_OP(iam, PutUserPermissionsBoundary, .effect = BW_WRITE, .resource = iam_user_resource,
    .keys = iam_new_boundary_keys)
{
	return boundary_change(call, &iam_user_holder, in->UserName, in->PermissionsBoundary);
}

BW_OP(iam, PutRolePermissionsBoundary, .effect = BW_WRITE, .resource = iam_role_resource,
    .keys = iam_new_boundary_keys)
{
	return boundary_change(call, &iam_role_holder, in->RoleName, in->PermissionsBoundary);
}

BW_OP(iam, DeleteUserPermissionsBoundary, .effect = BW_WRITE, .resource = iam_user_resource,
    .keys = iam_boundary_keys)
{
	return boundary_change(call, &iam_user_holder, in->UserName, BW_STR_NONE);
}

BW_OP(iam, DeleteRolePermissionsBoundary, .effect = BW_WRITE, .resource = iam_role_resource,
    .keys = iam_boundary_keys)
{
	return boundary_change(call, &iam_role_holder, in->RoleName, BW_STR_NONE);
}
