/* HTTP/2 connections: bytes between the socket and nghttp2, budgets and patience. */
#include "edge/h2.h"
#include "edge/stats.h"

static struct h2 *of_watch(struct bw_watch *w)
{
	return (struct h2 *)((char *)w - offsetof(struct h2, pump.sock.watch));
}

static int64_t now_of(const struct h2 *h)
{
	return bw_loop_now_ms(h->pump.edge->loop);
}

static void h2_reap(struct h2 *h)
{
	if (!h->closed || h->running || h->posted)
		return;
	pump_close(&h->pump);
	*h->prev = h->next;
	if (h->next)
		h->next->prev = h->prev;
	connection_counted_out(h->pump.edge, h->slot);
	h->listening->listener_stats->values[M_ACTIVE_CONNECTIONS]--;
	listening_release(h->listening);
	bw_slab_give(&h->pump.edge->slab, h);
}

static void h2_shut(struct h2 *h)
{
	if (h->closed)
		return;
	h->closed = true;
	while (h->streams)
		h2_stream_free(h->streams);
	bw_timer_cancel(h->pump.edge->loop, &h->timer);
	sock_close(h->pump.edge, &h->pump.sock);
	wire_free(h->pump.edge, &h->pump.out);
}

/* Nothing new from here on; what is in work is finished. */
static void h2_go(struct h2 *h, uint32_t error)
{
	if (h->going)
		return;
	h->going = true;
	(void)nghttp2_submit_goaway(h->pump.session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h->pump.session), error, NULL, 0);
}

static bool turn(struct h2 *h)
{
	bool sent, got;

	if (!pump_read(&h->pump, &got) || !pump_send(&h->pump, &sent)) {
		h2_shut(h);
		return false;
	}
	if (h->pump.calm) {
		h2_go(h, NGHTTP2_ENHANCE_YOUR_CALM);
		(void)pump_send(&h->pump, &sent);
		h2_shut(h);
		return false;
	}
	if (now_of(h) - h->opened_ms > h->listening->keep_alive_ms || !h->listening->listener ||
	    h->pump.edge->draining || h->pump.edge->retiring)
		h2_go(h, NGHTTP2_NO_ERROR);
	if (!nghttp2_session_want_read(h->pump.session) && !nghttp2_session_want_write(h->pump.session) &&
	    !wire_length(&h->pump.out))
		h2_shut(h);
	if (h->going && !h->stream_count && !wire_length(&h->pump.out) &&
	    !nghttp2_session_want_write(h->pump.session))
		h2_shut(h);
	return !h->closed && (sent || got);
}

void h2_post(struct h2 *h)
{
	if (h->posted || h->running || h->closed)
		return;
	h->posted = true;
	bw_loop_post(h->pump.edge->loop, &h->post);
}

void h2_run(struct h2 *h)
{
	int rounds = 0;

	if (h->running)
		return;
	h->running = true;
	if (!h->closed)
		pump_wake(&h->pump);
	while (!h->closed && turn(h) && ++rounds < ROUNDS)
		;
	h->running = false;
	if (rounds == ROUNDS)
		h2_post(h);
	h2_reap(h);
}

static void h2_posted(struct bw_post *p)
{
	struct h2 *h = (struct h2 *)((char *)p - offsetof(struct h2, post));

	h->posted = false;
	h2_run(h);
}

static void h2_ready(struct bw_watch *w, uint32_t events)
{
	struct h2 *h = of_watch(w);

	sock_note(&h->pump.sock, events);
	h2_run(h);
}

/* Whether a target is who is waited for: its own time counts then. */
static bool target_awaited(const struct h2 *h)
{
	for (const struct h2_stream *s = h->streams; s; s = s->next)
		if (s->x && !s->x->ended && s->x->up)
			return true;
	return false;
}

static bool is_idle(const struct h2 *h)
{
	return !h->streams && !wire_length(&h->pump.out) && now_of(h) - h->pump.active_ms >= DOZE_MS;
}

static void h2_timer(struct bw_timer *t)
{
	struct h2 *h = (struct h2 *)((char *)t - offsetof(struct h2, timer));
	int64_t limit = wire_length(&h->pump.out) ? RATE_MS : h->listening->idle_ms,
	        left = h->pump.active_ms + limit - now_of(h);

	if (left <= 0 && !wire_length(&h->pump.out) && target_awaited(h))
		left = limit;
	if (left <= 0) {
		pump_wake(&h->pump);
		h2_go(h, NGHTTP2_NO_ERROR);
		(void)pump_pack(&h->pump);
		(void)sock_flush(h->pump.edge, &h->pump.sock, &h->pump.out, &(size_t){0});
		h2_shut(h);
		h2_reap(h);
		return;
	}
	if (is_idle(h))
		pump_sleep(&h->pump);
	else if (left > DOZE_MS)
		left = DOZE_MS;
	bw_timer_set(h->pump.edge->loop, t, left < RATE_MS ? left : RATE_MS);
}

void h2_open(
    struct listening *l, struct sock *from, const struct bw_address *peer, uint32_t slot, uint64_t serial)
{
	struct edge *e = l->edge;
	struct h2 *h = bw_slab_alloc(&e->slab, sizeof *h);
	struct ssl_st *tls = from->tls;
	int fd = from->watch.fd;
	bool watched;

	bw_watch_remove(e->loop, &from->watch);
	from->watch.fd = -1;
	from->tls = NULL;
	h->pump.edge = e;
	h->listening = l;
	l->references++;
	h->peer = *peer;
	h->slot = slot;
	h->serial = serial;
	connection_counted_again(e, slot);
	l->listener_stats->values[M_ACTIVE_CONNECTIONS]++;
	h->timer.fire = h2_timer;
	h->post.run = h2_posted;
	h->opened_ms = h->pump.active_ms = h->pump.span_ms = now_of(h);
	h->next = e->h2s;
	h->prev = &e->h2s;
	if (e->h2s)
		e->h2s->prev = &h->next;
	e->h2s = h;
	h2_session_open(h);
	watched = sock_watch(e, &h->pump.sock, fd, h2_ready) == BW_OK;
	h->pump.sock.own = true; /* it was accepted here */
	h->pump.sock.tls = tls;
	h->pump.sock.shaken = h->pump.sock.readable = h->pump.sock.writable = true;
	if (!watched) { /* the kernel watches no more */
		h2_shut(h);
		h2_reap(h);
		return;
	}
	bw_timer_set(e->loop, &h->timer, DOZE_MS);
	h2_post(h);
}

void h2_drain(struct edge *e)
{
	for (struct h2 *h = e->h2s; h; h = h->next)
		h2_post(h);
}
