#include "svc/iam/iam.h"

#include <stdlib.h>

/* A membership stands twice: in the user's record, from which its permissions are resolved, and as an index
 * entry under the group, from which the group's members are listed. */

BW_OP(iam, AddUserToGroup, .effect = BW_WRITE, .resource = iam_group_resource)
{
	struct bw_user u;
	struct bw_group g;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(iam_group_load(call, in->GroupName, &g));
	if (bw_strs_has(&u.groups, g.name))
		return BW_OK;
	bw_strs_add(&u.groups, call->arena, g.name);
	TRY(bw_call_within(call, &iam_groups_per_user_quota, u.groups.n));
	iam_user_save(call, &u);
	bw_call_mark(call, bw_member_key(call->arena, call->account, g.name, u.name));
	return BW_OK;
}

BW_OP(iam, RemoveUserFromGroup, .effect = BW_WRITE, .resource = iam_group_resource)
{
	struct bw_user u;
	struct bw_group g;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(iam_group_load(call, in->GroupName, &g));
	if (!bw_strs_remove(&u.groups, g.name))
		return BW_OK;
	iam_user_save(call, &u);
	bw_call_delete(call, bw_member_key(call->arena, call->account, g.name, u.name));
	return BW_OK;
}

/* The index is keyed by the lower-case name: the user's record has the true one. */
static enum bw_err member_to_shape(struct bw_call *call, struct bw_str member, struct iam_User *out)
{
	struct bw_user u;
	enum bw_err e = bw_call_load(call, &bw_user_record, iam_key(call, "user", member), &u);

	MUST(e != BW_ENOTFOUND);
	if (e == BW_OK)
		iam_user_to_shape(call, &u, false, out);
	return e;
}

BW_OP(iam, GetGroup, .effect = BW_READ, .resource = iam_group_resource)
{
	struct bw_str prefix = bw_member_key(call->arena, call->account, in->GroupName, BW_STR("")), member;
	struct bw_page page;
	struct bw_group g;
	enum bw_err e;

	TRY(iam_group_load(call, in->GroupName, &g));
	out->Group = BW_NEW(call->arena, struct iam_Group);
	iam_group_to_shape(call, &g, out->Group);
	TRY(bw_page_begin(call, prefix, in->Marker, in->MaxItems, IAM_PAGE_USUAL, &page));
	out->Users.set = true;
	out->Users.v = BW_NEW_ARRAY(call->arena, struct iam_User, page.left);
	while ((e = bw_page_next(call, &page, NULL, NULL, &member)) == BW_OK) {
		e = member_to_shape(call, member, &out->Users.v[out->Users.n++]);
		if (e != BW_OK)
			break;
	}
	bw_page_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static int by_name(const void *a, const void *b)
{
	return bw_str_cmp(*(const struct bw_str *)a, *(const struct bw_str *)b);
}

BW_OP(iam, ListGroupsForUser, .effect = BW_READ, .resource = iam_user_resource)
{
	struct bw_user u;
	struct bw_group g;
	size_t from, to;

	TRY(iam_user_load(call, in->UserName, &u));
	if (u.groups.n)
		qsort(u.groups.v, u.groups.n, sizeof *u.groups.v, by_name);
	TRY(bw_page_slice(call, u.groups.n, in->Marker, in->MaxItems, IAM_PAGE_USUAL, &from, &to,
	    &out->IsTruncated, &out->Marker));
	out->Groups.set = true;
	out->Groups.v = BW_NEW_ARRAY(call->arena, struct iam_Group, to - from);
	for (size_t i = from; i < to; i++) {
		TRY(iam_group_load(call, u.groups.v[i], &g));
		iam_group_to_shape(call, &g, &out->Groups.v[out->Groups.n++]);
	}
	return BW_OK;
}
