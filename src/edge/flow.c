/* Network load balancers over TCP and TLS: two sockets and the bytes between them. */
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "edge/flow.h"
#include "edge/group.h"
#include "edge/proxy.h"
#include "edge/tls.h"
#include "edge/worker.h"
#include "net/tls.h"

enum { FLOW_ROUNDS = 16 };

struct end {
	struct sock sock;
	struct wire out; /* on its way to this end */
	bool connected, read_ended, write_ended;
};

struct flow {
	struct edge *edge;
	struct listening *listening; /* a reference */
	struct target *target;       /* a reference */
	struct flow *next, **prev;   /* of the target's */
	struct end client, far;
	struct bw_timer timer;
	struct bw_post post;
	struct bw_address peer;
	uint32_t slot;
	int64_t active_ms;
	bool running, posted, closed;
	bool proxied; /* the target is told who asks */
	bool tls_target, port_taken; /* port_taken: the client's own port cannot be had towards the target */
	struct origin_wait wait;
};

static void flow_run(struct flow *f);

static void flow_reap(struct flow *f)
{
	if (!f->closed || f->running || f->posted)
		return;
	connection_counted_out(f->edge, f->slot);
	f->listening->listener_stats->values[M_ACTIVE_CONNECTIONS]--;
	listening_release(f->listening);
	if (f->target) {
		f->target->outstanding--;
		*f->prev = f->next;
		if (f->next)
			f->next->prev = f->prev;
		target_release(f->target);
	}
	bw_slab_give(&f->edge->slab, f);
}

static void flow_close(struct flow *f, bool reset)
{
	struct linger now = {.l_onoff = 1};

	if (f->closed)
		return;
	f->closed = true;
	if (reset)
		(void)setsockopt(f->client.sock.watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	bw_timer_cancel(f->edge->loop, &f->timer);
	origin_leave(&f->wait);
	sock_close(f->edge, &f->client.sock);
	sock_close(f->edge, &f->far.sock);
	wire_free(f->edge, &f->client.out);
	wire_free(f->edge, &f->far.out);
}

void flows_end(struct target *t)
{
	for (struct flow *f = t->flows, *next; f; f = next) {
		next = f->next;
		flow_close(f, true);
		flow_reap(f);
	}
}

/* ---- choosing a target ---- */

/* The same five parts always lead to the same target, while the targets stay the same; with `client` the client's address alone. */
static uint64_t flow_hash(const struct listening *l, const struct bw_address *peer, bool client)
{
	char text[BW_ADDRESS_TEXT_MAX];
	struct bw_buf b;
	uint64_t hash;

	bw_buf_init(&b, 256);
	bw_buf_put(&b, bw_address_text(peer, text));
	if (!client)
		bw_buf_printf(&b, " %u %u %d %.*s", bw_address_port(peer), bw_address_port(&l->address), l->udp,
		    BW_FMT(bw_address_text(&l->address, text)));
	hash = bw_str_hash(bw_buf_str(&b));
	bw_buf_free(&b);
	return hash;
}

static struct target *flow_target(struct group *g, uint64_t hash)
{
	bool (*may)(const struct target *t) = group_fails_open(g) ? target_reachable : target_serves;
	size_t n = 0;

	for (const struct target *t = g->targets; t; t = t->next)
		n += may(t);
	if (!n)
		return NULL;
	hash %= n;
	for (struct target *t = g->targets; t; t = t->next)
		if (may(t) && hash-- == 0)
			return t;
	return NULL;
}

/* By their weights. A client that has to stay with a target stays with its group. */
static struct group *flow_group(const struct listening *l, const struct rule *rule, const struct bw_address *peer)
{
	bool client = false;
	int64_t at;

	if (rule->weights <= 0)
		return NULL;
	for (size_t i = 0; i < rule->forward_count; i++)
		client = client || rule->forwards[i].group->sticky == STICKY_SOURCE;
	/* Other bits than those that choose the target. */
	at = (int64_t)((flow_hash(l, peer, client) >> 32) % (uint64_t)rule->weights);
	for (size_t i = 0; i < rule->forward_count; i++) {
		at -= rule->forwards[i].weight;
		if (at < 0)
			return rule->forwards[i].group;
	}
	return NULL;
}

struct target *flow_target_of(const struct listening *l, const struct bw_address *peer, struct group **group)
{
	const struct rule *rule =
	    l->listener->rule_count ? &l->listener->rules[l->listener->rule_count - 1] : NULL;

	if (!rule || rule->what != DO_FORWARD)
		return NULL;
	*group = flow_group(l, rule, peer);
	return *group ? flow_target(*group, flow_hash(l, peer, (*group)->sticky == STICKY_SOURCE)) : NULL;
}

/* ---- moving bytes ---- */

/* A target is offered the protocol that was chosen with the client, so that one comes first. */
static bool far_may_shake(struct flow *f)
{
	if (f->client.sock.tls && !f->client.sock.shaken)
		return false;
	tls_offer_same(f->far.sock.tls, f->client.sock.tls);
	return true;
}

static bool end_ready(struct flow *f, struct end *e)
{
	enum io io;

	if (!e->connected) {
		if (!e->sock.writable && !e->sock.failed)
			return false;
		if (!sock_connected(&e->sock)) {
			f->listening->listener_stats->values[M_CONNECTION_ERROR]++;
			flow_close(f, true);
			return false;
		}
		e->connected = true;
		if (e == &f->far && f->proxied && !proxy_say(e->sock.watch.fd, &f->peer, &f->listening->address)) {
			flow_close(f, true);
			return false;
		}
	}
	if (!e->sock.tls || e->sock.shaken)
		return true;
	if (e == &f->far && !far_may_shake(f))
		return false;
	io = sock_handshake(&e->sock);
	if (io == IO_END || io == IO_FAIL) {
		f->listening->listener_stats->values[M_TLS_ERRORS]++;
		flow_close(f, true);
	}
	if (io == IO_DONE)
		e->sock.readable = true;
	return io == IO_DONE;
}

/* From one end to the other's wire. True: something moved. */
static bool end_read(struct flow *f, struct end *from, struct end *to)
{
	size_t room = wire_room(&to->out), n;
	enum io io;

	if (from->read_ended || room == 0)
		return false;
	io = sock_read(&from->sock, f->edge->scratch, room, &n);
	scratch_use(f->edge, n);
	if (io == IO_WAIT)
		return false;
	if (io == IO_FAIL) {
		flow_close(f, true);
		return false;
	}
	from->read_ended = io == IO_END;
	if (n) {
		(void)wire_put(f->edge, &to->out, bw_str_make(f->edge->scratch, n));
		f->active_ms = bw_loop_now_ms(f->edge->loop);
		f->listening->listener_stats->values[M_PROCESSED_BYTES] += (int64_t)n;
	}
	return true;
}

/* What waits for an end; behind the last of it the end is told that no more comes. */
static bool end_write(struct flow *f, struct end *to, const struct end *from)
{
	size_t moved;
	enum io io = sock_flush(f->edge, &to->sock, &to->out, &moved);

	if (io == IO_FAIL || io == IO_END) {
		flow_close(f, true);
		return false;
	}
	if (io == IO_DONE && from->read_ended && !to->write_ended) {
		to->write_ended = true;
		if (!to->sock.tls)
			(void)shutdown(to->sock.watch.fd, SHUT_WR);
	}
	return moved > 0;
}

static bool turn(struct flow *f)
{
	bool client = end_ready(f, &f->client), far = !f->closed && end_ready(f, &f->far), moved = false;

	if (!f->closed && client)
		moved |= end_read(f, &f->client, &f->far);
	if (!f->closed && far)
		moved |= end_write(f, &f->far, &f->client);
	if (!f->closed && far)
		moved |= end_read(f, &f->far, &f->client);
	if (!f->closed && client)
		moved |= end_write(f, &f->client, &f->far);
	if (!f->closed && f->client.write_ended &&
	    (f->far.write_ended || f->client.sock.tls || f->far.sock.tls))
		flow_close(f, false);
	return !f->closed && moved;
}

static void flow_run(struct flow *f)
{
	int rounds = 0;

	if (!f->closed && !f->running) {
		f->running = true;
		while (turn(f) && ++rounds < FLOW_ROUNDS)
			;
		f->running = false;
		if (!f->closed && rounds == FLOW_ROUNDS && !f->posted) {
			f->posted = true;
			bw_loop_post(f->edge->loop, &f->post);
		}
	}
	flow_reap(f);
}

static void flow_posted(struct bw_post *p)
{
	struct flow *f = (struct flow *)((char *)p - offsetof(struct flow, post));

	f->posted = false;
	flow_run(f);
}

static void client_ready(struct bw_watch *w, uint32_t events)
{
	struct flow *f = (struct flow *)((char *)w - offsetof(struct flow, client.sock.watch));

	sock_note(&f->client.sock, events);
	flow_run(f);
}

static void far_ready(struct bw_watch *w, uint32_t events)
{
	struct flow *f = (struct flow *)((char *)w - offsetof(struct flow, far.sock.watch));

	sock_note(&f->far.sock, events);
	flow_run(f);
}

/* Who has not shaken hands holds the other end for nothing. */
static bool is_begun(const struct flow *f)
{
	return f->far.connected && (!f->client.sock.tls || f->client.sock.shaken) && (!f->far.sock.tls || f->far.sock.shaken);
}

static void flow_timer(struct bw_timer *t)
{
	struct flow *f = (struct flow *)((char *)t - offsetof(struct flow, timer));
	int64_t now = bw_loop_now_ms(f->edge->loop), limit = f->listening->idle_ms;

	/* A draining worker does not wait for those who have nothing to say. */
	if (!is_begun(f) && limit > CONNECT_MS)
		limit = CONNECT_MS;
	if (now - f->active_ms >= limit)
		flow_close(f, true);
	else
		bw_timer_set(f->edge->loop, t, f->active_ms + limit - now);
	flow_reap(f);
}

/* ---- the beginning ---- */

/* From the client's address, where the group wants that. */
static bool far_connect_from_client(struct flow *f)
{
	const struct bw_address *a = &f->target->address;
	int fd = origin_take(f->edge, &f->peer, false, !f->port_taken);

	if (fd < 0 && errno == EAGAIN) {
		origin_await(f->edge, &f->wait, &f->peer);
		return true;
	}
	if (fd < 0)
		return false;
	if (sock_connect_from(f->edge, &f->far.sock, fd, a, far_ready))
		return true;
	/* From there a connection to this very target stands already, or has just ended. */
	if (errno != EADDRNOTAVAIL || f->port_taken)
		return false;
	f->port_taken = true;
	return far_connect_from_client(f);
}

static bool far_connect(struct flow *f)
{
	const struct bw_address *a = &f->target->address;

	if (!(origin_wanted(f->edge, f->target->group, &f->peer, a, false) ? far_connect_from_client(f)
	                                                                   : sock_connect(f->edge, &f->far.sock, group_speaks_from(f->target->group), a, far_ready)))
		return false;
	if (f->tls_target && f->far.sock.watch.fd >= 0)
		f->far.sock.tls = bw_tls_connect_unverified(f->edge->target_tls, f->far.sock.watch.fd);
	return true;
}

static void origin_ready(struct origin_wait *w)
{
	struct flow *f = (struct flow *)((char *)w - offsetof(struct flow, wait));

	if (f->target->gone || !far_connect(f))
		flow_close(f, true);
	flow_run(f);
}

static bool far_open(struct flow *f, struct group *g)
{
	const struct bw_address *a = &f->target->address;

	if (!permits_pass(f->listening->listener->balancer->egress, false, a, bw_address_port(a)))
		return false;
	f->tls_target = bw_str_eq(g->in.protocol, BW_STR("TLS"));
	f->proxied = g->proxy_protocol;
	return far_connect(f);
}

void flow_open(struct listening *l, int fd, const struct bw_address *peer, uint32_t slot)
{
	struct flow *f = bw_slab_alloc(&l->edge->slab, sizeof *f);
	struct group *g = NULL;

	f->edge = l->edge;
	f->listening = l;
	l->references++;
	f->peer = *peer;
	f->slot = slot;
	f->timer.fire = flow_timer;
	f->post.run = flow_posted;
	f->wait.ready = origin_ready;
	f->far.sock.watch.fd = -1;
	f->active_ms = bw_loop_now_ms(f->edge->loop);
	f->client.connected = true;
	l->listener_stats->values[M_NEW_CONNECTIONS]++;
	l->listener_stats->values[M_ACTIVE_CONNECTIONS]++;
	f->running = true;
	f->target = flow_target_of(l, peer, &g);
	if (f->target) {
		target_hold(f->target);
		f->target->outstanding++;
		f->prev = &f->target->flows;
		f->next = *f->prev;
		if (f->next)
			f->next->prev = &f->next;
		*f->prev = f;
	}
	if (sock_watch(f->edge, &f->client.sock, fd, client_ready) != BW_OK || !f->target ||
	    !far_open(f, g)) {
		flow_close(f, true);
	} else {
		if (l->listener->tls)
			f->client.sock.tls = tls_accept(l->listener, fd);
		bw_timer_set(f->edge->loop, &f->timer, CONNECT_MS);
	}
	f->running = false;
	flow_reap(f);
}
