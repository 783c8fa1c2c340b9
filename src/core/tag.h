/* Tags as the services of certificates take them: the input's "Tags", a list of {Key, Value}. */
#pragma once

#include "core/call.h"

/* Sets those of the input. InvalidTagException for a key of AWS's, `doubled` for one given twice, the quota's own error. */
BW_CHECKED enum bw_err bw_tags_set(
    struct bw_call *call, struct bw_pairs *tags, const struct bw_quota *quota, const char *doubled);
/* Removes those of the input; one given with a value only if it has that value. */
void bw_tags_remove(const struct bw_call *call, struct bw_pairs *tags);
