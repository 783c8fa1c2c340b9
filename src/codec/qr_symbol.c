/* Made here and not by a library: the seed that stands in such a code would stay in the library's memory,
 * which it frees without wiping it. Sections are of ISO/IEC 18004:2015. */
#include "codec/qr_symbol.h"

enum { VERSIONS = 40, CODEWORDS_MAX = 3706, CORRECTION_MAX = 30, DARK = 1, FIXED = 2, FIELD = 0x11d };

/* Of level M (table 9), by version: codewords for correction in each block, and how many blocks there are. */
static const unsigned char correction[VERSIONS + 1] = {0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22,
    24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    28};
static const unsigned char blocks[VERSIONS + 1] = {0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11,
    13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49};

struct codewords {
	unsigned char v[CODEWORDS_MAX];
	size_t bits;
};

/* ---- Sizes ---- */

static int alignment_count(int version)
{
	return version == 1 ? 0 : version / 7 + 2;
}

/* Where centres of alignment patterns are, in either direction (annex E): evenly from the far end, the first
 * at 6. */
static int alignment_at(int version, int i)
{
	int n = alignment_count(version),
	    step = version == 32 ? 26 : (version * 4 + n * 2 + 1) / (n * 2 - 2) * 2;

	return i == 0 ? 6 : version * 4 + 10 - (n - 1 - i) * step;
}

/* What the patterns of every symbol leave (table 1). */
static int codewords_of(int version)
{
	int side = 17 + 4 * version, n = alignment_count(version),
	    modules = side * side - 3 * 64 - 31 - 2 * (side - 16);

	/* Three places are taken by the finders; those in line with them lie on the timing patterns, 5
	 * modules each. */
	if (n)
		modules -= (n * n - 3) * 25 - (n - 2) * 2 * 5;
	if (version >= 7)
		modules -= 36;
	return modules / 8;
}

static size_t data_codewords(int version)
{
	return (size_t)(codewords_of(version) - correction[version] * blocks[version]);
}

static unsigned length_bits(int version)
{
	return version < 10 ? 8 : 16;
}

static int version_for(size_t bytes)
{
	for (int v = 1; v <= VERSIONS; v++)
		if (4 + length_bits(v) + 8 * bytes <= 8 * data_codewords(v))
			return v;
	return 0;
}

/* ---- Codewords (sections 7.4 to 7.6) ---- */

static void bits_put(struct codewords *c, unsigned value, unsigned n)
{
	while (n--) {
		c->v[c->bits / 8] |= (unsigned char)((value >> n & 1) << (7 - c->bits % 8));
		c->bits++;
	}
}

static void data_put(struct codewords *c, struct bw_str bytes, int version)
{
	size_t room = 8 * data_codewords(version);

	bits_put(c, 4, 4); /* bytes follow */
	bits_put(c, (unsigned)bytes.n, length_bits(version));
	for (size_t i = 0; i < bytes.n; i++)
		bits_put(c, (unsigned char)bytes.p[i], 8);
	bits_put(c, 0, room - c->bits < 4 ? (unsigned)(room - c->bits) : 4);
	bits_put(c, 0, (8 - c->bits % 8) % 8);
	for (unsigned pad = 0xec; c->bits < room; pad ^= 0xec ^ 0x11)
		bits_put(c, pad, 8);
}

static unsigned char product(unsigned char a, unsigned char b)
{
	unsigned p = 0;

	for (int i = 7; i >= 0; i--) {
		p = p << 1 ^ (p >> 7 ? FIELD : 0);
		p ^= b >> i & 1 ? a : 0;
	}
	return (unsigned char)p;
}

/* (x - 1)(x - 2)(x - 4) ..., without its first coefficient. */
static void generator_make(size_t n, unsigned char g[CORRECTION_MAX])
{
	unsigned char root = 1;

	memset(g, 0, CORRECTION_MAX);
	g[n - 1] = 1;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++)
			g[k] = product(g[k], root) ^ (k + 1 < n ? g[k + 1] : 0);
		root = product(root, 2);
	}
}

/* What dividing the data by the generator leaves. */
static void correction_make(
    const unsigned char *data, size_t data_n, const unsigned char *g, size_t n, unsigned char *out)
{
	memset(out, 0, n);
	for (size_t i = 0; i < data_n; i++) {
		unsigned char factor = data[i] ^ out[0];

		memmove(out, out + 1, n - 1);
		out[n - 1] = 0;
		for (size_t k = 0; k < n; k++)
			out[k] ^= product(g[k], factor);
	}
}

/* Blocks take turns, first with their data, then with what corrects it; the later ones may be one codeword
 * longer. */
static void interleave(const struct codewords *data, int version, struct codewords *out)
{
	size_t count = blocks[version], n = correction[version], all = (size_t)codewords_of(version), at = 0;
	size_t less = all / count - n, shorter = count - all % count, data_all = data_codewords(version);
	unsigned char g[CORRECTION_MAX], extra[CORRECTION_MAX];

	generator_make(n, g);
	for (size_t b = 0; b < count; b++) {
		size_t mine = less + (b >= shorter);

		for (size_t i = 0; i < mine; i++)
			out->v[i < less ? i * count + b : less * count + b - shorter] = data->v[at + i];
		correction_make(data->v + at, mine, g, n, extra);
		for (size_t i = 0; i < n; i++)
			out->v[data_all + i * count + b] = extra[i];
		at += mine;
	}
	out->bits = 8 * all;
	bw_wipe(extra, sizeof extra);
}

/* ---- Modules (sections 6.3, 7.7 to 7.10) ---- */

static unsigned char *at(struct bw_qr_symbol *s, int x, int y)
{
	return &s->modules[y * s->side + x];
}

static void fix(struct bw_qr_symbol *s, int x, int y, bool dark)
{
	if (x >= 0 && y >= 0 && x < s->side && y < s->side)
		*at(s, x, y) = (unsigned char)(FIXED | (dark ? DARK : 0));
}

/* Squares one in another around a centre: rings at these distances are light. */
static void squares_fix(struct bw_qr_symbol *s, int cx, int cy, int reach, unsigned light)
{
	for (int y = -reach; y <= reach; y++)
		for (int x = -reach; x <= reach; x++) {
			int ax = x < 0 ? -x : x, ay = y < 0 ? -y : y;

			fix(s, cx + x, cy + y, !(light >> (ax > ay ? ax : ay) & 1));
		}
}

static unsigned remainder_of(unsigned value, unsigned divisor, int bits)
{
	unsigned r = value;

	for (int i = 0; i < bits; i++)
		r = r << 1 ^ (r >> (bits - 1) & 1 ? divisor : 0);
	return r & ((1u << bits) - 1);
}

static void version_fix(struct bw_qr_symbol *s, int version)
{
	unsigned word = (unsigned)version << 12 | remainder_of((unsigned)version, 0x1f25, 12);

	for (int i = 0; i < 18; i++) {
		fix(s, i / 3, s->side - 11 + i % 3, word >> i & 1);
		fix(s, s->side - 11 + i % 3, i / 3, word >> i & 1);
	}
}

/* Level M is 0. */
static void format_fix(struct bw_qr_symbol *s, int mask)
{
	unsigned word = ((unsigned)mask << 10 | remainder_of((unsigned)mask, 0x537, 10)) ^ 0x5412;

	for (int i = 0; i < 15; i++) {
		bool dark = word >> i & 1;

		/* Around the first finder, past the timing patterns; then along the two others. */
		if (i < 8)
			fix(s, 8, i < 6 ? i : i + 1, dark);
		else
			fix(s, i == 8 ? 7 : 14 - i, 8, dark);
		if (i < 8)
			fix(s, s->side - 1 - i, 8, dark);
		else
			fix(s, 8, s->side - 15 + i, dark);
	}
	fix(s, 8, s->side - 8, true);
}

static void patterns_fix(struct bw_qr_symbol *s, int version)
{
	int last = s->side - 4, n = alignment_count(version);

	for (int i = 0; i < s->side; i++) {
		fix(s, i, 6, i % 2 == 0);
		fix(s, 6, i, i % 2 == 0);
	}
	squares_fix(s, 3, 3, 4, 1u << 2 | 1u << 4);
	squares_fix(s, last, 3, 4, 1u << 2 | 1u << 4);
	squares_fix(s, 3, last, 4, 1u << 2 | 1u << 4);
	for (int y = 0; y < n; y++)
		for (int x = 0; x < n; x++)
			if ((x || y) && (x || y != n - 1) && (y || x != n - 1))
				squares_fix(
				    s, alignment_at(version, x), alignment_at(version, y), 2, 1u << 1);
	format_fix(s, 0);
	if (version >= 7)
		version_fix(s, version);
}

/* In columns of two from the right, upwards and downwards in turn, around what is fixed. */
static void data_place(struct bw_qr_symbol *s, const struct codewords *c)
{
	size_t bit = 0;
	bool up = true;

	for (int right = s->side - 1; right > 0; right -= 2, up = !up) {
		if (right == 6)
			right--;
		for (int i = 0; i < s->side; i++)
			for (int x = right; x > right - 2; x--) {
				unsigned char *m = at(s, x, up ? s->side - 1 - i : i);

				if (*m & FIXED || bit >= c->bits)
					continue;
				*m = c->v[bit / 8] >> (7 - bit % 8) & DARK;
				bit++;
			}
	}
}

bool bw_qr_masked(int mask, int x, int y)
{
	const int rests[] = {(x + y) % 2, y % 2, x % 3, (x + y) % 3, (y / 2 + x / 3) % 2,
	    x * y % 2 + x * y % 3, (x * y % 2 + x * y % 3) % 2, ((x + y) % 2 + x * y % 3) % 2};

	return rests[mask] == 0;
}

static void mask_turn(struct bw_qr_symbol *s, int mask)
{
	for (int y = 0; y < s->side; y++)
		for (int x = 0; x < s->side; x++)
			if (!(*at(s, x, y) & FIXED) && bw_qr_masked(mask, x, y))
				*at(s, x, y) ^= DARK;
	format_fix(s, mask);
	s->mask = mask;
}

/* ---- Which mask (section 7.8.3) ---- */

/* Of a line, as bits of the last modules: five of a colour, and what looks like a finder. */
static int line_penalty(struct bw_qr_symbol *s, int line, bool column)
{
	unsigned last = 0;
	int penalty = 0, run = 0;

	for (int i = 0; i < s->side; i++) {
		unsigned dark = *(column ? at(s, line, i) : at(s, i, line)) & DARK;

		run = i && (last & 1) == dark ? run + 1 : 1;
		penalty += run == 5 ? 3 : run > 5;
		last = (last << 1 | dark) & 0x7ff;
		penalty += i >= 10 && (last == 0x05d || last == 0x5d0) ? 40 : 0;
	}
	return penalty;
}

static int blocks_penalty(struct bw_qr_symbol *s)
{
	int penalty = 0;

	for (int y = 1; y < s->side; y++)
		for (int x = 1; x < s->side; x++) {
			int dark = (*at(s, x, y) & DARK) + (*at(s, x - 1, y) & DARK) +
			           (*at(s, x, y - 1) & DARK) + (*at(s, x - 1, y - 1) & DARK);

			penalty += dark % 4 ? 0 : 3;
		}
	return penalty;
}

static int penalty_of(struct bw_qr_symbol *s)
{
	int penalty = blocks_penalty(s), dark = 0, all = s->side * s->side, off;

	for (int i = 0; i < s->side; i++)
		penalty += line_penalty(s, i, false) + line_penalty(s, i, true);
	for (int i = 0; i < all; i++)
		dark += s->modules[i] & DARK;
	off = dark * 2 > all ? dark * 2 - all : all - dark * 2;
	return penalty + off * 10 / all * 10; /* for each twentieth that it is away from half */
}

static void mask_choose(struct bw_qr_symbol *s)
{
	int best = 0, least = 0;

	for (int mask = 0; mask < 8; mask++) {
		int penalty;

		mask_turn(s, mask);
		penalty = penalty_of(s);
		if (mask == 0 || penalty < least) {
			best = mask;
			least = penalty;
		}
		mask_turn(s, mask);
	}
	mask_turn(s, best);
}

enum bw_err bw_qr_symbol_make(struct bw_str bytes, struct bw_qr_symbol *out)
{
	int version = version_for(bytes.n);
	struct codewords *c;

	CHECK(version, BW_ETOOBIG);
	c = bw_alloc(2 * sizeof *c);
	data_put(&c[0], bytes, version);
	interleave(&c[0], version, &c[1]);
	memset(out, 0, sizeof *out);
	out->side = 17 + 4 * version;
	patterns_fix(out, version);
	data_place(out, &c[1]);
	mask_choose(out);
	bw_free(c);
	return BW_OK;
}
