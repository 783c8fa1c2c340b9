#include "svc/iam/iam.h"

BW_OP(iam, TagUser, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	TRY(iam_tags_set(call, &u.tags, &in->Tags));
	iam_user_save(call, &u);
	return BW_OK;
}

BW_OP(iam, UntagUser, .effect = BW_WRITE, .resource = iam_user_resource)
{
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	iam_tags_remove(call, &u.tags, &in->TagKeys);
	iam_user_save(call, &u);
	return BW_OK;
}

BW_OP(iam, ListUserTags, .effect = BW_READ, .resource = iam_user_resource)
{
	struct bw_user u;

	TRY(iam_user_load(call, in->UserName, &u));
	return iam_tags_page(
	    call, &u.tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated, &out->Marker);
}
