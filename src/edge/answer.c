/* What the load balancer answers by itself. */
#include "codec/time.h"
#include "edge/answer.h"
#include "edge/emit.h"
#include "edge/stats.h"
#include "edge/worker.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {{400, "Bad Request"}, {401, "Authorization Required"}, {403, "Forbidden"}, {405, "Method Not Allowed"},
    {408, "Request Time-out"}, {413, "Request Entity Too Large"}, {414, "Request-URI Too Large"},
    {417, "Expectation Failed"}, {431, "Request Header Fields Too Large"}, {460, "Client Closed Request"},
    {463, "X-Forwarded-For Header With Too Many Addresses"}, {464, "Incompatible Protocol Versions"},
    {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
    {503, "Service Temporarily Unavailable"}, {504, "Gateway Time-out"}, {505, "HTTP Version Not Supported"}, {561, "Unauthorized"}};

const char *answer_reason(int status)
{
	for (size_t i = 0; i < BW_COUNT(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return bw_http_reason(status);
}

void answer_fault_note(struct exchange *x, enum answer_fault fault)
{
	static const char *const words[] = {[ANSWER_MALFORMED] = "TargetResponseMalformed",
	    [ANSWER_TOO_LARGE] = "TargetResponseTooLarge",
	    [ANSWER_INTERIMS_TOO_MANY] = "TargetTooManyInterimResponses"};

	x->error_reason = words[fault];
}

static void count(struct exchange *x, int status)
{
	int64_t *v = x->listener->balancer->stats->values;

	if (status / 100 == 3)
		v[M_ELB_3XX]++;
	else if (status / 100 == 4)
		v[M_ELB_4XX]++;
	else if (status / 100 == 5)
		v[M_ELB_5XX]++;
	if (status == 500)
		v[M_ELB_500]++;
	else if (status >= 502 && status <= 504)
		v[M_ELB_502 + (status - 502)]++;
}

static void lines_begin(struct exchange *x, struct bw_buf *lines)
{
	bw_buf_reset(lines);
	if (!bw_str_eq(attribute(&x->listener->in->attributes, "routing.http.response.server.enabled"),
	        BW_STR("false")))
		bw_buf_put(lines, BW_STR("Server: awselb/2.0\r\n"));
	bw_buf_put(lines, BW_STR("Date: "));
	bw_time_put_http(edge_wall_ms(x->edge), lines);
	bw_buf_put(lines, BW_STR("\r\n"));
	emit_overrides(x, lines);
	bw_buf_put(lines, bw_buf_str(&x->cookies));
}

/* Everything that the answer has, and its end. */
static void answer(
    struct exchange *x, int status, struct bw_str reason, struct bw_str lines, struct bw_str body)
{
	x->status = status;
	x->answered = true;
	x->answered_us = bw_clock_mono_us();
	x->ops->head(x, status, reason, lines, (int64_t)body.n, x->is_head);
	if (!x->is_head && body.n)
		x->ops->body(x, body);
	x->ended = true;
	x->ops->end(x);
}

void answer_error(struct exchange *x, int status)
{
	struct bw_buf *lines = &x->edge->lines;
	struct bw_str reason = bw_str_c(answer_reason(status)), body;

	bw_arena_reset(&x->edge->arena);
	body = bw_arena_printf(&x->edge->arena,
	    "<html>\r\n<head><title>%d %.*s</title></head>\r\n<body>\r\n<center><h1>%d "
	    "%.*s</h1></center>\r\n</body>\r\n</html>\r\n",
	    status, BW_FMT(reason), status, BW_FMT(reason));
	lines_begin(x, lines);
	if (status == 464) /* ALB says nothing more here, not even of which type it is */
		body = BW_STR("");
	else
		bw_buf_put(lines, BW_STR("Content-Type: text/html\r\n"));
	count(x, status);
	answer(x, status, reason, bw_buf_str(lines), body);
}

static struct bw_str parameter(const struct exchange *x, const char *name)
{
	return attribute(&x->rule->action->parameters, name);
}

static int parameter_status(const struct exchange *x, const char *name, int usual)
{
	struct bw_str s = parameter(x, name);
	int64_t n;

	if (bw_str_starts(s, BW_STR("HTTP_")))
		s = bw_str_sub(s, 5, s.n);
	return bw_str_to_i64(s, 200, 599, &n) == BW_OK ? (int)n : usual;
}

void answer_fixed(struct exchange *x)
{
	int status = parameter_status(x, "StatusCode", 500);
	struct bw_str type = parameter(x, "ContentType"), body = parameter(x, "MessageBody");
	struct bw_buf *lines = &x->edge->lines;

	lines_begin(x, lines);
	bw_buf_printf(lines, "Content-Type: %.*s\r\n", BW_FMT(type.n ? type : BW_STR("text/plain")));
	count(x, status);
	x->listener->balancer->stats->values[M_FIXED]++;
	if (lines->n > BLOCK_BYTES)
		bw_buf_reset(lines);
	answer(x, status, bw_str_c(answer_reason(status)), bw_buf_str(lines),
	    status == 204 || status == 304 ? BW_STR("") : body);
}

struct uri {
	struct bw_str protocol, host, port, path, query;
};

/* #{protocol} #{host} #{port} #{path} #{query}, each the request's own; the path's without its slash. */
static void put_expanded(struct bw_str text, const struct uri *u, struct bw_buf *out)
{
	const struct {
		const char *word;
		struct bw_str value;
	} words[] = {{"#{protocol}", u->protocol}, {"#{host}", u->host}, {"#{port}", u->port},
	    {"#{path}", u->path}, {"#{query}", u->query}};
	size_t at = 0;

	while (at < text.n) {
		struct bw_str rest = bw_str_sub(text, at, text.n);
		size_t i = 0;

		while (i < BW_COUNT(words) && !bw_str_starts(rest, bw_str_c(words[i].word)))
			i++;
		if (i < BW_COUNT(words)) {
			bw_buf_put(out, words[i].value);
			at += strlen(words[i].word);
		} else {
			bw_buf_put_c(out, text.p[at++]);
		}
	}
}

static struct bw_str expanded(struct exchange *x, const char *name, const char *usual, const struct uri *u)
{
	struct bw_str text = parameter(x, name), kept;
	struct bw_buf out;

	bw_buf_init(&out, BW_HTTP_HEAD_MAX);
	put_expanded(bw_str_set(text) ? text : bw_str_c(usual), u, &out);
	kept = bw_arena_str(&x->edge->arena, bw_buf_str(&out));
	bw_buf_free(&out);
	return kept;
}

static struct uri uri_of(struct exchange *x, const struct bw_http_request *r)
{
	struct bw_str rest = r->host;
	struct uri u = {.protocol = x->listener->tls ? BW_STR("https") : BW_STR("http")};

	u.port = bw_arena_printf(&x->edge->arena, "%lld", (long long)x->listener->in->port);
	if (rest.n && rest.p[0] == '[')
		u.host = bw_str_sub(rest, 0, (size_t)bw_str_find(rest, ']', 0) + 1);
	else
		u.host = bw_str_cut(&rest, ':');
	u.path = bw_str_sub(r->path, 1, r->path.n);
	u.query = bw_str_set(r->query) ? r->query : BW_STR("");
	return u;
}

/* A location is a header's value: what could end the line never gets into it. */
static bool printable(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static void location_answer(struct exchange *x, int status, struct bw_str location)
{
	struct bw_buf *lines = &x->edge->lines;

	if (!printable(location)) {
		answer_error(x, 500);
		return;
	}
	lines_begin(x, lines);
	bw_buf_put(lines, BW_STR("Content-Type: text/html\r\nLocation: "));
	bw_buf_put(lines, location);
	bw_buf_put(lines, BW_STR("\r\n"));
	count(x, status);
	if (x->log.n) {
		bw_buf_init(&x->redirect, BW_HTTP_HEAD_MAX);
		bw_buf_put(&x->redirect, location);
	}
	answer(x, status, bw_str_c(answer_reason(status)), bw_buf_str(lines),
	    status == 301
	        ? BW_STR("<html>\r\n<head><title>301 Moved "
	                 "Permanently</title></head>\r\n<body>\r\n<center><h1>301 Moved "
	                 "Permanently</h1></center>\r\n</body>\r\n</html>\r\n")
	        : BW_STR("<html>\r\n<head><title>302 Found</title></head>\r\n<body>\r\n<center><h1>302 "
	                 "Found</h1></center>\r\n</body>\r\n</html>\r\n"));
}

void answer_redirect(struct exchange *x, const struct bw_http_request *r)
{
	struct bw_str protocol, host, port, path, query, location;
	int status = parameter_status(x, "StatusCode", 302);
	struct uri u;

	bw_arena_reset(&x->edge->arena);
	u = uri_of(x, r);
	protocol = bw_arena_lower(&x->edge->arena, expanded(x, "Protocol", "#{protocol}", &u));
	host = expanded(x, "Host", "#{host}", &u);
	port = expanded(x, "Port", "#{port}", &u);
	path = expanded(x, "Path", "/#{path}", &u);
	query = expanded(x, "Query", "#{query}", &u);
	location = bw_arena_printf(&x->edge->arena, "%.*s://%.*s:%.*s%.*s%s%.*s", BW_FMT(protocol),
	    BW_FMT(host), BW_FMT(port), BW_FMT(path), query.n ? "?" : "", BW_FMT(query));
	x->listener->balancer->stats->values[M_REDIRECT]++;
	location_answer(x, status, location);
}

void answer_found(struct exchange *x, struct bw_str location)
{
	location_answer(x, 302, location);
}
