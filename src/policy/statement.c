/* One policy against one request. What is cheap is asked first: the service, the action, the resource, who,
 * and the conditions last. */
#include "policy/form.h"

uint32_t service_hash(struct bw_str service)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < service.n; i++)
		h = (h ^ (unsigned char)service.p[i]) * 16777619u;
	return h ^ h >> 15;
}

bool question_init(struct question *q, const struct bw_policy_request *request, bool has_boundary)
{
	struct bw_str action = request->action;
	size_t colon = 0;

	if (action.n > ACTION_MAX)
		return false;
	q->request = request;
	q->has_boundary = has_boundary;
	q->resource.whole = request->resource;
	q->resource.is_arn = ARN_UNKNOWN;
	for (size_t i = 0; i < action.n; i++)
		q->lower[i] =
		    (char)(action.p[i] >= 'A' && action.p[i] <= 'Z' ? action.p[i] + 32 : action.p[i]);
	while (colon < action.n && q->lower[colon] != ':')
		colon++;
	q->action = bw_str_make(q->lower, action.n);
	/* Without a colon it is no service's action: only "*" and NotAction may speak of it. */
	q->service = bw_str_make(q->lower, colon < action.n ? colon : 0);
	q->name = bw_str_sub(q->action, colon + 1, action.n);
	q->hash = service_hash(q->service);
	return true;
}

bool statement_action(const struct statement *s, const struct question *q)
{
	bool match = s->all_actions;

	for (uint32_t i = 0; !match && i < s->action_count; i++)
		match = pattern_match(&s->actions[i], q->action, NULL);
	return match != s->not_action;
}

bool statement_resource(const struct statement *s, struct question *q, struct scope *scope)
{
	bool match = s->all_resources;

	for (uint32_t i = 0; !match && i < s->resource_count; i++)
		match = arn_match(&s->resources[i], &q->resource, scope);
	return match != s->not_resource;
}

enum grant statement_match(const struct bw_policy *p, uint32_t statement, struct question *q)
{
	const struct statement *s = &p->statements[statement];
	struct scope scope = {.request = q->request, .keys = p->keys};
	enum grant grant;

	if (!statement_resource(s, q, &scope))
		return GRANT_NONE;
	grant = statement_principal(s, q);
	if (grant == GRANT_NONE)
		return GRANT_NONE;
	for (uint32_t i = 0; i < s->condition_count; i++)
		if (!condition_match(&s->conditions[i], &scope))
			return GRANT_NONE;
	return grant;
}

static bool candidate_action(const struct bw_policy *p, const struct candidate *c, const struct question *q)
{
	if (c->count == 0)
		return statement_action(&p->statements[c->statement], q);
	for (uint32_t i = 0; i < c->count; i++)
		if (pattern_match(&c->names[i], q->name, NULL))
			return true;
	return false;
}

static const struct candidates *bucket_find(const struct bw_policy *p, const struct question *q)
{
	for (uint32_t at = q->hash & p->bucket_mask;; at = (at + 1) & p->bucket_mask) {
		const struct bucket *b = &p->buckets[at];

		if (!bw_str_set(b->service))
			return NULL;
		if (b->hash == q->hash && text_same(b->service, q->service))
			return &b->list;
	}
}

/* Two lists walked as one in the order of the document. */
struct walk {
	const struct candidate *a, *a_end, *b, *b_end;
};

static inline const struct candidate *walk_next(struct walk *w)
{
	if (w->a == w->a_end)
		return w->b == w->b_end ? NULL : w->b++;
	if (w->b == w->b_end || w->a->statement < w->b->statement)
		return w->a++;
	return w->b++;
}

static struct walk walk_denies(const struct candidates *a, const struct candidates *b)
{
	return (struct walk){a->v, a->v + a->deny_count, b->v, b->v + b->deny_count};
}

static struct walk walk_allows(const struct candidates *a, const struct candidates *b)
{
	return (struct walk){a->v + a->deny_count, a->v + a->count, b->v + b->deny_count, b->v + b->count};
}

void policy_find(const struct bw_policy *p, struct question *q, enum grant have, struct finding *out)
{
	static struct candidate nothing;
	static const struct candidates none = {.v = &nothing};
	const struct candidates *own = bucket_find(p, q), *general = &p->general;
	const struct candidate *c;
	struct walk walk;

	*out = (struct finding){.deny = -1, .allow = -1, .grant = have};
	if (!own) {
		if (general->count == 0)
			return;
		own = &none;
	}
	walk = walk_denies(own, general);
	while ((c = walk_next(&walk)) != NULL)
		if (candidate_action(p, c, q) && statement_match(p, c->statement, q) != GRANT_NONE) {
			out->deny = (int32_t)c->statement;
			return;
		}
	walk = walk_allows(own, general);
	while (out->grant != GRANT_DIRECT && (c = walk_next(&walk)) != NULL) {
		enum grant grant =
		    candidate_action(p, c, q) ? statement_match(p, c->statement, q) : GRANT_NONE;

		if (grant <= out->grant)
			continue;
		out->grant = grant;
		out->allow = (int32_t)c->statement;
	}
}
