/* What a peer sends, client or server, read by our session and by nghttp2's, frame by frame. Both have to hear the same messages: fields, bodies
 * byte by byte, trailers, ends; have the same streams in the same states with the same windows either way; say the same body, resets and
 * acknowledgements; and end the connection for the same reason. Where they may differ is named in h2_agree.c, with why.
 *
 * The input is a list of steps: frames made of parts that mean something, whole frames of any bytes, and what the sides are to say. */
#include "h2_pair.h"

enum { IDS = 24, BODY_UNIT = 97, ASKED_MAX = 12 };

static struct {
	const uint8_t *p, *end;
	bool server;
	uint32_t asked;
	unsigned char frame[H2_FRAME_HEAD + (1 << 15)];
	size_t n; /* of its payload */
} run;

static uint8_t take(void)
{
	return run.p < run.end ? *run.p++ : 0;
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
	pair_read(bw_str_make(run.frame, H2_FRAME_HEAD + run.n));
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
		pair_tell("\nask %zu", body);
		ours_ops.ask(body & 0x3ff, body & 1);
		theirs_ops.ask(body & 0x3ff, body & 1);
	} else {
		if (!id || id >= 4 * STREAMS_MAX || !h || !s.there || !h->ended || s.said_end || h->data_said)
			return;
		pair_tell("\nanswer %u %zu", id, body);
		ours_ops.answer(id, body);
		theirs_ops.answer(id, body);
	}
	pair_agree();
}

static void step_cancel(void)
{
	uint32_t id = any_id(), error = take();

	if (!id || !ours_ops.state(id).there)
		return;
	pair_tell("\nreset %u %u", id, error);
	ours_ops.reset(id, error);
	theirs_ops.reset(id, error);
	pair_agree();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const steps[])(void) = {step_headers, step_headers, step_headers, step_data, step_data, step_trailers, step_reset, step_update,
	    step_settings, step_ping, step_goaway, step_priority, step_raw, step_long, step_answer, step_cancel};

	run.p = data;
	run.end = data + size;
	run.asked = 0;
	run.n = 0;
	run.server = take() & 1;
	pair_begin(run.server);
	ours_ops.open(run.server);
	theirs_ops.open(run.server);
	say(H2_SETTINGS, 0, 0);
	while (run.p < run.end && !pair_over())
		steps[take() & 15]();
	ours_ops.close();
	theirs_ops.close();
	return 0;
}
