/* QR codes beside another's: libqrencode makes the same symbol. */
#include "test.h"

#include <qrencode.h>

#include "codec/qr_symbol.h"

enum { MOST = 2331, OTHER_FIXED = 0x80 };

/* Which mask a symbol says it has: three of the bits beside its first finder (ISO/IEC 18004, section 7.9). */
static int mask_of(const QRcode *q)
{
	int word = 0;

	for (int x = 2; x <= 4; x++)
		word = word << 1 | (q->data[8 * q->width + x] & 1);
	return word ^ 5;
}

/* A mask is a matter of taste: what lies below is not. */
static void is_the_same(const struct bw_qr_symbol *s, const QRcode *q)
{
	int mask = mask_of(q);

	assert_int_equal(s->side, q->width);
	for (int y = 0; y < s->side; y++)
		for (int x = 0; x < s->side; x++) {
			int ours = s->modules[y * s->side + x], theirs = q->data[y * s->side + x];

			assert_int_equal(ours >> 1 & 1, (theirs & OTHER_FIXED) != 0);
			if (ours & 2 && mask != s->mask)
				continue; /* the format's bits differ then */
			ours ^= !(ours & 2) && bw_qr_masked(s->mask, x, y);
			theirs ^= !(ours & 2) && bw_qr_masked(mask, x, y);
			assert_int_equal(ours & 1, theirs & 1);
		}
}

TEST(qr_symbols_of_all_sizes_are_as_anothers)
{
	static struct bw_qr_symbol s;
	unsigned char bytes[MOST];
	int same = 0, all = 0;

	for (size_t n = 1; n <= MOST; n += n < 600 ? 7 : 31) {
		QRcode *q;

		for (size_t i = 0; i < n; i++)
			bytes[i] = (unsigned char)(i * 167 + n * 13 + i * i % 251);
		q = QRcode_encodeData((int)n, bytes, 0, QR_ECLEVEL_M);
		assert_non_null(q);
		assert_int_equal(bw_qr_symbol_make(bw_str_make(bytes, n), &s), BW_OK);
		is_the_same(&s, q);
		same += mask_of(q) == s.mask;
		all++;
		QRcode_free(q);
	}
	/* Patterns and formats were compared, too. */
	assert_true(same > all / 8);
}

/* At a size's ceiling, one above it, and at that of all. */
TEST(qr_symbols_grow_and_end)
{
	static const struct {
		size_t n;
		int side;
	} rows[] = {{0, 21}, {14, 21}, {15, 25}, {180, 53}, {181, 57}, {213, 57}, {214, 61}, {2331, 177}};
	static struct bw_qr_symbol s;
	static const char text[MOST + 1];

	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		assert_int_equal(bw_qr_symbol_make(bw_str_make(text, rows[i].n), &s), BW_OK);
		assert_int_equal(s.side, rows[i].side);
	}
	assert_int_equal(bw_qr_symbol_make(bw_str_make(text, MOST + 1), &s), BW_ETOOBIG);
}
