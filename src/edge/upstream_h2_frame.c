/* What nghttp2 calls for a connection to a target. */
#include "edge/upstream_h2.h"

/* Behind the answer's head there are only trailers. Interim answers are gathered too, and forgotten. */
static int begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct far_stream *s = pump_stream(session, frame->hd.stream_id);
	struct far_fields *f;

	(void)ctx;
	if (!s || frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	f = s->headed ? &s->trailers : &s->head;
	f->count = 0;
	return 0;
}

static bool status_read(struct far_stream *s, struct bw_str value)
{
	int64_t n;

	if (bw_str_to_i64(value, 100, 599, &n) != BW_OK)
		return false;
	s->status = (int32_t)n;
	return true;
}

static int header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_p, size_t name_n,
    const uint8_t *value_p, size_t value_n, uint8_t flags, void *ctx)
{
	struct far_stream *s = pump_stream(session, frame->hd.stream_id);
	struct bw_str name = bw_str_make(name_p, name_n), value = bw_str_make(value_p, value_n);
	struct bw_http_header *h;
	struct far_fields *f;

	(void)flags;
	(void)ctx;
	if (!s || frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	f = s->headed ? &s->trailers : &s->head;
	f->bytes += name.n + value.n + 32; /* as RFC 9113 6.5.2 counts */
	if (bw_str_eq(name, BW_STR(":status"))) {
		f->bad = f->bad || s->headed || !status_read(s, value);
		return 0;
	}
	f->bad =
	    f->bad || f->bytes > ANSWER_HEAD_MAX || !field_fits(name, true) || !field_fits(value, false);
	h = f->bad ? NULL : header_add(&s->arena, &f->v, &f->count);
	f->bad = !h;
	if (h)
		*h = (struct bw_http_header){bw_arena_str(&s->arena, name), bw_arena_str(&s->arena, value)};
	far_grown(s);
	return 0;
}

static void headers_end(struct far_stream *s, bool ends)
{
	struct far_fields *f = s->headed ? &s->trailers : &s->head;

	if (f->bad) {
		(void)nghttp2_submit_rst_stream(
		    s->far->pump.session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_PROTOCOL_ERROR);
		s->closed = true;
		s->error = NGHTTP2_PROTOCOL_ERROR;
		return;
	}
	if (!s->headed && s->status >= 200) {
		s->headed = true;
		s->ends = ends;
	}
}

static int frame_received(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct far_stream *s = pump_stream(session, frame->hd.stream_id);
	struct far *f = ctx;
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	pump_spend(&f->pump, frame);
	if (frame->hd.type == NGHTTP2_GOAWAY)
		f->going = true;
	if (!s)
		return 0;
	s->active_ms = bw_loop_now_ms(f->pump.edge->loop);
	if (frame->hd.type == NGHTTP2_RST_STREAM)
		return 0; /* the stream's end tells */
	s->got = true;
	if (frame->hd.type == NGHTTP2_HEADERS)
		headers_end(s, ends);
	if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
		s->in_ended = s->in_ended || (ends && s->headed);
	far_note(s);
	return 0;
}

static int data_received(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *ctx)
{
	struct far_stream *s = pump_stream(session, id);

	(void)flags;
	/* A stream's window is all that this can grow to. */
	if (!s || !s->headed || !wire_put(((struct far *)ctx)->pump.edge, &s->in, bw_str_make(p, n)))
		return nghttp2_session_consume(session, id, n);
	s->active_ms = bw_loop_now_ms(s->far->pump.edge->loop);
	far_note(s);
	return 0;
}

static int stream_closed(nghttp2_session *session, int32_t id, uint32_t error, void *ctx)
{
	struct far_stream *s = pump_stream(session, id);

	(void)ctx;
	if (!s)
		return 0;
	s->closed = true;
	s->error = error;
	far_note(s);
	return 0;
}

static int frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct far_stream *s = pump_stream(session, frame->hd.stream_id);

	(void)ctx;
	if (s)
		s->sent = true;
	return 0;
}

void far_session_open(struct far *f)
{
	static const struct h2_kind kind = {.begin_headers = begin_headers,
	    .header = header,
	    .header_invalid = pump_header_invalid,
	    .frame_received = frame_received,
	    .data_received = data_received,
	    .stream_closed = stream_closed,
	    .frame_sent = frame_sent,
	    .settings = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW},
	        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, ANSWER_HEAD_MAX}},
	    .setting_count = 3,
	    .window = FAR_WINDOW};

	pump_open(&f->pump, &kind, f);
}
