/* Small pieces of memory of one thread: neither malloc nor a lock for each, and always known how much is in
 * use. Pieces of one class of size lie together in a sheet, which goes back to the system whole, and wiped, when the last of
 * them has; the fullest sheets are used first. So what a peak took is given back with it, but for a sheet a class, a few in store,
 * and what lies beside pieces that are still out. */
#pragma once

#include "base/mem.h"

enum {
	BW_SLAB_CLASSES = 16,
	BW_SLAB_FILLS = 4,
	BW_SLAB_SPARES = 16, /* sheets, a MiB: what comes and goes many times a second must not go to the system and
	                        come back page by page, which costs more than what was done with it */
};

struct bw_slab {
	struct bw_slab_sheet *open[BW_SLAB_CLASSES][BW_SLAB_FILLS]; /* that have a piece to give, by how full they are */
	struct bw_slab_sheet *spare;                                /* empty ones, of no class */
	size_t spare_count;
	size_t used_bytes;                                          /* of pieces that are out, each as large as its class */
	size_t sheet_bytes;                                         /* of all sheets, as taken from the system */
};

/* All zero: an empty one. Pieces that are out when it is freed are lost with it. */
void bw_slab_free(struct bw_slab *s);
/* Never NULL, not zeroed, aligned to 16 bytes. */
void *bw_slab_take(struct bw_slab *s, size_t bytes);
/* That, zeroed. */
static inline void *bw_slab_alloc(struct bw_slab *s, size_t bytes)
{
	return memset(bw_slab_take(s, bytes), 0, bytes);
}
/* `p` may be NULL. */
void bw_slab_give(struct bw_slab *s, void *p);
