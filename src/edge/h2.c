/* HTTP/2 connections: from the handshake to the end, and patience. */
#include "edge/h2.h"
#include "edge/stats.h"

enum { NOTICES_PER_MS = 20 }; /* those who have something in work are served meanwhile */

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

/* Nobody hears what would be said from here on. */
static void streams_free(struct h2 *h)
{
	if (h->pump.session)
		h->pump.session->failed = true;
	while (h->streams)
		h2_stream_free(h->streams);
}

static void h2_shut(struct h2 *h)
{
	if (h->closed)
		return;
	h->closed = true;
	streams_free(h);
	bw_timer_cancel(h->pump.edge->loop, &h->timer);
	sock_close(h->pump.edge, &h->pump.sock);
	wire_free(h->pump.edge, &h->pump.out);
}

/* ---- the end ---- */

static void end_enter(struct h2 *h, enum h2_end end, int64_t patience_ms)
{
	h->end = (uint8_t)end;
	h->end_ms = now_of(h);
	bw_timer_set(h->pump.edge->loop, &h->timer, patience_ms);
}

/* The answer to the PING says that the peer knows, and comes behind all that it sent before it knew. */
static void notice(struct h2 *h)
{
	h2_goaway_soon(h->pump.session);
	h2_ping(h->pump.session);
	h->heard = false;
	end_enter(h, H2_NOTICED, WIND_MS);
}

static void part(struct h2 *h)
{
	streams_free(h);
	pump_close(&h->pump);
	wire_free(h->pump.edge, &h->pump.out);
	sock_farewell(&h->pump.sock);
	end_enter(h, H2_LINGERS, LINGER_MS);
}

/* Whether it has to end, though nothing of its own is the reason. */
static bool is_to_end(const struct h2 *h)
{
	return h->listening->closed_ms || h->pump.edge->retiring ||
	       now_of(h) - h->opened_ms > h->listening->keep_alive_ms;
}

/* `got`: there may be more to read, which comes first, but not from one who sends for ever. True: something
 * is to be said. */
static bool end_step(struct h2 *h, bool got)
{
	int64_t since_ms = now_of(h) - h->end_ms;

	if (h->end == H2_SERVES && is_to_end(h)) {
		notice(h);
		return true;
	}
	if (h->end != H2_NOTICED || !(h->heard || since_ms >= WIND_MS) || (got && since_ms < 2 * WIND_MS))
		return false;
	h2_goaway(h->pump.session, H2_NO_ERROR);
	end_enter(h, H2_ENDS, DOZE_MS);
	return true;
}

/* Nothing is in work, or the session is broken, and all is said. */
static bool is_over(const struct h2 *h)
{
	return !wire_length(&h->pump.out) && h2_is_over(h->pump.session);
}

static bool linger(struct h2 *h)
{
	scratch_use(h->pump.edge, BLOCK_BYTES);
	if (!sock_drop(&h->pump.sock, h->pump.edge->scratch, &h->dropped))
		h2_shut(h);
	return false;
}

static bool turn(struct h2 *h)
{
	bool sent, got, more;

	if (h->end == H2_LINGERS)
		return linger(h);
	if (!pump_read(&h->pump, &got) || !pump_send(&h->pump, &sent)) {
		h2_shut(h);
		return false;
	}
	h2_pace_head(h);
	if (h->pump.calm) {
		h2_goaway(h->pump.session, H2_ENHANCE_YOUR_CALM);
		(void)pump_send(&h->pump, &sent);
		h2_shut(h);
		return false;
	}
	more = end_step(h, got);
	if (is_over(h)) {
		part(h);
		return true;
	}
	return sent || got || more;
}

/* ---- running ---- */

void h2_post(struct h2 *h)
{
	if (h->posted || h->running || h->closed)
		return;
	h->posted = true;
	bw_loop_post(h->pump.edge->loop, &h->post);
}

static void h2_run(struct h2 *h)
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
	else if (!h->closed && h->end == H2_NOTICED && !h->streams && !wire_length(&h->pump.out))
		pump_sleep(&h->pump); /* all are told at about one time, and awake they take more memory than
		                         there is */
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

/* What is left of its patience in ms, as things stand. */
static int64_t patience_ms(const struct h2 *h)
{
	bool sends = wire_length(&h->pump.out) > 0;
	int64_t limit = sends ? RATE_MS : h->listening->idle_ms,
	        left = (sends ? h->pump.active_ms : h->data_ms) + limit - now_of(h);

	if (h->end == H2_LINGERS)
		return h->end_ms + LINGER_MS - now_of(h);
	if (h->head_ms)
		return h->head_ms + HEAD_MS - now_of(h);
	if (left <= 0 && !sends && target_awaited(h))
		return limit;
	return left;
}

/* Who has nothing in work is not cut off; who is slow with it is told, if that can be. */
static void impatient(struct h2 *h)
{
	if (h->end == H2_SERVES && !h->streams && !wire_length(&h->pump.out) && !h->head_ms) {
		pump_wake(&h->pump);
		notice(h);
		return;
	}
	if (h->end != H2_LINGERS) {
		pump_wake(&h->pump);
		h2_goaway(h->pump.session, H2_NO_ERROR);
		(void)pump_send(&h->pump, &(bool){false});
	}
	h2_shut(h);
}

static void h2_timer(struct bw_timer *t)
{
	struct h2 *h = (struct h2 *)((char *)t - offsetof(struct h2, timer));
	int64_t left = h2_pace_look(h) ? patience_ms(h) : 0;
	bool winds_up = h->end == H2_NOTICED || (h->end == H2_SERVES && is_to_end(h));

	if (left > RATE_MS)
		left = RATE_MS;
	if (is_idle(h))
		pump_sleep(&h->pump);
	else if (left > DOZE_MS)
		left = DOZE_MS;
	if (left > 0)
		bw_timer_set(h->pump.edge->loop, t, left);
	else
		impatient(h);
	if (left > 0 && !winds_up)
		return;
	h->pump.sock.readable = true; /* what has come by now counts, whether we were told of it or not */
	h2_run(h);
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
	h->opened_ms = h->data_ms = h->pump.active_ms = h->pump.span_ms = now_of(h);
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
	int64_t n = 0;

	for (struct h2 *h = e->h2s; h; h = h->next)
		if (h->end == H2_SERVES && !h->closed && is_to_end(h))
			bw_timer_set(e->loop, &h->timer, n++ / NOTICES_PER_MS);
}
