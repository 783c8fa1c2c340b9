#include "codec/base32.h"

void bw_base32_encode(struct bw_str bytes, struct bw_buf *out)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t held = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		held = held << 8 | (unsigned char)bytes.p[i];
		for (bits += 8; bits >= 5; bits -= 5)
			bw_buf_put_c(out, alphabet[held >> (bits - 5) & 31]);
		held &= (1u << bits) - 1;
	}
	if (bits)
		bw_buf_put_c(out, alphabet[held << (5 - bits) & 31]);
}
