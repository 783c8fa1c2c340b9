#include "bin/evaluate.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/json.h"

enum {
	LINE_ARENA_MAX = 256 * 1024 * 1024,
	CACHE_MAX =
	    32 * 1024 * 1024, /* bytes of documents kept compiled; then they are forgotten all at once */
	KEYS_MAX = 1000,      /* of a context */
	ROOM_MIN = 8,
};

struct line {
	struct evaluator *e;
	struct bw_str text;
	struct bw_json json;
	char error[512];
	const char *member; /* being read */
	struct bw_policy_request request;
	struct bw_policy_layers layers;
	struct bw_str principal, resource_policy; /* as given */
	struct bw_context_key *keys;
	size_t key_count, key_room;
	uint32_t seen; /* a bit a member */
};

static enum bw_err fail(struct line *l, const char *fmt, ...) BW_PRINTF(2, 3);

static enum bw_err fail(struct line *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(l->error, sizeof l->error, fmt, args);
	va_end(args);
	return BW_EINVAL;
}

static enum bw_err json_fail(struct line *l)
{
	return fail(
	    l, "not JSON: %s, at byte %zu", l->json.why ? l->json.why : "it is malformed", l->json.at + 1);
}

static enum bw_err token(struct line *l, struct bw_json_token *out)
{
	return bw_json_next(&l->json, out) == BW_OK ? BW_OK : json_fail(l);
}

/* ---- Documents ---- */

static void policy_drop(void *policy)
{
	bw_policy_release(policy);
}

static void cache_init(struct evaluator *e)
{
	for (size_t i = 0; i < BW_COUNT(e->cache); i++)
		bw_map_init(&e->cache[i], 0, policy_drop);
	e->cached_bytes = 0;
}

static void cache_free(struct evaluator *e)
{
	for (size_t i = 0; i < BW_COUNT(e->cache); i++)
		bw_map_free(&e->cache[i]);
}

static enum bw_err policy_get(
    struct line *l, struct bw_str text, enum bw_policy_kind kind, size_t index, struct bw_policy_ref *out)
{
	struct bw_map *cache = &l->e->cache[kind];
	struct bw_policy_error error;

	/* The text itself names the document: it is this line's, and no other document stands at its place.
	 */
	*out = (struct bw_policy_ref){bw_map_get(cache, text), text};
	if (out->policy)
		return BW_OK;
	if (bw_policy_compile_kept(text, kind, &out->policy, &error) != BW_OK)
		return fail(l, "%s[%zu]: %s (line %u, column %u)", l->member, index, error.text, error.line,
		    error.column);
	bw_map_put(cache, text, out->policy);
	l->e->cached_bytes += text.n;
	return BW_OK;
}

/* The text of the object that begins with `t`. */
static enum bw_err document_text(struct line *l, const struct bw_json_token *t, struct bw_str *out)
{
	if (t->kind != BW_JSON_OBJECT)
		return fail(l, "%s: a policy document is an object", l->member);
	if (bw_json_skip(&l->json, t) != BW_OK)
		return json_fail(l);
	*out = bw_str_sub(l->text, t->offset, l->json.at - t->offset);
	return BW_OK;
}

/* Room for one more in an array that doubles. */
static void *room(struct line *l, const void *v, size_t n, size_t size)
{
	void *more;

	if (n && (n < ROOM_MIN || (n & (n - 1)) != 0))
		return (void *)v;
	more = bw_arena_alloc_array(&l->e->arena, size, n ? 2 * n : ROOM_MIN);
	if (n)
		memcpy(more, v, n * size);
	return more;
}

/* The rest of an array of documents. */
static enum bw_err documents(struct line *l, enum bw_policy_kind kind, struct bw_policy_list *out)
{
	struct bw_policy_ref *refs = NULL;
	struct bw_json_token t;
	size_t n = 0;

	for (;;) {
		struct bw_str text;

		TRY(token(l, &t));
		if (t.kind == BW_JSON_ARRAY_END)
			break;
		TRY(document_text(l, &t, &text));
		refs = room(l, refs, n, sizeof *refs);
		TRY(policy_get(l, text, kind, n, &refs[n]));
		n++;
	}
	*out = (struct bw_policy_list){refs, n};
	return BW_OK;
}

static enum bw_err list(
    struct line *l, const struct bw_json_token *t, enum bw_policy_kind kind, struct bw_policy_list *out)
{
	if (t->kind == BW_JSON_NULL)
		return BW_OK;
	if (t->kind != BW_JSON_ARRAY)
		return fail(l, "%s: a list of policy documents is wanted", l->member);
	return documents(l, kind, out);
}

static enum bw_err levels(struct line *l, const struct bw_json_token *t, enum bw_policy_kind kind,
    const struct bw_policy_list **out, size_t *count)
{
	struct bw_policy_list *lists = NULL;
	struct bw_json_token inner;
	size_t n = 0;

	if (t->kind == BW_JSON_NULL)
		return BW_OK;
	if (t->kind != BW_JSON_ARRAY)
		return fail(l, "%s: a list of levels is wanted, each a list of policy documents", l->member);
	for (;;) {
		TRY(token(l, &inner));
		if (inner.kind == BW_JSON_ARRAY_END)
			break;
		if (inner.kind != BW_JSON_ARRAY)
			return fail(l, "%s[%zu]: a level is a list of policy documents", l->member, n);
		lists = room(l, lists, n, sizeof *lists);
		TRY(documents(l, kind, &lists[n++]));
	}
	*out = lists;
	*count = n;
	return BW_OK;
}

/* ---- Members ---- */

static enum bw_err text(struct line *l, const struct bw_json_token *t, struct bw_str *out)
{
	if (t->kind != BW_JSON_STRING || t->text.n == 0)
		return fail(l, "%s: a text is wanted", l->member);
	*out = t->text;
	return BW_OK;
}

static enum bw_err principal_read(struct line *l, const struct bw_json_token *t)
{
	return text(l, t, &l->principal);
}

static enum bw_err action_read(struct line *l, const struct bw_json_token *t)
{
	struct bw_str name, service;

	TRY(text(l, t, &l->request.action));
	name = l->request.action;
	service = bw_str_cut(&name, ':');
	if (service.n && name.n && bw_str_find(name, ':', 0) < 0 && bw_str_find(t->text, '*', 0) < 0 &&
	    bw_str_find(t->text, '?', 0) < 0)
		return BW_OK;
	return fail(l, "action: %.*s is not one action, like s3:GetObject", BW_FMT(t->text));
}

static enum bw_err resource_read(struct line *l, const struct bw_json_token *t)
{
	return text(l, t, &l->request.resource);
}

static enum bw_err account_read(struct line *l, const struct bw_json_token *t)
{
	if (t->kind == BW_JSON_NULL)
		return BW_OK;
	TRY(text(l, t, &l->request.resource_account));
	for (size_t i = 0; i < t->text.n; i++)
		if (t->text.p[i] < '0' || t->text.p[i] > '9')
			return fail(l, "resourceAccount: it is 12 digits");
	return t->text.n == 12 ? BW_OK : fail(l, "resourceAccount: it is 12 digits");
}

static enum bw_err value_read(struct line *l, const struct bw_json_token *t, struct bw_str *out)
{
	switch (t->kind) {
	case BW_JSON_STRING:
	case BW_JSON_NUMBER:
		*out = t->text;
		return BW_OK;
	case BW_JSON_TRUE:
		*out = BW_STR("true");
		return BW_OK;
	case BW_JSON_FALSE:
		*out = BW_STR("false");
		return BW_OK;
	default:
		return fail(l, "context: a value is a text, or a list of texts");
	}
}

static enum bw_err values_read(struct line *l, struct bw_context_key *key)
{
	struct bw_str *values = NULL;
	struct bw_json_token t;

	key->multi = true;
	for (;;) {
		TRY(token(l, &t));
		if (t.kind == BW_JSON_ARRAY_END)
			break;
		values = room(l, values, key->count, sizeof *values);
		TRY(value_read(l, &t, &values[key->count]));
		key->count++;
	}
	key->values = values;
	return BW_OK;
}

static enum bw_err key_read(struct line *l, struct bw_str name)
{
	struct bw_context_key *key = &l->keys[l->key_count];
	struct bw_json_token t;
	struct bw_str *value;

	for (size_t i = 0; i < l->key_count; i++)
		if (bw_str_eq_nocase(l->keys[i].name, name))
			return fail(l, "context: %.*s is there twice", BW_FMT(name));
	*key = (struct bw_context_key){.name = name};
	l->key_count++;
	TRY(token(l, &t));
	if (t.kind == BW_JSON_ARRAY)
		return values_read(l, key);
	if (t.kind == BW_JSON_NULL)
		return BW_OK;
	value = BW_NEW(&l->e->arena, struct bw_str);
	key->values = value;
	key->count = 1;
	return value_read(l, &t, value);
}

static enum bw_err context_read(struct line *l, const struct bw_json_token *t)
{
	struct bw_json_token name;

	if (t->kind == BW_JSON_NULL)
		return BW_OK;
	if (t->kind != BW_JSON_OBJECT)
		return fail(l, "context: an object of keys and values is wanted");
	for (;;) {
		TRY(token(l, &name));
		if (name.kind == BW_JSON_OBJECT_END)
			return BW_OK;
		if (l->key_count == KEYS_MAX)
			return fail(l, "context: more than %d keys", KEYS_MAX);
		l->keys = room(l, l->keys, l->key_count, sizeof *l->keys);
		TRY(key_read(l, name.text));
	}
}

static enum bw_err identity_read(struct line *l, const struct bw_json_token *t)
{
	return list(l, t, BW_POLICY_IDENTITY, &l->layers.identity);
}

static enum bw_err resource_policy_read(struct line *l, const struct bw_json_token *t)
{
	return t->kind == BW_JSON_NULL ? BW_OK : document_text(l, t, &l->resource_policy);
}

static enum bw_err boundaries_read(struct line *l, const struct bw_json_token *t)
{
	return list(l, t, BW_POLICY_BOUNDARY, &l->layers.boundary);
}

static enum bw_err session_read(struct line *l, const struct bw_json_token *t)
{
	struct bw_policy_ref *ref;
	struct bw_str document;

	if (t->kind == BW_JSON_NULL)
		return BW_OK;
	TRY(document_text(l, t, &document));
	ref = BW_NEW(&l->e->arena, struct bw_policy_ref);
	l->layers.session = (struct bw_policy_list){ref, 1};
	return policy_get(l, document, BW_POLICY_SESSION, 0, ref);
}

static enum bw_err scps_read(struct line *l, const struct bw_json_token *t)
{
	return levels(l, t, BW_POLICY_SCP, &l->layers.scps, &l->layers.scp_levels);
}

static enum bw_err rcps_read(struct line *l, const struct bw_json_token *t)
{
	return levels(l, t, BW_POLICY_RCP, &l->layers.rcps, &l->layers.rcp_levels);
}

static enum bw_err endpoint_read(struct line *l, const struct bw_json_token *t)
{
	return list(l, t, BW_POLICY_VPCE, &l->layers.vpce);
}

static const struct {
	const char *name;
	enum bw_err (*read)(struct line *l, const struct bw_json_token *t);
	bool required;
} members[] = {
    {"principal", principal_read, true},
    {"action", action_read, true},
    {"resource", resource_read, true},
    {"resourceAccount", account_read, false},
    {"context", context_read, false},
    {"identityPolicies", identity_read, false},
    {"resourcePolicy", resource_policy_read, false},
    {"permissionBoundaries", boundaries_read, false},
    {"sessionPolicy", session_read, false},
    {"scps", scps_read, false},
    {"rcps", rcps_read, false},
    {"vpcePolicies", endpoint_read, false},
};

static enum bw_err member_read(struct line *l, struct bw_str name)
{
	struct bw_json_token t;

	for (size_t i = 0; i < BW_COUNT(members); i++) {
		if (!bw_str_eq(name, bw_str_c(members[i].name)))
			continue;
		l->member = members[i].name;
		if (l->seen & 1u << i)
			return fail(l, "%s is there twice", l->member);
		l->seen |= 1u << i;
		TRY(token(l, &t));
		return members[i].read(l, &t);
	}
	/* A misspelt boundary that was passed over would allow what it should not. */
	return fail(l, "there is no member %.*s", BW_FMT(name));
}

static enum bw_err members_read(struct line *l)
{
	struct bw_json_token t;

	TRY(token(l, &t));
	if (t.kind != BW_JSON_OBJECT)
		return fail(l, "a request is an object");
	for (;;) {
		TRY(token(l, &t));
		if (t.kind == BW_JSON_OBJECT_END)
			break;
		TRY(member_read(l, t.text));
	}
	TRY(token(l, &t));
	for (size_t i = 0; i < BW_COUNT(members); i++)
		if (members[i].required && !(l->seen & 1u << i))
			return fail(l, "%s is missing", members[i].name);
	return BW_OK;
}

/* ---- The request ---- */

static struct bw_str role_name(struct bw_str arn)
{
	size_t from = arn.n;

	while (from > 0 && arn.p[from - 1] != '/')
		from--;
	return bw_str_sub(arn, from, arn.n);
}

/* A session's ARN leaves out the path of its role; the context may know it. */
static void role_learn(struct line *l)
{
	struct bw_policy_request *r = &l->request, known = {0};

	for (size_t i = 0; r->principal_kind == BW_PRINCIPAL_ROLE && i < l->key_count; i++) {
		const struct bw_context_key *key = &l->keys[i];

		if (!bw_str_eq_nocase(key->name, BW_STR("aws:PrincipalArn")) || key->count != 1 ||
		    bw_policy_principal(key->values[0], &l->e->arena, &known) != BW_OK ||
		    !bw_str_eq(known.principal_arn, known.principal_role_arn) ||
		    !bw_str_eq(known.principal_account, r->principal_account) ||
		    !bw_str_eq(role_name(known.principal_arn), role_name(r->principal_role_arn)))
			continue;
		r->principal_role_arn = known.principal_arn;
		r->service_linked_role |= known.service_linked_role;
	}
}

static enum bw_err request_complete(struct line *l)
{
	struct bw_policy_implied *implied = BW_NEW(&l->e->arena, struct bw_policy_implied);
	struct bw_policy_request *r = &l->request;
	struct bw_context_key *keys;

	if (bw_policy_principal(l->principal, &l->e->arena, r) != BW_OK)
		return fail(l,
		    "principal: %.*s is none of: the ARN of a user, role, session, federated user, root or "
		    "identity provider; a service like ec2.amazonaws.com; anonymous",
		    BW_FMT(l->principal));
	role_learn(l);
	if (!bw_str_set(r->resource_account))
		r->resource_account = bw_policy_resource_account(r->resource);
	bw_policy_imply(r, implied);
	keys = BW_NEW_ARRAY(&l->e->arena, struct bw_context_key, l->key_count + implied->count);
	if (l->key_count)
		memcpy(keys, l->keys, l->key_count * sizeof *keys);
	memcpy(keys + l->key_count, implied->keys, implied->count * sizeof *keys);
	r->context = keys;
	r->context_count = l->key_count + implied->count;
	return BW_OK;
}

/* What a resource's policy is depends on the action, which may stand behind it in the line. */
static enum bw_err resource_complete(struct line *l)
{
	bool must_exist;
	enum bw_policy_kind kind =
	    bw_policy_resource_kind(l->request.action, l->request.resource, &must_exist);
	struct bw_policy_ref *ref;

	l->layers.resource_must_allow = must_exist;
	if (!bw_str_set(l->resource_policy))
		return BW_OK;
	l->layers.resource_must_allow = kind != BW_POLICY_RESOURCE;
	l->member = "resourcePolicy";
	ref = BW_NEW(&l->e->arena, struct bw_policy_ref);
	l->layers.resource = (struct bw_policy_list){ref, 1};
	return policy_get(l, l->resource_policy, kind, 0, ref);
}

static enum bw_err line_read(struct line *l)
{
	bw_json_init(&l->json, l->text, &l->e->arena);
	TRY(members_read(l));
	TRY(request_complete(l));
	TRY(resource_complete(l));
	return l->e->arena.over ? fail(l, "the request is too large") : BW_OK;
}

void evaluator_init(struct evaluator *e, bool explain)
{
	*e = (struct evaluator){.explain = explain};
	bw_arena_init(&e->arena, LINE_ARENA_MAX);
	cache_init(e);
}

void evaluator_free(struct evaluator *e)
{
	cache_free(e);
	bw_arena_free(&e->arena);
}

void evaluator_answer(struct evaluator *e, struct bw_str line, struct bw_buf *out)
{
	struct line l = {.e = e, .text = line};

	if (line_read(&l) == BW_OK) {
		decision_put(&l.layers, &l.request, e->explain, out);
	} else {
		bw_buf_put(out, BW_STR("{\"error\":"));
		bw_json_put_str(out, bw_str_c(l.error));
		bw_buf_put(out, BW_STR("}\n"));
	}
	bw_arena_reset(&e->arena);
	if (e->cached_bytes > CACHE_MAX) {
		cache_free(e);
		cache_init(e);
	}
}
