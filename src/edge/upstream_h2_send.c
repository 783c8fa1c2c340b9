/* A request on its way to a target over HTTP/2. */
#include "base/lend.h"
#include "edge/emit.h"
#include "edge/upstream_h2.h"

enum {
	REQUEST_FIELDS_MAX = BW_HTTP_HEADERS_MAX + 32, /* a client's, four of HTTP/2, and what is said of the
	                                                  client: where it comes from (four), its TLS (two),
	                                                  certificate (five) and identity (three) */
};

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
	uint32_t error = s->x && s->x->error ? s->x->error : H2_CANCEL;

	if (s->x)
		s->x->up = NULL;
	unnote(s);
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	f->stream_count--;
	strand_leave(&s->strand, error);
	/* Nobody reads it any more: the connection's window gets it back. */
	h2_consume(f->pump.session, (uint32_t)wire_length(&s->in));
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
	ptrdiff_t at = -1;

	do {
		at = bw_str_find(bytes, '\n', (size_t)(at + 1));
		MUST(at >= 0);
	} while (at < 3 || memcmp(bytes.p + at - 3, "\r\n\r\n", 4) != 0);
	return (size_t)at + 1;
}

/* What HTTP/1.1 would say with its first line is said with fields. */
static void head_say(struct far_stream *s)
{
	struct bw_hpack_field fields[REQUEST_FIELDS_MAX];
	struct bw_str lines = bw_str_sub(s->head_out, 0, s->head_out.n - 2), first = bw_str_cut(&lines, '\n'),
	              method;
	size_t n = 0, lines_n;

	method = bw_str_cut(&first, ' ');
	fields[n++] = field_make(BW_STR(":method"), method);
	fields[n++] =
	    field_make(BW_STR(":scheme"), s->far->target->group->https ? BW_STR("https") : BW_STR("http"));
	fields[n++] = field_make(BW_STR(":authority"), host_of(lines));
	fields[n++] = field_make(BW_STR(":path"), bw_str_cut(&first, ' '));
	s->sent = fields_make(lines, is_left_out, fields + n, BW_COUNT(fields) - n, &lines_n);
	s->strand.head_only = bw_str_eq(method, BW_STR("HEAD"));
	s->head_out = BW_STR_NONE;
	s->sent = s->sent && strand_say(&s->strand, fields, n + lines_n, !s->x->has_body);
	if (!s->sent)
		strand_close(&s->strand, H2_INTERNAL_ERROR); /* it is more, or longer, than any can be */
}

/* It goes when what has come is read: a connection may have ended that nobody has looked at yet, and what was
 * not sent can go again. */
static void head_keep(struct far_stream *s, struct bw_str head)
{
	s->head_n = head.n;
	s->head_out = bw_arena_str(&s->arena, head);
	far_grown(s);
	strand_open(s->far->pump.session, &s->strand);
	strand_due(&s->strand);
}

static bool op_begin(struct exchange *x, struct bw_str bytes)
{
	struct far *f = far_take(x->target);
	struct far_stream *s;

	if (!f)
		return false;
	s = stream_new(f, x);
	s->body_ended = x->request_done;
	f->requests++;
	head_keep(s, bw_str_sub(bytes, 0, head_length(bytes)));
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
	strand_due(&s->strand);
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

static void trailers_say(struct far_stream *s)
{
	struct bw_hpack_field fields[BW_HTTP_HEADERS_MAX];
	size_t n;
	bool made = fields_make(s->trailers_out, header_is_hop, fields, BW_COUNT(fields), &n);

	s->trailers_out = BW_STR_NONE;
	if (n && !(made && strand_say(&s->strand, fields, n, true)))
		strand_reset(&s->strand, H2_INTERNAL_ERROR);
}

/* Whether there is more that could go now. */
static bool body_say(struct far_stream *s)
{
	size_t n = strand_say_data(&s->strand, wire_bytes(&s->body), s->body_ended && !s->trailers_out.n);

	s->full = s->full || (n && wire_room(&s->body) == 0);
	s->far->parched = s->far->parched || s->full;
	wire_eat(s->far->pump.edge, &s->body, n);
	if (n)
		s->active_ms = bw_loop_now_ms(s->far->pump.edge->loop);
	if (s->strand.said_end)
		return false;
	return wire_length(&s->body) ? strand_window(&s->strand) > 0 : s->body_ended;
}

bool far_stream_write(struct h2_strand *strand)
{
	struct far_stream *s = (struct far_stream *)((char *)strand - offsetof(struct far_stream, strand));

	if (s->head_out.n && strand_may_say(strand))
		head_say(s);
	if (!strand->id || strand->said_end || strand->over)
		return false;
	if (s->body_ended && !wire_length(&s->body) && s->trailers_out.n) {
		trailers_say(s);
		return !strand->said_end;
	}
	return body_say(s);
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
