/* A line is read, completed to a request, and answered. */
#include "bin/evaluate_line.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	LINE_ARENA_MAX = 256 * 1024 * 1024,
	CACHE_MAX =
	    32 * 1024 * 1024, /* bytes of documents kept compiled; then they are forgotten all at once */
	ROOM_MIN = 8,
};

enum bw_err line_fail(struct line *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(l->error, sizeof l->error, fmt, args);
	va_end(args);
	return BW_EINVAL;
}

enum bw_err line_not_json(struct line *l)
{
	return line_fail(
	    l, "not JSON: %s, at byte %zu", l->json.why ? l->json.why : "it is malformed", l->json.at + 1);
}

enum bw_err line_token(struct line *l, struct bw_json_token *out)
{
	return bw_json_next(&l->json, out) == BW_OK ? BW_OK : line_not_json(l);
}

void *line_room(struct line *l, const void *v, size_t n, size_t size)
{
	void *more;

	if (n && (n < ROOM_MIN || (n & (n - 1)) != 0))
		return (void *)v;
	more = bw_arena_alloc_array(&l->e->arena, size, n ? 2 * n : ROOM_MIN);
	if (n)
		memcpy(more, v, n * size);
	return more;
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
		return line_fail(l,
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
	return document_compile(l, l->resource_policy, kind, 0, ref);
}

static enum bw_err line_read(struct line *l)
{
	bw_json_init(&l->json, l->text, &l->e->arena);
	TRY(members_read(l));
	TRY(request_complete(l));
	TRY(resource_complete(l));
	return l->e->arena.over ? line_fail(l, "the request is too large") : BW_OK;
}

void evaluator_init(struct evaluator *e, bool explain)
{
	*e = (struct evaluator){.explain = explain};
	bw_arena_init(&e->arena, LINE_ARENA_MAX);
	documents_begin(e);
}

void evaluator_free(struct evaluator *e)
{
	documents_end(e);
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
		documents_end(e);
		documents_begin(e);
	}
}
