/* A document's life: compiled, shared, released. */
#include "policy/form.h"
#include "policy/lent.h"

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

/* The lender's memory or, without any, the way out of all that is being compiled. */
static void *lent_resize(void *ctx, void *p, size_t bytes)
{
	const struct compiler *c = ctx;
	void *moved = c->lender->resize(c->lender->ctx, p, bytes);

	if (!moved)
		longjmp(*c->exhausted, 1);
	return moved;
}

static void lent_release(void *ctx, void *p)
{
	const struct compiler *c = ctx;

	c->lender->release(c->lender->ctx, p);
}

/* The block as it is kept: what reads whole words needs some more behind its end. */
static struct bw_policy *block_keep(struct compiler *c)
{
	uint32_t bytes = c->used + WORD;
	struct bw_policy *p = c->lender ? lent_resize(c, NULL, bytes) : bw_realloc(NULL, bytes);

	memcpy(p, c->block, c->used);
	memset((char *)p + c->used, 0, WORD);
	p->bytes = bytes;
	atomic_init(&p->references, 1);
	if (c->lender) {
		p->give_back = c->lender->release;
		p->give_back_ctx = c->lender->ctx;
	}
	return p;
}

static enum bw_err compile_into(struct compiler *c, struct bw_policy **out)
{
	names_init(&c->texts, &c->scratch);
	names_init(&c->keys, &c->scratch);
	TRY(compile(c));
	*out = block_keep(c);
	return BW_OK;
}

/* All that changes on the way stands behind `c`, so that it is what it was when a lender's end brings us
 * back. */
static enum bw_err compile_lent(struct compiler *c, const struct bw_lender *leaving, struct bw_policy **out)
{
	jmp_buf exhausted;

	c->exhausted = &exhausted;
	if (setjmp(exhausted))
		return BW_EAGAIN;
	bw_arena_init_lent(&c->scratch, COMPILED_MAX, leaving);
	return compile_into(c, out);
}

static enum bw_err compile_any(struct compiler c, struct bw_policy **out)
{
	const struct bw_lender leaving = {lent_resize, lent_release, &c};
	enum bw_err e;

	*out = NULL;
	if (c.error)
		*c.error = (struct bw_policy_error){0};
	bw_arena_init(&c.scratch, COMPILED_MAX);
	e = c.lender ? compile_lent(&c, &leaving, out) : compile_into(&c, out);
	bw_arena_free(&c.scratch);
	return e;
}

enum bw_err bw_policy_compile(
    struct bw_str document, enum bw_policy_kind kind, struct bw_policy **out, struct bw_policy_error *error)
{
	return compile_any((struct compiler){.document = document, .kind = kind, .error = error}, out);
}

enum bw_err bw_policy_compile_kept(
    struct bw_str document, enum bw_policy_kind kind, struct bw_policy **out, struct bw_policy_error *error)
{
	return compile_any(
	    (struct compiler){.document = document, .kind = kind, .error = error, .kept = true}, out);
}

enum bw_err bw_policy_compile_lent(struct bw_str document, enum bw_policy_kind kind,
    const struct bw_lender *lender, struct bw_policy **out, struct bw_policy_error *error)
{
	return compile_any(
	    (struct compiler){
	        .document = document, .kind = kind, .error = error, .kept = true, .lender = lender},
	    out);
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
	if (p->give_back)
		p->give_back(p->give_back_ctx, p);
	else
		bw_free(p);
}
