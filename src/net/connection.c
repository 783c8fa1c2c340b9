#include "net/connection.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/http1.h"
#include "net/tls.h"

enum { LINGER_MS = 2000, WRITE_TIMEOUT_MS = 30000, OUT_MAX = BW_RESPONSE_MAX + 2 * BW_HTTP_HEAD_MAX };

static void connection_ready(struct bw_watch *w, uint32_t events);
static void connection_advance(struct bw_http_connection *c);

static struct bw_http_connection *connection_of(struct bw_watch *w)
{
	return (struct bw_http_connection *)((char *)w - offsetof(struct bw_http_connection, watch));
}

/* ---- Patience ---- */

static void deadline_set(struct bw_http_connection *c, int64_t ms)
{
	c->deadline_ms = ms ? bw_loop_now_ms(c->server->loop) + ms : 0;
	/* A timer that is set already looks at the deadline when it fires: most requests touch no timer. */
	if (ms && (!c->timer.prev || c->timer.due_ms > c->deadline_ms))
		bw_timer_set(c->server->loop, &c->timer, ms);
}

static void refuse(struct bw_http_connection *c, int status);

static void deadline_reached(struct bw_timer *t)
{
	struct bw_http_connection *c = (struct bw_http_connection *)((char *)t - offsetof(struct bw_http_connection, timer));
	int64_t now = bw_loop_now_ms(c->server->loop);

	if (c->deadline_ms == 0)
		return;
	if (now < c->deadline_ms) {
		bw_timer_set(c->server->loop, &c->timer, c->deadline_ms - now);
		return;
	}
	/* Somebody who began a request hears why it ends; an idle or stuck connection just closes. */
	if ((c->state == READING_HEAD && c->in.n && c->out.n == 0) || (c->state == READING_BODY && c->out.n == 0))
		refuse(c, 408);
	else
		connection_close(c);
	connection_reap(c);
}

/* ---- Beginning and end ---- */

void connection_start(struct bw_http_server *s, int fd, const struct bw_address *peer)
{
	struct bw_http_connection *c = bw_alloc(sizeof *c);
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->server = s;
	c->watch = (struct bw_watch){.fd = fd, .ready = connection_ready};
	c->timer.fire = deadline_reached;
	bw_buf_init(&c->in, BW_HTTP_HEAD_MAX + 2 * s->config.body_max_bytes + 65536);
	bw_buf_init(&c->body, s->config.body_max_bytes);
	bw_buf_init(&c->out, OUT_MAX);
	c->exchange = (struct bw_http_exchange){.loop = s->loop, .connection = c};
	c->exchange.peer_address = bw_address_text(peer, c->address);
	c->exchange.peer_port = bw_address_port(peer);
	c->exchange.peer_loopback = bw_address_loopback(peer);
	c->prev = &s->connections;
	c->next = s->connections;
	if (c->next)
		c->next->prev = &c->next;
	s->connections = c;
	atomic_fetch_add(&s->count, 1);
	if (bw_watch_set(s->loop, &c->watch, EPOLLIN) != BW_OK) {
		connection_close(c);
		connection_reap(c);
		return;
	}
	deadline_set(c, BW_HTTP_HEAD_TIMEOUT_MS);
}

void connection_close(struct bw_http_connection *c)
{
	if (c->dead)
		return;
	c->dead = true;
	bw_timer_cancel(c->server->loop, &c->timer);
	bw_watch_remove(c->server->loop, &c->watch);
	if (c->ssl) {
		bw_tls_close(c->ssl);
		c->ssl = NULL;
	}
	close(c->watch.fd);
	server_forget(c->server, c);
}

void connection_reap(struct bw_http_connection *c)
{
	if (!c->dead || c->advancing || c->state == IN_WORK)
		return;
	/* Requests and answers carry secrets. */
	bw_buf_free_secret(&c->in);
	bw_buf_free_secret(&c->body);
	bw_buf_free_secret(&c->out);
	bw_free(c->request);
	bw_free(c);
}

/* What has been said is sent, then the peer's rest is read and dropped for a moment: a close with unread bytes would reset the
 * connection and take the answer with it. */
static void linger(struct bw_http_connection *c)
{
	c->state = LINGERING;
	if (c->ssl) {
		/* Its goodbye is part of closing; a TLS peer that still sends loses nothing it could read. */
		connection_close(c);
		return;
	}
	if (c->eof || shutdown(c->watch.fd, SHUT_WR) != 0) {
		connection_close(c);
		return;
	}
	deadline_set(c, LINGER_MS);
	if (bw_watch_set(c->server->loop, &c->watch, EPOLLIN) != BW_OK)
		connection_close(c);
}

static void watch_for(struct bw_http_connection *c, uint32_t events)
{
	if (!c->dead && c->watch.events != events && bw_watch_set(c->server->loop, &c->watch, events) != BW_OK)
		connection_close(c);
}

/* Sends what waits. True when all is sent and the connection goes on. */
static bool flush(struct bw_http_connection *c)
{
	enum bw_err e = stream_flush(c);

	if (e == BW_EAGAIN) {
		deadline_set(c, WRITE_TIMEOUT_MS);
		watch_for(c, EPOLLOUT);
		return false;
	}
	if (e != BW_OK) {
		connection_close(c);
		return false;
	}
	if (c->close_after) {
		linger(c);
		return false;
	}
	return true;
}

/* ---- Answers ---- */

static void answer_put(struct bw_http_connection *c, int status, struct bw_str headers, struct bw_str body, bool no_body)
{
	struct bw_buf *out = &c->out;

	bw_buf_put(out, BW_STR("HTTP/1.1 "));
	bw_buf_put_i64(out, status);
	bw_buf_put_c(out, ' ');
	bw_buf_put(out, bw_str_c(bw_http_reason(status)));
	bw_buf_put(out, BW_STR("\r\nDate: "));
	bw_buf_put(out, server_date(c->server));
	bw_buf_put(out, BW_STR("\r\nContent-Length: "));
	bw_buf_put_i64(out, (int64_t)body.n);
	bw_buf_put(out, BW_STR("\r\n"));
	bw_buf_put(out, headers);
	bw_buf_put(out, c->close_after ? BW_STR("Connection: close\r\n\r\n") : BW_STR("\r\n"));
	if (!no_body)
		bw_buf_put(out, body);
}

/* The server's own refusal; the connection ends with it, for nothing after a malformed request can be trusted. */
static void refuse(struct bw_http_connection *c, int status)
{
	const struct bw_http_server_config *config = &c->server->config;
	struct bw_str type = BW_STR("text/plain");
	struct bw_buf body;
	char headers[128];
	int n;

	bw_buf_init(&body, 65536);
	if (config->on_refused)
		config->on_refused(config->ctx, status, &body, &type);
	n = snprintf(headers, sizeof headers, "Content-Type: %.*s\r\n", BW_FMT(type));
	c->close_after = true;
	answer_put(c, status, bw_str_make(headers, (size_t)n), bw_buf_str(&body), false);
	bw_buf_free(&body);
	(void)flush(c);
}

void bw_http_respond(struct bw_http_exchange *x, int status, struct bw_str headers, struct bw_str body, bool close_it)
{
	struct bw_http_connection *c = x->connection;
	size_t used = c->head_n + (c->request->chunked ? c->fed : c->request->content_length > 0 ? (size_t)c->request->content_length : 0);

	MUST(c->state == IN_WORK);
	c->state = READING_HEAD;
	if (c->dead) {
		connection_reap(c);
		return;
	}
	c->close_after = close_it || !c->request->keep_alive || c->server->draining || c->requests >= BW_HTTP_REQUESTS_PER_CONNECTION;
	answer_put(c, status, headers, body, c->head_request);
	if (c->out.failed) {
		connection_close(c);
		connection_reap(c);
		return;
	}
	bw_buf_eat(&c->in, used);
	bw_buf_reset(&c->body);
	c->head_seen = c->head_n = c->fed = 0;
	if (!c->advancing) {
		connection_advance(c);
		connection_reap(c);
	}
}

/* ---- Requests ---- */

static bool head_parse(struct bw_http_connection *c)
{
	int status = 400;
	enum bw_err e = bw_http_find_head_end(bw_buf_str(&c->in), c->head_seen);

	c->head_seen = c->in.n > 3 ? c->in.n - 3 : 0;
	if (e == BW_EAGAIN) {
		if (c->in.n < BW_HTTP_HEAD_MAX)
			return false;
		refuse(c, 431);
		return false;
	}
	if (!c->request)
		c->request = bw_alloc(sizeof *c->request);
	e = bw_http_parse_head(bw_buf_str(&c->in), c->request, &c->head_n, &status);
	if (e == BW_EAGAIN)
		return false;
	if (e != BW_OK) {
		refuse(c, status);
		return false;
	}
	c->parsed_at = c->in.p;
	if (c->request->content_length > (int64_t)c->server->config.body_max_bytes) {
		refuse(c, 413);
		return false;
	}
	c->state = READING_BODY;
	c->chunked = (struct bw_http_chunked){0};
	c->fed = 0;
	deadline_set(c, BW_HTTP_BODY_TIMEOUT_MS);
	return true;
}

/* BW_OK when the body is whole. */
static enum bw_err body_gather(struct bw_http_connection *c)
{
	struct bw_str here = bw_str_sub(bw_buf_str(&c->in), c->head_n, c->in.n);
	size_t used = 0;
	enum bw_err e;

	if (!c->request->chunked) {
		size_t n = c->request->content_length > 0 ? (size_t)c->request->content_length : 0;

		CHECK(here.n >= n, BW_EAGAIN);
		c->exchange.body = bw_str_sub(here, 0, n);
		return BW_OK;
	}
	e = bw_http_chunked_feed(&c->chunked, bw_str_sub(here, c->fed, here.n), &used, &c->body);
	c->fed += used;
	CHECK(!c->body.failed, BW_ETOOBIG);
	/* Framing may not take more room than twice the largest body. */
	CHECK(e != BW_EAGAIN || c->fed <= 2 * c->server->config.body_max_bytes, BW_ETOOBIG);
	if (e == BW_OK)
		c->exchange.body = bw_buf_str(&c->body);
	return e;
}

static void dispatch(struct bw_http_connection *c)
{
	int status;

	if (c->parsed_at != c->in.p) {
		/* The buffer has moved since: the slices are made again. */
		MUST(bw_http_parse_head(bw_buf_str(&c->in), c->request, &c->head_n, &status) == BW_OK);
		c->parsed_at = c->in.p;
		if (!c->request->chunked)
			MUST(body_gather(c) == BW_OK);
	}
	c->requests++;
	c->state = IN_WORK;
	c->head_request = bw_str_eq(c->request->method, BW_STR("HEAD"));
	c->exchange.request = c->request;
	c->exchange.app = NULL;
	deadline_set(c, 0);
	c->server->config.on_request(c->server->config.ctx, &c->exchange);
}

static bool body_step(struct bw_http_connection *c)
{
	enum bw_err e = body_gather(c);

	if (e == BW_OK) {
		dispatch(c);
		return true;
	}
	if (e != BW_EAGAIN) {
		refuse(c, e == BW_ETOOBIG ? 413 : 400);
		return false;
	}
	if (c->request->expect_continue && c->out.n == 0) {
		c->request->expect_continue = false;
		bw_buf_put(&c->out, BW_STR("HTTP/1.1 100 Continue\r\n\r\n"));
		(void)flush(c);
	}
	return false;
}

/* As far as the bytes at hand go: answers what is whole, one request after the other. */
static void connection_advance(struct bw_http_connection *c)
{
	c->advancing = true;
	while (!c->dead && c->state != IN_WORK && c->state != LINGERING) {
		if (c->out.n && !flush(c))
			break;
		if (c->state == READING_HEAD) {
			if (c->in.n == 0) {
				if (c->server->draining)
					connection_close(c);
				else
					deadline_set(c, BW_HTTP_IDLE_TIMEOUT_MS);
				break;
			}
			if (c->head_seen == 0)
				deadline_set(c, BW_HTTP_HEAD_TIMEOUT_MS);
			if (!head_parse(c))
				break;
		}
		if (c->state == READING_BODY && !body_step(c))
			break;
	}
	if (!c->dead && c->state != LINGERING && c->out.n == 0)
		watch_for(c, c->state == IN_WORK ? 0 : EPOLLIN);
	c->advancing = false;
}

static void linger_read(struct bw_http_connection *c)
{
	enum bw_err e;

	while ((e = stream_read(c)) == BW_OK)
		;
	if (e != BW_EAGAIN)
		connection_close(c);
}

static void connection_read(struct bw_http_connection *c)
{
	enum bw_err e = c->sniffed ? BW_OK : stream_sniff(c);

	if (e == BW_OK && c->plain_refused) {
		refuse(c, 403);
		return;
	}
	if (e == BW_OK)
		e = stream_read(c);
	if (e == BW_EAGAIN)
		return;
	if (e == BW_ETOOBIG) {
		refuse(c, 413);
		return;
	}
	if (e != BW_OK) {
		connection_close(c);
		return;
	}
	connection_advance(c);
	/* TLS may hold decrypted bytes that no event will tell of. */
	while (!c->dead && c->ssl && c->state != IN_WORK && c->state != LINGERING && c->out.n == 0 && bw_tls_pending(c->ssl) &&
	       stream_read(c) == BW_OK)
		connection_advance(c);
}

static void connection_ready(struct bw_watch *w, uint32_t events)
{
	struct bw_http_connection *c = connection_of(w);

	if (events & EPOLLERR)
		connection_close(c);
	else if (c->state == LINGERING)
		linger_read(c);
	else if (c->state == IN_WORK)
		/* Hung up while its request is in work: nobody waits for the answer any more. */
		connection_close(c);
	else if (c->out.n)
		connection_advance(c);
	else
		connection_read(c);
	connection_reap(c);
}
