#include "base/sparse.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/sanitizer.h"

static char *map(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(p != MAP_FAILED);
	return p;
}

static void unmap(void *p, size_t bytes)
{
	if (bytes)
		MUST(munmap(p, bytes) == 0);
}

/* What the system gives comes to lie where it likes, mostly right beside the one before. */
static char *map_aligned(size_t bytes, size_t alignment)
{
	char *p = map(bytes);
	size_t before;

	if ((uintptr_t)p % alignment == 0)
		return p;
	unmap(p, bytes);
	p = map(bytes + alignment);
	before = -(uintptr_t)p % alignment;
	unmap(p, before);
	unmap(p + before + bytes, alignment - before);
	return p + before;
}

static void *malloc_aligned(size_t bytes, size_t alignment)
{
	void *p = aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));

	MUST(p != NULL);
	return memset(p, 0, bytes);
}

/* The leak check looks for pointers in malloc's memory alone. */
void *bw_sparse_alloc(size_t bytes)
{
	return BW_SANITIZED ? bw_alloc(bytes) : map(bytes);
}

void *bw_sparse_aligned(size_t bytes, size_t alignment)
{
	char *p;

	if (BW_SANITIZED)
		return malloc_aligned(bytes, alignment);
	p = map_aligned(bytes, alignment);
	/* Of a huge page nothing would go back before all of it does. */
	(void)madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

void bw_sparse_free(void *p, size_t bytes)
{
	if (BW_SANITIZED)
		bw_free(p);
	else if (p)
		unmap(p, bytes);
}
