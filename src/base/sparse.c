#include "base/sparse.h"

#include <sys/mman.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* The leak check looks for pointers in malloc's memory alone. */
#ifdef SANITIZED
void *bw_sparse_alloc(size_t bytes)
{
	return bw_alloc(bytes);
}

void bw_sparse_free(void *p, __attribute__((unused)) size_t bytes)
{
	bw_free(p);
}
#else
void *bw_sparse_alloc(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(p != MAP_FAILED);
	return p;
}

void bw_sparse_free(void *p, size_t bytes)
{
	if (p)
		MUST(munmap(p, bytes) == 0);
}
#endif
