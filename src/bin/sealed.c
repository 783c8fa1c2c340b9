#include "bin/sealed.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/identity.h"
#include "core/sealed.h"
#include "keyer/seal_status.h"
#include "net/http.h"
#include "net/tls_holder.h"

/* The keyer may be starting, and has said nothing yet. */
enum { LOOK_AGAIN_MS = 50, STATUS_ARENA_MAX = 1 << 20 };

struct waiting {
	struct api *api;
	struct bw_loop *loop;
	struct bw_http_server *servers[LOOPS_MAX * LISTEN_MAX];
	size_t server_count;
	_Atomic size_t undrained;
	struct bw_post drain;
	struct bw_sealed answers;
	struct bw_tls_holder *tls; /* NULL: the operator gave no certificate, and ours is in the store */
	pthread_t thread;
};

/* BW_EAGAIN: it has not said so far. */
static enum bw_err open_now(const struct api *api)
{
	struct bw_seal_status status;
	struct bw_arena arena;
	enum bw_err e;

	bw_arena_init(&arena, STATUS_ARENA_MAX);
	e = bw_seal_status_read(api->core.seal, &arena, &status);
	bw_arena_free(&arena);
	if (e != BW_OK)
		return BW_EAGAIN;
	return status.sealed ? BW_ENOTFOUND : BW_OK;
}

static void drained(void *ctx)
{
	struct waiting *w = ctx;

	if (atomic_fetch_sub(&w->undrained, 1) == 1)
		bw_loop_stop(w->loop);
}

static void drain_begin(struct bw_post *p)
{
	struct waiting *w = (struct waiting *)((char *)p - offsetof(struct waiting, drain));

	atomic_store(&w->undrained, w->server_count);
	for (size_t i = 0; i < w->server_count; i++)
		bw_http_server_drain(w->servers[i], drained, w);
}

static void *loop_main(void *arg)
{
	struct waiting *w = arg;

	bw_loop_run(w->loop);
	return NULL;
}

static enum bw_err tls_open(struct waiting *w)
{
	const char *cert = option_get(w->api->options, "tls-cert"), *key = option_get(w->api->options, "tls-key");
	struct identity id;
	struct bw_arena a;
	enum bw_err e;

	if (!cert || !key)
		return BW_OK;
	bw_arena_init(&a, STATUS_ARENA_MAX);
	e = identity_read(cert, key, &a, &id);
	if (e == BW_OK)
		e = bw_tls_holder_replace(w->tls = bw_tls_holder_new(), id.cert, id.key);
	bw_arena_free(&a);
	return e;
}

/* Connections come over the sockets of every loop: all are served here. */
static enum bw_err servers_open(struct waiting *w)
{
	const struct api *api = w->api;
	const struct bw_http_server_config config = {.on_request = bw_sealed_request, .on_refused = bw_gate_refused, .ctx = &w->answers,
	    .tls = w->tls, .body_max_bytes = BW_HTTP_BODY_MAX, .connections_max = BW_CONNECTIONS_MAX / (api->loops * api->listen_count)};

	for (unsigned i = 0; i < api->loops; i++)
		for (size_t k = 0; k < api->listen_count; k++) {
			int fd = dup(api->fds[i][k]);

			CHECK(fd >= 0, BW_EIO);
			TRY(bw_http_server_add(w->loop, fd, &config, &w->servers[w->server_count]));
			w->server_count++;
		}
	return BW_OK;
}

/* Stays while it is sealed. */
static enum bw_err watch(struct api *api, int channel)
{
	struct pollfd watched[2] = {{.fd = channel, .events = POLLIN},
	    {.fd = bw_board_wake_fd(api->core.seal), .events = POLLIN}};
	struct bw_proc_message m;
	enum bw_err e;

	while ((e = open_now(api)) != BW_OK) {
		(void)poll(watched, 2, e == BW_EAGAIN ? LOOK_AGAIN_MS : -1);
		bw_board_wake_take(api->core.seal);
		e = bw_proc_receive(channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RETIRE | 1u << BW_PROC_RELOAD, &m);
		if (e == BW_EAGAIN)
			continue;
		/* There is nothing to read again. */
		if (e != BW_OK || m.type != BW_PROC_RELOAD || bw_proc_send(channel, BW_PROC_READY, BW_STR("")) != BW_OK)
			return BW_EPERM;
	}
	return BW_OK;
}

static void waiting_free(struct waiting *w)
{
	for (size_t i = 0; i < w->server_count; i++)
		bw_http_server_free(w->servers[i]);
	if (w->loop)
		bw_loop_free(w->loop);
	bw_tls_holder_free(w->tls);
	bw_free(w);
}

static enum bw_err serve_sealed(struct api *api, int channel)
{
	struct waiting *w = bw_alloc(sizeof *w);
	enum bw_err e;

	w->api = api;
	w->drain.run = drain_begin;
	w->answers = (struct bw_sealed){api->core.seal, api->core.region, bw_clock_mono_ms(), api->core.processes};
	e = bw_loop_new(&w->loop);
	if (e == BW_OK)
		e = tls_open(w);
	if (e == BW_OK)
		e = servers_open(w);
	if (e == BW_OK && pthread_create(&w->thread, NULL, loop_main, w) != 0)
		e = BW_EIO;
	if (e == BW_OK) {
		bw_log(BW_LOG_WARN, "sealed: health and status are answered, and nothing that needs keys; see 'bulwark unseal'");
		e = bw_proc_send(channel, BW_PROC_READY, BW_STR("")) == BW_OK ? watch(api, channel) : BW_EPERM;
		bw_loop_post(w->loop, &w->drain);
		MUST(pthread_join(w->thread, NULL) == 0);
	}
	waiting_free(w);
	return e;
}

enum bw_err sealed_wait(struct api *api, int channel)
{
	enum bw_err e;

	if (!api->core.seal)
		return BW_OK;
	/* A keyer that opens by itself does so within a moment, and says so. */
	while ((e = open_now(api)) == BW_EAGAIN) {
		struct pollfd watched[2] = {{.fd = channel, .events = POLLIN},
		    {.fd = bw_board_wake_fd(api->core.seal), .events = POLLIN}};

		if (poll(watched, 2, LOOK_AGAIN_MS) > 0 && watched[0].revents)
			break;
		bw_board_wake_take(api->core.seal);
	}
	return e == BW_OK ? BW_OK : serve_sealed(api, channel);
}
