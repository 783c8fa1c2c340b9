#include "test.h"

#include "codec/hex.h"

TEST(hex_decodes_one_spelling)
{
	unsigned char bytes[4];

	assert_ok(bw_hex_decode(BW_STR("00ff19ab"), bytes, 4));
	assert_memory_equal(bytes, "\x00\xff\x19\xab", 4);
	assert_ok(bw_hex_decode(BW_STR(""), bytes, 0));
	assert_ok(bw_hex_decode(BW_STR_NONE, bytes, 0));
}

TEST(hex_refuses)
{
	static const char *const bad[] = {"", "0", "00", "000000",
	    "00000000"
	    "0",
	    "0000000000", "0000000g", "0000000G", "000000AB", "0x000000", " 0000000", "0000000 ", "+0000000",
	    "-0000000", "000000\xc3\xa9"};
	unsigned char bytes[4];

	for (size_t i = 0; i < BW_COUNT(bad); i++)
		assert_int_equal(bw_hex_decode(bw_str_c(bad[i]), bytes, 4), BW_EINVAL);
}

TEST(hex_every_byte_comes_back)
{
	for (int c = 0; c < 256; c++) {
		unsigned char byte = (unsigned char)c, back;
		char text[2];

		bw_hex_encode(&byte, 1, text);
		assert_ok(bw_hex_decode(bw_str_make(text, 2), &back, 1));
		assert_int_equal(back, byte);
	}
}

TEST(hex_every_other_pair_is_refused)
{
	unsigned taken = 0;

	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			char text[2] = {(char)a, (char)b};
			unsigned char byte;

			taken += bw_hex_decode(bw_str_make(text, 2), &byte, 1) == BW_OK;
		}
	assert_int_equal(taken, 256);
}
