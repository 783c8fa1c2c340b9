/* A request over HTTP/2 and its answer: what the session tells of it, its body, its end. */
#include "base/lend.h"
#include "edge/group.h"
#include "edge/h2.h"
#include "edge/log.h"

static struct h2_stream *of_strand(struct h2_strand *strand)
{
	return (struct h2_stream *)((char *)strand - offsetof(struct h2_stream, strand));
}

static struct h2 *of_pump(struct h2_pump *p)
{
	return (struct h2 *)((char *)p - offsetof(struct h2, pump));
}

/* ---- what is kept ---- */

struct bw_arena *h2_stream_arena(struct h2_stream *s)
{
	if (!s->has_arena)
		arena_take(s->h->pump.edge, &s->arena, 4 * H2_HEADERS_BYTES);
	s->has_arena = true;
	return &s->arena;
}

void h2_stream_grown(struct h2_stream *s)
{
	memory_count(s->h->pump.edge, (s->has_arena ? bw_arena_bytes(&s->arena) : 0) + s->trailers_in.size,
	    &s->counted);
}

static void keepings_give(struct h2_stream *s)
{
	struct edge *e = s->h->pump.edge;

	wire_free(e, &s->in);
	wire_free(e, &s->body);
	bw_buf_free(&s->trailers_in);
	memory_count(e, 0, &s->counted);
	if (s->has_arena)
		arena_give(e, &s->arena);
}

/* ---- beginning and end ---- */

void h2_stream_moved(struct h2_stream *s, size_t n)
{
	s->moved += (uint32_t)n;
	s->h->data_ms = bw_loop_now_ms(s->h->pump.edge->loop);
}

static struct h2_strand *begin(struct h2_pump *p)
{
	struct h2 *h = of_pump(p);
	struct h2_stream *s;

	if (memory_full(p->edge))
		return NULL;
	s = bw_slab_take(&p->edge->slab, sizeof *s);
	*s = (struct h2_stream){.h = h, .next = h->streams, .prev = &h->streams};
	if (h->streams)
		h->streams->prev = &s->next;
	h->streams = s;
	h->stream_count++;
	return &s->strand;
}

void h2_stream_free(struct h2_stream *s)
{
	struct h2 *h = s->h;
	struct exchange *x = s->x;

	strand_leave(&s->strand, H2_CANCEL);
	/* Nobody reads it any more: the connection's window gets it back. */
	h2_consume(h->pump.session, (uint32_t)wire_length(&s->in));
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	h->stream_count--;
	s->x = NULL;
	if (x && x->ended) {
		log_access(x);
		exchange_free(x);
	} else if (x) {
		exchange_abandon(x, 460);
	}
	keepings_give(s);
	bw_slab_give(&h->pump.edge->slab, s);
}

static void pong(struct h2_pump *p)
{
	of_pump(p)->heard = true; /* we say one PING alone */
}

static void closed(struct h2_strand *strand, uint32_t error)
{
	struct h2_stream *s = of_strand(strand);

	if (s->x)
		s->x->error = error;
	h2_stream_free(s);
}

/* ---- the head ---- */

static void exchange_open(struct h2_stream *s)
{
	struct exchange *x = exchange_new(s->h->pump.edge);

	x->client = s;
	x->ops = &h2_ops;
	x->listener = s->h->listening->listener;
	x->peer = &s->h->peer;
	x->local = &s->h->listening->address;
	x->tls = s->h->pump.sock.tls;
	x->connection = s->h->serial;
	x->http2 = true;
	s->x = x;
}

/* Who waits for leave to send the body gets it (RFC 9110 10.1.1): it is passed on as fast as the target takes
 * it. */
static void go_on(struct h2_stream *s)
{
	if (s->x->answered)
		return;
	s->goes_on = true;
	strand_due(&s->strand);
}

static void head(struct h2_strand *strand, const struct h2_message *m, bool ends)
{
	struct h2_stream *s = of_strand(strand);
	struct bw_http_request *r = &s->h->pump.edge->request;
	bool good, asks;

	s->in_ended = ends;
	h2_stream_moved(s, 0);
	if (s->h->listening->gone) {
		strand_reset(strand, H2_REFUSED_STREAM);
		return;
	}
	exchange_open(s);
	s->x->received = m->bytes;
	good = !m->too_large && h2_request_make(s, m, ends);
	asks = good && !ends &&
	       bw_str_eq_nocase(bw_http_header(r, BW_STR("expect"), NULL), BW_STR("100-continue"));
	if (good)
		exchange_start(s->x, r);
	else
		exchange_fail(s->x, 400);
	if (asks)
		go_on(s);
	if (ends)
		exchange_body_end(s->x);
}

/* ---- the body ---- */

/* Its sender may send as much again. */
void h2_stream_give(struct h2_stream *s)
{
	size_t n = wire_length(&s->in), room;

	while (n && (room = exchange_body_room(s->x)) > 0) {
		struct bw_str bytes = bw_str_sub(wire_bytes(&s->in), 0, room);

		exchange_body(s->x, bytes);
		strand_consume(&s->strand, bytes.n);
		wire_eat(s->h->pump.edge, &s->in, bytes.n);
		n -= bytes.n;
	}
	if (n || !s->in_ended || s->x->request_done)
		return;
	if (s->trailers_in.n)
		exchange_trailers(s->x, bw_buf_str(&s->trailers_in));
	exchange_body_end(s->x);
}

static void data(struct h2_strand *strand, struct bw_str bytes)
{
	struct h2_stream *s = of_strand(strand);

	if (!s->x || s->x->ended) {
		strand_consume(strand, bytes.n);
		return;
	}
	h2_stream_moved(s, bytes.n);
	/* A stream's window is all that this can grow to. */
	(void)wire_put(s->h->pump.edge, &s->in, bytes);
	h2_stream_give(s);
}

static void trailers(struct h2_strand *strand, const struct h2_message *m)
{
	h2_stream_moved(of_strand(strand), 0);
	h2_request_trailers(of_strand(strand), m);
}

static void ended(struct h2_strand *strand)
{
	struct h2_stream *s = of_strand(strand);

	s->in_ended = true;
	if (s->x)
		h2_stream_give(s);
}

void h2_session_open(struct h2 *h)
{
	static const struct h2_kind kind = {.server = true,
	    .begin = begin,
	    .head = head,
	    .data = data,
	    .trailers = trailers,
	    .ended = ended,
	    .write = h2_answer_write,
	    .closed = closed,
	    .pong = pong,
	    .settings = {{H2_MAX_CONCURRENT_STREAMS, H2_STREAMS}, {H2_INITIAL_WINDOW_SIZE, H2_WINDOW},
	        {H2_MAX_HEADER_LIST_SIZE, H2_HEADERS_BYTES}, {H2_NO_RFC7540_PRIORITIES, 1}},
	    .setting_count = 4,
	    .list_max = H2_HEADERS_BYTES,
	    .window = 1 << 20 /* one slow stream must not hold the others' bodies back */};

	pump_open(&h->pump, &kind);
}
