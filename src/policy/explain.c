/* The whole reasoning as JSON: every layer, document, statement, element, condition and value. */
#include "policy/form.h"

struct teller {
	struct bw_buf *out;
	struct question *q;
	const struct bw_policy *policy;
	bool first; /* nothing stands yet in the innermost object or array */
};

static void comma(struct teller *t)
{
	if (!t->first)
		bw_buf_put_c(t->out, ',');
	t->first = false;
}

static void name(struct teller *t, const char *n)
{
	comma(t);
	bw_json_put_str(t->out, bw_str_c(n));
	bw_buf_put_c(t->out, ':');
}

static void open(struct teller *t, char c)
{
	bw_buf_put_c(t->out, c);
	t->first = true;
}

static void shut(struct teller *t, char c)
{
	bw_buf_put_c(t->out, c);
	t->first = false;
}

static void text(struct teller *t, const char *n, struct bw_str s)
{
	name(t, n);
	if (bw_str_set(s))
		bw_json_put_str(t->out, s);
	else
		bw_buf_put(t->out, BW_STR("null"));
}

static void words(struct teller *t, const char *n, const char *s)
{
	text(t, n, bw_str_c(s));
}

static void truth(struct teller *t, const char *n, bool v)
{
	name(t, n);
	bw_buf_put(t->out, v ? BW_STR("true") : BW_STR("false"));
}

static void number(struct teller *t, const char *n, int64_t v)
{
	name(t, n);
	bw_buf_put_i64(t->out, v);
}

static void item(struct teller *t, struct bw_str s)
{
	comma(t);
	bw_json_put_str(t->out, s);
}

static const char *const layer_names[] = {
    [BW_LAYER_NONE] = "none",
    [BW_LAYER_IDENTITY] = "identity",
    [BW_LAYER_RESOURCE] = "resource",
    [BW_LAYER_BOUNDARY] = "permissionsBoundary",
    [BW_LAYER_SESSION] = "session",
    [BW_LAYER_SCP] = "serviceControl",
    [BW_LAYER_RCP] = "resourceControl",
    [BW_LAYER_VPCE] = "vpcEndpoint",
    [BW_LAYER_TRUST] = "trust",
};
static const char *const decision_names[] = {
    [BW_ALLOWED] = "allowed",
    [BW_DENIED_IMPLICIT] = "implicitDeny",
    [BW_DENIED_EXPLICIT] = "explicitDeny",
};
static const char *const kind_names[] = {
    [BW_PRINCIPAL_ANONYMOUS] = "anonymous",
    [BW_PRINCIPAL_ROOT] = "root",
    [BW_PRINCIPAL_USER] = "user",
    [BW_PRINCIPAL_ROLE] = "role",
    [BW_PRINCIPAL_FEDERATED] = "federatedUser",
    [BW_PRINCIPAL_WEB] = "identityProvider",
    [BW_PRINCIPAL_SERVICE] = "service",
};
static const char *const grant_names[] = {
    [GRANT_NONE] = "nobody",
    [GRANT_ACCOUNT] = "account",
    [GRANT_ROLE] = "role",
    [GRANT_DIRECT] = "principal",
};

static void request_tell(struct teller *t, const struct bw_policy_request *r)
{
	name(t, "request");
	open(t, '{');
	words(t, "principalKind", kind_names[r->principal_kind]);
	text(t, "principal", r->principal_arn);
	if (r->principal_role_arn.n)
		text(t, "role", r->principal_role_arn);
	text(t, "principalAccount", r->principal_account);
	text(t, "action", r->action);
	text(t, "resource", r->resource);
	text(t, "resourceAccount",
	    bw_str_set(r->resource_account) ? r->resource_account : r->principal_account);
	name(t, "context");
	open(t, '[');
	for (size_t i = 0; i < r->context_count; i++) {
		comma(t);
		open(t, '{');
		text(t, "key", r->context[i].name);
		name(t, "values");
		open(t, '[');
		for (size_t j = 0; j < r->context[i].count; j++)
			item(t, r->context[i].values[j]);
		shut(t, ']');
		shut(t, '}');
	}
	shut(t, ']');
	shut(t, '}');
}

static void action_tell(struct teller *t, const struct statement *s)
{
	const uint32_t *actions = block_at(t->policy, s->actions);

	name(t, s->not_action ? "notAction" : "action");
	open(t, '{');
	truth(t, "matches", statement_action(t->policy, s, t->q));
	name(t, "patterns");
	open(t, '[');
	for (uint32_t i = 0; i < s->action_count; i++) {
		comma(t);
		open(t, '{');
		text(t, "pattern", action_source(t->policy, actions[i]));
		truth(t, "matches", action_match(t->policy, actions[i], t->q));
		shut(t, '}');
	}
	shut(t, ']');
	shut(t, '}');
}

static void resource_tell(struct teller *t, const struct statement *s, struct scope *scope)
{
	const struct arn_pattern *resources = block_at(t->policy, s->resources);

	if (s->resource_count == 0)
		return;
	name(t, s->not_resource ? "notResource" : "resource");
	open(t, '{');
	truth(t, "matches", statement_resource(s, t->q, scope));
	name(t, "patterns");
	open(t, '[');
	for (uint32_t i = 0; i < s->resource_count; i++) {
		comma(t);
		open(t, '{');
		text(t, "pattern", text_at(t->policy, resources[i].source));
		truth(t, "matches", arn_match(&resources[i], &t->q->resource, scope));
		shut(t, '}');
	}
	shut(t, ']');
	shut(t, '}');
}

static void principal_tell(struct teller *t, const struct statement *s)
{
	const struct principal *principals = block_at(t->policy, s->principals);

	if (s->principal_count == 0)
		return;
	name(t, s->not_principal ? "notPrincipal" : "principal");
	open(t, '{');
	truth(t, "matches", statement_principal(t->policy, s, t->q) != GRANT_NONE);
	if (s->not_principal && t->q->has_boundary)
		words(t, "why", "NotPrincipal with Deny always denies who has a permissions boundary");
	name(t, "named");
	open(t, '[');
	for (uint32_t i = 0; i < s->principal_count; i++) {
		comma(t);
		open(t, '{');
		text(t, "principal", text_at(t->policy, principals[i].source));
		words(t, "names", grant_names[principal_grant(t->policy, &principals[i], t->q->request)]);
		shut(t, '}');
	}
	shut(t, ']');
	shut(t, '}');
}

static void found_tell(struct teller *t, const struct condition *c, struct scope *scope)
{
	const struct bw_context_key *key = context_find(scope, c->key);

	name(t, "found");
	if (!key) {
		bw_buf_put(t->out, BW_STR("null"));
		return;
	}
	open(t, '[');
	for (size_t i = 0; i < key->count; i++)
		item(t, key->values[i]);
	shut(t, ']');
}

static void condition_tell(struct teller *t, const struct condition *c, struct scope *scope)
{
	comma(t);
	open(t, '{');
	text(t, "operator", text_at(t->policy, c->operator_text));
	text(t, "key", key_name(t->policy, c->key));
	name(t, "values");
	open(t, '[');
	for (uint32_t i = 0; i < c->count; i++)
		item(t, operand_source(t->policy, c, i));
	shut(t, ']');
	found_tell(t, c, scope);
	truth(t, "matches", condition_match(c, scope));
	words(t, "why", condition_why(c, scope));
	shut(t, '}');
}

/* The first element that keeps the statement from applying, NULL when it applies. */
static const char *statement_obstacle(struct teller *t, const struct statement *s, struct scope *scope)
{
	if (!statement_action(t->policy, s, t->q))
		return s->not_action ? "NotAction" : "Action";
	if (!statement_resource(s, t->q, scope))
		return s->not_resource ? "NotResource" : "Resource";
	if (statement_principal(t->policy, s, t->q) == GRANT_NONE)
		return s->not_principal ? "NotPrincipal" : "Principal";
	for (uint32_t i = 0; i < s->condition_count; i++)
		if (!condition_match(&conditions_of(t->policy, s)[i], scope))
			return "Condition";
	return NULL;
}

/* What that element says, in words. */
static const char *statement_why(struct teller *t, const struct statement *s, struct scope *scope)
{
	if (!statement_action(t->policy, s, t->q))
		return "the action does not match";
	if (!statement_resource(s, t->q, scope))
		return "the resource does not match";
	if (statement_principal(t->policy, s, t->q) == GRANT_NONE)
		return "it is not about this principal";
	for (uint32_t i = 0; i < s->condition_count; i++)
		if (!condition_match(&conditions_of(t->policy, s)[i], scope))
			return condition_why(&conditions_of(t->policy, s)[i], scope);
	return s->allow ? "everything matches: it allows" : "everything matches: it denies";
}

static void statement_tell(struct teller *t, uint32_t index)
{
	const struct statement *s = statement_at(t->policy, index);
	struct bw_str sid = text_at(t->policy, s->sid);
	struct scope scope = {t->policy, t->q->request, t->q};
	const char *obstacle;

	comma(t);
	open(t, '{');
	number(t, "index", index);
	if (sid.n)
		text(t, "sid", sid);
	words(t, "effect", s->allow ? "Allow" : "Deny");
	truth(t, "matches",
	    statement_action(t->policy, s, t->q) && statement_match(&scope, index, t->q) != GRANT_NONE);
	obstacle = statement_obstacle(t, s, &scope);
	if (obstacle)
		words(t, "element", obstacle);
	words(t, "why", statement_why(t, s, &scope));
	number(t, "line", s->start.line);
	number(t, "column", s->start.column);
	number(t, "endLine", s->end.line);
	number(t, "endColumn", s->end.column);
	action_tell(t, s);
	resource_tell(t, s, &scope);
	principal_tell(t, s);
	if (s->condition_count) {
		name(t, "conditions");
		open(t, '[');
		for (uint32_t i = 0; i < s->condition_count; i++)
			condition_tell(t, &conditions_of(t->policy, s)[i], &scope);
		shut(t, ']');
	}
	shut(t, '}');
}

static void policy_tell(struct teller *t, const struct bw_policy_ref *ref, struct finding *sum)
{
	struct finding f;

	t->policy = ref->policy;
	policy_find(ref->policy, t->q, GRANT_NONE, &f);
	if (f.deny >= 0)
		sum->deny = f.deny;
	if (f.grant > sum->grant)
		sum->grant = f.grant;
	comma(t);
	open(t, '{');
	text(t, "id", ref->id);
	words(t, "result",
	    decision_names[f.deny >= 0    ? BW_DENIED_EXPLICIT
	                   : f.allow >= 0 ? BW_ALLOWED
	                                  : BW_DENIED_IMPLICIT]);
	name(t, "statements");
	open(t, '[');
	for (uint32_t i = 0; i < ref->policy->statement_count; i++)
		statement_tell(t, i);
	shut(t, ']');
	shut(t, '}');
}

struct lists_teller {
	struct layers_visitor visitor;
	struct teller *teller;
};

static void list_tell(
    struct layers_visitor *visitor, enum bw_layer layer, size_t level, const struct bw_policy_list *list)
{
	struct teller *t = ((struct lists_teller *)visitor)->teller;
	struct finding sum = {.deny = -1, .allow = -1};

	comma(t);
	open(t, '{');
	words(t, "layer", layer_names[layer]);
	if (layer == BW_LAYER_SCP || layer == BW_LAYER_RCP)
		number(t, "level", (int64_t)level);
	name(t, "policies");
	open(t, '[');
	for (size_t i = 0; i < list->n; i++)
		policy_tell(t, &list->v[i], &sum);
	shut(t, ']');
	words(t, "result",
	    decision_names[sum.deny >= 0             ? BW_DENIED_EXPLICIT
	                   : sum.grant != GRANT_NONE ? BW_ALLOWED
	                                             : BW_DENIED_IMPLICIT]);
	/* In a resource policy, how closely the caller was named decides which other layers still count. */
	if (layer == BW_LAYER_RESOURCE || layer == BW_LAYER_TRUST)
		words(t, "names", grant_names[sum.grant]);
	shut(t, '}');
}

static void layers_tell(struct teller *t, const struct bw_policy_layers *l)
{
	struct lists_teller tellers = {{list_tell}, t};

	layers_visit(l, t->q->request, &tellers.visitor);
}

static void message_tell(struct teller *t, const struct bw_verdict *v)
{
	struct bw_buf message;

	bw_buf_init(&message, 64 * 1024);
	bw_policy_denial(t->q->request, v, &message);
	text(t, "message", bw_buf_str(&message));
	bw_buf_free(&message);
}

static void verdict_tell(struct teller *t, const struct bw_policy_layers *l, const struct bw_verdict *v)
{
	const struct bw_policy_request *r = t->q->request;

	words(t, "decision", decision_names[v->decision]);
	words(t, "layer", layer_names[v->layer]);
	text(t, "policy", v->policy_id);
	if (v->statement >= 0)
		number(t, "statement", v->statement);
	truth(t, "sameAccount", same_account(r));
	truth(t, "resourceMustAllow", l->resource_must_allow);
	if (v->decision != BW_ALLOWED) {
		message_tell(t, v);
	} else if (v->layer == BW_LAYER_NONE) {
		words(t, "why",
		    r->principal_kind == BW_PRINCIPAL_ROOT ? "the root user is allowed by default"
		                                           : "this action is never denied");
	}
}

struct bw_verdict bw_policy_explain(const struct bw_policy_layers *layers,
    const struct bw_policy_request *request, struct bw_buf *reasons_json)
{
	struct bw_verdict verdict = bw_policy_evaluate(layers, request);
	struct question q;
	struct teller t = {.out = reasons_json, .q = &q, .first = true};
	bool sensible = question_init(&q, request, has_boundary(layers));

	q.request = request;
	open(&t, '{');
	verdict_tell(&t, layers, &verdict);
	request_tell(&t, request);
	name(&t, "layers");
	open(&t, '[');
	if (sensible)
		layers_tell(&t, layers);
	shut(&t, ']');
	shut(&t, '}');
	return verdict;
}
