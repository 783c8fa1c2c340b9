/* What the files of outside/ share. */
#pragma once

#include "outside/outside.h"

/* ---- https.c ---- */
struct https;
/* Certificates may come from the authorities of `pem` (may be absent), and unless `alone` from those the system trusts.
 * BW_EINVAL (logged): no authorities to be read. */
BW_CHECKED enum bw_err https_new(const struct bw_outside_config *config, struct bw_str pem, bool alone, int64_t timeout_ms,
    struct https **out);
/* Any thread, for as long as its time limit is. */
BW_CHECKED enum bw_err https_exchange(struct https *h, const struct bw_outside_request *r,
    struct bw_arena *arena, struct bw_errand_answer *answer);

/* ---- token.c ---- */
struct tokens;
struct tokens *tokens_new(const struct bw_outside_config *config);
/* Any thread; one at a time and token. */
BW_CHECKED enum bw_err tokens_answer(struct tokens *t, const struct bw_outside_request *r,
    struct bw_arena *arena, struct bw_errand_answer *answer);
