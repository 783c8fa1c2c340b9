#include "base/lend.h"

#include <malloc.h>
#include <stdlib.h>

void *bw_alloc(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);

	MUST(p != NULL);
	return p;
}

/* Not realloc: it would leave a copy behind. */
void *bw_realloc(void *p, size_t bytes)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *moved;

	if (bytes && bytes <= had && bytes > had / 2)
		return p;
	moved = malloc(bytes ? bytes : 1);
	MUST(moved != NULL);
	if (p)
		memcpy(moved, p, had < bytes ? had : bytes);
	bw_free(p);
	return moved;
}

/* Out of line: a compiler that saw how much was asked for would not let all of it be wiped. */
__attribute__((noinline)) void bw_free(void *p)
{
	bw_wipe(p, p ? malloc_usable_size(p) : 0);
	free(p);
}

void bw_free_wiped(void *p)
{
	free(p);
}

char *bw_strdup(struct bw_str s)
{
	char *copy = bw_alloc(s.n + 1);

	if (s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

void bw_wipe(void *p, size_t bytes)
{
	if (bytes)
		explicit_bzero(p, bytes);
}

static void *malloc_resize(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	return realloc(p, bytes);
}

static void malloc_release(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

const struct bw_lender bw_lender_malloc = {malloc_resize, malloc_release, NULL};
