/* What the files of outside/ share. */
#pragma once

#include "outside/outside.h"

/* ---- message.c: requests and answers as bytes; every string with its length in front, no trailing bytes
 * ---- */
void outside_request_encode(uint64_t id, const struct bw_outside_request *r, struct bw_buf *out);
/* Slices point into `bytes`. BW_EINVAL on any malformation. */
BW_CHECKED enum bw_err outside_request_decode(
    struct bw_str bytes, uint64_t *id, struct bw_outside_request *out);
void outside_answer_encode(uint64_t id, const struct bw_outside_answer *a, struct bw_buf *out);
BW_CHECKED enum bw_err outside_answer_decode(
    struct bw_str bytes, uint64_t *id, struct bw_outside_answer *out);
/* What the process says first on each channel when it starts: an answer to nobody. */
#define OUTSIDE_HELLO UINT64_C(0)

/* ---- https.c ---- */
struct https;
/* BW_EINVAL (logged): no authorities to be read. */
BW_CHECKED enum bw_err https_new(const struct bw_outside_config *config, struct https **out);
/* Any thread, for as long as its time limit is. */
BW_CHECKED enum bw_err https_exchange(struct https *h, const struct bw_outside_request *r,
    struct bw_arena *arena, struct bw_outside_answer *answer);

/* ---- token.c ---- */
struct tokens;
struct tokens *tokens_new(const struct bw_outside_config *config);
/* Any thread; one at a time and token. */
BW_CHECKED enum bw_err tokens_answer(struct tokens *t, const struct bw_outside_request *r,
    struct bw_arena *arena, struct bw_outside_answer *answer);
