/* HTTP/2 towards targets: a connection from its beginning to its end. */
#include "edge/tls.h"
#include "edge/upstream_h2.h"

#include "base/sys.h"
#include "net/tls.h"

enum {
	GATHER_STREAMS = 16,  /* so many have to be awaited for it, */
	GATHER_PART = 8,      /* of which less than this part came the last time, */
	GATHER_SOON_US = 100, /* no longer ago than this */
	GATHER_US = 40,
};

static void far_run(struct far *f);

static int64_t now_of(const struct far *f)
{
	return bw_loop_now_ms(f->pump.edge->loop);
}

/* ---- the end ---- */

/* Answers that are whole may still wait for their clients. */
static void far_reap(struct far *f)
{
	if (f->state != FAR_CLOSED || f->running || f->posted || f->stream_count)
		return;
	pump_close(&f->pump);
	target_release(f->target);
	bw_slab_give(&f->pump.edge->slab, f);
}

static void far_shut(struct far *f)
{
	if (f->state == FAR_CLOSED)
		return;
	f->state = FAR_CLOSED;
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	bw_timer_cancel(f->pump.edge->loop, &f->timer);
	sock_close(f->pump.edge, &f->pump.sock);
	wire_free(f->pump.edge, &f->pump.out);
}

/* The connection is no more: every stream ends as it may. */
static void far_lose(struct far *f)
{
	f->going = true;
	f->pump.session->failed = true; /* nobody hears what is said from here on */
	for (struct far_stream *s = f->streams; s; s = s->next) {
		s->closed = true;
		s->error = 0;
		far_note(s);
	}
	far_settle(f);
	far_shut(f);
}

/* Says goodbye, as far as the socket takes it at once. */
static void far_part(struct far *f, enum h2_error error)
{
	bool moved;

	if (f->state == FAR_OPEN) {
		h2_fail(f->pump.session, error);
		(void)pump_send(&f->pump, &moved);
	}
	far_lose(f);
}

void fars_close(struct target *t)
{
	for (struct far *f = t->fars, *next; f; f = next) {
		next = f->next;
		f->going = true;
		if (f->stream_count || f->running)
			continue;
		far_part(f, H2_NO_ERROR);
		far_reap(f);
	}
}

/* ---- time ---- */

void far_await(struct far *f, int64_t due_ms)
{
	int64_t now = now_of(f);

	if (!f->timer.prev || f->timer.due_ms > due_ms)
		bw_timer_set(f->pump.edge->loop, &f->timer, due_ms > now ? due_ms - now : 0);
}

/* Until when a connection that nobody waits for is kept: not long, if its peer does not even read. */
static int64_t patience_ms(const struct far *f)
{
	if (f->state != FAR_OPEN)
		return f->pump.active_ms + CONNECT_MS;
	return f->pump.active_ms + (wire_length(&f->pump.out) ? RATE_MS : FAR_IDLE_MS);
}

void far_unneeded(struct far *f)
{
	if (f->state != FAR_CLOSED)
		far_await(f, patience_ms(f));
	far_post(f);
}

static void far_timer(struct bw_timer *t)
{
	struct far *f = (struct far *)((char *)t - offsetof(struct far, timer));
	int64_t due = patience_ms(f);

	f->running = true;
	if (f->state == FAR_OPEN && f->stream_count) {
		due = far_expire(f);
	} else if (now_of(f) >= due) {
		f->late = f->state != FAR_OPEN;
		far_part(f, H2_NO_ERROR);
	}
	f->running = false;
	if (f->state != FAR_CLOSED)
		far_await(f, due > now_of(f) ? due : f->pump.active_ms + FAR_IDLE_MS);
	if (f->state == FAR_OPEN)
		far_post(f);
	far_reap(f);
}

/* ---- running ---- */

static bool connected(struct far *f)
{
	if (!f->pump.sock.writable && !f->pump.sock.failed)
		return false;
	if (!sock_connected(&f->pump.sock)) {
		far_lose(f);
		return false;
	}
	f->state = f->pump.sock.tls ? FAR_SHAKE : FAR_OPEN;
	f->pump.active_ms = now_of(f);
	return true;
}

static bool shaken(struct far *f)
{
	enum io io = sock_handshake(&f->pump.sock);

	if (io == IO_WAIT)
		return false;
	if (io != IO_DONE || !tls_chose_http2(f->pump.sock.tls)) {
		far_lose(f);
		return false;
	}
	f->state = FAR_OPEN;
	f->pump.active_ms = now_of(f);
	f->pump.sock.readable = true;
	return true;
}

/* Nobody new comes, and nobody is left. */
static bool is_over(const struct far *f)
{
	const struct target *t = f->target;

	if (h2_is_over(f->pump.session))
		return true;
	return !f->stream_count && (f->going || t->gone || t->draining || f->pump.edge->draining) &&
	       !h2_has_due(f->pump.session) && !wire_length(&f->pump.out);
}

static bool turn(struct far *f)
{
	bool sent, got;

	if (!pump_read(&f->pump, &got)) {
		/* Why is for the peer to hear, if it still listens. */
		(void)pump_send(&f->pump, &sent);
		far_lose(f);
		return false;
	}
	if (f->pump.calm) {
		far_part(f, H2_ENHANCE_YOUR_CALM);
		return false;
	}
	far_settle(f);
	if (!pump_send(&f->pump, &sent)) {
		far_lose(f);
		return false;
	}
	far_pull(f);
	far_settle(f);
	if (is_over(f)) {
		far_part(f, H2_NO_ERROR);
		return false;
	}
	return sent || got;
}

static void steps(struct far *f)
{
	int rounds = 0;

	if (f->state == FAR_CLOSED) {
		far_settle(f); /* clients have room for what is left */
		return;
	}
	if (f->state == FAR_CONNECT && !connected(f))
		return;
	if (f->state == FAR_SHAKE && !shaken(f))
		return;
	while (f->state == FAR_OPEN && turn(f) && ++rounds < ROUNDS)
		;
	if (rounds == ROUNDS && f->state == FAR_OPEN && !f->posted) {
		f->posted = true;
		bw_loop_post(f->pump.edge->loop, &f->post);
	}
}

static void far_run(struct far *f)
{
	if (!f->running) {
		f->running = true;
		steps(f);
		f->running = false;
	}
	far_reap(f);
}

/* A target that works on many requests tells of each answer when it has it. Were each read and passed on at
 * once, it would cost both sides a waking and a segment, and the next would not be any sooner: when they come
 * one after the other, some are let come together. */
static bool is_to_gather(struct far *f)
{
	int64_t now;
	bool soon;

	if (f->state != FAR_OPEN || f->stream_count < GATHER_STREAMS)
		return false;
	now = bw_clock_mono_us();
	soon = now - f->heard_us < GATHER_SOON_US && f->news * GATHER_PART < f->stream_count;
	f->heard_us = now;
	f->news = 0;
	return soon;
}

static void far_ready(struct bw_watch *w, uint32_t events)
{
	struct far *f = (struct far *)((char *)w - offsetof(struct far, pump.sock.watch));

	sock_note(&f->pump.sock, events);
	if (f->posted)
		return; /* it runs behind all else that has come: what clients ask for goes in one piece */
	f->gathers = is_to_gather(f);
	if (f->gathers)
		far_post(f);
	else
		far_run(f);
}

static void far_posted(struct bw_post *p)
{
	struct far *f = (struct far *)((char *)p - offsetof(struct far, post));

	f->posted = false;
	if (f->gathers) {
		f->gathers = false;
		bw_loop_rest(f->pump.edge->loop, GATHER_US);
		far_post(f);
		return;
	}
	far_run(f);
}

void far_post(struct far *f)
{
	if (f->posted)
		return;
	f->posted = true;
	bw_loop_post(f->pump.edge->loop, &f->post);
}

/* ---- the beginning ---- */

static struct far *far_open(struct target *t)
{
	struct edge *e = t->group->edge;
	struct far *f = bw_slab_alloc(&e->slab, sizeof *f);

	if (!sock_connect(e, &f->pump.sock, NULL, &t->address, far_ready)) {
		bw_slab_give(&e->slab, f);
		return NULL;
	}
	f->pump.edge = e;
	f->target = t;
	target_hold(t);
	f->timer.fire = far_timer;
	f->post.run = far_posted;
	f->pump.active_ms = f->pump.span_ms = now_of(f);
	f->next = t->fars;
	f->prev = &t->fars;
	if (t->fars)
		t->fars->prev = &f->next;
	t->fars = f;
	far_session_open(f);
	if (t->group->https) {
		f->pump.sock.tls = bw_tls_connect_unverified(e->target_tls, f->pump.sock.watch.fd);
		tls_offer_http2(f->pump.sock.tls);
	}
	far_await(f, f->pump.active_ms + CONNECT_MS);
	return f;
}

/* The target says how many it takes at a time; until it has, the session holds back what is above its guess.
 */
static bool has_room(const struct far *f)
{
	return !f->going && f->state != FAR_CLOSED && !f->pump.sock.hup && f->requests < FAR_REQUESTS &&
	       f->stream_count < H2_STREAMS && h2_has_place(f->pump.session, f->stream_count);
}

struct far *far_take(struct target *t)
{
	for (struct far *f = t->fars; f; f = f->next)
		if (has_room(f))
			return f;
	return far_open(t);
}
