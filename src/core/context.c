#include "core/internal.h"

#include "codec/time.h"
#include "core/provider.h"

/* Global condition keys: IAM User Guide, "AWS global condition context keys". */

static const char *const principal_types[] = {
    [BW_PRINCIPAL_ANONYMOUS] = "Anonymous",
    [BW_PRINCIPAL_ROOT] = "Account",
    [BW_PRINCIPAL_USER] = "User",
    [BW_PRINCIPAL_ROLE] = "AssumedRole",
    [BW_PRINCIPAL_FEDERATED] = "FederatedUser",
    [BW_PRINCIPAL_WEB] = "AssumedRole",
    [BW_PRINCIPAL_SERVICE] = "Service",
};

static struct bw_str time_text(struct gate_call *g, int64_t ms)
{
	char room[64];
	struct bw_buf text = bw_buf_over(room, sizeof room);

	bw_time_put_iso8601(ms, &text);
	return bw_arena_str(g->call.arena, bw_buf_str(&text));
}

static struct bw_str number_text(struct gate_call *g, int64_t v)
{
	char room[32];
	struct bw_buf text = bw_buf_over(room, sizeof room);

	bw_buf_put_i64(&text, v);
	return bw_arena_str(g->call.arena, bw_buf_str(&text));
}

static struct bw_str bool_text(bool v)
{
	return v ? BW_STR("true") : BW_STR("false");
}

/* IAM User Guide, "IAM and AWS STS condition context keys": those of web identity federation, in the session as well. */
static void context_provider(struct bw_call *call, const struct bw_caller *c)
{
	if (!bw_str_set(c->provider))
		return;
	bw_call_context(call, BW_STR("aws:FederatedProvider"), c->provider);
	for (size_t i = 0; i < c->claims.n; i++)
		bw_call_context(call, c->claims.v[i].key, c->claims.v[i].value);
	if (c->amr.n)
		bw_call_context_list(call,
		    bw_arena_printf(call->arena, "%.*s:amr", BW_FMT(bw_provider_url(c->provider))), c->amr.v, c->amr.n);
}

static void context_principal(struct gate_call *g)
{
	struct bw_call *call = &g->call;
	const struct bw_caller *c = call->caller;

	bw_call_context(call, BW_STR("aws:PrincipalType"), bw_str_c(principal_types[c ? c->kind : BW_PRINCIPAL_ANONYMOUS]));
	bw_call_context(call, BW_STR("aws:PrincipalIsAWSService"), BW_STR("false"));
	bw_call_context(call, BW_STR("aws:ViaAWSService"), BW_STR("false"));
	if (!c)
		return;
	context_provider(call, c);
	if (c->kind == BW_PRINCIPAL_WEB)
		return;
	bw_call_context(call, BW_STR("aws:PrincipalArn"), c->kind == BW_PRINCIPAL_ROLE ? c->issuer_arn : c->arn);
	bw_call_context(call, BW_STR("aws:PrincipalAccount"), c->account);
	bw_call_context(call, BW_STR("aws:userid"), c->id);
	if (c->kind == BW_PRINCIPAL_USER)
		bw_call_context(call, BW_STR("aws:username"), c->name);
	bw_call_context(call, BW_STR("aws:SourceIdentity"), c->source_identity);
	for (size_t i = 0; i < c->tags.n; i++)
		bw_call_context(call, bw_arena_printf(call->arena, "aws:PrincipalTag/%.*s", BW_FMT(c->tags.v[i].key)),
		    c->tags.v[i].value);
	if (!c->temporary)
		return;
	bw_call_context(call, BW_STR("aws:TokenIssueTime"), time_text(g, c->issued_ms));
	/* Present for temporary credentials only, so that BoolIfExists tells long-term keys apart. */
	bw_call_context(call, BW_STR("aws:MultiFactorAuthPresent"), bool_text(c->mfa));
	if (c->mfa)
		bw_call_context(call, BW_STR("aws:MultiFactorAuthAge"), number_text(g, (call->now_ms - c->mfa_ms) / 1000));
}

static void context_request(struct gate_call *g)
{
	struct bw_call *call = &g->call;
	const struct bw_http_exchange *x = g->exchange;

	bw_call_context(call, BW_STR("aws:CurrentTime"), time_text(g, call->now_ms));
	bw_call_context(call, BW_STR("aws:EpochTime"), number_text(g, call->now_ms / 1000));
	bw_call_context(call, BW_STR("aws:SecureTransport"), bool_text(x->tls));
	bw_call_context(call, BW_STR("aws:SourceIp"), bw_arena_str(call->arena, x->peer_address));
	bw_call_context(call, BW_STR("aws:UserAgent"), bw_http_header(x->request, BW_STR("user-agent"), NULL));
	bw_call_context(call, BW_STR("aws:referer"), bw_http_header(x->request, BW_STR("referer"), NULL));
	bw_call_context(call, BW_STR("aws:RequestedRegion"), call->service->global ? BW_STR("us-east-1") : call->region);
	bw_call_context(call, BW_STR("aws:ResourceAccount"), call->resource_account);
}

static struct bw_str string_at(const void *base, const struct bw_member *m)
{
	return *(const struct bw_str *)((const char *)base + m->offset);
}

struct bw_pairs input_tags(const struct bw_call *call)
{
	const struct bw_member *tags = bw_member_find(bw_at(call->model->input), "Tags"), *k, *v;
	const struct bw_any_list *list;
	struct bw_pairs out = {0};

	if (!tags || bw_at(tags->shape)->kind != BW_SHAPE_LIST || bw_at(bw_at(tags->shape)->element)->kind != BW_SHAPE_STRUCTURE)
		return out;
	k = bw_member_find(bw_at(bw_at(tags->shape)->element), "Key");
	v = bw_member_find(bw_at(bw_at(tags->shape)->element), "Value");
	k = k ? k : bw_member_find(bw_at(bw_at(tags->shape)->element), "TagKey");
	v = v ? v : bw_member_find(bw_at(bw_at(tags->shape)->element), "TagValue");
	if (!k || !v)
		return out;
	list = (const void *)((const char *)call->in + tags->offset);
	out.v = BW_NEW_ARRAY(call->arena, struct bw_pair, list->n + 1);
	for (const char *tag = list->v; out.n < list->n; tag += bw_at(bw_at(tags->shape)->element)->size)
		out.v[out.n++] = (struct bw_pair){string_at(tag, k), string_at(tag, v)};
	return out;
}

static void context_request_tags(struct bw_call *call, const struct bw_pairs *tags)
{
	struct bw_str *names = BW_NEW_ARRAY(call->arena, struct bw_str, tags->n);

	for (size_t i = 0; i < tags->n; i++) {
		names[i] = tags->v[i].key;
		bw_call_context(call, bw_arena_printf(call->arena, "aws:RequestTag/%.*s", BW_FMT(names[i])), tags->v[i].value);
	}
	bw_call_context_list(call, BW_STR("aws:TagKeys"), names, tags->n);
}

/* aws:RequestTag/KEY and aws:TagKeys from the input's Tags or TagKeys, whatever the operation. */
static void context_tags(struct gate_call *g)
{
	struct bw_call *call = &g->call;
	const struct bw_member *keys = bw_member_find(bw_at(call->model->input), "TagKeys");
	const struct bw_pairs tags = input_tags(call);
	const struct bw_any_list *list;

	if (tags.n) {
		context_request_tags(call, &tags);
	} else if (keys && bw_at(keys->shape)->kind == BW_SHAPE_LIST && bw_at(bw_at(keys->shape)->element)->kind == BW_SHAPE_STRING) {
		list = (const void *)((const char *)call->in + keys->offset);
		if (list->n)
			bw_call_context_list(call, BW_STR("aws:TagKeys"), list->v, list->n);
	}
}

void context_global(struct gate_call *g)
{
	context_principal(g);
	context_request(g);
	context_tags(g);
}
