#include "known.h"
#include "crypto/crypto.h"
#include "crypto/totp.h"

/* RFC 6238, appendix B: the SHA-1 column, its last six digits. */
TEST(totp_answers_rfc_6238_vectors)
{
	static const struct {
		int64_t seconds;
		uint32_t code;
	} rows[] = {{59, 287082}, {1111111109, 81804}, {1111111111, 50471}, {1234567890, 5924}, {2000000000, 279037},
	    {20000000000, 353130}};

	bw_crypto_init();
	for (size_t i = 0; i < BW_COUNT(rows); i++)
		assert_int_equal(bw_totp(BW_STR("12345678901234567890"), rows[i].seconds * 1000 / BW_TOTP_STEP_MS), rows[i].code);
}

TEST(totp_is_found_inside_its_window_alone)
{
	struct bw_str seed = BW_STR("12345678901234567890"), code = BW_STR("287082");
	int64_t step = -1;

	bw_crypto_init();
	assert_true(bw_totp_find(seed, code, 0, 2, &step));
	assert_int_equal(step, 1);
	assert_true(bw_totp_find(seed, code, 1, 1, &step));
	assert_false(bw_totp_find(seed, code, 2, 4, &step));
	assert_false(bw_totp_find(seed, code, 2, 1, &step));
	assert_false(bw_totp_find(seed, BW_STR("28708"), 0, 2, &step));
	assert_false(bw_totp_find(seed, BW_STR("0287082"), 0, 2, &step));
	assert_false(bw_totp_find(seed, BW_STR("28708a"), 0, 2, &step));
	assert_false(bw_totp_find(seed, BW_STR_NONE, 0, 2, &step));
}
