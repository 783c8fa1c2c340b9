/* Keys with which a load balancer seals its users' sessions and signs what it tells targets of them: derived
 * from the store's key, the load balancer's id and the week, and kept nowhere. */
#pragma once

#include "core/edge_image.h"
#include "store/store.h"

/* Sessions last a week at most: what was sealed opens until then. */
#define BW_EDGE_AUTH_PERIOD_MS INT64_C(604800000)

/* Of the week before, this one and the next. `load_balancer`: the 16 hexadecimal digits behind its name.
 * `*until_ms`: when there will be others. */
void bw_edge_auth_keys(const struct bw_store *store, struct bw_str load_balancer, int64_t now_ms,
    struct bw_arena *arena, struct bw_edge_load_balancer *out, int64_t *until_ms);
/* Appends the public key of an id as PEM. BW_ENOTFOUND: it is no key's that is in use. */
BW_CHECKED enum bw_err bw_edge_auth_public(
    const struct bw_store *store, struct bw_str id, int64_t now_ms, struct bw_buf *pem);
