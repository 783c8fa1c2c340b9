/* Reading: heads, bodies under back-pressure, tunnels, and what nobody wants any more. */
#include "edge/client.h"
#include "net/http1.h"

void client_head_refuse(struct client *c, int status)
{
	struct exchange *x = client_exchange_open(c);

	c->close_after = true;
	wire_free(c->edge, &c->in);
	x->has_body = true; /* what else has come is not read */
	exchange_fail(x, status);
	enter(c, C_WAIT);
}

/* ALB knows no 431: a head too large is a bad request. */
static int status_shown(int status)
{
	return status == 431 ? 400 : status;
}

static void body_begin(struct client *c, const struct bw_http_request *r)
{
	struct exchange *x = c->x;

	c->left = r->content_length;
	c->body_chunked = r->chunked;
	c->chunked = (struct bw_http_chunked){0};
	c->discarded = 0;
	if (!x->has_body) {
		exchange_body_end(x);
		enter(c, C_WAIT);
		return;
	}
	if (r->expect_continue && !x->answered)
		client_put(c, BW_STR("HTTP/1.1 100 Continue\r\n\r\n"));
	enter(c, C_BODY);
}

/* The name of the load balancer is that of what asks for none (How Elastic Load Balancing works, "HTTP headers"). */
static void host_fill(struct exchange *x, struct bw_http_request *r)
{
	x->hostless = !bw_str_set(r->host);
	if (x->hostless)
		r->host = x->listener->balancer->in->dns_name;
}

/* A whole head lies in `bytes`. What is behind it waits in c->in. */
static void request_begin(struct client *c, struct bw_str bytes, size_t head_n)
{
	struct edge *e = c->edge;
	struct bw_http_request *r = &e->request;
	struct exchange *x;

	wire_free(e, &c->in);
	(void)wire_put(e, &c->in, bw_str_sub(bytes, head_n, bytes.n));
	c->requests++;
	x = client_exchange_open(c);
	x->received = head_n;
	host_fill(x, r);
	c->leaves = !r->keep_alive;
	c->close_after = c->close_after || c->leaves;
	exchange_start(x, r);
	body_begin(c, r);
}

bool client_head_step(struct client *c)
{
	struct edge *e = c->edge;
	size_t held = wire_length(&c->in), n = 0, head_n, from = c->pending || held < 3 ? 0 : held - 3;
	int status = 400;
	enum io io;
	enum bw_err err;

	if (held)
		memcpy(e->scratch, wire_bytes(&c->in).p, held);
	io = sock_read(&c->sock, e->scratch + held, BLOCK_BYTES, &n);
	scratch_use(e, held + n);
	if (!c->sock.watch.added && c->requests == 0)
		c->listening->early = io != IO_WAIT;
	if (io == IO_END || io == IO_FAIL) {
		client_shut(c);
		return false;
	}
	/* Bytes that came behind the last request were not looked at yet. */
	if (io == IO_WAIT && !(held && c->pending))
		return false;
	c->pending = false;
	c->active_ms = now_of(c);
	if (c->listening->gone) {
		client_head_refuse(c, 503);
		return true;
	}
	if (!held)
		c->began_ms = c->active_ms;
	/* A slow sender's head is parsed when it can be whole, not at each byte. */
	err = bw_http_find_head_end(bw_str_make(e->scratch, held + n), from);
	if (err != BW_EAGAIN)
		err = bw_http_parse_head(bw_str_make(e->scratch, held + n), &e->request, &head_n, &status);
	if (err == BW_OK) {
		request_begin(c, bw_str_make(e->scratch, held + n), head_n);
		return true;
	}
	if (err == BW_EAGAIN && held + n > BLOCK_BYTES && memory_full(e))
		status = 503; /* who has not enough with a block does not get what others have no more of */
	else if (err == BW_EAGAIN && wire_put(e, &c->in, bw_str_make(e->scratch + held, n)))
		return true;
	client_head_refuse(c, status_shown(status));
	return true;
}

static void body_ends(struct client *c)
{
	exchange_body_end(c->x);
	enter(c, C_WAIT);
}

/* Gives what of `bytes` is the body's. BW_OK: it has ended; BW_EAGAIN: more is to come. */
static enum bw_err body_take(struct client *c, struct bw_str bytes, size_t *used)
{
	struct bw_buf *out = &c->edge->decoded;
	enum bw_err err;

	if (!c->body_chunked) {
		*used = (int64_t)bytes.n < c->left ? bytes.n : (size_t)c->left;
		c->left -= (int64_t)*used;
		exchange_body(c->x, bw_str_sub(bytes, 0, *used));
		return c->left ? BW_EAGAIN : BW_OK;
	}
	bw_buf_reset(out);
	err = bw_http_chunked_feed(&c->chunked, bytes, used, out);
	if (err != BW_OK && err != BW_EAGAIN)
		return BW_EINVAL;
	exchange_body(c->x, bw_buf_str(out));
	return err;
}

/* Up to `room` bytes from behind the head or from the socket. */
static enum io body_bytes(struct client *c, size_t room, struct bw_str *bytes)
{
	struct edge *e = c->edge;
	size_t held = wire_length(&c->in), n = 0;
	enum io io = IO_DONE;

	if (held) {
		n = held < room ? held : room;
		memcpy(e->scratch, wire_bytes(&c->in).p, n);
		wire_eat(e, &c->in, n);
	} else {
		if (!c->body_chunked && (int64_t)room > c->left)
			room = (size_t)c->left;
		io = sock_read(&c->sock, e->scratch, room, &n);
	}
	scratch_use(e, n);
	*bytes = bw_str_make(e->scratch, n);
	return io;
}

/* Puts back in front what was taken from behind the head. */
static void put_back(struct client *c, struct bw_str bytes)
{
	struct edge *e = c->edge;
	struct wire rest = c->in;

	if (bytes.n == 0)
		return;
	c->in = (struct wire){0};
	(void)wire_put(e, &c->in, bytes);
	(void)wire_put(e, &c->in, wire_bytes(&rest));
	wire_free(e, &rest);
}

static bool body_unwanted(struct client *c, size_t n)
{
	c->discarded += (uint32_t)n;
	return c->close_after || c->discarded > DISCARD_MAX;
}

bool client_body_step(struct client *c)
{
	size_t room = exchange_body_room(c->x), used = 0;
	struct bw_str bytes;
	enum bw_err err;
	enum io io;

	if (c->x->ended && body_unwanted(c, 0)) {
		c->close_after = true;
		enter(c, C_WAIT);
		return true;
	}
	if (room == 0 || c->blocked)
		span_begin(c);
	c->blocked = room == 0;
	if (room == 0)
		return false;
	io = body_bytes(c, room < BLOCK_BYTES ? room : BLOCK_BYTES, &bytes);
	if (io == IO_WAIT)
		return false;
	if (io != IO_DONE) {
		client_shut(c);
		return false;
	}
	c->active_ms = now_of(c);
	c->rate_bytes += (uint32_t)bytes.n;
	if (c->x->ended)
		c->discarded += (uint32_t)bytes.n;
	err = body_take(c, bytes, &used);
	put_back(c, bw_str_sub(bytes, used, bytes.n));
	if (err == BW_OK) {
		body_ends(c);
	} else if (err == BW_EINVAL) {
		c->close_after = true;
		exchange_fail(c->x, 400);
		enter(c, C_WAIT);
	}
	return true;
}

bool client_tunnel_step(struct client *c)
{
	size_t room = exchange_body_room(c->x), n;
	enum io io;

	if (wire_length(&c->in)) {
		exchange_body(c->x, wire_bytes(&c->in));
		wire_free(c->edge, &c->in);
		return true;
	}
	if (room == 0)
		return false;
	io = sock_read(&c->sock, c->edge->scratch, room < BLOCK_BYTES ? room : BLOCK_BYTES, &n);
	scratch_use(c->edge, n);
	if (io == IO_WAIT)
		return false;
	if (io != IO_DONE) {
		client_shut(c);
		return false;
	}
	c->active_ms = now_of(c);
	exchange_body(c->x, bw_str_make(c->edge->scratch, n));
	return true;
}

bool client_linger_step(struct client *c)
{
	scratch_use(c->edge, BLOCK_BYTES);
	if (!sock_drop(&c->sock, c->edge->scratch, &c->discarded))
		client_shut(c);
	return false;
}
