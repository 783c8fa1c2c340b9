/* How slow a client over HTTP/2 may be: what it has begun to say of a head is whole within HEAD_MS, and where
 * it is the client who is waited for, bodies, answers and the wire move on by RATE_BYTES in each RATE_MS. */
#include "edge/group.h"
#include "edge/h2.h"

static int64_t now_of(const struct h2 *h)
{
	return bw_loop_now_ms(h->pump.edge->loop);
}

void h2_pace_head(struct h2 *h)
{
	struct h2_session *s = h->pump.session;

	if (!h2_is_partial(s))
		h->head_ms = 0;
	else if (s->begins || !h->head_ms)
		h->head_ms = now_of(h);
	s->begins = false;
}

/* Targets that speak HTTP/2 may be told and may tell something from time to time: their streams are as
 * patient as the connection. */
static bool goes_both_ways(const struct exchange *x)
{
	return x->group && x->group->http2;
}

static bool client_awaited(const struct h2_stream *s)
{
	const struct exchange *x = s->x;

	if (!x || s->strand.over || goes_both_ways(x))
		return false;
	if (wire_length(&s->body))
		return strand_window(&s->strand) <= 0;
	return !s->in_ended && !x->request_done && !wire_length(&s->in) && exchange_body_room(x) > 0;
}

/* Whether `*since` is too long ago: it begins anew when what was waited for has moved on. */
static bool is_slow(int64_t *since, bool waits, uint64_t moved, int64_t now)
{
	if (waits && *since && moved < RATE_BYTES)
		return now - *since >= RATE_MS;
	*since = waits ? now : 0;
	return false;
}

static void stream_look(struct h2_stream *s, int64_t now)
{
	int64_t since = s->slow_ms;
	bool slow = is_slow(&s->slow_ms, client_awaited(s), s->moved, now);

	if (s->slow_ms != since)
		s->moved = 0;
	if (!slow)
		return;
	s->slow_ms = 0;
	if (s->x->answered)
		strand_reset(&s->strand, H2_CANCEL);
	else
		exchange_fail(s->x, 408);
	h2_post(s->h);
}

bool h2_pace_look(struct h2 *h)
{
	int64_t now = now_of(h), since = h->stuck_ms;
	bool stuck = is_slow(&h->stuck_ms, wire_length(&h->pump.out) > 0, h->pump.sent - h->stuck_sent, now);

	if (h->stuck_ms != since)
		h->stuck_sent = h->pump.sent;
	for (struct h2_stream *s = h->streams; s; s = s->next)
		stream_look(s, now);
	return !stuck;
}
