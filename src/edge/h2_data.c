/* DATA as it comes (RFC 9113 6.1, 8.1.1): counted whole against the windows when its head is there, and
 * passed on in what pieces it comes. */
#include "edge/h2_pump.h"

/* Who is still told of it. */
static struct h2_strand *data_strand(const struct h2_session *s)
{
	struct h2_strand *strand = s->data_id ? strand_find(s, s->data_id) : NULL;

	return strand && !strand->over ? strand : NULL;
}

/* The message's length is what its head said (8.1.1). */
static bool length_keeps(struct h2_strand *s, uint32_t bytes, bool ends)
{
	if (s->length_left < 0)
		return true;
	if ((int64_t)bytes > s->length_left)
		return false;
	s->length_left -= bytes;
	return !ends || s->length_left == 0;
}

static void data_end(struct h2_session *s)
{
	struct h2_strand *strand = data_strand(s);

	if (!strand)
		return;
	if (s->data_ends) {
		strand->heard_end = true;
		if (s->kind->ended)
			s->kind->ended(strand);
	}
	if (s->kind->heard)
		s->kind->heard(strand);
	if (s->data_ends)
		strand_try_close(strand);
}

void h2_data_step(struct h2_session *s, struct bw_str *bytes)
{
	struct bw_str part = h2_eat(bytes, s->data_left);
	struct h2_strand *strand;

	if (part.n) {
		s->data_left -= (uint32_t)part.n;
		strand = data_strand(s);
		if (!strand)
			h2_consume(s, (uint32_t)part.n);
		else
			s->kind->data(strand, part);
	}
	part = s->data_left ? BW_STR("") : h2_eat(bytes, s->pad_left);
	s->pad_left -= (uint32_t)part.n;
	if (!s->data_left && !s->pad_left)
		data_end(s);
}

/* What may not come on a stream as it is. */
static void data_check(
    struct h2_session *s, struct h2_strand *strand, const struct h2_frame *f, uint32_t body)
{
	enum h2_error error = H2_NO_ERROR;

	if (!h2_window_spend(s, strand, f->length))
		error = H2_FLOW_CONTROL_ERROR;
	else if (!strand || strand->over)
		return;
	else if (strand->heard_end)
		error = H2_STREAM_CLOSED;
	else if (!strand->headed || !length_keeps(strand, body, f->flags & H2_END_STREAM))
		error = H2_PROTOCOL_ERROR;
	if (!error || !strand || strand->over || s->failed)
		return;
	strand->heard_end = strand->heard_end || f->flags & H2_END_STREAM;
	strand_fault(strand, error);
}

void h2_take_data(struct h2_session *s, const struct h2_frame *f)
{
	uint32_t padding = f->flags & H2_PADDED ? (unsigned char)f->payload.p[0] + 1u : 0;
	struct h2_strand *strand = strand_find(s, f->id);

	if (padding > f->length || h2_is_idle(s, f->id)) {
		h2_fail(s, H2_PROTOCOL_ERROR);
		return;
	}
	if (!strand && !h2_was_ours_to_end(s, f->id)) {
		h2_fail(s, H2_STREAM_CLOSED);
		return;
	}
	if (f->length == padding && !(strand && f->flags & H2_END_STREAM))
		pump_spend(s->pump, H2_COST_CONTROL);
	data_check(s, strand, f, f->length - padding);
	if (s->failed)
		return;
	s->data_id = f->id;
	s->data_ends = f->flags & H2_END_STREAM;
	s->data_left = f->length - padding;
	s->pad_left = padding ? padding - 1 : 0;
	if (padding && data_strand(s))
		strand_consume(data_strand(s), padding);
	else if (padding)
		h2_consume(s, padding);
	if (!s->data_left && !s->pad_left)
		data_end(s);
}
