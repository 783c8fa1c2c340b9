/* In every target: clocks and randomness that are the same in every run, and randomness that is the same before every input, so that an input
 * does alone what it did among others, and one seed of libFuzzer's is one course of inputs. The linker puts these in front of what base/ asks
 * the machine (meson.build); libFuzzer's own clock stays the machine's. */
#include <stdint.h>
#include <sys/types.h>

#include "base/sys.h"

enum { BEGINS_S = 1767225600 /* 2026-01-01, as good as any */ };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);
void __wrap_bw_random(void *out, size_t n);
int64_t __wrap_bw_clock_wall_ms(void);
int64_t __wrap_bw_clock_mono_ms(void);
int64_t __wrap_bw_clock_mono_us(void);

static _Thread_local uint64_t chance;
static int64_t asked; /* a microsecond for each time that a clock is asked: who waits for a time gets there */

int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chance = 0;
	return __real_LLVMFuzzerTestOneInput(data, size);
}

/* SplitMix64. */
static uint64_t next(void)
{
	uint64_t z = chance += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void __wrap_bw_random(void *out, size_t n)
{
	for (unsigned char *at = out; n; n--)
		*at++ = (unsigned char)next();
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
	(void)flags;
	__wrap_bw_random(out, n);
	return (ssize_t)n;
}

int64_t __wrap_bw_clock_mono_us(void)
{
	return 1000000 + __atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED);
}

int64_t __wrap_bw_clock_mono_ms(void)
{
	return __wrap_bw_clock_mono_us() / 1000;
}

int64_t __wrap_bw_clock_wall_ms(void)
{
	return INT64_C(1000) * BEGINS_S + __wrap_bw_clock_mono_ms();
}
