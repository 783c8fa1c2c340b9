/* What a client of a TLS listener gets by what it offers: tls_choose.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct ssl_st;
struct ssl_ctx_st;
struct tls_protocols;

/* The certificate for the name that was asked for, in the callback for that name; the first is the default one. NULL: none has
 * the name. */
struct ssl_ctx_st *tls_choose(struct ssl_st *tls, struct ssl_ctx_st *const *contexts, size_t n);

/* What a listener's ALPN policy, or HTTPS, negotiates. NULL: nothing is. */
const struct tls_protocols *tls_protocols_of(struct bw_str policy);
const struct tls_protocols *tls_protocols_https(bool http2);
/* In the callback for ALPN: its answer. */
int tls_protocol_choose(const struct tls_protocols *p, const unsigned char **out, unsigned char *out_n,
    const unsigned char *in, unsigned in_n);
