/* h2_rig.h */
#include "h2_rig.h"

static struct edge e;

static struct rig_strand *of(struct h2_strand *s)
{
	return (struct rig_strand *)((char *)s - offsetof(struct rig_strand, strand));
}

static struct rig *rig_of(struct h2_pump *p)
{
	return (struct rig *)((char *)p - offsetof(struct rig, pump));
}

static void BW_PRINTF(2, 3) note(struct rig *r, const char *format, ...)
{
	va_list v;
	int n;

	va_start(v, format);
	n = vsnprintf(r->log + r->n, sizeof r->log - r->n, format, v);
	va_end(v);
	r->n += (size_t)n;
	assert_true(r->n < sizeof r->log);
}

/* ---- what the session calls ---- */

static struct rig_strand *strand_new(struct rig *r)
{
	struct rig_strand *s = bw_alloc(sizeof *s);

	s->next = r->strands;
	s->open = true;
	r->strands = s;
	return s;
}

static struct h2_strand *begin(struct h2_pump *p)
{
	return &strand_new(rig_of(p))->strand;
}

static void head(struct h2_strand *s, const struct h2_message *m, bool ends)
{
	struct rig *r = rig_of(s->session->pump);

	if (m->too_large)
		note(r, " large%u", s->id);
	else if (m->server)
		note(r, " head%u %.*s %.*s%s", s->id, BW_FMT(m->method), BW_FMT(m->path), ends ? "." : "");
	else
		note(r, " head%u %d%s", s->id, m->status, ends ? "." : "");
}

static void data(struct h2_strand *s, struct bw_str bytes)
{
	struct rig *r = rig_of(s->session->pump);

	note(r, " data%u %zu", s->id, bytes.n);
	of(s)->heard += bytes.n;
	if (!r->keeps)
		strand_consume(s, bytes.n);
}

static void trailers(struct h2_strand *s, const struct h2_message *m)
{
	note(rig_of(s->session->pump), " trailers%u %zu", s->id, m->count);
}

static void ended(struct h2_strand *s)
{
	note(rig_of(s->session->pump), " end%u", s->id);
}

static struct rig *closing; /* a strand does not know its session any more */

static void closed(struct h2_strand *s, uint32_t error)
{
	of(s)->open = false;
	note(closing, " closed %u", error);
}

static void pong(struct h2_pump *p)
{
	note(rig_of(p), " pong");
}

static bool write_turn(struct h2_strand *s)
{
	struct rig_strand *own = of(s);
	struct bw_hpack_field fields[] = {{BW_STR(":method"), BW_STR("GET"), false},
	    {BW_STR(":scheme"), BW_STR("http"), false}, {BW_STR(":path"), BW_STR("/"), false}};
	size_t n;

	if (!s->session->kind->server && !own->begun) {
		if (rig_of(s->session->pump)->heads)
			fields[0].value = BW_STR("HEAD");
		s->head_only = rig_of(s->session->pump)->heads;
		own->begun = strand_say(s, fields, 3, own->ends && !own->body.n);
		return true;
	}
	if (!own->begun || s->said_end)
		return false;
	n = strand_say_data(s, own->body, own->ends);
	own->body = n ? bw_str_sub(own->body, n, own->body.n) : own->body;
	return own->body.n && strand_window(s) > 0;
}

/* ---- beginning and end ---- */

void rig_open(struct rig *r, bool server, bool greeted)
{
	static const struct h2_kind kinds[2] = {{.head = head,
	                                            .data = data,
	                                            .trailers = trailers,
	                                            .ended = ended,
	                                            .write = write_turn,
	                                            .closed = closed,
	                                            .pong = pong,
	                                            .window = H2_WINDOW,
	                                            .list_max = ANSWER_HEAD_MAX},
	    {.server = true,
	        .begin = begin,
	        .head = head,
	        .data = data,
	        .trailers = trailers,
	        .ended = ended,
	        .write = write_turn,
	        .closed = closed,
	        .pong = pong,
	        .window = 2 * H2_WINDOW,
	        .list_max = H2_HEADERS_BYTES}};

	if (!e.loop) {
		assert_ok(bw_loop_new(&e.loop));
		e.scratch = bw_alloc(SCRATCH_BYTES);
		e.held_max = SIZE_MAX;
		h2_places_open(&e);
	}
	memset(r, 0, sizeof *r);
	r->edge = &e;
	r->pump = (struct h2_pump){.edge = &e, .span_ms = bw_loop_now_ms(e.loop)};
	pump_open(&r->pump, &kinds[server]);
	wire_free(&e, &r->pump.out);
	if (greeted && server)
		rig_feed_bytes(r, h2_preface, H2_PREFACE_BYTES);
	if (greeted)
		rig_feed(r, "4 0 0");
	(void)rig_said(r);
}

void rig_close(struct rig *r)
{
	size_t held;

	r->pump.session->failed = true;
	while (r->strands) {
		struct rig_strand *s = r->strands;

		r->strands = s->next;
		strand_leave(&s->strand, H2_CANCEL);
		bw_free(s);
	}
	pump_close(&r->pump);
	wire_free(&e, &r->pump.out);
	held = e.held_bytes + e.slab.used_bytes + e.h2_places.held_bytes;
	assert_int_equal(held, 0);
}

/* ---- in ---- */

void rig_feed_bytes(struct rig *r, const void *bytes, size_t n)
{
	closing = r;
	for (size_t at = 0, part; at < n; at += part) {
		part = n - at < BLOCK_BYTES ? n - at : BLOCK_BYTES;
		h2_read(r->pump.session, bw_str_make((const char *)bytes + at, part));
	}
}

static unsigned char hex_byte(const char *p)
{
	char text[3] = {p[0], p[1]};

	return (unsigned char)strtoul(text, NULL, 16);
}

static size_t payload_read(const char *p, unsigned char *to)
{
	size_t n = 0;

	while (*p && *p != '|') {
		char *star;
		unsigned long count;

		if (*p == ' ') {
			p++;
			continue;
		}
		count = strtoul(p, &star, 10);
		if (*star == '*') {
			memset(to + n, hex_byte(star + 1), count);
			n += count;
			p = star + 3;
			continue;
		}
		to[n++] = hex_byte(p);
		p += 2;
	}
	return n;
}

void rig_feed(struct rig *r, const char *frames)
{
	static unsigned char frame[1 << 17];

	for (const char *at = frames; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
		char *rest;
		unsigned long type = strtoul(at, &rest, 16), flags = strtoul(rest, &rest, 16),
		              id = strtoul(rest, &rest, 16);
		size_t n = payload_read(rest, frame + 9);

		h2_put_u32(frame, (uint32_t)(n << 8 | type));
		frame[4] = (unsigned char)flags;
		h2_put_u32(frame + 5, (uint32_t)id);
		rig_feed_bytes(r, frame, 9 + n);
	}
}

static size_t put_string(unsigned char *to, const char *p, size_t n)
{
	assert_true(n < 127);
	to[0] = (unsigned char)n;
	memcpy(to + 1, p, n);
	return n + 1;
}

void rig_feed_fields(struct rig *r, uint32_t stream, const char *fields, bool ends)
{
	static unsigned char frame[1 << 15];
	size_t n = 9;

	for (const char *at = fields; *at;) {
		const char *end = strchr(at, '\n'),
		           *value = strstr(at + (at[0] == ':' && at[1] != ' '), ": ");

		frame[n++] = 0;
		n += put_string(frame + n, at, (size_t)(value - at));
		n += put_string(frame + n, value + 2, (size_t)(end - value - 2));
		at = end + 1;
	}
	h2_put_u32(frame, (uint32_t)((n - 9) << 8 | H2_HEADERS));
	frame[4] = H2_END_HEADERS | (ends ? H2_END_STREAM : 0);
	h2_put_u32(frame + 5, stream);
	rig_feed_bytes(r, frame, n);
}

/* ---- out ---- */

static void frame_note(struct rig *r, const char *p, uint32_t n)
{
	uint32_t id = h2_get_u32(p + 5);
	uint8_t type = (uint8_t)p[3], flags = (uint8_t)p[4];
	const char *end = flags & H2_END_STREAM ? "." : "";

	p += 9;
	if (type == H2_SETTINGS && flags & H2_ACK)
		note(r, " ACK");
	else if (type == H2_SETTINGS)
		note(r, " SETTINGS %u", n);
	else if (type == H2_PING)
		note(r, flags & H2_ACK ? " PONG" : " PING");
	else if (type == H2_GOAWAY)
		note(r, " GOAWAY %u %u", h2_get_u32(p), h2_get_u32(p + 4));
	else if (type == H2_RST_STREAM)
		note(r, " RST%u %u", id, h2_get_u32(p));
	else if (type == H2_WINDOW_UPDATE)
		note(r, " UP%u %u", id, h2_get_u32(p));
	else
		note(r, " %s%u %u%s",
		    type == H2_DATA      ? "DATA"
		    : type == H2_HEADERS ? "HEADERS"
		                         : "CONT",
		    id, n, type == H2_CONTINUATION ? "" : end);
}

const char *rig_said(struct rig *r)
{
	static char said[sizeof r->log];

	closing = r;
	for (bool more = true; more;) {
		struct bw_str out;

		if (!r->pump.session->failed)
			h2_write(r->pump.session);
		out = wire_bytes(&r->pump.out);
		more = out.n != 0;
		while (out.n) {
			uint32_t n = h2_get_u32(out.p) >> 8;

			assert_true(out.n >= 9 + n);
			frame_note(r, out.p, n);
			out = bw_str_sub(out, 9 + n, out.n);
		}
		wire_free(r->edge, &r->pump.out);
	}
	memcpy(said, r->log, r->n);
	said[r->n] = '\0';
	r->n = 0;
	return *said ? said + 1 : said;
}

/* ---- strands ---- */

struct rig_strand *rig_ask(struct rig *r)
{
	struct rig_strand *s = strand_new(r);

	s->ends = true;
	strand_open(r->pump.session, &s->strand);
	strand_due(&s->strand);
	return s;
}

struct rig_strand *rig_strand(struct rig *r, uint32_t id)
{
	return of(strand_find(r->pump.session, id));
}

void rig_answer(struct rig *r, uint32_t id, bool ends)
{
	struct bw_hpack_field status = {BW_STR(":status"), BW_STR("200"), false};
	struct rig_strand *s = rig_strand(r, id);

	assert_true(strand_say(&s->strand, &status, 1, ends));
	s->begun = true;
	strand_due(&s->strand);
}
