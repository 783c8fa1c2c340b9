/* Sockets are registered once, edge-triggered, and remember what they can do: a request costs no epoll_ctl.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "edge/wire.h"
#include "edge/worker.h"
#include "net/tls.h"

enum { EVENTS = EPOLLIN | EPOLLRDHUP | EPOLLET, ALL_EVENTS = EVENTS | EPOLLOUT };

void sock_hold(struct sock *s, int fd, void (*ready)(struct bw_watch *w, uint32_t events))
{
	*s = (struct sock){.watch = {.fd = fd, .ready = ready}, .readable = true, .writable = true, .own = true};
}

enum bw_err sock_await(struct edge *e, struct sock *s)
{
	return bw_watch_set(e->loop, &s->watch, s->watch.events | (s->writable ? EVENTS : ALL_EVENTS));
}

enum bw_err sock_watch(
    struct edge *e, struct sock *s, int fd, void (*ready)(struct bw_watch *w, uint32_t events))
{
	*s = (struct sock){.watch = {.fd = fd, .ready = ready}};
	return bw_watch_set(e->loop, &s->watch, ALL_EVENTS);
}

bool sock_connect_from(struct edge *e, struct sock *s, int fd, const struct bw_address *to,
    void (*ready)(struct bw_watch *w, uint32_t events))
{
	int kept;

	if (sock_watch(e, s, fd, ready) != BW_OK) {
		close(fd);
		s->watch.fd = -1;
		return false;
	}
	if (connect(fd, &to->any, to->bytes) == 0 || errno == EINPROGRESS)
		return true;
	kept = errno;
	sock_close(e, s);
	errno = kept;
	return false;
}

/* The port is for connect to choose: so many are free for each peer, not for all together. */
static bool bound_to(int fd, const struct bw_address *from)
{
	int on = 1;

	return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 && bind(fd, &from->any, from->bytes) == 0;
}

bool sock_connect(struct edge *e, struct sock *s, const struct bw_address *from, const struct bw_address *to,
    void (*ready)(struct bw_watch *w, uint32_t events))
{
	int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	*s = (struct sock){.watch.fd = -1};
	if (fd < 0)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (from && !bound_to(fd, from)) {
		close(fd);
		return false;
	}
	s->own = sock_connect_from(e, s, fd, to, ready);
	return s->own;
}

bool sock_connected(struct sock *s)
{
	int error = 0;
	socklen_t n = sizeof error;

	return getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0;
}

void sock_note(struct sock *s, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		s->writable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->hup = true;
	if (events & (EPOLLERR | EPOLLHUP))
		s->failed = true;
}

void sock_sleep(struct sock *s)
{
	if (!s->tls || !s->shaken || s->asleep)
		return;
	bw_tls_sleep(s->tls);
	s->asleep = true;
}

/* Before anything else is asked of s->tls. */
static void sock_wake(struct sock *s)
{
	if (s->asleep)
		bw_tls_wake(s->tls);
	s->asleep = false;
}

void sock_close(struct edge *e, struct sock *s)
{
	if (s->watch.fd < 0)
		return;
	sock_wake(s);
	if (s->own)
		bw_watch_forget(e->loop, &s->watch);
	else
		bw_watch_remove(e->loop, &s->watch);
	bw_tls_close(s->tls);
	close(s->watch.fd);
	s->tls = NULL;
	s->watch.fd = -1;
}

void sock_farewell(struct sock *s)
{
	sock_wake(s);
	bw_tls_close(s->tls);
	s->tls = NULL;
	(void)shutdown(s->watch.fd, SHUT_WR);
	s->readable = true;
}

/* What TLS waits for is both: a read may need to write. */
static enum io of_tls(struct sock *s, enum bw_tls_step step)
{
	switch (step) {
	case BW_TLS_DONE:
		return IO_DONE;
	case BW_TLS_WANT_READ:
		s->readable = false;
		return IO_WAIT;
	case BW_TLS_WANT_WRITE:
		s->writable = false;
		return IO_WAIT;
	case BW_TLS_ENDED:
		return IO_END;
	default:
		return IO_FAIL;
	}
}

enum io sock_handshake(struct sock *s)
{
	enum io io = of_tls(s, bw_tls_handshake(s->tls));

	s->shaken = io == IO_DONE;
	return io;
}

/* A socket that is empty is not asked again, unless its end is behind. */
static enum io tls_read(struct sock *s, char *to, size_t size, size_t *n)
{
	enum io io;

	sock_wake(s);
	io = of_tls(s, bw_tls_read(s->tls, to, size, n));

	if (io == IO_DONE && !s->hup && bw_tls_drained(s->tls))
		s->readable = false;
	return io;
}

enum io sock_read(struct sock *s, char *to, size_t size, size_t *n)
{
	ssize_t got;

	*n = 0;
	if (!s->readable || size == 0)
		return IO_WAIT;
	if (s->tls)
		return tls_read(s, to, size, n);
	got = recv(s->watch.fd, to, size, 0);
	if (got > 0) {
		*n = (size_t)got;
		/* A short read has emptied the socket, unless its end is behind. */
		if ((size_t)got < size && !s->hup)
			s->readable = false;
		return IO_DONE;
	}
	if (got == 0)
		return IO_END;
	if (errno == EAGAIN || errno == EINTR) {
		s->readable = errno == EINTR;
		return IO_WAIT;
	}
	return IO_FAIL;
}

bool sock_drop(struct sock *s, char *scratch, uint32_t *dropped)
{
	enum io io = IO_DONE;
	size_t n;

	while (io == IO_DONE && *dropped <= DROPPED_MAX) {
		io = sock_read(s, scratch, BLOCK_BYTES, &n);
		*dropped += (uint32_t)n;
	}
	return io == IO_WAIT && *dropped <= DROPPED_MAX;
}

static enum io write_some(struct sock *s, struct bw_str bytes, size_t *n)
{
	ssize_t sent;

	if (s->tls) {
		sock_wake(s);
		return of_tls(s, bw_tls_write(s->tls, bytes.p, bytes.n, n));
	}
	sent = send(s->watch.fd, bytes.p, bytes.n, MSG_NOSIGNAL);
	if (sent >= 0) {
		*n = (size_t)sent;
		if (*n < bytes.n)
			s->writable = false;
		return IO_DONE;
	}
	if (errno == EAGAIN || errno == EINTR) {
		s->writable = errno == EINTR;
		return IO_WAIT;
	}
	return IO_FAIL;
}

enum io sock_flush(struct edge *e, struct sock *s, struct wire *w, size_t *moved)
{
	*moved = 0;
	while (wire_length(w)) {
		size_t n = 0;
		enum io io = s->writable ? write_some(s, wire_bytes(w), &n) : IO_WAIT;

		wire_eat(e, w, n);
		*moved += n;
		if (io != IO_DONE)
			return io;
	}
	return IO_DONE;
}
