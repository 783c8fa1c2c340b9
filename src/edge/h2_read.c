/* Frames as they come (RFC 9113 3.4, 4.1, 4.2, 5.4, 5.5, 6): their heads are checked before anything is kept
 * of them. DATA is passed on as it comes (h2_data.c); all else is looked at when it is whole, where it lies
 * if it can be. */
#include "edge/h2_pump.h"

const char h2_preface[H2_PREFACE_BYTES + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/* ---- frames alone ---- */

/* Nobody is asked to weigh streams (5.3.2); a stream that depends on itself is an error all the same (RFC
 * 7540 5.3.1). */
static void take_priority(struct h2_session *s, const struct h2_frame *f)
{
	pump_spend(s->pump, H2_COST_CONTROL);
	if ((h2_get_u32(f->payload.p) & INT32_MAX) == f->id)
		h2_fail(s, H2_PROTOCOL_ERROR);
}

/* What a client takes back at once has cost us more than it (CVE-2023-44487). A stream that stood for a while
 * has not, for there are no more of those in it than H2_STREAMS; nor has one that a target resets, for it is
 * us who began it. */
static void reset_pay(struct h2_session *s, const struct h2_strand *strand)
{
	bool old = strand && bw_loop_now_ms(s->pump->edge->loop) - strand->began_ms >= H2_YOUNG_MS;

	if (s->kind->server && !old)
		pump_spend(s->pump, H2_COST_RESET);
	else if (!strand)
		pump_spend(s->pump, H2_COST_CONTROL);
}

static void take_rst_stream(struct h2_session *s, const struct h2_frame *f)
{
	struct h2_strand *strand = strand_find(s, f->id);

	reset_pay(s, strand);
	if (h2_is_idle(s, f->id))
		h2_fail(s, H2_PROTOCOL_ERROR);
	else if (strand)
		strand_close(strand, strand->over ? strand->error : h2_get_u32(f->payload.p));
}

static void take_settings(struct h2_session *s, const struct h2_frame *f)
{
	pump_spend(s->pump, H2_COST_CONTROL);
	h2_take_settings(s, f);
}

/* A server never gets one, and to a client of ours pushes were forbidden (8.4). */
static void take_push_promise(struct h2_session *s, const struct h2_frame *f)
{
	(void)f;
	h2_fail(s, H2_PROTOCOL_ERROR);
}

static void take_ping(struct h2_session *s, const struct h2_frame *f)
{
	unsigned char *at;

	pump_spend(s->pump, H2_COST_CONTROL);
	if (f->flags & H2_ACK) {
		if (s->kind->pong)
			s->kind->pong(s->pump);
		return;
	}
	at = h2_frame_say(s, 8, H2_PING, H2_ACK, 0);
	if (at)
		memcpy(at, f->payload.p, 8);
}

/* Of our requests those behind the last that was looked at were refused, and so is what has not begun (6.8).
 */
static void take_goaway(struct h2_session *s, const struct h2_frame *f)
{
	uint32_t last = h2_get_u32(f->payload.p) & INT32_MAX;

	pump_spend(s->pump, H2_COST_CONTROL);
	if (last > s->told_by) {
		h2_fail(s, H2_PROTOCOL_ERROR);
		return;
	}
	s->told_by = last;
	s->gone = true;
	if (!s->kind->server)
		h2_refused(s, last);
}

static void take_window_update(struct h2_session *s, const struct h2_frame *f)
{
	pump_spend(s->pump, H2_COST_UPDATE);
	h2_take_window_update(s, f);
}

/* ---- heads of frames ---- */

enum on { ON_STREAM = 1, ON_CONNECTION = 2 };

static const struct {
	void (*take)(struct h2_session *s, const struct h2_frame *f);
	uint32_t least, most; /* of the payload */
	enum on on;
	bool hears; /* kind->heard follows */
} types[H2_FRAME_TYPES] = {
    [H2_DATA] = {h2_take_data, 0, H2_FRAME_MAX, ON_STREAM, false},
    [H2_HEADERS] = {h2_take_headers, 0, H2_FRAME_MAX, ON_STREAM, false},
    [H2_PRIORITY] = {take_priority, 5, 5, ON_STREAM, true},
    [H2_RST_STREAM] = {take_rst_stream, 4, 4, ON_STREAM, false},
    [H2_SETTINGS] = {take_settings, 0, H2_FRAME_MAX, ON_CONNECTION, false},
    [H2_PUSH_PROMISE] = {take_push_promise, 0, H2_FRAME_MAX, ON_STREAM, false},
    [H2_PING] = {take_ping, 8, 8, ON_CONNECTION, false},
    [H2_GOAWAY] = {take_goaway, 8, H2_FRAME_MAX, ON_CONNECTION, false},
    [H2_WINDOW_UPDATE] = {take_window_update, 4, 4, ON_STREAM | ON_CONNECTION, true},
    [H2_CONTINUATION] = {h2_take_continuation, 0, H2_FRAME_MAX, ON_STREAM, false},
};

/* What a frame may not be, whatever lies in it. */
static enum h2_error head_fault(const struct h2_session *s, const struct h2_frame *f)
{
	bool known = f->type < H2_FRAME_TYPES;

	if (!s->settled && (f->type != H2_SETTINGS || f->flags & H2_ACK)) /* 3.4 */
		return H2_PROTOCOL_ERROR;
	if (f->length > H2_FRAME_MAX)
		return H2_FRAME_SIZE_ERROR;
	if (s->block_id ? f->type != H2_CONTINUATION || f->id != s->block_id
	                : f->type == H2_CONTINUATION) /* 4.3, 6.10 */
		return H2_PROTOCOL_ERROR;
	if (known && !(types[f->type].on & (f->id ? ON_STREAM : ON_CONNECTION)))
		return H2_PROTOCOL_ERROR;
	if (known && (f->length < types[f->type].least || f->length > types[f->type].most))
		return H2_FRAME_SIZE_ERROR;
	if (f->flags & H2_PADDED && (f->type == H2_DATA || f->type == H2_HEADERS) && f->length == 0)
		return H2_FRAME_SIZE_ERROR;
	return H2_NO_ERROR;
}

static struct h2_frame head_read(const char *p)
{
	return (struct h2_frame){.length = h2_get_u32(p) >> 8,
	    .type = (uint8_t)p[3],
	    .flags = (uint8_t)p[4],
	    .id = h2_get_u32(p + 5) & INT32_MAX};
}

/* How much of it has to be there, as far as is known from what is. */
static size_t frame_needs(const struct h2_session *s, struct bw_str bytes, enum h2_error *fault)
{
	struct h2_frame f;

	*fault = H2_NO_ERROR;
	if (bytes.n < H2_FRAME_HEAD)
		return H2_FRAME_HEAD;
	f = head_read(bytes.p);
	*fault = head_fault(s, &f);
	return H2_FRAME_HEAD + (f.type == H2_DATA ? (f.flags & H2_PADDED) != 0 : f.length);
}

static void frame_take(struct h2_session *s, struct bw_str bytes)
{
	struct h2_frame f = head_read(bytes.p);
	struct h2_strand *strand;

	f.payload = bw_str_sub(bytes, H2_FRAME_HEAD, f.length);
	if (f.type >= H2_FRAME_TYPES) { /* 4.1, 5.5 */
		pump_spend(s->pump, H2_COST_CONTROL);
		return;
	}
	types[f.type].take(s, &f);
	if (!types[f.type].hears || !f.id || s->failed || !s->kind->heard)
		return;
	strand = strand_find(s, f.id);
	if (strand && !strand->over)
		s->kind->heard(strand);
}

/* One that came in pieces: of the rest no more is kept than belongs to it. */
static void held_step(struct h2_session *s, struct bw_str *bytes)
{
	enum h2_error fault;
	size_t needs = frame_needs(s, wire_bytes(&s->held), &fault);
	struct wire whole;

	MUST(wire_put(s->pump->edge, &s->held, h2_eat(bytes, needs - wire_length(&s->held))));
	needs = frame_needs(s, wire_bytes(&s->held), &fault);
	if (fault) {
		h2_fail(s, fault);
		return;
	}
	if (wire_length(&s->held) < needs) {
		/* Who has not enough with two reads does not get the memory that others have no more of. */
		if (memory_full(s->pump->edge))
			h2_fail(s, H2_ENHANCE_YOUR_CALM);
		return;
	}
	whole = s->held;
	s->held = (struct wire){0};
	frame_take(s, wire_bytes(&whole));
	wire_free(s->pump->edge, &whole);
}

static void frame_begins(struct h2_session *s, struct bw_str *bytes)
{
	wire_keep(s->pump->edge, &s->held, h2_eat(bytes, bytes->n));
	s->begins = s->begins || !s->block_id;
}

static void frame_step(struct h2_session *s, struct bw_str *bytes)
{
	enum h2_error fault;
	size_t needs;

	if (wire_length(&s->held)) {
		held_step(s, bytes);
		return;
	}
	needs = frame_needs(s, *bytes, &fault);
	if (fault)
		h2_fail(s, fault);
	else if (bytes->n >= needs)
		frame_take(s, h2_eat(bytes, needs));
	else
		frame_begins(s, bytes);
}

static void preface_step(struct h2_session *s, struct bw_str *bytes)
{
	struct bw_str expected =
	    bw_str_make(h2_preface + H2_PREFACE_BYTES - s->preface_left, s->preface_left);
	struct bw_str part = h2_eat(bytes, s->preface_left);

	if (memcmp(part.p, expected.p, part.n) != 0)
		h2_fail(s, H2_PROTOCOL_ERROR);
	s->preface_left -= (uint8_t)part.n;
}

void h2_read(struct h2_session *s, struct bw_str bytes)
{
	while (bytes.n && !s->failed && !s->pump->calm)
		if (s->preface_left)
			preface_step(s, &bytes);
		else if (s->data_left || s->pad_left)
			h2_data_step(s, &bytes);
		else
			frame_step(s, &bytes);
}
