/* A session of HTTP/2 from its beginning to its end: the preface (RFC 9113 3.4), GOAWAY (6.8), connection
 * errors (5.4.1). */
#include "edge/h2_pump.h"

void h2_session_begin(struct h2_session *s, struct h2_pump *p, const struct h2_kind *k)
{
	s->pump = p;
	s->kind = k;
	s->due_end = &s->due;
	s->waiting_end = &s->waiting;
	s->window_out = s->peer_window = H2_WINDOW; /* until the peer says otherwise */
	s->window_in = (int32_t)k->window;
	s->peer_frame_max = H2_FRAME_MAX;
	s->peer_streams = H2_STREAMS_GUESS;
	s->told_last = s->told_by = INT32_MAX;
	s->preface_left = k->server ? H2_PREFACE_BYTES : 0;
	bw_hpack_decoder_init(&s->decoder);
	bw_hpack_encoder_init(&s->encoder);
	if (!k->server)
		(void)wire_put(p->edge, &p->out, bw_str_make(h2_preface, H2_PREFACE_BYTES));
	h2_say_settings(s);
	if (k->window > H2_WINDOW)
		h2_say_u32(s, H2_WINDOW_UPDATE, 0, k->window - H2_WINDOW);
}

void h2_session_end(struct h2_session *s)
{
	wire_free(s->pump->edge, &s->held);
	wire_free(s->pump->edge, &s->block);
	bw_wipe(s, sizeof *s); /* fields that were secret lie in the tables */
}

static void say_goaway(struct h2_session *s, uint32_t last, enum h2_error error)
{
	unsigned char *at = h2_frame_say(s, 8, H2_GOAWAY, 0, 0);

	if (!at)
		return;
	h2_put_u32(at, last);
	h2_put_u32(at + 4, error);
}

void h2_goaway_soon(struct h2_session *s)
{
	say_goaway(s, INT32_MAX, H2_NO_ERROR);
}

/* It may not grow again. */
void h2_goaway(struct h2_session *s, enum h2_error error)
{
	uint32_t last = s->kind->server ? s->newest : 0;

	if (last < s->told_last)
		s->told_last = last;
	say_goaway(s, s->told_last, error);
	s->going = true;
}

void h2_fail(struct h2_session *s, enum h2_error error)
{
	if (s->failed)
		return;
	h2_goaway(s, error);
	s->failed = true;
}

void h2_ping(struct h2_session *s)
{
	unsigned char *at = h2_frame_say(s, 8, H2_PING, 0, 0);

	if (at)
		memset(at, 0, 8);
}

bool h2_is_over(const struct h2_session *s)
{
	return s->failed || ((s->going || s->gone) && !s->count && !s->due && !s->waiting);
}
