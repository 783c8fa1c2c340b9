/* What login profiles and the password policy share. Thread, memory and errors as in iam.h; checking a
 * password against older ones hashes: rows that use it are slow. */
#pragma once

#include "svc/iam/iam.h"

enum {
	IAM_PASSWORD_LENGTH_USUAL = 6, /* UpdateAccountPasswordPolicy without MinimumPasswordLength */
	IAM_PASSWORD_HISTORY_MAX = 24, /* PasswordReusePrevention reaches back this far at most */
};

/* PasswordPolicyViolation when the account's policy, or AWS's default where there is none, does not let the
 * user have it. */
BW_CHECKED enum bw_err iam_password_allowed(
    struct bw_call *call, const struct bw_user *u, struct bw_str password);
/* "Allow users to change their own password": every user of the account may change its own and read the
 * policy, without a policy of its own. States that as a policy of the resource, which an explicit denial
 * still overrules. */
BW_CHECKED enum bw_err iam_password_right(struct bw_call *call);
