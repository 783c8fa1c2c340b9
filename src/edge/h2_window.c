/* Flow control (RFC 9113 5.2, 6.9): what the peer may send, and what we may. */
#include "edge/h2_pump.h"

/* ---- what the peer may send ---- */

bool h2_window_spend(struct h2_session *s, struct h2_strand *strand, uint32_t bytes)
{
	if ((int64_t)bytes > s->window_in) {
		h2_fail(s, H2_FLOW_CONTROL_ERROR);
		return false;
	}
	s->window_in -= (int32_t)bytes;
	if (!strand)
		return true;
	if ((int64_t)bytes > strand->window_in)
		return false;
	strand->window_in -= (int32_t)bytes;
	return true;
}

/* Given back by halves: a frame for each would cost both sides more than it tells. */
void h2_consume(struct h2_session *s, uint32_t bytes)
{
	s->owed += bytes;
	if (s->owed < s->kind->window / 2 || s->failed)
		return;
	h2_say_u32(s, H2_WINDOW_UPDATE, 0, s->owed);
	s->window_in += (int32_t)s->owed;
	s->owed = 0;
}

void strand_consume(struct h2_strand *s, size_t bytes)
{
	if (!s->session)
		return;
	h2_consume(s->session, (uint32_t)bytes);
	s->owed += (uint32_t)bytes;
	if (s->owed < H2_WINDOW / 2 || s->heard_end || s->over || !s->id || s->session->failed)
		return;
	h2_say_u32(s->session, H2_WINDOW_UPDATE, s->id, s->owed);
	s->window_in += (int32_t)s->owed;
	s->owed = 0;
}

/* ---- what we may send ---- */

int64_t strand_window(const struct h2_strand *s)
{
	return s->window_out < s->session->window_out ? s->window_out : s->session->window_out;
}

/* Windows may become less than nothing by it (6.9.2), and not more than there can be. */
void h2_window_change(struct h2_session *s, uint32_t value)
{
	int64_t by = (int64_t)value - s->peer_window;

	s->peer_window = (int32_t)value;
	for (size_t i = 0; i < H2_BUCKETS; i++)
		for (struct h2_strand *one = s->buckets[i]; one; one = one->chain) {
			int64_t window = one->window_out + by;

			if (window > H2_WINDOW_MAX) {
				h2_fail(s, H2_FLOW_CONTROL_ERROR);
				return;
			}
			one->window_out = (int32_t)window;
		}
	if (by > 0)
		h2_all_due(s);
}

static void session_update(struct h2_session *s, uint32_t by)
{
	bool was_shut = s->window_out <= 0;

	if (by == 0) {
		h2_fail(s, H2_PROTOCOL_ERROR);
		return;
	}
	s->window_out += by;
	if (s->window_out > H2_WINDOW_MAX)
		h2_fail(s, H2_FLOW_CONTROL_ERROR);
	else if (was_shut)
		h2_all_due(s);
}

static void strand_update(struct h2_strand *s, uint32_t by)
{
	int64_t window = (int64_t)s->window_out + by;

	if (by == 0 || window > H2_WINDOW_MAX) {
		strand_fault(s, by ? H2_FLOW_CONTROL_ERROR : H2_PROTOCOL_ERROR);
		return;
	}
	s->window_out = (int32_t)window;
	strand_due(s);
}

void h2_take_window_update(struct h2_session *s, const struct h2_frame *f)
{
	uint32_t by = h2_get_u32(f->payload.p) & INT32_MAX;
	struct h2_strand *strand;

	if (f->id == 0) {
		session_update(s, by);
		return;
	}
	if (h2_is_idle(s, f->id)) {
		h2_fail(s, H2_PROTOCOL_ERROR);
		return;
	}
	strand = strand_find(s, f->id);
	if (strand && !strand->over)
		strand_update(strand, by);
}
