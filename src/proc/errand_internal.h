/* What travels over an errand's channels. */
#pragma once

#include "proc/errand.h"

/* What an answer to nobody (number 0) says, as its status. */
enum errand_word {
	ERRAND_HELLO, /* a process has begun to serve: what the one before it had taken is lost */
	ERRAND_FIRST, /* out: the number of the first request that this process has found in the channel */
};
#define ERRAND_NOBODY UINT64_C(0)

/* A request is the deadline (bw_clock_mono_ms) in front of the kind's message; `request` NULL: asks for ERRAND_FIRST alone. */
void errand_request_encode(
    const struct bw_errands *kind, uint64_t id, int64_t deadline_ms, const void *request, struct bw_buf *out);
/* Slices point into `bytes`. *knock: it was NULL. BW_EINVAL: not such a message. */
BW_CHECKED enum bw_err errand_request_decode(const struct bw_errands *kind, struct bw_str bytes, uint64_t *id,
    int64_t *deadline_ms, bool *knock, void *request);
void errand_answer_encode(uint64_t id, const struct bw_errand_answer *a, struct bw_buf *out);
BW_CHECKED enum bw_err errand_answer_decode(
    const struct bw_errands *kind, struct bw_str bytes, uint64_t *id, struct bw_errand_answer *out);
