/* A target's answer over HTTP/2: what exchanges are told of what has come. */
#include "edge/answer.h"
#include "edge/dispatch.h"
#include "edge/emit.h"
#include "edge/upstream_h2.h"

void far_note(struct far_stream *s)
{
	if (s->noted)
		return;
	s->noted = true;
	s->far->news++;
	s->next_noted = s->far->noted;
	s->far->noted = s;
}

/* ---- the answer ---- */

static bool length_read(struct bw_http_response *r)
{
	size_t lengths = 0;

	r->content_length = -1;
	for (size_t i = 0; i < r->header_count; i++)
		if (bw_str_eq_nocase(r->headers[i].name, BW_STR("content-length"))) {
			if (bw_str_to_i64(r->headers[i].value, 0, INT64_MAX, &r->content_length) != BW_OK)
				return false;
			lengths++;
		}
	return lengths < 2;
}

/* As if it had been parsed; false: malformed. */
static bool head_tell(struct far_stream *s)
{
	struct bw_http_response *r = &s->far->pump.edge->response;

	s->told = true;
	r->status = s->status;
	r->minor_version = 1;
	r->keep_alive = true;
	r->reason = bw_str_c(answer_reason(s->status));
	r->header_count = s->head.count;
	if (s->head.count)
		memcpy(r->headers, s->head.v, s->head.count * sizeof *r->headers);
	if (!length_read(r))
		return false;
	r->chunked = r->content_length < 0;
	return exchange_answer(s->x, r, s->ends);
}

/* As much of what has come as the client takes; the target may send as much again. */
static void body_give(struct far_stream *s)
{
	struct exchange *x = s->x;
	size_t n = wire_length(&s->in), room;

	while (n && (room = x->ops->room(x)) > 0) {
		struct bw_str bytes = bw_str_sub(wire_bytes(&s->in), 0, room);

		x->ops->body(x, bytes);
		if (s->closed)
			h2_consume(s->far->pump.session, (uint32_t)bytes.n);
		else
			strand_consume(&s->strand, bytes.n);
		n -= bytes.n;
		wire_eat(s->far->pump.edge, &s->in, bytes.n);
		s->active_ms = bw_loop_now_ms(s->far->pump.edge->loop);
	}
}

static void trailers_tell(struct far_stream *s)
{
	struct bw_buf *lines = &s->far->pump.edge->lines;

	bw_buf_reset(lines);
	for (size_t i = 0; i < s->trailers.count; i++)
		if (header_may_trail(s->trailers.v[i].name))
			field_put(lines, s->trailers.v[i].name, s->trailers.v[i].value);
	if (lines->n)
		s->x->ops->trailers(s->x, bw_buf_str(lines));
}

/* ---- the end ---- */

/* The request, if all of it is remembered, is taken from the exchange. */
static struct wire again_take(struct far_stream *s)
{
	struct wire again = s->x->again;

	s->x->again = (struct wire){0};
	return again;
}

/* Nothing of the answer was told. Whether the request may go out once more, and to whom. */
static bool try_again(struct far_stream *s)
{
	struct far *f = s->far;
	struct exchange *x = s->x;
	bool unconnected = f->state < FAR_OPEN, refused = !s->sent || s->error == H2_REFUSED_STREAM;
	struct wire again;

	if (s->told || !wire_length(&x->again))
		return false;
	if (!unconnected && !refused && (s->error || s->got || !dispatch_lost(x, f->requests > 1)))
		return false;
	again = again_take(s);
	far_stream_free(s);
	if (unconnected)
		dispatch_again(x, wire_bytes(&again));
	else if (refused)
		dispatch_refused(x, wire_bytes(&again));
	else
		dispatch_once_more(x, wire_bytes(&again));
	wire_free(f->pump.edge, &again);
	return true;
}

static void fail(struct far_stream *s, int status)
{
	struct exchange *x = s->x;

	x->error = s->error;
	if (s->strand.interims > ANSWER_INTERIMS)
		answer_fault_note(x, ANSWER_INTERIMS_TOO_MANY);
	far_stream_free(s);
	exchange_fail(x, status);
	x->ops->wake(x);
}

static void end(struct far_stream *s)
{
	struct exchange *x = s->x;

	if (s->trailers.count)
		trailers_tell(s);
	far_stream_free(s);
	exchange_answer_end(x);
	x->ops->wake(x);
}

static void settle(struct far_stream *s)
{
	bool late = s->far->late;

	if (s->headed && !s->told && !head_tell(s)) {
		s->error = H2_PROTOCOL_ERROR;
		fail(s, 502);
		return;
	}
	if (s->told)
		body_give(s);
	if (s->in_ended && !wire_length(&s->in)) {
		end(s);
		return;
	}
	if (!s->closed || s->in_ended) {
		s->x->ops->wake(s->x);
		return;
	}
	if (late)
		dispatch_unconnected(s->x);
	if (late || !try_again(s))
		fail(s, late ? 504 : 502);
}

void far_settle(struct far *f)
{
	while (f->noted) {
		struct far_stream *s = f->noted;

		f->noted = s->next_noted;
		s->noted = false;
		settle(s);
	}
}

int64_t far_expire(struct far *f)
{
	int64_t now = bw_loop_now_ms(f->pump.edge->loop), soonest = now + FAR_IDLE_MS;

	for (struct far_stream *s = f->streams, *next; s; s = next) {
		int64_t idle = s->x->listener->balancer->idle_ms, due = s->active_ms + idle;

		next = s->next;
		if (wire_length(&s->in)) /* it is the client who is waited for */
			due = now + idle;
		if (due <= now)
			fail(s, 504);
		else if (due < soonest)
			soonest = due;
	}
	return soonest;
}
