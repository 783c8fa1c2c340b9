#include "svc/iam/iam_policy.h"

BW_OP(iam, TagRole, .effect = BW_WRITE, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	TRY(iam_tags_set(call, &r.tags, &in->Tags));
	iam_role_save(call, &r);
	return BW_OK;
}

BW_OP(iam, UntagRole, .effect = BW_WRITE, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	iam_tags_remove(call, &r.tags, &in->TagKeys);
	iam_role_save(call, &r);
	return BW_OK;
}

BW_OP(iam, ListRoleTags, .effect = BW_READ, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	return iam_tags_page(
	    call, &r.tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated, &out->Marker);
}
