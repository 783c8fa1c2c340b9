/* A server's TLS context whose certificate can be replaced while it serves, and may come after it has begun to. */
#pragma once

#include "base/str.h"

struct ssl_ctx_st;
struct bw_tls_holder;

/* Without a certificate yet. The caller frees. */
struct bw_tls_holder *bw_tls_holder_new(void);
/* From PEM text: new connections get this certificate; BW_EINVAL (logged) leaves the old one. One thread at a time. */
BW_CHECKED enum bw_err bw_tls_holder_replace(struct bw_tls_holder *h, struct bw_str chain_pem, struct bw_str key_pem);
/* What a connection begins with, borrowed. Waits for the first certificate; NULL: that one was refused. Any thread. */
struct ssl_ctx_st *bw_tls_holder_context(struct bw_tls_holder *h);
/* No connection may be open. */
void bw_tls_holder_free(struct bw_tls_holder *h);
