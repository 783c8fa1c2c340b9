/* Trust policies name users and roles by ARN, but trust the very principal that stood there when the policy was saved: a deleted
 * and recreated namesake is somebody else (IAM User Guide, "AWS JSON policy elements: Principal"). */
#pragma once

#include "core/call.h"
#include "core/entity.h"

/* Finds every user and role ARN among the document's AWS principals, and maps it to the unique id it has now. Principals of this
 * account that do not exist: BW_EFAILED, MalformedPolicyDocument 'Invalid principal in policy: "AWS":"ARN"'. */
BW_CHECKED enum bw_err bw_trust_resolve(struct bw_call *call, struct bw_str document, struct bw_pairs *principals);
/* The document as it counts now, and as AWS shows it: the ARN of a user who was renamed or moved is the new one (IAM User Guide, "Rename an
 * IAM user"); one whose principal is gone stands as its unique id. */
struct bw_str bw_trust_effective(struct bw_call *call, const struct bw_role *role);
/* The same for any policy of a resource whose principals were resolved when it was saved. */
struct bw_str bw_principals_effective(struct bw_call *call, struct bw_str document, const struct bw_pairs *principals);
/* How a principal that had this id when it was written as `text` is written now. */
struct bw_str bw_principal_now(struct bw_call *call, struct bw_str text, struct bw_str id);
/* The unique id that a user's or role's ARN has now; absent when there is none, or it is another account's. */
struct bw_str bw_principal_id(struct bw_call *call, struct bw_str arn);
