/* What compiles and what does not, and in which words. Rows of identity policies are AWS's recorded answers
 * to CreatePolicy; those of trust policies its answers to CreateRole. */
#include "asking.h"

#include <stdio.h>

#include "base/limits.h"

struct row {
	enum bw_policy_kind kind;
	const char *document, *text; /* NULL: compiles */
};

#define SYNTAX  "Syntax errors in policy."
#define LEGACY  "The policy failed legacy parsing"
#define VERSION "Policy document must be version 2012-10-17 or greater."
#define S(body) "{'Version':'2012-10-17','Statement':{" body "}}"
#define A       "'Effect':'Allow','Action':'s3:ListBucket',"
#define R       "'Resource':'arn:aws:s3:::b'"

static const struct row identity[] = {
    {BW_POLICY_IDENTITY, S(A R), NULL},
    {BW_POLICY_IDENTITY, "no json", SYNTAX},
    {BW_POLICY_IDENTITY, "", SYNTAX},
    {BW_POLICY_IDENTITY, "[]", SYNTAX},
    {BW_POLICY_IDENTITY, "{}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17'}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':[]}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':null}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':'x'}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':['x']}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Version':'2012-10-17','Statement':{" A R "}}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':{" A R "}} ", NULL},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':{" A R "}}x", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':{" A R "},}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Statement':{" A R "}}", VERSION},
    {BW_POLICY_IDENTITY, "{'Version':'2008-10-17','Statement':{" A R "}}", VERSION},
    {BW_POLICY_IDENTITY, "{'Version':'2013-10-17','Statement':{" A R "}}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':2012,'Statement':{" A R "}}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Extra':1,'Statement':{" A R "}}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Id':['x'],'Statement':{" A R "}}", SYNTAX},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Id':'x y','Statement':{" A R "}}", NULL},
    {BW_POLICY_IDENTITY, S(A R ",'Extra':'x'"), SYNTAX},
    {BW_POLICY_IDENTITY, S(A R ",'effect':'Allow'"), SYNTAX},
    {BW_POLICY_IDENTITY, S("'Action':'s3:ListBucket'," R), SYNTAX},
    {BW_POLICY_IDENTITY, S("'Effect':'Maybe','Action':'s3:ListBucket'," R), SYNTAX},
    {BW_POLICY_IDENTITY, S("'Effect':'denY','Action':'s3:ListBucket'," R), LEGACY},
    {BW_POLICY_IDENTITY, S("'Effect':'allow'"), LEGACY},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow'"), "Policy statement must contain actions."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow'," R), "Policy statement must contain actions."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':[]," R), "Policy statement must contain actions."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'s3:ListBucket'"),
        "Policy statement must contain resources."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'invalid'"),
        "Policy statement must contain resources."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'s3:x','Resource':[]"),
        "Policy statement must contain resources."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':[[]]," R), SYNTAX},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':{}," R), SYNTAX},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':123," R), SYNTAX},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':[],'NotAction':'s3:x'," R), SYNTAX},
    {BW_POLICY_IDENTITY, S(A R ",'NotResource':[]"), SYNTAX},
    {BW_POLICY_IDENTITY, S(A "'Resource':{'a':'b'}"), SYNTAX},
    {BW_POLICY_IDENTITY, S(A "'Resource':['adfdf',{}]"), SYNTAX},
    {BW_POLICY_IDENTITY, S(A R ",'Sid':{}"), SYNTAX},
    {BW_POLICY_IDENTITY, S(A R ",'Sid':'a-b'"),
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
        "[0-9A-Za-z]*"},
    {BW_POLICY_IDENTITY,
        "{'Version':'2012-10-17','Statement':[{'Sid':'x'," A R "},{'Sid':'x','Effect':'Allow'}]}",
        "Statement IDs (SID) in a single policy must be unique."},
    {BW_POLICY_IDENTITY, "{'Version':'2012-10-17','Statement':[{'Sid':''," A R "},{'Sid':''," A R "}]}",
        NULL},
    {BW_POLICY_IDENTITY, S(A R ",'Principal':'*'"), "Policy document should not specify a principal."},
    {BW_POLICY_IDENTITY, S(A R ",'NotPrincipal':{'AWS':'*'}"),
        "Policy document should not specify a principal."},
    {BW_POLICY_BOUNDARY, S(A R ",'Principal':'*'"), "Policy document should not specify a principal."},
    {BW_POLICY_SESSION, "{'Statement':{" A R "}}", NULL},
};

static const struct row actions[] = {
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'invalid'," R),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','NotAction':''," R),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'a a:ListBucket'," R), "Vendor a a is not valid"},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':':GetObject'," R), "Vendor  is not valid"},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'s*:GetObject'," R), "Vendor s* is not valid"},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'s3:List:Bucket'," R),
        "Actions/Condition can contain only one colon."},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'s3-s.x:a b '," R), NULL},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'*'," R), NULL},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'*:*'," R), NULL},
};

#define RES(text)      S(A "'Resource':'" text "'")
#define ARN_FORM(text) "Resource " text " must be in ARN format or \"*\"."

static const struct row resources[] = {
    {BW_POLICY_IDENTITY, RES("*"), NULL},
    {BW_POLICY_IDENTITY, RES("invalid resource"), ARN_FORM("invalid resource")},
    {BW_POLICY_IDENTITY, RES(""), ARN_FORM("")},
    {BW_POLICY_IDENTITY, S("'Effect':'Allow','Action':'s:3:List','Resource':'sdf'"), ARN_FORM("sdf")},
    {BW_POLICY_IDENTITY, RES("a:bsd"), "Partition \"bsd\" is not valid for resource \"arn:bsd:*:*:*:*\"."},
    {BW_POLICY_IDENTITY, RES("a:b:c:d:e:f:g:h"),
        "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\"."},
    {BW_POLICY_IDENTITY, RES("aws:s3:::b"), "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\"."},
    {BW_POLICY_IDENTITY, RES("arn:error:s3:::b"),
        "Partition \"error\" is not valid for resource \"arn:error:s3:::b\"."},
    {BW_POLICY_IDENTITY, RES("arn:*:s3:::b"), NULL},
    {BW_POLICY_IDENTITY, RES("arn:aws-us-gov:s3:::b"), NULL},
    {BW_POLICY_IDENTITY, RES("arn:aws"),
        "Resource vendor must be fully qualified and cannot contain regexes."},
    {BW_POLICY_IDENTITY, RES("arn:aws:s*:::b"),
        "Resource vendor must be fully qualified and cannot contain regexes."},
    {BW_POLICY_IDENTITY, RES("arn:aws:s3::b"), LEGACY},
    {BW_POLICY_IDENTITY, RES("arn:aws::b"), LEGACY},
    {BW_POLICY_IDENTITY, RES("arn:aws::::b"), LEGACY},
    {BW_POLICY_IDENTITY, RES("arn:awss3::b/*"), LEGACY},
    {BW_POLICY_IDENTITY, RES("arn:aws:fdsasf"), NULL},
    {BW_POLICY_IDENTITY, RES("arn:aws:iam:::user/x"), NULL},
    {BW_POLICY_IDENTITY, RES("arn:aws:iam::*:*"), NULL},
    {BW_POLICY_IDENTITY, RES("arn:aws:iam::*:root"), NULL},
    {BW_POLICY_IDENTITY, RES("arn:aws:iam::123456789012:r*"), NULL},
    {BW_POLICY_IDENTITY, RES("arn:aws:iam:::bucket"),
        "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, "
        "instance-profile/, "
        "mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, "
        "access-report/."},
    {BW_POLICY_IDENTITY, RES("arn:aws:iam:us-east-1::user/x"),
        "IAM resource arn:aws:iam:us-east-1::user/x cannot contain region information."},
    {BW_POLICY_IDENTITY, RES("arn:aws:s3:us-east-1::b"),
        "Resource arn:aws:s3:us-east-1::b can not contain region information."},
    {BW_POLICY_IDENTITY, RES("arn:aws:s3:us-east-1:123456789012:accesspoint/x"), NULL},
    {BW_POLICY_IDENTITY, RES("arn:aws:cloudwatch:us-east-1::x"), NULL},
    {BW_POLICY_IDENTITY, S(A "'NotResource':'invalid'"), ARN_FORM("invalid")},
};

#define COND(text) S(A R ",'Condition':" text)

static const struct row conditions[] = {
    {BW_POLICY_IDENTITY, COND("{}"), NULL},
    {BW_POLICY_IDENTITY, COND("[]"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("'a'"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'a':'b'}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'a':{}}"), NULL},
    {BW_POLICY_IDENTITY, COND("{'x':{'a':'1'}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'DateGreaterThan':'b'}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'DateGreaterThan':{'a':{}}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'DateGreaterThan':{'a':[]}}"), NULL},
    {BW_POLICY_IDENTITY, COND("{'StringEquals':{'a':null}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'StringEquals':{'a':['x',['y']]}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'StringEquals':{'a':['x',1,true]}}"), NULL},
    {BW_POLICY_IDENTITY, COND("{'stringequals':{'a':'x'}}"), NULL},
    {BW_POLICY_IDENTITY, COND("{'StringEquals':{'a':'x'},'StringEquals':{'b':'x'}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'StringEquals':{'a':'x','a':'y'}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'ForAnyValue:StringEqualsIfExists':{'a':'x'}}"), NULL},
    {BW_POLICY_IDENTITY, COND("{'ForAnyValue::StringEquals':{'a':'x'}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'ForSomeValue:StringEquals':{'a':'x'}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'NullIfExists':{'a':'true'}}"), SYNTAX},
    {BW_POLICY_IDENTITY, COND("{'DateGreaterThan':{'a':'sdfdsf'}}"), LEGACY},
    {BW_POLICY_IDENTITY, COND("{'DateLessThanEquals':{'a':'234-13'}}"), LEGACY},
    {BW_POLICY_IDENTITY, COND("{'DateLessThan':{'a':'9223372036854775808'}}"), LEGACY},
    {BW_POLICY_IDENTITY, COND("{'DateLessThan':{'a':'2016-12-13t2:00:00.593194+1'}}"), LEGACY},
    {BW_POLICY_IDENTITY, COND("{'DateLessThan':{'a':'-292275054'}}"), NULL},
    {BW_POLICY_IDENTITY, COND("{'DateLessThan':{'a':'2016-12-13T21:20:37.593194+00:00'}}"), NULL},
    {BW_POLICY_IDENTITY, COND("{'DateLessThanIfExists':{'a':'x'}}"), LEGACY},
};

#define T(body) "{'Version':'2012-10-17','Statement':[{" body "}]}"
#define P       "'Principal':{'AWS':'123456789012'}"
#define TA      "'Effect':'Allow','Action':'sts:AssumeRole',"

static const struct row trust[] = {
    {BW_POLICY_TRUST, T(TA P), NULL},
    {BW_POLICY_TRUST, "{'Version':'2008-10-17','Statement':{" TA P "}}", NULL},
    {BW_POLICY_TRUST, "{'Statement':{" TA P "}}", NULL},
    {BW_POLICY_TRUST, "{'Version':'2012-10-17','Statement':[{" TA P ",}]}",
        "This policy contains invalid Json"},
    {BW_POLICY_TRUST, "{'Version':'x','Statement':[{" TA P "}]}",
        "The policy must contain a valid version string"},
    {BW_POLICY_TRUST, "{'Version':'2012-10-17'}", "Could not parse the policy: Statement is empty!"},
    {BW_POLICY_TRUST, "{'Version':'2012-10-17','Statement':[]}",
        "Could not parse the policy: Statement is empty!"},
    {BW_POLICY_TRUST, "{'Version':'2012-10-17','Statement':['a']}", "Syntax error in policy."},
    {BW_POLICY_TRUST, "{'Statements':[]}", "Unknown field Statements"},
    {BW_POLICY_TRUST, T(TA P ",'Extra':1"), "Unknown field Extra"},
    {BW_POLICY_TRUST, T("'Action':'sts:AssumeRole'," P), "Missing required field Effect"},
    {BW_POLICY_TRUST, T("'Effect':'Maybe','Action':'sts:AssumeRole'," P), "Invalid effect: Maybe"},
    {BW_POLICY_TRUST, T("'Effect':'allow','Action':'sts:AssumeRole'," P), "Invalid effect: allow"},
    {BW_POLICY_TRUST, T("'Effect':'Allow','Action':'sts:AssumeRole'"), "Missing required field Principal"},
    {BW_POLICY_TRUST, T(TA "'Principal':{}"), "Missing required field Principal cannot be empty!"},
    {BW_POLICY_TRUST, T(TA "'Principal':{'AWS':[]}"), "Missing required field Principal cannot be empty!"},
    {BW_POLICY_TRUST, T(TA "'Principal':'*'"),
        "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\"."},
    {BW_POLICY_TRUST, T(TA "'Principal':'x'"), "Principal must be a JSON object."},
    {BW_POLICY_TRUST, T(TA "'Principal':{'AWS':'*'}"), NULL},
    {BW_POLICY_TRUST, T(TA "'Principal':{'AWS':'12345678901'}"),
        "Invalid principal in policy: \"AWS\":\"12345678901\""},
    {BW_POLICY_TRUST, T(TA "'Principal':{'AWS':'arn:aws:iam::123456789012:user/*'}"),
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:user/*\""},
    {BW_POLICY_TRUST, T(TA "'Principal':{'AWS':'arn:aws:iam::12:root'}"),
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::12:root\""},
    {BW_POLICY_TRUST, T(TA "'Principal':{'AWS':'AIDACKCEVSQ6C2EXAMPLE'}"), NULL},
    {BW_POLICY_TRUST, T(TA "'Principal':{'Service':'ec2'}"),
        "Invalid principal in policy: \"SERVICE\":\"ec2\""},
    {BW_POLICY_TRUST, T(TA "'Principal':{'Service':['ec2.amazonaws.com','ecs.amazonaws.com']}"), NULL},
    {BW_POLICY_TRUST, T(TA "'Principal':{'Planet':'x'}"), "Invalid principal in policy: \"PLANET\":\"x\""},
    {BW_POLICY_TRUST, T(TA "'Principal':{'CanonicalUser':'x'}"),
        "Invalid principal in policy: \"CANONICALUSER\":\"x\""},
    {BW_POLICY_TRUST, T(TA "'NotPrincipal':{'AWS':'123456789012'}"),
        "Allow with NotPrincipal is not allowed."},
    {BW_POLICY_TRUST, T("'Effect':'Deny','Action':'sts:AssumeRole','NotPrincipal':{'AWS':'123456789012'}"),
        NULL},
    {BW_POLICY_TRUST, T("'Effect':'Allow'," P), "Missing required field Action"},
    {BW_POLICY_TRUST, T("'Effect':'Allow','Action':[]," P), "Missing required field Action"},
    {BW_POLICY_TRUST, T("'Effect':'Allow','Action':'s3:Get'," P),
        "AssumeRole policy may only specify STS AssumeRole actions."},
    {BW_POLICY_TRUST, T("'Effect':'Allow','Action':'*'," P),
        "AssumeRole policy may only specify STS AssumeRole actions."},
    {BW_POLICY_TRUST, T("'Effect':'Allow','Action':['sts:AssumeRole','sts:TagSession']," P), NULL},
    {BW_POLICY_TRUST, T(TA P ",'Resource':'*'"), "Has prohibited field Resource"},
    {BW_POLICY_TRUST, T(TA P ",'NotResource':'*'"), "AssumeRole policy must not contain resources."},
    {BW_POLICY_TRUST, T(TA P ",'Condition':{'X':{'a':'b'}}"), "Syntax error in policy."},
    {BW_POLICY_TRUST, "{'Statement':[{'Sid':'a'," TA P "},{'Sid':'a'," TA P "}]}",
        "The Statement Ids in the policy are not unique"},
    {BW_POLICY_RESOURCE, T("'Effect':'Allow','Action':'ecr:Get','Principal':'*'"), NULL},
    {BW_POLICY_RESOURCE,
        T("'Effect':'Allow','Action':'s3:Get','Principal':{'CanonicalUser':'x'},'Resource':'*'"), NULL},
    {BW_POLICY_RESOURCE, T("'Effect':'Allow','Action':'s3:Get','Resource':'*'"),
        "Missing required field Principal"},
    {BW_POLICY_RESOURCE, T("'Effect':'Allow','Action':'s3:Get','Principal':'*','Resource':'b'"),
        ARN_FORM("b")},
    {BW_POLICY_KEY, T("'Effect':'Allow','Action':'kms:*','Principal':'*'"),
        "Missing required field Resource"},
    {BW_POLICY_KEY, T("'Effect':'Allow','Action':'kms:*','Principal':'*','Resource':'*'"), NULL},
    {BW_POLICY_KEY,
        "{'Statement':[{'Sid':'a','Effect':'Allow','Action':'kms:*','Principal':'*','Resource':'*'},"
        "{'Sid':'a','Effect':'Deny','Action':'kms:*','Principal':'*','Resource':'*'}]}",
        NULL},
    {BW_POLICY_VPCE, T("'Effect':'Allow','Action':'*','Principal':'*','Resource':'*'"), NULL},
};

#define ORGANIZATIONS                                                                                        \
	"The provided policy document does not meet the requirements of the specified policy type."

static const struct row organizations[] = {
    {BW_POLICY_SCP, S("'Effect':'Deny','Action':'*','Resource':'*'"), NULL},
    {BW_POLICY_SCP, S("'Effect':'Deny','Action':'*','Resource':'*','Principal':'*'"), ORGANIZATIONS},
    {BW_POLICY_SCP, S("'Effect':'Deny','Action':'*'"), ORGANIZATIONS},
    {BW_POLICY_SCP, S("'Effect':'Deny','Action':'*','Resource':'arn:*:iam::*:role/aws-controltower-*'"),
        NULL},
    {BW_POLICY_SCP, "{", ORGANIZATIONS},
    {BW_POLICY_RCP, S("'Effect':'Deny','Principal':'*','Action':'s3:*','Resource':'*'"), NULL},
    {BW_POLICY_RCP, S("'Effect':'Deny','Action':'s3:*','Resource':'*'"), ORGANIZATIONS},
    {BW_POLICY_RCP, S("'Effect':'Deny','Principal':{'AWS':'123456789012'},'Action':'s3:*','Resource':'*'"),
        ORGANIZATIONS},
    {BW_POLICY_RCP, S("'Effect':'Deny','Principal':'*','NotAction':'s3:*','Resource':'*'"), ORGANIZATIONS},
    {BW_POLICY_RCP, S("'Effect':'Deny','NotPrincipal':'*','Action':'s3:*','Resource':'*'"), ORGANIZATIONS},
};

static void rows_check(const struct row *rows, size_t n)
{
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		struct bw_policy_error error;
		struct bw_policy *p = NULL;
		enum bw_err e = bw_policy_compile(quoted(&arena, rows[i].document), rows[i].kind, &p, &error);

		if (e != (rows[i].text ? BW_EINVAL : BW_OK) ||
		    strcmp(error.text, rows[i].text ? rows[i].text : "") != 0)
			fail_msg("%s: %s \"%s\"", rows[i].document, bw_err_name(e), error.text);
		assert_true((p != NULL) == (rows[i].text == NULL));
		bw_policy_release(p);
		/* The error is nobody's obligation. */
		assert_int_equal(
		    bw_policy_compile(quoted(&arena, rows[i].document), rows[i].kind, &p, NULL), e);
		bw_policy_release(p);
	}
	bw_arena_free(&arena);
}

TEST(policy_grammar_identity)
{
	rows_check(identity, BW_COUNT(identity));
}

TEST(policy_grammar_actions)
{
	rows_check(actions, BW_COUNT(actions));
}

TEST(policy_grammar_resources)
{
	rows_check(resources, BW_COUNT(resources));
}

TEST(policy_grammar_conditions)
{
	rows_check(conditions, BW_COUNT(conditions));
}

TEST(policy_grammar_trust_and_resource_policies)
{
	rows_check(trust, BW_COUNT(trust));
}

TEST(policy_grammar_organizations)
{
	rows_check(organizations, BW_COUNT(organizations));
}

TEST(policy_grammar_faults_have_places)
{
	static const struct {
		const char *document;
		uint32_t line, column;
	} rows[] = {
	    {"{\n  'Version':'2012-10-17',\n  'Statement':[{'Effect':'Allow','Action':'x','Resource':'*'}]}",
	        3, 43},
	    {"{'Version':'2012-10-17',\n 'Statement':[}", 2, 15},
	};
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		struct bw_policy_error error;
		struct bw_policy *p;

		assert_int_equal(
		    bw_policy_compile(quoted(&arena, rows[i].document), BW_POLICY_IDENTITY, &p, &error),
		    BW_EINVAL);
		assert_int_equal(error.line, rows[i].line);
		assert_int_equal(error.column, rows[i].column);
	}
	bw_arena_free(&arena);
}

static struct bw_str document_of_size(struct bw_arena *arena, size_t n)
{
	static const char head[] =
	    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:",
	                  tail[] = "\",\"Resource\":\"*\"}}";
	char *text = bw_arena_alloc(arena, n);

	memset(text, 'a', n);
	memcpy(text, head, sizeof head - 1);
	memcpy(text + n - (sizeof tail - 1), tail, sizeof tail - 1);
	return bw_str_make(text, n);
}

TEST(policy_grammar_documents_have_a_largest_size)
{
	struct bw_policy_error error;
	struct bw_arena arena;
	struct bw_policy *p;

	bw_arena_init(&arena, 4 << 20);
	assert_ok(bw_policy_compile(
	    document_of_size(&arena, BW_POLICY_TEXT_MAX - 1), BW_POLICY_IDENTITY, &p, NULL));
	bw_policy_release(p);
	assert_ok(
	    bw_policy_compile(document_of_size(&arena, BW_POLICY_TEXT_MAX), BW_POLICY_IDENTITY, &p, NULL));
	bw_policy_release(p);
	assert_int_equal(bw_policy_compile(document_of_size(&arena, BW_POLICY_TEXT_MAX + 1),
	                     BW_POLICY_IDENTITY, &p, &error),
	    BW_ETOOBIG);
	assert_null(p);
	assert_string_equal(error.text, "The policy document is larger than 163840 bytes.");
	bw_arena_free(&arena);
}

TEST(policy_grammar_long_texts_are_cut_in_errors)
{
	struct bw_arena arena;
	struct bw_policy_error error;
	struct bw_policy *p;
	char document[1024], resource[512];

	bw_arena_init(&arena, 1 << 20);
	memset(resource, 'x', sizeof resource);
	resource[sizeof resource - 1] = '\0';
	snprintf(document, sizeof document, "{'Version':'2012-10-17','Statement':{" A "'Resource':'%s'}}",
	    resource);
	assert_int_equal(
	    bw_policy_compile(quoted(&arena, document), BW_POLICY_IDENTITY, &p, &error), BW_EINVAL);
	assert_int_equal(strlen(error.text), sizeof error.text - 1);
	bw_arena_free(&arena);
}

TEST(policy_size_counts_no_white_space_outside_strings)
{
	static const struct {
		const char *text;
		size_t size;
	} rows[] = {{"", 0}, {" \t\r\n", 0}, {"{ }", 2}, {"{\"a b\" : 1}", 9}, {"\"\\\" \\\\\" ", 7},
	    {"\"\xc3\xa9 \"", 4}, {"\" ", 2}, {"\"\\", 2}};

	for (size_t i = 0; i < BW_COUNT(rows); i++)
		assert_int_equal(bw_policy_size(bw_str_c(rows[i].text)), rows[i].size);
}

static void name_gather(void *ctx, struct bw_str name)
{
	bw_buf_put(ctx, name);
	bw_buf_put_c(ctx, ' ');
}

/* GetContextKeysForCustomPolicy: conditions and variables. */
TEST(policy_context_keys_come_once_in_order)
{
	struct asking a;
	struct bw_buf names;

	asking_begin(&a);
	bw_buf_init(&names, 4096);
	bw_policy_context_keys(policy_of(&a, BW_POLICY_IDENTITY,
	                           "{'Version':'2012-10-17','Statement':[{" A
	                           "'Condition':{'StringLike':{'aws:a':['${aws:b}','${*}'],'aws:c':'x'}},"
	                           "'Resource':'arn:aws:s3:::${aws:d, `x`}/${AWS:A}'},{" A
	                           "'Resource':'*','Condition':{'Bool':{'aws:C':'${aws:e}'}}}]}"),
	    name_gather, &names);
	assert_str(bw_buf_str(&names), "aws:a aws:b aws:c aws:d ");
	bw_buf_reset(&names);
	bw_policy_context_keys(
	    policy_of(&a, BW_POLICY_SESSION,
	        "{'Version':'2008-10-17','Statement':{" A "'Resource':'arn:aws:s3:::${aws:d}'}}"),
	    name_gather, &names);
	assert_str(bw_buf_str(&names), "");
	bw_buf_free(&names);
	asking_end(&a);
}

TEST(policy_documents_are_shared)
{
	struct bw_policy *p, *q;
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	assert_ok(bw_policy_compile(quoted(&arena, S(A R)), BW_POLICY_IDENTITY, &p, NULL));
	q = bw_policy_retain(p);
	assert_ptr_equal(p, q);
	bw_policy_release(p);
	bw_policy_release(q);
	bw_policy_release(NULL);
	bw_arena_free(&arena);
}
