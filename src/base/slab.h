/* Small pieces of memory of one thread: neither malloc nor a lock for each, and always known how much is in
 * use. Pieces of one class of size lie together in a sheet, which goes back whole, and wiped, when the last of them has.
 */
#pragma once

#include "base/mem.h"

enum { BW_SLAB_CLASSES = 16 };

struct bw_slab {
	struct bw_slab_sheet *open[BW_SLAB_CLASSES]; /* that have a piece to give */
	size_t used_bytes;                           /* of pieces that are out, each as large as its class */
	size_t sheet_bytes;                          /* of all sheets */
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
/* As realloc; `p` may be NULL. */
void *bw_slab_resize(struct bw_slab *s, void *p, size_t bytes);
/* `p` may be NULL. */
void bw_slab_give(struct bw_slab *s, void *p);
