/* A request over HTTP/2: made into what an HTTP/1.1 request is parsed into, so that all behind it is one
 * path. */
#include "base/lend.h"
#include "edge/emit.h"
#include "edge/group.h"
#include "edge/h2.h"
#include "edge/log.h"

/* Its heads and trailers have grown. */
static void grown(struct h2_stream *s)
{
	memory_count(s->h->pump.edge, bw_arena_bytes(&s->arena) + s->trailers_in.size, &s->counted);
}

struct h2_stream *h2_stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *s = bw_slab_take(&h->pump.edge->slab, sizeof *s);

	*s = (struct h2_stream){.h = h, .id = id};
	arena_take(h->pump.edge, &s->arena, 4 * H2_HEADERS_BYTES);
	s->next = h->streams;
	s->prev = &h->streams;
	if (h->streams)
		h->streams->prev = &s->next;
	h->streams = s;
	h->stream_count++;
	grown(s);
	return s;
}

void h2_stream_free(struct h2_stream *s)
{
	struct h2 *h = s->h;
	struct exchange *x = s->x;

	(void)nghttp2_session_set_stream_user_data(h->pump.session, s->id, NULL);
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
	wire_free(h->pump.edge, &s->in);
	wire_free(h->pump.edge, &s->body);
	bw_buf_free(&s->trailers_in);
	memory_count(h->pump.edge, 0, &s->counted);
	arena_give(h->pump.edge, &s->arena);
	bw_slab_give(&h->pump.edge->slab, s);
}

/* ---- the head ---- */

void h2_stream_header(struct h2_stream *s, struct bw_str name, struct bw_str value)
{
	const struct {
		const char *name;
		struct bw_str *to;
	} pseudos[] = {{":method", &s->method}, {":path", &s->path}, {":authority", &s->authority},
	    {":scheme", &s->scheme}};

	struct bw_http_header *h;

	s->header_bytes += name.n + value.n + 32; /* as RFC 9113 6.5.2 counts */
	s->too_large = s->too_large || s->header_bytes > H2_HEADERS_BYTES;
	if (s->too_large)
		return;
	name = bw_arena_str(&s->arena, name);
	value = bw_arena_str(&s->arena, value);
	grown(s);
	for (size_t i = 0; i < BW_COUNT(pseudos); i++)
		if (bw_str_eq(name, bw_str_c(pseudos[i].name))) {
			*pseudos[i].to = value;
			return;
		}
	h = header_add(&s->arena, &s->headers, &s->header_count);
	if (h)
		*h = (struct bw_http_header){name, value};
	else
		s->too_large = true;
}

static bool host_fits(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		        c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']'))
			return false;
	}
	return s.n > 0;
}

void h2_stream_trailer(struct h2_stream *s, struct bw_str name, struct bw_str value)
{
	s->header_bytes += name.n + value.n + 32;
	if (s->header_bytes > H2_HEADERS_BYTES || !field_fits(name, true) || !field_fits(value, false) ||
	    !header_may_trail(name))
		return;
	if (!s->trailers_in.p)
		bw_buf_init(&s->trailers_in, 2 * H2_HEADERS_BYTES);
	field_put(&s->trailers_in, name, value);
	grown(s);
}

/* A browser sends its cookies in crumbs, each a line; towards HTTP/1.1 they are one line again (RFC
 * 9113 8.2.3). */
static void cookies_join(struct h2_stream *s, struct bw_http_request *r)
{
	struct bw_buf all;
	size_t kept = 0, crumbs = 0;

	bw_buf_init(&all, H2_HEADERS_BYTES);
	for (size_t i = 0; i < r->header_count; i++) {
		if (!bw_str_eq(r->headers[i].name, BW_STR("cookie"))) {
			r->headers[kept++] = r->headers[i];
			continue;
		}
		if (crumbs++)
			bw_buf_put(&all, BW_STR("; "));
		bw_buf_put(&all, r->headers[i].value);
	}
	if (crumbs)
		r->headers[kept++] =
		    (struct bw_http_header){BW_STR("Cookie"), bw_arena_str(&s->arena, bw_buf_str(&all))};
	r->header_count = kept;
	bw_buf_free(&all);
}

/* False: malformed. */
static bool request_make(struct h2_stream *s, bool ends, struct bw_http_request *r)
{
	struct bw_str rest = s->path, length;
	size_t hosts, lengths;

	r->method = s->method;
	r->target = s->path;
	r->minor_version = 1;
	r->keep_alive = true;
	r->expect_continue = false;
	r->content_length = -1;
	r->header_count = s->header_count;
	if (s->header_count)
		memcpy(r->headers, s->headers, s->header_count * sizeof *r->headers);
	for (size_t i = 0; i < r->header_count; i++)
		if (!field_fits(r->headers[i].value, false) || !field_fits(r->headers[i].name, true))
			return false;
	r->host = bw_http_header(r, BW_STR("host"), &hosts);
	if (s->authority.n && (hosts > 1 || (hosts && !bw_str_eq_nocase(r->host, s->authority))))
		return false;
	if (s->authority.n)
		r->host = s->authority;
	r->path = bw_str_cut(&rest, '?');
	r->query = rest;
	if (!s->method.n || !s->path.n || s->path.p[0] != '/' || !field_fits(s->path, true) ||
	    !field_fits(s->method, true) || !host_fits(r->host))
		return false;
	length = bw_http_header(r, BW_STR("content-length"), &lengths);
	if (lengths > 1 || (lengths && bw_str_to_i64(length, 0, INT64_MAX, &r->content_length) != BW_OK))
		return false;
	if (ends && r->content_length > 0)
		return false;
	r->chunked = !ends && r->content_length < 0;
	cookies_join(s, r);
	return true;
}

/* ---- the exchange's view ---- */

static struct h2_stream *of_exchange(const struct exchange *x)
{
	return x->client;
}

static size_t op_room(const struct exchange *x)
{
	return wire_room(&of_exchange(x)->body);
}

static void resume(struct h2_stream *s)
{
	if (s->deferred)
		(void)nghttp2_session_resume_data(s->h->pump.session, s->id);
	s->deferred = false;
}

static ssize_t source_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *ctx)
{
	(void)session;
	(void)id;
	(void)ctx;
	return h2_stream_read(source->ptr, to, size, flags);
}

enum { NUMBER_TEXT_MAX = 20 };

/* Not below zero. */
static struct bw_str number_text(int64_t v, char text[NUMBER_TEXT_MAX])
{
	size_t at = NUMBER_TEXT_MAX;

	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	return bw_str_make(text + at, NUMBER_TEXT_MAX - at);
}

static void op_head(
    struct exchange *x, int status, struct bw_str reason, struct bw_str lines, int64_t length, bool no_body)
{
	struct h2_stream *s = of_exchange(x);
	struct bw_arena *a = &s->arena;
	char status_text[NUMBER_TEXT_MAX], length_text[NUMBER_TEXT_MAX]; /* nghttp2 copies what it is given */
	nghttp2_nv fields[BW_HTTP_HEADERS_MAX + 16];
	nghttp2_data_provider provider = {.source.ptr = s, .read_callback = source_read};
	size_t n = 1;

	(void)reason; /* HTTP/2 has none */
	fields[0] = field_make(BW_STR(":status"), number_text(status, status_text));
	n += fields_make(a, lines, header_is_hop, fields + 1, BW_COUNT(fields) - 2);
	if (length >= 0 && status != 204)
		fields[n++] = field_make(BW_STR("content-length"), number_text(length, length_text));
	grown(s);
	/* Trailers may stand behind nothing, from a target that has any. */
	no_body = no_body || (length == 0 && !(x->target && x->group->http2));
	if (nghttp2_submit_response(s->h->pump.session, s->id, fields, n, no_body ? NULL : &provider) != 0)
		(void)nghttp2_submit_rst_stream(
		    s->h->pump.session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
}

static void op_body(struct exchange *x, struct bw_str bytes)
{
	struct h2_stream *s = of_exchange(x);

	(void)wire_put(s->h->pump.edge, &s->body, bytes);
	resume(s);
}

static void op_end(struct exchange *x)
{
	of_exchange(x)->ended = true;
	resume(of_exchange(x));
}

static void op_cut(struct exchange *x)
{
	struct h2_stream *s = of_exchange(x);

	(void)nghttp2_submit_rst_stream(
	    s->h->pump.session, NGHTTP2_FLAG_NONE, s->id, x->error ? x->error : NGHTTP2_INTERNAL_ERROR);
}

/* Behind the body; nothing is sent of what has no body. */
static void op_trailers(struct exchange *x, struct bw_str lines)
{
	struct h2_stream *s = of_exchange(x);

	s->trailers_out = bw_arena_str(&s->arena, lines);
	grown(s);
}

/* As much of what has come as the target takes; its sender may send as much again. */
static void body_give(struct h2_stream *s)
{
	size_t n = wire_length(&s->in), room;

	while (n && (room = exchange_body_room(s->x)) > 0) {
		struct bw_str bytes = bw_str_sub(wire_bytes(&s->in), 0, room);

		exchange_body(s->x, bytes);
		(void)nghttp2_session_consume(s->h->pump.session, s->id, bytes.n);
		wire_eat(s->h->pump.edge, &s->in, bytes.n);
		n -= bytes.n;
	}
	if (n || !s->in_ended || s->x->request_done)
		return;
	if (s->trailers_in.n)
		exchange_trailers(s->x, bw_buf_str(&s->trailers_in));
	exchange_body_end(s->x);
}

static void op_pull(struct exchange *x)
{
	body_give(of_exchange(x));
	h2_post(of_exchange(x)->h);
}

static void op_tunnel(struct exchange *x)
{
	op_cut(x); /* never: nothing is upgraded over HTTP/2 */
}

static void op_wake(struct exchange *x)
{
	h2_post(of_exchange(x)->h);
}

static const struct client_ops ops = {
    op_head, op_room, op_body, op_trailers, op_end, op_cut, op_pull, op_tunnel, op_wake};

/* What the last of the body is to be flagged with. */
static uint32_t trailers_send(struct h2_stream *s)
{
	nghttp2_nv fields[BW_HTTP_HEADERS_MAX];
	size_t n = fields_make(&s->arena, s->trailers_out, header_is_hop, fields, BW_COUNT(fields));

	if (n == 0 || nghttp2_submit_trailer(s->h->pump.session, s->id, fields, n) != 0)
		return 0;
	return NGHTTP2_DATA_FLAG_NO_END_STREAM;
}

ssize_t h2_stream_read(struct h2_stream *s, uint8_t *to, size_t size, uint32_t *flags)
{
	struct bw_str bytes = bw_str_sub(wire_bytes(&s->body), 0, size);
	bool was_full = wire_room(&s->body) == 0;

	if (bytes.n == 0 && !s->ended) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	memcpy(to, bytes.p, bytes.n);
	wire_eat(s->h->pump.edge, &s->body, bytes.n);
	if (s->x) {
		s->x->sent += bytes.n;
		if (was_full)
			exchange_pull(s->x);
	}
	if (s->ended && !wire_length(&s->body))
		*flags |= NGHTTP2_DATA_FLAG_EOF | trailers_send(s);
	return (ssize_t)bytes.n;
}

/* ---- the request ---- */

static void exchange_open(struct h2_stream *s)
{
	struct exchange *x = exchange_new(s->h->pump.edge);

	x->client = s;
	x->ops = &ops;
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
static void go_on(struct h2_stream *s, const struct bw_http_request *r)
{
	nghttp2_nv field = field_make(BW_STR(":status"), BW_STR("100"));

	if (bw_str_eq_nocase(bw_http_header(r, BW_STR("expect"), NULL), BW_STR("100-continue")) &&
	    !s->x->answered)
		(void)nghttp2_submit_headers(
		    s->h->pump.session, NGHTTP2_FLAG_NONE, s->id, NULL, &field, 1, NULL);
}

void h2_stream_dispatch(struct h2_stream *s, bool ends)
{
	struct bw_http_request *r = &s->h->pump.edge->request;
	bool good;

	s->dispatched = true;
	s->in_ended = ends;
	if (s->h->listening->gone) {
		(void)nghttp2_submit_rst_stream(
		    s->h->pump.session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_REFUSED_STREAM);
		return;
	}
	exchange_open(s);
	s->x->received = s->header_bytes;
	good = !s->too_large && request_make(s, ends, r);
	if (good)
		exchange_start(s->x, r);
	else
		exchange_fail(s->x, 400);
	if (good && !ends)
		go_on(s, r);
	if (ends)
		exchange_body_end(s->x);
}

void h2_stream_data(struct h2_stream *s, struct bw_str bytes)
{
	if (!s->x || s->x->ended) {
		(void)nghttp2_session_consume(s->h->pump.session, s->id, bytes.n);
		return;
	}
	/* A stream's window is all that this can grow to. */
	(void)wire_put(s->h->pump.edge, &s->in, bytes);
	body_give(s);
}

void h2_stream_ends(struct h2_stream *s)
{
	s->in_ended = true;
	if (s->x)
		body_give(s);
}
