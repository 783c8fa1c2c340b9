#include "net/client.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/sys.h"
#include "net/socket.h"
#include "net/tls.h"

enum { ANSWER_MAX = (1 << 20) + 64 * 1024, READ_BYTES = 16 * 1024 };

/* A connection, and the moment at which patience with all of it ends. */
struct peer {
	int fd;
	struct ssl_ctx_st *ctx;
	struct ssl_st *ssl;
	int64_t deadline_ms;
};

static void peer_close(struct peer *p)
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
		CHECK(n < 0 && errno == EINTR, BW_EIO);
	}
}

static enum bw_err peer_connect(struct peer *p, const struct bw_address *to)
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

static enum bw_err peer_secure(struct peer *p, const struct bw_address *to, struct bw_str ca_pem)
{
	char text[BW_ADDRESS_TEXT_MAX];
	enum bw_tls_step step;

	TRY(bw_tls_client_new(ca_pem, &p->ctx));
	TRY(bw_tls_connect(p->ctx, p->fd, bw_address_text(to, text), &p->ssl));
	while ((step = bw_tls_handshake(p->ssl)) != BW_TLS_DONE)
		TRY(tls_wait(p, step));
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

static enum bw_err peer_write(struct peer *p, struct bw_str bytes)
{
	while (bytes.n) {
		size_t n = 0;

		TRY(write_some(p, bytes, &n));
		bytes = bw_str_sub(bytes, n, bytes.n);
	}
	return BW_OK;
}

/* Reads some; *n may be 0. BW_ENOTFOUND at the peer's end. */
static enum bw_err read_some(struct peer *p, char *at, size_t room, size_t *n)
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

/* Everything until the server closes: the request asks it to. */
static enum bw_err peer_read(struct peer *p, struct bw_buf *out)
{
	for (;;) {
		char *at = bw_buf_room(out, READ_BYTES);
		size_t n = 0;
		enum bw_err e;

		CHECK(at != NULL, BW_ETOOBIG);
		e = read_some(p, at, READ_BYTES, &n);
		if (e == BW_ENOTFOUND)
			return BW_OK;
		TRY(e);
		out->n += n;
	}
}

static enum bw_err exchange(struct peer *p, struct bw_str endpoint, struct bw_str path, struct bw_str ca_pem,
    struct bw_arena *arena, struct bw_buf *answer)
{
	bool tls = bw_str_starts(endpoint, BW_STR("https://"));
	struct bw_str host = bw_str_sub(endpoint, tls ? 8 : 7, endpoint.n);
	struct bw_address to;

	CHECK(tls || bw_str_starts(endpoint, BW_STR("http://")), BW_EINVAL);
	if (bw_str_ends(host, BW_STR("/")))
		host.n--;
	TRY(bw_address_parse(host, &to));
	TRY(peer_connect(p, &to));
	if (tls)
		TRY(peer_secure(p, &to, ca_pem));
	TRY(peer_write(
	    p, bw_arena_printf(arena, "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
	           BW_FMT(path), BW_FMT(host))));
	return peer_read(p, answer);
}

/* The body of an answer that came to its end: as long as its Content-Length says, which our servers always
 * send. */
static enum bw_err body_find(struct bw_str lines, struct bw_str rest, struct bw_str *body)
{
	struct bw_str line, name;
	int64_t n;

	while (bw_str_set(lines)) {
		line = bw_str_cut(&lines, '\n');
		name = bw_str_cut(&line, ':');
		if (!bw_str_eq_nocase(name, BW_STR("content-length")) || line.n == 0)
			continue;
		TRY(bw_str_to_i64(bw_str_trim(bw_str_sub(line, 0, line.n - 1)), 0, ANSWER_MAX, &n));
		CHECK((size_t)n == rest.n, BW_EINVAL);
		*body = rest;
		return BW_OK;
	}
	return BW_EINVAL;
}

static enum bw_err answer_parse(struct bw_str all, int *status, struct bw_str *body)
{
	const char *end = all.n ? memmem(all.p, all.n, "\r\n\r\n", 4) : NULL;
	struct bw_str head;
	int64_t code = 0;

	CHECK(end != NULL && bw_str_starts(all, BW_STR("HTTP/1.1 ")), BW_EINVAL);
	TRY(bw_str_to_i64(bw_str_sub(all, 9, 3), 200, 599, &code));
	head = bw_str_sub(all, 0, (size_t)(end - all.p) + 2);
	*status = (int)code;
	return body_find(head, bw_str_sub(all, head.n + 2, all.n), body);
}

enum bw_err bw_client_get(struct bw_str endpoint, struct bw_str path, struct bw_str ca_pem, int timeout_ms,
    struct bw_arena *arena, int *status, struct bw_str *body)
{
	struct peer p = {.fd = -1, .deadline_ms = bw_clock_mono_ms() + timeout_ms};
	struct bw_buf answer;
	struct bw_str all;
	enum bw_err e;

	bw_buf_init(&answer, ANSWER_MAX);
	e = exchange(&p, endpoint, path, ca_pem, arena, &answer);
	peer_close(&p);
	all = bw_arena_str(arena, bw_buf_str(&answer));
	bw_buf_free(&answer);
	TRY(e);
	return answer_parse(all, status, body);
}
