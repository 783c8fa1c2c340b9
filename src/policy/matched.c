/* Which layers bear on a request, and which of their statements apply to it. */
#include "policy/form.h"

static void levels_visit(
    struct layers_visitor *visitor, enum bw_layer layer, const struct bw_policy_list *levels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		visitor->each(visitor, layer, i, &levels[i]);
}

void layers_visit(
    const struct bw_policy_layers *l, const struct bw_policy_request *r, struct layers_visitor *visitor)
{
	if (rcps_apply(r))
		levels_visit(visitor, BW_LAYER_RCP, l->rcps, l->rcp_levels);
	if (scps_apply(r))
		levels_visit(visitor, BW_LAYER_SCP, l->scps, l->scp_levels);
	if (has_vpce(l))
		visitor->each(visitor, BW_LAYER_VPCE, 0, &l->vpce);
	if (l->resource.n || l->resource_must_allow || !same_account(r))
		visitor->each(visitor, resource_layer(l), 0, &l->resource);
	if (principal_has_account(r->principal_kind) || l->identity.n)
		visitor->each(visitor, BW_LAYER_IDENTITY, 0, &l->identity);
	if (has_boundary(l))
		visitor->each(visitor, BW_LAYER_BOUNDARY, 0, &l->boundary);
	if (has_session(l) || r->principal_kind == BW_PRINCIPAL_FEDERATED)
		visitor->each(visitor, BW_LAYER_SESSION, 0, &l->session);
}

void bw_policy_statement(const struct bw_policy *p, uint32_t index, struct bw_policy_match *out)
{
	const struct statement *s = statement_at(p, index);

	*out = (struct bw_policy_match){.statement = index,
	    .allow = s->allow,
	    .sid = text_at(p, s->sid),
	    .start = s->start,
	    .end = s->end};
}

struct matcher {
	struct layers_visitor visitor;
	struct question *q;
	void (*each)(void *ctx, const struct bw_policy_match *match);
	void *ctx;
};

static void list_match(
    struct layers_visitor *visitor, enum bw_layer layer, size_t level, const struct bw_policy_list *list)
{
	struct matcher *m = (struct matcher *)visitor;

	for (size_t i = 0; i < list->n; i++) {
		const struct bw_policy *p = list->v[i].policy;
		struct scope scope = {p, m->q->request, m->q};

		for (uint32_t j = 0; j < p->statement_count; j++) {
			struct bw_policy_match match;

			if (!statement_action(p, statement_at(p, j), m->q) ||
			    statement_match(&scope, j, m->q) == GRANT_NONE)
				continue;
			bw_policy_statement(p, j, &match);
			match.layer = layer;
			match.level = level;
			match.policy = i;
			m->each(m->ctx, &match);
		}
	}
}

void bw_policy_matched(const struct bw_policy_layers *layers, const struct bw_policy_request *request,
    void (*each)(void *ctx, const struct bw_policy_match *match), void *ctx)
{
	struct question q;
	struct matcher m = {{list_match}, &q, each, ctx};

	if (question_init(&q, request, has_boundary(layers)))
		layers_visit(layers, request, &m.visitor);
}
