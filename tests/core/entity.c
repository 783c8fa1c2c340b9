#include "test.h"

#include "base/mem.h"
#include "core/entity.h"

static struct bw_arena arena;

static struct bw_arena *fresh(void)
{
	bw_arena_free(&arena);
	bw_arena_init(&arena, 1 << 20);
	return &arena;
}

TEST(entity_key_ids_encode_the_account)
{
	struct bw_arena *a = fresh();
	static const char *const accounts[] = {"000000000000", "000000000001", "123456789012", "999999999999"};
	struct bw_str account, id;

	/* A key id of AWS's own that its finder published with its account. */
	assert_ok(bw_id_account(BW_STR("ASIAQNZGKIQY56JQ7WML"), a, &account));
	assert_str(account, "029608264753");
	for (size_t i = 0; i < BW_COUNT(accounts); i++)
		for (int n = 0; n < 100; n++) {
			id = bw_id_make(a, "AKIA", bw_str_c(accounts[i]));
			assert_int_equal(id.n, 20);
			assert_true(bw_str_starts(id, BW_STR("AKIA")));
			assert_ok(bw_id_account(id, a, &account));
			assert_str(account, accounts[i]);
		}
	assert_int_equal(bw_id_make(a, "AIDA", BW_STR("123456789012")).n, 21);
	bw_arena_free(a);
}

TEST(entity_key_ids_that_are_none_are_refused)
{
	struct bw_arena *a = fresh();
	struct bw_str account;

	assert_int_equal(bw_id_account(BW_STR(""), a, &account), BW_EINVAL);
	assert_int_equal(bw_id_account(BW_STR("AKIA"), a, &account), BW_EINVAL);
	assert_int_equal(bw_id_account(BW_STR("AKIA0000000000000000"), a, &account), BW_EINVAL);
	assert_int_equal(bw_id_account(BW_STR("ASIAQNZGKIQY56JQ7WMLX"), a, &account), BW_EINVAL);
	assert_int_equal(bw_id_account(bw_str_make("AKIA\0AAAAAAAAAAAAAAA", 20), a, &account), BW_EINVAL);
	bw_arena_free(a);
}

TEST(entity_arns_have_six_parts)
{
	struct bw_arn arn;

	assert_ok(bw_arn_parse(BW_STR("arn:aws:iam::123456789012:user/a:b/c"), &arn));
	assert_str(arn.partition, "aws");
	assert_str(arn.service, "iam");
	assert_str(arn.region, "");
	assert_str(arn.account, "123456789012");
	assert_str(arn.resource, "user/a:b/c");
	assert_int_equal(bw_arn_parse(BW_STR("arn:aws:iam::123456789012"), &arn), BW_EINVAL);
	assert_int_equal(bw_arn_parse(BW_STR("arn:aws:iam::123456789012:"), &arn), BW_EINVAL);
	assert_int_equal(bw_arn_parse(BW_STR("ARN:aws:iam::1:x"), &arn), BW_EINVAL);
	assert_int_equal(bw_arn_parse(BW_STR("arn::iam::1:x"), &arn), BW_EINVAL);
	assert_int_equal(bw_arn_parse(BW_STR(""), &arn), BW_EINVAL);
}

TEST(entity_keys_fold_case_and_leave_paths_out)
{
	struct bw_arena *a = fresh();
	struct bw_str account = BW_STR("123456789012");

	assert_str(bw_entity_key(a, account, "user", BW_STR("Alice")), "123456789012/global/iam/user/alice");
	assert_str(bw_iam_arn(a, account, "user", BW_STR("/x/"), BW_STR("Alice")), "arn:aws:iam::123456789012:user/x/Alice");
	assert_str(bw_attached_key(a, account, "attached", BW_STR("arn:aws:iam::123456789012:policy/a/b/Pol"), "user", BW_STR("U")),
	    "123456789012/global/iam/attached/own:pol/user/u");
	assert_str(bw_attached_key(a, account, "attached", BW_STR("arn:aws:iam::aws:policy/Pol"), NULL, BW_STR_NONE),
	    "123456789012/global/iam/attached/aws:pol/");
	assert_str(bw_member_key(a, account, BW_STR("G"), BW_STR_NONE), "123456789012/global/iam/member/g/");
	bw_arena_free(a);
}
