/* The parent holds the listening sockets: an edge asks for them by address and gets them over its channel,
 * the same ones after a restart. Streams are one socket for all loops, each accepting when it has time;
 * datagrams have a socket a loop, so that a flow stays with its loop. Only the first loop has sockets made
 * and dropped. */
#include <errno.h>
#include <unistd.h>

#include "edge/listen.h"
#include "edge/worker.h"

enum {
	ASKED_MAX = 64, /* as many answers fit into the channel */
	SAY_AGAIN_MS = 50,
};

static struct bw_proc_socket socket_of(const struct listening *l)
{
	struct bw_proc_socket s = {
	    .address_bytes = l->address.bytes, .shares = 1, .datagrams = l->udp, .make = l->edge->first};

	memcpy(&s.address, &l->address.any, l->address.bytes);
	if (l->udp) {
		s.share = (uint16_t)l->edge->row->number;
		s.shares = (uint16_t)l->edge->shared->loops;
	}
	return s;
}

static bool same(const struct bw_proc_socket *a, const struct bw_proc_socket *b)
{
	return a->datagrams == b->datagrams && a->address_bytes == b->address_bytes &&
	       memcmp(&a->address, &b->address, a->address_bytes) == 0;
}

/* A listener that has this socket, or is to get it. */
static struct listening *listening_of(struct edge *e, const struct bw_proc_socket *s, bool asked)
{
	for (struct listening *l = e->listenings; l; l = l->next) {
		struct bw_proc_socket own = socket_of(l);

		if (same(&own, s) && (!asked || l->socket == SOCKET_ASKED))
			return l;
	}
	return NULL;
}

/* ---- saying ---- */

static bool drops_say(struct edge *e)
{
	for (; e->drop_count; e->drop_count--) {
		const struct bw_proc_socket *s = &e->drops[e->drop_count - 1];

		if (!listening_of(e, s, false) &&
		    bw_proc_send(e->self->channel, BW_PROC_SOCKET_DROP, bw_str_make(s, sizeof *s)) != BW_OK)
			return false;
	}
	return true;
}

static bool asks_say(struct edge *e)
{
	for (struct listening *l = e->listenings; l && e->sockets_asked < ASKED_MAX; l = l->next) {
		struct bw_proc_socket s;

		if (l->socket != SOCKET_WANTED)
			continue;
		s = socket_of(l);
		if (bw_proc_send(e->self->channel, BW_PROC_SOCKET, bw_str_make(&s, sizeof s)) != BW_OK)
			return false;
		l->socket = SOCKET_ASKED;
		e->sockets_asked++;
	}
	return true;
}

/* Once everything that the first image names was asked for: what the process before this one held besides is
 * not needed. */
static bool settle_say(struct edge *e)
{
	if (e->settled || !e->first || !e->config || e->sockets_asked >= ASKED_MAX)
		return true;
	e->settled = bw_proc_send(e->self->channel, BW_PROC_SOCKET_SETTLE, BW_STR("")) == BW_OK;
	return e->settled;
}

void sockets_say(struct edge *e)
{
	if (e->draining || e->retiring)
		return;
	if (!drops_say(e) || !asks_say(e) || !settle_say(e))
		bw_timer_set(e->loop, &e->socket_timer, SAY_AGAIN_MS);
}

void socket_want(struct listening *l)
{
	if (l->socket == SOCKET_NONE && !l->edge->draining && !l->edge->retiring)
		l->socket = SOCKET_WANTED;
}

void socket_drop(struct edge *e, const struct listening *l)
{
	if (!e->first)
		return;
	if (e->drop_count == e->drop_room) {
		e->drop_room = e->drop_room ? 2 * e->drop_room : 16;
		e->drops = bw_realloc(e->drops, e->drop_room * sizeof *e->drops);
	}
	e->drops[e->drop_count++] = socket_of(l);
}

bool sockets_awaited(const struct edge *e)
{
	for (const struct listening *l = e->listenings; l; l = l->next)
		if (l->socket != SOCKET_NONE)
			return true;
	return false;
}

/* ---- hearing ---- */

void socket_answered(struct edge *e, const struct bw_proc_message *m)
{
	struct bw_proc_socket s;
	struct listening *l;

	if (m->n != sizeof s)
		return;
	memcpy(&s, m->payload, sizeof s);
	if (e->sockets_asked)
		e->sockets_asked--;
	l = listening_of(e, &s, true);
	if (l) {
		l->socket = SOCKET_NONE;
		listening_opened(l, m->fd, s.error ? s.error : m->fd < 0 ? EMFILE : 0);
	} else if (m->fd >= 0) {
		/* Its listener went while it was on its way. */
		close(m->fd);
	}
	sockets_say(e);
}
