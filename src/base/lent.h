/* Memory lent by the caller of a library: in libraries lent.c stands in the place of mem.c. Every block knows
 * its lender, and those of one piece of work know each other, so that running out of memory gives all of them
 * back. */
#pragma once

#include <setjmp.h>

#include "base/mem.h"

/* `resize` is as realloc and may answer NULL. */
struct bw_lender {
	void *(*resize)(void *ctx, void *p, size_t bytes);
	void (*release)(void *ctx, void *p);
	void *ctx;
};

struct bw_lent {
	struct bw_lender lender;
	struct bw_lent_block *blocks; /* taken since bw_lent_begin */
	jmp_buf exhausted;            /* set by the caller after bw_lent_begin: where to go without memory */
};

/* Until bw_lent_end the calling thread's allocations are lent here. NULL: by malloc. */
void bw_lent_begin(struct bw_lent *l, const struct bw_lender *lender);
void bw_lent_end(struct bw_lent *l);
/* As bw_lent_end, and gives back all that was taken. */
void bw_lent_drop(struct bw_lent *l);
