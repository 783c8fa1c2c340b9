#include "svc/iam/iam.h"

#include "codec/uri.h"

/* ---- Entities as IAM's answers show them ---- */

struct iam_AttachedPermissionsBoundary *iam_boundary_to_shape(struct bw_call *call, struct bw_str boundary)
{
	struct iam_AttachedPermissionsBoundary *out;

	if (!boundary.n)
		return NULL;
	out = BW_NEW(call->arena, struct iam_AttachedPermissionsBoundary);
	out->PermissionsBoundaryType = BW_STR("Policy");
	out->PermissionsBoundaryArn = boundary;
	return out;
}

void iam_user_to_shape(struct bw_call *call, const struct bw_user *u, bool whole, struct iam_User *out)
{
	*out = (struct iam_User){
	    .Path = u->path,
	    .UserName = u->name,
	    .UserId = u->id,
	    .Arn = bw_iam_arn(call->arena, call->account, "user", u->path, u->name),
	    .CreateDate = BW_TIME(u->created_ms),
	};
	if (u->password_used_ms)
		out->PasswordLastUsed = BW_TIME(u->password_used_ms);
	if (!whole)
		return;
	out->PermissionsBoundary = iam_boundary_to_shape(call, u->boundary);
	iam_tags_to_shape(call, &u->tags, &out->Tags);
}

void iam_group_to_shape(struct bw_call *call, const struct bw_group *g, struct iam_Group *out)
{
	*out = (struct iam_Group){
	    .Path = g->path,
	    .GroupName = g->name,
	    .GroupId = g->id,
	    .Arn = bw_iam_arn(call->arena, call->account, "group", g->path, g->name),
	    .CreateDate = BW_TIME(g->created_ms),
	};
}

/* ---- Policy documents ---- */

struct bw_str iam_document_encode(struct bw_call *call, struct bw_str document)
{
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, 3 * (size_t)BW_POLICY_TEXT_MAX);
	bw_uri_encode(document, &text);
	MUST(!text.failed); /* documents are kept below the ceiling when they are stored */
	out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

enum bw_err iam_document_fits(struct bw_call *call, struct bw_str document, const struct bw_quota *quota)
{
	return bw_call_within(call, quota, bw_policy_size(document));
}

enum bw_err iam_inline_fits(struct bw_call *call, const struct bw_pairs *policies,
    const struct bw_quota *quota, const char *label, struct bw_str name)
{
	int64_t most = bw_quota_value(call, quota);
	size_t size = 0;

	for (size_t i = 0; i < policies->n; i++)
		size += bw_policy_size(policies->v[i].value);
	if (size <= (size_t)most)
		return BW_OK;
	return bw_call_fail(call, quota->code, "Maximum policy size of %lld bytes exceeded for %s %.*s",
	    (long long)most, label, BW_FMT(name));
}
