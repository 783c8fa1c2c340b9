#include "net/peer.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/sys.h"
#include "net/tls.h"

void peer_close(struct peer *p)
{
	bw_tls_close(p->ssl);
	bw_tls_free(p->ctx);
	if (p->fd >= 0)
		close(p->fd);
}

static enum bw_err wait_ready(const struct peer *p, short events)
{
	struct pollfd watched = {.fd = p->fd, .events = events};

	for (;;) {
		int64_t left = p->deadline_ms - bw_clock_mono_ms();
		int n = left > 0 ? poll(&watched, 1, (int)left) : 0;

		if (n > 0)
			return BW_OK;
		CHECK(n < 0, BW_EAGAIN);
		CHECK(errno == EINTR, BW_EIO);
	}
}

enum bw_err peer_connect(struct peer *p, const struct bw_address *to)
{
	socklen_t n = sizeof(int);
	int error = 0;

	p->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(p->fd >= 0, BW_EIO);
	if (connect(p->fd, &to->any, to->bytes) == 0)
		return BW_OK;
	CHECK(errno == EINPROGRESS, BW_EIO);
	TRY(wait_ready(p, POLLOUT));
	CHECK(getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0, BW_EIO);
	return BW_OK;
}

/* Waits for what a step of TLS asks for; BW_EIO when there is nothing left to wait for. */
static enum bw_err tls_wait(const struct peer *p, enum bw_tls_step step)
{
	CHECK(step == BW_TLS_WANT_READ || step == BW_TLS_WANT_WRITE, BW_EIO);
	return wait_ready(p, step == BW_TLS_WANT_READ ? POLLIN : POLLOUT);
}

enum bw_err peer_secure(struct peer *p, struct ssl_ctx_st *ctx, struct bw_str host)
{
	enum bw_tls_step step;

	TRY(bw_tls_connect(ctx, p->fd, host, &p->ssl));
	while ((step = bw_tls_handshake(p->ssl)) != BW_TLS_DONE) {
		CHECK(step == BW_TLS_WANT_READ || step == BW_TLS_WANT_WRITE, BW_EPERM);
		TRY(tls_wait(p, step));
	}
	return BW_OK;
}

/* Writes some; *n may be 0, when there was only waiting to be done. */
static enum bw_err write_some(struct peer *p, struct bw_str bytes, size_t *n)
{
	enum bw_tls_step step;
	ssize_t sent;

	if (p->ssl) {
		step = bw_tls_write(p->ssl, bytes.p, bytes.n, n);
		return step == BW_TLS_DONE ? BW_OK : tls_wait(p, step);
	}
	sent = send(p->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
	*n = sent > 0 ? (size_t)sent : 0;
	if (sent >= 0)
		return BW_OK;
	CHECK(errno == EAGAIN || errno == EINTR, BW_EIO);
	return wait_ready(p, POLLOUT);
}

enum bw_err peer_write(struct peer *p, struct bw_str bytes)
{
	while (bytes.n) {
		size_t n = 0;

		TRY(write_some(p, bytes, &n));
		bytes = bw_str_sub(bytes, n, bytes.n);
	}
	return BW_OK;
}

enum bw_err peer_read_some(struct peer *p, char *at, size_t room, size_t *n)
{
	enum bw_tls_step step;
	ssize_t got;

	if (p->ssl) {
		step = bw_tls_read(p->ssl, at, room, n);
		CHECK(step != BW_TLS_ENDED, BW_ENOTFOUND);
		return step == BW_TLS_DONE ? BW_OK : tls_wait(p, step);
	}
	got = recv(p->fd, at, room, 0);
	*n = got > 0 ? (size_t)got : 0;
	if (got >= 0)
		return got ? BW_OK : BW_ENOTFOUND;
	CHECK(errno == EAGAIN || errno == EINTR, BW_EIO);
	return wait_ready(p, POLLIN);
}
