#include "test.h"

#include "codec/base32.h"

/* RFC 4648, section 10, without padding. */
TEST(base32_answers_rfc_4648_vectors)
{
	static const char *const rows[][2] = {{"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"}, {"foob", "MZXW6YQ"},
	    {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
	struct bw_buf out;

	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		bw_buf_init(&out, 64);
		bw_base32_encode(bw_str_c(rows[i][0]), &out);
		assert_true(bw_str_eq(bw_buf_str(&out), bw_str_c(rows[i][1])));
		bw_buf_free(&out);
	}
}
