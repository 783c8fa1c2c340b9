#include "codec/hex.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum bw_err bw_hex_decode(struct bw_str text, void *bytes, size_t n)
{
	unsigned char *out = bytes;

	CHECK(text.n % 2 == 0 && text.n / 2 == n, BW_EINVAL);
	for (size_t i = 0; i < n; i++) {
		int high = digit(text.p[2 * i]), low = digit(text.p[2 * i + 1]);

		CHECK(high >= 0 && low >= 0, BW_EINVAL);
		out[i] = (unsigned char)(high << 4 | low);
	}
	return BW_OK;
}

void bw_hex_encode(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
}
