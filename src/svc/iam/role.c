#include "core/trust.h"
#include "svc/iam/access.h"

enum {
	SESSION_USUAL_S = 3600, /* CreateRole, UpdateRole: MaxSessionDuration defaults to one hour */
};

/* ---- Shapes ---- */

enum bw_err iam_role_last_used(struct bw_call *call, const struct bw_role *r, struct iam_RoleLastUsed **out)
{
	struct bw_last_used used;
	enum bw_err e = bw_call_load(
	    call, &bw_last_used_record, bw_last_used_key(call->arena, call->account, "role", r->id), &used);

	*out = BW_NEW(call->arena, struct iam_RoleLastUsed);
	if (e == BW_ENOTFOUND)
		return BW_OK;
	TRY(e);
	(*out)->LastUsedDate = BW_TIME(used.when_ms);
	(*out)->Region = used.region;
	return BW_OK;
}

enum bw_err iam_role_to_shape(
    struct bw_call *call, const struct bw_role *r, enum iam_role_detail detail, struct iam_Role *out)
{
	bool whole = detail == IAM_ROLE_WHOLE;

	out->Path = r->path;
	out->RoleName = r->name;
	out->RoleId = r->id;
	out->Arn = bw_iam_arn(call->arena, call->account, "role", r->path, r->name);
	out->CreateDate = BW_TIME(r->created_ms);
	out->AssumeRolePolicyDocument = iam_document_encode(call, bw_trust_effective(call, r));
	if (whole || detail == IAM_ROLE_LISTED || detail == IAM_ROLE_DESCRIBED)
		out->Description = r->description;
	if (whole || detail == IAM_ROLE_LISTED)
		out->MaxSessionDuration = BW_INT(r->max_session_s);
	if (whole || detail == IAM_ROLE_CREATED) {
		out->PermissionsBoundary = iam_boundary_to_shape(call, r->boundary);
		iam_tags_to_shape(call, &r->tags, &out->Tags);
	}
	return whole ? iam_role_last_used(call, r, &out->RoleLastUsed) : BW_OK;
}

/* ---- Records ---- */

enum bw_err iam_role_modifiable(struct bw_call *call, const struct bw_role *r)
{
	if (bw_str_set(r->service))
		return bw_call_fail(call, "UnmodifiableEntity",
		    "Cannot perform the operation on the protected role '%.*s' - this role is only "
		    "modifiable by AWS",
		    BW_FMT(r->name));
	return BW_OK;
}

static struct bw_str boundary_key(struct bw_call *call, const struct bw_role *r)
{
	return bw_attached_key(call->arena, call->account, "boundary", r->boundary, "role", r->name);
}

void iam_role_insert(struct bw_call *call, struct bw_role *r)
{
	r->id = bw_id_make(call->arena, "AROA", call->account);
	r->created_ms = call->now_ms;
	iam_role_save(call, r);
	if (bw_str_set(r->boundary))
		bw_call_mark(call, boundary_key(call, r));
	bw_call_take(call, &iam_roles_quota, BW_STR_NONE, 1);
}

void iam_role_remove(struct bw_call *call, const struct bw_role *r)
{
	bw_call_delete(call, iam_key(call, "role", r->name));
	if (bw_str_set(r->boundary))
		bw_call_delete(call, boundary_key(call, r));
	bw_call_delete(call, bw_last_used_key(call->arena, call->account, "role", r->id));
	iam_access_forget(call, r->id);
	bw_call_take(call, &iam_roles_quota, BW_STR_NONE, -1);
}

/* ---- Operations ---- */

/* What only CreateServiceLinkedRole may use. */
static enum bw_err reserved_refuse(struct bw_call *call, struct bw_str path, struct bw_str name)
{
	if (bw_str_starts(path, BW_STR("/aws-service-role/")))
		return bw_call_fail(call, "InvalidInput",
		    "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles");
	if (bw_str_starts_nocase(name, BW_STR("AWSServiceRoleFor")))
		return bw_call_fail(call, "InvalidInput",
		    "Role name prefix AWSServiceRoleFor can only be used for AWS Service Linked Roles");
	return BW_OK;
}

BW_OP(iam, CreateRole, .effect = BW_WRITE, .resource = iam_new_role_resource, .keys = iam_new_boundary_keys)
{
	struct bw_role r = {
	    .path = iam_path(in->Path),
	    .name = in->RoleName,
	    .description = in->Description,
	    .max_session_s = in->MaxSessionDuration.set ? in->MaxSessionDuration.v : SESSION_USUAL_S,
	    .boundary = in->PermissionsBoundary,
	};

	TRY(reserved_refuse(call, r.path, r.name));
	TRY(iam_tags_set(call, &r.tags, &in->Tags));
	TRY(iam_trust_set(call, &r, in->AssumeRolePolicyDocument));
	if (bw_str_set(r.boundary))
		TRY(iam_boundary_attachable(call, r.boundary));
	TRY(iam_name_free(call, "role", "Role", r.name));
	iam_role_insert(call, &r);
	out->Role = BW_NEW(call->arena, struct iam_Role);
	return iam_role_to_shape(call, &r, IAM_ROLE_CREATED, out->Role);
}

BW_OP(iam, GetRole, .effect = BW_READ, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	out->Role = BW_NEW(call->arena, struct iam_Role);
	return iam_role_to_shape(call, &r, IAM_ROLE_WHOLE, out->Role);
}

BW_OP(iam, ListRoles, .effect = BW_READ, .resource = iam_roles_resource)
{
	struct iam_chain page;
	struct iam_chain_scan scan;
	struct bw_role r;
	struct bw_str name;
	enum bw_err e;

	TRY(iam_chain_begin(call, in->Marker, in->MaxItems, &page));
	out->Roles.set = true;
	out->Roles.v = BW_NEW_ARRAY(call->arena, struct iam_Role, page.room);
	TRY(iam_chain_scan_begin(call, &page, iam_prefix(call, "role"), &scan));
	while ((e = iam_chain_scan_next(call, &scan, &bw_role_record, &r, &name)) == BW_OK) {
		if (!iam_path_matches(r.path, in->PathPrefix))
			continue;
		if (!iam_chain_take(&page, name))
			break;
		e = iam_role_to_shape(call, &r, IAM_ROLE_LISTED, &out->Roles.v[out->Roles.n++]);
		if (e != BW_OK)
			break;
	}
	iam_chain_scan_end(&scan);
	iam_chain_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* The description of a service-linked role may be edited, its session duration may not: IAM User Guide, "Edit
 * a service-linked role". Without a duration the usual hour is set anew, whatever stood there (IAM API Reference,
 * UpdateRole). */
BW_OP(iam, UpdateRole, .effect = BW_WRITE, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	if (in->MaxSessionDuration.set)
		TRY(iam_role_modifiable(call, &r));
	r.max_session_s = in->MaxSessionDuration.set ? in->MaxSessionDuration.v : SESSION_USUAL_S;
	if (bw_str_set(in->Description))
		r.description = in->Description;
	iam_role_save(call, &r);
	return BW_OK;
}

BW_OP(iam, UpdateRoleDescription, .effect = BW_WRITE, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	r.description = in->Description;
	iam_role_save(call, &r);
	out->Role = BW_NEW(call->arena, struct iam_Role);
	return iam_role_to_shape(call, &r, IAM_ROLE_DESCRIBED, out->Role);
}

BW_OP(iam, DeleteRole, .effect = BW_WRITE, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	TRY(iam_role_modifiable(call, &r));
	if (bw_call_count_under(call, iam_profile_of_role_key(call, r.name, BW_STR_NONE), SIZE_MAX) > 0)
		return bw_call_fail(call, "DeleteConflict",
		    "Cannot delete entity, must remove roles from instance profile first.");
	if (r.attached.n > 0)
		return bw_call_fail(
		    call, "DeleteConflict", "Cannot delete entity, must detach all policies first.");
	if (r.inline_policies.n > 0)
		return bw_call_fail(
		    call, "DeleteConflict", "Cannot delete entity, must delete policies first.");
	iam_role_remove(call, &r);
	return BW_OK;
}
