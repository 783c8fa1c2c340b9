/* How the layers combine. IAM User Guide pages: (E) "Policy evaluation for requests within a single account",
 * (X) "Cross-account policy evaluation logic", (P) "AWS JSON policy elements: Principal", (N) "...:
 * NotPrincipal", (B) "Permissions boundaries for IAM entities"; AWS Organizations User Guide: (O) on SCPs and
 * RCPs. */
#include "documents.h"

/* (E) The table "resource-based policies and implicit denies in other policy types": rows as they stand there
 * and around it. Each layer: NULL not there, "" there with nothing that allows. */
struct row {
	enum bw_principal_kind kind;
	const char *arn, *resource, *identity, *boundary, *session;
	const char *resource_account; /* NULL: the principal's */
	enum bw_decision decision;
	enum bw_layer layer;
};

static const struct row rows[] = {
    /* identity policies alone */
    {BW_PRINCIPAL_USER, USER_ARN, NULL, NULL, NULL, NULL, NULL, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, NULL, NOTHING, NULL, NULL, NULL, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, NULL, ALLOW, NULL, NULL, NULL, Y, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, NULL, DENY, NULL, NULL, NULL, X, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_ROLE, SESSION, NULL, ALLOW, NULL, NULL, NULL, Y, BW_LAYER_IDENTITY},
    /* boundaries and session policies only take away */
    {BW_PRINCIPAL_USER, USER_ARN, NULL, ALLOW, NOTHING, NULL, NULL, I, BW_LAYER_BOUNDARY},
    {BW_PRINCIPAL_USER, USER_ARN, NULL, NOTHING, ALLOW, NULL, NULL, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, NULL, ALLOW, ALLOW, NULL, NULL, Y, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, NULL, ALLOW, DENY, NULL, NULL, X, BW_LAYER_BOUNDARY},
    {BW_PRINCIPAL_ROLE, SESSION, NULL, ALLOW, NULL, NOTHING, NULL, I, BW_LAYER_SESSION},
    {BW_PRINCIPAL_ROLE, SESSION, NULL, ALLOW, NULL, ALLOW, NULL, Y, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_ROLE, SESSION, NULL, ALLOW, NULL, DENY, NULL, X, BW_LAYER_SESSION},
    {BW_PRINCIPAL_ROLE, SESSION, NULL, ALLOW, ALLOW, ALLOW, NULL, Y, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_ROLE, SESSION, NULL, ALLOW, "", ALLOW, NULL, I, BW_LAYER_BOUNDARY},
    {BW_PRINCIPAL_ROLE, SESSION, NULL, ALLOW, ALLOW, "", NULL, I, BW_LAYER_SESSION},
    /* the user named: nothing implicit counts */
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), NULL, NOTHING, NULL, NULL, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), NOTHING, "", "", NULL, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), DENY, NULL, NULL, NULL, X, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), NULL, DENY, NULL, NULL, X, BW_LAYER_BOUNDARY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR("{'AWS':'arn:aws:iam::" ACCOUNT ":user/Bob'}"), NULL, NULL, NULL, NULL,
        I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR("'*'"), NULL, "", NULL, NULL, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_USER, USER_ARN, FOR("{'AWS':'*'}"), NULL, "", NULL, NULL, Y, BW_LAYER_RESOURCE},
    /* the account named: its own policies decide */
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_ACCOUNT), NULL, NULL, NULL, NULL, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR("{'AWS':'" ROOT_ARN "'}"), NULL, NULL, NULL, NULL, I,
        BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_ACCOUNT), ALLOW, NULL, NULL, NULL, Y, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_ACCOUNT), ALLOW, NOTHING, NULL, NULL, I, BW_LAYER_BOUNDARY},
    /* the role named: the identity policies' silence does not count, the boundary's and the session's does */
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_ROLE), NULL, NULL, NULL, NULL, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_ROLE), NULL, "", NULL, NULL, I, BW_LAYER_BOUNDARY},
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_ROLE), NULL, NULL, "", NULL, I, BW_LAYER_SESSION},
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_ROLE), NULL, ALLOW, ALLOW, NULL, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_ROLE), DENY, NULL, NULL, NULL, X, BW_LAYER_IDENTITY},
    /* the session named: nothing implicit counts */
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_SESSION), NULL, "", "", NULL, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ROLE, SESSION, FOR("{'AWS':'" SESSION "x'}"), NULL, NULL, NULL, NULL, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_ROLE, SESSION, FOR("{'AWS':'arn:aws:iam::" ACCOUNT ":role/builder'}"), NULL, NULL, NULL,
        NULL, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_SESSION), NULL, NULL, DENY, NULL, X, BW_LAYER_SESSION},
    /* federated users: denied without a session policy, unless the session is named */
    {BW_PRINCIPAL_FEDERATED, FEDERATED, NULL, ALLOW, NULL, NULL, NULL, I, BW_LAYER_SESSION},
    {BW_PRINCIPAL_FEDERATED, FEDERATED, NULL, ALLOW, NULL, ALLOW, NULL, Y, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_FEDERATED, FEDERATED, NULL, NULL, NULL, ALLOW, NULL, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_FEDERATED, FEDERATED, FOR(NAME_FEDERATED), NULL, "", NULL, NULL, Y, BW_LAYER_RESOURCE},
    /* across accounts both must allow, however the principal is named */
    {BW_PRINCIPAL_USER, USER_ARN, NULL, ALLOW, NULL, NULL, OTHER, I, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), NULL, NULL, NULL, OTHER, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_USER), ALLOW, NULL, NULL, OTHER, Y, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR(NAME_ACCOUNT), ALLOW, NULL, NULL, OTHER, Y, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR("{'AWS':'" OTHER "'}"), ALLOW, NULL, NULL, OTHER, I, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_USER, USER_ARN, FOR("'*'"), ALLOW, "", NULL, OTHER, I, BW_LAYER_BOUNDARY},
    {BW_PRINCIPAL_USER, USER_ARN, FOR("'*'"), NULL, NULL, NULL, OTHER, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_ROLE), NULL, NULL, NULL, OTHER, I, BW_LAYER_IDENTITY},
    {BW_PRINCIPAL_ROLE, SESSION, FOR(NAME_SESSION), ALLOW, NULL, "", OTHER, I, BW_LAYER_SESSION},
    {BW_PRINCIPAL_USER, USER_ARN, AGAINST(NAME_ACCOUNT), ALLOW, NULL, NULL, OTHER, X, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_USER, USER_ARN, NULL, ALLOW, NULL, NULL, ACCOUNT, Y, BW_LAYER_IDENTITY},
    /* the root user needs nobody's permission at home */
    {BW_PRINCIPAL_ROOT, ROOT_ARN, NULL, NULL, NULL, NULL, NULL, Y, BW_LAYER_NONE},
    {BW_PRINCIPAL_ROOT, ROOT_ARN, NULL, NULL, NULL, NOTHING, NULL, I, BW_LAYER_SESSION},
    {BW_PRINCIPAL_ROOT, ROOT_ARN, FOR(NAME_ACCOUNT), NULL, NULL, NOTHING, NULL, I, BW_LAYER_SESSION},
    {BW_PRINCIPAL_ROOT, ROOT_ARN, FOR(NAME_ACCOUNT), NULL, NULL, NULL, NULL, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ROOT, ROOT_ARN, AGAINST(NAME_ACCOUNT), NULL, NULL, NULL, NULL, X, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ROOT, ROOT_ARN, NULL, NULL, NULL, NULL, OTHER, I, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ROOT, ROOT_ARN, FOR(NAME_ACCOUNT), NULL, NULL, NULL, OTHER, Y, BW_LAYER_NONE},
    {BW_PRINCIPAL_ROOT, ROOT_ARN, FOR(NAME_USER), NULL, NULL, NULL, OTHER, I, BW_LAYER_RESOURCE},
    /* nobody, services, providers: only the resource policy speaks of them */
    {BW_PRINCIPAL_ANONYMOUS, NULL, NULL, NULL, NULL, NULL, NULL, I, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ANONYMOUS, NULL, FOR("'*'"), NULL, NULL, NULL, NULL, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ANONYMOUS, NULL, FOR("{'AWS':'*'}"), NULL, NULL, NULL, OTHER, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_ANONYMOUS, NULL, FOR(NAME_ACCOUNT), NULL, NULL, NULL, NULL, I, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com", FOR("{'Service':'ec2.amazonaws.com'}"), NULL, NULL, NULL,
        ACCOUNT, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com", FOR("{'Service':'ecs.amazonaws.com'}"), NULL, NULL, NULL,
        ACCOUNT, I, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com", FOR("{'Federated':'ec2.amazonaws.com'}"), NULL, NULL, NULL,
        ACCOUNT, I, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_WEB, "accounts.google.com", FOR("{'Federated':'accounts.google.com'}"), NULL, NULL, NULL,
        ACCOUNT, Y, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_WEB, "accounts.google.com", FOR("{'Federated':'graph.facebook.com'}"), NULL, NULL, NULL,
        ACCOUNT, I, BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_WEB, "accounts.google.com", FOR("{'AWS':'*'}"), NULL, NULL, NULL, ACCOUNT, I,
        BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_WEB, "accounts.google.com", AGAINST("'*'"), NULL, NULL, NULL, ACCOUNT, X,
        BW_LAYER_RESOURCE},
    {BW_PRINCIPAL_USER, "ec2.amazonaws.com", FOR("{'Service':'ec2.amazonaws.com'}"), NULL, NULL, NULL, NULL,
        I, BW_LAYER_IDENTITY},
};

static void boundary_set(struct asking *a, const char *text)
{
	a->layers.has_boundary = text != NULL;
	if (text && *text)
		BOUNDARY(a, text);
}

static void session_set(struct asking *a, const char *text)
{
	a->layers.has_session = text != NULL;
	if (text && *text)
		SESSION_OF(a, text);
}

TEST(policy_layers_table)
{
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct bw_verdict v;
		struct asking a;

		asking_begin(&a);
		ask_as(&a, r->kind, r->arn);
		if (r->resource)
			RESOURCE(&a, r->resource);
		if (r->identity)
			IDENTITY(&a, r->identity);
		boundary_set(&a, r->boundary);
		session_set(&a, r->session);
		a.request.resource_account = bw_str_c(r->resource_account);
		v = ask(&a);
		if (v.decision != r->decision || v.layer != r->layer)
			fail_msg("row %zu: decision %d layer %d, want %d %d", i, v.decision, v.layer,
			    r->decision, r->layer);
		asking_end(&a);
	}
}

static void levels_set(struct asking *a, enum bw_policy_kind kind, size_t n, const char *const *texts,
    const struct bw_policy_list **lists, size_t *count)
{
	for (size_t i = 0; i < n; i++)
		a->levels[i] = list_of(a, kind, "level", texts[i]);
	*lists = a->levels;
	*count = n;
}

/* (O) Every level from the root down must allow; SCPs bind principals, RCPs resources. */
TEST(policy_layers_every_scp_level_must_allow)
{
	static const char *const all[] = {ALLOW, ALLOW}, *const first[] = {NOTHING, ALLOW},
	                         *const last[] = {ALLOW, NOTHING}, *const deny[] = {NOTHING, DENY};
	struct asking a;

	asking_begin(&a);
	IDENTITY(&a, ALLOW);
	levels_set(&a, BW_POLICY_SCP, 2, all, &a.layers.scps, &a.layers.scp_levels);
	assert_verdict(&a, Y, BW_LAYER_IDENTITY);
	levels_set(&a, BW_POLICY_SCP, 2, first, &a.layers.scps, &a.layers.scp_levels);
	assert_verdict(&a, I, BW_LAYER_SCP);
	levels_set(&a, BW_POLICY_SCP, 2, last, &a.layers.scps, &a.layers.scp_levels);
	assert_verdict(&a, I, BW_LAYER_SCP);
	ask_as(&a, BW_PRINCIPAL_ROOT, ROOT_ARN);
	assert_verdict(&a, I, BW_LAYER_SCP);
	a.request.service_linked_role = true;
	ask_as(&a, BW_PRINCIPAL_ROLE, SESSION);
	assert_verdict(&a, Y, BW_LAYER_IDENTITY);
	a.request.service_linked_role = false;
	levels_set(&a, BW_POLICY_SCP, 2, deny, &a.layers.scps, &a.layers.scp_levels);
	assert_verdict(&a, X, BW_LAYER_SCP);
	asking_end(&a);
}

TEST(policy_layers_scps_bind_grants_of_resource_policies)
{
	static const char *const nothing[] = {NOTHING};
	struct asking a;

	asking_begin(&a);
	RESOURCE(&a, FOR(NAME_USER));
	levels_set(&a, BW_POLICY_SCP, 1, nothing, &a.layers.scps, &a.layers.scp_levels);
	assert_verdict(&a, I, BW_LAYER_SCP);
	/* ... but not callers who stand in no account. */
	RESOURCE(&a, FOR("'*'"));
	ask_as(&a, BW_PRINCIPAL_ANONYMOUS, NULL);
	assert_verdict(&a, Y, BW_LAYER_RESOURCE);
	ask_as(&a, BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com");
	assert_verdict(&a, Y, BW_LAYER_RESOURCE);
	asking_end(&a);
}

TEST(policy_layers_rcps_bind_everybody_at_the_resource)
{
	static const char *const deny[] = {AGAINST("'*'")}, *const allow[] = {FOR("'*'")};
	struct asking a;

	asking_begin(&a);
	RESOURCE(&a, FOR("'*'"));
	levels_set(&a, BW_POLICY_RCP, 1, allow, &a.layers.rcps, &a.layers.rcp_levels);
	assert_verdict(&a, Y, BW_LAYER_RESOURCE);
	levels_set(&a, BW_POLICY_RCP, 1, deny, &a.layers.rcps, &a.layers.rcp_levels);
	assert_verdict(&a, X, BW_LAYER_RCP);
	ask_as(&a, BW_PRINCIPAL_ANONYMOUS, NULL);
	assert_verdict(&a, X, BW_LAYER_RCP);
	ask_as(&a, BW_PRINCIPAL_ROOT, ROOT_ARN);
	assert_verdict(&a, X, BW_LAYER_RCP);
	ask_as(&a, BW_PRINCIPAL_ROLE, SESSION);
	a.request.service_linked_role = true;
	assert_verdict(&a, Y, BW_LAYER_RESOURCE);
	asking_end(&a);
}

TEST(policy_layers_endpoint_policies_must_allow)
{
	struct asking a;

	asking_begin(&a);
	IDENTITY(&a, ALLOW);
	a.layers.has_vpce = true;
	assert_verdict(&a, I, BW_LAYER_VPCE);
	a.layers.vpce = list_of(&a, BW_POLICY_VPCE, "vpce", FOR("'*'"));
	assert_verdict(&a, Y, BW_LAYER_IDENTITY);
	a.layers.vpce = list_of(&a, BW_POLICY_VPCE, "vpce", FOR("{'AWS':'" OTHER "'}"));
	assert_verdict(&a, I, BW_LAYER_VPCE);
	a.layers.vpce = list_of(&a, BW_POLICY_VPCE, "vpce", AGAINST(NAME_ACCOUNT));
	assert_verdict(&a, X, BW_LAYER_VPCE);
	asking_end(&a);
}

/* (N) "you must also specify the account ARN", "...the role, and then the session"; (B) boundaries. */
TEST(policy_layers_not_principal)
{
	static const struct {
		enum bw_principal_kind kind;
		const char *arn, *excepted;
		bool boundary;
		enum bw_decision decision;
	} cases[] = {
	    {BW_PRINCIPAL_USER, USER_ARN, "{'AWS':['" USER_ARN "','" ROOT_ARN "']}", false, Y},
	    {BW_PRINCIPAL_USER, USER_ARN, "{'AWS':['" USER_ARN "','" ACCOUNT "']}", false, Y},
	    {BW_PRINCIPAL_USER, USER_ARN, "{'AWS':'" USER_ARN "'}", false, X},
	    {BW_PRINCIPAL_USER, USER_ARN, "{'AWS':'" ACCOUNT "'}", false, X},
	    {BW_PRINCIPAL_USER, USER_ARN, "{'AWS':['" USER_ARN "x','" ACCOUNT "']}", false, X},
	    {BW_PRINCIPAL_USER, USER_ARN, "{'AWS':['" USER_ARN "','" ACCOUNT "']}", true, X},
	    {BW_PRINCIPAL_ROLE, SESSION, "{'AWS':['" SESSION "','" ROLE_ARN "','" ACCOUNT "']}", false, Y},
	    {BW_PRINCIPAL_ROLE, SESSION, "{'AWS':['" ROLE_ARN "','" ACCOUNT "']}", false, X},
	    {BW_PRINCIPAL_ROLE, SESSION, "{'AWS':['" SESSION "','" ACCOUNT "']}", false, X},
	    {BW_PRINCIPAL_ROLE, SESSION, "{'AWS':['" SESSION "','" ROLE_ARN "']}", false, X},
	    {BW_PRINCIPAL_FEDERATED, FEDERATED, "{'AWS':['" FEDERATED "','" ACCOUNT "']}", false, Y},
	    {BW_PRINCIPAL_ROOT, ROOT_ARN, "{'AWS':'" ACCOUNT "'}", false, Y},
	    {BW_PRINCIPAL_ROOT, ROOT_ARN, "{'AWS':'" OTHER "'}", false, X},
	    {BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com", "{'Service':'ec2.amazonaws.com'}", false, Y},
	    {BW_PRINCIPAL_SERVICE, "ec2.amazonaws.com", "{'AWS':'" ACCOUNT "'}", false, X},
	    {BW_PRINCIPAL_ANONYMOUS, NULL, "{'AWS':'" ACCOUNT "'}", false, X},
	    {BW_PRINCIPAL_ANONYMOUS, NULL, "'*'", false, Y},
	};

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct asking a;
		struct bw_str text;

		asking_begin(&a);
		ask_as(&a, cases[i].kind, cases[i].arn);
		text = bw_arena_printf(&a.arena,
		    "{'Version':'2012-10-17','Statement':[{'Effect':'Deny','Action':'*','NotPrincipal':%s},"
		    "{'Effect':'Allow','Action':'*','Principal':'*'},{'Effect':'Allow','Action':'*','"
		    "Principal':%s}]}",
		    cases[i].excepted, cases[i].excepted);
		RESOURCE(&a, text.p);
		session_set(&a, ALLOW);
		boundary_set(&a, cases[i].boundary ? ALLOW : NULL);
		if (ask(&a).decision != cases[i].decision)
			fail_msg("case %zu", i);
		asking_end(&a);
	}
}

TEST(policy_layers_verdict_names_the_statement)
{
	struct bw_verdict v;
	struct asking a;

	asking_begin(&a);
	a.layers.identity = list_join(&a, list_of(&a, BW_POLICY_IDENTITY, "one", NOTHING),
	    list_of(&a, BW_POLICY_IDENTITY, "two",
	        "{'Version':'2012-10-17','Statement':[{'Effect':'Deny','Action':'iam:*','Resource':'*'},"
	        "{'Effect':'Allow','Action':'ec2:*','Resource':'*'},{'Effect':'Allow','NotAction':'ec2:*','"
	        "Resource':'*'},"
	        "{'Effect':'Allow','Action':'s3:*','Resource':'*'}]}"));
	v = ask(&a);
	assert_int_equal(v.decision, BW_ALLOWED);
	assert_str(v.policy_id, "two");
	assert_int_equal(v.statement, 2);
	a.request.action = BW_STR("iam:x");
	v = ask(&a);
	assert_int_equal(v.decision, X);
	assert_str(v.policy_id, "two");
	assert_int_equal(v.statement, 0);
	a.layers.identity.n = 1;
	v = ask(&a);
	assert_int_equal(v.decision, I);
	assert_false(bw_str_set(v.policy_id));
	assert_int_equal(v.statement, -1);
	asking_end(&a);
}

/* STS API Reference, "GetCallerIdentity": an explicit Deny does not count. */
TEST(policy_layers_caller_identity_is_never_denied)
{
	struct asking a;

	asking_begin(&a);
	IDENTITY(&a, DOC("'Effect':'Deny','Action':'*','Resource':'*'"));
	a.request.action = BW_STR("sts:GetCallerIdentity");
	assert_verdict(&a, Y, BW_LAYER_NONE);
	a.request.action = BW_STR("sts:GetCallerIdentities");
	assert_verdict(&a, X, BW_LAYER_IDENTITY);
	a.request.action = BW_STR("sts:GetCallerIdentity");
	ask_as(&a, BW_PRINCIPAL_ANONYMOUS, NULL);
	assert_int_equal(ask(&a).decision, X);
	asking_end(&a);
}

TEST(policy_layers_over_long_actions_are_denied)
{
	char action[300];
	struct asking a;

	asking_begin(&a);
	IDENTITY(&a, ALLOW);
	memset(action, 'a', sizeof action);
	memcpy(action, "s3:", 3);
	a.request.action = bw_str_make(action, 256);
	assert_verdict(&a, Y, BW_LAYER_IDENTITY);
	a.request.action = bw_str_make(action, 257);
	assert_verdict(&a, I, BW_LAYER_NONE);
	ask_as(&a, BW_PRINCIPAL_ROOT, ROOT_ARN);
	assert_verdict(&a, I, BW_LAYER_NONE);
	asking_end(&a);
}

TEST(policy_layers_one_document_alone)
{
	struct bw_policy *p;
	struct asking a;
	int32_t at;

	asking_begin(&a);
	p = policy_of(&a, BW_POLICY_TRUST,
	    "{'Statement':[{'Effect':'Allow','Action':'sts:AssumeRole','Principal':{'AWS':'" OTHER "'}},"
	    "{'Effect':'Allow','Action':'sts:AssumeRole','Principal':{'AWS':'" ACCOUNT "'}},"
	    "{'Effect':'Deny','Action':'sts:TagSession','Principal':{'AWS':'" ACCOUNT "'}}]}");
	a.request.action = BW_STR("sts:AssumeRole");
	assert_int_equal(bw_policy_evaluate_one(p, &a.request, &at), Y);
	assert_int_equal(at, 1);
	a.request.action = BW_STR("sts:TagSession");
	assert_int_equal(bw_policy_evaluate_one(p, &a.request, &at), X);
	assert_int_equal(at, 2);
	a.request.action = BW_STR("sts:SetContext");
	assert_int_equal(bw_policy_evaluate_one(p, &a.request, &at), I);
	assert_int_equal(at, -1);
	assert_int_equal(bw_policy_evaluate_one(p, &a.request, NULL), I);
	asking_end(&a);
}
