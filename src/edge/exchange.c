/* A request and its answer: what is decided about it, and the way of its bytes between both sides. */
#include "edge/answer.h"
#include "edge/auth.h"
#include "edge/check.h"
#include "edge/desync.h"
#include "edge/dispatch.h"
#include "edge/emit.h"
#include "edge/group.h"
#include "edge/log.h"
#include "edge/rule.h"
#include "edge/worker.h"

enum {
	FORWARDED_MAX = 30,    /* addresses in X-Forwarded-For, then 463 */
	LINE_MAX_ = 16 * 1024, /* of a request's first line, and of each header (ALB User Guide, "Quotas", HTTP headers) */
	VERSION_BYTES = 12,    /* what stands in the first line beside method and target */
};

struct exchange *exchange_new(struct edge *e)
{
	struct exchange *x = bw_slab_alloc(&e->slab, sizeof *x);

	x->edge = e;
	x->config = e->config;
	if (e->shared->log_dir >= 0)
		x->started_us = bw_clock_mono_us();
	e->config->references++;
	return x;
}

void exchange_grown(struct exchange *x)
{
	memory_count(
	    x->edge, x->log.size + x->redirect.size + x->transformed.size + x->identity.size + x->cookies.size + x->sticky.size + x->traced.size, &x->counted);
}

static void detach(struct exchange *x)
{
	if (x->up)
		x->to->leave(x);
}

void exchange_free(struct exchange *x)
{
	struct edge *e = x->edge;

	detach(x);
	check_forget(x);
	flow_free(x);
	bw_buf_free(&x->identity);
	bw_buf_free(&x->cookies);
	bw_buf_free(&x->sticky);
	dispatch_leave(x);
	wire_free(e, &x->again);
	bw_buf_free(&x->log);
	bw_buf_free(&x->redirect);
	bw_buf_free(&x->transformed);
	bw_buf_free(&x->traced);
	memory_count(e, 0, &x->counted);
	config_release(x->config);
	bw_slab_give(&e->slab, x);
}

void exchange_fail(struct exchange *x, int status)
{
	detach(x);
	if (x->ended)
		return;
	/* What the client did wrong says nothing of the target. */
	if (x->target && status >= 500)
		target_outcome(x->target, true);
	if (!x->answered) {
		answer_error(x, status);
		return;
	}
	x->ended = true;
	x->ops->cut(x);
}

void exchange_abandon(struct exchange *x, int status)
{
	detach(x);
	if (!x->answered) {
		x->status = status;
		x->listener->balancer->stats->values[M_ELB_4XX]++;
	}
	log_access(x);
	exchange_free(x);
}

void exchange_cookies(struct exchange *x)
{
	if (!x->cookies.max)
		bw_buf_init(&x->cookies, BW_HTTP_HEAD_MAX);
}

static bool forwarded_too_long(const struct bw_http_request *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->header_count; i++) {
		struct bw_str list = r->headers[i].value;

		if (!bw_str_eq_nocase(r->headers[i].name, BW_STR("x-forwarded-for")))
			continue;
		while (bw_str_set(list)) {
			(void)bw_str_cut(&list, ',');
			n++;
		}
	}
	return n > FORWARDED_MAX;
}

/* The status of what is too long for ALB though not for us, over HTTP/2 as if it had come over HTTP/1.1. */
static int length_refusal(const struct bw_http_request *r)
{
	if (r->method.n + r->target.n + VERSION_BYTES > LINE_MAX_)
		return 414;
	for (size_t i = 0; i < r->header_count; i++)
		if (r->headers[i].name.n + r->headers[i].value.n + strlen(": \r\n") > LINE_MAX_)
			return 400;
	return 0;
}

/* The status to refuse with before any rule is asked; 0: none. */
static int refusal(struct exchange *x, const struct bw_http_request *r)
{
	const struct balancer *b = x->listener->balancer;
	const char *reason;
	enum tier tier = desync_classify(r, &reason);

	x->tier = tier;
	x->tier_reason = reason;
	if (tier != TIER_COMPLIANT)
		b->stats->values[M_DESYNC]++;
	if (tier != TIER_COMPLIANT && b->desync == DESYNC_STRICTEST) {
		x->close = true;
		return 400;
	}
	x->ambiguous = tier == TIER_AMBIGUOUS && b->desync == DESYNC_DEFENSIVE;
	x->close = x->close || x->ambiguous;
	if (length_refusal(r))
		return length_refusal(r);
	if (bw_str_eq(r->method, BW_STR("TRACE")))
		return 405;
	if (bw_str_eq(r->method, BW_STR("CONNECT")))
		return 400;
	if (memory_full(x->edge))
		return 503;
	return forwarded_too_long(r) ? 463 : 0;
}

/* "application/grpc", with a suffix perhaps; grpc-web is another protocol. */
static bool is_grpc(struct bw_str type)
{
	const struct bw_str word = BW_STR("application/grpc");

	return bw_str_eq_nocase(bw_str_sub(type, 0, word.n), word) &&
	       (type.n == word.n || type.p[word.n] == '+' || type.p[word.n] == ';');
}

void exchange_go_on(struct exchange *x, struct bw_http_request *r)
{
	if (!checks_pass(x, r))
		return;
	if (!rewrite_apply(x, r)) {
		exchange_fail(x, 400);
		return;
	}
	exchange_grown(x);
	switch (x->rule->what) {
	case DO_FORWARD:
		dispatch(x, r);
		break;
	case DO_FIXED:
		answer_fixed(x);
		break;
	case DO_REDIRECT:
		answer_redirect(x, r);
		break;
	case DO_NOT_BUILT: /* what would have to check the client cannot: nobody passes */
		exchange_fail(x, 500);
		break;
	}
}

/* Whether a request that has no body at all may be asked for again when a connection ends without a word of an answer: once
 * more does no harm (RFC 9110 9.2.2). Of methods that are not known here nobody can say so, nor of one in other letters. */
static bool may_repeat(struct bw_str method)
{
	static const struct bw_str known[] = {BW_STR("GET"), BW_STR("HEAD"), BW_STR("OPTIONS"), BW_STR("PUT"), BW_STR("DELETE")};

	for (size_t i = 0; i < BW_COUNT(known); i++)
		if (bw_str_eq(method, known[i]))
			return true;
	return false;
}

void exchange_start(struct exchange *x, struct bw_http_request *r)
{
	int status;

	x->is_head = bw_str_eq(r->method, BW_STR("HEAD"));
	x->has_body = r->chunked || r->content_length > 0;
	x->http10 = !x->http2 && r->minor_version == 0;
	x->unsafe = x->has_body || !may_repeat(r->method);
	x->grpc = x->http2 && is_grpc(bw_http_header(r, BW_STR("content-type"), NULL));
	log_begin(x, r);
	exchange_grown(x);
	status = refusal(x, r);
	if (status) {
		exchange_fail(x, status);
		return;
	}
	if (login_returns(x, r))
		return;
	x->rule = rule_match(x->edge, x->listener, r, x->peer);
	if (x->rule)
		exchange_go_on(x, r);
	else
		exchange_fail(x, 503);
}

size_t exchange_body_room(const struct exchange *x)
{
	if (x->parked)
		return 0;
	return x->up ? x->to->room(x) : BLOCK_BYTES;
}

void exchange_body(struct exchange *x, struct bw_str bytes)
{
	x->received += bytes.n;
	if (x->up)
		x->to->body(x, bytes);
}

void exchange_trailers(struct exchange *x, struct bw_str lines)
{
	if (x->up)
		x->to->trailers(x, lines);
}

void exchange_body_end(struct exchange *x)
{
	x->request_done = true;
	if (x->up)
		x->to->body_end(x);
}

void exchange_pull(struct exchange *x)
{
	if (x->up)
		x->to->pull(x);
}

static void count_answer(struct exchange *x, int status)
{
	static const enum metric of_class[] = {
	    M_HTTP_2XX, M_HTTP_2XX, M_HTTP_2XX, M_HTTP_3XX, M_HTTP_4XX, M_HTTP_5XX};
	int64_t *lb = x->listener->balancer->stats->values, *tg = x->group->values,
	        us = x->answered_us - x->sent_us;

	lb[of_class[status / 100]]++;
	tg[of_class[status / 100]]++;
	lb[M_RESPONSES]++;
	tg[M_RESPONSES]++;
	lb[M_RESPONSE_US] += us;
	tg[M_RESPONSE_US] += us;
	target_outcome(x->target, status >= 500);
}

bool exchange_answer(struct exchange *x, const struct bw_http_response *r, bool ends)
{
	struct bw_buf *lines = &x->edge->lines;
	bool no_body = ends || x->is_head || r->status == 204 || r->status == 304 || r->status == 101;

	bw_buf_reset(lines);
	if (!emit_response_lines(x, r, lines)) {
		answer_fault_note(x, ANSWER_TOO_LARGE);
		return false;
	}
	x->answered = true;
	x->answered_us = bw_clock_mono_us();
	x->status = x->target_status = r->status;
	wire_free(x->edge, &x->again);
	count_answer(x, r->status);
	/* A HEAD's or a 304's length tells of a body that does not come. */
	x->ops->head(
	    x, r->status, r->reason, bw_buf_str(lines), r->chunked ? -1 : r->content_length, no_body);
	return true;
}

void exchange_answer_end(struct exchange *x)
{
	x->ended = true;
	x->ops->end(x);
}
