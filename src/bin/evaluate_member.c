/* What a line may say, a row a member. */
#include "bin/evaluate_line.h"

enum { KEYS_MAX = 1000 }; /* of a context */

static enum bw_err text(struct line *l, const struct bw_json_token *t, struct bw_str *out)
{
	if (t->kind != BW_JSON_STRING || t->text.n == 0)
		return line_fail(l, "%s: a text is wanted", l->member);
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
	return line_fail(l, "action: %.*s is not one action, like s3:GetObject", BW_FMT(t->text));
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
			return line_fail(l, "resourceAccount: it is 12 digits");
	return t->text.n == 12 ? BW_OK : line_fail(l, "resourceAccount: it is 12 digits");
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
		return line_fail(l, "context: a value is a text, or a list of texts");
	}
}

static enum bw_err values_read(struct line *l, struct bw_context_key *key)
{
	struct bw_str *values = NULL;
	struct bw_json_token t;

	key->multi = true;
	for (;;) {
		TRY(line_token(l, &t));
		if (t.kind == BW_JSON_ARRAY_END)
			break;
		values = line_room(l, values, key->count, sizeof *values);
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
			return line_fail(l, "context: %.*s is there twice", BW_FMT(name));
	*key = (struct bw_context_key){.name = name};
	l->key_count++;
	TRY(line_token(l, &t));
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
		return line_fail(l, "context: an object of keys and values is wanted");
	for (;;) {
		TRY(line_token(l, &name));
		if (name.kind == BW_JSON_OBJECT_END)
			return BW_OK;
		if (l->key_count == KEYS_MAX)
			return line_fail(l, "context: more than %d keys", KEYS_MAX);
		l->keys = line_room(l, l->keys, l->key_count, sizeof *l->keys);
		TRY(key_read(l, name.text));
	}
}

static enum bw_err identity_read(struct line *l, const struct bw_json_token *t)
{
	return document_list(l, t, BW_POLICY_IDENTITY, &l->layers.identity);
}

static enum bw_err resource_policy_read(struct line *l, const struct bw_json_token *t)
{
	return t->kind == BW_JSON_NULL ? BW_OK : document_text(l, t, &l->resource_policy);
}

static enum bw_err boundaries_read(struct line *l, const struct bw_json_token *t)
{
	return document_list(l, t, BW_POLICY_BOUNDARY, &l->layers.boundary);
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
	return document_compile(l, document, BW_POLICY_SESSION, 0, ref);
}

static enum bw_err scps_read(struct line *l, const struct bw_json_token *t)
{
	return document_levels(l, t, BW_POLICY_SCP, &l->layers.scps, &l->layers.scp_levels);
}

static enum bw_err rcps_read(struct line *l, const struct bw_json_token *t)
{
	return document_levels(l, t, BW_POLICY_RCP, &l->layers.rcps, &l->layers.rcp_levels);
}

static enum bw_err endpoint_read(struct line *l, const struct bw_json_token *t)
{
	return document_list(l, t, BW_POLICY_VPCE, &l->layers.vpce);
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
			return line_fail(l, "%s is there twice", l->member);
		l->seen |= 1u << i;
		TRY(line_token(l, &t));
		return members[i].read(l, &t);
	}
	/* A misspelt boundary that was passed over would allow what it should not. */
	return line_fail(l, "there is no member %.*s", BW_FMT(name));
}

enum bw_err members_read(struct line *l)
{
	struct bw_json_token t;

	TRY(line_token(l, &t));
	if (t.kind != BW_JSON_OBJECT)
		return line_fail(l, "a request is an object");
	for (;;) {
		TRY(line_token(l, &t));
		if (t.kind == BW_JSON_OBJECT_END)
			break;
		TRY(member_read(l, t.text));
	}
	TRY(line_token(l, &t));
	for (size_t i = 0; i < BW_COUNT(members); i++)
		if (members[i].required && !(l->seen & 1u << i))
			return line_fail(l, "%s is missing", members[i].name);
	return BW_OK;
}
