/* What nghttp2 calls for a client's connection. */
#include "edge/h2.h"

static int begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct h2 *h = ctx;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (h->stream_count >= H2_STREAMS || memory_full(h->pump.edge))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the stream is reset */
	return nghttp2_session_set_stream_user_data(
	    session, frame->hd.stream_id, h2_stream_new(h, frame->hd.stream_id));
}

static int header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
    const uint8_t *value, size_t value_n, uint8_t flags, void *ctx)
{
	struct h2_stream *s = pump_stream(session, frame->hd.stream_id);

	(void)flags;
	(void)ctx;
	if (s && frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		h2_stream_header(s, bw_str_make(name, name_n), bw_str_make(value, value_n));
	else if (s && frame->hd.type == NGHTTP2_HEADERS)
		h2_stream_trailer(s, bw_str_make(name, name_n), bw_str_make(value, value_n));
	return 0;
}

static int frame_received(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct h2_stream *s = pump_stream(session, frame->hd.stream_id);
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	pump_spend(&((struct h2 *)ctx)->pump, frame);
	if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK)
		((struct h2 *)ctx)->heard = true; /* we say one alone */
	if (!s)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		h2_stream_dispatch(s, ends);
	else if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) && ends)
		h2_stream_ends(s);
	return 0;
}

static int data_received(
    nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *ctx)
{
	struct h2_stream *s = pump_stream(session, id);

	(void)flags;
	(void)ctx;
	if (s)
		h2_stream_data(s, bw_str_make(p, n));
	else
		(void)nghttp2_session_consume(session, id, n);
	return 0;
}

static int stream_closed(nghttp2_session *session, int32_t id, uint32_t error, void *ctx)
{
	struct h2_stream *s = pump_stream(session, id);

	(void)ctx;
	if (s && s->x)
		s->x->error = error;
	if (s)
		h2_stream_free(s);
	return 0;
}

/* The answer is out while the request still comes: nobody wants the rest (RFC 9113 8.1). */
static int frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct h2_stream *s = pump_stream(session, frame->hd.stream_id);
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	(void)ctx;
	if (s && ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
	    !s->in_ended)
		(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	return 0;
}

void h2_session_open(struct h2 *h)
{
	static const struct h2_kind kind = {.server = true,
	    .begin_headers = begin_headers,
	    .header = header,
	    .header_invalid = pump_header_invalid,
	    .frame_received = frame_received,
	    .data_received = data_received,
	    .stream_closed = stream_closed,
	    .frame_sent = frame_sent,
	    .settings = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS},
	        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW},
	        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADERS_BYTES}},
	    .setting_count = 3,
	    .window = 1 << 20 /* one slow stream must not hold the others' bodies back */};

	pump_open(&h->pump, &kind, h);
}
