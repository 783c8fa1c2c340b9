#include "net/client.h"

#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/socket.h"
#include "net/tls.h"

enum { ANSWER_MAX = 1 << 20 };

struct peer {
	int fd;
	struct ssl_ctx_st *ctx;
	struct ssl_st *ssl;
};

static void peer_close(struct peer *p)
{
	if (p->ssl)
		bw_tls_close(p->ssl);
	if (p->ctx)
		bw_tls_free(p->ctx);
	if (p->fd >= 0)
		close(p->fd);
}

static enum bw_err peer_connect(struct peer *p, const struct bw_address *to, int timeout_ms)
{
	struct timeval wait = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};

	p->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(p->fd >= 0, BW_EIO);
	CHECK(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0, BW_EIO);
	CHECK(setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0, BW_EIO);
	return connect(p->fd, &to->any, to->bytes) == 0 ? BW_OK : BW_EIO;
}

static enum bw_err peer_secure(struct peer *p, const struct bw_address *to, struct bw_str ca_pem)
{
	char text[BW_ADDRESS_TEXT_MAX];

	TRY(bw_tls_client_new(ca_pem, &p->ctx));
	TRY(bw_tls_connect(p->ctx, p->fd, bw_address_text(to, text), &p->ssl));
	return bw_tls_handshake(p->ssl) == BW_TLS_DONE ? BW_OK : BW_EIO;
}

static enum bw_err write_some(struct peer *p, struct bw_str bytes, size_t *n)
{
	ssize_t sent;

	if (p->ssl)
		return bw_tls_write(p->ssl, bytes.p, bytes.n, n) == BW_TLS_DONE ? BW_OK : BW_EIO;
	sent = send(p->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
	*n = sent > 0 ? (size_t)sent : 0;
	return sent > 0 ? BW_OK : BW_EIO;
}

/* BW_ENOTFOUND at the peer's end. */
static enum bw_err read_some(struct peer *p, char *at, size_t room, size_t *n)
{
	ssize_t got;

	if (p->ssl) {
		enum bw_tls_step step = bw_tls_read(p->ssl, at, room, n);

		return step == BW_TLS_DONE ? BW_OK : step == BW_TLS_ENDED ? BW_ENOTFOUND : BW_EIO;
	}
	got = recv(p->fd, at, room, 0);
	*n = got > 0 ? (size_t)got : 0;
	return got > 0 ? BW_OK : got == 0 ? BW_ENOTFOUND : BW_EIO;
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

/* Everything until the server closes: the request asks it to. */
static enum bw_err peer_read(struct peer *p, struct bw_buf *out)
{
	for (;;) {
		char *at = bw_buf_room(out, 16384);
		size_t n = 0;
		enum bw_err e;

		CHECK(at != NULL, BW_ETOOBIG);
		e = read_some(p, at, 16384, &n);
		if (e == BW_ENOTFOUND)
			return BW_OK;
		TRY(e);
		out->n += n;
	}
}

static enum bw_err exchange(struct peer *p, struct bw_str endpoint, struct bw_str path, struct bw_str ca_pem,
    int timeout_ms, struct bw_arena *arena, struct bw_buf *answer)
{
	bool tls = bw_str_starts(endpoint, BW_STR("https://"));
	struct bw_str host = bw_str_sub(endpoint, tls ? 8 : 7, endpoint.n);
	struct bw_address to;

	CHECK(tls || bw_str_starts(endpoint, BW_STR("http://")), BW_EINVAL);
	if (bw_str_ends(host, BW_STR("/")))
		host.n--;
	TRY(bw_address_parse(host, &to));
	TRY(peer_connect(p, &to, timeout_ms));
	if (tls)
		TRY(peer_secure(p, &to, ca_pem));
	TRY(peer_write(
	    p, bw_arena_printf(arena, "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
	           BW_FMT(path), BW_FMT(host))));
	return peer_read(p, answer);
}

enum bw_err bw_client_get(struct bw_str endpoint, struct bw_str path, struct bw_str ca_pem, int timeout_ms,
    struct bw_arena *arena, int *status, struct bw_str *body)
{
	struct peer p = {.fd = -1};
	struct bw_buf answer;
	struct bw_str all;
	int64_t code = 0;
	const char *end;
	enum bw_err e;

	bw_buf_init(&answer, ANSWER_MAX);
	e = exchange(&p, endpoint, path, ca_pem, timeout_ms, arena, &answer);
	peer_close(&p);
	all = bw_arena_str(arena, bw_buf_str(&answer));
	bw_buf_free(&answer);
	TRY(e);
	CHECK(bw_str_starts(all, BW_STR("HTTP/1.1 ")), BW_EINVAL);
	TRY(bw_str_to_i64(bw_str_sub(all, 9, 3), 100, 999, &code));
	end = memmem(all.p, all.n, "\r\n\r\n", 4);
	CHECK(end != NULL, BW_EINVAL);
	*status = (int)code;
	*body = bw_str_sub(all, (size_t)(end - all.p) + 4, all.n);
	return BW_OK;
}
