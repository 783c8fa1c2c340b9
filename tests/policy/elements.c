/* Which actions and resources a statement is about. IAM User Guide. */
#include "documents.h"

/* "IAM JSON policy elements: Action": service and name without case; wildcards; NotAction. */
TEST(policy_elements_actions)
{
	static const struct {
		const char *element, *action;
		bool match;
	} cases[] = {
	    {"'Action':'s3:GetObject'", "s3:GetObject", true},
	    {"'Action':'S3:getobject'", "s3:GetObject", true},
	    {"'Action':'s3:GetObject'", "S3:GETOBJECT", true},
	    {"'Action':'s3:Get*'", "s3:GetObject", true},
	    {"'Action':'s3:?etObject'", "s3:GetObject", true},
	    {"'Action':'s3:*Object*'", "s3:GetObjectAcl", true},
	    {"'Action':'s3:GetObject'", "s3:GetObjectAcl", false},
	    {"'Action':'s3:*'", "s3-object-lambda:Get", false},
	    {"'Action':'s3:*'", "s:x", false},
	    {"'Action':'*'", "s3:GetObject", true},
	    {"'Action':'*:*'", "s3:GetObject", true},
	    {"'Action':'*:Get*'", "s3:GetObject", true},
	    {"'Action':'*:Put*'", "s3:GetObject", false},
	    {"'Action':['ec2:*','s3:Put*','s3:GetObject']", "s3:GetObject", true},
	    {"'Action':['ec2:*','s3:Put*']", "s3:GetObject", false},
	    {"'NotAction':'s3:Get*'", "s3:GetObject", false},
	    {"'NotAction':['s3:Put*','ec2:*']", "s3:GetObject", true},
	    {"'NotAction':'*'", "s3:GetObject", false},
	    {"'NotAction':'iam:*'", "s3:GetObject", true},
	    {"'Action':'s3:*'", "s3", false},
	    {"'Action':'s3:'", "s3:", true},
	    {"'Action':'*'", "", true},
	};

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct asking a;
		struct bw_str text;

		asking_begin(&a);
		text = bw_arena_printf(&a.arena,
		    "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Resource':'*',%s}]}",
		    cases[i].element);
		IDENTITY(&a, text.p);
		a.request.action = bw_str_c(cases[i].action);
		if ((ask(&a).decision == BW_ALLOWED) != cases[i].match)
			fail_msg("%s on %s", cases[i].element, cases[i].action);
		asking_end(&a);
	}
}

/* "IAM JSON policy elements: Resource" and "...: NotResource". */
TEST(policy_elements_resources)
{
	static const struct {
		const char *element, *resource;
		bool match;
	} cases[] = {
	    {"'Resource':'*'", "*", true},
	    {"'Resource':'*'", "arn:aws:s3:::b", true},
	    {"'Resource':'arn:aws:s3:::*'", "*", false},
	    {"'Resource':'arn:aws:s3:::b'", "arn:aws:s3:::b", true},
	    {"'Resource':'arn:aws:s3:::b'", "arn:aws:s3:::B", false},
	    {"'Resource':'arn:aws:s3:::b*'", "arn:aws:s3:::bucket/k:v", true},
	    {"'Resource':'arn:aws:s3:::b/*'", "arn:aws:s3:::b", false},
	    {"'Resource':'arn:aws:iam::*:user/x'", "arn:aws:iam::123456789012:user/x", true},
	    {"'Resource':'arn:aws:iam::*:user/x'", "arn:aws:iam::1:2:user/x", false},
	    {"'Resource':'arn:aws:iam::*:user/*/x'", "arn:aws:iam::1:user/a/b/x", true},
	    {"'Resource':'arn:*:iam::*:user/x'", "arn:aws-cn:iam::1:user/x", true},
	    {"'Resource':'arn:aws:sqs'", "arn:aws:sqs:r:1:q", true},
	    {"'Resource':'arn:aws:sqs:us-*'", "arn:aws:sqs:us-east-1:1:q", true},
	    {"'Resource':'arn:aws:sqs:us-*'", "arn:aws:sqs:eu-west-1:1:q", false},
	    {"'Resource':['arn:aws:s3:::a','arn:aws:s3:::b']", "arn:aws:s3:::b", true},
	    {"'NotResource':'arn:aws:s3:::a'", "arn:aws:s3:::b", true},
	    {"'NotResource':'arn:aws:s3:::a'", "arn:aws:s3:::a", false},
	    {"'NotResource':['arn:aws:s3:::b','arn:aws:s3:::a']", "arn:aws:s3:::a", false},
	    {"'NotResource':'*'", "arn:aws:s3:::a", false},
	    {"'NotResource':'arn:aws:s3:::a'", "*", true},
	    {"'Resource':'arn:aws:s3:::home/${aws:username}'", "arn:aws:s3:::home/bob", true},
	    {"'Resource':'arn:aws:s3:::home/${aws:username}/*'", "arn:aws:s3:::home/bob/x/y", true},
	    {"'Resource':'arn:aws:s3:::home/${aws:username}/*'", "arn:aws:s3:::home/bobby/x", false},
	    {"'Resource':'arn:aws:s3:::home/${aws:star}/*'", "arn:aws:s3:::home/bob/x", false},
	    {"'Resource':'arn:aws:s3:::${aws:none}'", "arn:aws:s3:::", false},
	    {"'Resource':'arn:aws:s3:::${aws:none, `d`}'", "arn:aws:s3:::d", true},
	    /* NotResource with a variable without a value excludes nothing */
	    {"'NotResource':'arn:aws:s3:::${aws:none}'", "arn:aws:s3:::x", true},
	    {"'Resource':'arn:aws:s3:::${*}'", "arn:aws:s3:::x", false},
	    {"'Resource':'arn:aws:s3:::${*}'", "arn:aws:s3:::*", true},
	};

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct asking a;
		struct bw_str text;

		asking_begin(&a);
		text = bw_arena_printf(&a.arena,
		    "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*',%s}]}",
		    cases[i].element);
		IDENTITY(&a, text.p);
		context_of(&a, "aws:username=bob;aws:star=*");
		a.request.resource = bw_str_c(cases[i].resource);
		if ((ask(&a).decision == BW_ALLOWED) != cases[i].match)
			fail_msg("%s on %s", cases[i].element, cases[i].resource);
		asking_end(&a);
	}
}
