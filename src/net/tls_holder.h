/* A server's TLS context whose certificate can be replaced while it serves. */
#pragma once

#include "base/str.h"

struct ssl_ctx_st;
struct bw_tls_holder;

/* From PEM text. BW_EINVAL, logged. The caller frees. */
BW_CHECKED enum bw_err bw_tls_holder_new(struct bw_str chain_pem, struct bw_str key_pem, struct bw_tls_holder **out);
/* New connections get the new certificate; BW_EINVAL (logged) leaves the old one. One thread at a time. */
BW_CHECKED enum bw_err bw_tls_holder_replace(struct bw_tls_holder *h, struct bw_str chain_pem, struct bw_str key_pem);
/* For bw_http_server_config; borrowed. */
struct ssl_ctx_st *bw_tls_holder_context(const struct bw_tls_holder *h);
/* No connection may be open. */
void bw_tls_holder_free(struct bw_tls_holder *h);
