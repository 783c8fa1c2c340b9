/* A blocking connection with one deadline over all of it: what client.c and fetch.c share. Never on a loop.
 */
#pragma once

#include "net/socket.h"

struct ssl_ctx_st;
struct ssl_st;

/* A connection, and the moment at which patience with all of it ends. */
struct peer {
	int fd;                 /* -1: none yet */
	struct ssl_ctx_st *ctx; /* freed with it; may be NULL */
	struct ssl_st *ssl;
	int64_t deadline_ms;
};

/* BW_EIO: no connection, or it is lost; BW_EAGAIN: not by the deadline; BW_EPERM: TLS does not come about (no trust, another
 * name, an old version): for these and what follows. */
BW_CHECKED enum bw_err peer_connect(struct peer *p, const struct bw_address *to);
/* `ctx` says who is trusted, and stays the caller's; `host` is whom the certificate has to name. */
BW_CHECKED enum bw_err peer_secure(struct peer *p, struct ssl_ctx_st *ctx, struct bw_str host);
BW_CHECKED enum bw_err peer_write(struct peer *p, struct bw_str bytes);
/* Reads some; *n may be 0. BW_ENOTFOUND at the peer's end. */
BW_CHECKED enum bw_err peer_read_some(struct peer *p, char *at, size_t room, size_t *n);
void peer_close(struct peer *p);
