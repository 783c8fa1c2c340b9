#include "net/connection.h"

#include <errno.h>
#include <sys/socket.h>

#include "net/tls.h"

enum { READ_BYTES = 8192, LINGER_MAX_BYTES = 1 << 20 };

enum bw_err stream_sniff(struct bw_http_connection *c)
{
	unsigned char first;
	ssize_t n = recv(c->watch.fd, &first, 1, MSG_PEEK);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? BW_EAGAIN : BW_EIO;
	CHECK(n == 1, BW_EIO);
	c->sniffed = true;
	/* 0x16: a TLS handshake record (RFC 8446, section 5.1); no HTTP method begins with it. */
	if (first == 0x16 && c->server->config.tls) {
		c->ssl = bw_tls_accept(c->server->config.tls, c->watch.fd);
		CHECK(c->ssl != NULL, BW_EIO);
		c->exchange.tls = true;
		return BW_OK;
	}
	c->plain_refused = !c->exchange.peer_loopback;
	return BW_OK;
}

static enum bw_err tls_result(enum bw_tls_step step)
{
	if (step == BW_TLS_DONE)
		return BW_OK;
	return step == BW_TLS_WANT_READ || step == BW_TLS_WANT_WRITE ? BW_EAGAIN : BW_EIO;
}

static enum bw_err tls_read(struct bw_http_connection *c, char *at, size_t room, size_t *got)
{
	TRY(tls_result(bw_tls_read(c->ssl, at, room, got)));
	if (!bw_str_set(c->exchange.tls_version)) {
		c->exchange.tls_version = bw_tls_version(c->ssl);
		c->exchange.tls_cipher = bw_tls_cipher(c->ssl);
	}
	return BW_OK;
}

static enum bw_err plain_read(struct bw_http_connection *c, char *at, size_t room, size_t *got)
{
	ssize_t n = recv(c->watch.fd, at, room, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? BW_EAGAIN : BW_EIO;
	CHECK(n > 0, BW_EIO);
	*got = (size_t)n;
	return BW_OK;
}

enum bw_err stream_read(struct bw_http_connection *c)
{
	char *at;
	size_t got;
	enum bw_err e;

	if (c->state == LINGERING) {
		c->in.n = 0;
		CHECK(c->lingered < LINGER_MAX_BYTES, BW_EIO);
	}
	at = bw_buf_room(&c->in, READ_BYTES);
	CHECK(at != NULL, BW_ETOOBIG);
	e = c->ssl ? tls_read(c, at, READ_BYTES, &got) : plain_read(c, at, READ_BYTES, &got);
	if (e == BW_EIO)
		c->eof = true;
	TRY(e);
	c->in.n += got;
	if (c->state == LINGERING)
		c->lingered += got;
	return BW_OK;
}

enum bw_err stream_flush(struct bw_http_connection *c)
{
	while (c->out_at < c->out.n) {
		const char *at = c->out.p + c->out_at;
		size_t left = c->out.n - c->out_at;

		if (c->ssl) {
			size_t n = 0;

			TRY(tls_result(bw_tls_write(c->ssl, at, left, &n)));
			c->out_at += n;
		} else {
			ssize_t n = send(c->watch.fd, at, left, MSG_NOSIGNAL);

			if (n < 0)
				return errno == EAGAIN || errno == EINTR ? BW_EAGAIN : BW_EIO;
			c->out_at += (size_t)n;
		}
	}
	c->out_at = 0;
	bw_buf_reset(&c->out);
	return BW_OK;
}
