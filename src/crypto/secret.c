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

/* The C library copies through vector registers that hardly anything else touches: what was copied stands
 * there for long, and gets from there onto a stack, with a signal or when the loader looks up a function
 * (both save all registers). */
#if defined __x86_64__
__attribute__((target("avx"), noinline)) static void low_registers_wipe(void)
{
	__asm__ volatile("vzeroall" ::
	                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
	                 "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

#define ZERO(n) "vpxord %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n"

__attribute__((target("avx512f"), noinline)) static void high_registers_wipe(void)
{
	__asm__ volatile(ZERO(16) ZERO(17) ZERO(18) ZERO(19) ZERO(20) ZERO(21) ZERO(22) ZERO(23) ZERO(24)
	                     ZERO(25) ZERO(26) ZERO(27) ZERO(28) ZERO(29) ZERO(30) ZERO(31)::
	                         : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
	                 "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}

static void registers_wipe(void)
{
	if (__builtin_cpu_supports("avx"))
		low_registers_wipe();
	if (__builtin_cpu_supports("avx512f"))
		high_registers_wipe();
}
#else
static void registers_wipe(void)
{
}
#endif

void bw_secret_free(struct bw_secret *s)
{
	size_t page = page_bytes();

	if (!s->p)
		return;
	bw_wipe(s->p, s->n);
	registers_wipe();
	MUST(munmap(s->p - page, span_bytes(s->n) + 2 * page) == 0);
	*s = (struct bw_secret){NULL, 0};
}
