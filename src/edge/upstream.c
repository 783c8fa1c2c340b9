/* HTTP/1.1 towards targets: connections kept and used again, one request at a time on each. */
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "edge/internal.h"
#include "net/tls.h"

enum state { U_CONNECT, U_SHAKE, U_BUSY, U_IDLE, U_CLOSED };
enum framing { F_HEAD, F_LENGTH, F_CHUNKED, F_CLOSE };

struct upstream {
	struct edge *edge;
	struct target *target; /* a reference */
	struct exchange *x;
	struct sock sock;
	struct bw_timer timer;
	struct bw_post post;
	struct wire out, in; /* in: of a head that is not whole, or behind one */
	struct upstream *next, *prev;
	struct bw_http_chunked chunked;
	int64_t left, active_ms;
	uint8_t state, framing;
	bool keep, reused, got, running, posted, body_sent;
};

static void upstream_run(struct upstream *u);

static struct upstream *of_watch(struct bw_watch *w)
{
	return (struct upstream *)((char *)w - offsetof(struct upstream, sock.watch));
}

static void idle_unlink(struct upstream *u)
{
	if (u->state != U_IDLE)
		return;
	if (u->prev)
		u->prev->next = u->next;
	else
		u->target->idle = u->next;
	if (u->next)
		u->next->prev = u->prev;
	u->next = u->prev = NULL;
	u->target->idle_count--;
}

static void upstream_reap(struct upstream *u)
{
	if (u->state != U_CLOSED || u->running || u->posted)
		return;
	target_release(u->target);
	bw_free(u);
}

static void upstream_shut(struct upstream *u)
{
	if (u->state == U_CLOSED)
		return;
	idle_unlink(u);
	u->state = U_CLOSED;
	u->x = NULL;
	bw_timer_cancel(u->edge->loop, &u->timer);
	sock_close(u->edge, &u->sock);
	wire_free(u->edge, &u->out);
	wire_free(u->edge, &u->in);
}

void upstreams_close(struct target *t)
{
	while (t->idle) {
		struct upstream *u = t->idle;

		upstream_shut(u);
		upstream_reap(u);
	}
}

static int64_t limit_ms(const struct upstream *u)
{
	if (u->state == U_CONNECT || u->state == U_SHAKE)
		return CONNECT_MS;
	return u->x ? u->x->listener->balancer->idle_ms : 60000;
}

static void timer_arm(struct upstream *u)
{
	bw_timer_set(u->edge->loop, &u->timer, u->active_ms + limit_ms(u) - bw_loop_now_ms(u->edge->loop));
}

static void failed(struct upstream *u, int status)
{
	struct exchange *x = u->x;

	upstream_shut(u);
	if (!x)
		return;
	x->up = NULL;
	x->listener->balancer->stats->values[M_CONNECTION_ERROR] += !u->got;
	exchange_fail(x, status);
	x->ops->wake(x);
}

static void timed_out(struct bw_timer *t)
{
	struct upstream *u = (struct upstream *)((char *)t - offsetof(struct upstream, timer));

	if (bw_loop_now_ms(u->edge->loop) - u->active_ms < limit_ms(u)) {
		timer_arm(u);
		return;
	}
	u->running = true;
	failed(u, 504);
	u->running = false;
	upstream_reap(u);
}

static void upstream_ready(struct bw_watch *w, uint32_t events)
{
	struct upstream *u = of_watch(w);

	sock_note(&u->sock, events);
	upstream_run(u);
}

static void upstream_posted(struct bw_post *p)
{
	struct upstream *u = (struct upstream *)((char *)p - offsetof(struct upstream, post));

	u->posted = false;
	upstream_run(u);
}

static void bind_exchange(struct upstream *u, struct exchange *x)
{
	u->x = x;
	x->up = u;
	u->framing = F_HEAD;
	u->got = u->body_sent = false;
	u->keep = true;
	u->active_ms = bw_loop_now_ms(u->edge->loop);
	x->sent_us = bw_clock_mono_us();
}

static struct upstream *upstream_new(struct target *t)
{
	struct upstream *u = bw_alloc(sizeof *u);

	u->edge = t->group->edge;
	u->target = t;
	target_hold(t);
	u->timer.fire = timed_out;
	u->post.run = upstream_posted;
	u->sock.watch.fd = -1;
	return u;
}

static bool upstream_connect(struct upstream *u)
{
	const struct bw_address *a = &u->target->address;
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (sock_watch(u->edge, &u->sock, fd, upstream_ready) != BW_OK) {
		close(fd);
		u->sock.watch.fd = -1;
		return false;
	}
	if (u->target->group->https)
		u->sock.tls = bw_tls_connect_unverified(u->edge->target_tls, fd);
	u->state = U_CONNECT;
	return connect(fd, &a->any, a->bytes) == 0 || errno == EINPROGRESS;
}

static struct upstream *idle_take(struct target *t)
{
	struct upstream *u = t->idle;

	if (!u)
		return NULL;
	idle_unlink(u);
	u->state = U_BUSY;
	u->reused = true;
	return u;
}

/* Sends at once what can be sent; what comes back is for an event to tell. */
static void flush_now(struct upstream *u)
{
	size_t moved;
	enum io io;

	if (u->state != U_BUSY)
		return;
	io = sock_flush(u->edge, &u->sock, &u->out, &moved);
	if (io == IO_FAIL || io == IO_END) {
		/* The next run finds it; an answer may have come before. */
		u->sock.failed = u->sock.readable = true;
		upstream_pull(u);
	}
	if (moved)
		u->active_ms = bw_loop_now_ms(u->edge->loop);
}

void upstream_begin(struct exchange *x, struct bw_str head)
{
	struct upstream *u = x->upgrade ? NULL : idle_take(x->target);

	if (!u) {
		u = upstream_new(x->target);
		if (!upstream_connect(u)) {
			u->state = U_BUSY;
			upstream_shut(u);
			upstream_reap(u);
			x->listener->balancer->stats->values[M_CONNECTION_ERROR]++;
			exchange_fail(x, 502);
			return;
		}
	} else if (!x->retried) {
		(void)wire_put(x->edge, &x->again, head);
	}
	bind_exchange(u, x);
	(void)wire_put(u->edge, &u->out, head);
	timer_arm(u);
	flush_now(u);
}

size_t upstream_room(const struct upstream *u)
{
	size_t room = wire_room(&u->out);

	return room > CHUNK_LINES ? room - CHUNK_LINES : 0;
}

void upstream_body(struct upstream *u, struct bw_str bytes)
{
	struct bw_buf *b = &u->edge->head;

	if (bytes.n == 0)
		return;
	if (u->x->chunked_out) {
		bw_buf_reset(b);
		bw_buf_printf(b, "%zx\r\n", bytes.n);
		(void)wire_put(u->edge, &u->out, bw_buf_str(b));
	}
	(void)wire_put(u->edge, &u->out, bytes);
	if (u->x->chunked_out)
		(void)wire_put(u->edge, &u->out, BW_STR("\r\n"));
	flush_now(u);
}

void upstream_body_end(struct upstream *u)
{
	u->body_sent = true;
	if (u->x->chunked_out)
		(void)wire_put(u->edge, &u->out, BW_STR("0\r\n\r\n"));
	flush_now(u);
}

void upstream_leave(struct upstream *u, bool whole)
{
	struct target *t = u->target;

	if (u->x)
		u->x->up = NULL;
	u->x = NULL;
	if (u->state != U_BUSY || !whole || !u->keep || !u->body_sent || wire_length(&u->out) ||
	    wire_length(&u->in) || u->sock.hup || t->gone || t->draining || t->idle_count >= IDLE_UPSTREAMS ||
	    u->edge->draining) {
		upstream_shut(u);
		upstream_reap(u);
		return;
	}
	u->state = U_IDLE;
	u->active_ms = bw_loop_now_ms(u->edge->loop);
	u->prev = NULL;
	u->next = t->idle;
	if (t->idle)
		t->idle->prev = u;
	t->idle = u;
	t->idle_count++;
}

void upstream_pull(struct upstream *u)
{
	if (u->running || u->posted)
		return;
	u->posted = true;
	bw_loop_post(u->edge->loop, &u->post);
}

/* ---- reading ---- */

/* The answer has ended: the connection is free before the client hears, who may ask again on it at once. */
static void answer_ends(struct upstream *u)
{
	struct exchange *x = u->x;

	upstream_leave(u, !x->ambiguous);
	exchange_answer_end(x);
	x->ops->wake(x);
}

static void switch_protocols(struct upstream *u)
{
	u->framing = F_CLOSE;
	u->keep = false;
	u->x->chunked_out = false;
	u->x->tunnel = true;
	u->x->ops->tunnel(u->x);
}

static bool framing_choose(struct upstream *u, const struct bw_http_response *r)
{
	u->keep = r->keep_alive;
	u->left = 0;
	if (u->x->is_head || r->status == 204 || r->status == 304) {
		u->framing = F_LENGTH;
		return true;
	}
	u->framing = r->chunked ? F_CHUNKED : r->content_length >= 0 ? F_LENGTH : F_CLOSE;
	u->keep = u->keep && u->framing != F_CLOSE;
	u->left = r->content_length;
	u->chunked = (struct bw_http_chunked){0};
	return true;
}

/* Consumes a head from `bytes`. BW_EAGAIN: not whole. */
static enum bw_err head_take(struct upstream *u, struct bw_str bytes, size_t *used)
{
	struct bw_http_response *r = &u->edge->response;

	*used = 0;
	TRY(bw_http_parse_response(bytes, r, used));
	if (r->status == 101) {
		CHECK(u->x->upgrade, BW_EINVAL);
		exchange_answer(u->x, r);
		switch_protocols(u);
		return BW_OK;
	}
	if (r->status < 200)
		return BW_OK; /* the client was told to go on already */
	exchange_answer(u->x, r);
	framing_choose(u, r);
	return BW_OK;
}

static enum bw_err chunks_take(struct upstream *u, struct bw_str bytes, size_t *used, bool *end)
{
	struct bw_buf *out = &u->edge->decoded;
	enum bw_err e;

	bw_buf_reset(out);
	e = bw_http_chunked_feed(&u->chunked, bytes, used, out);
	if (e != BW_OK && e != BW_EAGAIN)
		return BW_EINVAL;
	if (out->n)
		u->x->ops->body(u->x, bw_buf_str(out));
	*end = e == BW_OK;
	return BW_OK;
}

/* What of `bytes` belongs to the answer goes to the client. */
static enum bw_err body_take(struct upstream *u, struct bw_str bytes, size_t *used, bool *end)
{
	*end = false;
	if (u->framing == F_CHUNKED)
		return chunks_take(u, bytes, used, end);
	*used = bytes.n;
	if (u->framing == F_LENGTH && (int64_t)bytes.n > u->left)
		*used = (size_t)u->left;
	u->left -= (int64_t)*used;
	if (*used)
		u->x->ops->body(u->x, bw_str_sub(bytes, 0, *used));
	*end = u->framing == F_LENGTH && u->left == 0;
	return BW_OK;
}

/* Everything in `bytes`. BW_OK with *end: the answer is whole; BW_EAGAIN: more is needed, and *used says what
 * is kept. */
static enum bw_err answer_take(struct upstream *u, struct bw_str bytes, size_t *used, bool *end)
{
	*used = 0;
	*end = false;
	while (!*end) {
		struct bw_str rest = bw_str_sub(bytes, *used, bytes.n);
		size_t n = 0;

		if (u->framing == F_HEAD) {
			TRY(head_take(u, rest, &n));
			*end = u->framing == F_LENGTH && u->left == 0;
		} else if (rest.n == 0) {
			return BW_EAGAIN;
		} else {
			TRY(body_take(u, rest, &n, end));
		}
		*used += n;
	}
	return BW_OK;
}

/* Whether the request may go out once more on a fresh connection: a kept one was closed before a byte came.
 */
static bool try_again(struct upstream *u)
{
	struct exchange *x = u->x;
	struct upstream *fresh;

	if (!u->reused || u->got || x->retried || x->answered || wire_length(&x->again) == 0)
		return false;
	x->retried = true;
	x->up = NULL;
	upstream_shut(u);
	fresh = upstream_new(x->target);
	if (!upstream_connect(fresh)) {
		fresh->state = U_BUSY;
		upstream_shut(fresh);
		upstream_reap(fresh);
		exchange_fail(x, 502);
		x->ops->wake(x);
		return true;
	}
	bind_exchange(fresh, x);
	fresh->body_sent = true;
	fresh->out = x->again;
	x->again = (struct wire){0};
	timer_arm(fresh);
	return true;
}

static void input_ended(struct upstream *u)
{
	if (u->state == U_IDLE || !u->x) {
		upstream_shut(u);
	} else if (u->framing == F_CLOSE) {
		u->keep = false;
		answer_ends(u);
	} else if (!try_again(u)) {
		failed(u, 502);
	}
}

/* One read and what follows. True: there may be more to do at once. */
static bool read_step(struct upstream *u)
{
	struct edge *e = u->edge;
	size_t held = wire_length(&u->in), room = u->x ? u->x->ops->room(u->x) : 1, n, used;
	enum bw_err err;
	bool end;
	enum io io;

	if (room == 0)
		return false;
	if (room > BLOCK_BYTES)
		room = BLOCK_BYTES;
	if (held)
		memcpy(e->scratch, wire_bytes(&u->in).p, held);
	io = sock_read(&u->sock, e->scratch + held, room, &n);
	if (io == IO_WAIT)
		return false;
	if (io != IO_DONE) {
		input_ended(u);
		return false;
	}
	if (u->state == U_IDLE || !u->x) { /* nobody has asked */
		upstream_shut(u);
		return false;
	}
	u->got = true;
	u->active_ms = bw_loop_now_ms(e->loop);
	wire_free(e, &u->in);
	err = answer_take(u, bw_str_make(e->scratch, held + n), &used, &end);
	if (err == BW_EINVAL || (err == BW_OK && !end)) {
		failed(u, 502);
		return false;
	}
	if (used < held + n)
		(void)wire_put(e, &u->in, bw_str_make(e->scratch + used, held + n - used));
	if (end) {
		answer_ends(u);
		return false;
	}
	return true;
}

/* ---- running ---- */

static bool connected(struct upstream *u)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (!u->sock.writable && !u->sock.failed)
		return false;
	if (getsockopt(u->sock.watch.fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error) {
		failed(u, 502);
		return false;
	}
	u->state = u->sock.tls ? U_SHAKE : U_BUSY;
	u->active_ms = bw_loop_now_ms(u->edge->loop);
	timer_arm(u);
	return true;
}

static bool shaken(struct upstream *u)
{
	enum io io = sock_handshake(&u->sock);

	if (io == IO_WAIT)
		return false;
	if (io != IO_DONE) {
		failed(u, 502);
		return false;
	}
	u->state = U_BUSY;
	u->sock.readable = true;
	timer_arm(u);
	return true;
}

static void write_step(struct upstream *u)
{
	bool was_full = upstream_room(u) == 0;

	flush_now(u);
	if (was_full && upstream_room(u) && u->x)
		u->x->ops->pull(u->x);
}

static void steps(struct upstream *u)
{
	int rounds = 0;

	if (u->state == U_CONNECT && !connected(u))
		return;
	if (u->state == U_SHAKE && !shaken(u))
		return;
	if (u->state == U_BUSY)
		write_step(u);
	while (u->state != U_CLOSED && rounds++ < ROUNDS && read_step(u)) {
		/* Each round's bytes leave before the next are read. */
		if (u->x)
			u->x->ops->wake(u->x);
	}
	if (rounds > ROUNDS && u->state != U_CLOSED)
		upstream_pull(u);
	else if (u->x)
		u->x->ops->wake(u->x);
}

static void upstream_run(struct upstream *u)
{
	if (!u->running && u->state != U_CLOSED) {
		u->running = true;
		steps(u);
		u->running = false;
	}
	upstream_reap(u);
}
