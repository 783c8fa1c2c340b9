/* Blocks of fields (RFC 9113 4.3, 6.2, 6.10): put together, decoded whatever becomes of them, and given to
 * the stream that they are of, or that begins with them (5.1, 5.1.1, 5.1.2, 8.1). */
#include "edge/h2_pump.h"

/* ---- whose it is ---- */

enum of { OF_NOBODY, OF_REQUEST, OF_ANSWER, OF_TRAILERS };

static bool unheard(void *message, const struct bw_hpack_field *f)
{
	(void)message;
	(void)f;
	return false;
}

/* Its bytes lie in `room` and in the block. False: the connection has failed. */
static bool block_decode(struct h2_session *s, struct bw_str block, enum of of, struct h2_message *m)
{
	struct edge *e = s->pump->edge;
	size_t room_used = e->room_used;
	struct bw_hpack_sink sink = {.field = of == OF_NOBODY ? unheard : h2_message_field,
	    .ctx = m,
	    .room = e->scratch + BLOCK_BYTES,
	    .list_max = s->kind->list_max};

	*m = (struct h2_message){.server = s->kind->server,
	    .trailers = of == OF_TRAILERS,
	    .length = -1,
	    .headers = s->kind->server ? e->request.headers : e->response.headers};
	e->room_used = SCRATCH_BYTES - BLOCK_BYTES;
	if (of == OF_NOBODY) /* work that no budget of streams pays for */
		pump_spend(s->pump, H2_COST_CONTROL);
	if (!bw_hpack_decode(&s->decoder, block, &sink)) {
		h2_fail(s, H2_COMPRESSION_ERROR);
		return false;
	}
	if (of != OF_NOBODY && !sink.too_large) /* they need no more room than the list is counted */
		e->room_used = room_used > sink.list_bytes ? room_used : sink.list_bytes;
	m->bytes = sink.list_bytes;
	m->too_large = m->too_large || sink.too_large;
	m->bad = m->bad || (!m->too_large && of != OF_NOBODY && !h2_message_end(m));
	return true;
}

/* What an answer's body may be: none of HEAD, 204 and 304 (RFC 9110 6.4.1). */
static void body_expect(struct h2_strand *s, const struct h2_message *m)
{
	s->length_left = m->length;
	if (s->head_only || m->status == 204 || m->status == 304)
		s->length_left = 0;
}

static void final_head(struct h2_strand *s, const struct h2_message *m, bool ends)
{
	const struct h2_kind *k = s->session->kind;

	s->headed = true;
	body_expect(s, m);
	if (ends && s->length_left > 0 && !m->too_large) {
		strand_fault(s, H2_PROTOCOL_ERROR);
		return;
	}
	k->head(s, m, ends);
}

static void trailers(struct h2_strand *s, const struct h2_message *m)
{
	const struct h2_kind *k = s->session->kind;

	if (s->length_left > 0) {
		strand_fault(s, H2_PROTOCOL_ERROR);
		return;
	}
	if (k->trailers)
		k->trailers(s, m);
	if (!s->over && k->ended)
		k->ended(s);
}

/* An interim answer is never the last (8.1), and nothing is ever upgraded (8.6). */
static void message_take(struct h2_strand *s, enum of of, const struct h2_message *m, bool ends)
{
	bool interim = of == OF_ANSWER && m->status < 200 && !m->too_large;
	const struct h2_kind *k = s->session->kind;
	uint32_t id = s->id;
	struct h2_session *session = s->session;

	s->heard_end = ends;
	if (m->bad || (of == OF_TRAILERS && (!ends || m->too_large)) ||
	    (interim && (ends || m->status == 101)))
		strand_fault(s, H2_PROTOCOL_ERROR);
	else if (of == OF_TRAILERS)
		trailers(s, m);
	else if (!interim)
		final_head(s, m, ends);
	else if (s->interims++ == ANSWER_INTERIMS)
		h2_fail(session, H2_ENHANCE_YOUR_CALM);
	s = strand_find(session, id);
	if (!s || s->over || session->failed)
		return;
	if (k->heard)
		k->heard(s);
	if (s->heard_end)
		strand_try_close(s);
}

static void strand_block(struct h2_strand *s, struct bw_str block, bool ends)
{
	struct h2_session *session = s->session;
	enum of of = s->headed ? OF_TRAILERS : session->kind->server ? OF_REQUEST : OF_ANSWER;
	struct h2_message m;

	if (!block_decode(session, block, s->over || s->heard_end ? OF_NOBODY : of, &m) || s->over)
		return;
	if (s->heard_end)
		strand_fault(s, H2_STREAM_CLOSED);
	else
		message_take(s, of, &m, ends);
}

/* A client's new request. */
static void request_block(struct h2_session *s, struct bw_str block, uint32_t id, bool ends)
{
	struct h2_strand *strand = NULL;
	struct h2_message m;

	s->newest = id;
	if (s->count < H2_STREAMS && id <= s->told_last)
		strand = s->kind->begin(s->pump);
	if (!strand) {
		if (block_decode(s, block, OF_NOBODY, &m) && id <= s->told_last)
			h2_refuse(s, id, ends);
		else
			h2_forgo(s, id, ends);
		return;
	}
	strand->id = id;
	strand_link(s, strand);
	strand_block(strand, block, ends);
}

static void block_take(struct h2_session *s, struct bw_str block, uint32_t id, bool ends)
{
	struct h2_strand *strand = strand_find(s, id);
	struct h2_message m;

	if (strand)
		strand_block(strand, block, ends);
	else if (h2_is_idle(s, id))
		request_block(s, block, id, ends);
	else
		(void)block_decode(s, block, OF_NOBODY, &m);
}

/* ---- frames ---- */

static void block_end(struct h2_session *s)
{
	struct wire whole = s->block;
	uint32_t id = s->block_id;

	s->block = (struct wire){0};
	s->block_id = 0;
	block_take(s, wire_bytes(&whole), id, s->block_ends);
	wire_free(s->pump->edge, &whole);
}

/* Who has not enough with a frame does not get the memory that others have no more of. */
static bool block_add(struct h2_session *s, struct bw_str part)
{
	if (wire_length(&s->block) + part.n > H2_BLOCK_BYTES || memory_full(s->pump->edge)) {
		h2_fail(s, H2_ENHANCE_YOUR_CALM);
		return false;
	}
	return wire_put(s->pump->edge, &s->block, part);
}

/* What stands around the block's part is taken off. False: it is no such frame. */
static bool unwrap(struct h2_session *s, const struct h2_frame *f, struct bw_str *part)
{
	size_t padding = 0, front = 0;

	if (f->flags & H2_PADDED) {
		padding = (unsigned char)f->payload.p[0];
		front = 1;
	}
	if (f->flags & H2_WEIGHTED)
		front += 5;
	if (f->length < front) {
		h2_fail(s, H2_FRAME_SIZE_ERROR);
		return false;
	}
	if (padding > f->length - front ||
	    (f->flags & H2_WEIGHTED && (h2_get_u32(f->payload.p + front - 5) & INT32_MAX) == f->id)) {
		h2_fail(s, H2_PROTOCOL_ERROR);
		return false;
	}
	*part = bw_str_sub(f->payload, front, f->length - front - padding);
	return true;
}

/* Whether a stream can be at all what a block comes for (5.1, 5.1.1). */
static bool stream_fits(struct h2_session *s, uint32_t id)
{
	enum h2_error error = H2_NO_ERROR;

	if (h2_is_idle(s, id) && !(s->kind->server && id & 1))
		error = H2_PROTOCOL_ERROR;
	else if (!h2_is_idle(s, id) && !strand_find(s, id) && !h2_was_ours_to_end(s, id))
		error = H2_STREAM_CLOSED;
	if (error)
		h2_fail(s, error);
	return !error;
}

void h2_take_headers(struct h2_session *s, const struct h2_frame *f)
{
	struct bw_str part;

	if (!stream_fits(s, f->id) || !unwrap(s, f, &part))
		return;
	if (f->flags & H2_END_HEADERS) {
		block_take(s, part, f->id, f->flags & H2_END_STREAM);
		return;
	}
	s->block_id = f->id;
	s->begins = true;
	s->block_frames = 0;
	s->block_ends = f->flags & H2_END_STREAM;
	(void)block_add(s, part);
}

void h2_take_continuation(struct h2_session *s, const struct h2_frame *f)
{
	if (++s->block_frames > H2_BLOCK_FRAMES) {
		h2_fail(s, H2_ENHANCE_YOUR_CALM);
		return;
	}
	if (block_add(s, f->payload) && f->flags & H2_END_HEADERS)
		block_end(s);
}
