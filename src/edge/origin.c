/* Connections to targets that come from their clients' addresses (the target group attribute
 * preserve_client_ip.enabled). The sockets are the guard's to make (proc/origin.h): each loop keeps some ready while
 * an image has groups that want them. Whoever finds none waits for the next, as for a target: an address that is
 * silently another one would let a target's own rules judge by it. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "edge/group.h"
#include "edge/worker.h"

enum {
	LOW = BW_ORIGIN_BATCH / 2, /* then more are asked for */
	ASK_AGAIN_MS = 50,         /* after "not now", and when an answer did not come */
	LOOK_AGAIN_MS = 2000,      /* after "not as things stand" */
	ANSWER_MS = 1000,
};

static const char *const states[] = {
    [ORIGIN_KEPT] = "",
    [ORIGIN_OFF] = "the server was started without --preserve-client-ip",
    [ORIGIN_FAILED] = "the guard cannot lead the answers back; its reason stands above",
};

static struct origin_kind *kind_of(struct edge *e, const struct bw_origin_kind *k)
{
	return &e->origins.kinds[k->v6][k->datagrams];
}

static struct bw_origin_kind name_of(const struct edge *e, const struct origin_kind *k)
{
	size_t at = (size_t)(k - &e->origins.kinds[0][0]);

	return (struct bw_origin_kind){at / 2, at % 2};
}

/* ---- Asking ---- */

static void kind_ask(struct edge *e, struct origin_kind *k)
{
	const struct bw_origin_ask ask = {name_of(e, k), BW_ORIGIN_BATCH - k->count};
	int64_t now = bw_loop_now_ms(e->loop);

	if (!k->wanted || k->count > LOW || now < k->next_ms)
		return;
	/* A full channel holds questions that will be answered. */
	if (bw_origin_ask_send(e->origins.watch.fd, &ask) == BW_EIO)
		bw_log(BW_LOG_WARN, "the guard cannot be asked for sockets");
	k->next_ms = now + ANSWER_MS;
}

/* Whoever is short of sockets asks when the time comes. */
static void asks_say(struct edge *e)
{
	int64_t next_ms = INT64_MAX, now = bw_loop_now_ms(e->loop);

	for (struct origin_kind *k = &e->origins.kinds[0][0]; k < &e->origins.kinds[0][0] + ORIGIN_KINDS; k++) {
		kind_ask(e, k);
		if (k->wanted && k->count <= LOW && k->next_ms < next_ms)
			next_ms = k->next_ms;
	}
	if (next_ms < INT64_MAX)
		bw_timer_set(e->loop, &e->origins.timer, next_ms > now ? next_ms - now : 1);
}

static void asks_fire(struct bw_timer *t)
{
	asks_say((struct edge *)((char *)t - offsetof(struct edge, origins.timer)));
}

/* ---- Hearing ---- */

static void kind_state(struct edge *e, struct origin_kind *k, enum origin_state state)
{
	if (k->state == state)
		return;
	k->state = state;
	report_touch(e);
}

/* Those who wait go on: in their order, as many as there are sockets for, or all when there will be none. */
static void waiting_wake(struct origin_kind *k)
{
	struct origin_wait *w;

	while ((w = k->waiting) && (k->count || k->state != ORIGIN_KEPT)) {
		origin_leave(w);
		w->ready(w);
	}
}

static void kind_keep(struct origin_kind *k, const struct bw_origin_answer *a)
{
	for (unsigned i = 0; i < a->count; i++)
		if (k->wanted && k->count < BW_ORIGIN_BATCH)
			k->fds[k->count++] = a->fds[i];
		else
			close(a->fds[i]);
}

static void answered(struct edge *e, const struct bw_origin_answer *a)
{
	struct origin_kind *k = kind_of(e, &a->kind);
	int64_t now = bw_loop_now_ms(e->loop);

	kind_keep(k, a);
	k->next_ms = a->error == 0 ? now : now + (a->error == EAGAIN ? ASK_AGAIN_MS : LOOK_AGAIN_MS);
	if (a->error != EAGAIN)
		kind_state(e, k, a->error ? ORIGIN_FAILED : ORIGIN_KEPT);
	waiting_wake(k);
}

static void origin_ready(struct bw_watch *w, uint32_t events)
{
	struct edge *e = (struct edge *)((char *)w - offsetof(struct edge, origins.watch));
	struct bw_origin_answer a;
	enum bw_err err;

	(void)events;
	while ((err = bw_origin_answer_receive(w->fd, &a)) == BW_OK)
		answered(e, &a);
	if (err == BW_ENOTFOUND) {
		bw_log(BW_LOG_ERROR, "the guard's channel is gone");
		bw_watch_remove(e->loop, w);
	}
	asks_say(e);
}

/* ---- What images want ---- */

static void want(struct edge *e, const struct group *g)
{
	bool both = bw_str_eq(g->in.protocol, BW_STR("TCP_UDP")), udp = both || bw_str_eq(g->in.protocol, BW_STR("UDP"));

	for (const struct target *t = g->targets; t; t = t->next) {
		bool v6 = t->address.any.sa_family == AF_INET6;

		if (!t->has_address)
			continue;
		if (udp)
			e->origins.kinds[v6][true].wanted = true;
		if (both || !udp)
			e->origins.kinds[v6][false].wanted = true;
	}
}

static void group_look(void *ctx, struct bw_str key, void *value)
{
	const struct group *g = value;

	(void)key;
	if (g->used && g->keeps_origin)
		want(ctx, g);
}

static void kind_drop(struct origin_kind *k)
{
	while (k->count)
		close(k->fds[--k->count]);
}

void origins_update(struct edge *e)
{
	struct origin_kind *first = &e->origins.kinds[0][0];

	for (struct origin_kind *k = first; k < first + ORIGIN_KINDS; k++)
		k->wanted = false;
	bw_map_each(&e->groups, group_look, e);
	for (struct origin_kind *k = first; k < first + ORIGIN_KINDS; k++)
		if (!k->wanted)
			kind_drop(k);
	if (e->origins.watch.fd >= 0)
		asks_say(e);
}

enum bw_err origins_open(struct edge *e, int channel)
{
	struct origin_kind *first = &e->origins.kinds[0][0];

	e->origins.watch = (struct bw_watch){.fd = channel, .ready = origin_ready};
	e->origins.timer.fire = asks_fire;
	for (struct origin_kind *k = first; k < first + ORIGIN_KINDS; k++) {
		k->state = channel < 0 ? ORIGIN_OFF : ORIGIN_KEPT;
		k->tail = &k->waiting;
	}
	return channel < 0 ? BW_OK : bw_watch_set(e->loop, &e->origins.watch, EPOLLIN);
}

/* ---- Taking ---- */

static bool loopback(const struct bw_address *a)
{
	static const struct in6_addr one = IN6ADDR_LOOPBACK_INIT;

	return a->any.sa_family == AF_INET ? ntohl(a->v4.sin_addr.s_addr) >> 24 == 127 : memcmp(&a->v6.sin6_addr, &one, sizeof one) == 0;
}

/* An address of the other family cannot be kept (at AWS neither), nor one that means something on this machine or one
 * link alone, where it would lead nobody back. */
static bool possible(const struct bw_address *peer, const struct bw_address *to)
{
	if (peer->any.sa_family != to->any.sa_family)
		return false;
	if (peer->any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&peer->v6.sin6_addr))
		return false;
	return !loopback(peer) || loopback(to);
}

bool origin_wanted(struct edge *e, const struct group *g, const struct bw_address *peer, const struct bw_address *to, bool udp)
{
	return g->keeps_origin && possible(peer, to) && e->origins.kinds[to->any.sa_family == AF_INET6][udp].state == ORIGIN_KEPT;
}

/* With the client's own port where that is free here: another connection may stand there already, and ports below
 * 1024 take a power that the edge does not have. */
static bool bound(int fd, const struct bw_address *peer, bool own_port)
{
	struct bw_address any = *peer;

	if (own_port && bind(fd, &peer->any, peer->bytes) == 0)
		return true;
	if (own_port && errno != EADDRINUSE && errno != EACCES)
		return false;
	if (any.any.sa_family == AF_INET6)
		any.v6.sin6_port = 0;
	else
		any.v4.sin_port = 0;
	return bind(fd, &any.any, any.bytes) == 0;
}

int origin_take(struct edge *e, const struct bw_address *peer, bool udp, bool own_port)
{
	struct origin_kind *k = &e->origins.kinds[peer->any.sa_family == AF_INET6][udp];
	int fd;

	if (!k->count) {
		asks_say(e);
		errno = EAGAIN;
		return -1;
	}
	fd = k->fds[--k->count];
	if (k->count <= LOW)
		asks_say(e);
	if (bound(fd, peer, own_port))
		return fd;
	close(fd);
	errno = EADDRNOTAVAIL;
	return -1;
}

void origin_await(struct edge *e, struct origin_wait *w, const struct bw_address *peer)
{
	struct origin_kind *k = &e->origins.kinds[peer->any.sa_family == AF_INET6][false];

	w->kind = k;
	w->prev = k->tail;
	w->next = NULL;
	*k->tail = w;
	k->tail = &w->next;
}

void origin_leave(struct origin_wait *w)
{
	if (!w->prev)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		w->kind->tail = w->prev;
	w->prev = NULL;
}

/* ---- Telling ---- */

const char *origin_unkept(const struct edge *e, const struct group *g)
{
	bool both = bw_str_eq(g->in.protocol, BW_STR("TCP_UDP")), udp = both || bw_str_eq(g->in.protocol, BW_STR("UDP"));

	if (!g->used || !g->keeps_origin)
		return NULL;
	for (const struct target *t = g->targets; t; t = t->next) {
		const struct origin_kind *k = e->origins.kinds[t->address.any.sa_family == AF_INET6];

		if (!t->has_address)
			continue;
		if (udp && k[true].state != ORIGIN_KEPT)
			return states[k[true].state];
		if ((both || !udp) && k[false].state != ORIGIN_KEPT)
			return states[k[false].state];
	}
	return NULL;
}
