/* A request over HTTP/2 made into what an HTTP/1.1 request is parsed into, so that all behind it is one path.
 */
#include "edge/emit.h"
#include "edge/h2.h"
#include "net/http1.h"

static bool is_cookie(const struct bw_http_header *h)
{
	return bw_str_eq(h->name, BW_STR("cookie"));
}

static struct bw_str crumbs_join(struct h2_stream *s, const struct bw_http_request *r, size_t bytes)
{
	char *at = bw_arena_alloc(h2_stream_arena(s), bytes), *begin = at;

	for (size_t i = 0; i < r->header_count; i++) {
		if (!is_cookie(&r->headers[i]))
			continue;
		if (at != begin) {
			memcpy(at, "; ", 2);
			at += 2;
		}
		if (r->headers[i].value.n)
			memcpy(at, r->headers[i].value.p, r->headers[i].value.n);
		at += r->headers[i].value.n;
	}
	h2_stream_grown(s);
	return bw_str_make(begin, (size_t)(at - begin));
}

/* A browser sends its cookies in crumbs, each a line; towards HTTP/1.1 they are one line again (RFC
 * 9113 8.2.3). */
static void cookies_join(struct h2_stream *s, struct bw_http_request *r)
{
	struct bw_str all = BW_STR_NONE;
	size_t kept = 0, crumbs = 0, bytes = 0;

	for (size_t i = 0; i < r->header_count; i++) {
		if (!is_cookie(&r->headers[i]))
			continue;
		all = r->headers[i].value;
		bytes += all.n + 2;
		crumbs++;
	}
	if (crumbs == 0)
		return;
	if (crumbs > 1)
		all = crumbs_join(s, r, bytes);
	for (size_t i = 0; i < r->header_count; i++)
		if (!is_cookie(&r->headers[i]))
			r->headers[kept++] = r->headers[i];
	r->headers[kept++] = (struct bw_http_header){BW_STR("Cookie"), all};
	r->header_count = kept;
}

static bool host_take(struct bw_http_request *r, struct bw_str authority)
{
	size_t hosts;

	r->host = bw_http_header(r, BW_STR("host"), &hosts);
	if (authority.n && hosts && !bw_str_eq_nocase(r->host, authority))
		return false;
	if (authority.n)
		r->host = authority;
	return bw_http_host_valid(r->host);
}

bool h2_request_make(struct h2_stream *s, const struct h2_message *m, bool ends)
{
	struct bw_http_request *r = &s->h->pump.edge->request;
	struct bw_str rest = m->path;

	MUST(r->headers == m->headers);
	r->method = m->method;
	r->target = m->path;
	r->minor_version = 1;
	r->keep_alive = true;
	r->expect_continue = false;
	r->content_length = m->length;
	r->chunked = !ends && m->length < 0;
	r->header_count = m->count;
	r->path = bw_str_cut(&rest, '?');
	r->query = rest;
	if (!m->path.n || m->path.p[0] != '/' || !host_take(r, m->authority))
		return false;
	cookies_join(s, r);
	return true;
}

void h2_request_trailers(struct h2_stream *s, const struct h2_message *m)
{
	for (size_t i = 0; i < m->count; i++) {
		if (!header_may_trail(m->headers[i].name))
			continue;
		if (!s->trailers_in.p)
			bw_buf_init(&s->trailers_in, 2 * H2_HEADERS_BYTES);
		field_put(&s->trailers_in, m->headers[i].name, m->headers[i].value);
	}
	h2_stream_grown(s);
}
