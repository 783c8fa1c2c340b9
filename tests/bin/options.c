#include "test.h"

#include "bin/options.h"

static const struct option rows[] = {
    {"data", OPTION_VALUE, "DIR", "a value"},
    {"listen", OPTION_MANY, "ADDR", "several"},
    {"fast", OPTION_FLAG, NULL, "a flag"},
};
static const struct command command = {.name = "test",
    .arguments = "",
    .summary = "",
    .about = "",
    .options = rows,
    .option_count = BW_COUNT(rows)};

static bool parse(char **words, bool stop_at_word, struct parsed *p)
{
	int n = 0;

	while (words[n])
		n++;
	return options_parse(&command, n, words, stop_at_word, p);
}

#define PARSE(p, stop, ...) parse((char *[]){__VA_ARGS__, NULL}, (stop), (p))

TEST(options_values_in_both_spellings)
{
	struct parsed p;

	assert_true(PARSE(&p, false, "--data", "a", "--listen=b", "--listen", "c", "--fast"));
	assert_string_equal(option_get(&p, "data"), "a");
	assert_string_equal(option_all(&p, "listen")[0], "b");
	assert_string_equal(option_all(&p, "listen")[1], "c");
	assert_null(option_all(&p, "listen")[2]);
	assert_non_null(option_get(&p, "fast"));
	assert_int_equal(p.rest_count, 0);
}

TEST(options_not_given_are_absent)
{
	char *none[] = {NULL};
	struct parsed p;

	assert_true(parse(none, false, &p));
	assert_null(option_get(&p, "data"));
	assert_null(option_get(&p, "fast"));
	assert_null(p.rest[0]);
}

TEST(options_an_empty_value_is_a_value)
{
	struct parsed p;

	assert_true(PARSE(&p, false, "--data="));
	assert_string_equal(option_get(&p, "data"), "");
}

TEST(options_refusals)
{
	struct parsed p;

	assert_false(PARSE(&p, false, "--nonsense"));
	assert_false(PARSE(&p, false, "--dat", "a"));
	assert_false(PARSE(&p, false, "--data"));
	assert_false(PARSE(&p, false, "--data", "a", "--data", "b"));
	assert_false(PARSE(&p, false, "--fast=yes"));
	assert_false(PARSE(&p, false, "--fast", "--fast"));
	assert_false(PARSE(&p, false, "--=x"));
}

TEST(options_may_be_given_so_many_times)
{
	struct parsed p;

	for (size_t times = MANY_MAX; times <= MANY_MAX + 1; times++) {
		char *words[2 * (MANY_MAX + 1) + 1] = {NULL};

		for (size_t i = 0; i < times; i++) {
			words[2 * i] = "--listen";
			words[2 * i + 1] = "x";
		}
		assert_int_equal(parse(words, false, &p), times == MANY_MAX);
	}
}

TEST(options_words_are_the_rest)
{
	struct parsed p;

	assert_true(PARSE(&p, false, "list", "--data", "a", "more"));
	assert_int_equal(p.rest_count, 2);
	assert_string_equal(p.rest[1], "more");
	assert_string_equal(option_get(&p, "data"), "a");
}

TEST(options_end_at_two_dashes_and_at_a_command)
{
	struct parsed p;

	assert_true(PARSE(&p, false, "--data", "a", "--", "--fast", "--nonsense"));
	assert_int_equal(p.rest_count, 2);
	assert_null(option_get(&p, "fast"));
	assert_true(PARSE(&p, true, "--fast", "aws", "--nonsense", "--data", "x"));
	assert_int_equal(p.rest_count, 4);
	assert_string_equal(p.rest[0], "aws");
	assert_string_equal(p.rest[3], "x");
	assert_null(option_get(&p, "data"));
	/* "--" behind the command is the command's. */
	assert_true(PARSE(&p, true, "sh", "--", "x"));
	assert_int_equal(p.rest_count, 3);
}
