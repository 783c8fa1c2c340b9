#include "test.h"

TEST(str_integers_have_one_spelling)
{
	int64_t v;

	assert_ok(bw_str_to_i64(BW_STR("0"), 0, 10, &v));
	assert_int_equal(v, 0);
	assert_ok(bw_str_to_i64(BW_STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &v));
	assert_true(v == INT64_MIN);
	assert_ok(bw_str_to_i64(BW_STR("9223372036854775807"), 0, INT64_MAX, &v));
	assert_true(v == INT64_MAX);
	assert_int_equal(bw_str_to_i64(BW_STR("9223372036854775808"), 0, INT64_MAX, &v), BW_EINVAL);
	assert_int_equal(bw_str_to_i64(BW_STR("11"), 0, 10, &v), BW_EINVAL);
	assert_int_equal(bw_str_to_i64(BW_STR(""), 0, 10, &v), BW_EINVAL);
	assert_int_equal(bw_str_to_i64(BW_STR("+1"), 0, 10, &v), BW_EINVAL);
	assert_int_equal(bw_str_to_i64(BW_STR(" 1"), 0, 10, &v), BW_EINVAL);
	assert_int_equal(bw_str_to_i64(BW_STR("-1"), 0, 10, &v), BW_EINVAL);
	assert_int_equal(bw_str_to_i64(BW_STR("1x"), 0, 10, &v), BW_EINVAL);
}

TEST(str_cut_leaves_the_rest_or_nothing)
{
	struct bw_str rest = BW_STR("a,,b");

	assert_str(bw_str_cut(&rest, ','), "a");
	assert_str(bw_str_cut(&rest, ','), "");
	assert_str(bw_str_cut(&rest, ','), "b");
	assert_false(bw_str_set(rest));
}

TEST(str_compares)
{
	assert_true(bw_str_eq_nocase(BW_STR("AbC"), BW_STR("aBc")));
	assert_false(bw_str_eq_nocase(BW_STR("[bc"), BW_STR("{bc")));
	assert_true(bw_str_cmp(BW_STR("a"), BW_STR("ab")) < 0);
	assert_true(bw_str_starts(BW_STR("abc"), BW_STR("ab")));
	assert_true(bw_str_ends(BW_STR("abc"), BW_STR("bc")));
	assert_false(bw_str_ends(BW_STR("c"), BW_STR("bc")));
	assert_true(bw_str_eq_secret(BW_STR("abc"), BW_STR("abc")));
	assert_false(bw_str_eq_secret(BW_STR("abc"), BW_STR("abd")));
	assert_false(bw_str_eq_secret(BW_STR("abc"), BW_STR("abcd")));
	assert_str(bw_str_trim(BW_STR(" \ta b\t ")), "a b");
	assert_true(bw_str_has(BW_STR("hello"), BW_STR("ll")));
	assert_false(bw_str_has(BW_STR("hello"), BW_STR("lll")));
}
