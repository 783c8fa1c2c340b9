/* What a connection reads into, and reading. */
#include "net/server.h"

#include <errno.h>

void bw_input_release(struct bw_http_connection *c)
{
	if (!c->in)
		return;
	bw_wipe(c->in, c->in_n);
	if (c->in_size == BW_IN_SMALL)
		bw_server_buffer_give(c->server, c->in);
	else
		bw_free(c->in);
	c->in = NULL;
	c->in_at = c->in_n = c->in_size = c->scanned = 0;
}

static void input_take(struct bw_http_connection *c)
{
	c->in = bw_server_buffer_take(c->server);
	c->in_size = BW_IN_SMALL;
}

void bw_input_grow(struct bw_http_connection *c)
{
	char *large = bw_realloc(NULL, BW_IN_LARGE);
	size_t n = c->in_n - c->in_at, scanned = c->scanned;

	memcpy(large, c->in + c->in_at, n);
	bw_input_release(c);
	c->in = large;
	c->in_n = n;
	c->in_size = BW_IN_LARGE;
	c->scanned = scanned;
	bw_connection_account(c);
}

/* What has been read and answered leaves nothing behind. */
void bw_input_eat(struct bw_http_connection *c)
{
	size_t rest = c->in_n - c->in_at;

	memmove(c->in, c->in + c->in_at, rest);
	bw_wipe(c->in + rest, c->in_at);
	c->in_n = rest;
	c->in_at = 0;
}

/* Room behind what is there, which moves to the front or into a larger buffer for it. */
void bw_input_make_room(struct bw_http_connection *c)
{
	if (!c->in)
		input_take(c);
	if (c->in_n < c->in_size)
		return;
	if (c->in_at == 0) {
		bw_input_grow(c);
		return;
	}
	bw_input_eat(c);
}

struct bw_str bw_input(const struct bw_http_connection *c)
{
	return c->in ? bw_str_make(c->in + c->in_at, c->in_n - c->in_at) : BW_STR("");
}

static enum bw_io plain_read(struct bw_http_connection *c, char *to, size_t size, size_t *n)
{
	ssize_t got = recv(c->watch.fd, to, size, 0);

	c->may_read = false; /* what is left, the next event tells: that is cheaper than asking for EAGAIN */
	*n = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return BW_IO_DONE;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? BW_IO_WAIT_READ : BW_IO_ENDED;
}

enum bw_io bw_connection_read(struct bw_http_connection *c, char *to, size_t size, size_t *n)
{
	*n = 0;
	if (!c->may_read)
		return BW_IO_WAIT_READ;
	if (!c->tls)
		return plain_read(c, to, size, n);
	switch (bw_tls_read(c->tls, to, size, n)) {
	case BW_TLS_DONE:
		c->may_read = bw_tls_pending(c->tls);
		return BW_IO_DONE;
	case BW_TLS_WANT_READ:
		c->may_read = false;
		return BW_IO_WAIT_READ;
	case BW_TLS_WANT_WRITE:
		return BW_IO_WAIT_WRITE;
	default:
		return BW_IO_ENDED;
	}
}
