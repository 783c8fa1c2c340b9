/* The layers together. IAM User Guide, "Policy evaluation for requests within a single account",
 * "Cross-account policy evaluation logic", and the AWS Organizations User Guide on SCPs and RCPs. */
#include "policy/form.h"

bool scps_apply(const struct bw_policy_request *r)
{
	return principal_has_account(r->principal_kind) && !r->service_linked_role;
}

bool rcps_apply(const struct bw_policy_request *r)
{
	return !r->service_linked_role;
}

bool has_boundary(const struct bw_policy_layers *l)
{
	return l->has_boundary || l->boundary.n > 0;
}

bool has_session(const struct bw_policy_layers *l)
{
	return l->has_session || l->session.n > 0;
}

bool has_vpce(const struct bw_policy_layers *l)
{
	return l->has_vpce || l->vpce.n > 0;
}

enum bw_layer resource_layer(const struct bw_policy_layers *l)
{
	return l->resource.n && l->resource.v[0].policy->kind == BW_POLICY_TRUST ? BW_LAYER_TRUST
	                                                                         : BW_LAYER_RESOURCE;
}

bool same_account(const struct bw_policy_request *r)
{
	return principal_has_account(r->principal_kind) &&
	       (!bw_str_set(r->resource_account) || bw_str_eq(r->resource_account, r->principal_account));
}

/* What one list of documents says: a Deny, or its strongest Allow. */
struct outcome {
	const struct bw_policy_ref *ref;
	int32_t statement;
	enum grant grant;
};

struct weighing {
	const struct bw_policy_layers *layers;
	struct bw_verdict denied;
	enum bw_layer missing; /* the first ceiling that does not allow */
	struct outcome resource, identity, boundary, session;
	struct question q;
};

static struct bw_verdict implicit(enum bw_layer layer)
{
	return (struct bw_verdict){.decision = BW_DENIED_IMPLICIT, .layer = layer, .statement = -1};
}

static struct bw_verdict allowed(enum bw_layer layer, const struct outcome *by)
{
	struct bw_verdict v = {.decision = BW_ALLOWED, .layer = layer, .statement = -1};

	if (by && by->ref) {
		v.policy_id = by->ref->id;
		v.statement = by->statement;
	}
	return v;
}

/* True when a document denies: nothing else matters then. */
static bool list_denies(
    struct weighing *w, enum bw_layer layer, const struct bw_policy_list *list, struct outcome *out)
{
	struct finding f;

	*out = (struct outcome){.statement = -1};
	for (size_t i = 0; i < list->n; i++) {
		if (!policy_may_match(list->v[i].policy, &w->q))
			continue;
		policy_find(list->v[i].policy, &w->q, out->grant, &f);
		if (f.deny >= 0) {
			w->denied = (struct bw_verdict){BW_DENIED_EXPLICIT, layer, list->v[i].id, f.deny};
			return true;
		}
		if (f.allow >= 0)
			*out = (struct outcome){&list->v[i], f.allow, f.grant};
	}
	return false;
}

/* Ceilings: every level must allow. */
static bool levels_deny(
    struct weighing *w, enum bw_layer layer, const struct bw_policy_list *levels, size_t n)
{
	struct outcome out;

	for (size_t i = 0; i < n; i++) {
		if (list_denies(w, layer, &levels[i], &out))
			return true;
		if (out.grant == GRANT_NONE && w->missing == BW_LAYER_NONE)
			w->missing = layer;
	}
	return false;
}

static bool any_denies(struct weighing *w)
{
	const struct bw_policy_layers *l = w->layers;
	const struct bw_policy_request *r = w->q.request;

	return (rcps_apply(r) && levels_deny(w, BW_LAYER_RCP, l->rcps, l->rcp_levels)) ||
	       (scps_apply(r) && levels_deny(w, BW_LAYER_SCP, l->scps, l->scp_levels)) ||
	       levels_deny(w, BW_LAYER_VPCE, &l->vpce, has_vpce(l)) ||
	       list_denies(w, resource_layer(l), &l->resource, &w->resource) ||
	       list_denies(w, BW_LAYER_IDENTITY, &l->identity, &w->identity) ||
	       list_denies(w, BW_LAYER_BOUNDARY, &l->boundary, &w->boundary) ||
	       list_denies(w, BW_LAYER_SESSION, &l->session, &w->session);
}

/* A resource policy that names the very principal is limited by nothing in its account. A root session with a
 * session policy is the root's, which is more than the session. */
static bool is_granted_directly(const struct weighing *w)
{
	const struct bw_policy_request *r = w->q.request;

	return w->resource.grant == GRANT_DIRECT && same_account(r) &&
	       !(r->principal_kind == BW_PRINCIPAL_ROOT && has_session(w->layers));
}

/* What the principal's own account says, when the resource policy has not decided. */
static struct bw_verdict principal_decide(const struct weighing *w)
{
	const struct bw_policy_request *r = w->q.request;
	bool by_role = w->resource.grant >= GRANT_ROLE && same_account(r);
	bool root = r->principal_kind == BW_PRINCIPAL_ROOT;
	bool session_needed = has_session(w->layers) || r->principal_kind == BW_PRINCIPAL_FEDERATED;

	if (w->identity.grant == GRANT_NONE && !by_role && !root)
		return implicit(BW_LAYER_IDENTITY);
	if (has_boundary(w->layers) && w->boundary.grant == GRANT_NONE)
		return implicit(BW_LAYER_BOUNDARY);
	if (session_needed && w->session.grant == GRANT_NONE)
		return implicit(BW_LAYER_SESSION);
	if (w->identity.grant != GRANT_NONE)
		return allowed(BW_LAYER_IDENTITY, &w->identity);
	return by_role ? allowed(resource_layer(w->layers), &w->resource) : allowed(BW_LAYER_NONE, NULL);
}

/* No document denies: is there enough that allows? */
static struct bw_verdict grants_decide(const struct weighing *w)
{
	const struct bw_policy_request *r = w->q.request;
	enum bw_layer layer = resource_layer(w->layers);

	if (w->missing != BW_LAYER_NONE)
		return implicit(w->missing);
	if (w->resource.grant == GRANT_NONE && (w->layers->resource_must_allow || !same_account(r)))
		return implicit(layer);
	if (is_granted_directly(w) || !principal_has_account(r->principal_kind))
		return allowed(layer, &w->resource);
	return principal_decide(w);
}

/* STS API Reference, "GetCallerIdentity": no permissions are required, and a Deny does not count. */
static bool is_never_denied(const struct question *q)
{
	return q->request->principal_kind != BW_PRINCIPAL_ANONYMOUS &&
	       bw_str_eq(q->action, BW_STR("sts:getcalleridentity"));
}

struct bw_verdict bw_policy_evaluate(
    const struct bw_policy_layers *layers, const struct bw_policy_request *request)
{
	struct weighing w;

	w.layers = layers;
	w.missing = BW_LAYER_NONE;
	if (!question_init(&w.q, request, has_boundary(layers)))
		return implicit(BW_LAYER_NONE);
	if (is_never_denied(&w.q))
		return allowed(BW_LAYER_NONE, NULL);
	if (any_denies(&w))
		return w.denied;
	return grants_decide(&w);
}

enum bw_decision bw_policy_evaluate_one(
    const struct bw_policy *p, const struct bw_policy_request *request, int32_t *statement)
{
	struct question q;
	struct finding f = {.deny = -1, .allow = -1};

	if (question_init(&q, request, false))
		policy_find(p, &q, GRANT_NONE, &f);
	if (statement)
		*statement = f.deny >= 0 ? f.deny : f.allow;
	if (f.deny >= 0)
		return BW_DENIED_EXPLICIT;
	return f.allow >= 0 ? BW_ALLOWED : BW_DENIED_IMPLICIT;
}
