#include "edge/check.h"
#include "edge/worker.h"

enum { PARKED_MAX = 4096 /* requests of one loop that wait for the helper; a head each */ };

/* ---- Waiting ---- */

static struct bw_str moved(struct bw_str s, struct bw_str from, struct bw_str to)
{
	return bw_str_set(s) ? bw_str_make(to.p + (s.p - from.p), s.n) : s;
}

static void request_copy(struct bw_arena *a, const struct bw_http_request *from, struct bw_http_request *to)
{
	*to = *from;
	to->method = bw_arena_str(a, from->method);
	to->target = bw_arena_str(a, from->target);
	to->path = moved(from->path, from->target, to->target);
	to->query = moved(from->query, from->target, to->target);
	to->host = bw_arena_str(a, from->host);
	for (size_t i = 0; i < from->header_count; i++) {
		to->headers[i].name = bw_arena_str(a, from->headers[i].name);
		to->headers[i].value = bw_arena_str(a, from->headers[i].value);
	}
}

struct parked *check_park(struct exchange *x, const struct bw_http_request *r, struct parked **list)
{
	struct parked *p;

	if (x->edge->parked_count >= PARKED_MAX) {
		exchange_fail(x, 503);
		return NULL;
	}
	x->edge->parked_count++;
	p = bw_alloc(sizeof *p);
	p->x = x;
	bw_arena_init(&p->arena, 4 * BW_HTTP_HEAD_MAX);
	request_copy(&p->arena, r, &p->request);
	p->next = *list;
	p->prev = list;
	if (p->next)
		p->next->prev = &p->next;
	*list = p;
	x->parked = p;
	return p;
}

static void parked_take(struct exchange *x)
{
	struct parked *p = x->parked;

	x->parked = NULL;
	x->edge->parked_count--;
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
}

static void parked_free(struct parked *p)
{
	bw_arena_free(&p->arena);
	bw_free(p);
}

void check_forget(struct exchange *x)
{
	struct parked *p = x->parked;

	if (!p)
		return;
	parked_take(x);
	parked_free(p);
}

void check_resume(struct exchange *x)
{
	struct parked *p = x->parked;

	parked_take(x);
	exchange_go_on(x, &p->request);
	parked_free(p);
	if (x->request_done)
		exchange_body_end(x);
	if (x->parked)
		return;
	x->ops->pull(x);
	x->ops->wake(x);
}

/* ---- Running ---- */

enum verdict check_refuse(struct exchange *x, int status, const char *reason)
{
	x->error_reason = reason;
	exchange_fail(x, status);
	return VERDICT_ANSWERED;
}

bool checks_pass(struct exchange *x, const struct bw_http_request *r)
{
	const struct rule *rule = x->rule;

	for (; x->checks_passed < rule->check_count; x->checks_passed++) {
		const struct check *c = &rule->checks[x->checks_passed];

		if (c->run(x, c, r) != VERDICT_PASS)
			return false;
	}
	return true;
}

const char *check_name(const struct check *list, size_t at)
{
	return list[at].logged;
}

/* ---- Compiling ---- */

static const struct {
	const char *type;
	bool (*compile)(struct edge_config *c, const struct bw_edge_action *in, struct check *out);
} kinds[] = {
    {"jwt-validation", jwt_compile},
    {"authenticate-oidc", oidc_compile},
    {"authenticate-cognito", oidc_compile}, /* the image names the pool's endpoints */
};

static bool check_compile(struct edge_config *c, const struct bw_edge_action *in, struct check *out)
{
	for (size_t i = 0; i < BW_COUNT(kinds); i++)
		if (bw_str_eq(in->type, bw_str_c(kinds[i].type))) {
			*out = (struct check){.action = in};
			return kinds[i].compile(c, in, out);
		}
	return false;
}

bool checks_compile(struct edge_config *c, const struct bw_edge_rule *in, struct rule *out)
{
	size_t n = in->action_count ? in->action_count - 1 : 0;

	out->checks = BW_NEW_ARRAY(&c->arena, struct check, n + 1);
	for (; out->check_count < n; out->check_count++)
		if (!check_compile(c, &in->actions[out->check_count], &out->checks[out->check_count]))
			return false;
	return in->action_count > 0;
}
