/* What the files of STS share. All runs on the call's own thread, in the memory of the call's arena. */
#pragma once

#include "core/caller.h"
#include "core/core.h"
#include "core/entity.h"
#include "core/op.h"
#include "gen/sts.h"

/* Copies session tags, refusing duplicates (case-insensitive), "aws:" keys and more than 50. */
BW_CHECKED enum bw_err sts_tags_take(struct bw_call *call, const struct sts_tagListType *from, struct bw_pairs *to);
/* Validates and copies the session policies. */
BW_CHECKED enum bw_err sts_policies_take(struct bw_call *call, struct bw_str policy,
    const struct sts_policyDescriptorListType *arns, struct bw_session *session);
/* Issues: PackedPolicyTooLarge when policies and tags do not fit. */
BW_CHECKED enum bw_err sts_issue(struct bw_call *call, struct bw_session *session, struct sts_Credentials **out);
/* PackedPolicySize; unset without session policies and tags. */
struct bw_opt_int sts_packed(const struct bw_session *session);
/* The caller's own MFA device and its code, when given: `*shown` then. The code is spent with the call. AccessDenied otherwise. */
BW_CHECKED enum bw_err sts_mfa_take(struct bw_call *call, struct bw_str serial, struct bw_str code, bool *shown);

/* ---- role.c ---- */

/* The account of a role's ARN. ValidationError: it is none. */
BW_CHECKED enum bw_err sts_role_account(struct bw_call *call, struct bw_str arn, struct bw_str *account);
/* What a call that assumes the role is about: its ARN, trust policy and tags, and whether the session may have tags and a source
 * identity. */
BW_CHECKED enum bw_err sts_role_state(struct bw_call *call, struct bw_str arn, bool tags, bool source);
/* Whose session it is, and for how long. */
BW_CHECKED enum bw_err sts_role_take(
    struct bw_call *call, struct bw_str arn, struct bw_opt_int asked, struct bw_session *session);
struct sts_AssumedRoleUser *sts_assumed_user(struct bw_call *call, const struct bw_session *s);
