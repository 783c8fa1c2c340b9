/* A document's life: compiled, shared, released. */
#include "policy/form.h"

/* A document of BW_POLICY_TEXT_MAX bytes of nothing but wildcards stays below. */
enum { COMPILED_MAX = 64 * 1024 * 1024 };

/* The place of a fault of the JSON itself. */
static size_t json_fault_at(struct compiler *c)
{
	struct bw_json_token token;
	struct bw_json j;

	bw_json_init(&j, c->document, &c->scratch);
	while (bw_json_next(&j, &token) == BW_OK)
		if (token.kind == BW_JSON_END)
			return 0; /* a key twice */
	return j.at;
}

static enum bw_err json_fault(struct compiler *c)
{
	switch (c->kind) {
	case BW_POLICY_RESOURCE:
	case BW_POLICY_TRUST:
	case BW_POLICY_VPCE:
	case BW_POLICY_KEY:
		return policy_fault(c, json_fault_at(c), "This policy contains invalid Json");
	default:
		return policy_fault(c, json_fault_at(c), "Syntax errors in policy.");
	}
}

static enum bw_err compile(struct compiler *c)
{
	struct bw_json_value root;
	enum bw_err e;

	if (c->document.n > BW_POLICY_TEXT_MAX) {
		e = policy_fault(c, 0, "The policy document is larger than %d bytes.", BW_POLICY_TEXT_MAX);
		return e == BW_EINVAL ? BW_ETOOBIG : e;
	}
	if (bw_json_parse(c->document, &c->scratch, &root) != BW_OK)
		return json_fault(c);
	TRY(document_check(c, &root));
	document_build(c, &root);
	index_build(c);
	CHECK(!c->scratch.over, BW_ETOOBIG);
	return BW_OK;
}

/* The block as it is kept: what reads whole words needs some more behind its end. */
static struct bw_policy *block_keep(struct compiler *c)
{
	uint32_t bytes = c->used + WORD;
	struct bw_policy *p = bw_realloc(NULL, bytes);

	memcpy(p, c->block, c->used);
	memset((char *)p + c->used, 0, WORD);
	p->bytes = bytes;
	atomic_init(&p->references, 1);
	return p;
}

static enum bw_err compile_any(struct bw_str document, enum bw_policy_kind kind, bool kept,
    struct bw_policy **out, struct bw_policy_error *error)
{
	struct compiler c = {.kind = kind, .error = error, .document = document, .kept = kept};
	enum bw_err e;

	*out = NULL;
	if (error)
		*error = (struct bw_policy_error){0};
	bw_arena_init(&c.scratch, COMPILED_MAX);
	names_init(&c.texts, &c.scratch);
	names_init(&c.keys, &c.scratch);
	e = compile(&c);
	if (e == BW_OK)
		*out = block_keep(&c);
	bw_arena_free(&c.scratch);
	return e;
}

enum bw_err bw_policy_compile(
    struct bw_str document, enum bw_policy_kind kind, struct bw_policy **out, struct bw_policy_error *error)
{
	return compile_any(document, kind, false, out, error);
}

enum bw_err bw_policy_compile_kept(
    struct bw_str document, enum bw_policy_kind kind, struct bw_policy **out, struct bw_policy_error *error)
{
	return compile_any(document, kind, true, out, error);
}

struct bw_policy *bw_policy_retain(struct bw_policy *p)
{
	atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
	return p;
}

void bw_policy_release(struct bw_policy *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1)
		return;
	bw_free(p);
}
