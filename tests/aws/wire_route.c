#include "wire_test.h"

#include "gen/accessanalyzer.h"
#include "gen/sso.h"

static struct wire_case c;

static const char *routed(const char *method, const char *path, const char *query, const char *scope)
{
	case_begin(&c, method, path, query);
	if (case_route(&c, scope) != BW_OK)
		return "";
	return bw_at(c.route.operation->name);
}

static void assert_route_error(const char *code, int status, const char *message)
{
	struct bw_error_text e;

	bw_route_error(&c.route, &c.r, &c.arena, &e);
	assert_str(e.code, code);
	assert_str(e.message, message);
	assert_int_equal(e.status, status);
	case_end(&c);
}

static void post(const char *body, const char *scope)
{
	case_begin(&c, "POST", "/", NULL);
	c.body = bw_str_c(body);
	assert_int_not_equal(case_route(&c, scope), BW_OK);
}

TEST(route_action_needs_the_service_of_the_signature)
{
	case_begin(&c, "POST", "/", NULL);
	c.body = BW_STR("Action=GetCallerIdentity&Version=2011-06-15");
	assert_ok(case_route(&c, "sts"));
	case_end(&c);
	for (size_t i = 0; i < 2; i++) {
		/* Not found, but it is told whose it is. */
		post("Action=GetCallerIdentity&Version=2011-06-15", i ? "s3" : "iam");
		assert_string_equal(c.route.service->name, "sts");
		case_end(&c);
	}
	post("Action=Nope&Version=2011-06-15", "s3");
	assert_null(c.route.service);
	assert_route_error("InvalidAction", 400, "Could not find operation Nope for version 2011-06-15");
}

TEST(route_unsigned_action_goes_by_action_and_version)
{
	case_begin(&c, "POST", "/", NULL);
	c.body = BW_STR("Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
	assert_ok(case_route(&c, NULL));
	assert_string_equal(c.route.service->name, "sts");
	case_end(&c);
	post("Action=AssumeRoleWithWebIdentity&Version=2010-05-08", NULL);
	assert_route_error("InvalidAction", 400,
	    "Could not find operation AssumeRoleWithWebIdentity for version 2010-05-08");
}

#define LONG16 "AAAAAAAAAAAAAAAA"
#define LONG64 LONG16 LONG16 LONG16 LONG16
#define LONG   LONG64 LONG64 LONG64 LONG64 /* as much as is said of a name */

TEST(route_words_for_wrong_actions)
{
	post("Action=Nope&Version=2010-05-08", "iam");
	assert_route_error("InvalidAction", 400, "Could not find operation Nope for version 2010-05-08");
	post("Action=CreateUser", "iam");
	assert_route_error(
	    "InvalidAction", 400, "Could not find operation CreateUser for version NO_VERSION_SPECIFIED");
	post("Action=createuser&Version=2010-05-08", "iam");
	assert_route_error(
	    "InvalidAction", 400, "Could not find operation createuser for version 2010-05-08");
	post("Version=2010-05-08", "iam");
	assert_route_error("MissingAction", 400, "The request must contain the parameter Action");
	post("", NULL);
	assert_route_error("MissingAction", 400, "The request must contain the parameter Action");
	post("Action=" LONG "B&Version=2010-05-08", "iam");
	assert_route_error("InvalidAction", 400, "Could not find operation " LONG " for version 2010-05-08");
	post("Action=Nope&Version=2016-11-15", "ec2");
	assert_route_error("InvalidAction", 400, "The action Nope is not valid for this web service.");
	post("Action=%ZZ", "iam");
	assert_string_equal(c.route.service->name, "iam");
	assert_route_error("MalformedQueryString", 404, "The query string contains a syntax error");
}

TEST(route_form_needs_its_method_and_type)
{
	assert_string_equal(routed("PUT", "/", "Action=ListUsers&Version=2010-05-08", "iam"), "");
	case_end(&c);
	case_begin(&c, "POST", "/", NULL);
	case_header(&c, "Content-Type", "application/json");
	c.body = BW_STR("Action=ListUsers&Version=2010-05-08");
	assert_int_equal(case_route(&c, "iam"), BW_ENOTFOUND);
	case_end(&c);
}

static enum bw_err target(const char *method, const char *value, const char *scope)
{
	case_begin(&c, method, "/", NULL);
	case_header(&c, "x-amz-target", value);
	c.body = BW_STR("{}");
	return case_route(&c, scope);
}

TEST(route_target_names_service_and_operation)
{
	assert_ok(target("POST", "TrentService.ListKeys", "kms"));
	case_end(&c);
	assert_ok(target(
	    "POST", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails", "cloudtrail"));
	case_end(&c);
	assert_int_equal(target("POST", "TrentService.ListKeys", "iam"), BW_ENOTFOUND);
	assert_string_equal(c.route.service->name, "kms");
	case_end(&c);
	assert_int_equal(target("POST", "TrentService.Nope", "iam"), BW_ENOTFOUND);
	assert_null(c.route.service);
	assert_route_error("UnknownOperationException", 404, "");
	assert_int_equal(target("POST", "TrentService.Nope", "kms"), BW_ENOTFOUND);
	assert_route_error("UnknownOperationException", 400, "");
	assert_int_equal(target("POST", "ListKeys", "kms"), BW_ENOTFOUND);
	case_end(&c);
	assert_int_equal(target("POST", ".", "kms"), BW_ENOTFOUND);
	case_end(&c);
	assert_int_equal(target("POST", "", "kms"), BW_ENOTFOUND);
	case_end(&c);
	assert_int_equal(target("GET", "TrentService.ListKeys", "kms"), BW_ENOTFOUND);
	case_end(&c);
	case_begin(&c, "POST", "/", NULL);
	case_header(&c, "X-Amz-Target", "TrentService.ListKeys");
	case_header(&c, "X-Amz-Target", "TrentService.CreateKey");
	assert_int_equal(case_route(&c, "kms"), BW_ENOTFOUND);
	case_end(&c);
}

TEST(route_path_prefers_the_literal)
{
	assert_string_equal(
	    routed("GET", "/policy/generation", NULL, "access-analyzer"), "ListPolicyGenerations");
	case_end(&c);
	assert_string_equal(
	    routed("GET", "/policy/generation/abc", NULL, "access-analyzer"), "GetGeneratedPolicy");
	assert_str(c.route.labels[0], "abc");
	case_end(&c);
	assert_string_equal(
	    routed("DELETE", "/analyzer/a%2Fb/archive-rule/r%20s", "clientToken=x", "access-analyzer"),
	    "DeleteArchiveRule");
	assert_int_equal(c.route.label_count, 2);
	assert_str(c.route.labels[0], "a/b");
	assert_str(c.route.labels[1], "r s");
	case_end(&c);
	routed("DELETE", "/analyzer/a%5Fb/archive-rule/%72", NULL, "access-analyzer");
	assert_ok(case_decode(&c));
	assert_str(((const IN_accessanalyzer_DeleteArchiveRule *)c.in)->analyzerName, "a_b");
	assert_str(((const IN_accessanalyzer_DeleteArchiveRule *)c.in)->ruleName, "r");
	case_end(&c);
}

TEST(route_path_is_exact)
{
	static const char *const wrong[][2] = {{"GET", "/analyzer/"}, {"GET", "//analyzer"},
	    {"GET", "/analyzer/a/b/c"}, {"POST", "/analyzer"}, {"GET", "/Analyzer"}, {"GET", "/analyzer/%zz"},
	    {"GET", ""}, {"GET", "/"}, {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s"}};

	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		assert_string_equal(routed(wrong[i][0], wrong[i][1], NULL, "access-analyzer"), "");
		assert_route_error("UnknownOperationException", 404, "");
	}
}

TEST(route_fixed_query_tells_operations_apart)
{
	assert_string_equal(routed("POST", "/token", "aws_iam=t", "sso-oauth"), "CreateTokenWithIAM");
	case_end(&c);
	assert_string_equal(routed("POST", "/token", "aws_iam=true", "sso-oauth"), "CreateToken");
	case_end(&c);
	assert_string_equal(routed("POST", "/token", NULL, NULL), "CreateToken");
	case_end(&c);
}

TEST(rest_reads_query_and_headers)
{
	assert_string_equal(
	    routed("GET", "/federation/credentials", "role_name=r&account_id=123456789012", NULL),
	    "GetRoleCredentials");
	case_header(&c, "x-amz-sso_bearer_token", "t");
	assert_ok(case_decode(&c));
	assert_str(((const IN_sso_GetRoleCredentials *)c.in)->roleName, "r");
	assert_str(((const IN_sso_GetRoleCredentials *)c.in)->accessToken, "t");
	case_end(&c);
	routed("GET", "/federation/credentials", "role_name=r&role_name=s&account_id=1", NULL);
	assert_int_equal(case_decode(&c), BW_EINVAL);
	assert_faults(&c, "SerializationException", "Duplicate parameter role_name");
	routed("GET", "/federation/credentials", "account_id=1", NULL);
	assert_int_equal(case_decode(&c), BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "2 validation errors detected: Value null at 'roleName' failed to satisfy constraint: Member "
	    "must not be null; "
	    "Value null at 'accessToken' failed to satisfy constraint: Member must not be null");
	routed("GET", "/assignment/accounts", "max_result=x", NULL);
	case_header(&c, "x-amz-sso_bearer_token", "t");
	assert_int_equal(case_decode(&c), BW_EINVAL);
	assert_true(c.faults.malformed);
	case_end(&c);
}

TEST(rest_fills_idempotency_tokens)
{
	const IN_accessanalyzer_CreateAnalyzer *in;

	routed("PUT", "/analyzer", NULL, "access-analyzer");
	c.body = BW_STR("{\"analyzerName\":\"a\",\"type\":\"ACCOUNT\"}");
	assert_ok(case_decode(&c));
	in = c.in;
	assert_int_equal(in->clientToken.n, 36);
	case_end(&c);
	routed("PUT", "/analyzer", NULL, "access-analyzer");
	c.body = BW_STR("{\"analyzerName\":\"a\",\"type\":\"ACCOUNT\",\"clientToken\":\"mine\"}");
	assert_ok(case_decode(&c));
	assert_str(((const IN_accessanalyzer_CreateAnalyzer *)c.in)->clientToken, "mine");
	case_end(&c);
}

TEST(rest_unions_have_one_member)
{
	routed("PUT", "/analyzer", NULL, "access-analyzer");
	c.body = BW_STR("{\"analyzerName\":\"a\",\"type\":\"ACCOUNT\",\"configuration\":{}}");
	assert_int_equal(case_decode(&c), BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "1 validation error detected: Value at 'configuration' failed to satisfy constraint: Member must "
	    "have exactly one "
	    "of its members set");
}
