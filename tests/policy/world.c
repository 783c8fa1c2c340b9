/* Documents of every layer, for both evaluators. */
#include "chance.h"

#include <stdio.h>
#include <stdlib.h>

static struct bw_str document_text(struct world *w, const struct world_document *d)
{
	struct bw_buf b;
	struct bw_str text;

	bw_buf_init(&b, 1 << 20);
	bw_buf_put(&b, BW_STR("{"));
	bw_buf_put(&b, d->version);
	bw_buf_put(&b, BW_STR("\"Statement\":["));
	for (size_t i = 0; i < d->n; i++) {
		if (i)
			bw_buf_put_c(&b, ',');
		bw_buf_put(&b, d->statements[i]);
	}
	bw_buf_put(&b, BW_STR("]}"));
	text = bw_arena_str(&w->arena, bw_buf_str(&b));
	bw_buf_free(&b);
	return text;
}

static void document_add(struct world *w, struct chance *c, enum bw_policy_kind kind)
{
	struct world_document *d = &w->documents[w->count++];
	bool old = kind != BW_POLICY_IDENTITY && kind != BW_POLICY_BOUNDARY && kind != BW_POLICY_SCP &&
	           kind != BW_POLICY_RCP && chance_one_in(c, 4);
	struct bw_buf b;

	MUST(w->count <= WORLD_DOCUMENTS);
	d->kind = kind;
	d->version = old ? BW_STR("\"Version\":\"2008-10-17\",") : BW_STR("\"Version\":\"2012-10-17\",");
	d->id = bw_arena_printf(&w->arena, "document-%zu", w->count);
	d->n = 1 + chance_below(c, WORLD_STATEMENTS);
	for (size_t i = 0; i < d->n; i++) {
		bw_buf_init(&b, 1 << 16);
		statement_put(c, &b, kind, NULL);
		d->statements[i] = bw_arena_str(&w->arena, bw_buf_str(&b));
		bw_buf_free(&b);
	}
}

void world_begin(struct world *w, struct chance *c)
{
	static const enum bw_policy_kind lists[] = {
	    BW_POLICY_IDENTITY, BW_POLICY_BOUNDARY, BW_POLICY_SESSION, BW_POLICY_VPCE};
	static const size_t rarity[] = {1, 3, 3, 6};
	static const enum bw_policy_kind resource_kinds[] = {
	    BW_POLICY_RESOURCE, BW_POLICY_RESOURCE, BW_POLICY_RESOURCE, BW_POLICY_TRUST, BW_POLICY_KEY};

	*w = (struct world){0};
	bw_arena_init(&w->arena, 1 << 26);
	for (size_t i = 0; i < BW_COUNT(lists); i++)
		for (size_t n = chance_one_in(c, rarity[i]) ? chance_below(c, 3) : 0; n; n--)
			document_add(w, c, lists[i]);
	if (!chance_one_in(c, 3))
		document_add(w, c, PICK(c, resource_kinds));
	w->level_documents = 1 + chance_below(c, 2);
	for (size_t n = chance_one_in(c, 4) ? chance_below(c, 4) : 0; n; n--)
		document_add(w, c, BW_POLICY_SCP);
	for (size_t n = chance_one_in(c, 4) ? chance_below(c, 4) : 0; n; n--)
		document_add(w, c, BW_POLICY_RCP);
	w->layers.has_boundary = w->naive.has_boundary = chance_one_in(c, 20);
	w->layers.has_session = w->naive.has_session = chance_one_in(c, 20);
	w->layers.has_vpce = w->naive.has_vpce = chance_one_in(c, 40);
	w->layers.resource_must_allow = w->naive.resource_must_allow = chance_one_in(c, 5);
	world_build(w);
}

static void list_build(
    struct world *w, enum bw_policy_kind kind, struct bw_policy_list *list, struct naive_list *naive)
{
	struct bw_policy_ref *refs = BW_NEW_ARRAY(&w->arena, struct bw_policy_ref, w->count);
	struct naive_document *documents = BW_NEW_ARRAY(&w->arena, struct naive_document, w->count);

	*list = (struct bw_policy_list){refs, 0};
	*naive = (struct naive_list){documents, 0};
	for (size_t i = 0; i < w->count; i++) {
		struct world_document *d = &w->documents[i];
		struct bw_policy_error error;
		struct bw_str text;

		if (d->kind != kind)
			continue;
		text = document_text(w, d);
		bw_policy_release(d->policy);
		if (bw_policy_compile(text, kind, &d->policy, &error) != BW_OK) {
			fprintf(stderr, "%.*s: %s\n", BW_FMT(text), error.text);
			abort();
		}
		refs[list->n++] = (struct bw_policy_ref){d->policy, d->id};
		documents[naive->n] = (struct naive_document){.id = d->id, .kind = kind};
		MUST(bw_json_parse(text, &w->arena, &documents[naive->n++].root) == BW_OK);
	}
}

static void levels_build(struct world *w, enum bw_policy_kind kind, const struct bw_policy_list **lists,
    const struct naive_list **naive, size_t *n)
{
	struct bw_policy_list all, *levels = BW_NEW_ARRAY(&w->arena, struct bw_policy_list, w->count);
	struct naive_list naive_all, *naive_levels = BW_NEW_ARRAY(&w->arena, struct naive_list, w->count);

	list_build(w, kind, &all, &naive_all);
	*n = 0;
	for (size_t i = 0; i < all.n; i += w->level_documents) {
		size_t here = all.n - i < w->level_documents ? all.n - i : w->level_documents;

		levels[*n] = (struct bw_policy_list){all.v + i, here};
		naive_levels[(*n)++] = (struct naive_list){naive_all.v + i, here};
	}
	*lists = levels;
	*naive = naive_levels;
}

void world_build(struct world *w)
{
	list_build(w, BW_POLICY_IDENTITY, &w->layers.identity, &w->naive.identity);
	list_build(w, BW_POLICY_BOUNDARY, &w->layers.boundary, &w->naive.boundary);
	list_build(w, BW_POLICY_SESSION, &w->layers.session, &w->naive.session);
	list_build(w, BW_POLICY_VPCE, &w->layers.vpce, &w->naive.vpce);
	list_build(w, BW_POLICY_RESOURCE, &w->layers.resource, &w->naive.resource);
	for (size_t i = 0; i < 2 && w->layers.resource.n == 0; i++)
		list_build(w, i ? BW_POLICY_KEY : BW_POLICY_TRUST, &w->layers.resource, &w->naive.resource);
	levels_build(w, BW_POLICY_SCP, &w->layers.scps, &w->naive.scps, &w->layers.scp_levels);
	levels_build(w, BW_POLICY_RCP, &w->layers.rcps, &w->naive.rcps, &w->layers.rcp_levels);
	w->naive.scp_levels = w->layers.scp_levels;
	w->naive.rcp_levels = w->layers.rcp_levels;
}

void world_end(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		bw_policy_release(w->documents[i].policy);
	bw_arena_free(&w->arena);
}
