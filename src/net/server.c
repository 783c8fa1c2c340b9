/* The server: accepting, ceilings, and the pools that make a keep-alive request free of malloc. */
#include "net/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/sys.h"

enum {
	ACCEPTS_PER_TURN = 64,
	ACCEPT_PAUSE_MS = 100, /* when the kernel has no descriptor left, until it is asked again */
	ADDRESS_SLOTS = 1 << 14,
};

/* How many connections each address has, over all loops of the process, in a table that no client can make
 * grow. Addresses that share a slot share a ceiling; the hash is seeded, so nobody can choose whose slot to
 * share. */
static _Atomic uint32_t address_counts[ADDRESS_SLOTS];
static atomic_size_t process_count;

static uint32_t address_slot(const struct bw_address *a)
{
	struct bw_str bytes = bw_str_make(&a->v4.sin_addr, sizeof a->v4.sin_addr);

	/* A subscriber has a whole /64 of IPv6: it counts as one. */
	if (a->any.sa_family == AF_INET6)
		bytes = IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr) ? bw_str_make(a->v6.sin6_addr.s6_addr + 12, 4)
		                                               : bw_str_make(&a->v6.sin6_addr, 8);
	return (uint32_t)(bw_str_hash(bytes) % ADDRESS_SLOTS);
}

struct bw_work *bw_server_work_take(struct bw_http_server *s)
{
	struct bw_work *w = s->works;

	if (!w)
		return bw_alloc(sizeof *w);
	s->works = w->next;
	s->work_count--;
	return w;
}

void bw_server_work_give(struct bw_http_server *s, struct bw_work *w)
{
	bw_buf_free(&w->body);
	if (!s || s->work_count == BW_POOLED_MAX) {
		bw_free(w);
		return;
	}
	w->next = s->works;
	s->works = w;
	s->work_count++;
}

char *bw_server_buffer_take(struct bw_http_server *s)
{
	return s->buffer_count ? s->buffers[--s->buffer_count] : bw_realloc(NULL, BW_IN_SMALL);
}

void bw_server_buffer_give(struct bw_http_server *s, char *buffer)
{
	if (s && s->buffer_count < BW_POOLED_MAX)
		s->buffers[s->buffer_count++] = buffer;
	else
		bw_free(buffer);
}

static void counts_give_back(struct bw_http_server *s, uint32_t slot)
{
	atomic_fetch_sub(&s->count, 1);
	atomic_fetch_sub(&process_count, 1);
	atomic_fetch_sub(&address_counts[slot], 1);
}

static bool counts_take(struct bw_http_server *s, uint32_t slot)
{
	bool total = atomic_fetch_add(&s->count, 1) < s->config.connections_max;
	bool process = atomic_fetch_add(&process_count, 1) < BW_CONNECTIONS_MAX;
	bool address = atomic_fetch_add(&address_counts[slot], 1) < BW_CONNECTIONS_PER_ADDRESS;

	if (total && process && address)
		return true;
	counts_give_back(s, slot);
	return false;
}

void bw_server_forget(struct bw_http_server *s, struct bw_http_connection *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->held_bytes -= c->held_bytes;
	counts_give_back(s, c->address_slot);
	/* Told from the loop, not from here: what asked for the drain may free the server. */
	if (s->draining && !s->connections)
		bw_timer_set(s->loop, &s->timer, 0);
}

/* A client that spoke plain HTTP learns why; for another there is nothing to say before its handshake. */
static void turn_away(struct bw_http_server *s, int fd)
{
	static const char busy[] =
	    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

	if (!s->config.tls && send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(fd, SHUT_WR);
	close(fd);
}

static void accepted(struct bw_http_server *s, int fd, const struct bw_address *peer)
{
	uint32_t slot = address_slot(peer);
	int on = 1;

	if (!counts_take(s, slot)) {
		turn_away(s, fd);
		return;
	}
	/* An answer goes out in one piece: there is nothing to wait for. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	bw_connection_open(s, fd, peer, slot);
}

/* Without a descriptor the connection stays in the backlog, and the loop would be woken for it again and
 * again. */
static void accept_pause(struct bw_http_server *s)
{
	bw_log(BW_LOG_WARN, "cannot accept: %s", strerror(errno));
	if (bw_watch_set(s->loop, &s->listener, 0) == BW_OK)
		bw_timer_set(s->loop, &s->timer, ACCEPT_PAUSE_MS);
}

static bool error_is_of_one_connection(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM ||
	       error == ENETDOWN || error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET ||
	       error == EHOSTUNREACH || error == EOPNOTSUPP || error == ENETUNREACH;
}

static void listener_ready(struct bw_watch *w, uint32_t events)
{
	struct bw_http_server *s =
	    (struct bw_http_server *)((char *)w - offsetof(struct bw_http_server, listener));

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct bw_address peer = {.bytes = sizeof peer.v6};
		int fd = accept4(w->fd, &peer.any, &peer.bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			accepted(s, fd, &peer);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (!error_is_of_one_connection(errno)) {
			accept_pause(s);
			return;
		}
	}
}

static void server_timer(struct bw_timer *t)
{
	struct bw_http_server *s =
	    (struct bw_http_server *)((char *)t - offsetof(struct bw_http_server, timer));

	if (!s->draining) {
		if (bw_watch_set(s->loop, &s->listener, EPOLLIN) != BW_OK)
			bw_timer_set(s->loop, t, ACCEPT_PAUSE_MS);
		return;
	}
	if (!s->connections && s->drained)
		s->drained(s->drained_ctx);
}

enum bw_err bw_http_server_add(struct bw_loop *loop, int listen_fd,
    const struct bw_http_server_config *config, struct bw_http_server **out)
{
	struct bw_http_server *s = bw_alloc(sizeof *s);
	enum bw_err e;

	MUST(config->on_request && config->body_max_bytes <= BW_HTTP_BODY_MAX);
	s->loop = loop;
	s->config = *config;
	s->listener = (struct bw_watch){.fd = listen_fd, .ready = listener_ready};
	s->timer.fire = server_timer;
	bw_buf_init(&s->scratch, BW_RESPONSE_MAX);
	e = bw_watch_set(loop, &s->listener, EPOLLIN);
	if (e != BW_OK) {
		bw_free(s);
		return e;
	}
	*out = s;
	return BW_OK;
}

static void listener_close(struct bw_http_server *s)
{
	if (s->listener.fd < 0)
		return;
	bw_watch_remove(s->loop, &s->listener);
	close(s->listener.fd);
	s->listener.fd = -1;
}

void bw_http_server_retire(struct bw_http_server *s)
{
	s->retiring = true;
}

void bw_http_server_drain(struct bw_http_server *s, void (*drained)(void *ctx), void *ctx)
{
	s->draining = true;
	s->drained = drained;
	s->drained_ctx = ctx;
	listener_close(s);
	bw_timer_set(s->loop, &s->timer, 0);
	for (struct bw_http_connection *c = s->connections, *next; c; c = next) {
		next = c->next;
		bw_connection_drain(c);
	}
}

void bw_http_server_free(struct bw_http_server *s)
{
	if (!s)
		return;
	listener_close(s);
	while (s->connections)
		bw_connection_abandon(s->connections);
	bw_timer_cancel(s->loop, &s->timer);
	while (s->works) {
		struct bw_work *w = s->works;

		s->works = w->next;
		bw_free(w);
	}
	while (s->buffer_count)
		bw_free(s->buffers[--s->buffer_count]);
	bw_buf_free(&s->scratch);
	bw_free(s);
}

size_t bw_http_server_connections(const struct bw_http_server *s)
{
	return atomic_load_explicit(&s->count, memory_order_relaxed);
}
