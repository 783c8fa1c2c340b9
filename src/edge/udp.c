/* Network load balancers over UDP: a flow is whoever sends from one address and port, for as long as
 * datagrams come. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "edge/flow.h"
#include "edge/group.h"
#include "edge/worker.h"

enum { FLOW_IDLE_MS = 120 * 1000, FLOWS_MAX = 16384, DATAGRAMS_PER_TURN = 64, DATAGRAM_MAX = 65536 };

struct udp_flow {
	struct listening *listening;
	struct target *target; /* a reference */
	struct bw_watch watch;
	struct bw_timer timer;
	struct bw_address peer;
	int64_t active_ms;
};

struct udp_flows {
	struct bw_map map; /* peer's address -> struct udp_flow */
};

static void udp_flow_drop(void *value)
{
	struct udp_flow *f = value;
	struct edge *e = f->listening->edge;

	bw_timer_cancel(e->loop, &f->timer);
	bw_watch_remove(e->loop, &f->watch);
	close(f->watch.fd);
	target_release(f->target);
	bw_slab_give(&e->slab, f);
}

static struct bw_str key_of(const struct bw_address *a)
{
	return bw_str_make(a, a->bytes);
}

static void udp_flow_idle(struct bw_timer *t)
{
	struct udp_flow *f = (struct udp_flow *)((char *)t - offsetof(struct udp_flow, timer));
	struct edge *e = f->listening->edge;
	int64_t left = f->active_ms + FLOW_IDLE_MS - bw_loop_now_ms(e->loop);

	if (left > 0)
		bw_timer_set(e->loop, t, left);
	else
		bw_map_del(&f->listening->flows->map, key_of(&f->peer));
}

/* The target's answers go back from the listener's own address. */
static void udp_answer(struct bw_watch *w, uint32_t events)
{
	struct udp_flow *f = (struct udp_flow *)((char *)w - offsetof(struct udp_flow, watch));
	struct listening *l = f->listening;
	ssize_t n;

	(void)events;
	for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
		n = recv(w->fd, l->edge->scratch, DATAGRAM_MAX, 0);
		if (n < 0)
			return;
		scratch_use(l->edge, (size_t)n);
		f->active_ms = bw_loop_now_ms(l->edge->loop);
		l->listener_stats->values[M_PROCESSED_BYTES] += n;
		(void)!sendto(
		    l->watch.fd, l->edge->scratch, (size_t)n, MSG_NOSIGNAL, &f->peer.any, f->peer.bytes);
	}
}

/* Without one that may speak from the client's address the datagram is lost, as datagrams may be. */
static int udp_socket(struct listening *l, const struct group *g, const struct bw_address *peer, const struct bw_address *to)
{
	if (origin_wanted(l->edge, g, peer, to, true))
		return origin_take(l->edge, peer, true, true);
	return socket(to->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static struct udp_flow *udp_flow_new(struct listening *l, const struct bw_address *peer)
{
	struct group *g;
	struct target *t = flow_target_of(l, peer, &g);
	struct udp_flow *f;
	int fd;

	if (!t ||
	    !permits_pass(l->listener->balancer->egress, true, &t->address, bw_address_port(&t->address)))
		return NULL;
	fd = udp_socket(l, g, peer, &t->address);
	if (fd < 0 || connect(fd, &t->address.any, t->address.bytes) != 0) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	f = bw_slab_take(&l->edge->slab, sizeof *f);
	*f = (struct udp_flow){.listening = l,
	    .target = t,
	    .watch = {.fd = fd, .ready = udp_answer},
	    .timer.fire = udp_flow_idle};
	memcpy(&f->peer, peer, sizeof *peer);
	target_hold(t);
	bw_map_put(&l->flows->map, key_of(peer), f);
	bw_timer_set(l->edge->loop, &f->timer, FLOW_IDLE_MS);
	if (bw_watch_set(l->edge->loop, &f->watch, EPOLLIN) != BW_OK)
		f->active_ms -= FLOW_IDLE_MS; /* no answers: it ends with its timer */
	l->listener_stats->values[M_NEW_CONNECTIONS]++;
	return f;
}

static void udp_ready(struct bw_watch *w, uint32_t events)
{
	struct listening *l = (struct listening *)((char *)w - offsetof(struct listening, watch));

	(void)events;
	for (int i = 0; i < DATAGRAMS_PER_TURN && !l->closed_ms; i++) {
		struct bw_address peer = {.bytes = sizeof peer.v6};
		ssize_t n = recvfrom(w->fd, l->edge->scratch, DATAGRAM_MAX, 0, &peer.any, &peer.bytes);
		struct udp_flow *f;

		if (n < 0)
			return;
		scratch_use(l->edge, (size_t)n);
		if (!permits_pass(
		        l->listener->balancer->ingress, true, &peer, (uint16_t)l->listener->in->port)) {
			l->listener_stats->values[M_DENIED]++;
			continue;
		}
		f = bw_map_get(&l->flows->map, key_of(&peer));
		if (f && (f->target->gone || f->target->health == HEALTH_UNHEALTHY)) {
			bw_map_del(&l->flows->map, key_of(&peer));
			f = NULL;
		}
		if (!f)
			f = udp_flow_new(l, &peer);
		if (!f)
			continue;
		f->active_ms = bw_loop_now_ms(l->edge->loop);
		l->listener_stats->values[M_PROCESSED_BYTES] += n;
		(void)!send(f->watch.fd, l->edge->scratch, (size_t)n, MSG_NOSIGNAL);
	}
}

bool udp_open(struct listening *l, int fd)
{
	l->watch = (struct bw_watch){.fd = fd, .ready = udp_ready};
	if (bw_watch_set(l->edge->loop, &l->watch, EPOLLIN) != BW_OK)
		return false;
	l->flows = bw_alloc(sizeof *l->flows);
	bw_map_init(&l->flows->map, FLOWS_MAX, udp_flow_drop);
	return true;
}

void udp_close(struct listening *l)
{
	if (!l->flows)
		return;
	bw_map_free(&l->flows->map);
	bw_free(l->flows);
	l->flows = NULL;
}
