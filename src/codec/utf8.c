#include "codec/utf8.h"

/* What RFC 3629, section 4, allows by the first byte: how many bytes in all, and the range of the second. The
 * range is what refuses overlong forms (E0, F0), surrogates (ED) and what lies above U+10FFFF (F4). */
struct lead {
	uint8_t from, to, length, second_min, second_max;
};
static const struct lead leads[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf},
    {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f},
    {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf},
    {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct lead *lead_find(unsigned char c)
{
	for (size_t i = 0; i < BW_COUNT(leads); i++)
		if (c >= leads[i].from && c <= leads[i].to)
			return &leads[i];
	return NULL;
}

size_t bw_utf8_decode(struct bw_str s, size_t at, uint32_t *code)
{
	const unsigned char *p;
	const struct lead *lead;
	uint32_t value;

	if (at >= s.n)
		return 0;
	p = (const unsigned char *)s.p + at;
	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	lead = lead_find(p[0]);
	if (!lead || s.n - at < lead->length || p[1] < lead->second_min || p[1] > lead->second_max)
		return 0;
	value = p[0] & (0x7fu >> lead->length);
	for (size_t i = 1; i < lead->length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3fu);
	}
	*code = value;
	return lead->length;
}

size_t bw_utf8_encode(uint32_t code, char out[4])
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};

	MUST(code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
	for (size_t i = n; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(marks[n] | code);
	return n;
}

/* Eight ASCII bytes at a time: nearly all of what comes in is ASCII. */
static size_t ascii_skip(struct bw_str s, size_t at)
{
	uint64_t word;

	while (s.n - at >= sizeof word) {
		memcpy(&word, s.p + at, sizeof word);
		if (word & 0x8080808080808080u)
			break;
		at += sizeof word;
	}
	return at;
}

bool bw_utf8_valid(struct bw_str s)
{
	uint32_t code;

	for (size_t at = ascii_skip(s, 0); at < s.n; at = ascii_skip(s, at)) {
		size_t n = bw_utf8_decode(s, at, &code);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

size_t bw_utf8_count(struct bw_str s)
{
	size_t count = 0;
	uint32_t code;

	for (size_t at = 0; at < s.n; count++) {
		size_t n = bw_utf8_decode(s, at, &code);

		at += n ? n : 1;
	}
	return count;
}
