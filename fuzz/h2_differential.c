/* What a peer sends, client or server, read by our session and by nghttp2's, frame by frame. Both have to hear the same messages: fields, bodies
 * byte by byte, trailers, ends; have the same streams in the same states with the same windows either way; say the same body, resets and
 * acknowledgements; and end the connection for the same reason. Where they may differ is named in `apart`, with why.
 *
 * The input is a list of steps: frames made of parts that mean something, whole frames of any bytes, and what the sides are to say. */
#include <stdio.h>
#include <stdlib.h>

#include "h2_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IDS = 24, BODY_UNIT = 97, ASKED_MAX = 12 };

static struct {
	const uint8_t *p, *end;
	bool server, over;
	uint32_t asked;
	unsigned char frame[H2_FRAME_HEAD + (1 << 15)];
	size_t n; /* of its payload */
} run;

static uint8_t take(void)
{
	return run.p < run.end ? *run.p++ : 0;
}

/* ---- what is gathered ---- */

struct seen *seen_of(struct side *side, uint32_t id)
{
	for (size_t i = 0; i < side->n; i++)
		if (side->v[i].id == id)
			return &side->v[i];
	if (side->n == STREAMS_MAX)
		return NULL;
	side->v[side->n] = (struct seen){.id = id};
	return &side->v[side->n++];
}

void seen_field(uint64_t *hash, size_t *count, struct bw_str name, struct bw_str value)
{
	if (bw_str_eq(name, BW_STR("content-length")) && bw_str_eq(value, BW_STR("0")))
		return; /* of a 204 nghttp2 does not tell it */
	*hash = *hash * 1099511628211u + bw_str_hash(name);
	*hash = *hash * 1099511628211u + bw_str_hash(value);
	++*count;
}

bool octets_fit(struct bw_str s, bool host)
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

static void stream_says(struct side *side, uint32_t id, const char *p, uint32_t n)
{
	struct seen *h = seen_of(side, id);
	uint8_t type = (uint8_t)p[3], flags = (uint8_t)p[4];

	if (!h)
		return;
	if (type == H2_RST_STREAM) {
		h->reset = true;
		h->reset_error = h2_get_u32(p + 9);
	}
	if (type == H2_WINDOW_UPDATE)
		h->updated += h2_get_u32(p + 9);
	if (type == H2_DATA) {
		h->data_said += n;
		side->data_said += n;
	}
	if (type == H2_DATA || type == H2_HEADERS)
		h->said_end = h->said_end || flags & H2_END_STREAM;
}

void side_says(struct side *side, struct bw_str bytes)
{
	while (bytes.n >= H2_FRAME_HEAD) {
		uint32_t n = h2_get_u32(bytes.p) >> 8, id = h2_get_u32(bytes.p + 5);
		uint8_t type = (uint8_t)bytes.p[3];

		MUST(bytes.n >= H2_FRAME_HEAD + n);
		if (id)
			stream_says(side, id, bytes.p, n);
		else if (type == H2_GOAWAY)
			side->error = h2_get_u32(bytes.p + 13);
		else if (type == H2_WINDOW_UPDATE)
			side->updated += h2_get_u32(bytes.p + 9);
		side->acks += type == H2_SETTINGS;
		side->pongs += type == H2_PING;
		bytes = bw_str_sub(bytes, H2_FRAME_HEAD + n, bytes.n);
	}
	MUST(bytes.n == 0);
}

/* ---- whether they agree ---- */

/* What happened, for whoever looks for why. */
static char story[1 << 16];
static size_t story_n;

static void BW_PRINTF(1, 2) tell(const char *format, ...)
{
	va_list v;
	int n;

	va_start(v, format);
	n = vsnprintf(story + story_n, sizeof story - story_n, format, v);
	va_end(v);
	story_n += n > 0 && (size_t)n < sizeof story - story_n ? (size_t)n : 0;
}

static void same(bool is, const char *what, uint32_t id, int64_t one, int64_t other)
{
	if (is)
		return;
	(void)fprintf(stderr, "%s: as a %s, stream %u has %s %lld, nghttp2's %lld\n", story, run.server ? "server" : "client", id, what, (long long)one,
	    (long long)other);
	abort();
}

#define SAME(what) same(a->what == b->what, #what, id, (int64_t)a->what, (int64_t)b->what)

static void streams_agree(const struct seen *a, const struct seen *b)
{
	uint32_t id = a->id;

	SAME(headed);
	SAME(status);
	SAME(head);
	SAME(head_count);
	SAME(body);
	SAME(body_bytes);
	SAME(trailed);
	SAME(trailers);
	SAME(trailer_count);
	SAME(ended);
	SAME(data_said);
	SAME(said_end);
	SAME(reset);
	SAME(reset_error);
}

static void states_agree(uint32_t id)
{
	const struct seen *h = id ? seen_of(&ours, id) : NULL, *other = id ? seen_of(&theirs, id) : NULL;
	uint64_t updated = h ? h->updated : ours.updated, others = other ? other->updated : theirs.updated;
	struct state one = ours_ops.state(id), two = theirs_ops.state(id), *a = &one, *b = &two;

	SAME(there);
	SAME(heard_end);
	SAME(said_end);
	SAME(window_out);
	same((uint64_t)a->unreturned + updated == (uint64_t)b->unreturned + others, "come", id, a->unreturned + (int64_t)updated,
	    b->unreturned + (int64_t)others);
}

static void agree(void)
{
	for (size_t i = 0; i < ours.n; i++)
		if (seen_of(&theirs, ours.v[i].id)) {
			streams_agree(&ours.v[i], seen_of(&theirs, ours.v[i].id));
			states_agree(ours.v[i].id);
		}
	for (size_t i = 0; i < theirs.n; i++)
		(void)seen_of(&ours, theirs.v[i].id);
	states_agree(0);
	same(ours.acks == theirs.acks, "acks", 0, (int64_t)ours.acks, (int64_t)theirs.acks);
	same(ours.pongs == theirs.pongs, "pongs", 0, (int64_t)ours.pongs, (int64_t)theirs.pongs);
}

/* Of a frame with two faults each may look at another first, if both are looked at before the payload is. */
static bool errors_fit(void)
{
	static const uint32_t first = 1u << H2_PROTOCOL_ERROR | 1u << H2_FRAME_SIZE_ERROR | 1u << H2_STREAM_CLOSED | 1u << H2_COMPRESSION_ERROR;

	return ours.error == theirs.error || (first >> ours.error & first >> theirs.error & 1);
}

static bool resets_for(struct side *side, uint32_t id, uint32_t error)
{
	const struct seen *h = seen_of(side, id);

	return h && h->reset && h->reset_error == error;
}

/* Whether this frame took them apart where they may be; nothing is compared then any more. */
static bool apart(struct bw_str frame)
{
	uint8_t type = (uint8_t)frame.p[3];
	uint32_t id = h2_get_u32(frame.p + 5) & INT32_MAX;
	bool of_stream = type == H2_HEADERS || type == H2_CONTINUATION || type == H2_DATA;

	/* What comes on a stream that its sender has ended, or passed over, is an error of the connection for one of them, of the stream or
	 * nothing for the other (5.1 permits each). */
	if (of_stream && ours.failed != theirs.failed && (ours.failed ? &ours : &theirs)->error == H2_STREAM_CLOSED)
		return true;
	/* Of a stream that is no more nghttp2 does not even look whether the frame could be one. */
	if (of_stream && ours.failed && !theirs.failed && !theirs_ops.state(id).there)
		return true;
	/* Nothing hangs on whether the last stream that a GOAWAY names is of a kind that there is. */
	if (type == H2_GOAWAY && theirs.failed && !ours.failed && !(h2_get_u32(frame.p + H2_FRAME_HEAD) & 1))
		return true;
	/* Of a setting that comes twice nghttp2 looks at the last value alone; they are looked at in their order (6.5.3). */
	if (type == H2_SETTINGS && ours.failed && !theirs.failed && frame.n > H2_FRAME_HEAD + 6)
		return true;
	/* An error of a stream may be made one of the connection (5.4.2), which nghttp2 does with most that come in frames without fields. */
	if (ours.failed != theirs.failed && id && resets_for(ours.failed ? &theirs : &ours, id, (ours.failed ? &ours : &theirs)->error))
		return true;
	/* A stream that depends on itself (RFC 7540 5.3.1) is none of RFC 9113; ours still ends the connection. */
	if ((type == H2_PRIORITY || (type == H2_HEADERS && frame.p[4] & H2_WEIGHTED)) && ours.failed && !theirs.failed)
		return true;
	for (size_t i = 0; i < ours.n; i++)
		if (ours.v[i].odd)
			return true;
	for (size_t i = 0; i < theirs.n; i++)
		if (theirs.v[i].odd)
			return true;
	return false;
}

static void both_read(struct bw_str frame)
{
	if (run.over)
		return;
	tell("\n%x %x %x", (uint8_t)frame.p[3], (uint8_t)frame.p[4], h2_get_u32(frame.p + 5));
	for (size_t i = H2_FRAME_HEAD; i < frame.n && i < 64; i++)
		tell(i == H2_FRAME_HEAD ? " %02x" : "%02x", (uint8_t)frame.p[i]);
	if (frame.n > 64)
		tell(" ... %zu", frame.n);
	ours_ops.read(frame);
	theirs_ops.read(frame);
	/* Ours looks at a block when it is whole. */
	if (ours_ops.state(0).in_block && !ours.failed)
		return;
	if (apart(frame)) {
		run.over = true;
		return;
	}
	same(ours.failed == theirs.failed, "failed", 0, ours.failed, theirs.failed);
	same(errors_fit(), "error", 0, ours.error, theirs.error);
	run.over = ours.failed || theirs.done;
	if (!ours.failed)
		agree();
}

/* ---- frames ---- */

static void put(const void *p, size_t n)
{
	if (n > sizeof run.frame - H2_FRAME_HEAD - run.n)
		n = sizeof run.frame - H2_FRAME_HEAD - run.n;
	memcpy(run.frame + H2_FRAME_HEAD + run.n, p, n);
	run.n += n;
}

static void put_byte(uint8_t b)
{
	put(&b, 1);
}

static void put_u32(uint32_t v)
{
	unsigned char b[4];

	h2_put_u32(b, v);
	put(b, 4);
}

static void say(uint8_t type, uint8_t flags, uint32_t id)
{
	h2_put_u32(run.frame, (uint32_t)run.n << 8 | type);
	run.frame[4] = flags;
	h2_put_u32(run.frame + 5, id);
	both_read(bw_str_make(run.frame, H2_FRAME_HEAD + run.n));
	run.n = 0;
}

/* Mostly of streams that there may be. */
static uint32_t any_id(void)
{
	static const uint32_t odd[] = {0, 2, 0x7fffffff, 101, 0x80000001, 65535};
	uint8_t b = take();

	return b >= 250 ? odd[b - 250] : run.server ? 2u * (b % IDS) + 1 : 2u * (b % (run.asked ? run.asked : 1)) + 1;
}

static uint32_t any_value(void)
{
	static const uint32_t values[] = {0, 1, 2, 5, 100, 16383, 16384, 16385, 65534, 65535, 65536, 0x7fff0000, 0x7fff0001, 0x7ffffffe, 0x7fffffff,
	    0x80000000, 0xffffffff, 0xffffff, 0x1000000, 4096, 4095, 32, 8192};
	uint8_t b = take();

	return b < 128 ? b : values[b % BW_COUNT(values)];
}

/* ---- blocks ---- */

static const struct {
	const char *name, *value;
} words[64] = {{":method", "GET"}, {":method", "HEAD"}, {":method", "CONNECT"}, {":method", "G T"}, {":method", "OPTIONS"}, {":scheme", "http"},
    {":scheme", "1a"}, {":path", "/a?b"}, {":path", "*"}, {":path", ""}, {":path", "/a b"}, {":path", "a"}, {":authority", "a"}, {":authority", ""},
    {":authority", "a\r\nb"}, {":status", "200"}, {":status", "204"}, {":status", "304"}, {":status", "100"}, {":status", "103"}, {":status", "101"},
    {":status", "0200"}, {":status", "abc"}, {":status", "600"}, {":protocol", "websocket"}, {":x", "y"}, {"host", "a"}, {"host", "b"},
    {"content-length", "0"}, {"content-length", "3"}, {"content-length", "97"}, {"content-length", "194"}, {"content-length", "03"},
    {"content-length", "-1"}, {"content-length", ""}, {"content-length", "9223372036854775807"}, {"content-length", "9223372036854775808"},
    {"transfer-encoding", "chunked"}, {"connection", "close"}, {"te", "trailers"}, {"te", "gzip"}, {"upgrade", "h2c"}, {"keep-alive", "1"},
    {"proxy-connection", "a"}, {"a", "b"}, {"A", "b"}, {"", "b"}, {"a b", "c"}, {"a:b", "c"}, {"a", ""}, {"a", " b"}, {"a", "b "}, {"a", "b\tc"},
    {"a", "b\rc"}, {"a", "b\nc"}, {"a", "\x7f"}, {"a", "\xff"}, {"a\xff", "b"}, {"cookie", "a=b"}, {"cookie", "c"}, {"expect", "100-continue"},
    {"trailer", "a"}, {"priority", "u=1"}, {"set-cookie", "a=b"}};

static void put_string(const char *s)
{
	put_byte((uint8_t)strlen(s));
	put(s, strlen(s));
}

/* As a literal that enters no table, may enter none, or does; or by its place there. */
static void put_field(void)
{
	static const uint8_t forms[] = {0, 0x10, 0x40};
	uint8_t b = take(), form = b >> 6;

	if (form == 3) {
		put_byte(0x80 | (take() & 0x7f));
		return;
	}
	put_byte(forms[form]);
	put_string(words[b & 63].name);
	put_string(words[b & 63].value);
}

static void put_block(uint8_t shape)
{
	static const char *const starts[2][4] = {
	    {"\x88", "\x89", "\x8b", "\x8e"}, {"\x82\x87\x84\1\1a", "\x83\x87\x84\1\1a", "\x82\x86\x85\1\1a", "\x83\x86\x85\1\1a"}};

	if (!(shape & 0x80))
		put(starts[run.server][shape >> 5 & 3], strlen(starts[run.server][shape >> 5 & 3]));
	if (take() == 0xff)
		put_byte(0x20 | (take() & 0x1f));
	for (uint8_t n = take() & 7; n; n--)
		put_field();
}

static void step_headers(void)
{
	uint32_t id = any_id();
	uint8_t shape = take(), flags = (shape & 1 ? H2_END_STREAM : 0) | (shape & 2 ? H2_PADDED : 0) | (shape & 4 ? H2_WEIGHTED : 0),
	        padding = shape & 2 ? take() : 0, parts = shape >> 3 & 3;

	if (flags & H2_PADDED)
		put_byte(padding);
	if (flags & H2_WEIGHTED) {
		put_u32(any_id());
		put_byte(16);
	}
	put_block(shape);
	for (uint8_t i = 0; flags & H2_PADDED && i < (padding & 15); i++)
		put_byte(0);
	say(H2_HEADERS, flags | (parts ? 0 : H2_END_HEADERS), id);
	for (uint8_t i = 1; i <= parts; i++) {
		for (uint8_t n = take() & 3; n; n--)
			put_field();
		say(H2_CONTINUATION, i == parts ? H2_END_HEADERS : 0, id);
	}
}

static void step_trailers(void)
{
	uint32_t id = any_id();

	for (uint8_t n = take() & 3; n; n--)
		put_field();
	say(H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, id);
}

static void step_data(void)
{
	uint32_t id = any_id();
	uint8_t shape = take(), padding = shape & 2 ? take() : 0;
	size_t n = shape & 4 ? any_value() & 0x7fff : BODY_UNIT * (shape >> 5 & 3);

	if (shape & 2)
		put_byte(padding);
	for (size_t i = 0; i < n; i++)
		put_byte((uint8_t)(i + shape));
	for (uint8_t i = 0; shape & 2 && i < (shape & 16 ? 255 : padding); i++)
		put_byte(0);
	say(H2_DATA, (shape & 1 ? H2_END_STREAM : 0) | (shape & 2 ? H2_PADDED : 0), id);
}

static void step_reset(void)
{
	uint32_t id = any_id();

	put_u32(take());
	say(H2_RST_STREAM, 0, id);
}

static void step_update(void)
{
	uint32_t id = take() & 1 ? 0 : any_id();

	put_u32(any_value());
	say(H2_WINDOW_UPDATE, 0, id);
}

static void step_settings(void)
{
	uint8_t n = take();

	if (n == 0xff) {
		say(H2_SETTINGS, H2_ACK, 0);
		return;
	}
	for (n &= 3; n; n--) {
		uint8_t id = take() & 15;

		put_byte(0);
		put_byte(id);
		put_u32(any_value());
	}
	say(H2_SETTINGS, 0, 0);
}

static void step_ping(void)
{
	uint8_t b = take();

	for (int i = 0; i < 8; i++)
		put_byte(b);
	say(H2_PING, b & 1 ? H2_ACK : 0, 0);
}

static void step_goaway(void)
{
	put_u32(run.server ? 0 : any_id());
	put_u32(take());
	say(H2_GOAWAY, 0, 0);
}

static void step_priority(void)
{
	uint32_t id = any_id();

	put_u32(any_id());
	put_byte(take());
	say(H2_PRIORITY, 0, id);
}

/* Of any kind, and as long as it says. */
static void step_raw(void)
{
	uint8_t type = take(), flags = take(), n = take();
	uint32_t id = any_id();

	for (; n; n--)
		put_byte(take());
	say(type, flags, id);
}

static void step_long(void)
{
	uint8_t type = take() & 15;
	uint32_t id = any_id(), n = any_value() & 0x7fff;

	while (run.n < n)
		put_byte(0);
	say(type, 0, id);
}

/* ---- what the sides are to say ---- */

static void step_answer(void)
{
	uint32_t id = any_id();
	size_t body = BODY_UNIT * take();
	const struct seen *h = seen_of(&ours, id);
	struct state s = ours_ops.state(id);

	if (!run.server) {
		if (run.asked == ASKED_MAX)
			return;
		run.asked++;
		tell("\nask %zu", body);
		ours_ops.ask(body & 0x3ff, body & 1);
		theirs_ops.ask(body & 0x3ff, body & 1);
	} else {
		if (!id || !h || !s.there || !h->ended || s.said_end || h->data_said)
			return;
		tell("\nanswer %u %zu", id, body);
		ours_ops.answer(id, body);
		theirs_ops.answer(id, body);
	}
	agree();
}

static void step_cancel(void)
{
	uint32_t id = any_id(), error = take();

	if (!id || !ours_ops.state(id).there)
		return;
	tell("\nreset %u %u", id, error);
	ours_ops.reset(id, error);
	theirs_ops.reset(id, error);
	agree();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const steps[])(void) = {step_headers, step_headers, step_headers, step_data, step_data, step_trailers, step_reset, step_update,
	    step_settings, step_ping, step_goaway, step_priority, step_raw, step_long, step_answer, step_cancel};

	run.p = data;
	run.end = data + size;
	run.over = false;
	run.asked = 0;
	run.n = story_n = 0;
	run.server = take() & 1;
	ours_ops.open(run.server);
	theirs_ops.open(run.server);
	say(H2_SETTINGS, 0, 0);
	while (run.p < run.end && !run.over)
		steps[take() & 15]();
	ours_ops.close();
	theirs_ops.close();
	return 0;
}
