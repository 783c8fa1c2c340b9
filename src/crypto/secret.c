#include "crypto/secret.h"
#include "base/mem.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* The pages of the secret itself, without the two fences. */
static size_t span_bytes(size_t n)
{
	size_t page = page_bytes();

	return (n + page - 1) / page * page;
}

struct bw_secret bw_secret_new(size_t n)
{
	size_t page = page_bytes(), span = span_bytes(n);
	unsigned char *all;

	MUST(n > 0 && span >= n);
	all = mmap(NULL, span + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(all != MAP_FAILED);
	MUST(mprotect(all + page, span, PROT_READ | PROT_WRITE) == 0);
	MUST(madvise(all + page, span, MADV_DONTDUMP) == 0);
	/* The call itself, for sanitizers make nothing of the function. Best effort: RLIMIT_MEMLOCK may be
	 * small, and an unlocked key still beats a server that does not start. */
	(void)!syscall(SYS_mlock, all + page, span);
	return (struct bw_secret){all + page, n};
}

void bw_secret_free(struct bw_secret *s)
{
	size_t page = page_bytes();

	if (!s->p)
		return;
	bw_wipe(s->p, s->n);
	MUST(munmap(s->p - page, span_bytes(s->n) + 2 * page) == 0);
	*s = (struct bw_secret){NULL, 0};
}
