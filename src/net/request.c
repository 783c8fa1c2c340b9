/* How a request comes in: its head, its body, and over to the application. */
#include "net/http1.h"
#include "net/server.h"

static enum bw_step head_read(struct bw_http_connection *c)
{
	bool idle = c->in_n == c->in_at;
	enum bw_step step;
	size_t n;

	if (!c->may_read)
		return BW_WAIT_READ;
	bw_input_make_room(c);
	if (c->server->held_bytes > BW_HELD_BYTES_MAX)
		return bw_step_refuse(c, 503);
	step = bw_step_of(c, bw_connection_read(c, c->in + c->in_n, c->in_size - c->in_n, &n));
	c->in_n += n;
	if (step == BW_GO_ON && idle)
		bw_connection_enter(c, BW_CONN_HEAD, BW_HTTP_HEAD_TIMEOUT_MS);
	return step;
}

static void exchange_fill(struct bw_http_connection *c)
{
	struct bw_work *w = c->work;

	w->exchange = (struct bw_http_exchange){
	    .request = &w->request,
	    .peer_address = bw_str_c(c->peer_text),
	    .peer_port = bw_address_port(&c->peer),
	    .peer_loopback = bw_address_loopback(&c->peer),
	    .tls = c->tls != NULL,
	    .tls_version = c->tls ? bw_tls_version(c->tls) : BW_STR_NONE,
	    .tls_cipher = c->tls ? bw_tls_cipher(c->tls) : BW_STR_NONE,
	    .loop = c->server->loop,
	    .connection = c,
	};
}

/* How the body that the head has announced will come: in place behind the head when it fits there, else to a
 * buffer of its own, which grows by what arrives and not by what is promised. */
static enum bw_step body_begin(struct bw_http_connection *c)
{
	struct bw_work *w = c->work;
	struct bw_http_request *r = &w->request;
	size_t have = c->in_n - c->in_at - w->head_n, head_n;
	int status;

	bw_connection_enter(c, BW_CONN_BODY, BW_HTTP_BODY_TIMEOUT_MS);
	if (r->content_length > (int64_t)c->server->config.body_max_bytes)
		return bw_step_refuse(c, 413);
	bw_buf_init(
	    &w->body, r->chunked ? c->server->config.body_max_bytes : (size_t)(r->content_length + 1));
	w->chunked = (struct bw_http_chunked){0};
	if (r->expect_continue && have == 0 && (r->chunked || r->content_length > 0) &&
	    !bw_connection_send_continue(c))
		return bw_step_ended(c);
	if (r->chunked && c->in_size - c->in_n < BW_IN_ROOM && have < BW_IN_ROOM) {
		bw_input_grow(c); /* which moves the head, so its slices are made anew */
		MUST(bw_http_parse_head(bw_input(c), r, &head_n, &status) == BW_OK);
	}
	return BW_GO_ON;
}

enum bw_step bw_step_head(struct bw_http_connection *c)
{
	struct bw_str bytes = bw_input(c);
	struct bw_work *w;
	enum bw_err e;
	int status;

	if (bytes.n == 0 || (c->scanned && bw_http_find_head_end(bytes, c->scanned) == BW_EAGAIN)) {
		c->scanned = bytes.n;
		return head_read(c);
	}
	if (!c->work)
		c->work = bw_server_work_take(c->server);
	w = c->work;
	e = bw_http_parse_head(bytes, &w->request, &w->head_n, &status);
	if (e == BW_EAGAIN) {
		c->scanned = bytes.n;
		return head_read(c);
	}
	c->scanned = 0;
	if (e != BW_OK)
		return bw_step_refuse(c, status);
	if (!bw_str_set(w->request.host)) /* of HTTP/1.0: who asks here has to say whom */
		return bw_step_refuse(c, 400);
	exchange_fill(c);
	return body_begin(c);
}

static enum bw_step work_begin(struct bw_http_connection *c, struct bw_str body)
{
	const struct bw_http_server_config *config = &c->server->config;

	c->work->exchange.body = body;
	c->requests++;
	bw_connection_enter(c, BW_CONN_WORK, 0);
	config->on_request(config->ctx, &c->work->exchange);
	return c->state == BW_CONN_WORK ? BW_WAIT_APP : BW_GO_ON;
}

static enum bw_step body_in_place(struct bw_http_connection *c, size_t length)
{
	struct bw_work *w = c->work;
	enum bw_step step;
	size_t n;

	if (c->in_n - c->in_at - w->head_n < length) {
		step = bw_step_of(c, bw_connection_read(c, c->in + c->in_n, c->in_size - c->in_n, &n));
		c->in_n += n;
		return step;
	}
	c->in_at += w->head_n + length;
	return work_begin(c, bw_str_make(c->in + c->in_at - length, length));
}

/* Moves what came behind the head to the body's buffer. */
static void body_take_first(struct bw_http_connection *c, size_t at)
{
	bw_buf_put(&c->work->body, bw_str_make(c->in + at, c->in_n - at));
	bw_wipe(c->in + at, c->in_n - at);
	c->in_n = at;
}

static enum bw_step body_apart(struct bw_http_connection *c, size_t length)
{
	struct bw_work *w = c->work;
	size_t at = c->in_at + w->head_n, room, n;
	enum bw_step step;

	if (c->in_n > at)
		body_take_first(c, at);
	if (w->body.n == length) {
		c->in_at = at;
		return work_begin(c, bw_buf_str(&w->body));
	}
	if (c->server->held_bytes > BW_HELD_BYTES_MAX)
		return bw_step_refuse(c, 503);
	room = length - w->body.n < BW_IN_SMALL ? length - w->body.n : BW_IN_SMALL;
	MUST(bw_buf_room(&w->body, room) != NULL);
	room = w->body.size - w->body.n < length - w->body.n ? w->body.size - w->body.n : length - w->body.n;
	bw_connection_account(c);
	step = bw_step_of(c, bw_connection_read(c, w->body.p + w->body.n, room, &n));
	w->body.n += n;
	return step;
}

static enum bw_step body_chunked(struct bw_http_connection *c)
{
	struct bw_work *w = c->work;
	size_t at = c->in_at + w->head_n, used, n;
	enum bw_err e =
	    bw_http_chunked_feed(&w->chunked, bw_str_make(c->in + at, c->in_n - at), &used, &w->body);
	enum bw_step step;

	memmove(c->in + at, c->in + at + used, c->in_n - at - used);
	bw_wipe(c->in + c->in_n - used, used);
	c->in_n -= used;
	bw_connection_account(c);
	if (e == BW_OK) {
		c->in_at = at;
		return work_begin(c, bw_buf_str(&w->body));
	}
	if (e != BW_EAGAIN)
		return bw_step_refuse(c, e == BW_ETOOBIG ? 413 : 400);
	if (c->server->held_bytes > BW_HELD_BYTES_MAX)
		return bw_step_refuse(c, 503);
	step = bw_step_of(c, bw_connection_read(c, c->in + c->in_n, c->in_size - c->in_n, &n));
	c->in_n += n;
	return step;
}

enum bw_step bw_step_body(struct bw_http_connection *c)
{
	const struct bw_work *w = c->work;
	size_t length = w->request.content_length > 0 ? (size_t)w->request.content_length : 0;

	if (w->request.chunked)
		return body_chunked(c);
	if (w->body.n == 0 && c->in_at + w->head_n + length <= c->in_size)
		return body_in_place(c, length);
	return body_apart(c, length);
}
