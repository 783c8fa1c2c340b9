/* How far a run of permitted bytes reaches: the inner loops of the head parser, each in a scalar and in SIMD
 * spellings. Private to http1_head.c. No load ever reaches past `end`. */
#pragma once

#include "net/http1.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define SCAN_INLINE static inline __attribute__((always_inline))

/* What a byte may be part of (RFC 9110 5.6.2 tokens and 5.5 field values; RFC 9112 3.2 targets; RFC
 * 3986 3.2.2 hosts, of which only the letters that names and addresses are written with). */
enum {
	IN_TOKEN = 1,
	IN_TARGET = 2, /* visible ASCII except '#': a fragment is never sent */
	IN_VALUE = 4,  /* visible ASCII, space, tab and bytes above 127 */
	IN_NAME = 8,
	IN_ADDRESS = 16, /* between brackets */
	IN_TEXT = IN_TARGET | IN_VALUE,
	IN_WORD = IN_TOKEN | IN_TEXT,
};

static const uint8_t byte_class[256] = {
    ['\t'] = IN_VALUE,
    [' '] = IN_VALUE,
    ['!'] = IN_WORD,
    ['"'] = IN_TEXT,
    ['#'] = IN_TOKEN | IN_VALUE,
    ['$' ... '\''] = IN_WORD,
    ['(' ... ')'] = IN_TEXT,
    ['*' ... '+'] = IN_WORD,
    [','] = IN_TEXT,
    ['-'] = IN_WORD | IN_NAME,
    ['.'] = IN_WORD | IN_NAME | IN_ADDRESS,
    ['/'] = IN_TEXT,
    ['0' ... '9'] = IN_WORD | IN_NAME | IN_ADDRESS,
    [':'] = IN_TEXT | IN_ADDRESS,
    [';' ... '@'] = IN_TEXT,
    ['A' ... 'F'] = IN_WORD | IN_NAME | IN_ADDRESS,
    ['G' ... 'Z'] = IN_WORD | IN_NAME,
    ['[' ... ']'] = IN_TEXT,
    ['^'] = IN_WORD,
    ['_'] = IN_WORD | IN_NAME,
    ['`'] = IN_WORD,
    ['a' ... 'f'] = IN_WORD | IN_NAME | IN_ADDRESS,
    ['g' ... 'z'] = IN_WORD | IN_NAME,
    ['{'] = IN_TEXT,
    ['|'] = IN_WORD,
    ['}'] = IN_TEXT,
    ['~'] = IN_WORD,
    [0x80 ... 0xff] = IN_VALUE,
};

SCAN_INLINE const char *scan_class(const char *p, const char *end, uint8_t class)
{
	while (p < end && byte_class[(uint8_t)*p] & class)
		p++;
	return p;
}

SCAN_INLINE const char *scan_token_scalar(const char *p, const char *end)
{
	return scan_class(p, end, IN_TOKEN);
}

SCAN_INLINE const char *scan_target_scalar(const char *p, const char *end)
{
	return scan_class(p, end, IN_TARGET);
}

SCAN_INLINE const char *scan_value_scalar(const char *p, const char *end)
{
	return scan_class(p, end, IN_VALUE);
}

#if defined(__x86_64__)
/* Looking a nibble up takes SSSE3, so names stay with the table here. */
SCAN_INLINE const char *scan_token_sse2(const char *p, const char *end)
{
	return scan_class(p, end, IN_TOKEN);
}

/* Controls other than the tab, and DEL. */
SCAN_INLINE const char *scan_value_sse2(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
		__m128i stop = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\t')), control),
		    _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
		unsigned hit = (unsigned)_mm_movemask_epi8(stop);

		if (hit)
			return p + __builtin_ctz(hit);
	}
	return scan_class(p, end, IN_VALUE);
}

/* As signed bytes, what is not above 0x20 is a control, the space or above 127. */
SCAN_INLINE const char *scan_target_sse2(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i odd = _mm_or_si128(
		    _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)), _mm_cmpeq_epi8(v, _mm_set1_epi8('#')));
		__m128i good = _mm_andnot_si128(odd, _mm_cmpgt_epi8(v, _mm_set1_epi8(0x20)));
		unsigned hit = (unsigned)_mm_movemask_epi8(good) ^ 0xffffu;

		if (hit)
			return p + __builtin_ctz(hit);
	}
	return scan_class(p, end, IN_TARGET);
}

#define TARGET_AVX2 __attribute__((target("avx2,bmi")))

TARGET_AVX2 SCAN_INLINE const char *scan_value_avx2(const char *p, const char *end)
{
	for (; end - p >= 32; p += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)p);
		__m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v);
		__m256i stop = _mm256_or_si256(
		    _mm256_andnot_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t')), control),
		    _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f)));
		unsigned hit = (unsigned)_mm256_movemask_epi8(stop);

		if (hit)
			return p + __builtin_ctz(hit);
	}
	return scan_value_sse2(p, end);
}

TARGET_AVX2 SCAN_INLINE const char *scan_target_avx2(const char *p, const char *end)
{
	for (; end - p >= 32; p += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)p);
		__m256i odd = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f)),
		    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('#')));
		__m256i good = _mm256_andnot_si256(odd, _mm256_cmpgt_epi8(v, _mm256_set1_epi8(0x20)));
		unsigned hit = ~(unsigned)_mm256_movemask_epi8(good);

		if (hit)
			return p + __builtin_ctz(hit);
	}
	return scan_target_sse2(p, end);
}

/* A byte is of a token when the bit of its high half is set in the row of its low half. A high half above 7
 * has no bit. */
TARGET_AVX2 SCAN_INLINE const char *scan_token_avx2(const char *p, const char *end)
{
	const __m128i rows =
	    _mm_setr_epi8((char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc,
	        (char)0xfc, (char)0xf8, (char)0xf8, (char)0xf4, 0x54, (char)0xd0, 0x54, (char)0xf4, 0x70);
	const __m128i bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0);
	const __m128i half = _mm_set1_epi8(0x0f);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i row = _mm_shuffle_epi8(rows, _mm_and_si128(v, half));
		__m128i bit = _mm_shuffle_epi8(bits, _mm_and_si128(_mm_srli_epi16(v, 4), half));
		__m128i bad = _mm_cmpeq_epi8(_mm_and_si128(row, bit), _mm_setzero_si128());
		unsigned hit = (unsigned)_mm_movemask_epi8(bad);

		if (hit)
			return p + __builtin_ctz(hit);
	}
	return scan_class(p, end, IN_TOKEN);
}
#endif
