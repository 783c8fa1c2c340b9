#include "codec/uri.h"

bool bw_uri_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

size_t bw_uri_encode_to(struct bw_str s, bool keep_slash, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (bw_uri_unreserved(s.p[i]) || (keep_slash && c == '/')) {
			out[n++] = s.p[i];
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	return n;
}

/* Piece by piece, so that the ceiling counts what is written and not what might be. */
void bw_uri_encode(struct bw_str s, struct bw_buf *out)
{
	char piece[3 * 128];

	for (size_t at = 0; at < s.n; at += sizeof piece / 3) {
		size_t n = bw_uri_encode_to(bw_str_sub(s, at, sizeof piece / 3), false, piece);

		bw_buf_put(out, bw_str_make(piece, n));
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum bw_err bw_uri_decode(struct bw_str s, bool plus_is_space, struct bw_arena *arena, struct bw_str *out)
{
	size_t n = 0;
	char *p;

	if (bw_str_find(s, '%', 0) < 0 && (!plus_is_space || bw_str_find(s, '+', 0) < 0)) {
		*out = s;
		return BW_OK;
	}
	p = bw_arena_alloc(arena, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			int high = s.n - i > 2 ? digit(s.p[i + 1]) : -1,
			    low = s.n - i > 2 ? digit(s.p[i + 2]) : -1;

			CHECK(high >= 0 && low >= 0, BW_EINVAL);
			p[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			p[n++] = plus_is_space && s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	*out = bw_str_make(p, n);
	return BW_OK;
}
