/* Trust policies as they are written. Thread, memory and errors as in iam.h. */
#pragma once

#include "svc/iam/iam_policy.h"

/* What IAM refuses of a trust policy beyond its grammar, which the document has passed:
 * MalformedPolicyDocument. */
BW_CHECKED enum bw_err iam_trust_check(struct bw_call *call, struct bw_str document);
