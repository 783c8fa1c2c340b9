/* Managed policies by ARN. They live below the services because svc/iam edits them and svc/sts narrows sessions
 * by them. */
#pragma once

#include "core/call.h"
#include "core/entity.h"

/* What an ARN in its one spelling says: "arn:aws:iam::ACCOUNT:policy/path/Name", or AWS's own with "aws" for the
 * account. Borrowed. */
struct bw_policy_arn {
	bool aws;
	struct bw_str name;
};

/* False when it is no such ARN, or neither AWS's nor this account's. */
bool bw_policy_arn_parse(struct bw_str arn, struct bw_str account, struct bw_policy_arn *out);
/* The account's own policy whose whole ARN this is. BW_ENOTFOUND: there is none, or it has another path. */
BW_CHECKED enum bw_err bw_managed_policy_load(
    struct bw_call *call, struct bw_str account, struct bw_str arn, struct bw_managed_policy *out);
/* BW_ENOTFOUND when neither AWS nor the account has a policy of that ARN. */
BW_CHECKED enum bw_err bw_managed_policy_there(struct bw_call *call, struct bw_str account, struct bw_str arn);
