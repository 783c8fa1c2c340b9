/* Policies that must let the account's own in: of roles and of keys. IAM User Guide, (E) "Policy evaluation
 * for requests within a single account". */
#include "documents.h"

/* (E) "IAM role trust policies and KMS key policies are exceptions": silence there is a denial. */
TEST(policy_opt_in_trust_must_allow)
{
	static const struct {
		enum bw_principal_kind kind;
		const char *arn, *trust, *identity;
		enum bw_decision decision;
		enum bw_layer layer;
	} cases[] = {
	    {BW_PRINCIPAL_USER, USER_ARN, NAME_USER, NULL, Y, BW_LAYER_TRUST},
	    {BW_PRINCIPAL_USER, USER_ARN, NAME_ACCOUNT, NULL, I, BW_LAYER_IDENTITY},
	    {BW_PRINCIPAL_USER, USER_ARN, NAME_ACCOUNT, ALLOW, Y, BW_LAYER_IDENTITY},
	    {BW_PRINCIPAL_USER, USER_ARN, "{'AWS':'" OTHER "'}", ALLOW, I, BW_LAYER_TRUST},
	    {BW_PRINCIPAL_ROLE, SESSION, NAME_ROLE, NULL, Y, BW_LAYER_TRUST},
	    {BW_PRINCIPAL_ROOT, ROOT_ARN, "{'AWS':'" OTHER "'}", NULL, I, BW_LAYER_TRUST},
	    {BW_PRINCIPAL_ROOT, ROOT_ARN, NAME_ACCOUNT, NULL, Y, BW_LAYER_TRUST},
	    {BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com", "{'Service':'ec2.amazonaws.com'}", NULL, Y,
	        BW_LAYER_TRUST},
	};

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct bw_verdict v;
		struct asking a;
		struct bw_str text;

		asking_begin(&a);
		ask_as(&a, cases[i].kind, cases[i].arn);
		a.request.action = BW_STR("sts:AssumeRole");
		a.request.resource = BW_STR("arn:aws:iam::" ACCOUNT ":role/r");
		text = bw_arena_printf(&a.arena,
		    "{'Statement':{'Effect':'Allow','Action':'sts:AssumeRole','Principal':%s}}",
		    cases[i].trust);
		a.layers.resource = list_of(&a, BW_POLICY_TRUST, "trust", text.p);
		a.layers.resource_must_allow = true;
		if (cases[i].identity)
			IDENTITY(&a, cases[i].identity);
		v = ask(&a);
		if (v.decision != cases[i].decision || v.layer != cases[i].layer)
			fail_msg("case %zu: decision %d layer %d", i, v.decision, v.layer);
		asking_end(&a);
	}
}

/* KMS Developer Guide, "Key policies in AWS KMS": unless the key policy lets it, no IAM policy allows
 * anything. */
TEST(policy_opt_in_keys_must_allow)
{
	static const struct {
		enum bw_principal_kind kind;
		const char *arn, *key, *identity, *resource_account;
		enum bw_decision decision;
		enum bw_layer layer;
	} cases[] = {
	    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), NULL, NULL, Y, BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_ACCOUNT), NULL, NULL, I, BW_LAYER_IDENTITY},
	    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_ACCOUNT), ALLOW, NULL, Y, BW_LAYER_IDENTITY},
	    {BW_PRINCIPAL_USER, USER_ARN, FOR("{'AWS':'" OTHER "'}"), ALLOW, NULL, I, BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), NULL, OTHER, I, BW_LAYER_IDENTITY},
	    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), ALLOW, OTHER, Y, BW_LAYER_IDENTITY},
	    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_ROLE), NULL, NULL, Y, BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_SESSION), NULL, NULL, Y, BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_ROOT, ROOT_ARN, FOR(NAME_USER), NULL, NULL, I, BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_ROOT, ROOT_ARN, FOR(NAME_ACCOUNT), NULL, NULL, Y, BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_ANONYMOUS, NULL, FOR("'*'"), NULL, NULL, Y, BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com", FOR("{'Service':'ec2.amazonaws.com'}"), NULL, NULL, Y,
	        BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_USER, USER_ARN, NOT_FOR(NAME_USER), ALLOW, NULL, X, BW_LAYER_RESOURCE},
	    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), DENY, NULL, X, BW_LAYER_IDENTITY},
	};

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct bw_verdict v;
		struct asking a;

		asking_begin(&a);
		ask_as(&a, cases[i].kind, cases[i].arn);
		a.request.resource_account = bw_str_c(cases[i].resource_account);
		a.layers.resource = list_of(&a, BW_POLICY_KEY, "key", cases[i].key);
		a.layers.resource_must_allow = true;
		if (cases[i].identity)
			IDENTITY(&a, cases[i].identity);
		v = ask(&a);
		if (v.decision != cases[i].decision || v.layer != cases[i].layer)
			fail_msg("case %zu: decision %d layer %d", i, v.decision, v.layer);
		asking_end(&a);
	}
}

TEST(policy_opt_in_must_allow_without_a_policy_denies)
{
	struct asking a;

	asking_begin(&a);
	IDENTITY(&a, ALLOW);
	a.layers.resource_must_allow = true;
	assert_verdict(&a, I, BW_LAYER_RESOURCE);
	asking_end(&a);
}
