#include "net/tls_holder.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "net/tls.h"

struct held {
	SSL_CTX *ctx;
	struct held *older; /* kept to the end: a handshake may be about to take it */
};

struct bw_tls_holder {
	SSL_CTX *front; /* what connections begin with, the first of all; its hello callback moves them to the newest */
	struct held *_Atomic newest;
};

static int hello(SSL *ssl, int *alert, void *arg)
{
	struct bw_tls_holder *h = arg;
	SSL_CTX *newest = atomic_load(&h->newest)->ctx;

	(void)alert;
	return newest == h->front || SSL_set_SSL_CTX(ssl, newest) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

enum bw_err bw_tls_holder_replace(struct bw_tls_holder *h, struct bw_str chain_pem, struct bw_str key_pem)
{
	struct held *next;
	SSL_CTX *ctx;

	TRY(bw_tls_server_new(chain_pem, key_pem, &ctx));
	next = bw_alloc(sizeof *next);
	*next = (struct held){ctx, atomic_load(&h->newest)};
	atomic_store(&h->newest, next);
	return BW_OK;
}

enum bw_err bw_tls_holder_new(struct bw_str chain_pem, struct bw_str key_pem, struct bw_tls_holder **out)
{
	struct bw_tls_holder *h = bw_alloc(sizeof *h);

	if (bw_tls_holder_replace(h, chain_pem, key_pem) != BW_OK) {
		bw_tls_holder_free(h);
		return BW_EINVAL;
	}
	h->front = atomic_load(&h->newest)->ctx;
	SSL_CTX_set_client_hello_cb(h->front, hello, h);
	*out = h;
	return BW_OK;
}

struct ssl_ctx_st *bw_tls_holder_context(const struct bw_tls_holder *h)
{
	return h->front;
}

void bw_tls_holder_free(struct bw_tls_holder *h)
{
	struct held *c = h ? atomic_load(&h->newest) : NULL;

	if (!h)
		return;
	while (c) {
		struct held *older = c->older;

		bw_tls_free(c->ctx);
		bw_free(c);
		c = older;
	}
	bw_free(h);
}
