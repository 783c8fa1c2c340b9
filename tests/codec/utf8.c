#include "test.h"

#include "codec/utf8.h"

TEST(utf8_accepts_each_length_at_its_edges)
{
	static const char *const good[] = {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
	    "\xec\xbf\xbf", "\xed\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
	    "\xf0\x90\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x80\x80\x80", "\xf4\x8f\xbf\xbf",
	    "abcdefgh\xc3\xa9ijklmnopqrst"};

	for (size_t i = 0; i < BW_COUNT(good); i++)
		assert_true(bw_utf8_valid(bw_str_c(good[i])));
	assert_true(bw_utf8_valid(BW_STR_NONE));
	assert_true(bw_utf8_valid(BW_STR("a\0b")));
}

TEST(utf8_refuses_what_rfc_3629_refuses)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x7f",
	    "\xc2\xc0", "\xe0\x9f\xbf", "\xe0\xa0", "\xe1\x80", "\xe1\x80\x7f", "\xe1\x7f\x80",
	    "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf1\x80\x80\xc0",
	    "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "12345678\xff", "1234567\xc3",
	    "1234567890123456\xe2\x82"};

	for (size_t i = 0; i < BW_COUNT(bad); i++)
		assert_false(bw_utf8_valid(bw_str_c(bad[i])));
}

TEST(utf8_every_code_point_comes_back)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char bytes[4];
		uint32_t back = 1;
		size_t n;

		if (code == 0xd800)
			code = 0xe000;
		n = bw_utf8_encode(code, bytes);
		if (bw_utf8_decode(bw_str_make(bytes, n), 0, &back) != n || back != code)
			fail_msg("U+%04x came back as U+%04x", code, back);
		if (bw_utf8_decode(bw_str_make(bytes, n - 1), 0, &back) != 0)
			fail_msg("U+%04x cut short was taken", code);
	}
}

TEST(utf8_every_pair_of_bytes_agrees_with_the_rule)
{
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			char bytes[] = {(char)a, (char)b};
			bool want =
			    (a < 0x80 && b < 0x80) || (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);

			assert_true(bw_utf8_valid(bw_str_make(bytes, 2)) == want);
		}
}

TEST(utf8_counts_code_points)
{
	assert_int_equal(bw_utf8_count(BW_STR_NONE), 0);
	assert_int_equal(bw_utf8_count(BW_STR("abc")), 3);
	assert_int_equal(bw_utf8_count(BW_STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), 4);
	assert_int_equal(bw_utf8_count(BW_STR("\xff\xfe")), 2);
	assert_int_equal(bw_utf8_count(BW_STR("\xe2\x82")), 2);
}

TEST(utf8_decode_past_the_end_is_nothing)
{
	uint32_t code;

	assert_int_equal(bw_utf8_decode(BW_STR("a"), 1, &code), 0);
	assert_int_equal(bw_utf8_decode(BW_STR_NONE, 0, &code), 0);
}
