/* Listening on exactly the load balancers' addresses and ports: opened and closed as images change, while
 * connections that were accepted go on. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "edge/client.h"
#include "edge/flow.h"
#include "edge/stats.h"

enum {
	ACCEPTS_PER_TURN = 4, /* the other loops accept from the same socket */
	RETRY_MS = 2000,
	SOON_MS = 100, /* when the first loop has had the socket made */
	CROWDED_MS = 50,
};

/* ---- accepting ---- */

/* Where memory is short: a request in the clear can be told so (503), whereas a handshake would only take more, and a network load
 * balancer has no words. */
static bool has_room(const struct listening *l)
{
	return !(l->listener->tls || l->listener->tcp) || !memory_full(l->edge);
}

static void accepted(struct listening *l, int fd, const struct bw_address *peer)
{
	const struct balancer *b = l->listener->balancer;
	uint32_t slot = address_slot(peer);

	/* Whom no rule permits learns nothing but that the connection has ended. */
	if (!permits_pass(b->ingress, false, peer, (uint16_t)l->listener->in->port)) {
		l->listener_stats->values[M_DENIED]++;
		close(fd);
		return;
	}
	if (!has_room(l) || !connection_count_in(l->edge, slot)) {
		l->listener_stats->values[M_REJECTED]++;
		close(fd);
		return;
	}
	if (l->listener->tcp)
		flow_open(l, fd, peer, slot);
	else
		client_open(l, fd, peer, slot);
}

/* One of the loops is woken for a connection, not all. */
static bool listening_watch(struct listening *l)
{
	return bw_watch_set(l->edge->loop, &l->watch, EPOLLIN | EPOLLEXCLUSIVE) == BW_OK;
}

/* Leaves what comes to the backlog, and to the other loops. */
static void listening_rest(struct listening *l, int64_t ms)
{
	bw_watch_remove(l->edge->loop, &l->watch);
	bw_timer_set(l->edge->loop, &l->retry, ms);
}

static void listening_ready(struct bw_watch *w, uint32_t events)
{
	struct listening *l = (struct listening *)((char *)w - offsetof(struct listening, watch));

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN && !l->closed_ms; i++) {
		struct bw_address peer = {.bytes = sizeof peer.v6};
		int fd = accept4(w->fd, &peer.any, &peer.bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			accepted(l, fd, &peer);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The backlog waits; asking again at once would only burn time. */
			l->listener_stats->values[M_REJECTED]++;
			listening_rest(l, SOON_MS);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			break;
		}
	}
	/* Only now: for what it was woken for nobody else was. */
	if (!l->closed_ms && seat_crowded(l->edge))
		listening_rest(l, CROWDED_MS);
}

/* ---- opening and closing ---- */

void listening_release(struct listening *l)
{
	if (--l->references)
		return;
	config_release(l->config);
	bw_free(l->arn);
	bw_free(l);
}

static void listening_open(struct listening *l)
{
	if (l->watch.fd < 0)
		socket_want(l);
}

static bool socket_take(struct listening *l, int fd)
{
	int on = 1;

	if (l->udp)
		return udp_open(l, fd);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* what is accepted from it has it too */
	l->watch = (struct bw_watch){.fd = fd, .ready = listening_ready};
	return listening_watch(l);
}

void listening_opened(struct listening *l, int fd, int error)
{
	if (!error && socket_take(l, fd)) {
		l->reason[0] = '\0';
		report_touch(l->edge);
		return;
	}
	if (fd >= 0)
		close(fd);
	l->watch.fd = -1;
	if (!l->edge->first && error == ENOENT) {
		bw_timer_set(l->edge->loop, &l->retry, SOON_MS);
		return;
	}
	(void)snprintf(l->reason, sizeof l->reason, "%s port %u%s: %s", l->address_text,
	    bw_address_port(&l->address), l->udp ? "/udp" : "", strerror(error ? error : errno));
	bw_log(BW_LOG_WARN, "cannot listen on %s", l->reason);
	bw_timer_set(l->edge->loop, &l->retry, RETRY_MS);
	report_touch(l->edge);
}

static void listening_retry(struct bw_timer *t)
{
	struct listening *l = (struct listening *)((char *)t - offsetof(struct listening, retry));

	if (l->watch.fd < 0) {
		listening_open(l);
		sockets_say(l->edge);
	} else if (!l->udp && !listening_watch(l)) {
		bw_timer_set(l->edge->loop, t, RETRY_MS);
	}
}

static void listening_silence(struct listening *l)
{
	bw_timer_cancel(l->edge->loop, &l->retry);
	if (l->watch.fd < 0)
		return;
	bw_watch_remove(l->edge->loop, &l->watch);
	close(l->watch.fd);
	l->watch.fd = -1;
}

static void listening_close(struct listening *l)
{
	l->closed_ms = bw_loop_now_ms(l->edge->loop);
	listening_silence(l);
	if (l->udp)
		udp_close(l);
	listening_release(l);
}

static struct listening *listening_find(
    struct edge *e, struct bw_str arn, const struct bw_address *a, bool udp)
{
	for (struct listening *l = e->listenings; l; l = l->next)
		if (l->udp == udp && bw_str_eq(bw_str_c(l->arn), arn) &&
		    memcmp(&l->address, a, sizeof *a) == 0)
			return l;
	return NULL;
}

static struct listening *listening_new(
    struct edge *e, struct bw_str arn, const struct bw_address *a, bool udp)
{
	struct listening *l = bw_alloc(sizeof *l);
	char text[BW_ADDRESS_TEXT_MAX];

	l->edge = e;
	l->references = 1;
	l->udp = udp;
	l->watch = (struct bw_watch){.fd = -1, .ready = listening_ready};
	l->retry.fire = listening_retry;
	l->address = *a;
	(void)snprintf(l->address_text, sizeof l->address_text, "%.*s", BW_FMT(bw_address_text(a, text)));
	l->arn = bw_strdup(arn);
	l->next = e->listenings;
	e->listenings = l;
	return l;
}

static void listening_update(
    struct edge *e, struct edge_config *config, struct listener *in, const struct bw_address *a, bool udp)
{
	struct listening *l = listening_find(e, in->in->arn, a, udp);

	if (in->tls && !in->tls_set) /* nothing to shake hands with */
		return;
	if (!l)
		l = listening_new(e, in->in->arn, a, udp);
	l->seen = true;
	config->references++;
	config_release(l->config);
	l->config = config;
	l->listener = in;
	l->listener_stats = in->balancer->stats;
	l->keep_alive_ms = in->balancer->keep_alive_ms;
	l->idle_ms = in->tcp ? in->tcp_idle_ms : in->balancer->idle_ms;
	listening_open(l);
}

bool address_make(struct bw_str text, int64_t port, struct bw_address *out)
{
	char spec[BW_ADDRESS_TEXT_MAX + 16];

	if (!text.n || text.n >= BW_ADDRESS_TEXT_MAX || port < 0 || port > 65535)
		return false;
	(void)snprintf(spec, sizeof spec, bw_str_find(text, ':', 0) >= 0 ? "[%.*s]:%d" : "%.*s:%d",
	    BW_FMT(text), (int)port);
	return bw_address_parse(bw_str_c(spec), out) == BW_OK;
}

static void listener_update(struct edge *e, struct edge_config *config, struct listener *in)
{
	const struct bw_strs *addresses = &in->balancer->in->addresses;

	for (size_t i = 0; i < addresses->n; i++) {
		struct bw_address a;

		if (in->in->port < 1 || !address_make(addresses->v[i], in->in->port, &a))
			continue;
		if (!in->balancer->network || !bw_str_eq(in->in->protocol, BW_STR("UDP")))
			listening_update(e, config, in, &a, false);
		if (in->udp)
			listening_update(e, config, in, &a, true);
	}
}

/* First closes: a port may go from one listener to another in one image. */
bool listenings_update(struct edge *e, struct edge_config *config)
{
	struct listening **at;
	bool gone = false;

	for (struct listening *l = e->listenings; l; l = l->next)
		l->seen = false;
	for (size_t i = 0; i < config->image.load_balancer_count; i++) {
		const struct bw_edge_load_balancer *b = &config->image.load_balancers[i];

		for (size_t k = 0; k < b->listener_count; k++)
			for (struct listening *l = e->listenings; l; l = l->next)
				l->seen =
				    l->seen || (bw_str_eq(bw_str_c(l->arn), b->listeners[k].arn) &&
				                   bw_address_port(&l->address) == b->listeners[k].port &&
				                   bw_strs_has(&b->addresses, bw_str_c(l->address_text)));
	}
	for (at = &e->listenings; *at;) {
		struct listening *l = *at;

		if (l->seen) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		socket_drop(e, l);
		gone = l->gone = true;
		listening_close(l);
	}
	for (size_t i = 0; i < config->image.load_balancer_count; i++)
		for (size_t k = 0; k < config->balancers[i].in->listener_count; k++)
			listener_update(e, config, &config->balancers[i].listeners[k]);
	return gone;
}

/* The others have the same sockets: what waits there is theirs. A flow of datagrams is answered for as long
 * as it has been. */
void listenings_retire(struct edge *e)
{
	for (struct listening *l = e->listenings; l; l = l->next) {
		l->socket = SOCKET_NONE;
		if (l->udp)
			bw_watch_remove(e->loop, &l->watch);
		else
			listening_silence(l);
	}
}

void listenings_close(struct edge *e)
{
	while (e->listenings) {
		struct listening *l = e->listenings;

		e->listenings = l->next;
		listening_close(l);
	}
}
