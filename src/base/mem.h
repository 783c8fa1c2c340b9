/* The only callers of malloc. Running out of memory ends the process: every growth above is bounded by limits.h.
 * What is given back is wiped first, here and in all that is built on this: whoever holds a secret for a while
 * need not know through whose buffers it has passed. */
#pragma once

#include "base/str.h"

/* Never NULL. Zeroed. The caller frees with bw_free. */
void *bw_alloc(size_t bytes);
/* Never NULL; the new part is not zeroed. What moves is wiped where it was. */
void *bw_realloc(void *p, size_t bytes);
void bw_free(void *p);
/* As bw_free, of what its owner has wiped himself, for he knows how little of it was used. */
void bw_free_wiped(void *p);
/* A NUL-terminated copy the caller frees. */
char *bw_strdup(struct bw_str s);
/* Overwrites in a way the compiler keeps. */
void bw_wipe(void *p, size_t bytes);

/* An arena: allocations that die together. Not thread-safe; one owner at a time. */
struct bw_arena {
	struct bw_arena_chunk *chunks; /* newest first */
	size_t used_bytes;             /* of all chunks together */
	size_t limit_bytes;            /* ceiling; past it `over` is set and the owner must answer an error */
	bool over;
};

void bw_arena_init(struct bw_arena *a, size_t limit_bytes);
/* Wipes everything and leaves an empty usable arena. */
void bw_arena_reset(struct bw_arena *a);
/* Wipes everything and gives it back. */
void bw_arena_free(struct bw_arena *a);
/* Zeroed, 16-byte aligned, never NULL. */
void *bw_arena_alloc(struct bw_arena *a, size_t bytes);
#define BW_NEW(arena, type) ((type *)bw_arena_alloc((arena), sizeof(type)))
#define BW_NEW_ARRAY(arena, type, count) ((type *)bw_arena_alloc_array((arena), sizeof(type), (count)))
void *bw_arena_alloc_array(struct bw_arena *a, size_t size, size_t count);
/* A copy of `s` with a NUL behind it that is not counted; absent stays absent. */
struct bw_str bw_arena_str(struct bw_arena *a, struct bw_str s);
struct bw_str bw_arena_printf(struct bw_arena *a, const char *fmt, ...) BW_PRINTF(2, 3);
/* The parts one behind the other: for what every call puts together, where a format would cost more than the copying. */
struct bw_str bw_arena_join(struct bw_arena *a, const struct bw_str *parts, size_t n);
#define BW_JOIN(arena, ...) \
	bw_arena_join((arena), (const struct bw_str[]){__VA_ARGS__}, sizeof((const struct bw_str[]){__VA_ARGS__}) / sizeof(struct bw_str))
/* ASCII lower-case copy. */
struct bw_str bw_arena_lower(struct bw_arena *a, struct bw_str s);
