/* Answers: the head's lines, one write for head and body, and what is left when the peer does not take it
 * all. */
#include "net/server.h"

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>

#include "base/sys.h"

const char *bw_http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} rows[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
	    {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"},
	    {304, "Not Modified"}, {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
	    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
	    {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {408, "Request Timeout"}, {409, "Conflict"},
	    {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"}, {413, "Content Too Large"},
	    {414, "URI Too Long"}, {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"},
	    {417, "Expectation Failed"}, {421, "Misdirected Request"}, {422, "Unprocessable Content"},
	    {426, "Upgrade Required"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
	    {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < BW_COUNT(rows); i++)
		if (rows[i].status == status)
			return rows[i].reason;
	return "";
}

/* IMF-fixdate (RFC 9110 5.6.7), made once a second. */
static struct bw_str date(struct bw_http_server *s)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = bw_clock_wall_ms() / 1000;
	struct tm t;

	if (now != s->date_s) {
		s->date_s = now;
		MUST(gmtime_r(&now, &t) != NULL);
		snprintf(s->date, sizeof s->date, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
		    days + 3 * t.tm_wday, (unsigned)t.tm_mday % 100, months + 3 * t.tm_mon,
		    (unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
		    (unsigned)t.tm_sec % 100);
	}
	return bw_str_c(s->date);
}

/* Whether a block of lines can do no more than add lines: every one ends in CR LF, none is empty. */
static bool lines_valid(struct bw_str lines)
{
	size_t begun = 0;

	for (size_t i = 0; i < lines.n; i++) {
		unsigned char c = (unsigned char)lines.p[i];

		if (c == '\r' && (i == begun || i + 1 == lines.n || lines.p[i + 1] != '\n'))
			return false;
		if (c == '\n' && (i == 0 || lines.p[i - 1] != '\r'))
			return false;
		if (c == '\n')
			begun = i + 1;
		if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return begun == lines.n;
}

/* An answer as it is to be sent. */
struct answer {
	int status;
	struct bw_str lines, body;
};

static bool status_has_body(int status)
{
	return status != 204 && status != 304;
}

static void head_put(struct bw_http_connection *c, const struct answer *a)
{
	struct bw_buf *b = &c->server->scratch;

	bw_buf_reset(b);
	bw_buf_put(b, BW_STR("HTTP/1.1 "));
	bw_buf_put_i64(b, a->status);
	bw_buf_put_c(b, ' ');
	bw_buf_put(b, bw_str_c(bw_http_reason(a->status)));
	bw_buf_put(b, BW_STR("\r\n"));
	bw_buf_put(b, a->lines);
	bw_buf_put(b, BW_STR("Date: "));
	bw_buf_put(b, date(c->server));
	bw_buf_put(b, BW_STR("\r\n"));
	if (status_has_body(a->status)) {
		bw_buf_put(b, BW_STR("Content-Length: "));
		bw_buf_put_i64(b, (int64_t)a->body.n);
		bw_buf_put(b, BW_STR("\r\n"));
	}
	if (c->close_after)
		bw_buf_put(b, BW_STR("Connection: close\r\n"));
	bw_buf_put(b, BW_STR("\r\n"));
}

static enum bw_io tls_write(struct bw_http_connection *c, struct bw_str bytes, size_t *n)
{
	switch (bw_tls_write(c->tls, bytes.p, bytes.n, n)) {
	case BW_TLS_DONE:
		return BW_IO_DONE;
	case BW_TLS_WANT_READ:
		return BW_IO_WAIT_READ;
	case BW_TLS_WANT_WRITE:
		return BW_IO_WAIT_WRITE;
	default:
		return BW_IO_ENDED;
	}
}

static enum bw_io plain_write(
    struct bw_http_connection *c, struct bw_str first, struct bw_str second, size_t *n)
{
	struct iovec parts[] = {{(void *)first.p, first.n}, {(void *)second.p, second.n}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = second.n ? 2 : 1};
	ssize_t sent = sendmsg(c->watch.fd, &message, MSG_NOSIGNAL);

	*n = sent > 0 ? (size_t)sent : 0;
	if (sent >= 0)
		return BW_IO_DONE;
	return errno == EAGAIN || errno == EINTR ? BW_IO_WAIT_WRITE : BW_IO_ENDED;
}

enum bw_io bw_connection_flush(struct bw_http_connection *c)
{
	enum bw_io io = BW_IO_DONE;

	while (io == BW_IO_DONE && c->out_at < c->out.n) {
		struct bw_str rest = bw_str_sub(bw_buf_str(&c->out), c->out_at, c->out.n);
		size_t n;

		io = c->tls ? tls_write(c, rest, &n) : plain_write(c, rest, BW_STR_NONE, &n);
		c->out_at += n;
	}
	if (io == BW_IO_DONE) {
		bw_buf_free(&c->out);
		c->out_at = 0;
		bw_connection_account(c);
	}
	return io;
}

/* Head and body in one write. Sets *n to what has been sent of both together. */
static enum bw_io send_first(struct bw_http_connection *c, struct bw_str body, size_t *n)
{
	struct bw_buf *head = &c->server->scratch;

	if (!c->tls)
		return plain_write(c, bw_buf_str(head), body, n);
	/* What fits into one record travels in one; of a longer answer the head goes first. */
	*n = 0;
	if (head->n + body.n > BW_IN_SMALL)
		return BW_IO_DONE;
	bw_buf_put(head, body);
	return tls_write(c, bw_buf_str(head), n);
}

/* Keeps what the peer has not taken yet. */
static void keep_rest(struct bw_http_connection *c, size_t head_n, struct bw_str body, size_t sent)
{
	struct bw_str head = bw_str_sub(bw_buf_str(&c->server->scratch), 0, head_n);
	size_t of_body = sent > head_n ? sent - head_n : 0;

	MUST(bw_buf_room(&c->out, head_n + body.n - sent) != NULL);
	bw_buf_put(&c->out, bw_str_sub(head, sent, head.n));
	bw_buf_put(&c->out, bw_str_sub(body, of_body, body.n));
	bw_connection_account(c);
}

static void send_answer(struct bw_http_connection *c, const struct answer *a, bool body_sent)
{
	struct bw_str body = body_sent && status_has_body(a->status) ? a->body : BW_STR("");
	size_t head_n, sent;
	enum bw_io io;

	head_put(c, a);
	head_n = c->server->scratch.n;
	io = send_first(c, body, &sent);
	if (io != BW_IO_ENDED && sent < head_n + body.n)
		keep_rest(c, head_n, body, sent);
	bw_buf_reset(&c->server->scratch); /* the body may have travelled in it */
	if (io == BW_IO_ENDED) {
		bw_connection_close(c);
		return;
	}
	if (sent == head_n + body.n) {
		bw_connection_next(c);
		return;
	}
	bw_connection_enter(
	    c, BW_CONN_SEND, BW_HTTP_BODY_TIMEOUT_MS + (int64_t)c->out.n / BW_SEND_BYTES_PER_MS);
}

static bool answer_valid(const struct answer *a)
{
	return a->status >= 200 && a->status <= 599 && a->lines.n <= BW_HTTP_HEAD_MAX / 2 &&
	       lines_valid(a->lines) && a->body.n <= BW_RESPONSE_MAX;
}

void bw_http_respond(
    struct bw_http_exchange *x, int status, struct bw_str headers, struct bw_str body, bool close)
{
	struct bw_http_connection *c = x->connection;
	struct answer a = {status, headers, body};
	const struct bw_http_request *r = &c->work->request;

	MUST(c->state == BW_CONN_WORK);
	c->state = BW_CONN_SEND; /* the application is done with it, whatever comes now */
	if (c->watch.fd < 0) {   /* the peer has gone meanwhile */
		bw_connection_run(c);
		return;
	}
	if (!answer_valid(&a)) {
		bw_log(BW_LOG_ERROR, "an answer of status %d is not fit to be sent", status);
		a = (struct answer){500, BW_STR(""), BW_STR("")};
	}
	c->close_after =
	    close || !r->keep_alive || c->server->draining || c->server->retiring || c->requests >= BW_HTTP_REQUESTS_PER_CONNECTION;
	send_answer(c, &a, !bw_str_eq(r->method, BW_STR("HEAD")));
	if (!c->running)
		bw_connection_run(c);
}

void bw_connection_refuse(struct bw_http_connection *c, int status)
{
	const struct bw_http_server_config *config = &c->server->config;
	bool is_head = c->state == BW_CONN_BODY && bw_str_eq(c->work->request.method, BW_STR("HEAD"));
	struct answer a = {status, BW_STR(""), BW_STR("")};
	struct bw_buf lines, body;

	bw_buf_init(&lines, BW_HTTP_HEAD_MAX / 2);
	bw_buf_init(&body, BW_HTTP_HEAD_MAX);
	if (config->on_refused)
		config->on_refused(config->ctx, status, &lines, &body);
	if (body.n && !body.failed && !lines.failed) {
		a.lines = bw_buf_str(&lines);
		a.body = bw_buf_str(&body);
	}
	MUST(answer_valid(&a));
	c->close_after = true;
	c->linger_after = true;
	send_answer(c, &a, !is_head);
	bw_buf_free(&lines);
	bw_buf_free(&body);
}

bool bw_connection_send_continue(struct bw_http_connection *c)
{
	struct bw_str line = BW_STR("HTTP/1.1 100 Continue\r\n\r\n");
	enum bw_io io;
	size_t n;

	/* Nothing else is on its way to the peer, so that a socket which cannot take this is of no use. */
	io = c->tls ? tls_write(c, line, &n) : plain_write(c, line, BW_STR_NONE, &n);
	return io == BW_IO_DONE && n == line.n;
}
