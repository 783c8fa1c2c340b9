/* The guard's image made from a snapshot, and published: core's part of it. */
#pragma once

#include "core/guard_image.h"
#include "store/store.h"

struct bw_core;

/* Flattens what every binding of the core's configuration stands for, in its account and Region, and
 * publishes it, with the targets of `edge` that see their clients' addresses; NULL: they are not known.
 * Nothing without a guard. On the publisher's thread. */
BW_CHECKED enum bw_err bw_guard_publish(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
    const struct bw_edge_image *edge);
/* "guard" of the server's health: what each binding does, an empty list without a guard; and "client_addresses":
 * what it does for load balancers. Appends JSON members with a comma in front. */
void bw_guard_health(const struct bw_core *core, struct bw_buf *json);
