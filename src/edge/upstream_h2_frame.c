/* What the session of a connection to a target calls. */
#include "edge/answer.h"
#include "edge/upstream_h2.h"

static struct far_stream *of_strand(struct h2_strand *strand)
{
	return (struct far_stream *)((char *)strand - offsetof(struct far_stream, strand));
}

static void broken(struct far_stream *s)
{
	strand_leave(&s->strand, H2_PROTOCOL_ERROR);
	s->closed = true;
	s->error = H2_PROTOCOL_ERROR;
	far_note(s);
}

/* Its bytes last no longer than the call. */
static void fields_keep(struct far_stream *s, struct far_fields *to, const struct h2_message *m)
{
	to->v = BW_NEW_ARRAY(&s->arena, struct bw_http_header, m->count + 1);
	to->count = m->count;
	for (size_t i = 0; i < m->count; i++)
		to->v[i] = (struct bw_http_header){bw_arena_str(&s->arena, m->headers[i].name),
		    bw_arena_str(&s->arena, m->headers[i].value)};
	far_grown(s);
}

static void head(struct h2_strand *strand, const struct h2_message *m, bool ends)
{
	struct far_stream *s = of_strand(strand);

	if (m->too_large) {
		answer_fault_note(s->x, ANSWER_TOO_LARGE);
		broken(s);
		return;
	}
	fields_keep(s, &s->head, m);
	s->active_ms = bw_loop_now_ms(s->far->pump.edge->loop);
	s->status = m->status;
	s->headed = true;
	s->ends = s->in_ended = ends;
}

static void trailers(struct h2_strand *strand, const struct h2_message *m)
{
	struct far_stream *s = of_strand(strand);

	fields_keep(s, &s->trailers, m);
}

static void data(struct h2_strand *strand, struct bw_str bytes)
{
	struct far_stream *s = of_strand(strand);

	/* A stream's window is all that this can grow to. */
	(void)wire_put(s->far->pump.edge, &s->in, bytes);
	s->active_ms = bw_loop_now_ms(s->far->pump.edge->loop);
	far_note(s);
}

static void ended(struct h2_strand *strand)
{
	of_strand(strand)->in_ended = true;
}

/* Interim answers and window updates are no progress: what they permit to be said is. */
static void heard(struct h2_strand *strand)
{
	struct far_stream *s = of_strand(strand);

	s->got = true;
	far_note(s);
}

static void closed(struct h2_strand *strand, uint32_t error)
{
	struct far_stream *s = of_strand(strand);

	if (strand->over) /* by us */
		answer_fault_note(s->x, ANSWER_MALFORMED);
	s->closed = true;
	s->error = error;
	far_note(s);
}

void far_session_open(struct far *f)
{
	static const struct h2_kind kind = {.head = head,
	    .data = data,
	    .trailers = trailers,
	    .ended = ended,
	    .heard = heard,
	    .write = far_stream_write,
	    .closed = closed,
	    .settings = {{H2_ENABLE_PUSH, 0}, {H2_INITIAL_WINDOW_SIZE, H2_WINDOW},
	        {H2_MAX_HEADER_LIST_SIZE, ANSWER_HEAD_MAX}},
	    .setting_count = 3,
	    .list_max = ANSWER_HEAD_MAX,
	    .window = FAR_WINDOW};

	pump_open(&f->pump, &kind);
}
