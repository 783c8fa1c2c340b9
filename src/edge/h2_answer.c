/* An answer over HTTP/2: the exchange's view of a stream, and what is said on it. A head goes onto the wire
 * at once, unless that is full; bodies and trailers when it is the stream's turn. */
#include "edge/emit.h"
#include "edge/group.h"
#include "edge/h2.h"

enum { NUMBER_TEXT_MAX = 20 };

static struct h2_stream *of_exchange(const struct exchange *x)
{
	return x->client;
}

/* ---- what is said ---- */

/* Not below zero. */
static struct bw_str number_text(int64_t v, char text[NUMBER_TEXT_MAX])
{
	size_t at = NUMBER_TEXT_MAX;

	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	return bw_str_make(text + at, NUMBER_TEXT_MAX - at);
}

/* `made`: the fields are all that there are. */
static void fields_say(
    struct h2_stream *s, bool made, const struct bw_hpack_field *fields, size_t n, bool ends)
{
	h2_stream_moved(s, 0);
	if (!made || !strand_say(&s->strand, fields, n, ends))
		strand_reset(&s->strand, H2_INTERNAL_ERROR);
}

static void head_say(struct h2_stream *s, struct bw_str lines)
{
	char status_text[NUMBER_TEXT_MAX], length_text[NUMBER_TEXT_MAX];
	struct bw_hpack_field fields[ANSWER_LINES_MAX + 2];
	size_t n;
	bool made = fields_make(lines, header_is_hop, fields + 1, ANSWER_LINES_MAX, &n);

	fields[0] = field_make(BW_STR(":status"), number_text(s->status, status_text));
	n++;
	if (s->length >= 0 && s->status != 204)
		fields[n++] = field_make(BW_STR("content-length"), number_text(s->length, length_text));
	s->said = true;
	s->goes_on = s->waits = false;
	fields_say(s, made, fields, n, s->no_body);
}

static void go_on_say(struct h2_stream *s)
{
	struct bw_hpack_field field = field_make(BW_STR(":status"), BW_STR("100"));

	s->goes_on = false;
	fields_say(s, true, &field, 1, false);
}

static void trailers_say(struct h2_stream *s)
{
	struct bw_hpack_field fields[BW_HTTP_HEADERS_MAX];
	size_t n;
	bool made = fields_make(s->trailers_out, header_is_hop, fields, BW_COUNT(fields), &n);

	s->trailers_out = BW_STR_NONE;
	if (n)
		fields_say(s, made, fields, n, true);
}

/* Whether there is more that could go now. */
static bool body_say(struct h2_stream *s)
{
	bool was_full = wire_room(&s->body) == 0;
	struct bw_str bytes = wire_bytes(&s->body);
	size_t n = strand_say_data(&s->strand, bytes, s->ended && !s->trailers_out.n);

	wire_eat(s->h->pump.edge, &s->body, n);
	s->x->sent += n;
	if (n)
		h2_stream_moved(s, n);
	if (was_full && n)
		exchange_pull(s->x);
	if (s->strand.said_end)
		return false;
	return wire_length(&s->body) ? strand_window(&s->strand) > 0 : s->ended;
}

bool h2_answer_write(struct h2_strand *strand)
{
	struct h2_stream *s = (struct h2_stream *)((char *)strand - offsetof(struct h2_stream, strand));

	if (s->goes_on)
		go_on_say(s);
	if (s->waits)
		head_say(s, s->head_out);
	if (!s->said || strand->said_end || strand->over)
		return false;
	if (s->ended && !wire_length(&s->body) && s->trailers_out.n) {
		trailers_say(s);
		return !strand->said_end;
	}
	return body_say(s);
}

/* ---- what the exchange asks for ---- */

static void op_head(
    struct exchange *x, int status, struct bw_str reason, struct bw_str lines, int64_t length, bool no_body)
{
	struct h2_stream *s = of_exchange(x);

	(void)reason; /* HTTP/2 has none */
	s->status = status;
	s->length = length;
	/* Trailers may stand behind nothing, from a target that has any. */
	s->no_body = no_body || (length == 0 && !(x->target && x->group->http2));
	if (strand_may_say(&s->strand)) {
		head_say(s, lines);
	} else {
		s->head_out = bw_arena_str(h2_stream_arena(s), lines);
		s->waits = true;
		h2_stream_grown(s);
	}
	strand_due(&s->strand);
}

static size_t op_room(const struct exchange *x)
{
	return wire_room(&of_exchange(x)->body);
}

static void op_body(struct exchange *x, struct bw_str bytes)
{
	struct h2_stream *s = of_exchange(x);

	(void)wire_put(s->h->pump.edge, &s->body, bytes);
	strand_due(&s->strand);
}

/* Behind the body; nothing is sent of what has no body. */
static void op_trailers(struct exchange *x, struct bw_str lines)
{
	struct h2_stream *s = of_exchange(x);

	s->trailers_out = bw_arena_str(h2_stream_arena(s), lines);
	h2_stream_grown(s);
}

static void op_end(struct exchange *x)
{
	of_exchange(x)->ended = true;
	strand_due(&of_exchange(x)->strand);
}

static void op_cut(struct exchange *x)
{
	strand_reset(&of_exchange(x)->strand, x->error ? x->error : H2_INTERNAL_ERROR);
}

static void op_pull(struct exchange *x)
{
	h2_stream_give(of_exchange(x));
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

const struct client_ops h2_ops = {
    op_head, op_room, op_body, op_trailers, op_end, op_cut, op_pull, op_tunnel, op_wake};
