/* Zeroed memory in pages of its own, which are there once they are touched: for what is large and seldom full. malloc's may be
 * zeroed by hand, and is then all there. */
#pragma once

#include <stddef.h>

/* Never NULL. The caller frees with bw_sparse_free and the same size. */
void *bw_sparse_alloc(size_t bytes);
/* That, of whole pages, at a multiple of `alignment`, which is a power of two and of as many pages. */
void *bw_sparse_aligned(size_t bytes, size_t alignment);
void bw_sparse_free(void *p, size_t bytes);
