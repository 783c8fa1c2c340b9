/* Comparing short texts where they stand, a word at a time: most comparisons of a decision are of a dozen
 * bytes and end at once. */
#pragma once

#include "base/str.h"

enum { WORD = sizeof(uint64_t) };

static inline uint64_t word_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* ASCII capitals among the eight made small. */
static inline uint64_t word_lower(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t low = w & 0x7f * ones;
	uint64_t from_a = low + (0x80 - 'A') * ones, past_z = low + (0x7f - 'Z') * ones;

	return w | ((from_a ^ past_z) & ~w & 0x80 * ones) >> 2;
}

/* The first n of the eight bytes, as a number that orders as they do; 0 < n. */
static inline uint64_t word_front(uint64_t w, size_t n)
{
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		w = __builtin_bswap64(w);
	return n < WORD ? w >> 8 * (WORD - n) << 8 * (WORD - n) : w;
}

/* ASCII case folded. Few words differ by nothing but the bit of case. */
static inline bool words_same(uint64_t a, uint64_t b)
{
	uint64_t apart = a ^ b;

	if (apart & ~(uint64_t)0x2020202020202020u)
		return false;
	return apart == 0 || word_lower(a) == word_lower(b);
}

static inline bool bytes_same(const char *a, const char *b, size_t n)
{
	uint64_t x, y;
	uint32_t u, v;

	if (n < sizeof u) {
		while (n > 0 && a[n - 1] == b[n - 1])
			n--;
		return n == 0;
	}
	/* The last bytes are read again rather than one by one. */
	if (n < sizeof x) {
		memcpy(&u, a, sizeof u);
		memcpy(&v, b, sizeof v);
		if (u != v)
			return false;
		memcpy(&u, a + n - sizeof u, sizeof u);
		memcpy(&v, b + n - sizeof v, sizeof v);
		return u == v;
	}
	for (size_t at = 0; at + sizeof x < n; at += sizeof x) {
		memcpy(&x, a + at, sizeof x);
		memcpy(&y, b + at, sizeof y);
		if (x != y)
			return false;
	}
	memcpy(&x, a + n - sizeof x, sizeof x);
	memcpy(&y, b + n - sizeof y, sizeof y);
	return x == y;
}

static inline bool text_same(struct bw_str a, struct bw_str b)
{
	return a.n == b.n && bytes_same(a.p, b.p, a.n);
}

/* ASCII case folded. */
static inline bool bytes_same_nocase(const char *a, const char *b, size_t n)
{
	if (n < WORD) {
		for (size_t i = 0; i < n; i++)
			if ((a[i] ^ b[i]) & ~0x20 ||
			    (a[i] != b[i] && !((a[i] | 0x20) >= 'a' && (a[i] | 0x20) <= 'z')))
				return false;
		return true;
	}
	/* From the end: it is there that names of one service differ. */
	if (!words_same(word_at(a + n - WORD), word_at(b + n - WORD)))
		return false;
	for (size_t at = 0; at + WORD < n; at += WORD)
		if (!words_same(word_at(a + at), word_at(b + at)))
			return false;
	return true;
}
