#include "hpack_heard.h"

#include <stdio.h>

/* ---- what is heard ---- */

static bool field(void *ctx, const struct bw_hpack_field *f)
{
	struct heard *h = ctx;

	if (f->never)
		bw_buf_put(&h->lines, BW_STR("!"));
	bw_buf_put(&h->lines, f->name);
	bw_buf_put(&h->lines, BW_STR(": "));
	bw_buf_put(&h->lines, f->value);
	bw_buf_put(&h->lines, BW_STR("\n"));
	return ++h->count != h->count_max;
}

void heard_init(struct heard *h)
{
	bw_hpack_decoder_init(&h->decoder);
	bw_buf_init(&h->lines, 1 << 20);
	h->sink = (struct bw_hpack_sink){.field = field, .ctx = h, .room = h->room, .list_max = ROOM_BYTES};
	h->count_max = 0;
}

void heard_free(struct heard *h)
{
	bw_buf_free(&h->lines);
}

/* A copy of just these bytes lets the address sanitizer see a read past them. */
bool heard_decode(struct heard *h, struct bw_str block)
{
	char *copy = bw_alloc(block.n);
	bool good;

	if (block.n)
		memcpy(copy, block.p, block.n);
	h->lines.n = h->count = 0;
	good = bw_hpack_decode(&h->decoder, bw_str_make(copy, block.n), &h->sink);
	bw_free(copy);
	return good;
}

struct bw_str unhex(const char *digits)
{
	static char bytes[8192];
	size_t n = 0;
	unsigned byte;

	for (; *digits; digits += 2) {
		while (*digits == ' ')
			digits++;
		assert_true(n < sizeof bytes && sscanf(digits, "%2x", &byte) == 1);
		bytes[n++] = (char)byte;
	}
	return bw_str_make(bytes, n);
}

/* ---- RFC 7541, appendix C ---- */

struct example {
	const char *block, *lines;
	size_t size; /* of the table, then */
};

static void assert_examples(const struct example *examples, size_t count, size_t table_bytes)
{
	static struct heard h;
	char resize[8];

	heard_init(&h);
	if (table_bytes < BW_HPACK_TABLE_BYTES) {
		snprintf(resize, sizeof resize, "3f%02x%02x", (unsigned)(table_bytes - 31) % 128 + 128,
		    (unsigned)(table_bytes - 31) / 128);
		assert_true(heard_decode(&h, unhex(resize)));
	}
	for (size_t i = 0; i < count; i++) {
		assert_true(heard_decode(&h, unhex(examples[i].block)));
		assert_str(bw_buf_str(&h.lines), examples[i].lines);
		assert_int_equal(h.decoder.table.size, examples[i].size);
	}
	heard_free(&h);
}

TEST(hpack_examples_of_each_representation)
{
	static const struct example
	    literal = {"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
	        "custom-key: custom-header\n", 55},
	    once = {"040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path\n", 0},
	    never = {"1008 7061 7373 776f 7264 0673 6563 7265 74", "!password: secret\n", 0},
	    indexed = {"82", ":method: GET\n", 0};

	assert_examples(&literal, 1, BW_HPACK_TABLE_BYTES);
	assert_examples(&once, 1, BW_HPACK_TABLE_BYTES);
	assert_examples(&never, 1, BW_HPACK_TABLE_BYTES);
	assert_examples(&indexed, 1, BW_HPACK_TABLE_BYTES);
}

#define REQUEST_1 ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define REQUEST_2 REQUEST_1 "cache-control: no-cache\n"
#define REQUEST_3                                                                                            \
	":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: "        \
	"custom-value\n"

TEST(hpack_examples_of_requests)
{
	static const struct example plain[] = {
	    {"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", REQUEST_1, 57},
	    {"8286 84be 5808 6e6f 2d63 6163 6865", REQUEST_2, 110},
	    {"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", REQUEST_3, 164}};
	static const struct example coded[] = {{"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", REQUEST_1, 57},
	    {"8286 84be 5886 a8eb 1064 9cbf", REQUEST_2, 110},
	    {"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", REQUEST_3, 164}};

	assert_examples(plain, BW_COUNT(plain), BW_HPACK_TABLE_BYTES);
	assert_examples(coded, BW_COUNT(coded), BW_HPACK_TABLE_BYTES);
}

#define ANSWER(status, date)                                                                                 \
	":status: " status "\ncache-control: private\ndate: " date "\nlocation: https://www.example.com\n"
#define DATE_1 "Mon, 21 Oct 2013 20:13:21 GMT"
#define DATE_2 "Mon, 21 Oct 2013 20:13:22 GMT"
#define ANSWER_3                                                                                             \
	ANSWER("200", DATE_2)                                                                                \
	"content-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

/* Fields leave the table of 256 bytes. */
TEST(hpack_examples_of_answers)
{
	static const struct example plain[] = {
	    {"4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 "
	     "3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
	        ANSWER("302", DATE_1), 222},
	    {"4803 3330 37c1 c0bf", ANSWER("307", DATE_1), 222},
	    {"88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a "
	     "6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d "
	     "6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
	        ANSWER_3, 215}};
	static const struct example coded[] = {
	    {"4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d "
	     "29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
	        ANSWER("302", DATE_1), 222},
	    {"4883 640e ffc1 c0bf", ANSWER("307", DATE_1), 222},
	    {"88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d "
	     "d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 "
	     "3d50 07",
	        ANSWER_3, 215}};

	assert_examples(plain, BW_COUNT(plain), 256);
	assert_examples(coded, BW_COUNT(coded), 256);
}

/* ---- refusals ---- */

struct spelling {
	const char *block;
	bool good;
};

static const struct spelling spellings[] = {
    {"", true},
    /* indices */
    {"80", false},
    {"bd", true},
    {"be", false},
    {"400161 0162 be", true},
    {"400161 0162 bf", false},
    {"7e 0162", false},
    {"7d 0162", true},
    {"0f2e 0162", true},
    {"0f2f 0162", false},
    {"400161 0162 7e0163", true},
    {"400161 0162 7f 00 0163", false},
    /* integers: whole, of 32 bits at most, in no more bytes than these have */
    {"ff", false},
    {"ff80", false},
    {"ff00", false},
    {"1f00 0162", true},
    {"1f8000 0162", true},
    {"1f80808000 0162", true},
    {"1f8080808000 0162", true},
    {"1f808080808000 0162", false},
    {"fff1ffffff0f", false},
    {"ff81ffffff0f", false},
    {"ffffffffff7f", false},
    {"ffffffffffffffffffff01", false},
    {"0001617f81ffffff0f", false},
    /* strings: no longer than the block */
    {"00", false},
    {"0001", false},
    {"000161", false},
    {"00016100", true},
    {"00016101", false},
    {"0001610162", true},
    {"0001610262", false},
    {"0000 00", true},
    /* codes: filled up with at most seven ones; without the code that ends a string */
    {"000161 80", true},
    {"000161 811f", true},
    {"000161 8107", true},
    {"000161 8100", false},
    {"000161 8118", false},
    {"000161 811e", false},
    {"000161 81ff", false},
    {"000161 82 1fff", false},
    {"000161 83 ffffff", false},
    {"000161 84 ffffffff", false},
    {"000161 84 fffffffc", false},
    {"000161 84 fffffff3", true},
    {"000161 84 fffffff7", true},
    {"000161 84 fffffffb", true},
    {"000161 89 ffffffff1f1f1f1f1f", false},
    {"000161 88 f8f8f8f8f8f8f8f8", true},
    {"000161 88 f8f8f8f8f8f8f8fe", false},
    {"000161 81fe", false},
    {"000161 82 fe3f", true},
    {"000161 82 fe00", false},
    /* sizes: at the beginning, twice at most, no larger than what was announced */
    {"20", true},
    {"3f e11f", true},
    {"3f e21f", false},
    {"3f ffffff0f", false},
    {"20 3fe11f", true},
    {"20 20 20", false},
    {"20 82", true},
    {"82 20", false},
    {"20 82 20", false},
    {"20 400161 0162 be", false},
    {"3f02 400161 00 be", true},
    {"3f01 400161 00 be", false},
};

TEST(hpack_one_spelling)
{
	static struct heard h;

	for (size_t i = 0; i < BW_COUNT(spellings); i++) {
		heard_init(&h);
		if (heard_decode(&h, unhex(spellings[i].block)) != spellings[i].good)
			fail_msg("%s is %staken", spellings[i].block, spellings[i].good ? "not " : "");
		heard_free(&h);
	}
}

/* What is heard of a block's beginning is refused or is the beginning of what is heard of the whole. */
TEST(hpack_prefixes)
{
	static struct heard h;
	struct bw_str block =
	    unhex("8287 85 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf be 1f0803616263 be");
	struct bw_str whole =
	    BW_STR(":method: GET\n:scheme: https\n:path: /index.html\ncustom-key: custom-value\n"
	           "custom-key: custom-value\n!authorization: abc\ncustom-key: custom-value\n");

	for (size_t n = 0; n <= block.n; n++) {
		bool good;

		heard_init(&h);
		good = heard_decode(&h, bw_str_sub(block, 0, n));
		if (n == block.n)
			assert_true(good && bw_str_eq(bw_buf_str(&h.lines), whole));
		assert_true(bw_str_starts(whole, bw_buf_str(&h.lines)));
		heard_free(&h);
	}
}

/* ---- ceilings ---- */

static void block_literal(struct bw_buf *b, char first, size_t name_n, size_t value_n)
{
	static const char fill[ROOM_BYTES] = {0};
	size_t parts[] = {name_n, value_n};

	bw_buf_put(b, bw_str_make(&first, 1));
	for (size_t i = 0; i < 2; i++) {
		size_t n = parts[i] - 127;
		char length[] = {0x7f, (char)(n & 0x7f) | (char)0x80, (char)(n >> 7 & 0x7f) | (char)0x80,
		    (char)(n >> 14 & 0x7f)};

		bw_buf_put(b, bw_str_make(length, sizeof length));
		bw_buf_put(b, bw_str_make(fill, parts[i]));
	}
}

/* Whether a field of so many bytes is in the table then. */
static bool is_remembered(size_t name_n, size_t value_n)
{
	static struct heard h;
	struct bw_buf b;
	bool good;

	heard_init(&h);
	bw_buf_init(&b, 1 << 20);
	bw_buf_put(&b, unhex("400161 0162"));
	block_literal(&b, 0x40, name_n, value_n);
	assert_true(heard_decode(&h, bw_buf_str(&b)));
	assert_int_equal(h.count, 2);
	assert_false(heard_decode(&h, unhex("bf"))); /* what was there before had to go */
	good = heard_decode(&h, unhex("be"));
	assert_int_equal(h.decoder.table.size, good ? name_n + value_n + 32 : 0);
	bw_buf_free(&b);
	heard_free(&h);
	return good;
}

TEST(hpack_table_is_filled_by_one_field)
{
	assert_true(is_remembered(1000, BW_HPACK_TABLE_BYTES - 1032 - 1));
	assert_true(is_remembered(1000, BW_HPACK_TABLE_BYTES - 1032));
	assert_false(is_remembered(1000, BW_HPACK_TABLE_BYTES - 1032 + 1));
}

/* 128 fields without any bytes are as many as there can be. */
TEST(hpack_table_of_empty_fields)
{
	static struct heard h;
	struct bw_buf b;

	heard_init(&h);
	bw_buf_init(&b, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		b.n = 0;
		bw_buf_put(&b, unhex("400000"));
		assert_true(heard_decode(&h, bw_buf_str(&b)));
		assert_int_equal(h.decoder.table.size, i < 128 ? 32 * (i + 1) : BW_HPACK_TABLE_BYTES);
	}
	assert_true(heard_decode(&h, unhex("ff3e")));
	assert_false(heard_decode(&h, unhex("ff3f")));
	bw_buf_free(&b);
	heard_free(&h);
}

/* Fields of every length: each is found with all its bytes, wherever it has been moved to. */
TEST(hpack_table_keeps_what_is_in_it)
{
	static struct heard h;
	char block[300], line[300];

	heard_init(&h);
	for (int i = 0; i < 20000; i++) {
		int n = i * 7 % 120, made = snprintf(block, sizeof block, "@%c%05d%c", 5, i % 99999, n);

		memset(block + made, 'a' + i % 26, (size_t)n);
		assert_true(heard_decode(&h, bw_str_make(block, (size_t)(made + n))));
		for (int age = 0; age < 20 && age <= i; age++) {
			char index = (char)(0x80 | (62 + age));

			made = snprintf(line, sizeof line, "%05d: ", i - age);
			memset(line + made, 'a' + (i - age) % 26, (size_t)((i - age) * 7 % 120));
			line[made + (i - age) * 7 % 120] = '\n';
			assert_true(heard_decode(&h, bw_str_make(&index, 1)));
			assert_true(bw_str_eq(bw_buf_str(&h.lines),
			    bw_str_make(line, (size_t)(made + (i - age) * 7 % 120 + 1))));
		}
	}
	heard_free(&h);
}

/* A small block that stands for a long list: no more is heard of than was asked for, and the table is right.
 */
TEST(hpack_list_below_at_and_above_the_limit)
{
	static struct heard h;
	struct bw_buf b;
	size_t each = 2000 + 2000 + 32, most = ROOM_BYTES / each;

	heard_init(&h);
	bw_buf_init(&b, 1 << 20);
	block_literal(&b, 0x40, 2000, 2000);
	assert_true(heard_decode(&h, bw_buf_str(&b)));
	b.n = 0;
	for (size_t i = 0; i < most; i++)
		bw_buf_put(&b, BW_STR("\xbe"));
	h.sink.list_max = most * each;
	assert_true(heard_decode(&h, bw_buf_str(&b)));
	assert_true(h.count == most && !h.sink.too_large && h.sink.list_bytes == h.sink.list_max);
	h.sink.list_max--;
	assert_true(heard_decode(&h, bw_buf_str(&b)));
	assert_true(h.count == most - 1 && h.sink.too_large && h.sink.list_bytes == (most - 1) * each);
	for (size_t i = 0; i < 50000; i++)
		bw_buf_put(&b, BW_STR("\xbe"));
	bw_buf_put(&b, BW_STR("\x40\x01"
	                      "a"
	                      "\x01"
	                      "b"));
	assert_true(heard_decode(&h, bw_buf_str(&b)));
	assert_true(h.count == most - 1 && h.sink.too_large);
	assert_true(heard_decode(&h, BW_STR("\xbe")));
	assert_str(bw_buf_str(&h.lines), "a: b\n");
	bw_buf_free(&b);
	heard_free(&h);
}

/* Strings in code that the room has no place for, of a field that enters the table and of one that is too
 * large for it. */
static void coded_beyond_the_room(size_t value_n, bool remembered)
{
	static struct heard h;
	struct bw_buf b;
	size_t n = value_n * 5 / 8;
	char fields[] = {0x40, (char)0x81, 0x1f, (char)0xff, (char)((n - 127) & 0x7f) | (char)0x80,
	    (char)((n - 127) >> 7)};

	heard_init(&h);
	bw_buf_init(&b, 1 << 20);
	h.sink.list_max = 6000;
	assert_int_equal(value_n % 8, 0);
	block_literal(&b, 0, 2000, 2000);
	block_literal(&b, 0x40, 500, 500);
	bw_buf_put(&b, bw_str_make(fields, sizeof fields));
	for (size_t i = 0; i < n; i++)
		bw_buf_put(&b, BW_STR("\0")); /* zeros are "0"s */
	assert_true(heard_decode(&h, bw_buf_str(&b)));
	assert_true(h.sink.too_large && h.count == 2);
	assert_int_equal(heard_decode(&h, unhex("be")), remembered);
	if (remembered) {
		assert_true(bw_str_starts(bw_buf_str(&h.lines), BW_STR("a: 00000000")));
		assert_int_equal(h.lines.n, value_n + 4);
	}
	bw_buf_free(&b);
	heard_free(&h);
}

TEST(hpack_codes_beyond_the_room)
{
	coded_beyond_the_room(1600, true);
	coded_beyond_the_room(4056, true);
	coded_beyond_the_room(4064, false);
	coded_beyond_the_room(8000, false);
}

TEST(hpack_nobody_hears_more_than_he_wants)
{
	static struct heard h;

	heard_init(&h);
	h.count_max = 2;
	assert_true(heard_decode(&h, unhex("8287 400161 0162 84")));
	assert_str(bw_buf_str(&h.lines), ":method: GET\n:scheme: https\n");
	h.count_max = 0;
	assert_true(heard_decode(&h, unhex("be")));
	assert_str(bw_buf_str(&h.lines), "a: b\n");
	heard_free(&h);
}
