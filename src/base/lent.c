#include "base/lent.h"

#include <stdlib.h>

struct bw_lent_block {
	struct bw_lent_block *next, *previous;
	struct bw_lent *owner; /* NULL once the work is done */
	struct bw_lender lender;
	_Alignas(16) char data[];
};

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

/* The work this thread is at; NULL outside. */
static _Thread_local struct bw_lent *current;

void bw_lent_begin(struct bw_lent *l, const struct bw_lender *lender)
{
	l->lender = lender ? *lender : (struct bw_lender){malloc_resize, malloc_release, NULL};
	l->blocks = NULL;
	current = l;
}

void bw_lent_end(struct bw_lent *l)
{
	for (struct bw_lent_block *b = l->blocks; b; b = b->next)
		b->owner = NULL;
	current = NULL;
}

void bw_lent_drop(struct bw_lent *l)
{
	while (l->blocks) {
		struct bw_lent_block *b = l->blocks;

		l->blocks = b->next;
		l->lender.release(l->lender.ctx, b);
	}
	current = NULL;
}

static struct bw_lent_block *block_of(void *p)
{
	return (struct bw_lent_block *)(void *)((char *)p - offsetof(struct bw_lent_block, data));
}

static void block_unlink(struct bw_lent_block *b)
{
	if (b->next)
		b->next->previous = b->previous;
	if (b->previous)
		b->previous->next = b->next;
	else
		b->owner->blocks = b->next;
}

static void block_link(struct bw_lent_block *b)
{
	b->previous = NULL;
	b->next = b->owner->blocks;
	if (b->next)
		b->next->previous = b;
	b->owner->blocks = b;
}

void *bw_realloc(void *p, size_t bytes)
{
	struct bw_lent_block *old = p ? block_of(p) : NULL, *b;
	size_t size;

	MUST(current != NULL);
	if (old)
		block_unlink(old);
	b = __builtin_add_overflow(bytes, sizeof *b, &size)
	        ? NULL
	        : current->lender.resize(current->lender.ctx, old, size);
	if (!b) {
		if (old)
			block_link(old);
		longjmp(current->exhausted, 1);
	}
	b->owner = current;
	b->lender = current->lender;
	block_link(b);
	return b->data;
}

void *bw_alloc(size_t bytes)
{
	return memset(bw_realloc(NULL, bytes), 0, bytes);
}

void bw_free(void *p)
{
	struct bw_lender lender;
	struct bw_lent_block *b;

	if (!p)
		return;
	b = block_of(p);
	if (b->owner)
		block_unlink(b);
	lender = b->lender;
	lender.release(lender.ctx, b);
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
	explicit_bzero(p, bytes);
}
