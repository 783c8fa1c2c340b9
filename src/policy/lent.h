/* Compiling with memory that is not ours: for the library. */
#pragma once

#include "base/lend.h"
#include "policy/policy.h"

/* As bw_policy_compile_kept, with the lender's memory, whose `resize` may answer NULL: then BW_EAGAIN, with
 * all given back. Its functions and `ctx` are kept with the policy until it is released. */
BW_CHECKED enum bw_err bw_policy_compile_lent(struct bw_str document, enum bw_policy_kind kind,
    const struct bw_lender *lender, struct bw_policy **out, struct bw_policy_error *error);
