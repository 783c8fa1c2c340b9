/* What the files of grants share (AWS KMS Developer Guide, "Grants in AWS KMS"). */
#pragma once

#include "svc/kms/kms.h"

/* Whom an index goes by: the unique id of a user or role, who keeps grants under whatever name, or the ARN of anybody else. */
struct bw_str kms_grant_who(struct bw_str arn, struct bw_str id);
/* The grant's record, and its places in the indices: by grantee (with an absent id the prefix of all of the grantee's), by
 * retiring principal, by everything it says (for idempotency). `who`: as above. */
struct bw_str kms_grant_key(struct bw_call *call, const struct kms_found *f, struct bw_str id);
struct bw_str kms_grantee_key(struct bw_call *call, const struct kms_found *f, struct bw_str who, struct bw_str id);
struct bw_str kms_retiring_key(struct bw_call *call, const struct kms_found *f, struct bw_str who, struct bw_str id);
struct bw_str kms_grant_twin_key(struct bw_call *call, const struct kms_found *f, const struct kms_grant *g);

/* BW_ENOTFOUND is for the caller to put into words. */
BW_CHECKED enum bw_err kms_grant_find(struct bw_call *call, const struct kms_found *f, struct bw_str id, struct kms_grant *out);
/* Takes it out of everything. */
void kms_grant_remove(struct bw_call *call, const struct kms_found *f, const struct kms_grant *g);

/* The principal's unique id, when it is a user, a role or a session of one in this account. BW_EFAILED, InvalidArnException,
 * when it is none that there is. */
BW_CHECKED enum bw_err kms_grant_principal(struct bw_call *call, struct bw_str arn, struct bw_str *id);
/* As whom the caller is the principal of that ARN and unique id (absent: the ARN tells): itself, or the role or user whose session it is
 * and beyond which its session policies count. Absent: it is not. */
struct bw_str kms_grant_as(const struct bw_call *call, struct bw_str arn, struct bw_str id);

/* A token names its grant, sealed. */
void kms_grant_token_make(struct bw_call *call, const struct kms_found *f, struct bw_str id, struct bw_str *out);
/* InvalidGrantTokenException. */
BW_CHECKED enum bw_err kms_grant_token_open(struct bw_call *call, struct bw_str token, struct bw_str *key_arn, struct bw_str *id);

/* RetireGrant: as whom (kms_grant_as) the grant that the call is about lets the caller retire it; absent when it does not. */
struct bw_str kms_grant_retired_as(const struct bw_call *call);
