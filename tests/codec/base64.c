#include "test.h"

#include "codec/base64.h"

struct pair {
	const char *bytes, *text;
};
/* RFC 4648, section 10, and the characters in which the alphabets differ. */
static const struct pair pairs[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "+/+/"}};
static const struct pair url_pairs[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"},
    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"}};

typedef void encoder(struct bw_str, struct bw_buf *);
typedef enum bw_err decoder(struct bw_str, struct bw_arena *, struct bw_str *);

static void check_pair(const struct pair *p, encoder *encode, decoder *decode)
{
	struct bw_arena arena;
	struct bw_str back;
	struct bw_buf out;

	bw_arena_init(&arena, 4096);
	bw_buf_init(&out, 4096);
	encode(bw_str_c(p->bytes), &out);
	assert_str(bw_buf_str(&out), p->text);
	assert_ok(decode(bw_str_c(p->text), &arena, &back));
	assert_str(back, p->bytes);
	assert_true(bw_str_set(back));
	bw_buf_free(&out);
	bw_arena_free(&arena);
}

TEST(base64_known_pairs)
{
	for (size_t i = 0; i < BW_COUNT(pairs); i++)
		check_pair(&pairs[i], bw_base64_encode, bw_base64_decode);
	for (size_t i = 0; i < BW_COUNT(url_pairs); i++)
		check_pair(&url_pairs[i], bw_base64url_encode, bw_base64url_decode);
}

static void check_refused(const char *text, decoder *decode)
{
	struct bw_arena arena;
	struct bw_str back;

	bw_arena_init(&arena, 4096);
	if (decode(bw_str_c(text), &arena, &back) != BW_EINVAL)
		fail_msg("taken: %s", text);
	bw_arena_free(&arena);
}

TEST(base64_refuses)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zm8", "Zm9vY", "=",
	    "==", "===", "====", "Z===", "Zg===", "Zg=g", "=Zg=", "Zg==Zg==", "Zg==\n",
	    "\nZg==", " Zg=", "Zg= =", "Zm 9v", "Zh==", "Zg/=", "Zm9=", "Zn==", "-_-_", "Zm9v!",
	    "Zm9v====", "Zm9vYmE=\r\n", "Zm8=Zm8=", "\xc3\xa9\xc3\xa9"};

	for (size_t i = 0; i < BW_COUNT(bad); i++)
		check_refused(bad[i], bw_base64_decode);
}

TEST(base64url_refuses)
{
	static const char *const bad[] = {
	    "Z", "Zm9vY", "Zg==", "Zm8=", "=", "Zh", "Zm9", "+/+/", "Zg\n", " Zg", "Z g", "Zg."};

	for (size_t i = 0; i < BW_COUNT(bad); i++)
		check_refused(bad[i], bw_base64url_decode);
}

/* A text of four characters decodes exactly when encoding what came out gives it back: there is one spelling.
 */
TEST(base64_every_pair_of_bytes_has_one_spelling)
{
	static const char set[] = "ABCPQghwxz0189+/-_=\n";
	struct bw_arena arena;
	struct bw_buf out;

	bw_arena_init(&arena, 1 << 20);
	bw_buf_init(&out, 64);
	for (unsigned i = 0; i < 20 * 20 * 20 * 20; i++) {
		char text[4] = {set[i % 20], set[i / 20 % 20], set[i / 400 % 20], set[i / 8000]};
		struct bw_str back;

		if (bw_base64_decode(bw_str_make(text, 4), &arena, &back) == BW_OK) {
			out.n = 0;
			bw_base64_encode(back, &out);
			assert_true(bw_str_eq(bw_buf_str(&out), bw_str_make(text, 4)));
		}
		bw_arena_reset(&arena);
	}
	bw_buf_free(&out);
	bw_arena_free(&arena);
}

TEST(base64_any_bytes_come_back)
{
	char bytes[70];
	uint64_t x = 3;

	for (int round = 0; round < 2000; round++) {
		struct bw_str s = bw_str_make(bytes, (size_t)round % sizeof bytes), back;
		struct bw_arena arena;
		struct bw_buf out;

		for (size_t i = 0; i < s.n; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = (char)(x >> 56);
		}
		bw_arena_init(&arena, 4096);
		bw_buf_init(&out, 4096);
		bw_base64_encode(s, &out);
		assert_ok(bw_base64_decode(bw_buf_str(&out), &arena, &back));
		assert_true(bw_str_eq(s, back));
		out.n = 0;
		bw_base64url_encode(s, &out);
		assert_ok(bw_base64url_decode(bw_buf_str(&out), &arena, &back));
		assert_true(bw_str_eq(s, back));
		bw_buf_free(&out);
		bw_arena_free(&arena);
	}
}

TEST(base64_stops_at_the_ceiling)
{
	struct bw_buf out;

	bw_buf_init(&out, 8);
	bw_base64_encode(BW_STR("foobar"), &out);
	assert_false(out.failed);
	assert_int_equal(out.n, 8);
	bw_base64_encode(BW_STR("f"), &out);
	assert_true(out.failed);
	assert_int_equal(out.n, 8);
	bw_buf_free(&out);
}
