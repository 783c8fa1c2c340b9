/* What is told of a decision: the denial's text, and the reasons as JSON. IAM User Guide, "Troubleshoot
 * access denied error messages". */
#include "asking.h"

#include "codec/json.h"

static void denial_is(struct asking *a, struct bw_verdict v, const char *want)
{
	struct bw_buf out;

	bw_buf_init(&out, 4096);
	bw_policy_denial(&a->request, &v, &out);
	assert_str(bw_buf_str(&out), want);
	bw_buf_free(&out);
}

#define BOB "User: " USER_ARN " is not authorized to perform: s3:GetObject on resource: " BUCKET_ARN

TEST(policy_denial_texts)
{
	static const struct {
		struct bw_verdict verdict;
		const char *text;
	} rows[] = {
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_NONE}, BOB},
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_IDENTITY},
	        BOB " because no identity-based policy allows the s3:GetObject action"},
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_RESOURCE},
	        BOB " because no resource-based policy allows the s3:GetObject action"},
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_BOUNDARY},
	        BOB " because no permissions boundary allows the s3:GetObject action"},
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_SESSION},
	        BOB " because no session policy allows the s3:GetObject action"},
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_SCP},
	        BOB " because no service control policy allows the s3:GetObject action"},
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_RCP},
	        BOB " because no resource control policy allows the s3:GetObject action"},
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_VPCE},
	        BOB " because no VPC endpoint policy allows the s3:GetObject action"},
	    {{.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_TRUST}, BOB},
	    {{.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_IDENTITY},
	        BOB " with an explicit deny in an identity-based policy"},
	    {{.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_RESOURCE},
	        BOB " with an explicit deny in a resource-based policy"},
	    {{.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_BOUNDARY},
	        BOB " with an explicit deny in a permissions boundary"},
	    {{.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_SESSION},
	        BOB " with an explicit deny in a session policy"},
	    {{.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_SCP},
	        BOB " with an explicit deny in a service control policy"},
	    {{.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_RCP},
	        BOB " with an explicit deny in a resource control policy"},
	    {{.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_VPCE},
	        BOB " with an explicit deny in a VPC endpoint policy"},
	    {{.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_TRUST},
	        BOB " with an explicit deny in the role trust policy"},
	};
	struct asking a;

	asking_begin(&a);
	for (size_t i = 0; i < BW_COUNT(rows); i++)
		denial_is(&a, rows[i].verdict, rows[i].text);
	asking_end(&a);
}

/* AWS Security Blog, "Enhanced access denied error messages with policy ARNs": explicit denials, kinds with
 * ARNs, at home. */
TEST(policy_denial_names_the_denying_policy_at_home)
{
	struct bw_str arn = BW_STR("arn:aws:iam::" ACCOUNT ":policy/p");
	struct asking a;

	asking_begin(&a);
	denial_is(&a, (struct bw_verdict){BW_DENIED_EXPLICIT, BW_LAYER_IDENTITY, arn, 0},
	    BOB " with an explicit deny in an identity-based policy: arn:aws:iam::" ACCOUNT ":policy/p");
	denial_is(&a, (struct bw_verdict){BW_DENIED_EXPLICIT, BW_LAYER_SCP, arn, 0},
	    BOB " with an explicit deny in a service control policy: arn:aws:iam::" ACCOUNT ":policy/p");
	denial_is(&a, (struct bw_verdict){BW_DENIED_EXPLICIT, BW_LAYER_RESOURCE, arn, 0},
	    BOB " with an explicit deny in a resource-based policy");
	denial_is(&a, (struct bw_verdict){BW_DENIED_EXPLICIT, BW_LAYER_IDENTITY, BW_STR("inline"), 0},
	    BOB " with an explicit deny in an identity-based policy");
	a.request.resource_account = BW_STR(OTHER);
	denial_is(&a, (struct bw_verdict){BW_DENIED_EXPLICIT, BW_LAYER_IDENTITY, arn, 0},
	    BOB " with an explicit deny in an identity-based policy");
	asking_end(&a);
}

TEST(policy_denial_speaks_of_every_caller)
{
	struct bw_verdict v = {.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_RESOURCE};
	struct asking a;

	asking_begin(&a);
	a.request.resource = BW_STR_NONE;
	denial_is(&a, v,
	    "User: " USER_ARN " is not authorized to perform: s3:GetObject because no resource-based policy "
	    "allows the s3:GetObject action");
	a.request.resource = BW_STR("*");
	ask_as(&a, BW_PRINCIPAL_ANONYMOUS, NULL);
	denial_is(&a, v,
	    "User: anonymous is not authorized to perform: s3:GetObject on resource: * because no "
	    "resource-based policy allows "
	    "the s3:GetObject action");
	/* Recorded answers of STS: no reason, whatever it is. */
	a.request.action = BW_STR("sts:AssumeRole");
	denial_is(&a, v, "User: anonymous is not authorized to perform: sts:AssumeRole on resource: *");
	a.request.action = BW_STR("sts:TagSession");
	denial_is(&a, (struct bw_verdict){.decision = BW_DENIED_IMPLICIT, .layer = BW_LAYER_IDENTITY},
	    "User: anonymous is not authorized to perform: sts:TagSession on resource: *");
	denial_is(&a, (struct bw_verdict){.decision = BW_DENIED_EXPLICIT, .layer = BW_LAYER_SCP},
	    "User: anonymous is not authorized to perform: sts:TagSession on resource: * with an explicit "
	    "deny in a "
	    "service control policy");
	ask_as(&a, BW_PRINCIPAL_WEB, "accounts.google.com");
	a.request.action = BW_STR("sts:AssumeRoleWithWebIdentity");
	denial_is(&a, v, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
	asking_end(&a);
}

static const struct bw_json_value *at(const struct bw_json_value *v, const char *path)
{
	struct bw_str rest = bw_str_c(path);

	while (bw_str_set(rest)) {
		struct bw_str step = bw_str_cut(&rest, '.');
		int64_t index;

		assert_non_null(v);
		if (bw_str_to_i64(step, 0, 99, &index) == BW_OK)
			v = (size_t)index < v->count ? &v->values[index] : NULL;
		else
			v = bw_json_member(v, step);
	}
	return v;
}

static struct bw_json_value explain(struct asking *a)
{
	struct bw_json_value json;
	struct bw_buf buf;

	bw_buf_init(&buf, 1 << 20);
	(void)bw_policy_explain(&a->layers, &a->request, &buf);
	assert_ok(bw_json_parse(bw_arena_str(&a->arena, bw_buf_str(&buf)), &a->arena, &json));
	bw_buf_free(&buf);
	return json;
}

/* "Which statement of which policy denied, and why" is what people ask first. */
TEST(policy_explain_tells_every_element)
{
	struct bw_json_value json;
	struct asking a;

	asking_begin(&a);
	a.layers.identity = list_of(&a, BW_POLICY_IDENTITY, "arn:aws:iam::" ACCOUNT ":policy/p",
	    "{'Version':'2012-10-17','Statement':[{'Sid':'Far','Effect':'Allow','Action':['ec2:*','s3:Get*'],"
	    "'Resource':['arn:aws:s3:::"
	    "other','*']},{'Effect':'Deny','NotAction':'iam:*','NotResource':'arn:aws:s3:::x','Condition':{'"
	    "StringNotEquals':{"
	    "'aws:SourceVpc':['v1','v2']},'Bool':{'aws:SecureTransport':'true'},'Null':{'aws:x':'true'}}}]}");
	a.layers.has_boundary = true;
	context_of(&a, "aws:SourceVpc=v3;aws:SecureTransport=true;aws:TagKeys@=a|b");
	json = explain(&a);
	assert_str(at(&json, "decision")->text, "explicitDeny");
	assert_str(at(&json, "layer")->text, "identity");
	assert_str(at(&json, "policy")->text, "arn:aws:iam::" ACCOUNT ":policy/p");
	assert_str(at(&json, "statement")->text, "1");
	assert_str(at(&json, "message")->text,
	    BOB " with an explicit deny in an identity-based policy: arn:aws:iam::" ACCOUNT ":policy/p");
	assert_str(at(&json, "request.action")->text, "s3:GetObject");
	assert_str(at(&json, "request.context.2.values.1")->text, "b");
	assert_str(at(&json, "layers.0.layer")->text, "identity");
	assert_str(at(&json, "layers.0.result")->text, "explicitDeny");
	assert_str(at(&json, "layers.0.policies.0.statements.0.sid")->text, "Far");
	assert_int_equal(at(&json, "layers.0.policies.0.statements.0.matches")->kind, BW_JSON_TRUE);
	assert_int_equal(
	    at(&json, "layers.0.policies.0.statements.0.action.patterns.0.matches")->kind, BW_JSON_FALSE);
	assert_str(at(&json, "layers.0.policies.0.statements.0.resource.patterns.1.pattern")->text, "*");
	assert_str(at(&json, "layers.0.policies.0.statements.1.line")->text, "1");
	assert_str(at(&json, "layers.0.policies.0.statements.0.column")->text, "38");
	assert_str(at(&json, "layers.0.policies.0.statements.0.endColumn")->text, "135");
	assert_str(at(&json, "layers.0.policies.0.statements.1.effect")->text, "Deny");
	assert_str(at(&json, "layers.0.policies.0.statements.1.why")->text, "everything matches: it denies");
	assert_str(
	    at(&json, "layers.0.policies.0.statements.1.conditions.0.operator")->text, "StringNotEquals");
	assert_str(at(&json, "layers.0.policies.0.statements.1.conditions.0.values.1")->text, "v2");
	assert_str(at(&json, "layers.0.policies.0.statements.1.conditions.0.found.0")->text, "v3");
	assert_str(at(&json, "layers.0.policies.0.statements.1.conditions.0.why")->text,
	    "the request's value is none of these");
	assert_int_equal(
	    at(&json, "layers.0.policies.0.statements.1.conditions.2.found")->kind, BW_JSON_NULL);
	assert_str(at(&json, "layers.1.layer")->text, "permissionsBoundary");
	assert_str(at(&json, "layers.1.result")->text, "implicitDeny");
	asking_end(&a);
}

TEST(policy_explain_tells_why_not)
{
	static const struct {
		const char *element, *why, *failing;
	} rows[] = {
	    {"'Action':'ec2:*','Resource':'*'", "the action does not match", "Action"},
	    {"'NotAction':'s3:*','Resource':'*'", "the action does not match", "NotAction"},
	    {"'Action':'s3:*','Resource':'arn:aws:s3:::x'", "the resource does not match", "Resource"},
	    {"'Action':'s3:*','NotResource':'*'", "the resource does not match", "NotResource"},
	    {"'Action':'s3:*','Resource':'*','Condition':{'StringEquals':{'aws:a':'1'}}",
	        "the request does not have the key", "Condition"},
	    {"'Action':'s3:*','Resource':'*','Condition':{'StringEquals':{'aws:b':'1'}}",
	        "the request's value is none of these", "Condition"},
	    {"'Action':'s3:*','Resource':'*','Condition':{'StringNotEquals':{'aws:b':'2'}}",
	        "the request's value is one of these", "Condition"},
	    {"'Action':'s3:*','Resource':'*','Condition':{'ForAnyValue:StringEquals':{'aws:b':'1'}}",
	        "no value of the request passes", "Condition"},
	    {"'Action':'s3:*','Resource':'*','Condition':{'ForAllValues:StringEquals':{'aws:b':'1'}}",
	        "some value of the request does not pass", "Condition"},
	    {"'Action':'s3:*','Resource':'*','Condition':{'Null':{'aws:b':'true'}}",
	        "the request has the key", "Condition"},
	};

	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		struct bw_json_value json;
		struct asking a;

		asking_begin(&a);
		context_of(&a, "aws:b=2");
		a.layers.identity = list_of(&a, BW_POLICY_IDENTITY, "p",
		    bw_arena_printf(&a.arena, "{'Version':'2012-10-17','Statement':{'Effect':'Allow',%s}}",
		        rows[i].element)
		        .p);
		json = explain(&a);
		assert_str(at(&json, "layers.0.policies.0.statements.0.why")->text, rows[i].why);
		assert_str(at(&json, "layers.0.policies.0.statements.0.element")->text, rows[i].failing);
		assert_str(at(&json, "decision")->text, "implicitDeny");
		asking_end(&a);
	}
}

TEST(policy_explain_tells_how_the_caller_is_named)
{
	struct bw_json_value json;
	struct asking a;

	asking_begin(&a);
	ask_as(&a, BW_PRINCIPAL_ROLE, SESSION);
	a.layers.resource = list_of(&a, BW_POLICY_RESOURCE, "bucket",
	    "{'Statement':[{'Effect':'Allow','Action':'s3:*','Principal':{'AWS':['" OTHER "','" ROLE_ARN
	    "']}}]}");
	json = explain(&a);
	assert_str(at(&json, "decision")->text, "allowed");
	assert_str(at(&json, "layers.0.names")->text, "role");
	assert_str(at(&json, "layers.0.policies.0.statements.0.principal.named.0.names")->text, "nobody");
	assert_str(at(&json, "layers.0.policies.0.statements.0.principal.named.1.names")->text, "role");
	asking_end(&a);
}

TEST(policy_explain_escapes_what_it_quotes)
{
	struct bw_json_value json;
	struct asking a;

	asking_begin(&a);
	a.request.resource = BW_STR("arn:aws:s3:::\"\n\xff");
	json = explain(&a);
	assert_str(at(&json, "request.resource")->text, "arn:aws:s3:::\"\n\xef\xbf\xbd");
	asking_end(&a);
}
