/* QR codes as pictures: PNG specification, third edition: one bit a pixel, stored without compression (RFC 1950,
 * RFC 1951 section 3.2.4). */
#include "codec/qr.h"

#include "codec/qr_symbol.h"

enum {
	DOT = 4,        /* pixels a module */
	MARGIN = 4,     /* modules of quiet zone: ISO/IEC 18004, section 5.3.8 */
	ROW_MAX = (BW_QR_SIDE_MAX + 2 * MARGIN) * DOT / 8 + 2,
	STORED_MAX = 65535, /* bytes of one stored block */
};

static uint32_t crc_add(uint32_t crc, struct bw_str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		crc ^= (unsigned char)bytes.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

static void u32_put(struct bw_buf *out, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		bw_buf_put_c(out, (char)(v >> shift));
}

static void chunk_put(struct bw_buf *out, const char *type, struct bw_str data)
{
	uint32_t crc = crc_add(crc_add(0xffffffffu, bw_str_make(type, 4)), data);

	u32_put(out, (uint32_t)data.n);
	bw_buf_put(out, bw_str_make(type, 4));
	bw_buf_put(out, data);
	u32_put(out, ~crc);
}

static uint32_t adler(struct bw_str bytes)
{
	uint32_t a = 1, b = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		a = (a + (unsigned char)bytes.p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

/* Stored blocks of a zlib stream. */
static void stored_put(struct bw_buf *out, struct bw_str bytes)
{
	bw_buf_put(out, BW_STR("\x78\x01"));
	for (size_t at = 0; at < bytes.n; at += STORED_MAX) {
		struct bw_str part = bw_str_sub(bytes, at, STORED_MAX);
		unsigned n = (unsigned)part.n;

		bw_buf_put_c(out, at + STORED_MAX >= bytes.n);
		bw_buf_put_c(out, (char)n);
		bw_buf_put_c(out, (char)(n >> 8));
		bw_buf_put_c(out, (char)~n);
		bw_buf_put_c(out, (char)(~n >> 8));
		bw_buf_put(out, part);
	}
	u32_put(out, adler(bytes));
}

static bool is_dark(const struct bw_qr_symbol *code, int x, int y)
{
	x -= MARGIN;
	y -= MARGIN;
	return x >= 0 && y >= 0 && x < code->side && y < code->side &&
	       (code->modules[y * code->side + x] & 1);
}

/* Each line of pixels begins with its filter: none. */
static void rows_put(struct bw_buf *out, const struct bw_qr_symbol *code)
{
	int side = code->side + 2 * MARGIN;

	for (int y = 0; y < side; y++) {
		unsigned char row[ROW_MAX] = {0};
		size_t bytes = (size_t)(side * DOT + 7) / 8;

		for (int x = 0; x < side * DOT; x++)
			if (!is_dark(code, x / DOT, y))
				row[1 + x / 8] |= (unsigned char)(0x80 >> x % 8);
		for (int i = 0; i < DOT; i++)
			bw_buf_put(out, bw_str_make(row, 1 + bytes));
	}
}

static void png_put(struct bw_buf *out, const struct bw_qr_symbol *code)
{
	struct bw_buf rows, data;
	uint32_t side = (uint32_t)(code->side + 2 * MARGIN) * DOT;

	bw_buf_init(&rows, 1 << 20);
	bw_buf_init(&data, 1 << 20);
	bw_buf_put(out, BW_STR("\x89PNG\r\n\x1a\n"));
	u32_put(&data, side);
	u32_put(&data, side);
	bw_buf_put(&data, bw_str_make("\x01\x00\x00\x00\x00", 5)); /* one bit of grey */
	chunk_put(out, "IHDR", bw_buf_str(&data));
	rows_put(&rows, code);
	bw_buf_reset(&data);
	stored_put(&data, bw_buf_str(&rows));
	chunk_put(out, "IDAT", bw_buf_str(&data));
	chunk_put(out, "IEND", BW_STR(""));
	MUST(!rows.failed && !data.failed);
	bw_buf_free(&rows);
	bw_buf_free(&data);
}

enum bw_err bw_qr_png(struct bw_str text, struct bw_buf *out)
{
	struct bw_qr_symbol *code = bw_alloc(sizeof *code);
	enum bw_err e = bw_qr_symbol_make(text, code);

	if (e == BW_OK)
		png_put(out, code);
	bw_free(code);
	return e;
}
