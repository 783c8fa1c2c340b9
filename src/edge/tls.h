/* TLS of listeners: tls.c keeps certificates and clients' authorities, tls_policy.c obeys security policies.
 */
#pragma once

#include "edge/exchange.h"

struct ssl_ctx_st;
struct evp_pkey_st;
struct x509_store_st;

/* Protocols, ciphers, curves and signatures of a policy. False: OpenSSL lacks what it names. */
bool tls_policy_apply(struct ssl_ctx_st *ctx, struct bw_str name);
/* Whether a certificate with this key can be shown under the policy (RFC 9151, section 3): with another every
 * handshake would fail. */
bool tls_policy_takes(struct bw_str name, const struct evp_pkey_st *key);

/* The group of the handshake as the registry of TLS names it; "-": none. */
const char *tls_key_exchange(const struct ssl_st *tls);

/* When the first of the listener's certificates ends, and its ARN; INT64_MAX: it has none. */
int64_t tls_ends_ms(const struct listener *l, struct bw_str *arn);

/* The certificates and rules of a listener; shared by the images that say the same. NULL (said in *reason)
 * when none can be used. */
struct tls_set *tls_set_make(
    struct edge *e, const struct bw_edge_listener *in, bool http2, const char **reason);
void tls_set_release(struct tls_set *s);
bool tls_chose_http2(const struct ssl_st *tls);
/* Towards a target: HTTP/2 or nothing. */
void tls_offer_http2(struct ssl_st *tls);
/* What was chosen with a client, or nothing, before the handshake with a target. */
void tls_offer_same(struct ssl_st *tls, const struct ssl_st *client);
struct ssl_st *tls_accept(const struct listener *l, int fd);
bool tls_passes_through(const struct listener *l);
bool tls_verifies(const struct listener *l);
/* Absent: none. Borrowed of the connection, of the listener. */
struct bw_str tls_name_asked(const struct ssl_st *tls);
struct bw_str tls_certificate_arn(const struct listener *l, const struct ssl_st *tls);

/* ---- tls_revoked.c ---- */

/* Whoever is verified by the store is asked for in these lists. False: one cannot be read. */
bool tls_revocations_use(struct x509_store_st *store, const struct bw_strs *pems);

/* ---- tls_client.c ---- */

/* Subject, validity, serial number and what came of verifying it, as connection logs have them. */
void tls_log_client(const struct listener *l, const struct ssl_st *tls, bool shaken, struct bw_buf *out);
/* X-Amzn-Mtls-* lines of a client's certificate. */
void tls_emit_client(const struct exchange *x, struct bw_buf *out);
