/* TLS by OpenSSL: 1.2 and 1.3 only, with the ciphers that are left when everything doubtful is taken away. */
#pragma once

#include "base/str.h"

struct ssl_ctx_st;
struct ssl_st;

/* A server's context from a certificate chain and its private key, both PEM. The chain begins with the
 * server's own certificate. BW_EINVAL when either cannot be read or they do not belong together (logged). The
 * caller frees with bw_tls_free; neither text is kept. */
BW_CHECKED enum bw_err bw_tls_server_new(
    struct bw_str chain_pem, struct bw_str key_pem, struct ssl_ctx_st **out);
/* A client's context that trusts only the authorities in `ca_pem`. BW_EINVAL when there is none to be read.
 */
BW_CHECKED enum bw_err bw_tls_client_new(struct bw_str ca_pem, struct ssl_ctx_st **out);
/* Gives a server's context its chain, which begins with its own certificate, and its key, both PEM. False when it cannot be read, or the key is
 * another's. */
bool bw_tls_chain_use(struct ssl_ctx_st *ctx, struct bw_str pem);
bool bw_tls_key_use(struct ssl_ctx_st *ctx, struct bw_str pem);
void bw_tls_free(struct ssl_ctx_st *ctx);

/* A connection's TLS state over a non-blocking socket, which stays the caller's. */
struct ssl_st *bw_tls_accept(struct ssl_ctx_st *ctx, int fd);
/* `host` is the name or address that the certificate must carry. */
BW_CHECKED enum bw_err bw_tls_connect(
    struct ssl_ctx_st *ctx, int fd, struct bw_str host, struct ssl_st **out);
/* A client's context and connection that take any certificate: towards targets, whose certificates ALB does
 * not check (User Guide, "Target groups": the load balancer does not validate them). Never for anything else.
 */
struct ssl_ctx_st *bw_tls_client_unverified(void);
struct ssl_st *bw_tls_connect_unverified(struct ssl_ctx_st *ctx, int fd);
/* From now on states of connections can sleep, `max` of them: for a process of one thread that holds many
 * which are idle. What they take is counted. */
void bw_tls_dozing(size_t max);
/* What states of connections and all else of OpenSSL take of memory, since bw_tls_dozing; 0: that was never called. */
size_t bw_tls_held_bytes(void);
/* Nobody needs the connection for a while: what its state takes shrinks. Nothing may be done with it before
 * bw_tls_wake. Either may be called at any time. */
void bw_tls_sleep(struct ssl_st *tls);
void bw_tls_wake(struct ssl_st *tls);
/* Says goodbye if the state of the connection permits it, and frees. */
void bw_tls_close(struct ssl_st *tls);

/* What a step came to. */
enum bw_tls_step {
	BW_TLS_DONE,
	BW_TLS_WANT_READ,
	BW_TLS_WANT_WRITE,
	BW_TLS_ENDED, /* the peer has closed, rightly or not */
	BW_TLS_BROKEN,
};

enum bw_tls_step bw_tls_handshake(struct ssl_st *tls);
enum bw_tls_step bw_tls_read(struct ssl_st *tls, char *to, size_t size, size_t *n);
enum bw_tls_step bw_tls_write(struct ssl_st *tls, const char *from, size_t size, size_t *n);
/* Whether bytes wait inside, which no event of the socket will announce. */
bool bw_tls_pending(const struct ssl_st *tls);
/* Whether the last read has brought all that the socket had, and no byte waits inside either: another one is
 * for an event to announce. What ends a connection may be behind all the same. */
bool bw_tls_drained(const struct ssl_st *tls);
/* "TLSv1.3", "TLS_AES_128_GCM_SHA256": static storage. */
struct bw_str bw_tls_version(const struct ssl_st *tls);
struct bw_str bw_tls_cipher(const struct ssl_st *tls);
