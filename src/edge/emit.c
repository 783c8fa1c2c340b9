/* Heads as they go out: made anew from what was parsed, never copied as bytes. */
#include "edge/desync.h"
#include "edge/emit.h"
#include "edge/group.h"
#include "edge/log.h"
#include "edge/sticky.h"
#include "edge/tls.h"
#include "edge/worker.h"
#include "net/tls.h"

/* Of one connection alone (RFC 9110 7.6.1), and what is always written anew. */
static const struct bw_str hops[] = {BW_STR("connection"), BW_STR("keep-alive"), BW_STR("proxy-connection"),
    BW_STR("te"), BW_STR("trailer"), BW_STR("transfer-encoding"), BW_STR("upgrade"), BW_STR("expect"),
    BW_STR("content-length"), BW_STR("http2-settings"), {0}};

/* Behind so many bytes of header lines an incoming trace is left out (ALB User Guide, "Request tracing"). */
enum { TRACE_HEADERS_MAX = 7 * 1024 };

/* What the load balancer says of itself: a client's own spelling of it never reaches a target. */
static const struct bw_str ours[] = {BW_STR("host"), BW_STR("x-forwarded-for"), BW_STR("x-forwarded-proto"),
    BW_STR("x-forwarded-port"), BW_STR("x-amzn-trace-id"), BW_STR("x-amzn-tls-version"),
    BW_STR("x-amzn-tls-cipher-suite"), BW_STR("x-amzn-mtls-clientcert"), {0}};
static const struct bw_str our_families[] = {BW_STR("x-amzn-mtls-"), BW_STR("x-amzn-oidc-"), {0}};

static bool listed(const struct bw_str *list, struct bw_str name)
{
	for (; list->n; list++)
		if (list->n == name.n && bw_str_eq_nocase(name, *list))
			return true;
	return false;
}

/* Letters in lower case and digits; all else one character, as in the variables that CGI and its heirs make of names. */
static char name_fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

/* Whether an application could take one name for the other: X_Amzn_Oidc_Identity is one of X-Amzn-Oidc-Identity's. */
static bool reads_as(struct bw_str name, struct bw_str other)
{
	if (name.n != other.n)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name_fold(name.p[i]) != name_fold(other.p[i]))
			return false;
	return true;
}

static bool header_is_ours(struct bw_str name)
{
	for (const struct bw_str *o = ours; o->n; o++)
		if (reads_as(name, *o))
			return true;
	for (const struct bw_str *o = our_families; o->n; o++)
		if (name.n > o->n && reads_as(bw_str_sub(name, 0, o->n), *o))
			return true;
	return false;
}

bool header_is_hop(struct bw_str name)
{
	return listed(hops, name);
}

bool header_may_trail(struct bw_str name)
{
	static const struct bw_str never[] = {
	    BW_STR("authorization"), BW_STR("cookie"), BW_STR("set-cookie"), BW_STR("content-type"), {0}};

	return !listed(hops, name) && !header_is_ours(name) && !listed(never, name) &&
	       !header_is_suspicious(name);
}

bool connection_names(const struct bw_http_header *headers, size_t count, struct bw_str name)
{
	for (size_t i = 0; i < count; i++) {
		struct bw_str list = headers[i].value;

		if (!bw_str_eq_nocase(headers[i].name, BW_STR("connection")))
			continue;
		while (bw_str_set(list))
			if (bw_str_eq_nocase(bw_str_trim(bw_str_cut(&list, ',')), name))
				return true;
	}
	return false;
}

/* Whether the connection's line may name another one. What most say names but a line that is left out anyway. */
static bool connection_tells(const struct bw_http_header *headers, size_t count)
{
	const struct bw_str name = BW_STR("connection");

	for (size_t i = 0; i < count; i++)
		if (headers[i].name.n == name.n && bw_str_eq_nocase(headers[i].name, name) &&
		    !bw_str_eq_nocase(headers[i].value, BW_STR("keep-alive")))
			return true;
	return false;
}

static bool name_is_plain(struct bw_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return name.n > 0;
}

static void put_line(struct bw_buf *out, struct bw_str name, struct bw_str value)
{
	size_t n = name.n + value.n + 4;
	char *at = bw_buf_room(out, n);

	if (!at)
		return;
	memcpy(at, name.p, name.n);
	memcpy(at + name.n, ": ", 2);
	if (value.n)
		memcpy(at + name.n + 2, value.p, value.n);
	memcpy(at + n - 2, "\r\n", 2);
	out->n += n;
}

static void put_peer(const struct exchange *x, bool port, struct bw_buf *out)
{
	char text[BW_ADDRESS_TEXT_MAX];
	struct bw_str address = bw_address_text(x->peer, text);
	bool v6 = port && bw_str_find(address, ':', 0) >= 0;

	if (v6)
		bw_buf_put_c(out, '[');
	bw_buf_put(out, address);
	if (v6)
		bw_buf_put_c(out, ']');
	if (port) {
		bw_buf_put_c(out, ':');
		bw_buf_put_i64(out, bw_address_port(x->peer));
	}
}

/* All lines of one name as one list (RFC 9110 5.3). */
static void put_list(const struct bw_http_request *r, struct bw_str name, bool *any, struct bw_buf *out)
{
	for (size_t i = 0; i < r->header_count; i++) {
		if (!bw_str_eq_nocase(r->headers[i].name, name) || r->headers[i].value.n == 0)
			continue;
		if (*any)
			bw_buf_put(out, BW_STR(", "));
		bw_buf_put(out, r->headers[i].value);
		*any = true;
	}
}

static void put_forwarded_for(const struct exchange *x, const struct bw_http_request *r, struct bw_buf *out)
{
	const struct balancer *b = x->listener->balancer;
	bool any = false;

	if (b->xff == XFF_REMOVE)
		return;
	if (b->xff == XFF_PRESERVE && !bw_str_set(bw_http_header(r, BW_STR("x-forwarded-for"), NULL)))
		return;
	bw_buf_put(out, BW_STR("X-Forwarded-For: "));
	put_list(r, BW_STR("x-forwarded-for"), &any, out);
	if (b->xff == XFF_APPEND) {
		if (any)
			bw_buf_put(out, BW_STR(", "));
		put_peer(x, b->xff_port, out);
	}
	bw_buf_put(out, BW_STR("\r\n"));
}

/* Without preserve_host_header, ALB names the listener's port unless it is the scheme's own or one is named
 * already. */
static void put_host(const struct exchange *x, const struct bw_http_request *r, struct bw_buf *out)
{
	int64_t port = x->listener->in->port;
	struct bw_str host = r->host;
	ptrdiff_t bracket = bw_str_find(host, ']', 0);
	bool named = bw_str_find(host, ':', bracket > 0 ? (size_t)bracket : 0) >= 0;

	bw_buf_put(out, BW_STR("Host: "));
	bw_buf_put(out, host);
	if (!x->listener->balancer->preserve_host && !named && port != (x->listener->tls ? 443 : 80)) {
		bw_buf_put_c(out, ':');
		bw_buf_put_i64(out, port);
	}
	bw_buf_put(out, BW_STR("\r\n"));
}

static void put_tls(const struct exchange *x, struct bw_buf *out)
{
	const struct bw_pairs *p = &x->listener->in->attributes;
	struct bw_str version = attribute(p, "routing.http.request.x_amzn_tls_version.header_name");
	struct bw_str suite = attribute(p, "routing.http.request.x_amzn_tls_cipher_suite.header_name");

	if (!x->tls || !x->listener->balancer->tls_headers)
		return;
	put_line(out, version.n ? version : BW_STR("X-Amzn-Tls-Version"), bw_tls_version(x->tls));
	put_line(out, suite.n ? suite : BW_STR("X-Amzn-Tls-Cipher-Suite"), bw_tls_cipher(x->tls));
}

/* Of the header lines as they came. */
static size_t lines_bytes(const struct bw_http_request *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->header_count; i++)
		n += r->headers[i].name.n + r->headers[i].value.n + 4;
	return n;
}

static struct bw_str trace_given(const struct bw_http_request *r)
{
	struct bw_str given = bw_http_header(r, BW_STR("x-amzn-trace-id"), NULL);

	return bw_str_set(given) && lines_bytes(r) <= TRACE_HEADERS_MAX ? given : BW_STR_NONE;
}

static bool trace_has(struct bw_str given, struct bw_str field)
{
	while (bw_str_set(given))
		if (bw_str_starts(bw_str_trim(bw_str_cut(&given, ';')), field))
			return true;
	return false;
}

/* The fields that came, but for the Self of a load balancer in front of us, which ours takes the place of. */
static void trace_rest(struct bw_str given, struct bw_buf *out)
{
	while (bw_str_set(given)) {
		struct bw_str part = bw_str_trim(bw_str_cut(&given, ';'));

		if (!part.n || bw_str_starts(part, BW_STR("Self=")))
			continue;
		bw_buf_put_c(out, ';');
		bw_buf_put(out, part);
	}
}

void emit_trace_id(struct edge *e, bool root, struct bw_buf *out)
{
	uint32_t seconds = htonl((uint32_t)(edge_wall_ms(e) / 1000));
	unsigned char id[12];

	bw_random(id, sizeof id);
	bw_buf_put(out, root ? BW_STR("Root=1-") : BW_STR("Self=1-"));
	bw_buf_put_hex(out, &seconds, sizeof seconds);
	bw_buf_put_c(out, '-');
	bw_buf_put_hex(out, id, sizeof id);
}

/* An incoming Root is kept and ours goes in front as Self (ALB User Guide, "Request tracing"). */
static void trace_make(struct exchange *x, const struct bw_http_request *r, struct bw_buf *out)
{
	struct bw_str given = trace_given(r);
	size_t at;

	bw_buf_put(out, BW_STR("X-Amzn-Trace-Id: "));
	at = out->n;
	emit_trace_id(x->edge, !trace_has(given, BW_STR("Root=")), out);
	if (!out->failed && out->n - at < sizeof x->trace)
		memcpy(x->trace, out->p + at, out->n - at);
	trace_rest(given, out);
	if (given.n && !out->failed)
		log_traced(x, bw_str_make((const char *)out->p + at, out->n - at));
	bw_buf_put(out, BW_STR("\r\n"));
}

/* A header that a listener's attributes give one of our headers' meaning: a client's own one must not be
 * taken for it. */
static bool renamed_ours(const struct bw_pairs *attributes, struct bw_str name)
{
	for (size_t i = 0; i < attributes->n; i++)
		if (bw_str_starts(attributes->v[i].key, BW_STR("routing.http.request.")) &&
		    reads_as(name, attributes->v[i].value))
			return true;
	return false;
}

static bool passes(
    const struct exchange *x, const struct bw_http_request *r, const struct bw_http_header *h, bool named)
{
	const struct balancer *b = x->listener->balancer;

	if (listed(hops, h->name) || header_is_ours(h->name) || header_is_suspicious(h->name) ||
	    renamed_ours(&x->listener->in->attributes, h->name))
		return false;
	if (b->drop_invalid && !name_is_plain(h->name)) {
		b->stats->values[M_DROPPED_HEADERS]++;
		return false;
	}
	return !named || !connection_names(r->headers, r->header_count, h->name);
}

static void put_framing(const struct exchange *x, const struct bw_http_request *r, struct bw_buf *out)
{
	if (x->upgrade) {
		bw_buf_put(out, BW_STR("Connection: Upgrade\r\nUpgrade: "));
		bw_buf_put(out, bw_http_header(r, BW_STR("upgrade"), NULL));
		bw_buf_put(out, BW_STR("\r\n"));
	}
	if (x->group->http2 && bw_str_eq_nocase(bw_http_header(r, BW_STR("te"), NULL), BW_STR("trailers")))
		bw_buf_put(out, BW_STR("TE: trailers\r\n"));
	if (r->chunked)
		bw_buf_put(out, BW_STR("Transfer-Encoding: chunked\r\n"));
	else if (r->content_length >= 0)
		bw_buf_printf(out, "Content-Length: %lld\r\n", (long long)r->content_length);
}

void emit_request(struct exchange *x, const struct bw_http_request *r, struct bw_buf *out)
{
	bool named = connection_tells(r->headers, r->header_count);

	bw_buf_put(out, r->method);
	bw_buf_put_c(out, ' ');
	bw_buf_put(out, r->target);
	bw_buf_put(out, BW_STR(" HTTP/1.1\r\n"));
	put_forwarded_for(x, r, out);
	bw_buf_put(out, x->listener->tls ? BW_STR("X-Forwarded-Proto: https\r\nX-Forwarded-Port: ")
	                                 : BW_STR("X-Forwarded-Proto: http\r\nX-Forwarded-Port: "));
	bw_buf_put_i64(out, x->listener->in->port);
	bw_buf_put(out, BW_STR("\r\n"));
	put_host(x, r, out);
	trace_make(x, r, out);
	put_tls(x, out);
	if (x->tls)
		tls_emit_client(x, out);
	bw_buf_put(out, bw_buf_str(&x->identity));
	for (size_t i = 0; i < r->header_count; i++)
		if (passes(x, r, &r->headers[i], named))
			put_line(out, r->headers[i].name, r->headers[i].value);
	put_framing(x, r, out);
	bw_buf_put(out, BW_STR("\r\n"));
}

/* Headers that a listener's attributes set in every answer, a target's and our own. */
static const struct {
	const char *attribute, *name;
} overrides[] = {
    {"routing.http.response.strict_transport_security.header_value", "Strict-Transport-Security"},
    {"routing.http.response.access_control_allow_origin.header_value", "Access-Control-Allow-Origin"},
    {"routing.http.response.access_control_allow_methods.header_value", "Access-Control-Allow-Methods"},
    {"routing.http.response.access_control_allow_headers.header_value", "Access-Control-Allow-Headers"},
    {"routing.http.response.access_control_allow_credentials.header_value",
        "Access-Control-Allow-Credentials"},
    {"routing.http.response.access_control_expose_headers.header_value", "Access-Control-Expose-Headers"},
    {"routing.http.response.access_control_max_age.header_value", "Access-Control-Max-Age"},
    {"routing.http.response.content_security_policy.header_value", "Content-Security-Policy"},
    {"routing.http.response.x_content_type_options.header_value", "X-Content-Type-Options"},
    {"routing.http.response.x_frame_options.header_value", "X-Frame-Options"},
};

static bool overridden(const struct bw_pairs *p, struct bw_str name)
{
	for (size_t i = 0; p->n && i < BW_COUNT(overrides); i++)
		if (bw_str_eq_nocase(name, bw_str_c(overrides[i].name)) &&
		    attribute(p, overrides[i].attribute).n)
			return true;
	return p->n && bw_str_eq_nocase(name, BW_STR("server")) &&
	       bw_str_eq(attribute(p, "routing.http.response.server.enabled"), BW_STR("false"));
}

void emit_overrides(const struct exchange *x, struct bw_buf *out)
{
	const struct bw_pairs *p = &x->listener->in->attributes;

	for (size_t i = 0; p->n && i < BW_COUNT(overrides); i++) {
		struct bw_str value = attribute(p, overrides[i].attribute);

		if (value.n)
			put_line(out, bw_str_c(overrides[i].name), value);
	}
}

/* An application that logs its user out takes the session's cookies away: then they are not renewed. */
static bool sets_session(const struct exchange *x, const struct bw_http_response *r)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (bw_str_eq_nocase(r->headers[i].name, BW_STR("set-cookie")) &&
		    bw_str_starts(r->headers[i].value, x->session_cookie))
			return true;
	return false;
}

static size_t lines_count(struct bw_str lines)
{
	size_t n = 0;

	for (; lines.n; n++)
		(void)bw_str_cut(&lines, '\n');
	return n;
}

bool emit_response_lines(struct exchange *x, const struct bw_http_response *r, struct bw_buf *out)
{
	const struct bw_pairs *p = &x->listener->in->attributes;
	bool named = connection_tells(r->headers, r->header_count);

	for (size_t i = 0; i < r->header_count; i++) {
		struct bw_str name = r->headers[i].name;

		if (!listed(hops, name) && !overridden(p, name) &&
		    !(named && connection_names(r->headers, r->header_count, name)))
			put_line(out, name, r->headers[i].value);
	}
	emit_overrides(x, out);
	if (x->cookies.n && !sets_session(x, r))
		bw_buf_put(out, bw_buf_str(&x->cookies));
	sticky_lines(x, r, out);
	return !out->failed && lines_count(bw_buf_str(out)) <= ANSWER_LINES_MAX;
}
