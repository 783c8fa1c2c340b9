/* The exchange's view of a client's connection, and what follows an answer. */
#include <sys/socket.h>

#include "edge/client.h"
#include "edge/log.h"
#include "net/tls.h"

static struct client *of_exchange(const struct exchange *x)
{
	return x->client;
}

size_t client_room(const struct client *c)
{
	size_t room = wire_room(&c->out);

	return room > CHUNK_LINES ? room - CHUNK_LINES : 0;
}

static size_t op_room(const struct exchange *x)
{
	return client_room(of_exchange(x));
}

void client_put(struct client *c, struct bw_str bytes)
{
	if (!wire_put(c->edge, &c->out, bytes))
		c->cut = true; /* an answer's head above every ceiling */
}

static bool lives_on(const struct client *c, const struct exchange *x)
{
	return !c->close_after && !x->close && !c->listening->closed_ms && !c->edge->retiring &&
	       c->requests < BW_HTTP_REQUESTS_PER_CONNECTION &&
	       now_of(c) - c->opened_ms < x->listener->balancer->keep_alive_ms;
}

static void op_head(
    struct exchange *x, int status, struct bw_str reason, struct bw_str lines, int64_t length, bool no_body)
{
	struct client *c = of_exchange(x);
	struct bw_buf *b = &c->edge->head;

	bw_buf_reset(b);
	bw_buf_put(b, BW_STR("HTTP/1.1 "));
	bw_buf_put_i64(b, status);
	bw_buf_put_c(b, ' ');
	bw_buf_put(b, reason);
	bw_buf_put(b, BW_STR("\r\n"));
	bw_buf_put(b, lines);
	c->out_chunked = length < 0 && !no_body && !x->http10;
	if (length >= 0 && status != 204 && status != 101) {
		bw_buf_put(b, BW_STR("Content-Length: "));
		bw_buf_put_i64(b, length);
		bw_buf_put(b, BW_STR("\r\n"));
	} else if (c->out_chunked) {
		bw_buf_put(b, BW_STR("Transfer-Encoding: chunked\r\n"));
	}
	/* The end of an answer to HTTP/1.0 that has no length is the connection's. */
	if (!lives_on(c, x) || (length < 0 && !no_body && x->http10))
		c->close_after = true;
	if (status == 101)
		bw_buf_put(b, BW_STR("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
	else
		bw_buf_put(b, c->close_after ? BW_STR("Connection: close\r\n\r\n")
		                             : BW_STR("Connection: keep-alive\r\n\r\n"));
	if (b->failed)
		c->cut = true;
	client_put(c, bw_buf_str(b));
}

static void op_body(struct exchange *x, struct bw_str bytes)
{
	struct client *c = of_exchange(x);
	char line[24];

	if (c->out_chunked && bytes.n) {
		static const char digits[] = "0123456789abcdef";
		size_t n = bytes.n, at = sizeof line - 2;

		line[at] = '\r';
		line[at + 1] = '\n';
		for (; n; n >>= 4)
			line[--at] = digits[n & 15];
		client_put(c, bw_str_make(line + at, sizeof line - at));
	}
	client_put(c, bytes);
	if (c->out_chunked && bytes.n)
		client_put(c, BW_STR("\r\n"));
}

/* Nobody has asked for any: who speaks HTTP/1.1 gets answers of HTTP/1.1 targets alone, whose trailers are
 * none. */
static void op_trailers(struct exchange *x, struct bw_str lines)
{
	(void)x;
	(void)lines;
}

static void op_end(struct exchange *x)
{
	struct client *c = of_exchange(x);

	if (c->out_chunked)
		client_put(c, BW_STR("0\r\n\r\n"));
	if (x->tunnel)
		c->close_after = true;
}

static void op_cut(struct exchange *x)
{
	of_exchange(x)->cut = true;
}

static void op_tunnel(struct exchange *x)
{
	enter(of_exchange(x), C_TUNNEL);
}

static void op_wake(struct exchange *x)
{
	client_run(of_exchange(x));
}

/* Later, from the loop: whoever calls is in the middle of something. */
static void op_pull(struct exchange *x)
{
	struct client *c = of_exchange(x);

	if (c->posted || c->running)
		return;
	c->posted = true;
	bw_loop_post(c->edge->loop, &c->post);
}

static const struct client_ops ops = {
    op_head, op_room, op_body, op_trailers, op_end, op_cut, op_pull, op_tunnel, op_wake};

struct exchange *client_exchange_open(struct client *c)
{
	struct exchange *x = exchange_new(c->edge);

	x->client = c;
	x->ops = &ops;
	x->listener = c->listening->listener;
	x->peer = &c->peer;
	x->local = &c->listening->address;
	x->tls = c->sock.tls;
	x->connection = c->serial;
	c->x = x;
	c->out_chunked = false;
	return x;
}

/* ---- after an answer ---- */

void client_part(struct client *c)
{
	sock_farewell(&c->sock);
	wire_free(c->edge, &c->in);
	c->discarded = 0;
	enter(c, C_LINGER);
}

/* Who has said that it leaves sends nothing more, once its request is whole. */
static void linger(struct client *c)
{
	bool more = !c->leaves || ((c->x->has_body || c->x->tunnel) && !c->x->request_done);
	struct exchange *x = c->x;

	c->x = NULL;
	log_access(x);
	exchange_free(x);
	if (more)
		client_part(c);
	else
		client_shut(c);
}

/* True: another request may be there already. */
bool client_answer_sent(struct client *c)
{
	struct exchange *x = c->x;

	if (c->close_after || x->close) {
		linger(c);
		return c->state == C_LINGER;
	}
	if (c->state == C_BODY)
		return false; /* the rest of the body comes first */
	c->x = NULL;
	log_access(x);
	exchange_free(x);
	c->active_ms = now_of(c);
	c->pending = wire_length(&c->in) > 0;
	enter(c, C_HEAD);
	return true;
}
