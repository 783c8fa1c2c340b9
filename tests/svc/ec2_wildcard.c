#include "test.h"

#include "svc/ec2/ec2.h"

TEST(wildcard_matches_whole_values)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} rows[] = {
	    {"", "", true},
	    {"", "a", false},
	    {"a", "", false},
	    {"a", "a", true},
	    {"a", "A", false},
	    {"a", "ab", false},
	    {"*", "", true},
	    {"*", "anything", true},
	    {"**", "x", true},
	    {"a*", "a", true},
	    {"a*c", "abc", true},
	    {"a*c", "abcd", false},
	    {"*b*", "abc", true},
	    {"*bc", "abcbc", true},
	    {"a*b*c", "a1b2b3c", true},
	    {"?", "", false},
	    {"?", "a", true},
	    {"?", "ab", false},
	    {"?\?", "ab", true},
	    {"?", "\xc3\xa9", true},
	    {"?\?", "\xc3\xa9", false},
	    {"*?", "\xc3\xa9", true},
	    {"\\*", "*", true},
	    {"\\*", "a", false},
	    {"\\?", "?", true},
	    {"\\?", "a", false},
	    {"\\\\", "\\", true},
	    {"a\\*b", "a*b", true},
	    {"\\a", "a", true},
	    {"\\", "\\", true},
	    {"*\\*", "ab*", true},
	    {"*\\*", "ab", false},
	};

	for (size_t i = 0; i < BW_COUNT(rows); i++)
		assert_int_equal(
		    ec2_wildcard_match(bw_str_c(rows[i].pattern), bw_str_c(rows[i].text)), rows[i].match);
}

/* Where a careless matcher would try every way of sharing the text among the stars. */
TEST(wildcard_many_stars_come_to_an_end)
{
	char pattern[512], text[4096];

	for (size_t i = 0; i + 1 < sizeof pattern; i += 2) {
		pattern[i] = '*';
		pattern[i + 1] = 'a';
	}
	memset(text, 'a', sizeof text);
	assert_true(ec2_wildcard_match(bw_str_make(pattern, sizeof pattern), bw_str_make(text, sizeof text)));
	pattern[sizeof pattern - 1] = 'b';
	assert_false(
	    ec2_wildcard_match(bw_str_make(pattern, sizeof pattern), bw_str_make(text, sizeof text)));
}
