/* Patterns: a tiny dynamic-programming matcher is the oracle, and the clock is the judge of the long ones. */
#include "asking.h"

#include <stdlib.h>
#include <time.h>

#include "base/sys.h"
#include "codec/utf8.h"
#include "policy/form.h"

struct matcher {
	struct compiler compiler;
	struct pattern pattern;
	struct question question;
	struct scope scope;
};

static void matcher_begin(struct matcher *m, struct bw_str pattern, const struct bw_policy_request *request)
{
	struct compiler *c = &m->compiler;
	struct bw_policy *p;
	uint32_t keys;

	*m = (struct matcher){.compiler.variables = true};
	bw_arena_init(&c->scratch, 1 << 26);
	names_init(&c->texts, &c->scratch);
	names_init(&c->keys, &c->scratch);
	block_take(c, sizeof *p);
	m->pattern = pattern_compile(c, pattern, text_put(c, pattern) + TEXT_HEAD, true, true);
	keys = block_take_array(c, sizeof *c->key_texts, c->key_count);
	block_write(c, keys, c->key_texts, c->key_count * sizeof *c->key_texts);
	p = (void *)c->block;
	p->keys = keys;
	m->scope = (struct scope){(const void *)c->block, request, &m->question};
}

static void matcher_end(struct matcher *m)
{
	bw_arena_free(&m->compiler.scratch);
}

static bool match(struct bw_str pattern, struct bw_str text)
{
	struct bw_policy_request nothing = {0};
	struct matcher m;
	bool yes;

	matcher_begin(&m, pattern, &nothing);
	yes = pattern_match(&m.pattern, text, &m.scope);
	matcher_end(&m);
	return yes;
}

/* Row by row over the pattern's bytes, a row holding for every prefix of the text whether it matches so far.
 */
static bool oracle(struct bw_str p, struct bw_str t)
{
	bool row[128] = {true}, next[128];
	bool yes;

	assert_true(t.n < 127);
	for (size_t i = 0; i < p.n; i++) {
		memset(next, 0, sizeof next);
		if (p.p[i] == '*') {
			for (size_t j = 0; j <= t.n; j++)
				next[j] = row[j] || (j > 0 && next[j - 1]);
		} else if (p.p[i] == '?') {
			uint32_t code;

			for (size_t j = 0; j < t.n; j++)
				if (row[j] && bw_utf8_decode(t, j, &code))
					next[j + bw_utf8_decode(t, j, &code)] = true;
		} else {
			for (size_t j = 0; j < t.n; j++)
				next[j + 1] = row[j] && t.p[j] == p.p[i];
		}
		memcpy(row, next, sizeof row);
	}
	yes = row[t.n];
	return yes;
}

static uint64_t seed = 88172645463325252u;

static size_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % n);
}

static struct bw_str random_text(char *out, size_t most, const char *const *alphabet, size_t letters)
{
	size_t count = below(most), n = 0;

	for (size_t i = 0; i < count; i++) {
		const char *letter = alphabet[below(letters)];

		memcpy(out + n, letter, strlen(letter));
		n += strlen(letter);
	}
	return bw_str_make(out, n);
}

TEST(policy_match_agrees_with_the_oracle)
{
	static const char *const wild[] = {"a", "b", "*", "?", "ab", "\xc3\xa9"}, *const plain[] = {"a", "b",
	                                                                              "ab", "\xc3\xa9"};
	size_t hits = 0;
	char p[128], t[128];

	for (size_t i = 0; i < 200000; i++) {
		size_t letters = i % 3 ? 5 : 6; /* a third with characters of two bytes */
		struct bw_str pattern = random_text(p, i % 5 ? 9 : 30, wild, letters);
		struct bw_str text = random_text(t, i % 7 ? 12 : 60, plain, letters - 2);
		bool want = oracle(pattern, text);

		hits += want;
		if (match(pattern, text) != want)
			fail_msg("\"%.*s\" on \"%.*s\" should be %d", BW_FMT(pattern), BW_FMT(text), want);
	}
	assert_in_range(hits, 10000, 190000);
}

TEST(policy_match_knows_its_shapes)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} rows[] = {
	    {"", "", true},
	    {"", "a", false},
	    {"*", "", true},
	    {"?", "", false},
	    {"?", "\xc3\xa9", true},
	    {"??", "\xc3\xa9", false},
	    {"a*", "a", true},
	    {"a*", "", false},
	    {"**", "x", true},
	    {"*a", "ba", true},
	    {"*a", "ab", false},
	    {"a*a", "a", false},
	    {"a*a", "aa", true},
	    {"*ab*ab*", "abab", true},
	    {"*ab*ab*", "aba", false},
	    {"a?c*", "abc", true},
	    {"*?c", "c", false},
	    {"*?c", "bc", true},
	    {"*x?z*", "xxyz", true},
	    {"${*}", "*", true},
	    {"${*}", "x", false},
	    {"${?}${$}", "?$", true},
	    {"a${*}*", "a*b", true},
	    {"a${*}*", "ab", false},
	    {"$", "$", true},
	    {"${", "${", true},
	    {"${}", "${}", true},
	    {"${a", "${a", true},
	    {"$a", "$a", true},
	    {"${aws:x}", "", false},
	    {"${aws:x, 'y'}", "y", true},
	    {"${aws:x,'*'}", "*", true},
	    {"${aws:x,'*'}", "z", false},
	    {"${aws:x, y}", "${aws:x, y}", true},
	    {"${aws:x, 'a}b' }c", "a}bc", true},
	};

	for (size_t i = 0; i < BW_COUNT(rows); i++)
		if (match(bw_str_c(rows[i].pattern), bw_str_c(rows[i].text)) != rows[i].match)
			fail_msg("\"%s\" on \"%s\"", rows[i].pattern, rows[i].text);
	assert_true(match(BW_STR("*"), BW_STR_NONE));
	assert_true(match(BW_STR("*?*"), BW_STR("x")));
	assert_false(match(BW_STR("*?*"), BW_STR_NONE));
}

/* Runs longer than a block, found at every place of a text longer than several. */
TEST(policy_match_finds_runs_at_every_place)
{
	char text[80];
	struct bw_policy_request request = {0};
	struct bw_str value = BW_STR("needle"), v[1];
	struct bw_context_key key = {.name = BW_STR("aws:x"), .values = v, .count = 1};
	struct matcher ones, variable;

	v[0] = value;
	request.context = &key;
	request.context_count = 1;
	matcher_begin(&ones, BW_STR("*n?edle*"), &request);
	matcher_begin(&variable, BW_STR("*${AWS:X}*"), &request);
	for (size_t n = 6; n < sizeof text; n++)
		for (size_t at = 0; at + 6 <= n; at++) {
			memset(text, 'e', n);
			memcpy(text + at, "needle", 6);
			assert_true(pattern_match(&ones.pattern, bw_str_make(text, n), &ones.scope) ==
			            (memmem(text, n, "needle", 6) != NULL));
			assert_true(pattern_match(&variable.pattern, bw_str_make(text, n), &variable.scope));
			text[at + 5] = 'x';
			assert_false(pattern_match(&variable.pattern, bw_str_make(text, n), &variable.scope));
		}
	matcher_end(&ones);
	matcher_end(&variable);
}

static struct bw_str repeated(struct bw_arena *arena, const char *unit, size_t times, const char *end)
{
	size_t n = strlen(unit), m = strlen(end);
	char *p = bw_arena_alloc(arena, n * times + m + 1);

	for (size_t i = 0; i < times; i++)
		memcpy(p + i * n, unit, n);
	memcpy(p + n * times, end, m);
	return bw_str_make(p, n * times + m);
}

/* Backtracking matchers take years over any of these. A second is generous to sanitizers. */
TEST(policy_match_is_linear)
{
	static const struct {
		const char *unit, *end, *letter;
	} rows[] = {{"a*", "b", "a"}, {"*a", "b", "a"}, {"a*a*", "*b", "a"}, {"*?a", "b", "a"},
	    {"?*", "b", "a"}, {"*ab", "c*", "ab"}, {"*a?a", "b", "a"}, {"**", "b", "a"},
	    {"*aaaaaaaaaaaaaaaa?a", "*b*", "a"}};
	struct bw_arena arena;

	bw_arena_init(&arena, 64 << 20);
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		struct bw_str pattern = repeated(&arena, rows[i].unit, 3000, rows[i].end);
		struct bw_str text = repeated(&arena, rows[i].letter, 20000, "");
		clock_t begin = clock(); /* of this process: others may be at work */

		assert_false(match(pattern, text));
		assert_true(clock() - begin < CLOCKS_PER_SEC);
	}
	/* One run as long as half the text, looked for everywhere in it. */
	{
		struct bw_str run = repeated(&arena, "a", 4000, "?b");
		struct bw_str pattern = bw_arena_printf(&arena, "*%.*s*", BW_FMT(run));
		clock_t begin = clock();

		assert_false(match(pattern, repeated(&arena, "a", 20000, "")));
		assert_true(match(pattern, repeated(&arena, "a", 20000, "cb")));
		assert_true(clock() - begin < CLOCKS_PER_SEC);
	}
	bw_arena_free(&arena);
}

TEST(policy_match_folds_only_ascii)
{
	struct bw_policy_request nothing = {0};
	struct matcher m;

	matcher_begin(&m, BW_STR("aB\xc3\xa9"), &nothing);
	assert_true(pattern_match_nocase(&m.pattern, BW_STR("Ab\xc3\xa9"), &m.scope));
	assert_false(pattern_match_nocase(&m.pattern, BW_STR("Ab\xc3\x89"), &m.scope));
	assert_false(pattern_match_nocase(&m.pattern, BW_STR("Ab"), &m.scope));
	matcher_end(&m);
}
