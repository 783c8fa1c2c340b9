#include "test.h"

#include "codec/uri.h"

static struct bw_arena arena;

#define assert_encoded(s, want)                                                                              \
	do {                                                                                                 \
		struct bw_buf b_;                                                                            \
		bw_buf_init(&b_, 1 << 16);                                                                   \
		bw_uri_encode(BW_STR(s), &b_);                                                               \
		assert_str(bw_buf_str(&b_), want);                                                           \
		bw_buf_free(&b_);                                                                            \
	} while (0)

TEST(uri_encodes_as_aws_signs)
{
	assert_encoded("", "");
	assert_encoded("AZaz09-._~", "AZaz09-._~");
	assert_encoded(" +*/%&=", "%20%2B%2A%2F%25%26%3D");
	assert_encoded("!'()", "%21%27%28%29");
	assert_encoded("a\0b\x7f", "a%00b%7F");
	assert_encoded("\xc3\xa9\xff", "%C3%A9%FF");
	assert_encoded("{\"Version\":\"2012-10-17\"}", "%7B%22Version%22%3A%222012-10-17%22%7D");
}

TEST(uri_encodes_paths_with_their_slashes)
{
	char text[3 * 9];

	assert_str(bw_str_make(text, bw_uri_encode_to(BW_STR("/a b/c%2F"), true, text)), "/a%20b/c%252F");
}

TEST(uri_encodes_long_text_and_stops_at_the_ceiling)
{
	char spaces[1000];
	struct bw_buf b;

	memset(spaces, ' ', sizeof spaces);
	bw_buf_init(&b, 3000);
	bw_uri_encode(bw_str_make(spaces, 1000), &b);
	assert_false(b.failed);
	assert_int_equal(b.n, 3000);
	bw_buf_free(&b);
	bw_buf_init(&b, 2999);
	bw_uri_encode(bw_str_make(spaces, 1000), &b);
	assert_true(b.failed);
	bw_buf_free(&b);
}

#define assert_decoded(s, plus, want)                                                                        \
	do {                                                                                                 \
		struct bw_str got_out_;                                                                      \
		bw_arena_init(&arena, 4096);                                                                 \
		assert_ok(bw_uri_decode(BW_STR(s), plus, &arena, &got_out_));                                \
		assert_true(bw_str_eq(got_out_, BW_STR(want)));                                              \
		bw_arena_free(&arena);                                                                       \
	} while (0)

TEST(uri_decodes)
{
	assert_decoded("", false, "");
	assert_decoded("a%20b", false, "a b");
	assert_decoded("a+b", false, "a+b");
	assert_decoded("a+b%2B", true, "a b+");
	assert_decoded("%2f%2F%c3%A9", false, "//\xc3\xa9");
	assert_decoded("%00", false, "\0");
	assert_decoded("%25%32%30", false, "%20");
	assert_decoded("a b", false, "a b");
	assert_decoded("%41", true, "A");
}

TEST(uri_decode_refuses_bad_escapes)
{
	static const char *const bad[] = {"%", "%4", "a%", "a%4", "%%", "%%41", "%4g", "%g4", "% 41", "%+4",
	    "%-4", "%4%41", "%u0041", "%0x", "%4\xc3", "ok%41%"};

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		struct bw_str out;

		bw_arena_init(&arena, 4096);
		if (bw_uri_decode(bw_str_c(bad[i]), i % 2, &arena, &out) != BW_EINVAL)
			fail_msg("taken: %s", bad[i]);
		bw_arena_free(&arena);
	}
	bw_arena_init(&arena, 4096);
	assert_int_equal(bw_uri_decode(bw_str_make("%41", 2), false, &arena, &(struct bw_str){0}), BW_EINVAL);
	bw_arena_free(&arena);
}

TEST(uri_decode_copies_only_what_changes)
{
	struct bw_str text = BW_STR("plain+text"), out;

	bw_arena_init(&arena, 4096);
	assert_ok(bw_uri_decode(text, false, &arena, &out));
	assert_ptr_equal(out.p, text.p);
	assert_int_equal(arena.used_bytes, 0);
	assert_ok(bw_uri_decode(text, true, &arena, &out));
	assert_str(out, "plain text");
	bw_arena_free(&arena);
}

TEST(uri_every_byte_comes_back)
{
	char all[256], text[3 * 256];
	struct bw_str out;

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	for (int keep = 0; keep < 2; keep++) {
		size_t n = bw_uri_encode_to(bw_str_make(all, 256), keep, text);

		assert_int_equal(n, keep ? 3 * 256 - 2 * 67 : 3 * 256 - 2 * 66);
		bw_arena_init(&arena, 4096);
		assert_ok(bw_uri_decode(bw_str_make(text, n), true, &arena, &out));
		assert_true(bw_str_eq(out, bw_str_make(all, 256)));
		bw_arena_free(&arena);
	}
}
