/* Access logs in AWS's format (ALB User Guide, "Access logs"): a line a request. */
#include "codec/time.h"
#include "core/edge_log.h"
#include "edge/check.h"
#include "edge/desync.h"
#include "edge/emit.h"
#include "edge/group.h"
#include "edge/log.h"
#include "edge/tls.h"
#include "edge/worker.h"
#include "net/tls.h"

/* As they stand in the line; all together are below BW_EDGE_LOG_LINE_MAX, with some KiB for the rest. */
enum {
	LINE_USUAL_BYTES = 1024,
	URL_MAX = 16 * 1024, /* the request's line, where it was sent to, and what it was made into */
	AGENT_MAX = 8 * 1024,
	HOST_MAX = 1024,
	PART_MAX = URL_MAX + AGENT_MAX + 8,
};

/* The part that only the request knows: ' "GET http://host:80/ HTTP/1.1" "agent"'. */
void log_begin(struct exchange *x, const struct bw_http_request *r)
{
	struct bw_arena *a = &x->edge->arena;
	struct bw_str rest = r->host, host;

	if (!x->listener->balancer->access_log || x->edge->shared->log_dir < 0)
		return;
	bw_arena_reset(a);
	host = rest.n && rest.p[0] == '[' ? bw_str_sub(rest, 0, (size_t)bw_str_find(rest, ']', 0) + 1)
	                                  : bw_str_cut(&rest, ':');
	bw_buf_init(&x->log, PART_MAX);
	(void)bw_buf_room(&x->log, LINE_USUAL_BYTES / 4); /* at once, rather than step by step */
	log_put_quoted_most(bw_arena_printf(a, "%.*s %s://%.*s:%lld%.*s %s", BW_FMT(r->method),
	                   x->listener->tls ? "https" : "http", BW_FMT(host),
	                   (long long)x->listener->in->port, BW_FMT(r->target),
	                   x->http2                ? "HTTP/2.0"
	                   : r->minor_version == 0 ? "HTTP/1.0"
	                                           : "HTTP/1.1"),
	    URL_MAX, &x->log);
	bw_buf_put_c(&x->log, ' ');
	log_put_quoted_most(bw_http_header(r, BW_STR("user-agent"), NULL), AGENT_MAX, &x->log);
}

void log_transformed(struct exchange *x, struct bw_str host, struct bw_str uri)
{
	if (!x->log.n)
		return;
	bw_buf_init(&x->transformed, PART_MAX);
	log_put_quoted_most(host, HOST_MAX, &x->transformed);
	bw_buf_put_c(&x->transformed, ' ');
	log_put_quoted_most(uri, URL_MAX, &x->transformed);
}

void log_traced(struct exchange *x, struct bw_str value)
{
	if (!x->log.n)
		return;
	bw_buf_free(&x->traced); /* of a try before this one */
	bw_buf_init(&x->traced, PART_MAX);
	log_put_quoted_most(value, URL_MAX, &x->traced);
	exchange_grown(x);
}

static void put_seconds(int64_t from_us, int64_t to_us, struct bw_buf *out)
{
	int64_t ms = (to_us - from_us) / 1000;
	char dot[] = {'.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)};

	if (from_us <= 0 || to_us < from_us) {
		bw_buf_put(out, BW_STR(" -1"));
		return;
	}
	bw_buf_put_c(out, ' ');
	bw_buf_put_i64(out, ms / 1000);
	bw_buf_put(out, bw_str_make(dot, sizeof dot));
}

static void put_address(const struct bw_address *a, struct bw_buf *out)
{
	char text[BW_ADDRESS_TEXT_MAX];
	struct bw_str s = bw_address_text(a, text);
	bool v6 = bw_str_find(s, ':', 0) >= 0;

	bw_buf_put(out, v6 ? BW_STR("[") : BW_STR(""));
	bw_buf_put(out, s);
	bw_buf_put(out, v6 ? BW_STR("]:") : BW_STR(":"));
	bw_buf_put_i64(out, bw_address_port(a));
}

static void put_target(const struct exchange *x, struct bw_buf *out)
{
	if (x->target)
		put_address(&x->target->address, out);
	else
		bw_buf_put_c(out, '-');
}

static void put_status(int status, struct bw_buf *out)
{
	if (status)
		bw_buf_put_i64(out, status);
	else
		bw_buf_put_c(out, '-');
}

/* Those that were taken: a check that refused is the last. */
static void put_actions(const struct exchange *x, struct bw_buf *out)
{
	static const char *const done[] = {"forward", "fixed-response", "redirect", "-"};
	const struct rule *rule = x->rule;
	bool refused = rule && x->checks_passed < rule->check_count;

	bw_buf_put(out, BW_STR(" \""));
	for (size_t i = 0; rule && i < x->checks_passed + refused; i++)
		bw_buf_printf(out, "%s%s", i ? "," : "", check_name(rule->checks, i));
	if (!refused)
		bw_buf_printf(
		    out, "%s%s", rule && rule->check_count ? "," : "", rule ? done[rule->what] : "-");
	bw_buf_put(out, BW_STR("\" "));
}

static void put_classification(const struct exchange *x, struct bw_buf *out)
{
	static const char *const names[] = {
	    [TIER_COMPLIANT] = "-", [TIER_ACCEPTABLE] = "Acceptable", [TIER_AMBIGUOUS] = "Ambiguous"};

	bw_buf_printf(out, "\" \"%s\" \"%s\" ", names[x->tier], x->tier_reason ? x->tier_reason : "-");
}

/* The name that was asked for, and the certificate that was shown for it. */
static void put_certificate(const struct exchange *x, struct bw_buf *out)
{
	log_put_quoted(x->tls ? tls_name_asked(x->tls) : BW_STR_NONE, out);
	bw_buf_put_c(out, ' ');
	log_put_quoted(x->tls ? tls_certificate_arn(x->listener, x->tls) : BW_STR_NONE, out);
}

/* The default rule's is 0; of what was refused before any was asked there is none. */
static void put_priority(const struct rule *rule, struct bw_buf *out)
{
	if (rule)
		bw_buf_printf(out, " %lld ", rule->in->priority != INT64_MAX ? (long long)rule->in->priority : 0LL);
	else
		bw_buf_put(out, BW_STR(" - "));
}

static void put_trace(const struct exchange *x, struct bw_buf *out)
{
	bw_buf_put_c(out, ' ');
	if (x->traced.n) {
		bw_buf_put(out, bw_buf_str(&x->traced));
	} else if (x->trace[0] || !x->log.n) {
		bw_buf_printf(out, "\"%s\"", x->trace[0] ? x->trace : "-");
	} else { /* no target was asked: the request has an identity all the same */
		bw_buf_put_c(out, '"');
		emit_trace_id(x->edge, true, out);
		bw_buf_put_c(out, '"');
	}
	bw_buf_put_c(out, ' ');
}

static void line_write(const struct exchange *x, struct bw_buf *out)
{
	int64_t now = edge_wall_ms(x->edge), since_ms = (bw_clock_mono_us() - x->started_us) / 1000;
	const char *type = x->tunnel ? "ws" : x->grpc ? "grpc" : x->http2 ? "h2" : "http";

	bw_buf_printf(out, "%s%s ", type, x->listener->tls && (!x->http2 || x->grpc) ? "s" : "");
	bw_time_put_iso8601_ms(now, out);
	bw_buf_put_c(out, ' ');
	bw_buf_put(out, x->listener->balancer->stats->dimension);
	bw_buf_put_c(out, ' ');
	put_address(x->peer, out);
	bw_buf_put_c(out, ' ');
	put_target(x, out);
	put_seconds(x->started_us, x->sent_us, out);
	put_seconds(x->sent_us, x->target_status ? x->answered_us : 0, out);
	put_seconds(x->target_status ? x->answered_us : 0, x->answered_us, out);
	bw_buf_put_c(out, ' ');
	put_status(x->status, out);
	bw_buf_put_c(out, ' ');
	put_status(x->target_status, out);
	bw_buf_put_c(out, ' ');
	bw_buf_put_i64(out, (int64_t)x->received);
	bw_buf_put_c(out, ' ');
	bw_buf_put_i64(out, (int64_t)x->sent);
	bw_buf_put_c(out, ' ');
	bw_buf_put(out, x->log.n ? bw_buf_str(&x->log) : BW_STR("\"- - -\" \"-\""));
	if (x->tls)
		bw_buf_printf(
		    out, " %.*s %.*s ", BW_FMT(bw_tls_cipher(x->tls)), BW_FMT(bw_tls_version(x->tls)));
	else
		bw_buf_put(out, BW_STR(" - - "));
	bw_buf_put(out, x->group ? x->group->arn : BW_STR("-"));
	put_trace(x, out);
	put_certificate(x, out);
	put_priority(x->rule, out);
	bw_time_put_iso8601_ms(now - since_ms, out);
	put_actions(x, out);
	log_put_quoted_most(bw_buf_str(&x->redirect), URL_MAX, out);
	bw_buf_printf(out, " \"%s\" \"", x->error_reason ? x->error_reason : "-");
	put_target(x, out);
	bw_buf_put(out, BW_STR("\" \""));
	put_status(x->target_status, out);
	put_classification(x, out);
	log_put_connection(x->edge, x->connection, out);
	bw_buf_put_c(out, ' ');
	bw_buf_put(out, x->transformed.n ? bw_buf_str(&x->transformed) : BW_STR("\"-\" \"-\""));
	bw_buf_printf(out, " \"%s\"\n", x->transform ? x->transform : "-");
}

void log_access(struct exchange *x)
{
	struct bw_buf line;

	if (!x->listener->balancer->access_log || x->edge->shared->log_dir < 0)
		return;
	bw_buf_init(&line, BW_EDGE_LOG_LINE_MAX);
	(void)bw_buf_room(&line, LINE_USUAL_BYTES);
	line_write(x, &line);
	if (!line.failed)
		log_append(x->listener->balancer->stats, &x->listener->balancer->stats->access_log, "",
		    bw_buf_str(&line));
	bw_buf_free(&line);
}
