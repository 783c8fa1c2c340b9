#include "test.h"

#include "base/sys.h"
#include "crypto/shamir.h"

/* Products that FIPS 197 section 4.2 works out: {57}{02} = {ae}, {57}{13} = {fe}, {57}{83} = {c1}. The line 42 + 57 x. */
TEST(shares_of_a_known_line_meet_at_the_secret)
{
	static const char *const points[] = {"\x01\x15", "\x02\xec", "\x13\xbc", "\x83\x83"};
	unsigned char secret;

	for (size_t i = 0; i < BW_COUNT(points); i++)
		for (size_t k = 0; k < BW_COUNT(points); k++) {
			struct bw_str pair[] = {bw_str_make(points[i], 2), bw_str_make(points[k], 2)};

			if (i == k)
				continue;
			assert_ok(bw_shamir_join(pair, 2, &secret, 1));
			assert_int_equal(secret, 0x42);
		}
}

static void any_three_join(const unsigned char shares[5][33], const unsigned char secret[32])
{
	unsigned char got[32];

	for (unsigned a = 0; a < 5; a++)
		for (unsigned b = 0; b < 5; b++)
			for (unsigned c = 0; c < 5; c++) {
				struct bw_str three[] = {
				    bw_str_make(shares[a], 33), bw_str_make(shares[b], 33), bw_str_make(shares[c], 33)};

				if (a == b || b == c || a == c) {
					assert_int_equal(bw_shamir_join(three, 3, got, 32), BW_EINVAL);
					continue;
				}
				assert_ok(bw_shamir_join(three, 3, got, 32));
				assert_memory_equal(got, secret, 32);
				assert_ok(bw_shamir_join(three, 2, got, 32));
				assert_memory_not_equal(got, secret, 32);
			}
}

TEST(any_three_of_five_shares_join_and_two_do_not)
{
	unsigned char secret[32], shares[5][33];

	for (unsigned round = 0; round < 20; round++) {
		bw_random(secret, sizeof secret);
		assert_ok(bw_shamir_split(bw_str_make(secret, 32), 3, 5, &shares[0][0]));
		any_three_join(shares, secret);
	}
}

/* Whatever the secret's byte is, one share of two takes every value alike: 64 times each of 16,384, give or take. */
TEST(one_share_of_two_says_nothing)
{
	unsigned counts[2][256] = {{0}};
	unsigned char share[2][2];

	for (unsigned secret = 0; secret < 2; secret++)
		for (unsigned i = 0; i < 16384; i++) {
			unsigned char byte = (unsigned char)(secret * 255);

			assert_ok(bw_shamir_split(bw_str_make(&byte, 1), 2, 2, &share[0][0]));
			counts[secret][share[0][1]]++;
		}
	for (unsigned v = 0; v < 256; v++) {
		assert_in_range(counts[0][v], 10, 150);
		assert_in_range(counts[1][v], 10, 150);
	}
}

TEST(shares_have_their_bounds)
{
	unsigned char shares[256 * 2], byte = 1;
	struct bw_str one = bw_str_make(&byte, 1);

	assert_ok(bw_shamir_split(one, 2, 255, shares));
	assert_ok(bw_shamir_split(one, 255, 255, shares));
	assert_int_equal(bw_shamir_split(one, 2, 256, shares), BW_EINVAL);
	assert_int_equal(bw_shamir_split(one, 1, 3, shares), BW_EINVAL);
	assert_int_equal(bw_shamir_split(one, 4, 3, shares), BW_EINVAL);
	assert_int_equal(bw_shamir_split(BW_STR(""), 2, 3, shares), BW_EINVAL);
}

TEST(what_is_no_share_does_not_join)
{
	unsigned char got[2];
	struct bw_str short_one[] = {BW_STR("\x01" "a"), BW_STR("\x02" "ab")};
	struct bw_str numberless[] = {bw_str_make("\0ab", 3), BW_STR("\x02" "ab")};
	struct bw_str alone[] = {BW_STR("\x01" "ab")};

	assert_int_equal(bw_shamir_join(short_one, 2, got, 2), BW_EINVAL);
	assert_int_equal(bw_shamir_join(numberless, 2, got, 2), BW_EINVAL);
	assert_int_equal(bw_shamir_join(alone, 1, got, 2), BW_EINVAL);
}
