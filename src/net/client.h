/* A small blocking HTTP/1.1 client for our own commands; never used on a loop. */
#pragma once

#include "base/mem.h"

/* GET `path` at "http://ADDRESS:PORT" or "https://ADDRESS:PORT" (trusting `ca_pem` alone). The body, at most
 * 1 MiB, lives in the arena. BW_EINVAL: not such an endpoint or answer, or an answer cut short; BW_ETOOBIG: a
 * longer one; BW_EIO: no connection, no trust, or not all of it within `timeout_ms`. */
BW_CHECKED enum bw_err bw_client_get(struct bw_str endpoint, struct bw_str path, struct bw_str ca_pem,
    int timeout_ms, struct bw_arena *arena, int *status, struct bw_str *body);
