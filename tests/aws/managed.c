#include "test.h"

#include "aws/managed.h"
#include "policy/policy.h"

static struct bw_arena arena;

static struct bw_managed find(const char *what)
{
	struct bw_managed p;

	assert_ok(bw_managed_find(bw_str_c(what), &p));
	return p;
}

TEST(managed_finds_by_arn_and_by_name)
{
	struct bw_managed p = find("arn:aws:iam::aws:policy/AdministratorAccess");

	bw_arena_init(&arena, 1 << 20);
	assert_str(p.name, "AdministratorAccess");
	assert_str(p.path, "/");
	assert_int_equal(p.policy_id.n, 21);
	assert_str(bw_managed_arn(&p, &arena), "arn:aws:iam::aws:policy/AdministratorAccess");
	assert_true(bw_str_has(
	    bw_managed_document(&p, &arena), BW_STR("{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":"
	                                            "\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}")));
	p = find("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess");
	assert_str(p.path, "/job-function/");
	assert_str(bw_managed_arn(&p, &arena), "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess");
	assert_int_equal(find("ViewOnlyAccess").index, p.index);
	bw_arena_free(&arena);
}

TEST(managed_refuses_what_aws_has_not)
{
	static const char *const wrong[] = {"", "AdministratorAcces", "AdministratorAccessX",
	    "administratoraccess", "arn:aws:iam::aws:policy", "arn:aws:iam::aws:policy/",
	    "arn:aws:iam::aws:policyAdministratorAccess", "arn:aws:iam::aws:policy//AdministratorAccess",
	    "arn:aws:iam::aws:policy/ViewOnlyAccess",
	    "arn:aws:iam::aws:policy/job-function/AdministratorAccess",
	    "arn:aws:iam::aws:policy/job-function/", "arn:aws:iam::123456789012:policy/AdministratorAccess",
	    "/AdministratorAccess"};
	struct bw_managed p;

	for (size_t i = 0; i < BW_COUNT(wrong); i++)
		assert_int_equal(bw_managed_find(bw_str_c(wrong[i]), &p), BW_ENOTFOUND);
	assert_int_equal(bw_managed_find(BW_STR_NONE, &p), BW_ENOTFOUND);
}

TEST(managed_every_policy_is_sorted_unpacks_and_compiles)
{
	struct bw_str last = BW_STR("");

	assert_true(bw_managed_count() > 1000);
	for (size_t i = 0; i < bw_managed_count(); i++) {
		struct bw_managed p, again;
		struct bw_policy *policy;
		struct bw_str text;

		bw_arena_init(&arena, 1 << 22);
		bw_managed_at(i, &p);
		assert_true(bw_str_cmp(last, p.name) < 0);
		last = p.name;
		assert_ok(bw_managed_find(bw_managed_arn(&p, &arena), &again));
		assert_int_equal(again.index, i);
		assert_true(p.version >= 1);
		assert_true(p.create_date_ms > 0 && p.create_date_ms <= p.update_date_ms);
		assert_true(bw_str_starts(p.policy_id, BW_STR("ANPA")));
		text = bw_managed_document(&p, &arena);
		assert_true(bw_str_starts(text, BW_STR("{\"Version\":\"2012-10-17\",")));
		assert_true(bw_str_ends(text, BW_STR("}")));
		assert_ok(bw_policy_compile(text, BW_POLICY_IDENTITY, &policy, NULL));
		bw_policy_release(policy);
		bw_arena_free(&arena);
	}
}
