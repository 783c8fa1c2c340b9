#include "svc/iam/iam_policy.h"

/* The condition keys that policies mention, so that a caller knows what to give a simulation. */

struct gathering {
	struct bw_call *call;
	struct iam_ContextKeyNamesResultListType *out;
	size_t room;
};

/* Key names are the same in any case. */
static void key_add(void *ctx, struct bw_str name)
{
	struct gathering *g = ctx;

	for (size_t i = 0; i < g->out->n; i++)
		if (bw_str_eq_nocase(g->out->v[i], name))
			return;
	if (g->out->n == g->room) {
		size_t room = g->room ? 2 * g->room : 16;
		struct bw_str *v = BW_NEW_ARRAY(g->call->arena, struct bw_str, room);

		if (g->room)
			memcpy(v, g->out->v, g->room * sizeof *v);
		g->out->v = v;
		g->room = room;
	}
	g->out->v[g->out->n++] = bw_arena_str(g->call->arena, name);
}

static enum bw_err document_gather(struct gathering *g, struct bw_str document)
{
	struct bw_policy *policy;

	TRY(bw_call_policy(g->call, document, BW_POLICY_IDENTITY, "InvalidInput", &policy));
	bw_policy_context_keys(policy, key_add, g);
	return BW_OK;
}

static enum bw_err documents_gather(struct gathering *g, const struct iam_SimulationPolicyListType *documents)
{
	for (size_t i = 0; i < documents->n; i++)
		TRY(document_gather(g, documents->v[i]));
	return BW_OK;
}

static enum bw_err holder_gather(struct gathering *g, const struct iam_holder *h)
{
	struct iam_managed m;

	for (size_t i = 0; i < h->attached->n; i++) {
		TRY(iam_managed_load(g->call, h->attached->v[i], &m));
		TRY(document_gather(g, iam_managed_document(g->call, &m)));
	}
	for (size_t i = 0; i < h->inline_policies->n; i++)
		TRY(document_gather(g, h->inline_policies->v[i].value));
	return BW_OK;
}

enum bw_err iam_source_resource(struct bw_call *call)
{
	bw_call_resource(call, bw_call_input(call, "PolicySourceArn"));
	/* Another account's is refused in words of its own, not by its absent policies. */
	bw_call_resource_account(call, call->account);
	return BW_OK;
}

enum bw_err iam_source_load(struct bw_call *call, struct bw_str arn, struct iam_holder *h)
{
	static const struct iam_holder_kind *const kinds[] = {
	    &iam_user_holder, &iam_group_holder, &iam_role_holder};
	struct bw_str name, kind;
	struct bw_arn parts;
	size_t i = 0;

	if (bw_arn_parse(arn, &parts) != BW_OK || !bw_str_eq(parts.service, BW_STR("iam")))
		parts.resource = BW_STR("");
	name = parts.resource;
	kind = bw_str_cut(&name, '/');
	while (i < BW_COUNT(kinds) && !bw_str_eq(kind, bw_str_c(kinds[i]->kind)))
		i++;
	for (ptrdiff_t at; (at = bw_str_find(name, '/', 0)) >= 0;)
		name = bw_str_sub(name, (size_t)at + 1, name.n);
	if (i == BW_COUNT(kinds) || name.n == 0)
		return bw_call_fail(call, "InvalidInput",
		    "Invalid Entity Arn: %.*s does not clearly define entity type and name.", BW_FMT(arn));
	if (!bw_str_eq(parts.account, call->account))
		return bw_call_fail(call, "InvalidInput",
		    "Invalid Policy Source Arn: caller's account %.*s does not have access to policies in account %.*s",
		    BW_FMT(call->account), BW_FMT(parts.account));
	TRY(iam_holder_load(call, kinds[i], name, h));
	if (!bw_str_eq(arn, bw_iam_arn(call->arena, call->account, kinds[i]->kind, h->path, h->name)))
		return bw_call_fail(call, "NoSuchEntity", "The %s with name %.*s cannot be found.", kinds[i]->kind, BW_FMT(name));
	return BW_OK;
}

BW_OP(iam, GetContextKeysForCustomPolicy, .effect = BW_READ)
{
	struct gathering g = {.call = call, .out = &out->ContextKeyNames};

	out->ContextKeyNames.set = true;
	return documents_gather(&g, &in->PolicyInputList);
}

/* A user's policies are its own and those of its groups. */
BW_OP(iam, GetContextKeysForPrincipalPolicy, .effect = BW_READ, .resource = iam_source_resource)
{
	struct gathering g = {.call = call, .out = &out->ContextKeyNames};
	struct iam_holder h, group;

	TRY(iam_source_load(call, in->PolicySourceArn, &h));
	out->ContextKeyNames.set = true;
	TRY(holder_gather(&g, &h));
	for (size_t i = 0; h.groups && i < h.groups->n; i++) {
		TRY(iam_holder_load(call, &iam_group_holder, h.groups->v[i], &group));
		TRY(holder_gather(&g, &group));
	}
	return documents_gather(&g, &in->PolicyInputList);
}
