#include "codec/base64.h"

#define COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char standard[] = COMMON "+/", url[] = COMMON "-_";

static void encode(struct bw_str bytes, const char *alphabet, bool padded, struct bw_buf *out)
{
	const unsigned char *in = (const unsigned char *)bytes.p;
	size_t tail = bytes.n % 3, whole = bytes.n - tail, at;
	size_t n = whole / 3 * 4 + (tail == 0 ? 0 : padded ? 4 : tail + 1);
	char *to = bw_buf_room(out, n);
	uint32_t bits;

	if (!to)
		return;
	for (at = 0; at < whole; at += 3, to += 4) {
		bits = (uint32_t)in[at] << 16 | (uint32_t)in[at + 1] << 8 | in[at + 2];
		for (int i = 0; i < 4; i++)
			to[i] = alphabet[bits >> (18 - 6 * i) & 63];
	}
	if (tail) {
		bits = (uint32_t)in[at] << 16 | (tail == 2 ? (uint32_t)in[at + 1] << 8 : 0);
		for (size_t i = 0; i <= tail; i++)
			to[i] = alphabet[bits >> (18 - 6 * i) & 63];
		for (size_t i = tail + 1; padded && i < 4; i++)
			to[i] = '=';
	}
	out->n += n;
}

void bw_base64_encode(struct bw_str bytes, struct bw_buf *out)
{
	encode(bytes, standard, true, out);
}

void bw_base64url_encode(struct bw_str bytes, struct bw_buf *out)
{
	encode(bytes, url, false, out);
}

/* By arithmetic and not by a table, so that a secret in the text leaves no trace in the data cache. -1:
 * foreign. */
static int32_t digit(unsigned char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == (unsigned char)c62 ? 62 : c == (unsigned char)c63 ? 63 : -1;
}

/* `text` without its padding. */
static enum bw_err decode(
    struct bw_str text, const char *alphabet, struct bw_arena *arena, struct bw_str *bytes)
{
	size_t n = text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0), used = 0;
	unsigned have = 0;
	uint32_t bits = 0;
	char *out;

	CHECK(text.n % 4 != 1, BW_EINVAL);
	out = bw_arena_alloc(arena, n + 1);
	for (size_t i = 0; i < text.n; i++) {
		int32_t value = digit((unsigned char)text.p[i], alphabet[62], alphabet[63]);

		CHECK(value >= 0, BW_EINVAL);
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[used++] = (char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	CHECK(bits == 0, BW_EINVAL);
	*bytes = bw_str_make(out, n);
	return BW_OK;
}

enum bw_err bw_base64_decode(struct bw_str text, struct bw_arena *arena, struct bw_str *bytes)
{
	CHECK(text.n % 4 == 0, BW_EINVAL);
	for (int i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++)
		text.n--;
	return decode(text, standard, arena, bytes);
}

enum bw_err bw_base64url_decode(struct bw_str text, struct bw_arena *arena, struct bw_str *bytes)
{
	return decode(text, url, arena, bytes);
}
