/* h2_pair.h: nghttp2's session. */
#include <nghttp2/nghttp2.h>

#include "h2_pair.h"

struct side theirs;
static nghttp2_session *session;
static bool is_server;

/* What is left to be said of each stream's body. */
static size_t bodies[STREAMS_MAX * 4];

/* A head that is coming: pseudo-header fields are put in front, in one order. */
static struct {
	struct bw_str pseudo[4];
	char text[4][1 << 14];
	uint64_t rest;
	size_t count;
	uint32_t status;
	bool odd;
} coming;

static int begins(nghttp2_session *s, const nghttp2_frame *frame, void *ctx)
{
	(void)s;
	(void)frame;
	(void)ctx;
	memset(coming.pseudo, 0, sizeof coming.pseudo);
	coming.rest = coming.count = coming.status = 0;
	coming.odd = false;
	return 0;
}

static bool is_final(const nghttp2_frame *frame)
{
	return frame->headers.cat == NGHTTP2_HCAT_REQUEST || frame->headers.cat == NGHTTP2_HCAT_RESPONSE ||
	       (!is_server && frame->headers.cat == NGHTTP2_HCAT_HEADERS && coming.status >= 200);
}

static int field(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name_p, size_t name_n, const uint8_t *value_p, size_t value_n,
    uint8_t flags, void *ctx)
{
	static const char *const names[] = {":method", ":path", ":scheme", ":authority"};
	struct bw_str name = bw_str_make(name_p, name_n), value = bw_str_make(value_p, value_n);
	int64_t status;

	(void)s;
	(void)flags;
	(void)ctx;
	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (bw_str_eq(name, BW_STR(":status"))) {
		coming.status = bw_str_to_i64(value, 0, 999, &status) == BW_OK ? (uint32_t)status : 999;
		return 0;
	}
	for (size_t i = 0; i < BW_COUNT(names); i++)
		if (bw_str_eq(name, bw_str_c(names[i])) && value.n < sizeof coming.text[i]) {
			if (value.n)
				memcpy(coming.text[i], value.p, value.n);
			coming.pseudo[i] = bw_str_make(coming.text[i], value.n);
			return 0;
		}
	coming.odd = coming.odd || (bw_str_eq(name, BW_STR("host")) && !octets_fit(value, true));
	seen_field(&coming.rest, &coming.count, name, value);
	return 0;
}

static void head_end(uint32_t id)
{
	struct seen *h = seen_of(&theirs, id);
	uint64_t power = 1;

	if (!h)
		return;
	h->headed = true;
	h->status = coming.status;
	/* A status above 599 is none (RFC 9110 15) for ours alone. */
	h->odd = coming.odd || !octets_fit(coming.pseudo[1], false) || coming.status > 599;
	if (is_server) {
		seen_field(&h->head, &h->head_count, coming.pseudo[0], coming.pseudo[1]);
		seen_field(&h->head, &h->head_count, coming.pseudo[2], coming.pseudo[3]);
	}
	for (size_t i = 0; i < 2 * coming.count; i++)
		power *= 1099511628211u;
	h->head = h->head * power + coming.rest;
	h->head_count += coming.count;
}

static void trailers_end(uint32_t id)
{
	struct seen *h = seen_of(&theirs, id);

	if (!h)
		return;
	h->trailed = true;
	h->trailers = coming.rest;
	h->trailer_count = coming.count;
}

static int frame_in(nghttp2_session *s, const nghttp2_frame *frame, void *ctx)
{
	uint32_t id = (uint32_t)frame->hd.stream_id;
	struct seen *h = id ? seen_of(&theirs, id) : NULL;

	(void)s;
	(void)ctx;
	if (frame->hd.type == NGHTTP2_HEADERS && h && h->headed)
		trailers_end(id);
	else if (frame->hd.type == NGHTTP2_HEADERS && is_final(frame) && (is_server || coming.status >= 200))
		head_end(id);
	if (h && frame->hd.flags & NGHTTP2_FLAG_END_STREAM && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
		h->ended = true;
	return 0;
}

static int data_in(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *ctx)
{
	struct seen *h = seen_of(&theirs, (uint32_t)id);

	(void)s;
	(void)flags;
	(void)ctx;
	for (size_t i = 0; h && i < n; i++)
		h->body = h->body * 31 + p[i];
	if (h)
		h->body_bytes += n;
	return 0;
}

static ssize_t body_read(
    nghttp2_session *s, int32_t id, uint8_t *to, size_t n, uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	size_t *left = source->ptr;

	(void)s;
	(void)id;
	(void)ctx;
	if (n > *left)
		n = *left;
	memset(to, 0, n);
	*left -= n;
	if (!*left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/* ---- what the pair asks ---- */

static void says(void)
{
	const uint8_t *out;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(session, &out)) > 0)
		side_says(&theirs, bw_str_make(out, (size_t)n));
	theirs.failed = theirs.failed || n < 0 || theirs.error;
	theirs.done = !nghttp2_session_want_read(session);
}

static void theirs_open(bool server)
{
	const nghttp2_settings_entry streams = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS},
	                             push = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
	nghttp2_session_callbacks *c;
	const uint8_t *out;

	is_server = server;
	theirs = (struct side){0};
	MUST(nghttp2_session_callbacks_new(&c) == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, begins);
	nghttp2_session_callbacks_set_on_header_callback(c, field);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_in);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data_in);
	MUST((server ? nghttp2_session_server_new : nghttp2_session_client_new)(&session, c, NULL) == 0);
	nghttp2_session_callbacks_del(c);
	MUST(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, server ? &streams : &push, 1) == 0);
	while (nghttp2_session_mem_send(session, &out) > 0)
		;
	if (server)
		MUST(nghttp2_session_mem_recv(session, (const uint8_t *)h2_preface, H2_PREFACE_BYTES) == H2_PREFACE_BYTES);
}

static void theirs_close(void)
{
	nghttp2_session_del(session);
}

static void theirs_read(struct bw_str frame)
{
	theirs.failed = theirs.failed || nghttp2_session_mem_recv(session, (const uint8_t *)frame.p, frame.n) != (ssize_t)frame.n;
	says();
}

#define NV(name, value)                                                                                                                              \
	{                                                                                                                                            \
		(uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE                                     \
	}

static nghttp2_data_provider *body_of(uint32_t id, size_t n)
{
	static nghttp2_data_provider provider;

	MUST(id < BW_COUNT(bodies));
	bodies[id] = n;
	provider = (nghttp2_data_provider){.source.ptr = &bodies[id], .read_callback = body_read};
	return n ? &provider : NULL;
}

static void theirs_answer(uint32_t id, size_t body)
{
	nghttp2_nv fields[] = {NV(":status", "200")};

	MUST(nghttp2_submit_response(session, (int32_t)id, fields, 1, body_of(id, body)) == 0);
	says();
}

static void theirs_ask(size_t body, bool head_only)
{
	nghttp2_nv fields[FIELDS_SAID] = {NV(":method", "GET"), NV(":scheme", "https"), NV(":authority", "a"), NV(":path", "/")};
	nghttp2_nv other = NV(":method", "HEAD");
	uint32_t id = nghttp2_session_get_next_stream_id(session);

	if (head_only)
		fields[0] = other;
	MUST(nghttp2_submit_request(session, NULL, fields, FIELDS_SAID, body_of(id, body), NULL) > 0);
	says();
}

static void theirs_reset(uint32_t id, uint32_t error)
{
	MUST(nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, (int32_t)id, error) == 0);
	says();
}

static struct state theirs_state(uint32_t id)
{
	int32_t n = (int32_t)id;
	int heard = nghttp2_session_get_stream_remote_close(session, n), said = nghttp2_session_get_stream_local_close(session, n);

	if (!id)
		return (struct state){.there = true,
		    .window_out = nghttp2_session_get_remote_window_size(session),
		    .unreturned = nghttp2_session_get_effective_recv_data_length(session)};
	if (heard < 0)
		return (struct state){0};
	return (struct state){.there = true,
	    .heard_end = heard,
	    .said_end = said,
	    .window_out = nghttp2_session_get_stream_remote_window_size(session, n),
	    .unreturned = nghttp2_session_get_stream_effective_recv_data_length(session, n)};
}

const struct pair_ops theirs_ops = {theirs_open, theirs_close, theirs_read, theirs_answer, theirs_ask, theirs_reset, theirs_state};
