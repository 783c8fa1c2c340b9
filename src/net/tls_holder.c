#include "net/tls_holder.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "net/tls.h"

struct held {
	SSL_CTX *ctx;
	struct held *older; /* kept to the end: a handshake may be about to take it */
};

struct bw_tls_holder {
	SSL_CTX *_Atomic front; /* what connections begin with, the first of all; its hello callback moves them to the newest */
	struct held *_Atomic newest;
	pthread_mutex_t lock;
	pthread_cond_t decided; /* there is a first one, or it was refused */
	bool refused;
};

static int hello(SSL *ssl, int *alert, void *arg)
{
	struct bw_tls_holder *h = arg;
	SSL_CTX *newest = atomic_load(&h->newest)->ctx;

	(void)alert;
	return newest == atomic_load(&h->front) || SSL_set_SSL_CTX(ssl, newest) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

/* `front` is NULL when the first was refused. */
static void decide(struct bw_tls_holder *h, SSL_CTX *front)
{
	MUST(pthread_mutex_lock(&h->lock) == 0);
	h->refused = !front;
	atomic_store(&h->front, front);
	MUST(pthread_cond_broadcast(&h->decided) == 0);
	MUST(pthread_mutex_unlock(&h->lock) == 0);
}

enum bw_err bw_tls_holder_replace(struct bw_tls_holder *h, struct bw_str chain_pem, struct bw_str key_pem)
{
	struct held *next;
	bool first = !atomic_load(&h->newest);
	SSL_CTX *ctx;

	if (bw_tls_server_new(chain_pem, key_pem, &ctx) != BW_OK) {
		if (first)
			decide(h, NULL);
		return BW_EINVAL;
	}
	next = bw_alloc(sizeof *next);
	*next = (struct held){ctx, atomic_load(&h->newest)};
	atomic_store(&h->newest, next);
	if (first) {
		SSL_CTX_set_client_hello_cb(ctx, hello, h);
		decide(h, ctx);
	}
	return BW_OK;
}

struct bw_tls_holder *bw_tls_holder_new(void)
{
	struct bw_tls_holder *h = bw_alloc(sizeof *h);

	MUST(pthread_mutex_init(&h->lock, NULL) == 0 && pthread_cond_init(&h->decided, NULL) == 0);
	return h;
}

struct ssl_ctx_st *bw_tls_holder_context(struct bw_tls_holder *h)
{
	SSL_CTX *front = atomic_load(&h->front);

	if (front)
		return front;
	MUST(pthread_mutex_lock(&h->lock) == 0);
	while (!(front = atomic_load(&h->front)) && !h->refused)
		MUST(pthread_cond_wait(&h->decided, &h->lock) == 0);
	MUST(pthread_mutex_unlock(&h->lock) == 0);
	return front;
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
	MUST(pthread_cond_destroy(&h->decided) == 0 && pthread_mutex_destroy(&h->lock) == 0);
	bw_free(h);
}
