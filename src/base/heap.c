#include "base/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"

enum {
	PIECE_BYTES = 96 * 1024, /* less than what malloc maps by itself */
	PIECES_MAX = 8,
	PAGE_BYTES = 4096,
};

/* What of it lies in pages of its own. A kernel before 5.14 does not know how (madvise(2)): then pages come as they are touched. */
static void pages_make(char *piece)
{
	char *from = (char *)(((uintptr_t)piece + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1));

	(void)madvise(from, (size_t)(piece + PIECE_BYTES - from), MADV_POPULATE_WRITE);
}

void bw_heap_ready(size_t bytes)
{
	/* Stays, behind all pieces: what malloc has free at its end, it would give back. */
	static void *behind;
	char *pieces[PIECES_MAX];
	size_t count = (bytes + PIECE_BYTES - 1) / PIECE_BYTES;

	MUST(count <= PIECES_MAX && !behind);
	for (size_t i = 0; i < count; i++)
		MUST((pieces[i] = malloc(PIECE_BYTES)) != NULL);
	MUST((behind = malloc(1)) != NULL);
	for (size_t i = 0; i < count; i++)
		pages_make(pieces[i]);
	for (size_t i = 0; i < count; i++)
		free(pieces[i]);
}
