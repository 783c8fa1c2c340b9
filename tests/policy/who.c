/* Who asks, and what follows from it. IAM User Guide: (I) "IAM identifiers", (P) "AWS JSON policy elements:
 * Principal", (K) "AWS global condition context keys". */
#include "asking.h"

struct row {
	const char *text;
	enum bw_principal_kind kind;
	const char *account, *role;
	bool linked;
};

#define LINKED "arn:aws:iam::" ACCOUNT ":role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"

static const struct row rows[] = {
    {"anonymous", BW_PRINCIPAL_ANONYMOUS, NULL, NULL, false},
    {USER_ARN, BW_PRINCIPAL_USER, ACCOUNT, NULL, false},
    {"arn:aws:iam::" ACCOUNT ":user/a/b/bob", BW_PRINCIPAL_USER, ACCOUNT, NULL, false},
    {"arn:aws-us-gov:iam::" ACCOUNT ":user/bob", BW_PRINCIPAL_USER, ACCOUNT, NULL, false},
    {ROOT_ARN, BW_PRINCIPAL_ROOT, ACCOUNT, NULL, false},
    {ROLE_ARN, BW_PRINCIPAL_ROLE, ACCOUNT, ROLE_ARN, false},
    {LINKED, BW_PRINCIPAL_ROLE, ACCOUNT, LINKED, true},
    /* (I) a session's ARN has no path: the role's is guessed to have none */
    {SESSION, BW_PRINCIPAL_ROLE, ACCOUNT, "arn:aws:iam::" ACCOUNT ":role/builder", false},
    {"arn:aws:sts::" ACCOUNT ":assumed-role/AWSServiceRoleForECS/ecs", BW_PRINCIPAL_ROLE, ACCOUNT,
        "arn:aws:iam::" ACCOUNT ":role/AWSServiceRoleForECS", true},
    {FEDERATED, BW_PRINCIPAL_FEDERATED, ACCOUNT, NULL, false},
    {"arn:aws:iam::" ACCOUNT ":saml-provider/idp", BW_PRINCIPAL_WEB, NULL, NULL, false},
    {"arn:aws:iam::" ACCOUNT ":oidc-provider/id.example.com/x", BW_PRINCIPAL_WEB, NULL, NULL, false},
    /* (P) providers and services go by their names */
    {"accounts.google.com", BW_PRINCIPAL_WEB, NULL, NULL, false},
    {"cognito-identity.amazonaws.com", BW_PRINCIPAL_WEB, NULL, NULL, false},
    {"ec2.amazonaws.com", BW_PRINCIPAL_SERVICE, NULL, NULL, false},
};

TEST(policy_who_reads_every_kind)
{
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		struct bw_policy_request r = {0};

		if (bw_policy_principal(bw_str_c(rows[i].text), &arena, &r) != BW_OK ||
		    r.principal_kind != rows[i].kind)
			fail_msg("%s: kind %d", rows[i].text, r.principal_kind);
		assert_int_equal(r.service_linked_role, rows[i].linked);
		assert_int_equal(bw_str_set(r.principal_account), rows[i].account != NULL);
		assert_true(bw_str_eq(r.principal_account, bw_str_c(rows[i].account)));
		assert_true(bw_str_eq(r.principal_role_arn, bw_str_c(rows[i].role)));
		if (rows[i].kind != BW_PRINCIPAL_ANONYMOUS)
			assert_str(r.principal_arn, rows[i].text);
	}
	bw_arena_free(&arena);
}

TEST(policy_who_refuses_what_is_nobody)
{
	static const char *const texts[] = {"", "*", "bob", "Anonymous", "arn:", "arn:aws:iam::1:user/bob",
	    "arn:aws:iam::" ACCOUNT ":user/", "arn:aws:iam::" ACCOUNT ":user/a/",
	    "arn:aws:iam::" ACCOUNT ":rooty", "arn:aws:iam::" ACCOUNT ":group/g",
	    "arn:aws:iam::" ACCOUNT ":role/", "arn:aws:iam:us-east-1:" ACCOUNT ":user/b",
	    "arn::iam::" ACCOUNT ":user/bob", "arn:aws:iam::" ACCOUNT, "arn:aws:s3:::bucket",
	    "arn:aws:sts::" ACCOUNT ":assumed-role/r", "arn:aws:sts::" ACCOUNT ":assumed-role/r/",
	    "arn:aws:sts::" ACCOUNT ":assumed-role//s", "arn:aws:sts::" ACCOUNT ":assumed-role/r/s/t",
	    "arn:aws:sts::" ACCOUNT ":federated-user/", "arn:aws:sts::" ACCOUNT ":user/bob",
	    "ec2 .amazonaws.com", "ec2", "arn:aws:iam::12345678901a:root", "arn:aws:iam::1234567890123:root"};
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(texts); i++) {
		struct bw_policy_request r = {0};

		if (bw_policy_principal(bw_str_c(texts[i]), &arena, &r) != BW_EINVAL)
			fail_msg("\"%s\" is kind %d", texts[i], r.principal_kind);
	}
	bw_arena_free(&arena);
}

static struct bw_str implied(const struct bw_policy_implied *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (bw_str_eq(all->keys[i].name, bw_str_c(name)))
			return all->values[i];
	return BW_STR_NONE;
}

/* (K) "aws:PrincipalArn": of a session it is the role's, path and all. */
TEST(policy_who_implies_context_keys)
{
	static const struct {
		const char *who, *key, *value;
	} cases[] = {
	    {USER_ARN, "aws:PrincipalArn", USER_ARN},
	    {USER_ARN, "aws:username", "bob"},
	    {USER_ARN, "aws:PrincipalType", "User"},
	    {USER_ARN, "aws:PrincipalAccount", ACCOUNT},
	    {USER_ARN, "aws:PrincipalIsAWSService", "false"},
	    {USER_ARN, "aws:ResourceAccount", ACCOUNT},
	    {USER_ARN, "aws:userid", NULL},
	    {USER_ARN, "aws:PrincipalServiceName", NULL},
	    {SESSION, "aws:PrincipalArn", "arn:aws:iam::" ACCOUNT ":role/builder"},
	    {SESSION, "aws:PrincipalType", "AssumedRole"},
	    {SESSION, "aws:username", NULL},
	    {ROOT_ARN, "aws:PrincipalType", "Account"},
	    {ROOT_ARN, "aws:userid", ACCOUNT},
	    {ROOT_ARN, "aws:username", NULL},
	    {FEDERATED, "aws:PrincipalType", "FederatedUser"},
	    {FEDERATED, "aws:PrincipalArn", FEDERATED},
	    {FEDERATED, "aws:username", NULL},
	    {"anonymous", "aws:PrincipalType", "Anonymous"},
	    {"anonymous", "aws:PrincipalAccount", "anonymous"},
	    {"anonymous", "aws:PrincipalArn", NULL},
	    {"anonymous", "aws:PrincipalIsAWSService", NULL},
	    {"ec2.amazonaws.com", "aws:PrincipalIsAWSService", "true"},
	    {"ec2.amazonaws.com", "aws:PrincipalServiceName", "ec2.amazonaws.com"},
	    {"ec2.amazonaws.com", "aws:PrincipalArn", NULL},
	    {"ec2.amazonaws.com", "aws:PrincipalAccount", NULL},
	    {"accounts.google.com", "aws:PrincipalArn", NULL},
	};
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct bw_policy_request r = {0};
		struct bw_policy_implied keys;

		assert_ok(bw_policy_principal(bw_str_c(cases[i].who), &arena, &r));
		bw_policy_imply(&r, &keys);
		if (!bw_str_eq(implied(&keys, cases[i].key), bw_str_c(cases[i].value)) ||
		    bw_str_set(implied(&keys, cases[i].key)) != (cases[i].value != NULL))
			fail_msg("%s of %s: %.*s", cases[i].key, cases[i].who,
			    BW_FMT(implied(&keys, cases[i].key)));
	}
	bw_arena_free(&arena);
}

/* (P) and KMS Developer Guide, "Key policies in AWS KMS": whose word must be there. */
TEST(policy_who_knows_what_stands_at_a_resource)
{
	static const struct {
		const char *action, *resource;
		enum bw_policy_kind kind;
		bool must_exist;
	} cases[] = {
	    {"sts:AssumeRole", ROLE_ARN, BW_POLICY_TRUST, true},
	    {"STS:assumerole", ROLE_ARN, BW_POLICY_TRUST, true},
	    {"sts:TagSession", ROLE_ARN, BW_POLICY_TRUST, true},
	    {"sts:AssumeRole", USER_ARN, BW_POLICY_TRUST, false},
	    {"sts:GetFederationToken", "*", BW_POLICY_RESOURCE, false},
	    {"iam:GetRole", ROLE_ARN, BW_POLICY_RESOURCE, false},
	    {"kms:Decrypt", "arn:aws:kms:us-east-1:" ACCOUNT ":key/1", BW_POLICY_KEY, true},
	    {"KMS:decrypt", "arn:aws:kms:us-east-1:" ACCOUNT ":key/1", BW_POLICY_KEY, true},
	    {"kms:CreateAlias", "arn:aws:kms:us-east-1:" ACCOUNT ":alias/a", BW_POLICY_RESOURCE, false},
	    {"kms:ListKeys", "*", BW_POLICY_KEY, false},
	    {"s3:GetObject", BUCKET_ARN, BW_POLICY_RESOURCE, false},
	};

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		bool must_exist;

		assert_int_equal(bw_policy_resource_kind(
		                     bw_str_c(cases[i].action), bw_str_c(cases[i].resource), &must_exist),
		    cases[i].kind);
		assert_int_equal(must_exist, cases[i].must_exist);
	}
	assert_str(bw_policy_resource_account(BW_STR("arn:aws:sqs:us-east-1:" ACCOUNT ":q")), ACCOUNT);
	assert_false(bw_str_set(bw_policy_resource_account(BW_STR(BUCKET_ARN))));
	assert_false(bw_str_set(bw_policy_resource_account(BW_STR("arn:aws:sqs:us-east-1:12:q"))));
	assert_false(bw_str_set(bw_policy_resource_account(BW_STR("x:aws:sqs:us-east-1:" ACCOUNT ":q"))));
	assert_false(bw_str_set(bw_policy_resource_account(BW_STR("*"))));
}
