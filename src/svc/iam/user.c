#include "base/sys.h"
#include "svc/iam/access.h"
#include "svc/iam/owned.h"

/* ---- Creating ---- */

static enum bw_err boundary_set(struct bw_call *call, struct bw_user *u, struct bw_str arn)
{
	if (!bw_str_set(arn))
		return BW_OK;
	TRY(iam_boundary_attachable(call, arn));
	u->boundary = arn;
	bw_call_mark(call, bw_attached_key(call->arena, call->account, "boundary", arn, "user", u->name));
	return BW_OK;
}

BW_OP(iam, CreateUser, .effect = BW_WRITE, .resource = iam_new_user_resource, .keys = iam_new_boundary_keys)
{
	struct bw_user u = {.path = iam_path(in->Path), .name = in->UserName, .created_ms = call->now_ms};

	TRY(iam_tags_set(call, &u.tags, &in->Tags));
	TRY(iam_name_free(call, "user", "User", u.name));
	TRY(boundary_set(call, &u, in->PermissionsBoundary));
	u.id = bw_id_make(call->arena, "AIDA", call->account);
	bw_call_take(call, &iam_users_quota, BW_STR_NONE, 1);
	iam_user_save(call, &u);
	out->User = BW_NEW(call->arena, struct iam_User);
	iam_user_to_shape(call, &u, true, out->User);
	return BW_OK;
}

/* ---- Reading ---- */

/* The root user is no record of its own: it is the account. */
enum bw_err iam_root_to_shape(struct bw_call *call, struct iam_User *out)
{
	struct bw_account a;

	TRY(iam_account_load(call, &a));
	*out = (struct iam_User){
	    .UserId = call->account,
	    .Arn = call->caller->arn,
	    .CreateDate = BW_TIME(a.created_ms),
	};
	return BW_OK;
}

BW_OP(iam, GetUser, .effect = BW_READ, .resource = iam_user_resource)
{
	struct bw_user u;
	struct bw_str name;

	TRY(iam_user_name(call, in->UserName, &name));
	out->User = BW_NEW(call->arena, struct iam_User);
	if (!bw_str_set(name))
		return iam_root_to_shape(call, out->User);
	TRY(iam_user_load(call, name, &u));
	iam_user_to_shape(call, &u, true, out->User);
	return BW_OK;
}

BW_OP(iam, ListUsers, .effect = BW_READ, .resource = iam_users_resource)
{
	struct bw_page page;
	struct bw_user u;
	enum bw_err e;

	TRY(bw_page_begin(call, iam_prefix(call, "user"), in->Marker, in->MaxItems, IAM_PAGE_USUAL, &page));
	out->Users.set = true;
	out->Users.v = BW_NEW_ARRAY(call->arena, struct iam_User, page.left);
	while ((e = bw_page_next(call, &page, &bw_user_record, &u, NULL)) == BW_OK) {
		if (iam_path_matches(u.path, in->PathPrefix))
			iam_user_to_shape(call, &u, false, &out->Users.v[out->Users.n++]);
		else
			bw_page_skip(&page);
	}
	bw_page_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Changing ---- */

static enum bw_err update_resource(struct bw_call *call)
{
	struct bw_str name = bw_call_input(call, "UserName"), new_name = bw_call_input(call, "NewUserName"),
	              new_path = bw_call_input(call, "NewPath");
	struct bw_user u;
	enum bw_err e;

	TRY(iam_user_resource(call));
	e = iam_user_find(call, name, &u);
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	iam_also_target(
	    call, bw_iam_arn(call->arena, call->account, "user", bw_str_set(new_path) ? new_path : u.path,
	              bw_str_set(new_name) ? new_name : u.name));
	return BW_OK;
}

static void index_move(struct bw_call *call, struct bw_str from, struct bw_str to)
{
	bw_call_delete(call, from);
	bw_call_mark(call, to);
}

static enum bw_err keys_rename(struct bw_call *call, const struct bw_user *u, struct bw_str name)
{
	for (size_t i = 0; i < u->access_keys.n; i++) {
		struct bw_str key = bw_access_key_key(call->arena, u->access_keys.v[i]);
		struct bw_access_key k;
		enum bw_err e = bw_call_load(call, &bw_access_key_record, key, &k);

		MUST(e != BW_ENOTFOUND);
		TRY(e);
		k.user = name;
		bw_call_save(call, &bw_access_key_record, key, &k);
	}
	return BW_OK;
}

/* Everything that finds a user by its name goes along: its record, its keys, its places in the indices. */
static enum bw_err user_rename(struct bw_call *call, struct bw_user *u, struct bw_str name)
{
	struct bw_arena *a = call->arena;
	struct bw_str account = call->account, old = u->name;

	TRY(keys_rename(call, u, name));
	TRY(iam_mfa_rename(call, &u->mfa_devices, name));
	TRY(iam_service_credentials_rename(call, u, name));
	u->name = name;
	if (bw_str_eq_nocase(old, name))
		return BW_OK;
	TRY(iam_name_free(call, "user", "User", name));
	for (size_t i = 0; i < u->groups.n; i++)
		index_move(call, bw_member_key(a, account, u->groups.v[i], old),
		    bw_member_key(a, account, u->groups.v[i], name));
	for (size_t i = 0; i < u->attached.n; i++)
		index_move(call, bw_attached_key(a, account, "attached", u->attached.v[i], "user", old),
		    bw_attached_key(a, account, "attached", u->attached.v[i], "user", name));
	if (u->boundary.n)
		index_move(call, bw_attached_key(a, account, "boundary", u->boundary, "user", old),
		    bw_attached_key(a, account, "boundary", u->boundary, "user", name));
	bw_call_delete(call, iam_key(call, "user", old));
	return BW_OK;
}

/* Policies that name it as a principal, and its sessions, go along too: they know its id. */
static void user_moved(struct bw_call *call, const struct bw_user *u)
{
	bw_call_save(call, &bw_moved_user_record, bw_moved_user_key(call->arena, call->account, u->id),
	    &(struct bw_moved_user){u->name});
}

BW_OP(iam, UpdateUser, .effect = BW_WRITE, .resource = update_resource)
{
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	if (bw_str_set(in->NewPath))
		u.path = in->NewPath;
	if (bw_str_set(in->NewUserName) && !bw_str_eq(in->NewUserName, u.name))
		TRY(user_rename(call, &u, in->NewUserName));
	user_moved(call, &u);
	iam_user_save(call, &u);
	return BW_OK;
}

/* ---- Deleting ---- */

static bool owns(struct bw_call *call, const struct bw_user *u, const struct bw_record *r)
{
	return bw_call_count_under(call, iam_owned_key(call, r, u->id, BW_STR("")), SIZE_MAX) > 0;
}

static enum bw_err user_unbound(struct bw_call *call, const struct bw_user *u)
{
	const struct {
		bool holds;
		const char *first;
	} ties[] = {
	    {u->attached.n > 0, "detach all policies"},
	    {u->inline_policies.n > 0, "delete policies"},
	    {u->groups.n > 0, "remove users from group"},
	    {u->access_keys.n > 0, "delete access keys"},
	    {u->mfa_devices.n > 0, "delete MFA device"},
	    {owns(call, u, &iam_ssh_key_record), "delete SSH public keys"},
	    {owns(call, u, &iam_signing_certificate_record), "delete signing certificates"},
	    {owns(call, u, &iam_service_credential_record), "delete service specific credentials"},
	    {u->password_hash.n > 0, "delete login profile"},
	};

	for (size_t i = 0; i < BW_COUNT(ties); i++)
		if (ties[i].holds)
			return bw_call_fail(
			    call, "DeleteConflict", "Cannot delete entity, must %s first.", ties[i].first);
	return BW_OK;
}

BW_OP(iam, DeleteUser, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(user_unbound(call, &u));
	if (u.boundary.n)
		bw_call_delete(call,
		    bw_attached_key(call->arena, call->account, "boundary", u.boundary, "user", u.name));
	bw_call_delete(call, bw_moved_user_key(call->arena, call->account, u.id));
	iam_access_forget(call, u.id);
	bw_call_take(call, &iam_users_quota, BW_STR_NONE, -1);
	bw_call_delete(call, iam_key(call, "user", u.name));
	return BW_OK;
}
