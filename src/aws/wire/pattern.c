/* Patterns of the models. They run on outside data, so the work of one match is bounded: what would cost more
 * is taken as no match. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdatomic.h>

#include "aws/wire/wire_internal.h"

enum {
	MATCH_STEPS_MAX = 200000, /* a few milliseconds; the models' longest honest matches need hundreds */
	MATCH_HEAP_KIB_MAX = 16 * 1024, /* backtracking frames, in the call's arena */
};

static void *code_alloc(size_t bytes, __attribute__((unused)) void *ctx)
{
	return bw_alloc(bytes);
}

static void code_free(void *p, __attribute__((unused)) void *ctx)
{
	bw_free(p);
}

static void *arena_take(size_t bytes, void *arena)
{
	return bw_arena_alloc(arena, bytes);
}

static void arena_keep(__attribute__((unused)) void *p, __attribute__((unused)) void *arena)
{
}

/* A pattern in working form. `plain` has the ASCII characters of a pattern that is one set repeated. */
struct compiled {
	pcre2_code *code;
	uint64_t plain[2];
};

static pcre2_code *code_compile(const struct bw_pattern *p)
{
	pcre2_general_context *memory = pcre2_general_context_create(code_alloc, code_free, NULL);
	pcre2_compile_context *context = pcre2_compile_context_create(memory);
	int error;
	PCRE2_SIZE at;
	pcre2_code *code = pcre2_compile(
	    (PCRE2_SPTR)bw_at(p->pcre), PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_NO_UTF_CHECK, &error, &at, context);

	pcre2_compile_context_free(context);
	pcre2_general_context_free(memory);
	MUST(code != NULL);
	return code;
}

/* Which ASCII characters the set has: each is asked once, as a text of its own. */
static void plain_fill(struct compiled *c)
{
	pcre2_general_context *memory = pcre2_general_context_create(code_alloc, code_free, NULL);
	pcre2_match_data *match = pcre2_match_data_create(1, memory);

	for (unsigned i = 0; i < 128; i++) {
		unsigned char one = (unsigned char)i;

		if (pcre2_match(c->code, &one, 1, 0, PCRE2_NO_UTF_CHECK, match, NULL) >= 0)
			c->plain[i / 64] |= UINT64_C(1) << i % 64;
	}
	pcre2_match_data_free(match);
	pcre2_general_context_free(memory);
}

static struct compiled *compile(const struct bw_pattern *p)
{
	struct compiled *c = bw_alloc(sizeof *c);

	c->code = code_compile(p);
	if (p->one_class)
		plain_fill(c);
	return c;
}

/* Two threads may compile the same pattern at once; the first to publish wins. */
static const struct compiled *compiled_of(const struct bw_pattern *p)
{
	void *_Atomic *slot = &bw_pattern_slots[p->slot];
	void *known = atomic_load_explicit(slot, memory_order_acquire);
	struct compiled *mine;

	if (known)
		return known;
	mine = compile(p);
	if (atomic_compare_exchange_strong(slot, &known, mine))
		return mine;
	pcre2_code_free(mine->code);
	bw_free(mine);
	return known;
}

static bool all_plain(const struct compiled *c, struct bw_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char one = (unsigned char)text.p[i];

		if (one >= 128 || !(c->plain[one / 64] >> one % 64 & 1))
			return false;
	}
	return text.n > 0;
}

static void match_prepare(struct wire_in *w)
{
	pcre2_general_context *memory = pcre2_general_context_create(arena_take, arena_keep, w->arena);

	w->match = pcre2_match_data_create(1, memory);
	w->match_limits = pcre2_match_context_create(memory);
	pcre2_set_match_limit(w->match_limits, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(w->match_limits, MATCH_STEPS_MAX);
	pcre2_set_heap_limit(w->match_limits, MATCH_HEAP_KIB_MAX);
}

static bool engine_matches(struct wire_in *w, const struct compiled *c, struct bw_str text)
{
	if (!w->match)
		match_prepare(w);
	return pcre2_match(c->code, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, PCRE2_NO_UTF_CHECK,
	           w->match, w->match_limits) >= 0;
}

bool wire_pattern_matches(struct wire_in *w, const struct bw_pattern *p, struct bw_str text)
{
	const struct compiled *c = compiled_of(p);

	/* The usual case needs no engine; what is left to it is characters above ASCII, and refusals. */
	return (p->one_class && all_plain(c, text)) || engine_matches(w, c, text);
}

bool wire_pattern_engine_matches(struct wire_in *w, const struct bw_pattern *p, struct bw_str text)
{
	return engine_matches(w, compiled_of(p), text);
}
