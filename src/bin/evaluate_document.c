/* The policies of a line, and those of the lines before that are kept compiled. */
#include "bin/evaluate_line.h"

static void policy_drop(void *policy)
{
	bw_policy_release(policy);
}

void documents_begin(struct evaluator *e)
{
	for (size_t i = 0; i < BW_COUNT(e->cache); i++)
		bw_map_init(&e->cache[i], 0, policy_drop);
	e->cached_bytes = 0;
}

void documents_end(struct evaluator *e)
{
	for (size_t i = 0; i < BW_COUNT(e->cache); i++)
		bw_map_free(&e->cache[i]);
}

enum bw_err document_compile(
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
		return line_fail(l, "%s[%zu]: %s (line %u, column %u)", l->member, index, error.text,
		    error.line, error.column);
	bw_map_put(cache, text, out->policy);
	l->e->cached_bytes += text.n;
	return BW_OK;
}

enum bw_err document_text(struct line *l, const struct bw_json_token *t, struct bw_str *out)
{
	if (t->kind != BW_JSON_OBJECT)
		return line_fail(l, "%s: a policy document is an object", l->member);
	if (bw_json_skip(&l->json, t) != BW_OK)
		return line_not_json(l);
	*out = bw_str_sub(l->text, t->offset, l->json.at - t->offset);
	return BW_OK;
}

/* The rest of an array of documents. */
static enum bw_err documents(struct line *l, enum bw_policy_kind kind, struct bw_policy_list *out)
{
	struct bw_policy_ref *refs = NULL;
	struct bw_json_token t;
	size_t n = 0;

	for (;;) {
		struct bw_str text;

		TRY(line_token(l, &t));
		if (t.kind == BW_JSON_ARRAY_END)
			break;
		TRY(document_text(l, &t, &text));
		refs = line_room(l, refs, n, sizeof *refs);
		TRY(document_compile(l, text, kind, n, &refs[n]));
		n++;
	}
	*out = (struct bw_policy_list){refs, n};
	return BW_OK;
}

enum bw_err document_list(
    struct line *l, const struct bw_json_token *t, enum bw_policy_kind kind, struct bw_policy_list *out)
{
	if (t->kind == BW_JSON_NULL)
		return BW_OK;
	if (t->kind != BW_JSON_ARRAY)
		return line_fail(l, "%s: a list of policy documents is wanted", l->member);
	return documents(l, kind, out);
}

enum bw_err document_levels(struct line *l, const struct bw_json_token *t, enum bw_policy_kind kind,
    const struct bw_policy_list **out, size_t *count)
{
	struct bw_policy_list *lists = NULL;
	struct bw_json_token inner;
	size_t n = 0;

	if (t->kind == BW_JSON_NULL)
		return BW_OK;
	if (t->kind != BW_JSON_ARRAY)
		return line_fail(
		    l, "%s: a list of levels is wanted, each a list of policy documents", l->member);
	for (;;) {
		TRY(line_token(l, &inner));
		if (inner.kind == BW_JSON_ARRAY_END)
			break;
		if (inner.kind != BW_JSON_ARRAY)
			return line_fail(l, "%s[%zu]: a level is a list of policy documents", l->member, n);
		lists = line_room(l, lists, n, sizeof *lists);
		TRY(documents(l, kind, &lists[n++]));
	}
	*out = lists;
	*count = n;
	return BW_OK;
}
