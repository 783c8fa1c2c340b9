/* A connection's states: told apart, shaken hands with, read from, put to work, lingered over. Each step
 * moves on or waits for the socket; nothing here blocks, and nothing is freed while a step is on the stack.
 */
#include "net/server.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/sys.h"
#include "net/http1.h"

enum step { GO_ON, WAIT_READ, WAIT_WRITE, WAIT_APP, CLOSED };

static struct bw_http_connection *of_watch(struct bw_watch *w)
{
	return (struct bw_http_connection *)((char *)w - offsetof(struct bw_http_connection, watch));
}

static struct bw_http_connection *of_timer(struct bw_timer *t)
{
	return (struct bw_http_connection *)((char *)t - offsetof(struct bw_http_connection, timer));
}

void bw_connection_account(struct bw_http_connection *c)
{
	size_t held = c->in_size + c->out.size + (c->work ? c->work->body.size : 0);

	c->server->held_bytes += held - c->held_bytes;
	c->held_bytes = held;
}

void bw_connection_enter(struct bw_http_connection *c, enum bw_connection_state state, int64_t limit_ms)
{
	c->state = (uint8_t)state;
	c->began_ms = bw_loop_now_ms(c->server->loop);
	c->limit_ms = limit_ms;
}

/* The timer is only ever moved forward: a keep-alive connection touches the wheel once in a while, not at
 * each request. */
static void timer_arm(struct bw_http_connection *c)
{
	struct bw_loop *l = c->server->loop;
	int64_t due = c->began_ms + c->limit_ms;

	if (c->limit_ms && (!c->timer.prev || c->timer.due_ms > due))
		bw_timer_set(l, &c->timer, due - bw_loop_now_ms(l));
}

static void input_release(struct bw_http_connection *c)
{
	if (!c->in)
		return;
	bw_wipe(c->in, c->in_n);
	if (c->in_size == BW_IN_SMALL)
		bw_server_buffer_give(c->server, c->in);
	else
		bw_free(c->in);
	c->in = NULL;
	c->in_at = c->in_n = c->in_size = c->scanned = 0;
}

static void input_take(struct bw_http_connection *c)
{
	c->in = bw_server_buffer_take(c->server);
	c->in_size = BW_IN_SMALL;
}

static void input_grow(struct bw_http_connection *c)
{
	char *large = bw_realloc(NULL, BW_IN_LARGE);
	size_t n = c->in_n - c->in_at, scanned = c->scanned;

	memcpy(large, c->in + c->in_at, n);
	input_release(c);
	c->in = large;
	c->in_n = n;
	c->in_size = BW_IN_LARGE;
	c->scanned = scanned;
	bw_connection_account(c);
}

/* Room behind what is there, which moves to the front or into a larger buffer for it. */
static void input_make_room(struct bw_http_connection *c)
{
	if (!c->in)
		input_take(c);
	if (c->in_n < c->in_size)
		return;
	if (c->in_at == 0) {
		input_grow(c);
		return;
	}
	memmove(c->in, c->in + c->in_at, c->in_n - c->in_at);
	c->in_n -= c->in_at;
	c->in_at = 0;
}

static struct bw_str input(const struct bw_http_connection *c)
{
	return c->in ? bw_str_make(c->in + c->in_at, c->in_n - c->in_at) : BW_STR("");
}

static enum bw_io plain_read(struct bw_http_connection *c, char *to, size_t size, size_t *n)
{
	ssize_t got = recv(c->watch.fd, to, size, 0);

	c->may_read = false; /* what is left, the next event tells: that is cheaper than asking for EAGAIN */
	*n = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return BW_IO_DONE;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? BW_IO_WAIT_READ : BW_IO_ENDED;
}

enum bw_io bw_connection_read(struct bw_http_connection *c, char *to, size_t size, size_t *n)
{
	*n = 0;
	if (!c->may_read)
		return BW_IO_WAIT_READ;
	if (!c->tls)
		return plain_read(c, to, size, n);
	switch (bw_tls_read(c->tls, to, size, n)) {
	case BW_TLS_DONE:
		c->may_read = bw_tls_pending(c->tls);
		return BW_IO_DONE;
	case BW_TLS_WANT_READ:
		c->may_read = false;
		return BW_IO_WAIT_READ;
	case BW_TLS_WANT_WRITE:
		return BW_IO_WAIT_WRITE;
	default:
		return BW_IO_ENDED;
	}
}

void bw_connection_close(struct bw_http_connection *c)
{
	if (c->watch.fd < 0)
		return;
	bw_timer_cancel(c->server->loop, &c->timer);
	bw_watch_remove(c->server->loop, &c->watch);
	bw_tls_close(c->tls);
	c->tls = NULL;
	close(c->watch.fd);
	c->watch.fd = -1;
}

/* Frees a closed connection, unless its request is in work: then bw_http_respond comes here again. */
static void reap(struct bw_http_connection *c)
{
	if (c->watch.fd >= 0 || c->running || c->state == BW_CONN_WORK)
		return;
	if (c->server) {
		input_release(c);
		bw_buf_free(&c->out);
		bw_connection_account(c);
		bw_server_forget(c->server, c);
	}
	if (c->work)
		bw_server_work_give(c->server, c->work);
	bw_free(c->in);
	bw_buf_free(&c->out);
	bw_free(c);
}

static enum step ended(struct bw_http_connection *c)
{
	bw_connection_close(c);
	return CLOSED;
}

static enum step refuse(struct bw_http_connection *c, int status)
{
	bw_connection_refuse(c, status);
	return GO_ON;
}

/* A read's answer as a step's; GO_ON when it brought bytes. */
static enum step step_of(struct bw_http_connection *c, enum bw_io io)
{
	switch (io) {
	case BW_IO_DONE:
		return GO_ON;
	case BW_IO_WAIT_READ:
		return WAIT_READ;
	case BW_IO_WAIT_WRITE:
		return WAIT_WRITE;
	default:
		return ended(c);
	}
}

/* A TLS record that opens a handshake begins with 0x16 (RFC 8446 5.1), which no request does. */
static enum step step_sniff(struct bw_http_connection *c)
{
	char first;
	ssize_t got = c->may_read ? recv(c->watch.fd, &first, 1, MSG_PEEK) : -1;

	if (!c->may_read || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return WAIT_READ;
	if (got <= 0)
		return ended(c);
	if (first == 0x16) {
		if (!c->server->config.tls)
			return ended(c);
		c->tls = bw_tls_accept(c->server->config.tls, c->watch.fd);
		c->state = BW_CONN_HANDSHAKE;
		return GO_ON;
	}
	if (!bw_address_loopback(&c->peer))
		return refuse(c, 403);
	c->state = BW_CONN_HEAD;
	return GO_ON;
}

static enum step step_handshake(struct bw_http_connection *c)
{
	switch (bw_tls_handshake(c->tls)) {
	case BW_TLS_DONE:
		c->state = BW_CONN_HEAD;
		return GO_ON;
	case BW_TLS_WANT_READ:
		return WAIT_READ;
	case BW_TLS_WANT_WRITE:
		return WAIT_WRITE;
	default:
		return ended(c);
	}
}

static enum step head_read(struct bw_http_connection *c)
{
	bool idle = c->in_n == c->in_at;
	enum step step;
	size_t n;

	if (!c->may_read)
		return WAIT_READ;
	input_make_room(c);
	if (c->server->held_bytes > BW_HELD_BYTES_MAX)
		return refuse(c, 503);
	step = step_of(c, bw_connection_read(c, c->in + c->in_n, c->in_size - c->in_n, &n));
	c->in_n += n;
	if (step == GO_ON && idle)
		bw_connection_enter(c, BW_CONN_HEAD, BW_HTTP_HEAD_TIMEOUT_MS);
	return step;
}

static void exchange_fill(struct bw_http_connection *c)
{
	struct bw_work *w = c->work;

	w->exchange = (struct bw_http_exchange){
	    .request = &w->request,
	    .peer_address = bw_str_c(c->peer_text),
	    .peer_port = bw_address_port(&c->peer),
	    .peer_loopback = bw_address_loopback(&c->peer),
	    .tls = c->tls != NULL,
	    .tls_version = c->tls ? bw_tls_version(c->tls) : BW_STR_NONE,
	    .tls_cipher = c->tls ? bw_tls_cipher(c->tls) : BW_STR_NONE,
	    .loop = c->server->loop,
	    .connection = c,
	};
}

/* How the body that the head has announced will come: in place behind the head when it fits there, else to a
 * buffer of its own, which grows by what arrives and not by what is promised. */
static enum step body_begin(struct bw_http_connection *c)
{
	struct bw_work *w = c->work;
	struct bw_http_request *r = &w->request;
	size_t have = c->in_n - c->in_at - w->head_n, head_n;
	int status;

	bw_connection_enter(c, BW_CONN_BODY, BW_HTTP_BODY_TIMEOUT_MS);
	if (r->content_length > (int64_t)c->server->config.body_max_bytes)
		return refuse(c, 413);
	bw_buf_init(
	    &w->body, r->chunked ? c->server->config.body_max_bytes : (size_t)(r->content_length + 1));
	w->chunked = (struct bw_http_chunked){0};
	if (r->expect_continue && have == 0 && (r->chunked || r->content_length > 0) &&
	    !bw_connection_send_continue(c))
		return ended(c);
	if (r->chunked && c->in_size - c->in_n < BW_IN_ROOM && have < BW_IN_ROOM) {
		input_grow(c); /* which moves the head, so its slices are made anew */
		MUST(bw_http_parse_head(input(c), r, &head_n, &status) == BW_OK);
	}
	return GO_ON;
}

static enum step step_head(struct bw_http_connection *c)
{
	struct bw_str bytes = input(c);
	struct bw_work *w;
	enum bw_err e;
	int status;

	if (bytes.n == 0 || (c->scanned && bw_http_find_head_end(bytes, c->scanned) == BW_EAGAIN)) {
		c->scanned = bytes.n;
		return head_read(c);
	}
	if (!c->work)
		c->work = bw_server_work_take(c->server);
	w = c->work;
	e = bw_http_parse_head(bytes, &w->request, &w->head_n, &status);
	if (e == BW_EAGAIN) {
		c->scanned = bytes.n;
		return head_read(c);
	}
	c->scanned = 0;
	if (e != BW_OK)
		return refuse(c, status);
	exchange_fill(c);
	return body_begin(c);
}

static enum step work_begin(struct bw_http_connection *c, struct bw_str body)
{
	const struct bw_http_server_config *config = &c->server->config;

	c->work->exchange.body = body;
	c->requests++;
	bw_connection_enter(c, BW_CONN_WORK, 0);
	config->on_request(config->ctx, &c->work->exchange);
	return c->state == BW_CONN_WORK ? WAIT_APP : GO_ON;
}

static enum step body_in_place(struct bw_http_connection *c, size_t length)
{
	struct bw_work *w = c->work;
	enum step step;
	size_t n;

	if (c->in_n - c->in_at - w->head_n < length) {
		step = step_of(c, bw_connection_read(c, c->in + c->in_n, c->in_size - c->in_n, &n));
		c->in_n += n;
		return step;
	}
	c->in_at += w->head_n + length;
	return work_begin(c, bw_str_make(c->in + c->in_at - length, length));
}

/* Moves what came behind the head to the body's buffer. */
static void body_take_first(struct bw_http_connection *c, size_t at)
{
	bw_buf_put(&c->work->body, bw_str_make(c->in + at, c->in_n - at));
	bw_wipe(c->in + at, c->in_n - at);
	c->in_n = at;
}

static enum step body_apart(struct bw_http_connection *c, size_t length)
{
	struct bw_work *w = c->work;
	size_t at = c->in_at + w->head_n, room, n;
	enum step step;

	if (c->in_n > at)
		body_take_first(c, at);
	if (w->body.n == length) {
		c->in_at = at;
		return work_begin(c, bw_buf_str(&w->body));
	}
	if (c->server->held_bytes > BW_HELD_BYTES_MAX)
		return refuse(c, 503);
	room = length - w->body.n < BW_IN_SMALL ? length - w->body.n : BW_IN_SMALL;
	MUST(bw_buf_room(&w->body, room) != NULL);
	room = w->body.size - w->body.n < length - w->body.n ? w->body.size - w->body.n : length - w->body.n;
	bw_connection_account(c);
	step = step_of(c, bw_connection_read(c, w->body.p + w->body.n, room, &n));
	w->body.n += n;
	return step;
}

static enum step body_chunked(struct bw_http_connection *c)
{
	struct bw_work *w = c->work;
	size_t at = c->in_at + w->head_n, used, n;
	enum bw_err e =
	    bw_http_chunked_feed(&w->chunked, bw_str_make(c->in + at, c->in_n - at), &used, &w->body);
	enum step step;

	memmove(c->in + at, c->in + at + used, c->in_n - at - used);
	bw_wipe(c->in + c->in_n - used, used);
	c->in_n -= used;
	bw_connection_account(c);
	if (e == BW_OK) {
		c->in_at = at;
		return work_begin(c, bw_buf_str(&w->body));
	}
	if (e != BW_EAGAIN)
		return refuse(c, e == BW_ETOOBIG ? 413 : 400);
	if (c->server->held_bytes > BW_HELD_BYTES_MAX)
		return refuse(c, 503);
	step = step_of(c, bw_connection_read(c, c->in + c->in_n, c->in_size - c->in_n, &n));
	c->in_n += n;
	return step;
}

static enum step step_body(struct bw_http_connection *c)
{
	const struct bw_work *w = c->work;
	size_t length = w->request.content_length > 0 ? (size_t)w->request.content_length : 0;

	if (w->request.chunked)
		return body_chunked(c);
	if (w->body.n == 0 && c->in_at + w->head_n + length <= c->in_size)
		return body_in_place(c, length);
	return body_apart(c, length);
}

static enum step step_work(struct bw_http_connection *c)
{
	(void)c;
	return WAIT_APP;
}

static enum step step_send(struct bw_http_connection *c)
{
	enum bw_io io = bw_connection_flush(c);

	if (io == BW_IO_DONE)
		bw_connection_next(c);
	return c->watch.fd < 0 ? CLOSED : step_of(c, io);
}

static enum step step_linger(struct bw_http_connection *c)
{
	char thrown_away[4096];
	ssize_t got = c->may_read ? recv(c->watch.fd, thrown_away, sizeof thrown_away, 0) : -1;

	if (!c->may_read || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return WAIT_READ;
	c->lingered += got > 0 ? (size_t)got : 0;
	return got <= 0 || c->lingered > BW_LINGER_BYTES ? ended(c) : GO_ON;
}

static enum step (*const steps[BW_CONN_STATES])(struct bw_http_connection *c) = {
    [BW_CONN_SNIFF] = step_sniff,
    [BW_CONN_HANDSHAKE] = step_handshake,
    [BW_CONN_HEAD] = step_head,
    [BW_CONN_BODY] = step_body,
    [BW_CONN_WORK] = step_work,
    [BW_CONN_SEND] = step_send,
    [BW_CONN_LINGER] = step_linger,
};

static void end_or_linger(struct bw_http_connection *c)
{
	if (!c->linger_after && c->in_n == c->in_at) {
		bw_connection_close(c);
		return;
	}
	bw_tls_close(c->tls);
	c->tls = NULL;
	shutdown(c->watch.fd, SHUT_WR);
	c->may_read = true;
	input_release(c);
	bw_connection_account(c);
	bw_connection_enter(c, BW_CONN_LINGER, BW_LINGER_MS);
}

void bw_connection_next(struct bw_http_connection *c)
{
	if (c->work)
		bw_server_work_give(c->server, c->work);
	c->work = NULL;
	if (c->close_after) {
		end_or_linger(c);
		return;
	}
	if (c->in_n == c->in_at) {
		bw_wipe(c->in, c->in_n);
		c->in_at = c->in_n = 0;
		bw_connection_enter(c, BW_CONN_HEAD, BW_HTTP_IDLE_TIMEOUT_MS);
	} else {
		bw_connection_enter(c, BW_CONN_HEAD, BW_HTTP_HEAD_TIMEOUT_MS);
	}
	if (c->tls)
		c->may_read |= bw_tls_pending(c->tls);
	bw_connection_account(c);
}

/* Arms what the connection waits for. A turn that is cut short asks for writability too, which comes at once.
 */
static void wait_for(struct bw_http_connection *c, enum step step)
{
	uint32_t events = step == WAIT_WRITE ? EPOLLOUT : EPOLLIN;

	if (step == GO_ON)
		events = EPOLLIN | EPOLLOUT;
	/* While the application works, reading goes on being watched until it would wake us in vain. */
	if (step == WAIT_APP)
		events = c->may_read ? 0 : c->watch.events & EPOLLIN;
	if (bw_watch_set(c->server->loop, &c->watch, events) != BW_OK) {
		bw_connection_close(c);
		return;
	}
	if (c->in_n == c->in_at && (c->state == BW_CONN_HEAD || c->state == BW_CONN_SNIFF)) {
		input_release(c);
		bw_connection_account(c);
	}
	timer_arm(c);
}

void bw_connection_run(struct bw_http_connection *c)
{
	enum step step = GO_ON;

	c->running = true;
	for (int i = 0; i < BW_STEPS_PER_TURN && step == GO_ON && c->watch.fd >= 0; i++)
		step = steps[c->state](c);
	c->running = false;
	if (c->watch.fd >= 0)
		wait_for(c, step);
	reap(c);
}

static void connection_ready(struct bw_watch *w, uint32_t events)
{
	struct bw_http_connection *c = of_watch(w);

	if (events & (EPOLLERR | EPOLLHUP) && (c->state == BW_CONN_WORK || c->state == BW_CONN_SEND)) {
		bw_connection_close(c);
		reap(c);
		return;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		c->may_read = true;
	bw_connection_run(c);
}

static void connection_late(struct bw_timer *t)
{
	struct bw_http_connection *c = of_timer(t);
	bool begun = c->state == BW_CONN_BODY || (c->state == BW_CONN_HEAD && c->in_n > c->in_at);

	if (!c->limit_ms)
		return;
	if (bw_loop_now_ms(c->server->loop) < c->began_ms + c->limit_ms) {
		timer_arm(c);
		return;
	}
	if (!begun) {
		bw_connection_close(c);
		reap(c);
		return;
	}
	bw_connection_refuse(c, 408);
	bw_connection_run(c);
}

void bw_connection_open(
    struct bw_http_server *s, int fd, const struct bw_address *peer, uint32_t address_slot)
{
	struct bw_http_connection *c = bw_alloc(sizeof *c);

	c->watch = (struct bw_watch){.fd = fd, .ready = connection_ready};
	c->timer.fire = connection_late;
	c->server = s;
	c->peer = *peer;
	c->address_slot = address_slot;
	bw_address_text(peer, c->peer_text);
	bw_buf_init(&c->out, BW_RESPONSE_MAX + BW_HTTP_HEAD_MAX);
	c->next = s->connections;
	c->prev = &s->connections;
	if (c->next)
		c->next->prev = &c->next;
	s->connections = c;
	bw_connection_enter(c, BW_CONN_SNIFF, BW_HTTP_HEAD_TIMEOUT_MS);
	wait_for(c, WAIT_READ);
	reap(c);
}

void bw_connection_drain(struct bw_http_connection *c)
{
	char first;
	bool idle = (c->state == BW_CONN_HEAD || c->state == BW_CONN_SNIFF) && c->in_n == c->in_at;

	/* A request that has come and is not yet read is still answered. */
	if (!idle || recv(c->watch.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		return;
	bw_connection_close(c);
	reap(c);
}

void bw_connection_abandon(struct bw_http_connection *c)
{
	struct bw_http_server *s = c->server;

	bw_connection_close(c);
	if (c->state != BW_CONN_WORK) {
		reap(c);
		return;
	}
	bw_server_forget(s, c);
	c->server = NULL;
}
