/* Streams (RFC 9113 5.1): which there are, who has something to say, how they end. */
#include "edge/h2_pump.h"

/* ---- lists ---- */

static struct h2_strand **bucket(struct h2_session *s, uint32_t id)
{
	return &s->buckets[(id >> 1) % H2_BUCKETS];
}

struct h2_strand *strand_find(const struct h2_session *s, uint32_t id)
{
	struct h2_strand *one = s->buckets[(id >> 1) % H2_BUCKETS];

	while (one && one->id != id)
		one = one->chain;
	return one;
}

static void list_add(struct h2_strand ***end, struct h2_strand *one)
{
	one->next_due = NULL;
	one->prev_due = *end;
	**end = one;
	*end = &one->next_due;
	one->due = true;
}

static void list_remove(struct h2_strand *one)
{
	struct h2_session *s = one->session;

	if (!one->due)
		return;
	*one->prev_due = one->next_due;
	if (one->next_due)
		one->next_due->prev_due = one->prev_due;
	else if (one->waits)
		s->waiting_end = one->prev_due;
	else
		s->due_end = one->prev_due;
	one->due = one->waits = false;
}

void strand_due(struct h2_strand *s)
{
	struct h2_session *session = s->session;

	if (!session || s->due)
		return;
	s->waits = !s->id && session->count >= session->peer_streams;
	list_add(s->waits ? &session->waiting_end : &session->due_end, s);
}

struct h2_strand *strand_next(struct h2_session *s)
{
	struct h2_strand *one = s->due;

	list_remove(one);
	return one;
}

void h2_all_due(struct h2_session *s)
{
	for (size_t i = 0; i < H2_BUCKETS; i++)
		for (struct h2_strand *one = s->buckets[i]; one; one = one->chain)
			strand_due(one);
}

/* ---- what ended ---- */

static bool counts_back(const struct h2_session *s, uint32_t id)
{
	return (s->newest >> 1) - (id >> 1) < H2_ENDED;
}

static void ended_note(struct h2_session *s, uint32_t id, bool by_us)
{
	uint32_t i = (id >> 1) % H2_ENDED;

	if (!counts_back(s, id))
		return;
	s->ended_by_us[i / 8] =
	    (uint8_t)((s->ended_by_us[i / 8] & ~(1u << i % 8)) | (unsigned)by_us << i % 8);
}

bool h2_was_ours_to_end(const struct h2_session *s, uint32_t id)
{
	uint32_t i = (id >> 1) % H2_ENDED;

	return !counts_back(s, id) || s->ended_by_us[i / 8] >> i % 8 & 1;
}

/* Ids of the other side's kind are never used: nothing is pushed. */
bool h2_is_idle(const struct h2_session *s, uint32_t id)
{
	return !(id & 1) || id > s->newest;
}

/* ---- beginning and end ---- */

void strand_link(struct h2_session *s, struct h2_strand *strand)
{
	struct h2_strand **at = bucket(s, strand->id);

	strand->session = s;
	strand->chain = *at;
	*at = strand;
	strand->window_out = s->peer_window;
	strand->window_in = H2_WINDOW;
	strand->length_left = -1;
	strand->began_ms = bw_loop_now_ms(s->pump->edge->loop);
	s->count++;
}

void h2_waiting_go(struct h2_session *s)
{
	for (uint32_t n = s->count; s->waiting && n < s->peer_streams; n++) {
		struct h2_strand *one = s->waiting;

		list_remove(one);
		list_add(&s->due_end, one);
	}
}

static void unlink_strand(struct h2_strand *s)
{
	struct h2_session *session = s->session;
	struct h2_strand **at = bucket(session, s->id);

	list_remove(s);
	if (s->id) {
		while (*at != s)
			at = &(*at)->chain;
		*at = s->chain;
		session->count--;
		h2_waiting_go(session);
	}
	s->id = 0;
	s->session = NULL;
}

void strand_close(struct h2_strand *s, uint32_t error)
{
	const struct h2_kind *k = s->session->kind;

	if (s->id)
		ended_note(s->session, s->id, s->over && !s->heard_end);
	unlink_strand(s);
	k->closed(s, error);
}

static void say_reset(struct h2_strand *s, uint32_t error)
{
	if (!s->id || s->over || s->session->failed)
		return;
	h2_say_u32(s->session, H2_RST_STREAM, s->id, error);
	s->over = true;
	s->error = error;
}

void strand_leave(struct h2_strand *s, uint32_t error)
{
	if (!s->session)
		return;
	say_reset(s, error);
	if (s->id)
		ended_note(s->session, s->id, s->over && !s->heard_end);
	unlink_strand(s);
}

void strand_reset(struct h2_strand *s, uint32_t error)
{
	if (!s->session)
		return;
	say_reset(s, error);
	strand_due(s);
}

void strand_fault(struct h2_strand *s, enum h2_error error)
{
	if (s->session->kind->server)
		pump_spend(s->session->pump, H2_COST_RESET);
	say_reset(s, error);
	strand_close(s, error);
}

void h2_forgo(struct h2_session *s, uint32_t id, bool whole)
{
	ended_note(s, id, !whole);
}

/* Each call may change the lists, so it is looked from the beginning. */
static struct h2_strand *unbegun(struct h2_strand *list)
{
	while (list && list->id)
		list = list->next_due;
	return list;
}

static struct h2_strand *behind(struct h2_session *s, uint32_t last)
{
	for (size_t i = 0; i < H2_BUCKETS; i++)
		for (struct h2_strand *one = s->buckets[i]; one; one = one->chain)
			if (one->id > last)
				return one;
	return NULL;
}

void h2_refused(struct h2_session *s, uint32_t last)
{
	struct h2_strand *one;

	while ((one = behind(s, last)) || (one = unbegun(s->due)) || (one = s->waiting))
		strand_close(one, H2_REFUSED_STREAM);
}

void h2_refuse(struct h2_session *s, uint32_t id, bool whole)
{
	h2_say_u32(s, H2_RST_STREAM, id, H2_REFUSED_STREAM);
	pump_spend(s->pump, H2_COST_RESET);
	h2_forgo(s, id, whole);
}

void strand_try_close(struct h2_strand *s)
{
	if (!s->said_end)
		return;
	/* The answer is out while the request still comes: nobody wants the rest (8.1). */
	if (!s->heard_end && s->session->kind->server)
		say_reset(s, H2_NO_ERROR);
	if (!s->heard_end && !s->over)
		return;
	s->session->pump->resets--;
	strand_close(s, H2_NO_ERROR);
}
