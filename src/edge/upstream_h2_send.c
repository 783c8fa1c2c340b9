/* A request on its way to a target over HTTP/2. */
#include "base/lend.h"
#include "edge/emit.h"
#include "edge/upstream_h2.h"

static struct far_stream *of_exchange(const struct exchange *x)
{
	return x->up;
}

/* ---- the stream ---- */

static struct far_stream *stream_new(struct far *f, struct exchange *x)
{
	struct far_stream *s = bw_slab_take(&f->pump.edge->slab, sizeof *s);

	*s = (struct far_stream){.far = f, .x = x};
	x->up = s;
	arena_take(f->pump.edge, &s->arena, 8 * H2_HEADERS_BYTES);
	s->active_ms = bw_loop_now_ms(f->pump.edge->loop);
	s->next = f->streams;
	s->prev = &f->streams;
	if (f->streams)
		f->streams->prev = &s->next;
	f->streams = s;
	f->stream_count++;
	far_grown(s);
	return s;
}

void far_grown(struct far_stream *s)
{
	memory_count(s->far->pump.edge, bw_arena_bytes(&s->arena), &s->counted);
}

static void unnote(struct far_stream *s)
{
	struct far_stream **at = &s->far->noted;

	if (!s->noted)
		return;
	while (*at != s)
		at = &(*at)->next_noted;
	*at = s->next_noted;
}

void far_stream_free(struct far_stream *s)
{
	struct far *f = s->far;
	uint32_t error = s->x && s->x->error ? s->x->error : NGHTTP2_CANCEL;

	if (s->x)
		s->x->up = NULL;
	unnote(s);
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	f->stream_count--;
	(void)nghttp2_session_set_stream_user_data(f->pump.session, s->id, NULL);
	if (!s->closed)
		(void)nghttp2_submit_rst_stream(f->pump.session, NGHTTP2_FLAG_NONE, s->id, error);
	if (wire_length(&s->in)) /* nobody reads it any more: the connection's window gets it back */
		(void)nghttp2_session_consume_connection(f->pump.session, wire_length(&s->in));
	wire_free(f->pump.edge, &s->in);
	wire_free(f->pump.edge, &s->body);
	memory_count(f->pump.edge, 0, &s->counted);
	arena_give(f->pump.edge, &s->arena);
	bw_slab_give(&f->pump.edge->slab, s);
	if (f->stream_count)
		far_post(f);
	else
		far_unneeded(f);
}

/* ---- the head ---- */

static bool is_left_out(struct bw_str name)
{
	static const struct bw_str names[] = {
	    BW_STR("host"), BW_STR("connection"), BW_STR("transfer-encoding"), BW_STR("upgrade")};

	for (size_t i = 0; i < BW_COUNT(names); i++)
		if (names[i].n == name.n && bw_str_eq_nocase(name, names[i]))
			return true;
	return false;
}

static struct bw_str host_of(struct bw_str lines)
{
	while (lines.n) {
		struct bw_str line = bw_str_cut(&lines, '\r'), name = bw_str_cut(&line, ':');

		if (bw_str_eq_nocase(name, BW_STR("host")))
			return bw_str_trim(line);
		(void)bw_str_cut(&lines, '\n');
	}
	return BW_STR("");
}

/* How far the head goes, with its empty line. */
static size_t head_length(struct bw_str bytes)
{
	const char *at = memmem(bytes.p, bytes.n, "\r\n\r\n", 4);

	MUST(at);
	return (size_t)(at - bytes.p) + 4;
}

static ssize_t source_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *ctx)
{
	struct far_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)source;
	(void)ctx;
	return s ? far_stream_read(s, to, size, flags) : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* What HTTP/1.1 would say with its first line is said with fields. False: the connection takes none. */
static bool head_submit(struct far_stream *s, struct bw_str head)
{
	nghttp2_nv fields[BW_HTTP_HEADERS_MAX + 32];
	nghttp2_data_provider provider = {.read_callback = source_read};
	struct bw_str lines = bw_str_sub(head, 0, head.n - 2), first = bw_str_cut(&lines, '\n');
	size_t n = 0;

	fields[n++] = field_make(BW_STR(":method"), bw_str_cut(&first, ' '));
	fields[n++] =
	    field_make(BW_STR(":scheme"), s->far->target->group->https ? BW_STR("https") : BW_STR("http"));
	fields[n++] = field_make(BW_STR(":authority"), host_of(lines));
	fields[n++] = field_make(BW_STR(":path"), bw_str_cut(&first, ' '));
	n += fields_make(&s->arena, lines, is_left_out, fields + n, BW_COUNT(fields) - n);
	far_grown(s);
	s->id = nghttp2_submit_request(
	    s->far->pump.session, NULL, fields, n, s->x->has_body ? &provider : NULL, s);
	return s->id > 0;
}

static bool op_begin(struct exchange *x, struct bw_str bytes)
{
	struct far *f = far_take(x->target);
	struct far_stream *s;

	if (!f)
		return false;
	s = stream_new(f, x);
	s->head_n = head_length(bytes);
	s->body_ended = x->request_done;
	f->requests++;
	if (!head_submit(s, bw_str_sub(bytes, 0, s->head_n))) {
		s->id = 0;
		s->closed = f->going = true;
		far_stream_free(s);
		return false;
	}
	if (!wire_length(&x->again))
		wire_keep(f->pump.edge, &x->again, bytes);
	(void)wire_put(f->pump.edge, &s->body, bw_str_sub(bytes, s->head_n, bytes.n));
	x->sent_us = bw_clock_mono_us();
	far_await(f, s->active_ms + x->listener->balancer->idle_ms);
	far_post(f);
	return true;
}

/* ---- the body ---- */

static size_t op_room(const struct exchange *x)
{
	return wire_room(&of_exchange(x)->body);
}

static void resume(struct far_stream *s)
{
	if (s->deferred)
		(void)nghttp2_session_resume_data(s->far->pump.session, s->id);
	s->deferred = false;
	far_post(s->far);
}

/* The request is remembered as long as it is short, for the case that the target does nothing with it. */
static void remember(struct far_stream *s, struct bw_str bytes)
{
	struct exchange *x = s->x;
	size_t n = wire_length(&x->again);

	if (n && n + bytes.n <= s->head_n + BLOCK_BYTES)
		(void)wire_put(s->far->pump.edge, &x->again, bytes);
	else
		wire_free(s->far->pump.edge, &x->again);
}

static void op_body(struct exchange *x, struct bw_str bytes)
{
	struct far_stream *s = of_exchange(x);

	if (bytes.n == 0)
		return;
	remember(s, bytes);
	(void)wire_put(s->far->pump.edge, &s->body, bytes);
	resume(s);
}

static void op_trailers(struct exchange *x, struct bw_str lines)
{
	struct far_stream *s = of_exchange(x);

	s->trailers_out = bw_arena_str(&s->arena, lines);
	far_grown(s);
	wire_free(s->far->pump.edge, &x->again); /* it would go without them */
}

static void op_body_end(struct exchange *x)
{
	of_exchange(x)->body_ended = true;
	resume(of_exchange(x));
}

/* What the last of the body is to be flagged with. */
static uint32_t trailers_send(struct far_stream *s)
{
	nghttp2_nv fields[BW_HTTP_HEADERS_MAX];
	size_t n = fields_make(&s->arena, s->trailers_out, header_is_hop, fields, BW_COUNT(fields));

	if (n == 0 || nghttp2_submit_trailer(s->far->pump.session, s->id, fields, n) != 0)
		return 0;
	return NGHTTP2_DATA_FLAG_NO_END_STREAM;
}

ssize_t far_stream_read(struct far_stream *s, uint8_t *to, size_t size, uint32_t *flags)
{
	struct bw_str bytes = bw_str_sub(wire_bytes(&s->body), 0, size);

	if (bytes.n == 0 && !s->body_ended) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	memcpy(to, bytes.p, bytes.n);
	s->full = s->full || wire_room(&s->body) == 0;
	s->far->parched = s->far->parched || s->full;
	wire_eat(s->far->pump.edge, &s->body, bytes.n);
	s->active_ms = bw_loop_now_ms(s->far->pump.edge->loop);
	if (s->body_ended && !wire_length(&s->body))
		*flags |= NGHTTP2_DATA_FLAG_EOF | trailers_send(s);
	return (ssize_t)bytes.n;
}

/* The clients' sides may end streams meanwhile: each time it is looked from the beginning. */
void far_pull(struct far *f)
{
	struct far_stream *s;

	while (f->parched) {
		for (s = f->streams; s && !(s->full && wire_room(&s->body)); s = s->next)
			;
		if (!s) {
			f->parched = false;
			return;
		}
		s->full = false;
		s->x->ops->pull(s->x);
	}
}

/* The client's side has room again: what waits for it is told once more. */
static void op_pull(struct exchange *x)
{
	far_note(of_exchange(x));
	far_post(of_exchange(x)->far);
}

static void op_leave(struct exchange *x)
{
	far_stream_free(of_exchange(x));
}

const struct target_ops upstream_http2 = {
    op_begin, op_room, op_body, op_trailers, op_body_end, op_pull, op_leave};
