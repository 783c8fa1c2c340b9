#include "core/managed_policy.h"

#include "aws/managed.h"

bool bw_policy_arn_parse(struct bw_str text, struct bw_str account, struct bw_policy_arn *out)
{
	struct bw_arn arn;
	size_t slash;

	if (bw_arn_parse(text, &arn) != BW_OK || !bw_str_eq(arn.partition, BW_STR("aws")) ||
	    !bw_str_eq(arn.service, BW_STR("iam")) || arn.region.n ||
	    !bw_str_starts(arn.resource, BW_STR("policy/")))
		return false;
	out->aws = bw_str_eq(arn.account, BW_STR("aws"));
	if (!out->aws && !bw_str_eq(arn.account, account))
		return false;
	slash = arn.resource.n;
	while (arn.resource.p[slash - 1] != '/')
		slash--;
	out->name = bw_str_sub(arn.resource, slash, arn.resource.n);
	return out->name.n > 0;
}

enum bw_err bw_managed_policy_load(
    struct bw_call *call, struct bw_str account, struct bw_str arn, struct bw_managed_policy *out)
{
	struct bw_policy_arn parts;

	CHECK(bw_policy_arn_parse(arn, account, &parts) && !parts.aws, BW_ENOTFOUND);
	TRY(bw_call_load(call, &bw_managed_policy_record,
	    bw_entity_key(call->arena, account, "policy", parts.name), out));
	CHECK(bw_str_eq(arn, bw_iam_arn(call->arena, account, "policy", out->path, out->name)), BW_ENOTFOUND);
	return BW_OK;
}

enum bw_err bw_managed_policy_there(struct bw_call *call, struct bw_str account, struct bw_str arn)
{
	struct bw_policy_arn parts;
	struct bw_managed_policy own;
	struct bw_managed aws;

	CHECK(bw_policy_arn_parse(arn, account, &parts), BW_ENOTFOUND);
	return parts.aws ? bw_managed_find(arn, &aws) : bw_managed_policy_load(call, account, arn, &own);
}
