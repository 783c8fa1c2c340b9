#include "core/internal.h"

static struct bw_policy_request request_of(const struct bw_call *call, struct bw_str action, struct bw_str resource)
{
	const struct bw_caller *c = call->caller;
	struct bw_policy_request r = {.principal_kind = BW_PRINCIPAL_ANONYMOUS,
	    .action = action,
	    .resource = resource,
	    .resource_account = call->resource_account,
	    .context = call->keys,
	    .context_count = call->key_count};

	if (!c)
		return r;
	r.principal_kind = c->kind;
	r.principal_arn = c->arn;
	r.principal_role_arn = c->issuer_arn;
	r.principal_account = c->account;
	r.service_linked_role = c->service_linked_role;
	return r;
}

static struct bw_policy_layers layers_of(const struct bw_call *call)
{
	const struct bw_caller *c = call->caller;
	struct bw_policy_layers l = {.resource_must_allow = call->resource_must_allow};

	if (call->resource_policy.policy)
		l.resource = (struct bw_policy_list){&call->resource_policy, 1};
	if (!c)
		return l;
	l.identity = c->identity;
	l.boundary = c->boundary;
	l.has_boundary = c->has_boundary;
	l.session = c->session;
	l.has_session = c->has_session;
	return l;
}

/* What no policy allows and none denies, a grant may: a further policy of the resource that names the grantee. */
static enum bw_err granted(struct gate_call *g, const struct bw_policy_layers *layers, const struct bw_policy_request *request,
    const struct bw_also *also, struct bw_verdict *verdict)
{
	struct bw_call *call = &g->call;
	struct bw_policy_list further = {0};
	struct bw_policy_layers with = *layers;
	struct bw_policy_ref *all;

	if (verdict->decision != BW_DENIED_IMPLICIT || !call->grants)
		return BW_OK;
	TRY(call->grants(call, also, &further));
	if (further.n == 0)
		return BW_OK;
	all = BW_NEW_ARRAY(call->arena, struct bw_policy_ref, layers->resource.n + further.n);
	if (layers->resource.n)
		memcpy(all, layers->resource.v, layers->resource.n * sizeof *all);
	memcpy(all + layers->resource.n, further.v, further.n * sizeof *all);
	with.resource = (struct bw_policy_list){all, layers->resource.n + further.n};
	*verdict = bw_policy_evaluate(&with, request);
	return BW_OK;
}

/* EC2 and Elastic Load Balancing say of no resource that an action cannot be about one, where others say "*". */
static bool says_star(const struct bw_call *call)
{
	return call->service->protocol != BW_PROTOCOL_EC2 && strcmp(call->service->name, "elbv2") != 0;
}

/* The words for it; what is sealed of the denial has the ARN. */
static void denial_put(
    const struct bw_call *call, struct bw_policy_request said, const struct bw_verdict *verdict, struct bw_buf *text)
{
	if (bw_str_set(call->resource_said) && bw_str_eq(said.resource, call->resource))
		said.resource = call->resource_said;
	if (bw_str_eq(said.resource, BW_STR("*")) && !says_star(call))
		said.resource = BW_STR_NONE;
	if (call->service->protocol == BW_PROTOCOL_EC2)
		bw_buf_put(text, BW_STR("You are not authorized to perform this operation. "));
	bw_policy_denial(&said, verdict, text);
	bw_buf_put_c(text, '\0');
}

static enum bw_err decide(struct gate_call *g, const struct bw_policy_layers *layers, const struct bw_policy_request *request,
    const struct bw_also *also)
{
	struct bw_verdict verdict = bw_policy_evaluate(layers, request);
	struct bw_buf text;
	enum bw_err e;

	TRY(granted(g, layers, request, also, &verdict));
	if (verdict.decision == BW_ALLOWED)
		return BW_OK;
	bw_buf_init(&text, 8192);
	denial_put(&g->call, *request, &verdict, &text);
	e = gate_fail(g, "AccessDenied", 403, text.failed ? "Access denied" : text.p);
	bw_buf_free(&text);
	g->denial = denial_seal(g, layers, request, &verdict);
	if (g->call.service->protocol == BW_PROTOCOL_EC2 && g->denial.n && !bw_str_eq(request->resource, BW_STR("*")))
		g->call.error.message =
		    bw_arena_printf(g->call.arena, "%.*s. Encoded authorization failure message: %.*s",
		        BW_FMT(g->call.error.message), BW_FMT(g->denial));
	return e;
}

/* STS Guide, "Compare AWS STS credentials": GetSessionToken's credentials call AssumeRole and GetCallerIdentity alone, those of
 * GetFederationToken GetCallerIdentity alone. */
static enum bw_err session_may_call(struct gate_call *g)
{
	const struct bw_caller *c = g->call.caller;
	const char *name = bw_at(g->call.model->name);

	if (!c || !c->temporary || strcmp(g->call.service->name, "sts") != 0 || strcmp(name, "GetCallerIdentity") == 0)
		return BW_OK;
	if (c->federation_token || (c->session_token && strcmp(name, "AssumeRole") != 0) ||
	    strcmp(name, "GetSessionToken") == 0 || strcmp(name, "GetFederationToken") == 0) {
		struct bw_str text = bw_arena_printf(g->call.arena, "Cannot call %s with %s credentials", name,
		    c->federation_token ? "federation" : "session");

		return gate_fail(g, "AccessDenied", 403, text.p);
	}
	return BW_OK;
}

/* The tags of the call's own resource say nothing of another one. */
static void resource_tags_drop(struct bw_call *call)
{
	size_t kept = 0;

	for (size_t i = 0; i < call->key_count; i++)
		if (!bw_str_has(call->keys[i].name, BW_STR(":ResourceTag/")))
			call->keys[kept++] = call->keys[i];
	call->key_count = kept;
}

/* Of another resource: its own account, policy and tags, or none. */
static void elsewhere(const struct bw_also *also, struct bw_policy_layers *layers, struct bw_policy_request *request)
{
	struct bw_arn arn;

	layers->resource = (struct bw_policy_list){&also->policy, also->policy.policy ? 1 : 0};
	layers->resource_must_allow = also->must_allow;
	if (bw_arn_parse(also->resource, &arn) == BW_OK && arn.account.n == 12)
		request->resource_account = arn.account;
}

/* With keys of its own, which the next one does not see. */
static enum bw_err decide_also(struct gate_call *g, const struct bw_policy_layers *layers, const struct bw_also *also)
{
	struct bw_call *call = &g->call, before = *call;
	size_t skipped = also->alone ? g->stated_keys : 0, count = call->key_count - skipped;
	struct bw_policy_layers its = *layers;
	struct bw_policy_request request = request_of(call, also->action, also->resource);
	enum bw_err e;

	call->keys = BW_NEW_ARRAY(call->arena, struct bw_context_key, count + also->key_count);
	memcpy(call->keys, before.keys + skipped, count * sizeof *call->keys);
	call->key_count = count;
	if (!bw_str_eq(also->resource, call->resource)) {
		resource_tags_drop(call);
		elsewhere(also, &its, &request);
	}
	for (size_t i = 0; i < also->key_count; i++)
		call->keys[call->key_count++] = also->keys[i];
	request.context = call->keys;
	request.context_count = call->key_count;
	e = decide(g, &its, &request, also);
	call->keys = before.keys;
	call->key_count = before.key_count;
	return e;
}

bool bw_call_would_allow(
    struct bw_call *call, struct bw_str action, struct bw_str resource, struct bw_policy *policy, bool must_allow)
{
	struct bw_policy_ref ref = {policy, resource};
	struct bw_policy_layers layers = layers_of(call);
	struct bw_policy_request request = request_of(call, action, resource);

	layers.resource = (struct bw_policy_list){&ref, 1};
	layers.resource_must_allow = must_allow;
	return bw_policy_evaluate(&layers, &request).decision == BW_ALLOWED;
}

enum bw_err authorise(struct gate_call *g)
{
	struct bw_call *call = &g->call;
	struct bw_policy_layers layers = layers_of(call);
	struct bw_policy_request request;

	TRY(session_may_call(g));
	if (call->op->always_allowed)
		return BW_OK;
	/* Without a resource policy an unauthenticated call has nobody to allow it; unsigned operations state theirs. */
	g->stated_keys = call->key_count;
	context_global(g);
	request = request_of(call, bw_str_c(bw_at(call->model->action)),
	    bw_str_set(call->resource) ? call->resource : BW_STR("*"));
	TRY(decide(g, &layers, &request, NULL));
	for (const struct bw_also *also = call->also; also; also = also->next)
		TRY(decide_also(g, &layers, also));
	return BW_OK;
}
