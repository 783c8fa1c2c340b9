/* HTTP/1.1 towards targets: a connection from its beginning to its end, one request at a time on it. */
#include "edge/dispatch.h"
#include "edge/upstream.h"
#include "edge/worker.h"

#include "net/tls.h"

enum { IDLE_MS = 60000 };

static void upstream_run(struct upstream *u);

/* ---- the end ---- */

void upstream_reap(struct upstream *u)
{
	if (u->state != U_CLOSED || u->running || u->posted)
		return;
	target_release(u->target);
	bw_slab_give(&u->edge->slab, u);
}

void upstream_shut(struct upstream *u)
{
	if (u->state == U_CLOSED)
		return;
	upstream_unlink(u);
	u->state = U_CLOSED;
	u->x = NULL;
	bw_timer_cancel(u->edge->loop, &u->timer);
	sock_close(u->edge, &u->sock);
	wire_free(u->edge, &u->out);
	wire_free(u->edge, &u->in);
}

void upstream_fail(struct upstream *u, int status)
{
	struct exchange *x = u->x;

	upstream_shut(u);
	if (!x)
		return;
	x->up = NULL;
	exchange_fail(x, status);
	x->ops->wake(x);
}

/* It never came to be: nothing of the request is out, and another target may get it. */
static void unconnected(struct upstream *u)
{
	struct exchange *x = u->x;
	struct wire unsent = u->out;

	u->out = (struct wire){0};
	upstream_shut(u);
	if (x)
		dispatch_again(x, wire_bytes(&unsent));
	wire_free(u->edge, &unsent);
}

/* ---- time ---- */

static int64_t limit_ms(const struct upstream *u)
{
	if (u->state == U_CONNECT || u->state == U_SHAKE)
		return CONNECT_MS;
	return u->x ? u->x->listener->balancer->idle_ms : IDLE_MS;
}

/* One that fires too early is set anew then: nobody is looked for in the wheel for each request. */
void upstream_timer(struct upstream *u)
{
	int64_t due = u->active_ms + limit_ms(u);

	if (!u->timer.prev || u->timer.due_ms > due)
		bw_timer_set(u->edge->loop, &u->timer, due - bw_loop_now_ms(u->edge->loop));
}

static void timed_out(struct bw_timer *t)
{
	struct upstream *u = (struct upstream *)((char *)t - offsetof(struct upstream, timer));

	if (bw_loop_now_ms(u->edge->loop) - u->active_ms < limit_ms(u)) {
		upstream_timer(u);
		return;
	}
	u->running = true;
	if (u->x && u->state <= U_SHAKE)
		dispatch_unconnected(u->x);
	upstream_fail(u, 504);
	u->running = false;
	upstream_reap(u);
}

/* ---- running ---- */

static bool connected(struct upstream *u)
{
	if (!u->sock.writable && !u->sock.failed)
		return false;
	if (!sock_connected(&u->sock)) {
		unconnected(u);
		return false;
	}
	u->state = u->sock.tls ? U_SHAKE : U_BUSY;
	u->active_ms = bw_loop_now_ms(u->edge->loop);
	upstream_timer(u);
	return true;
}

static bool shaken(struct upstream *u)
{
	enum io io = sock_handshake(&u->sock);

	if (io == IO_WAIT)
		return false;
	if (io != IO_DONE) {
		unconnected(u);
		return false;
	}
	u->state = U_BUSY;
	u->sock.readable = true;
	upstream_timer(u);
	return true;
}

static void write_step(struct upstream *u)
{
	bool was_full = upstream_room(u) == 0;

	upstream_flush(u);
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
	while (u->state != U_CLOSED && rounds++ < ROUNDS && upstream_read(u)) {
		/* Each round's bytes leave before the next are read. */
		if (u->x)
			u->x->ops->wake(u->x);
	}
	if (rounds > ROUNDS && u->state != U_CLOSED)
		upstream_post(u);
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

static void upstream_ready(struct bw_watch *w, uint32_t events)
{
	struct upstream *u = (struct upstream *)((char *)w - offsetof(struct upstream, sock.watch));

	sock_note(&u->sock, events);
	upstream_run(u);
}

static void upstream_posted(struct bw_post *p)
{
	struct upstream *u = (struct upstream *)((char *)p - offsetof(struct upstream, post));

	u->posted = false;
	upstream_run(u);
}

void upstream_post(struct upstream *u)
{
	if (u->posted || u->state == U_CLOSED)
		return;
	u->posted = true;
	bw_loop_post(u->edge->loop, &u->post);
}

/* ---- the beginning ---- */

struct upstream *upstream_open(struct target *t)
{
	struct upstream *u = bw_slab_alloc(&t->group->edge->slab, sizeof *u);

	u->edge = t->group->edge;
	u->target = t;
	target_hold(t);
	u->timer.fire = timed_out;
	u->post.run = upstream_posted;
	u->state = U_CONNECT;
	if (sock_connect(u->edge, &u->sock, NULL, &t->address, upstream_ready)) {
		if (t->group->https)
			u->sock.tls = bw_tls_connect_unverified(u->edge->target_tls, u->sock.watch.fd);
		return u;
	}
	upstream_shut(u);
	upstream_reap(u);
	return NULL;
}
