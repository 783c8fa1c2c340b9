/* What is answered to a request that was read. */
#include "bin/evaluate.h"
#include "codec/json.h"

static void member_put(struct bw_buf *out, const char *name, struct bw_str value)
{
	bw_buf_printf(out, ",\"%s\":", name);
	bw_json_put_str(out, value);
}

static const char *const layer_members[] = {
    [BW_LAYER_NONE] = "",
    [BW_LAYER_IDENTITY] = "identityPolicies",
    [BW_LAYER_RESOURCE] = "resourcePolicy",
    [BW_LAYER_BOUNDARY] = "permissionBoundaries",
    [BW_LAYER_SESSION] = "sessionPolicy",
    [BW_LAYER_SCP] = "scps",
    [BW_LAYER_RCP] = "rcps",
    [BW_LAYER_VPCE] = "vpcePolicies",
    [BW_LAYER_TRUST] = "resourcePolicy",
};

static bool list_place(const struct bw_policy_list *list, const struct bw_verdict *v,
    const struct bw_policy **policy, size_t *index)
{
	for (*index = 0; *index < list->n; ++*index) {
		*policy = list->v[*index].policy;
		if (list->v[*index].id.p == v->policy_id.p)
			return true;
	}
	return false;
}

static bool levels_place(const struct bw_policy_list *lists, size_t n, const struct bw_verdict *v,
    const struct bw_policy **policy, size_t *level, size_t *index)
{
	for (*level = 0; *level < n; ++*level)
		if (list_place(&lists[*level], v, policy, index))
			return true;
	return false;
}

/* The statement that decided. */
static void statement_put(const struct bw_policy_layers *y, const struct bw_verdict *v, struct bw_buf *out)
{
	const struct bw_policy_list *lists[] = {
	    &y->identity, &y->resource, &y->boundary, &y->session, &y->vpce};
	const struct bw_policy *policy = NULL;
	struct bw_policy_match match;
	size_t level = 0, index = 0;
	bool found = false, by_level = v->layer == BW_LAYER_SCP || v->layer == BW_LAYER_RCP;

	if (v->layer == BW_LAYER_SCP)
		found = levels_place(y->scps, y->scp_levels, v, &policy, &level, &index);
	if (v->layer == BW_LAYER_RCP)
		found = levels_place(y->rcps, y->rcp_levels, v, &policy, &level, &index);
	for (size_t i = 0; !found && i < BW_COUNT(lists); i++)
		found = list_place(lists[i], v, &policy, &index);
	if (!found)
		return;
	bw_policy_statement(policy, (uint32_t)v->statement, &match);
	if (by_level)
		bw_buf_printf(out, ",\"level\":%zu", level);
	bw_buf_printf(out, ",\"policy\":%zu,\"statement\":%d,\"effect\":\"%s\"", index, v->statement,
	    match.allow ? "Allow" : "Deny");
	if (match.sid.n)
		member_put(out, "sid", match.sid);
	bw_buf_printf(out, ",\"line\":%u,\"column\":%u", match.start.line, match.start.column);
}

static void message_put(const struct bw_policy_request *r, const struct bw_verdict *v, struct bw_buf *out)
{
	struct bw_buf message;

	if (v->decision == BW_ALLOWED && v->layer != BW_LAYER_NONE)
		return;
	bw_buf_init(&message, 64 * 1024);
	if (v->decision != BW_ALLOWED)
		bw_policy_denial(r, v, &message);
	else
		bw_buf_put(&message, r->principal_kind == BW_PRINCIPAL_ROOT
		                         ? BW_STR("the root user is allowed by default")
		                         : BW_STR("this action is never denied"));
	member_put(out, "message", bw_buf_str(&message));
	bw_buf_free(&message);
}

static void reason_put(const struct bw_policy_layers *y, const struct bw_policy_request *r,
    const struct bw_verdict *v, struct bw_buf *out)
{
	bw_buf_printf(out, "{\"layer\":\"%s\"", layer_members[v->layer]);
	if (v->statement >= 0)
		statement_put(y, v, out);
	message_put(r, v, out);
	bw_buf_put_c(out, '}');
}

void decision_put(const struct bw_policy_layers *layers, const struct bw_policy_request *request,
    bool explain, struct bw_buf *out)
{
	static const char *const decisions[] = {
	    [BW_ALLOWED] = "Allowed",
	    [BW_DENIED_IMPLICIT] = "ImplicitlyDenied",
	    [BW_DENIED_EXPLICIT] = "ExplicitlyDenied",
	};
	struct bw_verdict v = bw_policy_evaluate(layers, request);

	bw_buf_printf(out, "{\"decision\":\"%s\",\"reasons\":[", decisions[v.decision]);
	if (explain)
		(void)bw_policy_explain(layers, request, out);
	else
		reason_put(layers, request, &v, out);
	bw_buf_put(out, BW_STR("]}\n"));
}
