/* Every condition operator in every form. IAM User Guide, "IAM JSON policy elements: Condition operators",
 * "Set operators for multivalued context keys" and "Conditions with multiple context keys or values". */
#include "asking.h"

#include <stdio.h>

/* What a document says, a value that is as it says, and one that is not. */
struct operator_row {
	const char *name, *value, *like, *unlike;
	bool negated;
};

#define BOTH(name, not_name, value, like, unlike)                                                            \
	{name, value, like, unlike, false},                                                                  \
	{                                                                                                    \
		not_name, value, like, unlike, true                                                          \
	}

static const struct operator_row operators[] = {
    BOTH("StringEquals", "StringNotEquals", "'bob'", "bob", "Bob"),
    BOTH("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "'BOB'", "bob", "bo"),
    BOTH("StringLike", "StringNotLike", "'b?b*'", "bobby", "Bobby"),
    BOTH("NumericEquals", "NumericNotEquals", "'10'", "10.0", "10.01"),
    {"NumericLessThan", "'10'", "9", "10", false},
    {"NumericLessThanEquals", "'10'", "10", "11", false},
    {"NumericGreaterThan", "'10'", "11", "10", false},
    {"NumericGreaterThanEquals", "'10'", "10", "9", false},
    BOTH("DateEquals", "DateNotEquals", "'2020-01-01T00:00:00Z'", "1577836800", "1577836801"),
    {"DateLessThan", "'2020-01-01T00:00:00Z'", "2019-12-31T23:59:59Z", "2020-01-01", false},
    {"DateLessThanEquals", "'2020-01-01T00:00:00Z'", "2020-01-01", "2020-01-01T00:00:01Z", false},
    {"DateGreaterThan", "'2020-01-01T00:00:00Z'", "2020-01-01T00:00:01Z", "2020-01-01", false},
    {"DateGreaterThanEquals", "'2020-01-01T00:00:00Z'", "2020-01-01", "2019-12-31T23:59:59Z", false},
    {"Bool", "'true'", "true", "false", false},
    {"BinaryEquals", "'QUI='", "AB", "AC", false},
    BOTH("IpAddress", "NotIpAddress", "'203.0.113.0/24'", "203.0.113.9", "203.0.114.9"),
    BOTH("IpAddress", "NotIpAddress", "'2001:db8::/32'", "2001:db8::9", "2001:db9::9"),
    BOTH("ArnEquals", "ArnNotEquals", "'arn:aws:sns:*:123456789012:t'", "arn:aws:sns:r:123456789012:t",
        "arn:aws:sns:r:1:2:t"),
    BOTH("ArnLike", "ArnNotLike", "'arn:aws:sns:*:123456789012:t*'", "arn:aws:sns:r:123456789012:tx",
        "arn:aws:sns:r:123456789012:x"),
};

/* What the request has: nothing, no value, one like it, one unlike it, one of each, one empty value. */
enum { CONTEXTS = 6 };

static void context_write(char out[256], const struct operator_row *row, size_t which)
{
	static const char *const shapes[CONTEXTS] = {
	    "x:other=1", "x:key@", "x:key=%1$s", "x:key=%2$s", "x:key@=%1$s|%2$s", "x:key@="};

	snprintf(out, 256, shapes[which], row->like, row->unlike);
}

/* Y or N for each of the contexts. */
static const struct {
	const char *before, *after, *plain, *negated;
} forms[] = {
    {"", "", "NNYNYN", "YYNYNY"},
    {"", "IfExists", "YYYNYN", "YYNYNY"},
    {"ForAllValues:", "", "YYYNNY", "YYNYNY"},
    {"ForAllValues:", "IfExists", "YYYNNY", "YYNYNY"},
    {"ForAnyValue:", "", "NNYNYN", "NNNYYN"},
    {"ForAnyValue:", "IfExists", "YYYNYN", "YYNYYN"},
};

static void form_check(const struct operator_row *row, size_t form)
{
	const char *want = row->negated ? forms[form].negated : forms[form].plain;

	for (size_t i = 0; i < CONTEXTS; i++) {
		char text[512], context[256];
		struct asking a;
		bool match;

		asking_begin(&a);
		snprintf(text, sizeof text,
		    "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'*','Resource':'*',"
		    "'Condition':{'%s%s%s':{'x:key':%s}}}}",
		    forms[form].before, row->name, forms[form].after, row->value);
		a.layers.identity = list_of(&a, BW_POLICY_IDENTITY, "p", text);
		context_write(context, row, i);
		context_of(&a, context);
		match = ask(&a).decision == BW_ALLOWED;
		if (match != (want[i] == 'Y'))
			fail_msg("%s%s%s %s with %s: %d", forms[form].before, row->name, forms[form].after,
			    row->value, context, match);
		asking_end(&a);
	}
}

TEST(policy_condition_every_operator_in_every_form)
{
	for (size_t i = 0; i < BW_COUNT(operators); i++)
		for (size_t j = 0; j < BW_COUNT(forms); j++)
			form_check(&operators[i], j);
}

/* Under Null no set test and no IfExists changes the question: is the key there? */
TEST(policy_condition_null_in_every_form)
{
	static const char *const befores[] = {"", "ForAllValues:", "ForAnyValue:"};
	static const struct operator_row key = {.like = "1", .unlike = "2"};

	for (size_t i = 0; i < BW_COUNT(befores); i++)
		for (size_t j = 0; j < CONTEXTS; j++) {
			char text[512], context[256];
			struct asking a;

			asking_begin(&a);
			snprintf(text, sizeof text,
			    "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'*','Resource':'*"
			    "',"
			    "'Condition':{'%sNull':{'x:key':'true'}}}}",
			    befores[i]);
			a.layers.identity = list_of(&a, BW_POLICY_IDENTITY, "p", text);
			context_write(context, &key, j);
			context_of(&a, context);
			assert_int_equal(ask(&a).decision == BW_ALLOWED, j < 2);
			asking_end(&a);
		}
}
