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

static pcre2_code *code_compile(const struct bw_pattern *p)
{
	pcre2_general_context *memory = pcre2_general_context_create(code_alloc, code_free, NULL);
	pcre2_compile_context *context = pcre2_compile_context_create(memory);
	int error;
	PCRE2_SIZE at;
	pcre2_code *code = pcre2_compile(
	    (PCRE2_SPTR)p->pcre, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_NO_UTF_CHECK, &error, &at, context);

	pcre2_compile_context_free(context);
	pcre2_general_context_free(memory);
	MUST(code != NULL);
	return code;
}

/* Two threads may compile the same pattern at once; the first to publish wins. */
static const pcre2_code *code_of(struct bw_pattern *p)
{
	void *code = atomic_load_explicit(&p->compiled, memory_order_acquire), *mine;

	if (code)
		return code;
	mine = code_compile(p);
	if (atomic_compare_exchange_strong(&p->compiled, &code, mine))
		return mine;
	pcre2_code_free(mine);
	return code;
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

bool wire_pattern_matches(struct wire_in *w, struct bw_pattern *p, struct bw_str text)
{
	if (!w->match)
		match_prepare(w);
	return pcre2_match(code_of(p), (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, PCRE2_NO_UTF_CHECK,
	           w->match, w->match_limits) >= 0;
}
