#include "test.h"

#include "codec/json.h"
#include "codec/json_scan.h"

static struct bw_arena arena;

static enum bw_err parse(struct bw_str text, struct bw_json_value *v)
{
	bw_arena_init(&arena, 64 << 20);
	return bw_json_parse(text, &arena, v);
}

/* The tokens of a text as one letter each; '!' ends what was refused. */
static void tokens(struct bw_str text, char *out, size_t size)
{
	static const char letters[] = ".{}[]ksntfz";
	struct bw_json_token t;
	struct bw_json j;
	size_t n = 0;

	bw_arena_init(&arena, 1 << 20);
	bw_json_init(&j, text, &arena);
	do {
		if (bw_json_next(&j, &t) != BW_OK) {
			assert_non_null(j.why);
			assert_int_equal(bw_json_next(&j, &t), BW_EINVAL);
			out[n++] = '!';
			break;
		}
		out[n++] = letters[t.kind];
		assert_true(n + 1 < size);
	} while (t.kind != BW_JSON_END);
	out[n] = 0;
	bw_arena_free(&arena);
}

#define assert_tokens(text, want)                                                                            \
	do {                                                                                                 \
		char got_[256];                                                                              \
		tokens(BW_STR(text), got_, sizeof got_);                                                     \
		assert_string_equal(got_, want);                                                             \
	} while (0)

TEST(json_tokens_in_order)
{
	assert_tokens("null", "z.");
	assert_tokens(" true ", "t.");
	assert_tokens("\t\r\n false\n", "f.");
	assert_tokens("\"\"", "s.");
	assert_tokens("-0.5e+3", "n.");
	assert_tokens("{}", "{}.");
	assert_tokens("[ ]", "[].");
	assert_tokens("{\"a\":1 , \"b\" : [true,null,{\"c\":\"\"}]}", "{knk[tz{ks}]}.");
	assert_tokens("[[],[[]],{}]", "[[][[]]{}].");
}

TEST(json_end_is_said_again)
{
	struct bw_json_token t;
	struct bw_json j;

	bw_json_init(&j, BW_STR("1"), NULL);
	assert_ok(bw_json_next(&j, &t));
	for (int i = 0; i < 3; i++) {
		assert_ok(bw_json_next(&j, &t));
		assert_int_equal(t.kind, BW_JSON_END);
		assert_int_equal(t.offset, 1);
	}
}

TEST(json_refuses_other_grammars)
{
	static const char *const bad[] = {"", " ", "nul", "nulll", "True", "tru", "truefalse", "NaN",
	    "Infinity", "-", "-x", "+1", ".5", "1.", "1.e3", "1e", "1e+", "1e-", "01", "-01", "00", "0x1",
	    "1 2", "1,", ",1", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{]", "{1:2}",
	    "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":1]", "{,}",
	    "{\"a\":1,,\"b\":2}", "{\"a\"::1}", "{'a':1}", "'a'", "\"a", "\"", "\"\\", "\"\\\"", "[\"a\"",
	    "// c\n1", "/* c */1", "1/**/",
	    "\xef\xbb\xbf"
	    "1",
	    "\v1", "\f1",
	    "\xc2\xa0"
	    "1",
	    "{a:1}", "[1]]", "{}{}", "\"a\"\"b\"", "[\"a\":1]", "{\"a\",\"b\"}", "{\"a\":1:2}", "[:]"};
	struct bw_json_value v;

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		if (parse(bw_str_c(bad[i]), &v) != BW_EINVAL)
			fail_msg("taken: %s", bad[i]);
		bw_arena_free(&arena);
	}
	assert_int_equal(parse(BW_STR("1\0"), &v), BW_EINVAL);
	assert_int_equal(parse(BW_STR("[1\0]"), &v), BW_EINVAL);
	bw_arena_free(&arena);
	assert_int_equal(parse(BW_STR_NONE, &v), BW_EINVAL);
}

TEST(json_refuses_bad_strings)
{
	static const char *const bad[] = {"\"\x01\"", "\"\x1f\"", "\"\n\"", "\"\t\"",
	    "\"0123456789abcdef\x01\"", "\"\\a\"", "\"\\'\"", "\"\\0\"", "\"\\x41\"", "\"\\U0041\"",
	    "\"\\u\"", "\"\\u1\"", "\"\\u12\"", "\"\\u123\"", "\"\\u123g\"", "\"\\u 123\"", "\"\\u+123\"",
	    "\"\\ud800\"", "\"\\udbff\"", "\"\\udc00\"", "\"\\udfff\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
	    "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800\\udc0\"",
	    "\"\\ud800\\u\"", "\"\x80\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
	    "\"\xe2\x82\"", "\"0123456789abcde\xff\"", "{\"\\ud800\":1}", "{\"\xff\":1}"};
	struct bw_json_value v;

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		if (parse(bw_str_c(bad[i]), &v) != BW_EINVAL)
			fail_msg("taken: %s", bad[i]);
		bw_arena_free(&arena);
	}
	assert_int_equal(parse(BW_STR("\"a\0b\""), &v), BW_EINVAL);
}

#define assert_string_becomes(json, want)                                                                    \
	do {                                                                                                 \
		struct bw_json_value v_;                                                                     \
		assert_ok(parse(BW_STR(json), &v_));                                                         \
		assert_int_equal(v_.kind, BW_JSON_STRING);                                                   \
		assert_true(bw_str_eq(v_.text, BW_STR(want)));                                               \
		bw_arena_free(&arena);                                                                       \
	} while (0)

TEST(json_strings_unescape)
{
	assert_string_becomes("\"\"", "");
	assert_string_becomes("\"abc\"", "abc");
	assert_string_becomes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
	assert_string_becomes("\"\\u0041\\u00e9\\u20ac\\uFFFF\"", "A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf");
	assert_string_becomes("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80");
	assert_string_becomes("\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_string_becomes("\"a\\u0000b\"", "a\0b");
	assert_string_becomes("\"\x7f\"", "\x7f");
	assert_string_becomes(
	    "\"\xf0\x9f\x98\x80 and \\n then \xc3\xa9\"", "\xf0\x9f\x98\x80 and \n then \xc3\xa9");
	assert_string_becomes(
	    "\"0123456789abcdef0123456789abcdef\\n\"", "0123456789abcdef0123456789abcdef\n");
}

TEST(json_strings_without_escapes_are_not_copied)
{
	struct bw_str text = BW_STR("[\"plain \xc3\xa9\",\"esc\\n\"]");
	struct bw_json_value v;

	assert_ok(parse(text, &v));
	assert_ptr_equal(v.values[0].text.p, text.p + 2);
	assert_true(v.values[1].text.p < text.p || v.values[1].text.p > text.p + text.n);
	bw_arena_free(&arena);
}

/* `open` n times and no end: BW_EINVAL either way, so the phrase tells which. */
static const char *why_nested(char open, size_t n)
{
	char text[512] = {0};
	struct bw_json_token t;
	struct bw_json j;
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		memcpy(text + at, open == '[' ? "[" : "{\"a\":", open == '[' ? 1 : 5);
		at += open == '[' ? 1 : 5;
	}
	bw_json_init(&j, bw_str_make(text, at), NULL);
	while (bw_json_next(&j, &t) == BW_OK)
		;
	return j.why;
}

TEST(json_depth_has_a_ceiling)
{
	assert_string_not_equal(why_nested('[', BW_JSON_DEPTH_MAX - 1), "nested too deep");
	assert_string_not_equal(why_nested('[', BW_JSON_DEPTH_MAX), "nested too deep");
	assert_string_equal(why_nested('[', BW_JSON_DEPTH_MAX + 1), "nested too deep");
	assert_string_not_equal(why_nested('{', BW_JSON_DEPTH_MAX), "nested too deep");
	assert_string_equal(why_nested('{', BW_JSON_DEPTH_MAX + 1), "nested too deep");
}

TEST(json_depth_at_the_ceiling_is_a_whole_value)
{
	char text[2 * BW_JSON_DEPTH_MAX];
	struct bw_json_value v;

	memset(text, '[', BW_JSON_DEPTH_MAX);
	memset(text + BW_JSON_DEPTH_MAX, ']', BW_JSON_DEPTH_MAX);
	assert_ok(parse(bw_str_make(text, sizeof text), &v));
	bw_arena_free(&arena);
}

TEST(json_a_fault_has_a_place_and_a_phrase)
{
	struct bw_str text = BW_STR("{\n  \"a\": 1,\n  \"b\" 2\n}");
	uint32_t line, column;
	struct bw_json_token t;
	struct bw_json j;

	bw_json_init(&j, text, NULL);
	while (bw_json_next(&j, &t) == BW_OK)
		;
	assert_string_equal(j.why, "expected ':'");
	bw_json_place(text, j.at, &line, &column);
	assert_int_equal(line, 3);
	assert_int_equal(column, 7);
	bw_json_place(text, 0, &line, &column);
	assert_int_equal(line, 1);
	assert_int_equal(column, 1);
	bw_json_place(text, 2, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 1);
}

TEST(json_skip_passes_one_value)
{
	struct bw_str text = BW_STR("[{\"a\":[1,{\"b\\n\":2}]},[[]],3,\"s\",4]");
	struct bw_json_token t;
	struct bw_json j;

	bw_arena_init(&arena, 1 << 20);
	bw_json_init(&j, text, &arena);
	assert_ok(bw_json_next(&j, &t));
	for (int i = 0; i < 4; i++) {
		assert_ok(bw_json_next(&j, &t));
		assert_ok(bw_json_skip(&j, &t));
	}
	assert_int_equal(arena.used_bytes, 0);
	assert_ptr_equal(j.arena, &arena);
	assert_ok(bw_json_next(&j, &t));
	assert_str(t.text, "4");
	assert_ok(bw_json_next(&j, &t));
	assert_int_equal(t.kind, BW_JSON_ARRAY_END);
	bw_arena_free(&arena);
}

TEST(json_skip_still_refuses)
{
	static const char *const bad[] = {
	    "[{\"a\":01}]", "[{\"a\":\"\\q\"}]", "[{\"a\":1]", "[{\"a\":1", "[[\"\xff\"]]"};

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		struct bw_json_token t;
		struct bw_json j;

		bw_json_init(&j, bw_str_c(bad[i]), NULL);
		assert_ok(bw_json_next(&j, &t));
		assert_ok(bw_json_next(&j, &t));
		assert_int_equal(bw_json_skip(&j, &t), BW_EINVAL);
	}
}

TEST(json_tree_has_places_and_members)
{
	struct bw_str text = BW_STR(" {\"k\" : [1, -2.5e3], \"\" : {} } ");
	const struct bw_json_value *k;
	struct bw_json_value v;

	assert_ok(parse(text, &v));
	assert_int_equal(v.offset, 1);
	assert_int_equal(v.end, text.n - 1);
	assert_int_equal(v.count, 2);
	k = bw_json_member(&v, BW_STR("k"));
	assert_non_null(k);
	assert_str(bw_str_sub(text, k->offset, k->end - k->offset), "[1, -2.5e3]");
	assert_str(k->values[1].text, "-2.5e3");
	assert_int_equal(bw_json_member(&v, BW_STR(""))->kind, BW_JSON_OBJECT);
	assert_null(bw_json_member(&v, BW_STR("K")));
	assert_null(bw_json_member(k, BW_STR("k")));
	bw_arena_free(&arena);
}

TEST(json_tree_refuses_duplicate_keys)
{
	static const char *const bad[] = {"{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}",
	    "{\"a\":1,\"b\":2,\"c\":3,\"a\":4}", "{\"b\":1,\"a\":2,\"b\":3}", "[{\"x\":{\"\":1,\"\":2}}]",
	    "{\"c\":1,\"b\":2,\"a\":3,\"b\":4,\"d\":5}"};
	struct bw_json_value v;

	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		assert_int_equal(parse(bw_str_c(bad[i]), &v), BW_EINVAL);
		bw_arena_free(&arena);
	}
	assert_ok(parse(BW_STR("{\"a\":{\"a\":1},\"b\":{\"a\":1},\"A\":1}"), &v));
	bw_arena_free(&arena);
}

/* An object of n keys in some order; with `twice` one of them again at the end. */
static void many_keys(struct bw_buf *b, unsigned n, unsigned step, int twice)
{
	bw_buf_init(b, 1 << 20);
	for (unsigned i = 0; i < n; i++)
		bw_buf_printf(b, "%s\"k%u\":%u", i ? "," : "{", i * step % n, i);
	if (twice >= 0)
		bw_buf_printf(b, ",\"k%d\":0", twice);
	bw_buf_put(b, BW_STR("}"));
}

TEST(json_tree_duplicates_among_many)
{
	struct bw_json_value v;
	struct bw_buf b;

	for (unsigned n = 1; n < 200; n += 9)
		for (int twice = -1; twice < (int)n; twice++) {
			many_keys(&b, n, 1009, twice);
			assert_int_equal(parse(bw_buf_str(&b), &v), twice < 0 ? BW_OK : BW_EINVAL);
			if (twice < 0)
				assert_int_equal(v.count, n);
			bw_arena_free(&arena);
			bw_buf_free(&b);
		}
}

TEST(json_tree_stops_at_the_arena_ceiling)
{
	struct bw_json_value v;
	struct bw_buf b;

	many_keys(&b, 2000, 1, -1);
	bw_arena_init(&arena, 4096);
	assert_int_equal(bw_json_parse(bw_buf_str(&b), &arena, &v), BW_ETOOBIG);
	bw_arena_free(&arena);
	bw_buf_free(&b);
}

#define assert_written(s, want)                                                                              \
	do {                                                                                                 \
		struct bw_buf b_;                                                                            \
		bw_buf_init(&b_, 4096);                                                                      \
		bw_json_put_str(&b_, s);                                                                     \
		assert_str(bw_buf_str(&b_), want);                                                           \
		bw_buf_free(&b_);                                                                            \
	} while (0)

TEST(json_put_str)
{
	assert_written(BW_STR(""), "\"\"");
	assert_written(BW_STR_NONE, "\"\"");
	assert_written(BW_STR("a/b"), "\"a/b\"");
	assert_written(BW_STR("\"\\"), "\"\\\"\\\\\"");
	assert_written(BW_STR("\b\f\n\r\t\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
	assert_written(BW_STR("a\0b"), "\"a\\u0000b\"");
	assert_written(BW_STR("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	assert_written(BW_STR("a\xff"
	                      "b\xc3"),
	    "\"a\xef\xbf\xbd"
	    "b\xef\xbf\xbd\"");
	assert_written(BW_STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(json_what_is_written_reads_back)
{
	uint64_t x = 7;

	for (int round = 0; round < 3000; round++) {
		char bytes[64];
		struct bw_str s = bw_str_make(bytes, (size_t)round % sizeof bytes);
		struct bw_json_value v;
		struct bw_buf b;

		for (size_t i = 0; i < s.n; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = (char)(x >> 57);
		}
		bw_buf_init(&b, 4096);
		bw_json_put_str(&b, s);
		assert_ok(parse(bw_buf_str(&b), &v));
		assert_true(bw_str_eq(v.text, s));
		bw_arena_free(&arena);
		bw_buf_free(&b);
	}
}

/* Every byte at every place of strings around the vector widths, from an exact allocation so that the
 * sanitizer sees a read past the end. */
TEST(json_scan_twins_agree)
{
	for (size_t n = 0; n <= 50; n++)
		for (size_t at = 0; at < n; at++)
			for (unsigned c = 0; c < 256; c++) {
				char *bytes = bw_alloc(n);
				size_t want;

				memset(bytes, 'a' + (int)(at % 20), n);
				bytes[at] = (char)c;
				bytes[n - 1] = (char)(c ^ 0x5c);
				want = plain_run_bytes(bytes, n);
				if (plain_run_swar(bytes, n) != want || plain_run(bytes, n) != want)
					fail_msg("n %zu, byte %02x at %zu", n, c, at);
				bw_free(bytes);
			}
}
