#include "base/lend.h"

#include <stdlib.h>

void *bw_alloc(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);

	MUST(p != NULL);
	return p;
}

void *bw_realloc(void *p, size_t bytes)
{
	void *moved = realloc(p, bytes ? bytes : 1);

	MUST(moved != NULL);
	return moved;
}

void bw_free(void *p)
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
