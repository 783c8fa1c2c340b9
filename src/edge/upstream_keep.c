/* Connections to targets that are kept between requests. */
#include "edge/upstream.h"
#include "edge/worker.h"

void upstream_unlink(struct upstream *u)
{
	if (u->state != U_IDLE)
		return;
	if (u->prev)
		u->prev->next = u->next;
	else
		u->target->idle = u->next;
	if (u->next)
		u->next->prev = u->prev;
	u->next = u->prev = NULL;
	u->target->idle_count--;
}

struct upstream *upstream_take(struct target *t)
{
	struct upstream *u = t->idle;

	if (!u)
		return NULL;
	upstream_unlink(u);
	u->state = U_BUSY;
	u->reused = true;
	return u;
}

static bool may_be_kept(const struct upstream *u)
{
	const struct target *t = u->target;

	return u->state == U_BUSY && u->keep && u->body_sent && !wire_length(&u->out) &&
	       !wire_length(&u->in) && !u->sock.hup && !t->gone && !t->draining &&
	       t->idle_count < IDLE_UPSTREAMS && !u->edge->draining && !u->edge->retiring;
}

/* Keeps it; false: it may not be. */
static bool upstream_keep(struct upstream *u)
{
	struct target *t = u->target;

	if (!may_be_kept(u))
		return false;
	u->state = U_IDLE;
	u->active_ms = bw_loop_now_ms(u->edge->loop);
	u->prev = NULL;
	u->next = t->idle;
	if (t->idle)
		t->idle->prev = u;
	t->idle = u;
	t->idle_count++;
	return true;
}

void upstream_leave(struct upstream *u, bool whole)
{
	if (u->x)
		u->x->up = NULL;
	u->x = NULL;
	if (whole && upstream_keep(u))
		return;
	upstream_shut(u);
	upstream_reap(u);
}

void upstreams_close(struct target *t)
{
	while (t->idle) {
		struct upstream *u = t->idle;

		upstream_shut(u);
		upstream_reap(u);
	}
}
