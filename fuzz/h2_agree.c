/* h2_pair.h: what the two sides have gathered, and whether it is the same. */
#include <stdio.h>
#include <stdlib.h>

#include "h2_pair.h"

static bool is_server, over; /* over: nothing is compared any more */

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

void pair_tell(const char *format, ...)
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
	(void)fprintf(stderr, "%s: as a %s, stream %u has %s %lld, nghttp2's %lld\n", story, is_server ? "server" : "client", id, what, (long long)one,
	    (long long)other);
	abort();
}

#define SAME(what) same(a->what == b->what, #what, id, (int64_t)a->what, (int64_t)b->what)

static void streams_agree(const struct seen *a, const struct seen *b)
{
	uint32_t id = a->id;

	SAME(reset);
	SAME(reset_error);
	SAME(headed);
	SAME(status);
	SAME(head);
	SAME(head_count);
	/* What is wrong with a message may be seen before or after the last piece of it is told; it counts for nothing either way. */
	if (a->reset)
		return;
	SAME(body);
	SAME(body_bytes);
	SAME(trailed);
	SAME(trailers);
	SAME(trailer_count);
	SAME(ended);
	SAME(data_said);
	SAME(said_end);
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
	/* What is not given back yet of a stream that is no more never is. */
	if (!a->there)
		return;
	same((uint64_t)a->unreturned + updated == (uint64_t)b->unreturned + others, "come", id, a->unreturned + (int64_t)updated,
	    b->unreturned + (int64_t)others);
}

void pair_agree(void)
{
	/* Ours looks at a block when it is whole. */
	if (ours_ops.state(0).in_block)
		return;
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

/* Whether a head for it has come before. */
static bool is_headed(uint32_t id)
{
	const struct seen *h = seen_of(&ours, id);

	return h && h->headed;
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
	/* Of trailers nghttp2 looks at hosts and lengths, which say nothing there (RFC 9110 6.5.1) and are not passed on. */
	if (of_stream && type != H2_DATA && is_headed(id) && resets_for(&theirs, id, H2_PROTOCOL_ERROR) && !resets_for(&ours, id, H2_PROTOCOL_ERROR))
		return true;
	/* Nobody may promise us anything (we say so, 6.6): ours does not wait for the promise's block to end. */
	if (type == H2_PUSH_PROMISE && ours.failed && !theirs.failed)
		return true;
	/* Neither priorities (RFC 9218 2.1) nor RFC 8441 may change their mind; nothing hangs on it here. */
	for (size_t i = H2_FRAME_HEAD; type == H2_SETTINGS && theirs.failed && !ours.failed && i + 6 <= frame.n; i += 6)
		if (frame.p[i] == 0 && (frame.p[i + 1] == H2_ENABLE_CONNECT_PROTOCOL || frame.p[i + 1] == H2_NO_RFC7540_PRIORITIES))
			return true;
	/* Of a setting that comes twice nghttp2 looks at the last value alone; they are looked at in their order (6.5.3). */
	if (type == H2_SETTINGS && ours.failed && frame.n > H2_FRAME_HEAD + 6)
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

void pair_read(struct bw_str frame)
{
	if (pair_over())
		return;
	pair_tell("\n%x %x %x", (uint8_t)frame.p[3], (uint8_t)frame.p[4], h2_get_u32(frame.p + 5));
	for (size_t i = H2_FRAME_HEAD; i < frame.n && i < 64; i++)
		pair_tell(i == H2_FRAME_HEAD ? " %02x" : "%02x", (uint8_t)frame.p[i]);
	if (frame.n > 64)
		pair_tell(" ... %zu", frame.n);
	ours_ops.read(frame);
	theirs_ops.read(frame);
	/* Ours looks at a block when it is whole. */
	if (ours_ops.state(0).in_block && !ours.failed)
		return;
	if (apart(frame)) {
		over = true;
		return;
	}
	same(ours.failed == theirs.failed, "failed", 0, ours.failed, theirs.failed);
	same(errors_fit(), "error", 0, ours.error, theirs.error);
	over = ours.failed;
	if (!ours.failed)
		pair_agree();
}

void pair_begin(bool server)
{
	is_server = server;
	over = false;
	story_n = 0;
}

bool pair_over(void)
{
	return over || theirs.done;
}
