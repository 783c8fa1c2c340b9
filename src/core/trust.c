#include "core/trust.h"

#include "base/buf.h"
#include "codec/json.h"

/* "user/path/name", path and all. */
static bool is_at(struct bw_call *call, const struct bw_arn *arn, struct bw_str path, struct bw_str name)
{
	struct bw_str kind = arn->resource, where = bw_arena_printf(call->arena, "%.*s%.*s", BW_FMT(path), BW_FMT(name));

	(void)bw_str_cut(&kind, '/');
	return bw_str_eq(bw_str_sub(where, 1, where.n), kind);
}

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

		return e == BW_OK && is_at(call, arn, u.path, u.name) ? u.id : BW_STR_NONE;
	}
	if (bw_str_eq(kind, BW_STR("role"))) {
		struct bw_role r;
		enum bw_err e = bw_call_load(call, &bw_role_record,
		    bw_entity_key(call->arena, arn->account, "role", name), &r);

		return e == BW_OK && is_at(call, arn, r.path, r.name) ? r.id : BW_STR_NONE;
	}
	return BW_STR_NONE;
}

static bool names_entity(struct bw_str text, struct bw_arn *arn)
{
	return bw_arn_parse(text, arn) == BW_OK && bw_str_eq(arn->service, BW_STR("iam")) &&
	       (bw_str_starts(arn->resource, BW_STR("user/")) || bw_str_starts(arn->resource, BW_STR("role/")));
}

/* What a deleted principal leaves behind (AIDA..., AROA...) is shown, but may not be given. */
static bool is_unique_id(struct bw_str text)
{
	return text.n >= 16 && bw_str_find(text, ':', 0) < 0 &&
	       (bw_str_starts(text, BW_STR("AIDA")) || bw_str_starts(text, BW_STR("AROA")));
}

/* Visits the literals of a document's AWS principals; stops at the first error. */
struct principals {
	enum bw_err (*each)(void *ctx, const struct bw_json_value *literal);
	void *ctx;
};

static enum bw_err statement_visit(const struct bw_json_value *statement, const struct principals *p)
{
	static const char *const elements[] = {"Principal", "NotPrincipal"};

	for (size_t e = 0; e < BW_COUNT(elements); e++) {
		const struct bw_json_value *map = bw_json_member(statement, bw_str_c(elements[e])), *aws;

		aws = map && map->kind == BW_JSON_OBJECT ? bw_json_member(map, BW_STR("AWS")) : NULL;
		if (aws && aws->kind == BW_JSON_STRING)
			TRY(p->each(p->ctx, aws));
		for (size_t i = 0; aws && aws->kind == BW_JSON_ARRAY && i < aws->count; i++)
			TRY(p->each(p->ctx, &aws->values[i]));
	}
	return BW_OK;
}

static enum bw_err document_visit(struct bw_call *call, struct bw_str document, const struct principals *p)
{
	struct bw_json_value root;
	const struct bw_json_value *statements;

	/* The document has compiled before: it parses. */
	MUST(bw_json_parse(document, call->arena, &root) == BW_OK);
	statements = bw_json_member(&root, BW_STR("Statement"));
	MUST(statements != NULL);
	if (statements->kind == BW_JSON_OBJECT)
		return statement_visit(statements, p);
	for (size_t i = 0; i < statements->count; i++)
		TRY(statement_visit(&statements->values[i], p));
	return BW_OK;
}

struct resolving {
	struct bw_call *call;
	struct bw_pairs *principals;
};

/* Principals of accounts that this server does not have cannot be looked up: they are taken as they are. */
static enum bw_err principal_resolve(void *ctx, const struct bw_json_value *literal)
{
	struct resolving *r = ctx;
	struct bw_call *call = r->call;
	struct bw_str id = BW_STR_NONE;
	struct bw_arn arn;
	bool entity = names_entity(literal->text, &arn);

	if (entity && !bw_call_exists(call, bw_account_key(call->arena, arn.account)))
		return BW_OK;
	if (!entity && !is_unique_id(literal->text))
		return BW_OK;
	if (entity)
		id = id_of(call, &arn);
	if (!bw_str_set(id))
		return bw_call_fail(call, "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"%.*s\"",
		    BW_FMT(literal->text));
	bw_pairs_set(r->principals, call->arena, bw_arena_str(call->arena, literal->text), id);
	return BW_OK;
}

enum bw_err bw_trust_resolve(struct bw_call *call, struct bw_str document, struct bw_pairs *principals)
{
	struct resolving r = {call, principals};

	*principals = (struct bw_pairs){0};
	return document_visit(call, document, &(struct principals){principal_resolve, &r});
}

/* Where the user of that id is by now; absent when it is gone, or was never moved. */
static struct bw_str moved_arn(struct bw_call *call, struct bw_str account, struct bw_str id)
{
	struct bw_moved_user now;
	struct bw_user u;

	if (bw_call_load(call, &bw_moved_user_record, bw_moved_user_key(call->arena, account, id), &now) != BW_OK ||
	    bw_call_load(call, &bw_user_record, bw_entity_key(call->arena, account, "user", now.name), &u) != BW_OK ||
	    !bw_str_eq(u.id, id))
		return BW_STR_NONE;
	return bw_iam_arn(call->arena, account, "user", u.path, u.name);
}

struct bw_str bw_principal_now(struct bw_call *call, struct bw_str text, struct bw_str id)
{
	struct bw_str moved;
	struct bw_arn arn;

	if (bw_arn_parse(text, &arn) != BW_OK || bw_str_eq(id_of(call, &arn), id))
		return text;
	moved = moved_arn(call, arn.account, id);
	return bw_str_set(moved) ? moved : id;
}

/* Copies the document, the literals of principals that were renamed or are gone replaced. Conditions keep theirs: they are about names.
 * Paths can grow a document past what compiles: those for whom there is no room stand as their ids, shorter than any ARN. Nobody is let in
 * by them. */
struct rewriting {
	struct bw_call *call;
	struct bw_str document;
	const struct bw_pairs *principals;
	struct bw_buf out;
	size_t copied;
};

static void literal_replace(struct rewriting *w, const struct bw_json_value *literal, struct bw_str now)
{
	bw_buf_put(&w->out, bw_str_sub(w->document, w->copied, literal->offset - w->copied));
	bw_json_put_str(&w->out, now);
	w->copied = literal->end;
}

/* As many bytes as a byte of JSON text may take, with the quotes. */
static bool has_room(const struct rewriting *w, const struct bw_json_value *literal, struct bw_str now)
{
	return w->out.n + (w->document.n - w->copied) - (literal->end - literal->offset) + 6 * now.n + 2 <= BW_POLICY_TEXT_MAX;
}

static enum bw_err principal_rewrite(void *ctx, const struct bw_json_value *literal)
{
	struct rewriting *w = ctx;
	const struct bw_pair *bound = bw_pairs_find(w->principals, literal->text);
	struct bw_str now;

	if (!bound)
		return BW_OK;
	now = bw_principal_now(w->call, literal->text, bound->value);
	if (!bw_str_eq(now, literal->text))
		literal_replace(w, literal, has_room(w, literal, now) ? now : bound->value);
	return BW_OK;
}

struct bw_str bw_principals_effective(struct bw_call *call, struct bw_str document, const struct bw_pairs *principals)
{
	struct rewriting w = {.call = call, .document = document, .principals = principals};
	struct bw_str text;

	if (principals->n == 0)
		return document;
	bw_buf_init(&w.out, BW_POLICY_TEXT_MAX);
	MUST(document_visit(call, document, &(struct principals){principal_rewrite, &w}) == BW_OK);
	bw_buf_put(&w.out, bw_str_sub(document, w.copied, document.n));
	MUST(!w.out.failed);
	text = bw_arena_str(call->arena, bw_buf_str(&w.out));
	bw_buf_free(&w.out);
	return text;
}

struct bw_str bw_trust_effective(struct bw_call *call, const struct bw_role *role)
{
	return bw_principals_effective(call, role->trust, &role->trust_principals);
}

struct bw_str bw_principal_id(struct bw_call *call, struct bw_str text)
{
	struct bw_arn arn;

	return names_entity(text, &arn) ? id_of(call, &arn) : BW_STR_NONE;
}
