/* The code of strings (RFC 7541, appendix B). It is canonical: within a length, codes count up as the symbols
 * do, and longer ones are larger. So lengths and the order of symbols say all. */
#include <endian.h>

#include "net/hpack_table.h"

/* By its code. */
static const uint8_t symbols[256] = {48, 49, 50, 97, 99, 101, 105, 111, 115, 116, 32, 37, 45, 46, 47, 51, 52,
    53, 54, 55, 56, 57, 61, 65, 95, 98, 100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58, 66, 67, 68, 69,
    70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89, 106, 107, 113, 118, 119, 120,
    121, 122, 38, 42, 44, 59, 88, 90, 33, 34, 40, 41, 63, 39, 43, 124, 35, 62, 0, 36, 64, 91, 93, 126, 94,
    125, 60, 96, 123, 92, 195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179,
    209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178,
    181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233, 1, 135, 137, 138, 139, 140, 141, 143, 147, 149,
    150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9, 142,
    144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210,
    213, 218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247,
    248, 250, 251, 252, 253, 254, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 127, 220, 249, 10, 13, 22};

/* By the symbol: its place among them, and its code's length. */
static const uint8_t ranks[256] = {84, 145, 224, 225, 226, 227, 228, 229, 230, 174, 253, 231, 232, 254, 233,
    234, 235, 236, 237, 238, 239, 240, 255, 241, 242, 243, 244, 245, 246, 247, 248, 249, 10, 74, 75, 82, 85,
    11, 68, 79, 76, 77, 69, 80, 70, 12, 13, 14, 0, 1, 2, 15, 16, 17, 18, 19, 20, 21, 36, 71, 92, 22, 83, 78,
    86, 23, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 72, 59,
    73, 87, 95, 88, 90, 24, 93, 3, 25, 4, 26, 5, 27, 28, 29, 6, 60, 61, 30, 31, 32, 7, 33, 62, 34, 8, 9, 35,
    63, 64, 65, 66, 67, 94, 81, 91, 89, 250, 98, 119, 99, 100, 120, 121, 122, 146, 123, 147, 148, 149, 150,
    151, 175, 152, 176, 177, 124, 153, 178, 154, 155, 156, 157, 106, 125, 158, 126, 159, 160, 179, 127, 107,
    101, 128, 129, 161, 162, 108, 163, 130, 131, 180, 109, 132, 164, 165, 110, 111, 133, 112, 166, 134, 167,
    168, 102, 135, 136, 137, 169, 138, 139, 170, 190, 191, 103, 96, 140, 171, 141, 186, 192, 193, 194, 205,
    206, 195, 181, 187, 97, 113, 196, 207, 208, 197, 209, 182, 114, 115, 198, 199, 251, 210, 211, 212, 104,
    183, 105, 116, 142, 117, 118, 172, 143, 144, 188, 189, 184, 185, 200, 173, 201, 213, 202, 203, 214, 215,
    216, 217, 218, 252, 219, 220, 221, 222, 223, 204};
static const uint8_t lengths[256] = {13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28,
    28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6,
    6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7,
    6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24,
    23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23,
    22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20,
    19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27,
    27, 27, 28, 27, 27, 27, 27, 27, 26};

/* By a code's length: what the codes so long lie below, when they stand at the front of 32 bits; and by how
 * much their place among all, modulo 2^32, is more than themselves. */
static const struct {
	uint32_t below, shift;
} codes[CODE_LONGEST + 1] = {
    [5] = {0x50000000, 0x00000000},
    [6] = {0xb8000000, 0xfffffff6},
    [7] = {0xf8000000, 0xffffffc8},
    [8] = {0xfe000000, 0xffffff4c},
    [9] = {0xfe000000, 0},
    [10] = {0xff400000, 0xfffffc52},
    [11] = {0xffa00000, 0xfffff855},
    [12] = {0xffc00000, 0xfffff058},
    [13] = {0xfff00000, 0xffffe05c},
    [14] = {0xfff80000, 0xffffc05e},
    [15] = {0xfffe0000, 0xffff8060},
    [16 ... 18] = {0xfffe0000, 0},
    [19] = {0xfffe6000, 0xfff8006f},
    [20] = {0xfffee000, 0xfff0007c},
    [21] = {0xffff4800, 0xffe0008e},
    [22] = {0xffffb000, 0xffc000a5},
    [23] = {0xffffea00, 0xff8000b9},
    [24] = {0xfffff600, 0xff0000c4},
    [25] = {0xfffff800, 0xfe0000ce},
    [26] = {0xfffffbc0, 0xfc0000de},
    [27] = {0xfffffe20, 0xf80000ef},
    [28] = {0xfffffff0, 0xf00000fe},
    [29] = {0xfffffff0, 0},
    [30] = {0xfffffffc, 0xc0000101},
};

/* By its first eight bits, the length of a code that has no more. */
static const uint8_t short_lengths[256] = {
    [0x00 ... 0x4f] = 5, [0x50 ... 0xb7] = 6, [0xb8 ... 0xf7] = 7, [0xf8 ... 0xfd] = 8};

/* ---- writing ---- */

size_t hpack_code_length(struct bw_str s)
{
	size_t bits = 0;

	for (size_t i = 0; i < s.n; i++)
		bits += lengths[(uint8_t)s.p[i]];
	return (bits + 7) / 8;
}

void hpack_code_put(struct bw_str s, char *to)
{
	uint64_t bits = 0; /* the last `held` of them are to be written */
	unsigned held = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t symbol = (uint8_t)s.p[i], n = lengths[symbol];
		uint32_t code = ranks[symbol] - codes[n].shift;

		bits = bits << n | code;
		held += n;
		if (held >= 32) {
			uint32_t four = htobe32((uint32_t)(bits >> (held -= 32)));

			memcpy(to, &four, 4);
			to += 4;
		}
	}
	for (; held >= 8; held -= 8)
		*to++ = (char)(bits >> (held - 8));
	if (held) /* filled up with the beginning of the code that ends a string, which is ones */
		*to = (char)(bits << (8 - held) | 0xffu >> held);
}

/* ---- reading ---- */

/* Bits at the front of `bits`; `held` of them are the code's, behind which are zeros. */
struct bits {
	uint64_t bits;
	unsigned held;
	const char *p, *end;
};

static inline void bits_fill(struct bits *b)
{
	if (b->end - b->p >= 8) {
		uint64_t next;
		unsigned more = (63 - b->held) / 8;

		memcpy(&next, b->p, 8);
		next = be64toh(next) & ~(UINT64_MAX >> (8 * more));
		b->bits |= next >> b->held;
		b->p += more;
		b->held += 8 * more;
		return;
	}
	for (; b->held <= 56 && b->p < b->end; b->held += 8)
		b->bits |= (uint64_t)(uint8_t)*b->p++ << (56 - b->held);
}

/* 0: the code that ends a string, which may not be written (5.2). */
static unsigned long_length(uint32_t front)
{
	for (unsigned n = 10; n <= CODE_LONGEST; n++)
		if (front < codes[n].below)
			return n;
	return 0;
}

static inline unsigned next_length(uint64_t bits)
{
	unsigned n = short_lengths[bits >> 56];

	return __builtin_expect(n != 0, 1) ? n : long_length((uint32_t)(bits >> 32));
}

static inline char symbol_of(uint64_t bits, unsigned length)
{
	return (char)symbols[(uint8_t)((uint32_t)(bits >> (64 - length)) + codes[length].shift)];
}

/* What is left of a code, fewer bits than the longest symbol has: symbols, and at most seven ones (5.2). */
static size_t rest_read(struct bits b, char *to, size_t room, size_t n)
{
	unsigned length;

	b.bits |= b.held ? UINT64_MAX >> b.held : UINT64_MAX;
	while (b.bits != UINT64_MAX) {
		length = next_length(b.bits);
		if (length > b.held)
			return SIZE_MAX;
		if (n < room)
			to[n] = symbol_of(b.bits, length);
		n++;
		b.bits = b.bits << length | ((UINT64_C(1) << length) - 1);
		b.held -= length;
	}
	return b.held <= 7 ? n : SIZE_MAX;
}

size_t hpack_code_read(struct bw_str code, char *to, size_t room)
{
	struct bits b = {.p = code.p, .end = code.p + code.n};
	size_t n = 0;

	for (;;) {
		bits_fill(&b);
		if (b.held < CODE_LONGEST)
			return rest_read(b, to, room, n);
		do {
			unsigned length = next_length(b.bits);

			if (!length)
				return SIZE_MAX;
			if (n < room)
				to[n] = symbol_of(b.bits, length);
			n++;
			b.bits <<= length;
			b.held -= length;
		} while (b.held >= CODE_LONGEST);
	}
}
