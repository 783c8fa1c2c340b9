#include "bin/dns_tcp.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"

enum {
	CONNECTIONS_MAX = 32, /* the oldest one makes room */
	IDLE_MS = 10000,      /* from its last byte; RFC 7766 (section 6.2.3) speaks of seconds */
	QUERY_MAX = 4096,
	LENGTH = 2,
};

struct connection {
	int fd;
	int64_t active_ms;
	size_t got;
	unsigned char in[LENGTH + QUERY_MAX];
};

struct dns_tcp {
	int listener;
	dns_reply *reply;
	void *ctx;
	struct connection v[CONNECTIONS_MAX];
	size_t n;
};

struct dns_tcp *dns_tcp_new(int listener, dns_reply *reply, void *ctx)
{
	struct dns_tcp *t = bw_alloc(sizeof *t);

	t->listener = listener;
	t->reply = reply;
	t->ctx = ctx;
	return t;
}

static void drop(struct dns_tcp *t, size_t i)
{
	close(t->v[i].fd);
	t->v[i] = t->v[--t->n];
}

static void oldest_drop(struct dns_tcp *t)
{
	size_t oldest = 0;

	for (size_t i = 1; i < t->n; i++)
		if (t->v[i].active_ms < t->v[oldest].active_ms)
			oldest = i;
	drop(t, oldest);
}

static void take(struct dns_tcp *t)
{
	int fd = accept4(t->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (t->n == CONNECTIONS_MAX)
		oldest_drop(t);
	t->v[t->n].fd = fd;
	t->v[t->n].got = 0;
	t->v[t->n++].active_ms = bw_clock_mono_ms();
}

/* An answer that does not fit into the socket at once goes to somebody who does not read: they are left. */
static bool answer(struct dns_tcp *t, int fd, struct bw_str message)
{
	struct bw_buf out, framed;
	bool good;

	bw_buf_init(&out, UINT16_MAX);
	bw_buf_init(&framed, LENGTH + UINT16_MAX);
	good = t->reply(t->ctx, message, &out) == BW_OK;
	bw_buf_put_c(&framed, (char)(out.n >> 8 & 0xff));
	bw_buf_put_c(&framed, (char)(out.n & 0xff));
	bw_buf_put(&framed, bw_buf_str(&out));
	good = good && !framed.failed &&
	       send(fd, framed.p, framed.n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)framed.n;
	bw_buf_free(&out);
	bw_buf_free(&framed);
	return good;
}

/* Every whole message that has come. False: the connection ends. */
static bool messages(struct dns_tcp *t, struct connection *c)
{
	for (;;) {
		size_t n = c->got < LENGTH ? 0 : (size_t)c->in[0] << 8 | c->in[1];

		if (n > QUERY_MAX)
			return false;
		if (c->got < LENGTH || c->got < LENGTH + n)
			return true;
		if (!answer(t, c->fd, bw_str_make(c->in + LENGTH, n)))
			return false;
		c->got -= LENGTH + n;
		memmove(c->in, c->in + LENGTH + n, c->got);
	}
}

static bool read_some(struct dns_tcp *t, struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->got, sizeof c->in - c->got, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->got += (size_t)n;
	c->active_ms = bw_clock_mono_ms();
	return messages(t, c);
}

bool dns_tcp_wait(struct dns_tcp *t, int other)
{
	struct pollfd fds[2 + CONNECTIONS_MAX] = {
	    {.fd = other, .events = POLLIN}, {.fd = t->listener, .events = POLLIN}};
	size_t n = t->n;

	for (size_t i = 0; i < n; i++)
		fds[2 + i] = (struct pollfd){.fd = t->v[i].fd, .events = POLLIN};
	if (poll(fds, (nfds_t)(2 + n), n ? IDLE_MS : -1) < 0)
		return false;
	/* From behind: who is dropped leaves his place to the last. */
	for (size_t i = n; i-- > 0;)
		if (fds[2 + i].revents ? !read_some(t, &t->v[i])
		                       : bw_clock_mono_ms() - t->v[i].active_ms >= IDLE_MS)
			drop(t, i);
	if (fds[1].revents)
		take(t);
	return fds[0].revents != 0;
}
