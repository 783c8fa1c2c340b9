#include "core/trust.h"

#include "base/buf.h"
#include "codec/json.h"

/* The unique id of the user or role of that ARN, absent when it is not there. */
static struct bw_str id_of(struct bw_call *call, const struct bw_arn *arn)
{
	struct bw_str name = arn->resource;
	struct bw_str kind = bw_str_cut(&name, '/');
	ptrdiff_t at;

	if (!bw_str_set(name))
		return BW_STR_NONE;
	while ((at = bw_str_find(name, '/', 0)) >= 0)
		name = bw_str_sub(name, (size_t)at + 1, name.n);
	if (bw_str_eq(kind, BW_STR("user"))) {
		struct bw_user u;
		enum bw_err e = bw_call_load(call, &bw_user_record,
		    bw_entity_key(call->arena, arn->account, "user", name), &u);

		return e == BW_OK && bw_str_eq(u.name, name) ? u.id : BW_STR_NONE;
	}
	if (bw_str_eq(kind, BW_STR("role"))) {
		struct bw_role r;
		enum bw_err e = bw_call_load(call, &bw_role_record,
		    bw_entity_key(call->arena, arn->account, "role", name), &r);

		return e == BW_OK && bw_str_eq(r.name, name) ? r.id : BW_STR_NONE;
	}
	return BW_STR_NONE;
}

static bool names_entity(struct bw_str text, struct bw_arn *arn)
{
	return bw_arn_parse(text, arn) == BW_OK && bw_str_eq(arn->service, BW_STR("iam")) &&
	       (bw_str_starts(arn->resource, BW_STR("user/")) || bw_str_starts(arn->resource, BW_STR("role/")));
}

static enum bw_err principal_add(struct bw_call *call, struct bw_str text, struct bw_pairs *principals)
{
	struct bw_arn arn;
	struct bw_str id;

	if (!names_entity(text, &arn))
		return BW_OK;
	id = id_of(call, &arn);
	if (!bw_str_set(id))
		return bw_call_fail(call, "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"%.*s\"",
		    BW_FMT(text));
	bw_pairs_set(principals, call->arena, bw_arena_str(call->arena, text), id);
	return BW_OK;
}

static enum bw_err statement_add(struct bw_call *call, const struct bw_json_value *statement, struct bw_pairs *principals)
{
	static const char *const elements[] = {"Principal", "NotPrincipal"};

	for (size_t e = 0; e < BW_COUNT(elements); e++) {
		const struct bw_json_value *p = bw_json_member(statement, bw_str_c(elements[e])), *aws;

		aws = p && p->kind == BW_JSON_OBJECT ? bw_json_member(p, BW_STR("AWS")) : NULL;
		if (aws && aws->kind == BW_JSON_STRING)
			TRY(principal_add(call, aws->text, principals));
		for (size_t i = 0; aws && aws->kind == BW_JSON_ARRAY && i < aws->count; i++)
			TRY(principal_add(call, aws->values[i].text, principals));
	}
	return BW_OK;
}

enum bw_err bw_trust_resolve(struct bw_call *call, struct bw_str document, struct bw_pairs *principals)
{
	struct bw_json_value root;
	const struct bw_json_value *statements;

	*principals = (struct bw_pairs){0};
	/* The document has compiled before: it parses. */
	MUST(bw_json_parse(document, call->arena, &root) == BW_OK);
	statements = bw_json_member(&root, BW_STR("Statement"));
	MUST(statements != NULL);
	if (statements->kind == BW_JSON_OBJECT)
		return statement_add(call, statements, principals);
	for (size_t i = 0; i < statements->count; i++)
		TRY(statement_add(call, &statements->values[i], principals));
	return BW_OK;
}

/* Every string literal of the document that reads `arn` becomes `id`. */
static struct bw_str literal_replace(struct bw_call *call, struct bw_str document, struct bw_str arn, struct bw_str id)
{
	struct bw_json j;
	struct bw_json_token token;
	struct bw_buf out;
	struct bw_str text;
	size_t copied = 0;

	bw_buf_init(&out, 2 * BW_POLICY_TEXT_MAX);
	bw_json_init(&j, document, call->arena);
	while (bw_json_next(&j, &token) == BW_OK && token.kind != BW_JSON_END) {
		if (token.kind != BW_JSON_STRING || !bw_str_eq(token.text, arn))
			continue;
		bw_buf_put(&out, bw_str_sub(document, copied, token.offset - copied));
		bw_json_put_str(&out, id);
		copied = token.end;
	}
	bw_buf_put(&out, bw_str_sub(document, copied, document.n));
	text = bw_arena_str(call->arena, bw_buf_str(&out));
	bw_buf_free(&out);
	return text;
}

struct bw_str bw_trust_effective(struct bw_call *call, const struct bw_role *role)
{
	struct bw_str document = role->trust;

	for (size_t i = 0; i < role->trust_principals.n; i++) {
		const struct bw_pair *p = &role->trust_principals.v[i];
		struct bw_arn arn;

		if (bw_arn_parse(p->key, &arn) == BW_OK && !bw_str_eq(id_of(call, &arn), p->value))
			document = literal_replace(call, document, p->key, p->value);
	}
	return document;
}
