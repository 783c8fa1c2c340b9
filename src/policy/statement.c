/* One policy against one request. What is cheap is asked first: the service, the action, the resource, who,
 * and the conditions last. */
#include "policy/form.h"

uint32_t service_hash(struct bw_str service)
{
	uint64_t h = 0;

	for (size_t at = 0; at < service.n; at += WORD) {
		h ^= word_front(word_at(service.p + at), service.n - at);
		h = (h ^ h >> 29) * 0x9e3779b97f4a7c15u;
	}
	return (uint32_t)(h >> 32);
}

/* `out` has room for a word more, which is cleared. */
static void lower_put(struct bw_str text, char *out)
{
	const uint64_t nothing = 0;
	uint64_t w;

	memcpy(out + text.n, &nothing, sizeof nothing);
	if (text.n < WORD) {
		for (size_t i = 0; i < text.n; i++)
			out[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + 32 : text.p[i]);
		return;
	}
	/* The last bytes are written again rather than one by one. */
	for (size_t at = 0; at < text.n; at += WORD) {
		size_t from = text.n - at < WORD ? text.n - WORD : at;

		w = word_lower(word_at(text.p + from));
		memcpy(out + from, &w, sizeof w);
	}
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
	lower_put(action, q->lower);
	while (colon < action.n && q->lower[colon] != ':')
		colon++;
	q->action = bw_str_make(q->lower, action.n);
	/* Without a colon it is no service's action: only "*" and NotAction may speak of it. */
	q->hash = service_hash(bw_str_make(q->lower, colon < action.n ? colon : 0));
	q->bits = service_bits(q->hash);
	q->fronts[0] = name_front(bw_str_sub(q->action, colon + 1, action.n));
	q->fronts[1] = name_front(q->action);
	q->memory.known = 0;
	q->memory.address_text = BW_STR_NONE;
	return true;
}

bool statement_action(const struct bw_policy *p, const struct statement *s, const struct question *q)
{
	const uint32_t *actions = block_at(p, s->actions);
	bool match = false;

	for (uint32_t i = 0; !match && i < s->action_count; i++)
		match = action_match(p, actions[i], q);
	return match != s->not_action;
}

bool statement_resource(const struct statement *s, struct question *q, struct scope *scope)
{
	const struct arn_pattern *resources = block_at(scope->policy, s->resources);
	bool match = s->all_resources;

	for (uint32_t i = 0; !match && i < s->resource_count; i++)
		match = arn_match(&resources[i], &q->resource, scope);
	return match != s->not_resource;
}

enum grant statement_match(struct scope *scope, uint32_t statement, struct question *q)
{
	const struct bw_policy *p = scope->policy;
	const struct statement *s = statement_at(p, statement);
	const struct condition *conditions = conditions_of(p, s);
	enum grant grant;

	if (!statement_resource(s, q, scope))
		return GRANT_NONE;
	grant = statement_principal(p, s, q);
	if (grant == GRANT_NONE)
		return GRANT_NONE;
	for (uint32_t i = 0; i < s->condition_count; i++)
		if (!condition_match(&conditions[i], scope))
			return GRANT_NONE;
	return grant;
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

static struct walk walk_make(
    const struct bw_policy *p, const struct candidates *a, const struct candidates *b, bool allows)
{
	const struct candidate *v = block_at(p, a->v), *w = block_at(p, b->v);

	if (allows)
		return (struct walk){v + a->deny_count, v + a->count, w + b->deny_count, w + b->count};
	return (struct walk){v, v + a->deny_count, w, w + b->deny_count};
}

void policy_find(const struct bw_policy *p, struct question *q, enum grant have, struct finding *out)
{
	static const struct candidates none = {0};
	const struct candidates *own = candidates_find(p, q), *general = &p->general;
	const struct candidate *c;
	struct scope scope = {p, q->request, q};
	struct walk walk;

	*out = (struct finding){.deny = -1, .allow = -1, .grant = have};
	if (!own) {
		if (general->count == 0)
			return;
		own = &none;
	}
	walk = walk_make(p, own, general, false);
	while ((c = walk_next(&walk)) != NULL)
		if (candidate_match(p, c, q) && statement_match(&scope, c->statement, q) != GRANT_NONE) {
			out->deny = (int32_t)c->statement;
			return;
		}
	walk = walk_make(p, own, general, true);
	while (out->grant != GRANT_DIRECT && (c = walk_next(&walk)) != NULL) {
		enum grant grant =
		    candidate_match(p, c, q) ? statement_match(&scope, c->statement, q) : GRANT_NONE;

		if (grant <= out->grant)
			continue;
		out->grant = grant;
		out->allow = (int32_t)c->statement;
	}
}
