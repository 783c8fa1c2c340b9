#include "wire_test.h"

#include "base/limits.h"
#include <stdio.h>
#include "gen/ec2.h"
#include "gen/elbv2.h"
#include "gen/iam.h"
#include "gen/sts.h"

#define IAM "Version=2010-05-08&Action="
#define NO  "' failed to satisfy constraint: Member must "

static struct wire_case c;

TEST(wire_query_decodes_nested_lists)
{
	const IN_iam_CreateUser *in;

	assert_ok(query_call(&c, "iam",
	    "Action=CreateUser&Version=2010-05-08&UserName=b%6Fb&Tags.member.2.Value=&Tags.member.1.Key=k+1&"
	    "Tags.member.10.Key=j&Tags.member.10.Value=10&Tags.member.1.Value=v&Tags.member.2.Key=x&Tags."
	    "member.3.Key=c&"
	    "Tags.member.3.Value=c&Tags.member.4.Key=d&Tags.member.4.Value=d&Tags.member.5.Key=e&Tags.member."
	    "5.Value=e&"
	    "Tags.member.6.Key=f&Tags.member.6.Value=f&Tags.member.7.Key=g&Tags.member.7.Value=g&Tags.member."
	    "8.Key=h&"
	    "Tags.member.8.Value=h&Tags.member.9.Key=i&Tags.member.9.Value=i&Unknown.thing=1"));
	in = c.in;
	assert_str(in->UserName, "bob");
	assert_false(bw_str_set(in->Path));
	assert_true(in->Tags.set);
	assert_int_equal(in->Tags.n, 10);
	assert_str(in->Tags.v[0].Key, "k 1");
	assert_str(in->Tags.v[1].Value, "");
	assert_str(in->Tags.v[9].Value, "10");
	case_end(&c);
}

TEST(wire_query_empty_list_is_set_and_absent_is_not)
{
	assert_ok(query_call(&c, "iam", IAM "TagUser&UserName=a&Tags="));
	assert_true(((const IN_iam_TagUser *)c.in)->Tags.set);
	assert_int_equal(((const IN_iam_TagUser *)c.in)->Tags.n, 0);
	case_end(&c);
	assert_int_equal(query_call(&c, "iam", IAM "TagUser&UserName=a"), BW_EINVAL);
	assert_faults(&c, "ValidationError", "1 validation error detected: Value at 'tags" NO "not be null");
}

TEST(wire_query_states_every_failed_constraint)
{
	assert_int_equal(
	    query_call(&c, "iam",
	        IAM "CreateUser&UserName=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
	    BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "1 validation error detected: Value at 'userName" NO "have length less than or equal to 64");
	assert_int_equal(query_call(&c, "iam", IAM "CreateUser&UserName=a%20b&Path=x"), BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "2 validation errors detected: Value at 'path" NO
	    "satisfy regular expression pattern: (\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F); Value at "
	    "'userName" NO "satisfy regular expression pattern: [\\w+=,.@-]+");
	assert_int_equal(query_call(&c, "iam", IAM "CreateUser"), BW_EINVAL);
	assert_faults(
	    &c, "ValidationError", "1 validation error detected: Value at 'userName" NO "not be null");
	assert_int_equal(query_call(&c, "iam", IAM "CreateUser&UserName="), BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "2 validation errors detected: Value at 'userName" NO "have length greater than or equal to 1; "
	    "Value at 'userName" NO "satisfy regular expression pattern: [\\w+=,.@-]+");
	assert_int_equal(
	    query_call(&c, "iam", IAM "UpdateAccessKey&AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=On"),
	    BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "1 validation error detected: Value at 'status" NO
	    "satisfy enum value set: [Active, Inactive, Expired]");
	assert_int_equal(query_call(&c, "iam", IAM "ListUsers&MaxItems=0"), BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "1 validation error detected: Value at 'maxItems" NO "have value greater than or equal to 1");
	assert_int_equal(query_call(&c, "iam", IAM "TagUser&UserName=a&Tags.member.1.Key=k"), BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "1 validation error detected: Value at 'tags.1.member.value" NO "not be null");
}

TEST(wire_query_states_a_scalar_list_once)
{
	assert_int_equal(
	    query_call(&c, "iam",
	        IAM "CreateOpenIDConnectProvider&Url=https%3A%2F%2Fx&ThumbprintList.member.1=abc&"
	            "ThumbprintList.member.2=d"),
	    BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "1 validation error detected: Value at 'thumbprintList" NO
	    "satisfy constraint: [Member must have length less than or equal to 40, "
	    "Member must have length greater than or equal to 40]");
}

TEST(wire_query_bounds_at_below_and_above)
{
	assert_ok(query_call(&c, "iam", IAM "ListUsers&MaxItems=1000"));
	assert_int_equal(((const IN_iam_ListUsers *)c.in)->MaxItems.v, 1000);
	case_end(&c);
	assert_int_equal(query_call(&c, "iam", IAM "ListUsers&MaxItems=1001"), BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "1 validation error detected: Value at 'maxItems" NO "have value less than or equal to 1000");
	assert_int_equal(query_call(&c, "iam", IAM "ListUsers&MaxItems=99999999999"), BW_EINVAL);
	assert_faults(&c, "ValidationError",
	    "1 validation error detected: Value at 'maxItems" NO "have value less than or equal to 1000");
	/* Characters, not bytes: 64 times e with an acute accent would be 128 bytes. */
	assert_ok(query_call(&c, "iam",
	    IAM "TagUser&UserName=a&Tags.member.1.Value=&Tags.member.1.Key=%C3%A9%C3%A9%C3%A9%C3%A9"));
	case_end(&c);
}

TEST(wire_query_refuses_wrong_types)
{
	static const char *const wrong[] = {"abc", "", "1.0", "+1", "0x10", "1 ", "--1", "1e3", "%31%00"};
	char body[128];

	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		snprintf(body, sizeof body, IAM "ListUsers&MaxItems=%s", wrong[i]);
		assert_int_equal(query_call(&c, "iam", body), BW_EINVAL);
		assert_faults(&c, "MalformedInput", "Invalid value for parameter MaxItems");
	}
	assert_int_equal(
	    query_call(&c, "iam", IAM "UpdateLoginProfile&UserName=a&PasswordResetRequired=yes"), BW_EINVAL);
	assert_faults(&c, "MalformedInput", "Invalid value for parameter PasswordResetRequired");
}

TEST(wire_query_refuses_bytes_that_are_no_text)
{
	static const char *const wrong[] = {"%FF", "%C0%80", "%ED%A0%80", "a%00b", "%F4%90%80%80"};
	char body[128];

	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		snprintf(body, sizeof body, IAM "GetUser&UserName=%s", wrong[i]);
		assert_int_equal(query_call(&c, "iam", body), BW_EINVAL);
		assert_faults(&c, "MalformedInput", "A string holds bytes that are not text in UTF-8");
	}
}

TEST(wire_query_refuses_gaps_and_odd_numbers)
{
	static const char *const wrong[][2] = {
	    {"Tags.member.2.Key=a", "Tags.member.2.Key"},
	    {"Tags.member.0.Key=a", "Tags.member.0.Key"},
	    {"Tags.member.01.Key=a", "Tags.member.01.Key"},
	    {"Tags.member.-1.Key=a", "Tags.member.-1.Key"},
	    {"Tags.member.x.Key=a", "Tags.member.x.Key"},
	    {"Tags.member..Key=a", "Tags.member..Key"},
	    {"Tags.member.1.Key=a&Tags.member.1.Value=b&Tags.member.3.Key=c", "Tags.member.3.Key"},
	    {"Tags.member.99999999999999999999.Key=a", "Tags.member.99999999999999999999.Key"},
	};
	char body[256], want[256];

	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		snprintf(body, sizeof body, IAM "TagUser&UserName=a&%s", wrong[i][0]);
		snprintf(want, sizeof want, "Unexpected number in parameter %s", wrong[i][1]);
		assert_int_equal(query_call(&c, "iam", body), BW_EINVAL);
		assert_faults(&c, "MalformedInput", want);
	}
}

TEST(wire_query_refuses_parameters_of_the_wrong_form)
{
	static const char *const wrong[][2] = {
	    {"Tags=x", "Tags"},
	    {"Tags.1.Key=x", "Tags.1.Key"},
	    {"Tags.member=x", "Tags.member"},
	    {"Tags.member.1=x", "Tags.member.1"},
	    {"Tags.member.1.Key.x=y", "Tags.member.1.Key.x"},
	    {"Tags.members.1.Key=x", "Tags.members.1.Key"},
	    {"UserName.x=1", "UserName"},
	    {"Tags=&Tags.member.1.Key=a", "Tags"},
	};
	char body[256], want[256];

	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		snprintf(body, sizeof body, IAM "TagUser&UserName=a&%s", wrong[i][0]);
		snprintf(want, sizeof want, "Unexpected parameter %s", wrong[i][1]);
		assert_int_equal(query_call(&c, "iam", body), BW_EINVAL);
		assert_faults(&c, "MalformedInput", want);
	}
	assert_int_equal(query_call(&c, "iam", IAM "GetUser&UserName=a&UserName=b"), BW_EINVAL);
	assert_faults(&c, "MalformedInput", "Duplicate parameter UserName");
	assert_int_equal(query_call(&c, "iam", IAM "GetUser&UserName=a&%55serName=a"), BW_EINVAL);
	assert_faults(&c, "MalformedInput", "Duplicate parameter UserName");
}

/* A list of the most parameters a form may have decodes; the next is refused by the form's reader. */
static enum bw_err long_list(struct wire_case *k, int items)
{
	static char body[1 << 20];
	size_t n = (size_t)snprintf(body, sizeof body, "Action=SimulateCustomPolicy&Version=2010-05-08");

	for (int i = 1; i <= items; i++)
		n += (size_t)snprintf(body + n, sizeof body - n, "&ActionNames.member.%d=a:b", i);
	case_begin(k, "POST", "/", NULL);
	k->body = bw_str_make(body, n);
	return case_route(k, "iam");
}

TEST(wire_query_list_ceiling)
{
	struct bw_error_text e;

	assert_ok(long_list(&c, BW_FORM_FIELDS_MAX - 2));
	assert_int_equal(case_decode(&c), BW_EINVAL);
	assert_int_equal(((const IN_iam_SimulateCustomPolicy *)c.in)->ActionNames.n, BW_FORM_FIELDS_MAX - 2);
	case_end(&c);
	assert_int_equal(long_list(&c, BW_FORM_FIELDS_MAX - 1), BW_EINVAL);
	bw_route_error(&c.route, &c.r, &c.arena, &e);
	assert_str(e.code, "MalformedQueryString");
	case_end(&c);
}

TEST(wire_query_maps_and_structures)
{
	const IN_elbv2_CreateListener *in;

	assert_ok(query_call(&c, "elasticloadbalancing",
	    "Version=2015-12-01&Action=CreateListener&LoadBalancerArn=x&DefaultActions.member.1.Type="
	    "authenticate-oidc&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.Issuer=i&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.AuthorizationEndpoint=a&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.TokenEndpoint=t&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.UserInfoEndpoint=u&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.ClientId=c&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.2.value=w&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.2.key=l&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.key=k&"
	    "DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.value="
	    "v"));
	in = c.in;
	assert_int_equal(
	    in->DefaultActions.v[0].AuthenticateOidcConfig->AuthenticationRequestExtraParams.n, 2);
	assert_str(
	    in->DefaultActions.v[0].AuthenticateOidcConfig->AuthenticationRequestExtraParams.keys[1], "l");
	assert_str(
	    in->DefaultActions.v[0].AuthenticateOidcConfig->AuthenticationRequestExtraParams.v[1], "w");
	case_end(&c);
	assert_int_equal(
	    query_call(&c, "elasticloadbalancing",
	        "Version=2015-12-01&Action=CreateListener&LoadBalancerArn=x&DefaultActions.member.1.Type=x&"
	        "DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1."
	        "value=v"),
	    BW_EINVAL);
	assert_true(c.faults.malformed);
	case_end(&c);
}

TEST(wire_query_get_reads_the_query_string)
{
	case_begin(&c, "GET", "/", "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=abc");
	assert_ok(case_route(&c, "sts"));
	assert_ok(case_decode(&c));
	assert_string_equal(bw_at(c.route.operation->name), "GetCallerIdentity");
	case_end(&c);
}

TEST(wire_ec2_decodes_its_own_names)
{
	const IN_ec2_DescribeSecurityGroups *in;

	assert_ok(query_call(&c, "ec2",
	    "Action=DescribeSecurityGroups&Version=2016-11-15&GroupId.1=sg-1&GroupId.2=sg-2&Filter.1.Name="
	    "vpc-id&"
	    "Filter.1.Value.1=vpc-1&MaxResults=5"));
	in = c.in;
	assert_int_equal(in->GroupIds.n, 2);
	assert_str(in->GroupIds.v[1], "sg-2");
	assert_str(in->Filters.v[0].Values.v[0], "vpc-1");
	case_end(&c);
}

TEST(wire_ec2_refuses_what_it_does_not_know)
{
	static const struct {
		const char *fields, *code, *message;
	} cases[] = {
	    {"&Nonsense=1", "UnknownParameter", "The parameter Nonsense is not recognized"},
	    {"&Nonsense.1.Name=1", "UnknownParameter", "The parameter Nonsense is not recognized"},
	    {"&action=1", "UnknownParameter", "The parameter action is not recognized"},
	    {"&Filter.1.Nme=vpc-id", "UnknownParameter", "The parameter Filter.1.Nme is not recognized"},
	    {"&Filter.1.X-Amz-Date=1", "UnknownParameter", "The parameter Filter.1.X-Amz-Date is not recognized"},
	    {"&MaxResults.1=5", "UnknownParameter", "The parameter MaxResults.1 is not recognized"},
	    {"&MaxResults=abc", "InvalidParameterValue", "Value (abc) for parameter MaxResults is invalid."},
	    {"&DryRun=maybe", "InvalidParameterValue", "Value (maybe) for parameter DryRun is invalid."},
	};

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		char body[128];

		snprintf(body, sizeof body, "Action=DescribeSecurityGroups&Version=2016-11-15%s", cases[i].fields);
		assert_int_equal(query_call(&c, "ec2", body), BW_EINVAL);
		assert_faults(&c, cases[i].code, cases[i].message);
	}
	/* The fields of a presigned query string stand beside the input's. */
	assert_ok(query_call(&c, "ec2",
	    "Action=DescribeSecurityGroups&Version=2016-11-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60"));
	case_end(&c);
	/* The query services pass over them. */
	assert_ok(query_call(&c, "iam", "Action=ListUsers&Version=2010-05-08&Nonsense=1"));
	case_end(&c);
}

TEST(wire_ec2_states_the_first_fault_in_its_own_words)
{
	assert_int_equal(
	    query_call(&c, "ec2", "Action=CreateSecurityGroup&Version=2016-11-15&VpcId=v"), BW_EINVAL);
	assert_faults(&c, "MissingParameter", "The request must contain the parameter description");
	assert_int_equal(
	    query_call(&c, "ec2", "Action=DescribeSecurityGroups&Version=2016-11-15&MaxResults=5000"),
	    BW_EINVAL);
	assert_faults(&c, "InvalidParameterValue",
	    "Value ( 5000 ) for parameter maxResults is invalid. Expecting a value less than or equal to "
	    "1000.");
}
