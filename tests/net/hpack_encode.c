#include "hpack_heard.h"

#include <stdio.h>

static struct bw_hpack_encoder encoder;
static struct heard heard;
static char block[1 << 17];

static void both_init(void)
{
	bw_hpack_encoder_init(&encoder);
	heard_init(&heard);
}

/* Encodes and decodes again; returns the block's length. */
static size_t both(const struct bw_hpack_field *fields, size_t count)
{
	size_t n = bw_hpack_encode(&encoder, fields, count, block, sizeof block);

	assert_true(n <= bw_hpack_bound(fields, count));
	assert_true(heard_decode(&heard, bw_str_make(block, n)));
	assert_int_equal(heard.decoder.table.size, encoder.table.size);
	assert_int_equal(heard.decoder.table.max, encoder.table.max);
	return n;
}

#define FIELD(name, value)                                                                                   \
	{                                                                                                    \
		{name, sizeof name - 1}, {value, sizeof value - 1}, false                                    \
	}

static void assert_block(const char *digits, size_t n)
{
	struct bw_str want = unhex(digits);

	assert_true(bw_str_eq(bw_str_make(block, n), want));
}

TEST(hpack_encodes_what_the_static_table_has_in_a_byte)
{
	static const struct bw_hpack_field fields[] = {FIELD(":status", "200"), FIELD(":status", "500"),
	    FIELD(":method", "POST"), FIELD(":PATH", "/index.html"),
	    FIELD("Accept-Encoding", "gzip, deflate"), FIELD("via", ""), FIELD("www-authenticate", "")};

	both_init();
	assert_block("88 8e 83 85 90 bc bd", both(fields, BW_COUNT(fields)));
	assert_int_equal(encoder.table.size, 0);
	heard_free(&heard);
}

/* Each name of the static table is found there. */
TEST(hpack_finds_every_static_name)
{
	for (unsigned index = 1; index <= 61; index++) {
		char octet = (char)(0x80 | index);
		struct bw_str line, name;
		struct bw_hpack_field f = {.value = BW_STR("x")};

		both_init();
		assert_true(heard_decode(&heard, bw_str_make(&octet, 1)));
		line = bw_buf_str(&heard.lines);
		f.name = name = bw_str_sub(line, 0, (size_t)bw_str_find(line, ':', 1));
		f.name.p = bw_strdup(name);
		assert_true(bw_hpack_encode(&encoder, &f, 1, block, sizeof block) <= 5); /* "x" is coded */
		assert_true((block[0] & 0x0f) != 0);
		heard_free(&heard);
		bw_free((char *)(uintptr_t)f.name.p);
	}
}

TEST(hpack_remembers_what_comes_twice)
{
	static const struct bw_hpack_field fields[] = {
	    FIELD("Server", "nobody's"), FIELD("X-Kind", "some kind")};

	both_init();
	both(fields, 2);
	assert_int_equal(encoder.table.size, 0);
	assert_str(bw_buf_str(&heard.lines), "server: nobody's\nx-kind: some kind\n");
	both(fields, 2);
	assert_int_equal(encoder.table.size, 2 * 32 + 6 + 8 + 6 + 9);
	assert_block("bf be", both(fields, 2));
	assert_str(bw_buf_str(&heard.lines), "server: nobody's\nx-kind: some kind\n");
	heard_free(&heard);
}

TEST(hpack_never_remembers_secrets)
{
	static const struct bw_hpack_field secrets[] = {FIELD("Authorization", "Basic YTpi"),
	    FIELD("cookie", "a=b"), FIELD("Set-Cookie", "a=b"), FIELD("proxy-authorization", "x"),
	    {{"x-key", 5}, {"abc", 3}, true}, {{":status", 7}, {"200", 3}, true}};

	both_init();
	for (int i = 0; i < 5; i++) {
		both(secrets, BW_COUNT(secrets));
		assert_str(bw_buf_str(&heard.lines), "!authorization: Basic YTpi\n!cookie: a=b\n!set-cookie: "
		                                     "a=b\n!proxy-authorization: x\n!x-key: "
		                                     "abc\n!:status: 200\n");
		assert_int_equal(encoder.table.size, 0);
	}
	heard_free(&heard);
}

TEST(hpack_changes_nothing_without_room)
{
	static const struct bw_hpack_field fields[] = {FIELD("server", "nobody's"), FIELD(":status", "200")};
	size_t bound = bw_hpack_bound(fields, 2), whole;

	both_init();
	both(fields, 2);
	for (size_t room = 0; room < bound; room++)
		assert_int_equal(bw_hpack_encode(&encoder, fields, 2, block, room), 0);
	assert_int_equal(encoder.table.size, 0);
	whole = bw_hpack_encode(&encoder, fields, 2, block, bound);
	assert_true(whole > 2 && heard_decode(&heard, bw_str_make(block, whole)));
	assert_block("be 88", both(fields, 2));
	heard_free(&heard);
}

/* RFC 7541 4.2: the smallest, then the last. */
TEST(hpack_tells_of_a_peers_limits)
{
	static const struct bw_hpack_field f = FIELD("server", "nobody's");

	both_init();
	for (int i = 0; i < 3; i++)
		both(&f, 1);
	bw_hpack_encoder_limit(&encoder, BW_HPACK_TABLE_BYTES);
	bw_hpack_encoder_limit(&encoder, UINT32_MAX);
	assert_block("be", both(&f, 1));
	bw_hpack_encoder_limit(&encoder, 46);
	assert_block("3f0f be", both(&f, 1));
	assert_block("be", both(&f, 1));
	bw_hpack_encoder_limit(&encoder, 45);
	assert_true(both(&f, 1) > 3);
	assert_int_equal(encoder.table.size, 0);
	bw_hpack_encoder_limit(&encoder, 0);
	bw_hpack_encoder_limit(&encoder, 1000);
	bw_hpack_encoder_limit(&encoder, 100);
	assert_block("20 3f45", both(NULL, 0));
	assert_int_equal(both(NULL, 0), 0);
	both(&f, 1);
	assert_block("be", both(&f, 1));
	bw_hpack_encoder_limit(&encoder, 40);
	bw_hpack_encoder_limit(&encoder, 1 << 20);
	assert_block("3f09 3fe11f", both(NULL, 0));
	heard_free(&heard);
}

/* Of every byte, and in every length. */
TEST(hpack_strings_come_back)
{
	char value[512], line[600];

	both_init();
	for (int n = 0; n < 512; n++) {
		struct bw_hpack_field f = {.name = BW_STR("x"), .value = bw_str_make(value, (size_t)n)};

		for (int i = 0; i < n; i++)
			value[i] = (char)(i * n);
		both(&f, 1);
		memcpy(line, "x: ", 3);
		memcpy(line + 3, value, (size_t)n);
		line[3 + n] = '\n';
		assert_true(bw_str_eq(bw_buf_str(&heard.lines), bw_str_make(line, (size_t)n + 4)));
	}
	heard_free(&heard);
}

/* Many of one name and of equal hashes, in a table that they overflow: all come back, and what is there is
 * found. */
TEST(hpack_blocks_come_back)
{
	char names[20][80], values[20][40], want[4096];
	struct bw_hpack_field fields[20];

	both_init();
	for (int round = 0; round < 3000; round++) {
		size_t at = 0;

		for (int i = 0; i < 20; i++) {
			snprintf(names[i], sizeof names[i], "x-%0*d-same-end", i % 3 * 30 + 1, i / 2);
			snprintf(values[i], sizeof values[i], "%d", i % 4 ? round / 8 * i : i);
			fields[i] =
			    (struct bw_hpack_field){bw_str_c(names[i]), bw_str_c(values[i]), i % 7 == 0};
			at += (size_t)snprintf(
			    want + at, sizeof want - at, "%s%s: %s\n", i % 7 ? "" : "!", names[i], values[i]);
		}
		if (round % 100 == 99)
			bw_hpack_encoder_limit(&encoder, (size_t)(round * 37 % 5000));
		both(fields, 20);
		assert_true(bw_str_eq(bw_buf_str(&heard.lines), bw_str_make(want, at)));
	}
	heard_free(&heard);
}
