#include "net/fetch.h"

#include <netdb.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/sys.h"
#include "net/http1_response.h"
#include "net/peer.h"

enum { READ_BYTES = 16 * 1024, INFORMATIONAL_MAX = 8 /* 1xx answers before the one that counts */ };

/* ---- The URL ---- */

static bool all_of(struct bw_str s, const char *extra)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		        (c && strchr(extra, c))))
			return false;
	}
	return s.n > 0;
}

static enum bw_err authority_parse(struct bw_url *out)
{
	struct bw_str rest = out->authority, port;
	bool v6 = bw_str_starts(rest, BW_STR("["));
	int64_t n = 443;

	if (v6) {
		rest = bw_str_sub(rest, 1, rest.n);
		out->host = bw_str_cut(&rest, ']');
		CHECK(bw_str_set(rest) && (rest.n == 0 || rest.p[0] == ':'), BW_EINVAL);
		port = rest.n ? bw_str_sub(rest, 1, rest.n) : BW_STR_NONE;
	} else {
		out->host = bw_str_cut(&rest, ':');
		port = rest;
	}
	CHECK(all_of(out->host, v6 ? ":." : "-._") && out->host.n <= 253, BW_EINVAL);
	if (bw_str_set(port))
		TRY(bw_str_to_i64(port, 1, 65535, &n));
	out->port = (uint16_t)n;
	return BW_OK;
}

enum bw_err bw_url_parse(struct bw_str text, struct bw_url *out)
{
	size_t n = 0;

	*out = (struct bw_url){0};
	CHECK(bw_str_starts(text, BW_STR("https://")), BW_EINVAL);
	text = bw_str_sub(text, 8, text.n);
	while (n < text.n && text.p[n] != '/' && text.p[n] != '?')
		n++;
	out->authority = bw_str_sub(text, 0, n);
	out->target = n < text.n ? bw_str_sub(text, n, text.n) : BW_STR("/");
	CHECK(out->target.p[0] == '/', BW_EINVAL);
	CHECK(all_of(out->target, "-._~:/?[]@!$&'()*+,;=%"), BW_EINVAL);
	return authority_parse(out);
}

/* ---- The address ---- */

/* What no identity provider has, and what on many machines gives secrets to whoever asks: 169.254.169.254. */
static bool v4_refused(const unsigned char *p)
{
	return p[0] == 0 || (p[0] == 169 && p[1] == 254) || p[0] >= 224;
}

static bool address_refused(const struct sockaddr *a)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}, zero[16];
	const unsigned char *p;

	if (a->sa_family == AF_INET)
		return v4_refused(
		    (const unsigned char *)&((const struct sockaddr_in *)(const void *)a)->sin_addr);
	if (a->sa_family != AF_INET6)
		return true;
	p = ((const struct sockaddr_in6 *)(const void *)a)->sin6_addr.s6_addr;
	if (memcmp(p, mapped, sizeof mapped) == 0)
		return v4_refused(p + sizeof mapped);
	return memcmp(p, zero, sizeof zero) == 0 || p[0] == 0xff || (p[0] == 0xfe && (p[1] & 0xc0) == 0x80);
}

static enum bw_err connect_one(struct peer *p, const struct addrinfo *a)
{
	struct bw_address to = {.bytes = a->ai_addrlen};
	int64_t deadline = p->deadline_ms;

	CHECK(!address_refused(a->ai_addr) && a->ai_addrlen <= sizeof to.v6, BW_EPERM);
	memcpy(&to.v6, a->ai_addr, a->ai_addrlen);
	peer_close(p);
	*p = (struct peer){.fd = -1, .deadline_ms = deadline};
	return peer_connect(p, &to);
}

static enum bw_err connect_any(struct peer *p, const struct bw_url *url)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
	char *host = bw_strdup(url->host), port[8];
	enum bw_err e = BW_EIO;
	int found;

	(void)snprintf(port, sizeof port, "%u", url->port);
	found = getaddrinfo(host, port, &hints, &list);
	bw_free(host);
	CHECK(found == 0, BW_EIO);
	for (const struct addrinfo *a = list; a && e != BW_OK; a = a->ai_next)
		e = connect_one(p, a);
	freeaddrinfo(list);
	return e;
}

/* ---- The exchange ---- */

/* A token of somebody else's becomes a header's value: what could end the line is no token. */
static bool printable(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static void request_put(const struct bw_fetch *f, const struct bw_url *url, struct bw_buf *out)
{
	bw_buf_printf(out,
	    "%s %.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\nAccept: application/json\r\n"
	    "User-Agent: bulwark\r\n",
	    bw_str_set(f->form) || bw_str_set(f->json) ? "POST" : "GET", BW_FMT(url->target), BW_FMT(url->authority));
	if (bw_str_set(f->authorization))
		bw_buf_printf(out, "Authorization: %.*s\r\n", BW_FMT(f->authorization));
	if (bw_str_set(f->form))
		bw_buf_printf(out,
		    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n", f->form.n);
	if (bw_str_set(f->json))
		bw_buf_printf(out, "%.*sContent-Length: %zu\r\n", BW_FMT(f->json_lines), f->json.n);
	bw_buf_put(out, BW_STR("\r\n"));
	bw_buf_put(out, bw_str_set(f->json) ? f->json : f->form);
}

/* A head, with those before it that only inform passed over. *used: where the body begins. */
static enum bw_err head_take(struct bw_str bytes, struct bw_http_response *r, size_t *used)
{
	size_t n;

	*used = 0;
	for (int i = 0; i < INFORMATIONAL_MAX; i++) {
		TRY(bw_http_parse_response(bw_str_sub(bytes, *used, bytes.n), r, &n));
		*used += n;
		if (r->status >= 200)
			return BW_OK;
	}
	return BW_EINVAL;
}

/* What is there of the body. BW_EAGAIN: more is to come. */
static enum bw_err body_take(
    const struct bw_http_response *r, struct bw_str bytes, bool ended, struct bw_buf *body)
{
	struct bw_http_chunked chunked = {0};
	size_t used;
	enum bw_err e;

	if (r->chunked) {
		e = bw_http_chunked_feed(&chunked, bytes, &used, body);
		return e == BW_EAGAIN && ended ? BW_EINVAL : e;
	}
	CHECK(r->content_length <= (int64_t)body->max, BW_ETOOBIG);
	if (r->status == 204 || r->status == 304)
		return BW_OK;
	if (r->content_length < 0) {
		CHECK(ended, bytes.n > body->max ? BW_ETOOBIG : BW_EAGAIN);
	} else if ((int64_t)bytes.n < r->content_length) {
		return ended ? BW_EINVAL : BW_EAGAIN;
	} else {
		bytes.n = (size_t)r->content_length;
	}
	bw_buf_put(body, bytes);
	return body->failed ? BW_ETOOBIG : BW_OK;
}

static enum bw_err answer_take(struct bw_str all, bool ended, struct bw_http_response *r, struct bw_buf *body)
{
	size_t used;
	enum bw_err e = head_take(all, r, &used);

	if (e == BW_EAGAIN && ended)
		return BW_EINVAL;
	TRY(e);
	bw_buf_reset(body);
	return body_take(r, bw_str_sub(all, used, all.n), ended, body);
}

static enum bw_err answer_read(struct peer *p, struct bw_buf *all, int *status, struct bw_buf *body)
{
	struct bw_http_response r;
	enum bw_err e = BW_EAGAIN;

	while (e == BW_EAGAIN) {
		char *at = bw_buf_room(all, READ_BYTES);
		bool ended;
		size_t n = 0;

		CHECK(at != NULL, BW_ETOOBIG);
		e = peer_read_some(p, at, READ_BYTES, &n);
		ended = e == BW_ENOTFOUND;
		CHECK(ended || e == BW_OK, e);
		all->n += n;
		e = n || ended ? answer_take(bw_buf_str(all), ended, &r, body) : BW_EAGAIN;
	}
	*status = r.status;
	return e;
}

static enum bw_err exchange(
    struct peer *p, const struct bw_fetch *f, struct ssl_ctx_st *trust, int *status, struct bw_buf *body)
{
	struct bw_buf all;
	struct bw_url url;
	enum bw_err e;

	TRY(bw_url_parse(f->url, &url));
	CHECK(printable(f->authorization), BW_EINVAL);
	TRY(connect_any(p, &url));
	CHECK((e = peer_secure(p, trust, url.host)) != BW_EPERM, BW_EIO);
	TRY(e);
	/* Chunks' lines are at most a few times what they carry. */
	bw_buf_init(&all, BW_HTTP_HEAD_MAX + 8 * f->answer_max + f->form.n + f->json.n + 4 * READ_BYTES);
	request_put(f, &url, &all);
	e = all.failed ? BW_ETOOBIG : peer_write(p, bw_buf_str(&all));
	bw_wipe(all.p, all.n);
	bw_buf_reset(&all);
	if (e == BW_OK)
		e = answer_read(p, &all, status, body);
	bw_buf_free(&all);
	return e;
}

enum bw_err bw_fetch(const struct bw_fetch *f, struct ssl_ctx_st *trust, struct bw_arena *arena, int *status,
    struct bw_str *body)
{
	struct peer p = {.fd = -1, .deadline_ms = f->deadline_ms};
	struct bw_buf answer;
	enum bw_err e;

	bw_buf_init(&answer, f->answer_max);
	e = exchange(&p, f, trust, status, &answer);
	peer_close(&p);
	if (e == BW_OK)
		*body = bw_arena_str(arena, bw_buf_str(&answer));
	bw_buf_free(&answer);
	return e == BW_EAGAIN ? BW_EIO : e;
}

/* ---- Connections that are kept ---- */

struct bw_fetch_line {
	struct peer peer;
};

void bw_fetch_line_free(struct bw_fetch_line *line)
{
	if (!line)
		return;
	peer_close(&line->peer);
	bw_free(line);
}

static enum bw_err line_open(
    const struct bw_fetch_at *f, struct ssl_ctx_st *trust, struct bw_fetch_line *line)
{
	line->peer = (struct peer){.fd = -1, .deadline_ms = f->deadline_ms};
	TRY(peer_connect(&line->peer, &f->address));
	return peer_secure(&line->peer, trust, f->host);
}

static enum bw_err exchange_on(struct bw_fetch_line *line, const struct bw_fetch_at *f, struct bw_buf *all,
    int *status, struct bw_buf *body)
{
	line->peer.deadline_ms = f->deadline_ms;
	TRY(peer_write(&line->peer, f->request));
	return answer_read(&line->peer, all, status, body);
}

/* It ended where its length says, and the peer will hear more. */
static bool may_go_on(struct bw_str all)
{
	struct bw_http_response r;
	size_t used;

	return head_take(all, &r, &used) == BW_OK && r.keep_alive && !r.chunked && r.content_length >= 0 &&
	       all.n - used == (size_t)r.content_length;
}

enum bw_err bw_fetch_at(const struct bw_fetch_at *f, struct ssl_ctx_st *trust, struct bw_fetch_line **line,
    struct bw_arena *arena, int *status, struct bw_str *body)
{
	struct bw_buf all, answer;
	bool kept = *line;
	enum bw_err e = BW_OK;

	bw_buf_init(&all, BW_HTTP_HEAD_MAX + 8 * f->answer_max + 4 * READ_BYTES);
	bw_buf_init(&answer, f->answer_max);
	if (!kept) {
		*line = bw_alloc(sizeof **line);
		e = line_open(f, trust, *line);
	}
	if (e == BW_OK)
		e = exchange_on(*line, f, &all, status, &answer);
	if (e == BW_EINVAL && kept && all.n == 0)
		e = BW_EIO;
	if (e == BW_OK)
		*body = bw_arena_str(arena, bw_buf_str(&answer));
	if (e != BW_OK || !may_go_on(bw_buf_str(&all))) {
		bw_fetch_line_free(*line);
		*line = NULL;
	}
	bw_buf_free(&all);
	bw_buf_free(&answer);
	return e;
}
