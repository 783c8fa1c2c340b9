/* Memory that the caller of a library lends in the place of malloc's. */
#pragma once

#include "base/mem.h"

struct bw_lender {
	void *(*resize)(void *ctx, void *p, size_t bytes); /* as realloc */
	void (*release)(void *ctx, void *p);
	void *ctx;
};

/* malloc's own, for whom running out is an answer and not the end of the process. */
extern const struct bw_lender bw_lender_malloc;

/* What an arena's chunks take of memory, full or not: of who counts what is lent. */
size_t bw_arena_bytes(const struct bw_arena *a);

/* As bw_arena_init, with chunks of the lender, which is borrowed for the arena's life; before the first
 * reset. Its `resize` never answers NULL: without memory it leaves by longjmp, and the arena is as it was. */
void bw_arena_init_lent(struct bw_arena *a, size_t limit_bytes, const struct bw_lender *lender);
