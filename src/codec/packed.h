/* Numbers and texts as records and images have them, one behind the other: an integer big-endian in so many bytes; a text its length
 * (4 bytes), BW_PACKED_NONE meaning absent, and its bytes. Taking moves `from` on; what is taken points into it. BW_ECORRUPT: it is too short. */
#pragma once

#include "base/buf.h"

#define BW_PACKED_NONE UINT32_MAX

/* `bytes`: 8 at most. */
static inline void bw_packed_put_uint(struct bw_buf *out, uint64_t v, size_t bytes)
{
	unsigned char text[8];

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (unsigned char)(v >> 8 * (7 - i));
	bw_buf_put(out, bw_str_make(text + sizeof text - bytes, bytes));
}

static inline void bw_packed_put_text(struct bw_buf *out, struct bw_str s)
{
	MUST(s.n < BW_PACKED_NONE);
	bw_packed_put_uint(out, bw_str_set(s) ? s.n : BW_PACKED_NONE, 4);
	bw_buf_put(out, s);
}

BW_CHECKED static inline enum bw_err bw_packed_take(struct bw_str *from, size_t n, struct bw_str *out)
{
	CHECK(n <= from->n, BW_ECORRUPT);
	*out = bw_str_make(from->p, n);
	*from = bw_str_make(from->p + n, from->n - n);
	return BW_OK;
}

BW_CHECKED static inline enum bw_err bw_packed_take_uint(struct bw_str *from, size_t bytes, uint64_t *out)
{
	struct bw_str s;

	TRY(bw_packed_take(from, bytes, &s));
	*out = 0;
	for (size_t i = 0; i < s.n; i++)
		*out = *out << 8 | (unsigned char)s.p[i];
	return BW_OK;
}

BW_CHECKED static inline enum bw_err bw_packed_take_text(struct bw_str *from, struct bw_str *out)
{
	uint64_t n;

	TRY(bw_packed_take_uint(from, 4, &n));
	*out = BW_STR_NONE;
	return n == BW_PACKED_NONE ? BW_OK : bw_packed_take(from, n, out);
}
