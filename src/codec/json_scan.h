/* The inner loop of the JSON reader: how many bytes of a string need no thought. Private to the reader and
 * its tests, which hold the vector form against its scalar twin. */
#pragma once

#include "base/str.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Plain: printable ASCII other than '"' and '\\'. What stops the run is a quote, an escape, a control byte or
 * a byte of a longer UTF-8 sequence. */
static inline bool plain_byte(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static inline size_t plain_run_bytes(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && plain_byte((unsigned char)p[i]))
		i++;
	return i;
}

/* Eight bytes a step. A byte's top bit in `stop` says it is not plain; borrows may mark bytes above a true
 * stop, never below it, and a marked word is settled byte by byte. */
static inline size_t plain_run_swar(const char *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	size_t i = 0;

	while (n - i >= 8) {
		uint64_t word, quote, slash, stop;

		memcpy(&word, p + i, 8);
		quote = word ^ (ones * '"');
		slash = word ^ (ones * '\\');
		stop = (quote - ones) & ~quote;
		stop |= (slash - ones) & ~slash;
		stop |= (word - ones * 0x20) & ~word;
		if ((stop | word) & tops)
			break;
		i += 8;
	}
	return i + plain_run_bytes(p + i, n - i);
}

#if defined(__SSE2__)
static inline size_t plain_run_sse2(const char *p, size_t n)
{
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(0x20);
	size_t i = 0;

	for (; n - i >= 16; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		/* The comparison is signed: bytes above 0x7f are less than a space too. */
		__m128i stop = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
		    _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
		int mask = _mm_movemask_epi8(stop);

		if (mask)
			return i + (size_t)__builtin_ctz((unsigned)mask);
	}
	return i + plain_run_swar(p + i, n - i);
}
#define plain_run plain_run_sse2
#else
#define plain_run plain_run_swar
#endif
