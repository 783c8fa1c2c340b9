/* Bytes between a socket and a session of HTTP/2, where that lies, and the budgets of frames that cost us
 * more than their sender. */
#include "edge/h2_pump.h"

/* ---- sessions ---- */

void h2_places_open(struct edge *e)
{
	bw_doze_init(&e->h2_places, sizeof(struct h2_session), CONNECTIONS_MAX);
}

/* Clients' sessions are many and idle; ours towards targets are few. */
void pump_open(struct h2_pump *p, const struct h2_kind *k)
{
	p->session = k->server ? bw_doze_take(&p->edge->h2_places) : NULL;
	p->placed = p->session != NULL;
	if (!p->session)
		p->session = bw_slab_alloc(&p->edge->slab, sizeof *p->session);
	h2_session_begin(p->session, p, k);
}

static bool session_sleeps(const struct h2_pump *p)
{
	return p->placed && bw_doze_sleeps(&p->edge->h2_places, p->session);
}

void pump_close(struct h2_pump *p)
{
	if (!p->session)
		return;
	pump_wake(p);
	h2_session_end(p->session);
	if (p->placed)
		bw_doze_give(&p->edge->h2_places, p->session);
	else
		bw_slab_give(&p->edge->slab, p->session);
	p->session = NULL;
	p->placed = false;
}

void pump_sleep(struct h2_pump *p)
{
	sock_sleep(&p->sock);
	if (p->placed && !session_sleeps(p))
		bw_doze_sleep(&p->edge->h2_places, p->session);
}

void pump_wake(struct h2_pump *p)
{
	if (session_sleeps(p))
		bw_doze_wake(&p->edge->h2_places, p->session);
}

/* ---- bytes ---- */

bool pump_send(struct h2_pump *p, bool *moved)
{
	size_t n;
	enum io io;

	*moved = false;
	h2_write(p->session);
	io = sock_flush(p->edge, &p->sock, &p->out, &n);
	p->updates -= (int64_t)n / 512;
	p->sent += n;
	if (n) {
		p->active_ms = bw_loop_now_ms(p->edge->loop);
		*moved = true;
	}
	return io == IO_DONE || io == IO_WAIT;
}

/* A peer who does not take what we say is not listened to either: its frames would only make us say more. */
bool pump_read(struct h2_pump *p, bool *moved)
{
	size_t n;
	enum io io;

	*moved = false;
	if (wire_room(&p->out) == 0 || p->session->failed)
		return true;
	io = sock_read(&p->sock, p->edge->scratch, BLOCK_BYTES, &n);
	scratch_use(p->edge, n);
	if (io == IO_WAIT)
		return true;
	if (io != IO_DONE)
		return false;
	*moved = true;
	p->active_ms = bw_loop_now_ms(p->edge->loop);
	h2_read(p->session, bw_str_make(p->edge->scratch, n));
	return true;
}

/* ---- budgets ---- */

static void span_look(struct h2_pump *p)
{
	int64_t now = bw_loop_now_ms(p->edge->loop);

	if (now - p->span_ms < H2_SPAN_MS)
		return;
	p->span_ms = now;
	p->resets = p->updates = p->control = 0;
}

void pump_spend(struct h2_pump *p, enum h2_cost cost)
{
	span_look(p);
	p->resets += cost == H2_COST_RESET;
	p->control += cost == H2_COST_CONTROL;
	p->updates += cost == H2_COST_UPDATE;
	p->calm = p->calm || p->resets > H2_RESETS || p->control > H2_CONTROL || p->updates > H2_UPDATES;
}
