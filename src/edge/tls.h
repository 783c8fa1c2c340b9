/* TLS of listeners: tls.c keeps certificates and clients' authorities, tls_policy.c obeys security policies.
 */
#pragma once

#include "edge/internal.h"

struct evp_pkey_st;

/* Protocols, ciphers, curves and signatures of a policy. False: OpenSSL lacks what it names. */
bool tls_policy_apply(struct ssl_ctx_st *ctx, struct bw_str name);
/* Whether a certificate with this key can be shown under the policy (RFC 9151, section 3): with another every
 * handshake would fail. */
bool tls_policy_takes(struct bw_str name, const struct evp_pkey_st *key);

/* The group of the handshake as the registry of TLS names it; "-": none. */
const char *tls_key_exchange(const struct ssl_st *tls);

/* When the first of the listener's certificates ends, and its ARN; INT64_MAX: it has none. */
int64_t tls_ends_ms(const struct listener *l, struct bw_str *arn);
