/* A connection's states: told apart, shaken hands with, read from, put to work, lingered over. Each step
 * moves on or waits for the socket; nothing here blocks, and nothing is freed while a step is on the stack.
 */
#include "net/server.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/tls_holder.h"

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
	if (c->server->draining && limit_ms > BW_DRAIN_STEP_MS)
		limit_ms = BW_DRAIN_STEP_MS;
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
		bw_input_release(c);
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

enum bw_step bw_step_ended(struct bw_http_connection *c)
{
	bw_connection_close(c);
	return BW_CLOSED;
}

enum bw_step bw_step_refuse(struct bw_http_connection *c, int status)
{
	bw_connection_refuse(c, status);
	return BW_GO_ON;
}

/* A read's answer as a step's; BW_GO_ON when it brought bytes. */
enum bw_step bw_step_of(struct bw_http_connection *c, enum bw_io io)
{
	switch (io) {
	case BW_IO_DONE:
		return BW_GO_ON;
	case BW_IO_WAIT_READ:
		return BW_WAIT_READ;
	case BW_IO_WAIT_WRITE:
		return BW_WAIT_WRITE;
	default:
		return bw_step_ended(c);
	}
}

/* A TLS record that opens a handshake begins with 0x16 (RFC 8446 5.1), which no request does. */
static enum bw_step step_sniff(struct bw_http_connection *c)
{
	char first;
	ssize_t got = c->may_read ? recv(c->watch.fd, &first, 1, MSG_PEEK) : -1;

	if (!c->may_read || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return BW_WAIT_READ;
	if (got <= 0)
		return bw_step_ended(c);
	if (first == 0x16) {
		struct ssl_ctx_st *context = c->server->config.tls ? bw_tls_holder_context(c->server->config.tls) : NULL;

		if (!context)
			return bw_step_ended(c);
		c->tls = bw_tls_accept(context, c->watch.fd);
		c->state = BW_CONN_HANDSHAKE;
		return BW_GO_ON;
	}
	if (!bw_address_loopback(&c->peer))
		return bw_step_refuse(c, 403);
	c->state = BW_CONN_HEAD;
	return BW_GO_ON;
}

static enum bw_step step_handshake(struct bw_http_connection *c)
{
	switch (bw_tls_handshake(c->tls)) {
	case BW_TLS_DONE:
		c->state = BW_CONN_HEAD;
		return BW_GO_ON;
	case BW_TLS_WANT_READ:
		return BW_WAIT_READ;
	case BW_TLS_WANT_WRITE:
		return BW_WAIT_WRITE;
	default:
		return bw_step_ended(c);
	}
}

static enum bw_step step_work(struct bw_http_connection *c)
{
	(void)c;
	return BW_WAIT_APP;
}

static enum bw_step step_send(struct bw_http_connection *c)
{
	enum bw_io io = bw_connection_flush(c);

	if (io == BW_IO_DONE)
		bw_connection_next(c);
	return c->watch.fd < 0 ? BW_CLOSED : bw_step_of(c, io);
}

static enum bw_step step_linger(struct bw_http_connection *c)
{
	char thrown_away[4096];
	ssize_t got = c->may_read ? recv(c->watch.fd, thrown_away, sizeof thrown_away, 0) : -1;

	if (!c->may_read || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return BW_WAIT_READ;
	bw_wipe(thrown_away, got > 0 ? (size_t)got : 0);
	c->lingered += got > 0 ? (size_t)got : 0;
	return got <= 0 || c->lingered > BW_LINGER_BYTES ? bw_step_ended(c) : BW_GO_ON;
}

static enum bw_step (*const steps[BW_CONN_STATES])(struct bw_http_connection *c) = {
    [BW_CONN_SNIFF] = step_sniff,
    [BW_CONN_HANDSHAKE] = step_handshake,
    [BW_CONN_HEAD] = bw_step_head,
    [BW_CONN_BODY] = bw_step_body,
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
	bw_input_release(c);
	bw_connection_account(c);
	bw_connection_enter(c, BW_CONN_LINGER, BW_LINGER_MS);
}

void bw_connection_next(struct bw_http_connection *c)
{
	if (c->work)
		bw_server_work_give(c->server, c->work);
	c->work = NULL;
	/* A drain may have begun while the answer was on its way. */
	if (c->close_after || c->server->draining) {
		end_or_linger(c);
		return;
	}
	if (c->in)
		bw_input_eat(c);
	if (c->in_n)
		bw_connection_enter(c, BW_CONN_HEAD, BW_HTTP_HEAD_TIMEOUT_MS);
	else
		bw_connection_enter(c, BW_CONN_HEAD, BW_HTTP_IDLE_TIMEOUT_MS);
	if (c->tls)
		c->may_read |= bw_tls_pending(c->tls);
	bw_connection_account(c);
}

/* Arms what the connection waits for. A turn that is cut short asks for writability too, which comes at once.
 */
static void wait_for(struct bw_http_connection *c, enum bw_step step)
{
	uint32_t events = step == BW_WAIT_WRITE ? EPOLLOUT : EPOLLIN;

	if (step == BW_GO_ON)
		events = EPOLLIN | EPOLLOUT;
	/* While the application works, reading goes on being watched until it would wake us in vain. */
	if (step == BW_WAIT_APP)
		events = c->may_read ? 0 : c->watch.events & EPOLLIN;
	if (bw_watch_set(c->server->loop, &c->watch, events) != BW_OK) {
		bw_connection_close(c);
		return;
	}
	if (c->in_n == c->in_at && (c->state == BW_CONN_HEAD || c->state == BW_CONN_SNIFF)) {
		bw_input_release(c);
		bw_connection_account(c);
	}
	timer_arm(c);
}

void bw_connection_run(struct bw_http_connection *c)
{
	enum bw_step step = BW_GO_ON;

	c->running = true;
	for (int i = 0; i < BW_STEPS_PER_TURN && step == BW_GO_ON && c->watch.fd >= 0; i++)
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
	wait_for(c, BW_WAIT_READ);
	reap(c);
}

void bw_connection_drain(struct bw_http_connection *c)
{
	char first;
	bool idle = (c->state == BW_CONN_HEAD || c->state == BW_CONN_SNIFF) && c->in_n == c->in_at;

	/* A request that has come and is not yet read is still answered, yet not waited for as long as at other times: what
	 * has come may also be half a TLS record. */
	if (!idle || recv(c->watch.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		if (c->limit_ms) {
			bw_connection_enter(c, c->state, c->limit_ms);
			timer_arm(c);
		}
		return;
	}
	/* Clients were told to connect anew: whoever has just done it is about to ask. */
	if (c->server->retiring && !c->requests) {
		bw_connection_enter(c, c->state, BW_RETIRE_FIRST_MS);
		timer_arm(c);
		return;
	}
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
