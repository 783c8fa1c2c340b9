/* Frames as they go (RFC 9113 4.1, 4.2, 4.3, 6.1, 6.2): straight onto the wire. Who has something to say has
 * his turn while there is room. */
#include "edge/h2_pump.h"

enum {
	DATA_LEAST = 512
}; /* of room on the wire, or it is left to the next turn: short frames cost as much as long ones */

static void head_put(unsigned char *at, uint32_t length, enum h2_frame_type type, uint8_t flags, uint32_t id)
{
	h2_put_u32(at, length << 8 | type);
	at[4] = flags;
	h2_put_u32(at + 5, id);
}

unsigned char *h2_frame_say(
    struct h2_session *s, uint32_t length, enum h2_frame_type type, uint8_t flags, uint32_t id)
{
	struct h2_pump *p = s->pump;
	unsigned char *at =
	    s->failed ? NULL : (unsigned char *)wire_space(p->edge, &p->out, H2_FRAME_HEAD + length);

	if (!at) {
		s->failed = true;
		return NULL;
	}
	head_put(at, length, type, flags, id);
	wire_fill(&p->out, H2_FRAME_HEAD + length);
	return at + H2_FRAME_HEAD;
}

void h2_say_u32(struct h2_session *s, enum h2_frame_type type, uint32_t id, uint32_t value)
{
	unsigned char *at = h2_frame_say(s, 4, type, 0, id);

	if (at)
		h2_put_u32(at, value);
}

/* ---- heads ---- */

bool strand_may_say(const struct h2_strand *s)
{
	const struct h2_session *session = s->session;

	return session && !session->failed && !s->over && wire_room(&session->pump->out) &&
	       (s->id || (session->count < session->peer_streams && h2_may_begin(session)));
}

/* A block behind one head that is longer than a frame may be: heads are put between, from the last to the
 * first. Returns the bytes. */
static size_t block_divide(struct h2_session *s, unsigned char *at, size_t n, uint8_t flags, uint32_t id)
{
	size_t most = s->peer_frame_max, frames = n ? (n + most - 1) / most : 1;

	for (size_t i = frames; i-- > 0;) {
		size_t part = i == frames - 1 ? n - i * most : most;
		unsigned char *to = at + i * (most + H2_FRAME_HEAD);
		uint8_t own = (uint8_t)((i == 0 ? flags : 0) | (i == frames - 1 ? H2_END_HEADERS : 0));

		memmove(to + H2_FRAME_HEAD, at + H2_FRAME_HEAD + i * most, part);
		head_put(to, (uint32_t)part, i ? H2_CONTINUATION : H2_HEADERS, own, id);
	}
	return n + frames * H2_FRAME_HEAD;
}

static void strand_begin(struct h2_strand *s)
{
	struct h2_session *session = s->session;

	session->newest = session->newest ? session->newest + 2 : 1;
	s->id = session->newest;
	strand_link(session, s);
}

bool strand_say(struct h2_strand *s, const struct bw_hpack_field *fields, size_t n, bool ends)
{
	struct h2_session *session = s->session;
	struct h2_pump *p = session->pump;
	size_t bound = bw_hpack_bound(fields, n), heads = (bound / H2_FRAME_MAX + 1) * H2_FRAME_HEAD;
	unsigned char *at = (unsigned char *)wire_space(p->edge, &p->out, bound + heads);
	size_t made;

	if (!at)
		return false;
	if (!s->id)
		strand_begin(s);
	made = bw_hpack_encode(&session->encoder, fields, n, (char *)at + H2_FRAME_HEAD, bound);
	wire_fill(&p->out, block_divide(session, at, made, ends ? H2_END_STREAM : 0, s->id));
	p->control--;
	s->said_end = s->said_end || ends;
	return true;
}

/* ---- bodies ---- */

size_t strand_say_data(struct h2_strand *s, struct bw_str bytes, bool ends)
{
	struct h2_session *session = s->session;
	size_t room = wire_room(&session->pump->out), n = bytes.n;
	int64_t window = strand_window(s);
	unsigned char *at;

	if (room < H2_FRAME_HEAD || (bytes.n && window <= 0))
		return 0;
	room -= H2_FRAME_HEAD;
	if (n > room)
		n = room < DATA_LEAST ? 0 : room;
	if ((int64_t)n > window)
		n = (size_t)window;
	if (n > session->peer_frame_max)
		n = session->peer_frame_max;
	ends = ends && n == bytes.n;
	if (n == 0 && !ends)
		return 0;
	at = h2_frame_say(session, (uint32_t)n, H2_DATA, ends ? H2_END_STREAM : 0, s->id);
	if (!at)
		return 0;
	if (n)
		memcpy(at, bytes.p, n);
	s->window_out -= (int32_t)n;
	session->window_out -= (int64_t)n;
	session->pump->control--;
	s->said_end = ends;
	return n;
}

/* ---- turns ---- */

static void turn(struct h2_strand *s)
{
	struct h2_session *session = s->session;
	bool more;

	if (s->over) {
		strand_close(s, s->error);
		return;
	}
	if (!s->id && session->count >= session->peer_streams) {
		strand_due(s); /* among those who wait */
		return;
	}
	more = session->kind->write(s);
	if (s->over || more)
		strand_due(s);
	else if (s->session)
		strand_try_close(s);
}

void h2_write(struct h2_session *s)
{
	while (h2_has_due(s) && wire_room(&s->pump->out) >= H2_FRAME_HEAD + DATA_LEAST)
		turn(strand_next(s));
}
