/* What a client sends, read by our session and by nghttp2's, frame by frame. Both have to hear the same requests, with the same fields and as
 * much of a body, and agree on which connections end. Where ours differs it is named here: it is never that ours hears what nghttp2 does not,
 * but for names of hosts, which it leaves to who makes a request of what it heard. */
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "base/lend.h"
#include "edge/h2_pump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEARD_MAX = 100, STREAMS_MAX = 100 };

/* A request as one of them heard it. */
struct heard {
	uint32_t id;
	uint64_t fields; /* a hash of all, in their order */
	size_t count, body;
	bool ended, whole, odd_path, odd_host, trailed;
};

struct ear {
	struct heard v[HEARD_MAX];
	size_t n;
	bool failed, calls_closed;
};

static struct edge e;
static struct ear ours, theirs;

static struct heard *heard(struct ear *ear, uint32_t id)
{
	for (size_t i = 0; i < ear->n; i++)
		if (ear->v[i].id == id)
			return &ear->v[i];
	return NULL;
}

static void field_hear(struct heard *h, struct bw_str name, struct bw_str value)
{
	h->fields = h->fields * 1099511628211u + bw_str_hash(name);
	h->fields = h->fields * 1099511628211u + bw_str_hash(value);
	h->count++;
}

/* ---- ours ---- */

struct one {
	struct h2_strand strand;
	struct one *next;
};
static struct one *ones;

static struct h2_strand *begin(struct h2_pump *p)
{
	struct one *one = bw_slab_alloc(&e.slab, sizeof *one);

	(void)p;
	one->next = ones;
	ones = one;
	return &one->strand;
}

static void head(struct h2_strand *s, const struct h2_message *m, bool ends)
{
	struct heard *h = &ours.v[ours.n];

	if (m->too_large || ours.n == HEARD_MAX)
		return;
	ours.n++;
	*h = (struct heard){.id = s->id, .whole = true, .ended = ends};
	field_hear(h, m->method, m->path);
	field_hear(h, m->scheme, m->authority);
	for (size_t i = 0; i < m->count; i++)
		field_hear(h, m->headers[i].name, m->headers[i].value);
}

static void hear_data(struct h2_strand *s, struct bw_str bytes)
{
	struct heard *h = heard(&ours, s->id);

	if (h)
		h->body += bytes.n;
	strand_consume(s, bytes.n);
}

static void trailers(struct h2_strand *s, const struct h2_message *m)
{
	struct heard *h = heard(&ours, s->id);

	(void)m;
	if (h)
		h->trailed = true;
}

static void ended(struct h2_strand *s)
{
	struct heard *h = heard(&ours, s->id);

	if (h)
		h->ended = true;
}

static bool write_nothing(struct h2_strand *s)
{
	(void)s;
	return false;
}

static void closed(struct h2_strand *s, uint32_t error)
{
	(void)s;
	(void)error;
}

static const struct h2_kind kind = {.server = true,
    .begin = begin,
    .head = head,
    .data = hear_data,
    .trailers = trailers,
    .ended = ended,
    .write = write_nothing,
    .closed = closed,
    .settings = {{H2_MAX_CONCURRENT_STREAMS, H2_STREAMS}},
    .setting_count = 1,
    .window = H2_WINDOW,
    .list_max = H2_HEADERS_BYTES};

/* ---- nghttp2's ---- */

static struct {
	struct bw_str pseudo[4];
	char text[4][1 << 14];
	struct heard rest; /* of the fields behind */
} coming;

static int their_begin(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	(void)session;
	(void)frame;
	(void)ctx;
	memset(coming.pseudo, 0, sizeof coming.pseudo);
	coming.rest = (struct heard){0};
	return 0;
}

static bool octets_fit(struct bw_str s, bool host)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '#')
			return false;
		if (host && !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]", c))
			return false;
	}
	return true;
}

static int their_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_p, size_t name_n, const uint8_t *value_p,
    size_t value_n, uint8_t flags, void *ctx)
{
	static const char *const names[] = {":method", ":path", ":scheme", ":authority"};
	struct bw_str name = bw_str_make(name_p, name_n), value = bw_str_make(value_p, value_n);

	(void)session;
	(void)flags;
	(void)ctx;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	for (size_t i = 0; i < BW_COUNT(names); i++)
		if (bw_str_eq(name, bw_str_c(names[i])) && value.n < sizeof coming.text[i]) {
			if (value.n)
				memcpy(coming.text[i], value.p, value.n);
			coming.pseudo[i] = bw_str_make(coming.text[i], value.n);
			return 0;
		}
	/* Gathered by pairs behind the four: hashed now, and put together when the head is whole. */
	coming.rest.odd_host = coming.rest.odd_host || (bw_str_eq(name, BW_STR("host")) && !octets_fit(value, true));
	coming.rest.fields = coming.rest.fields * 1099511628211u + bw_str_hash(name);
	coming.rest.fields = coming.rest.fields * 1099511628211u + bw_str_hash(value);
	coming.rest.count++;
	return 0;
}

static void their_head(uint32_t id, bool ends)
{
	struct heard *h = &theirs.v[theirs.n];
	uint64_t power = 1;

	if (theirs.n == HEARD_MAX)
		return;
	theirs.n++;
	*h = (struct heard){.id = id, .whole = true, .ended = ends, .odd_path = !octets_fit(coming.pseudo[1], false)};
	field_hear(h, coming.pseudo[0], coming.pseudo[1]);
	field_hear(h, coming.pseudo[2], coming.pseudo[3]);
	for (size_t i = 0; i < 2 * coming.rest.count; i++)
		power *= 1099511628211u;
	h->fields = h->fields * power + coming.rest.fields;
	h->count += coming.rest.count;
}

static int their_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	uint32_t id = (uint32_t)frame->hd.stream_id;
	struct heard *h = heard(&theirs, id);
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	(void)session;
	(void)ctx;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		their_head(id, ends);
	else if (h && ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
		h->ended = true;
	return 0;
}

static int their_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *ctx)
{
	struct heard *h = heard(&theirs, (uint32_t)id);

	(void)session;
	(void)flags;
	(void)p;
	(void)ctx;
	if (h)
		h->body += n;
	return 0;
}

static nghttp2_session *their_open(void)
{
	const nghttp2_settings_entry streams = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS};
	nghttp2_session_callbacks *c;
	nghttp2_session *s;

	MUST(nghttp2_session_callbacks_new(&c) == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, their_begin);
	nghttp2_session_callbacks_set_on_header_callback(c, their_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, their_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, their_data);
	MUST(nghttp2_session_server_new(&s, c, NULL) == 0);
	nghttp2_session_callbacks_del(c);
	MUST(nghttp2_submit_settings(s, NGHTTP2_FLAG_NONE, &streams, 1) == 0);
	return s;
}

static void their_read(nghttp2_session *s, struct bw_str bytes)
{
	const uint8_t *out;
	ssize_t n = nghttp2_session_mem_recv(s, (const uint8_t *)bytes.p, bytes.n);

	theirs.failed = theirs.failed || n != (ssize_t)bytes.n;
	while (!theirs.failed && (n = nghttp2_session_mem_send(s, &out)) > 0)
		if (n >= 17 && out[3] == NGHTTP2_GOAWAY) {
			theirs.failed = true;
			theirs.calls_closed = h2_get_u32((const char *)out + 13) == H2_STREAM_CLOSED;
		}
}

/* ---- both ---- */

/* Of what both heard. */
static void agree(void)
{
	for (size_t i = 0; i < ours.n; i++) {
		const struct heard *h = &ours.v[i], *other = heard(&theirs, h->id);

		/* nghttp2 is stricter about a host's octets, which h2_request.c looks at; and a path of OPTIONS, and of a scheme of
		 * neither kind, is ours alone to judge. */
		if (!other)
			continue;
		MUST(h->count == other->count && h->fields == other->fields);
		/* A length in trailers says nothing any more, and is passed on to nobody; nghttp2 judges its form. */
		MUST(!h->ended || h->trailed || other->ended);
		MUST(h->body <= other->body || h->body - other->body <= H2_FRAME_MAX);
	}
}

/* Whole frames alone: of one that has not come whole nghttp2 judges more. 0: there is none. */
static size_t frame_bytes(struct bw_str rest)
{
	size_t n = rest.n < H2_FRAME_HEAD ? SIZE_MAX : H2_FRAME_HEAD + (h2_get_u32(rest.p) >> 8);

	return n <= rest.n ? n : 0;
}

static void both_read(struct h2_pump *p, nghttp2_session *s, struct bw_str bytes)
{
	while (bytes.n && !p->session->failed && !p->calm && ours.n < STREAMS_MAX && theirs.n < STREAMS_MAX) {
		struct bw_str frame = bw_str_sub(bytes, 0, frame_bytes(bytes));
		size_t before = ours.n;

		if (!frame.n)
			return;
		bytes = bw_str_sub(bytes, frame.n, bytes.n);
		their_read(s, frame);
		h2_read(p->session, frame);
		h2_write(p->session);
		wire_free(&e, &p->out);
		/* Behind its end a connection says nothing to anybody. */
		MUST(!theirs.failed || ours.n == before || p->session->failed);
		/* Nothing hangs on which of the streams that a server never begins a client's GOAWAY names; nghttp2 looks at it. */
		if (theirs.failed && frame.p[3] == H2_GOAWAY)
			return;
		/* A block that is not whole is not looked at yet; and what comes on a stream whose end has come is an error of the
		 * stream for us (5.1), of the connection for nghttp2. */
		if (theirs.failed && theirs.calls_closed)
			return;
		if (theirs.failed && !p->session->block_id)
			MUST(p->session->failed || p->calm);
		agree();
	}
}

static void ours_close(struct h2_pump *p)
{
	p->session->failed = true;
	while (ones) {
		struct one *one = ones;

		ones = one->next;
		strand_leave(&one->strand, H2_CANCEL);
		bw_slab_give(&e.slab, one);
	}
	pump_close(p);
	wire_free(&e, &p->out);
	MUST(e.held_bytes + e.slab.used_bytes + e.h2_places.held_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char settings[] = "\0\0\0\4\0\0\0\0\0";
	struct h2_pump p = {.edge = &e};
	nghttp2_session *s;

	if (!e.loop) {
		MUST(bw_loop_new(&e.loop) == BW_OK);
		e.scratch = bw_alloc(SCRATCH_BYTES);
		e.held_max = SIZE_MAX;
		h2_places_open(&e);
	}
	ours = theirs = (struct ear){0};
	pump_open(&p, &kind);
	s = their_open();
	their_read(s, bw_str_make(h2_preface, H2_PREFACE_BYTES));
	h2_read(p.session, bw_str_make(h2_preface, H2_PREFACE_BYTES));
	both_read(&p, s, bw_str_make(settings, 9));
	both_read(&p, s, bw_str_make(data, size));
	nghttp2_session_del(s);
	ours_close(&p);
	return 0;
}
