/* What the files of helper/ share. */
#pragma once

#include "helper/helper.h"

void helper_request_encode(
    uint64_t id, int64_t deadline_ms, const struct bw_helper_request *r, struct bw_buf *out);
/* Slices point into `bytes`. BW_EINVAL: not such a message. */
BW_CHECKED enum bw_err helper_request_decode(
    struct bw_str bytes, uint64_t *id, int64_t *deadline_ms, struct bw_helper_request *out);
void helper_answer_encode(uint64_t id, const struct bw_helper_answer *a, struct bw_buf *out);
BW_CHECKED enum bw_err helper_answer_decode(struct bw_str bytes, uint64_t *id, struct bw_helper_answer *out);
