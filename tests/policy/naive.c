/* Statements, documents and layers. */
#include "naive.h"

struct asker {
	const struct bw_policy_request *r;
	bool has_boundary;
};

static bool actions_have(json list, const struct bw_policy_request *r)
{
	for (size_t i = 0; i < naive_many(list); i++)
		if (naive_action_like(naive_nth(list, i)->text, r->action))
			return true;
	return false;
}

static bool resources_have(json list, bool variables, const struct bw_policy_request *r)
{
	for (size_t i = 0; i < naive_many(list); i++)
		if (naive_arn_like(naive_nth(list, i)->text, true, variables, r->resource, r))
			return true;
	return false;
}

enum named { NOBODY, THE_ACCOUNT, THE_ROLE, THE_PRINCIPAL };

static bool in_account(const struct bw_policy_request *r)
{
	return r->principal_kind == BW_PRINCIPAL_ROOT || r->principal_kind == BW_PRINCIPAL_USER ||
	       r->principal_kind == BW_PRINCIPAL_ROLE || r->principal_kind == BW_PRINCIPAL_FEDERATED;
}

static bool names_account(struct bw_str text, const struct bw_policy_request *r)
{
	struct bw_str p[6];

	if (bw_str_eq(text, r->principal_account))
		return true;
	return naive_parts(text, false, p) == 6 && naive_is(p[2], "iam") && naive_is(p[5], "root") &&
	       bw_str_eq(p[4], r->principal_account);
}

static enum named aws_named(struct bw_str text, const struct bw_policy_request *r)
{
	if (naive_is(text, "*"))
		return r->principal_kind == BW_PRINCIPAL_WEB ? NOBODY : THE_PRINCIPAL;
	if (!in_account(r))
		return NOBODY;
	if (names_account(text, r))
		return r->principal_kind == BW_PRINCIPAL_ROOT ? THE_PRINCIPAL : THE_ACCOUNT;
	if ((r->principal_kind == BW_PRINCIPAL_ROLE || r->principal_kind == BW_PRINCIPAL_FEDERATED) &&
	    bw_str_set(r->principal_role_arn) && bw_str_eq(text, r->principal_role_arn))
		return THE_ROLE;
	return bw_str_eq(text, r->principal_arn) ? THE_PRINCIPAL : NOBODY;
}

static enum named one_named(struct bw_str type, struct bw_str text, const struct bw_policy_request *r)
{
	if (naive_is(type, "AWS"))
		return aws_named(text, r);
	if ((naive_is(type, "Service") && r->principal_kind == BW_PRINCIPAL_SERVICE) ||
	    (naive_is(type, "Federated") && r->principal_kind == BW_PRINCIPAL_WEB))
		return naive_is(text, "*") || bw_str_eq(text, r->principal_arn) ? THE_PRINCIPAL : NOBODY;
	return NOBODY;
}

static enum named principal_named(json principal, const struct bw_policy_request *r)
{
	enum named best = NOBODY;

	if (principal->kind == BW_JSON_STRING)
		return THE_PRINCIPAL;
	for (size_t i = 0; i < principal->count; i++)
		for (size_t j = 0; j < naive_many(&principal->values[i]); j++) {
			enum named named =
			    one_named(principal->keys[i], naive_nth(&principal->values[i], j)->text, r);

			best = named > best ? named : best;
		}
	return best;
}

/* "NotPrincipal with Deny": account, role and principal must each be excepted. */
static bool excepted(json list, const struct asker *a)
{
	bool account = !in_account(a->r), role = a->r->principal_kind != BW_PRINCIPAL_ROLE, self = false;

	if (list->kind == BW_JSON_STRING)
		return !a->has_boundary;
	for (size_t i = 0; i < list->count; i++)
		for (size_t j = 0; j < naive_many(&list->values[i]); j++) {
			struct bw_str text = naive_nth(&list->values[i], j)->text;
			enum named named = one_named(list->keys[i], text, a->r);

			if (naive_is(list->keys[i], "AWS") && naive_is(text, "*") && named)
				return !a->has_boundary;
			account |=
			    naive_is(list->keys[i], "AWS") && in_account(a->r) && names_account(text, a->r);
			role |= named == THE_ROLE;
			self |= named == THE_PRINCIPAL ||
			        (named == THE_ROLE && bw_str_eq(text, a->r->principal_arn));
		}
	return account && role && self && !a->has_boundary;
}

static enum named statement_named(json s, const struct asker *a)
{
	json principal = naive_get(s, "Principal"), not_principal = naive_get(s, "NotPrincipal");

	if (not_principal)
		return excepted(not_principal, a) ? NOBODY : THE_PRINCIPAL;
	return principal ? principal_named(principal, a->r) : THE_PRINCIPAL;
}

static enum named statement_applies(json s, bool variables, const struct asker *a)
{
	json action = naive_get(s, "Action"), not_action = naive_get(s, "NotAction");
	json resource = naive_get(s, "Resource"), not_resource = naive_get(s, "NotResource");

	if (action ? !actions_have(action, a->r) : actions_have(not_action, a->r))
		return NOBODY;
	if (resource && !resources_have(resource, variables, a->r))
		return NOBODY;
	if (not_resource && resources_have(not_resource, variables, a->r))
		return NOBODY;
	if (!naive_conditions(naive_get(s, "Condition"), variables, a->r))
		return NOBODY;
	return statement_named(s, a);
}

struct answer {
	bool denied;
	enum named named; /* by the strongest Allow */
	struct bw_str id;
	int32_t statement;
};

static struct answer list_answer(const struct naive_list *list, const struct asker *a)
{
	struct answer best = {.statement = -1};

	/* Denials first, in all documents. */
	for (int deny = 1; deny >= 0; deny--)
		for (size_t i = 0; i < list->n; i++) {
			json root = &list->v[i].root, version = naive_get(root, "Version"),
			     statements = naive_get(root, "Statement");
			bool variables = version && naive_is(version->text, "2012-10-17");

			for (size_t j = 0; j < naive_many(statements); j++) {
				json s = naive_nth(statements, j);
				enum named named = NOBODY;

				if (naive_is(naive_get(s, "Effect")->text, deny ? "Deny" : "Allow"))
					named = statement_applies(s, variables, a);
				if (named && deny)
					return (struct answer){true, NOBODY, list->v[i].id, (int32_t)j};
				if (named > best.named)
					best = (struct answer){false, named, list->v[i].id, (int32_t)j};
			}
		}
	return best;
}

static struct bw_verdict verdict(enum bw_decision decision, enum bw_layer layer, const struct answer *by)
{
	struct bw_verdict v = {.decision = decision, .layer = layer, .statement = -1};

	if (by) {
		v.policy_id = by->id;
		v.statement = by->statement;
	}
	return v;
}

/* Step by step as the guide's flow charts go: first every Deny, then each ceiling, then who grants. */
struct bw_verdict naive_evaluate(const struct naive_layers *l, const struct bw_policy_request *r)
{
	bool boundary = l->has_boundary || l->boundary.n, session = l->has_session || l->session.n;
	bool vpce = l->has_vpce || l->vpce.n, rcps = !r->service_linked_role, scps = rcps && in_account(r);
	bool root = r->principal_kind == BW_PRINCIPAL_ROOT;
	bool home =
	    in_account(r) && (!r->resource_account.p || bw_str_eq(r->resource_account, r->principal_account));
	struct asker a = {r, boundary};
	struct answer rcp[8], scp[8], endpoint = list_answer(&l->vpce, &a),
	                              resource = list_answer(&l->resource, &a);
	struct answer identity = list_answer(&l->identity, &a), limit = list_answer(&l->boundary, &a);
	struct answer own = list_answer(&l->session, &a);
	enum bw_layer at =
	    l->resource.n && l->resource.v[0].kind == BW_POLICY_TRUST ? BW_LAYER_TRUST : BW_LAYER_RESOURCE;

	if (naive_same_nocase(r->action, BW_STR("sts:GetCallerIdentity")) &&
	    r->principal_kind != BW_PRINCIPAL_ANONYMOUS)
		return verdict(BW_ALLOWED, BW_LAYER_NONE, NULL);
	for (size_t i = 0; i < l->rcp_levels; i++)
		if ((rcp[i] = list_answer(&l->rcps[i], &a)).denied && rcps)
			return verdict(BW_DENIED_EXPLICIT, BW_LAYER_RCP, &rcp[i]);
	for (size_t i = 0; i < l->scp_levels; i++)
		if ((scp[i] = list_answer(&l->scps[i], &a)).denied && scps)
			return verdict(BW_DENIED_EXPLICIT, BW_LAYER_SCP, &scp[i]);
	if (endpoint.denied)
		return verdict(BW_DENIED_EXPLICIT, BW_LAYER_VPCE, &endpoint);
	if (resource.denied)
		return verdict(BW_DENIED_EXPLICIT, at, &resource);
	if (identity.denied)
		return verdict(BW_DENIED_EXPLICIT, BW_LAYER_IDENTITY, &identity);
	if (limit.denied)
		return verdict(BW_DENIED_EXPLICIT, BW_LAYER_BOUNDARY, &limit);
	if (own.denied)
		return verdict(BW_DENIED_EXPLICIT, BW_LAYER_SESSION, &own);

	for (size_t i = 0; rcps && i < l->rcp_levels; i++)
		if (!rcp[i].named)
			return verdict(BW_DENIED_IMPLICIT, BW_LAYER_RCP, NULL);
	for (size_t i = 0; scps && i < l->scp_levels; i++)
		if (!scp[i].named)
			return verdict(BW_DENIED_IMPLICIT, BW_LAYER_SCP, NULL);
	if (vpce && !endpoint.named)
		return verdict(BW_DENIED_IMPLICIT, BW_LAYER_VPCE, NULL);

	if (!in_account(r))
		return resource.named ? verdict(BW_ALLOWED, at, &resource)
		                      : verdict(BW_DENIED_IMPLICIT, at, NULL);
	if (!resource.named && (!home || l->resource_must_allow))
		return verdict(BW_DENIED_IMPLICIT, at, NULL);
	if (home && resource.named == THE_PRINCIPAL && !(root && session))
		return verdict(BW_ALLOWED, at, &resource);
	if (!identity.named && !root && !(home && resource.named >= THE_ROLE))
		return verdict(BW_DENIED_IMPLICIT, BW_LAYER_IDENTITY, NULL);
	if (boundary && !limit.named)
		return verdict(BW_DENIED_IMPLICIT, BW_LAYER_BOUNDARY, NULL);
	if (!own.named && (session || r->principal_kind == BW_PRINCIPAL_FEDERATED))
		return verdict(BW_DENIED_IMPLICIT, BW_LAYER_SESSION, NULL);
	if (identity.named)
		return verdict(BW_ALLOWED, BW_LAYER_IDENTITY, &identity);
	if (home && resource.named >= THE_ROLE)
		return verdict(BW_ALLOWED, at, &resource);
	return verdict(BW_ALLOWED, BW_LAYER_NONE, NULL);
}
