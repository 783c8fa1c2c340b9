#include "core/internal.h"

#include "codec/json.h"

/* The encoded authorisation message: AWS's form of it (STS API Reference, DecodeAuthorizationMessage), and
 * our reasoning beside it. It must fit what that operation takes. It is not compressed: its length would then
 * tell the caller of policies that are not his to see. */

enum {
	ENCODED_MAX = 10240,                  /* encodedMessageType of STS's model */
	PLAIN_MAX = ENCODED_MAX / 4 * 3 - 28, /* Base64, and what sealing adds */
	MATCHED_MAX = 20,                     /* statements named when the whole reasoning is too long */
};

enum telling { TELL_ALL, TELL_BRIEFLY, TELL_BARELY, TELLINGS };

struct message {
	const struct bw_call *call;
	const struct bw_policy_layers *layers;
	const struct bw_policy_request *request;
	const struct bw_verdict *verdict;
	struct bw_buf *out;
	size_t matched;
};

static void str_put(struct message *m, const char *before, struct bw_str value)
{
	bw_buf_put(m->out, bw_str_c(before));
	bw_json_put_str(m->out, bw_str_set(value) ? value : BW_STR(""));
}

static const struct bw_policy_list *list_of(const struct message *m, const struct bw_policy_match *match)
{
	const struct bw_policy_layers *l = m->layers;

	switch (match->layer) {
	case BW_LAYER_RCP:
		return &l->rcps[match->level];
	case BW_LAYER_SCP:
		return &l->scps[match->level];
	case BW_LAYER_VPCE:
		return &l->vpce;
	case BW_LAYER_IDENTITY:
		return &l->identity;
	case BW_LAYER_BOUNDARY:
		return &l->boundary;
	case BW_LAYER_SESSION:
		return &l->session;
	default:
		return &l->resource;
	}
}

/* ---- AWS's part ---- */

static void denying_put(void *ctx, const struct bw_policy_match *match)
{
	struct message *m = ctx;

	if (match->allow || m->matched >= MATCHED_MAX)
		return;
	if (m->matched++)
		bw_buf_put_c(m->out, ',');
	bw_policy_statement_put(list_of(m, match)->v[match->policy].policy, match->statement,
	    m->call->caller ? m->call->caller->id : BW_STR(""), m->out);
}

static void conditions_put(struct message *m)
{
	const struct bw_policy_request *r = m->request;

	for (size_t i = 0; i < r->context_count; i++) {
		str_put(m, i ? ",{\"key\":" : "{\"key\":", r->context[i].name);
		bw_buf_put(m->out, BW_STR(",\"values\":{\"items\":["));
		for (size_t j = 0; j < r->context[i].count; j++) {
			str_put(m, j ? ",{\"value\":" : "{\"value\":", r->context[i].values[j]);
			bw_buf_put_c(m->out, '}');
		}
		bw_buf_put(m->out, BW_STR("]}}"));
	}
}

static void aws_put(struct message *m, enum telling telling)
{
	const struct bw_caller *c = m->call->caller;
	bool explicitly = m->verdict->decision == BW_DENIED_EXPLICIT;

	bw_buf_printf(m->out, "{\"allowed\":false,\"explicitDeny\":%s,\"matchedStatements\":{\"items\":[",
	    explicitly ? "true" : "false");
	m->matched = 0;
	if (explicitly && telling != TELL_BARELY)
		bw_policy_matched(m->layers, m->request, denying_put, m);
	bw_buf_put(m->out, BW_STR("]},\"failures\":{\"items\":[]},\"context\":{\"principal\":{"));
	str_put(m, "\"id\":", c ? c->id : BW_STR_NONE);
	if (c && c->kind == BW_PRINCIPAL_USER)
		str_put(m, ",\"name\":", c->name);
	str_put(m, ",\"arn\":", m->request->principal_arn);
	str_put(m, "},\"action\":", m->request->action);
	str_put(m, ",\"resource\":", m->request->resource);
	bw_buf_put(m->out, BW_STR(",\"conditions\":{\"items\":["));
	if (telling != TELL_BARELY)
		conditions_put(m);
	bw_buf_put(m->out, BW_STR("]}}"));
}

/* ---- Ours ---- */

static void match_put(void *ctx, const struct bw_policy_match *match)
{
	struct message *m = ctx;

	if (m->matched >= MATCHED_MAX)
		return;
	if (m->matched++)
		bw_buf_put_c(m->out, ',');
	str_put(m, "{\"policy\":", list_of(m, match)->v[match->policy].id);
	bw_buf_printf(m->out, ",\"statement\":%u,\"effect\":\"%s\",\"line\":%u,\"column\":%u}",
	    match->statement, match->allow ? "Allow" : "Deny", match->start.line, match->start.column);
}

/* Where every statement of every policy would be too much: what applied, and what decided. */
static void briefly_put(struct message *m)
{
	const struct bw_verdict *v = m->verdict;
	struct bw_buf text;

	bw_buf_init(&text, 8192);
	bw_policy_denial(m->request, v, &text);
	str_put(m, ",\"reasons\":{\"message\":", bw_buf_str(&text));
	bw_buf_free(&text);
	if (v->statement >= 0) {
		str_put(m, ",\"policy\":", v->policy_id);
		bw_buf_printf(m->out, ",\"statement\":%d", v->statement);
	}
	bw_buf_put(m->out, BW_STR(",\"matched\":["));
	m->matched = 0;
	bw_policy_matched(m->layers, m->request, match_put, m);
	bw_buf_put(m->out, BW_STR("]}"));
}

static bool message_put(struct message *m, enum telling telling)
{
	bw_buf_init(m->out, PLAIN_MAX);
	aws_put(m, telling);
	if (telling == TELL_ALL) {
		bw_buf_put(m->out, BW_STR(",\"reasons\":"));
		(void)bw_policy_explain(m->layers, m->request, m->out);
	} else if (telling == TELL_BRIEFLY) {
		briefly_put(m);
	}
	bw_buf_put_c(m->out, '}');
	return !m->out->failed;
}

struct bw_str denial_seal(struct gate_call *g, const struct bw_policy_layers *layers,
    const struct bw_policy_request *request, const struct bw_verdict *verdict)
{
	struct bw_buf json;
	struct message m = {&g->call, layers, request, verdict, &json, 0};
	struct bw_str text = BW_STR_NONE;
	bool whole = false;

	for (int telling = TELL_ALL; telling < TELLINGS && !whole; telling++) {
		whole = message_put(&m, (enum telling)telling);
		if (whole &&
		    bw_message_seal(g->call.core->sessions, g->call.account, bw_buf_str(&json), g->call.arena, &text) != BW_OK)
			text = BW_STR_NONE; /* a denial without its long form is still the denial */
		bw_buf_free(&json);
	}
	return text;
}
