#include "svc/iam/iam.h"

BW_OP(iam, CreateGroup, .effect = BW_WRITE, .resource = iam_new_group_resource)
{
	struct bw_group g = {.path = iam_path(in->Path), .name = in->GroupName, .created_ms = call->now_ms};

	TRY(iam_name_free(call, "group", "Group", g.name));
	g.id = bw_id_make(call->arena, "AGPA", call->account);
	bw_call_take(call, &iam_groups_quota, BW_STR_NONE, 1);
	iam_group_save(call, &g);
	out->Group = BW_NEW(call->arena, struct iam_Group);
	iam_group_to_shape(call, &g, out->Group);
	return BW_OK;
}

BW_OP(iam, ListGroups, .effect = BW_READ, .resource = iam_groups_resource)
{
	struct bw_page page;
	struct bw_group g;
	enum bw_err e;

	TRY(bw_page_begin(call, iam_prefix(call, "group"), in->Marker, in->MaxItems, IAM_PAGE_USUAL, &page));
	out->Groups.set = true;
	out->Groups.v = BW_NEW_ARRAY(call->arena, struct iam_Group, page.left);
	while ((e = bw_page_next(call, &page, &bw_group_record, &g, NULL)) == BW_OK) {
		if (iam_path_matches(g.path, in->PathPrefix))
			iam_group_to_shape(call, &g, &out->Groups.v[out->Groups.n++]);
		else
			bw_page_skip(&page);
	}
	bw_page_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Changing ---- */

/* A renaming is one batch, with three writes a member. */
enum { RENAME_MEMBERS_MAX = BW_STORE_BATCH_OPS_MAX / 3 - 32 };

static enum bw_err update_resource(struct bw_call *call)
{
	struct bw_str new_name = bw_call_input(call, "NewGroupName"),
	              new_path = bw_call_input(call, "NewPath");
	struct bw_group g;
	enum bw_err e;

	TRY(iam_group_resource(call));
	e = iam_group_find(call, bw_call_input(call, "GroupName"), &g);
	if (e != BW_OK)
		return e == BW_ENOTFOUND ? BW_OK : e;
	iam_also_target(
	    call, bw_iam_arn(call->arena, call->account, "group", bw_str_set(new_path) ? new_path : g.path,
	              bw_str_set(new_name) ? new_name : g.name));
	return BW_OK;
}

/* The member's record names its groups. */
static enum bw_err member_rename_group(
    struct bw_call *call, struct bw_str member, struct bw_str old, struct bw_str name)
{
	struct bw_str key = iam_key(call, "user", member);
	struct bw_user u;
	enum bw_err e = bw_call_load(call, &bw_user_record, key, &u);

	MUST(e != BW_ENOTFOUND);
	TRY(e);
	for (size_t i = 0; i < u.groups.n; i++)
		if (bw_str_eq(u.groups.v[i], old))
			u.groups.v[i] = name;
	iam_user_save(call, &u);
	return BW_OK;
}

static enum bw_err members_move(struct bw_call *call, struct bw_str old, struct bw_str name)
{
	struct bw_str prefix = bw_member_key(call->arena, call->account, old, BW_STR("")), key;
	bool moved = !bw_str_eq_nocase(old, name);
	struct bw_scan scan;
	enum bw_err e;

	/* The count guards the whole membership: nobody joins under the old name meanwhile. */
	if (bw_call_count_under(call, prefix, SIZE_MAX) > RENAME_MEMBERS_MAX)
		return bw_call_fail(call, "LimitExceeded",
		    "A group with more than %d members cannot be renamed.", RENAME_MEMBERS_MAX);
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK) {
		struct bw_str member = bw_str_sub(key, prefix.n, key.n);

		e = member_rename_group(call, member, old, name);
		if (e != BW_OK)
			break;
		if (moved) {
			bw_call_delete(call, key);
			bw_call_mark(call, bw_member_key(call->arena, call->account, name, member));
		}
	}
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err group_rename(struct bw_call *call, struct bw_group *g, struct bw_str name)
{
	struct bw_arena *a = call->arena;
	struct bw_str old = g->name;

	if (!bw_str_eq_nocase(old, name))
		TRY(iam_name_free(call, "group", "Group", name));
	TRY(members_move(call, old, name));
	g->name = name;
	if (bw_str_eq_nocase(old, name))
		return BW_OK;
	for (size_t i = 0; i < g->attached.n; i++) {
		bw_call_delete(
		    call, bw_attached_key(a, call->account, "attached", g->attached.v[i], "group", old));
		bw_call_mark(
		    call, bw_attached_key(a, call->account, "attached", g->attached.v[i], "group", name));
	}
	bw_call_delete(call, iam_key(call, "group", old));
	return BW_OK;
}

BW_OP(iam, UpdateGroup, .effect = BW_WRITE, .resource = update_resource)
{
	struct bw_group g;

	TRY(iam_group_load(call, in->GroupName, &g));
	if (bw_str_set(in->NewPath))
		g.path = in->NewPath;
	if (bw_str_set(in->NewGroupName) && !bw_str_eq(in->NewGroupName, g.name))
		TRY(group_rename(call, &g, in->NewGroupName));
	iam_group_save(call, &g);
	return BW_OK;
}

/* ---- Deleting ---- */

static enum bw_err group_unbound(struct bw_call *call, const struct bw_group *g)
{
	struct bw_str members = bw_member_key(call->arena, call->account, g->name, BW_STR(""));
	const char *first = NULL;

	if (g->attached.n)
		first = "detach all policies";
	else if (g->inline_policies.n)
		first = "delete policies";
	else if (bw_call_count_under(call, members, SIZE_MAX))
		first = "remove users from group";
	if (!first)
		return BW_OK;
	return bw_call_fail(call, "DeleteConflict", "Cannot delete entity, must %s first.", first);
}

BW_OP(iam, DeleteGroup, .effect = BW_WRITE, .resource = iam_group_resource)
{
	struct bw_group g;

	TRY(iam_group_load(call, in->GroupName, &g));
	TRY(group_unbound(call, &g));
	bw_call_take(call, &iam_groups_quota, BW_STR_NONE, -1);
	bw_call_delete(call, iam_key(call, "group", g.name));
	return BW_OK;
}
