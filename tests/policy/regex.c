#include "regex.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A piece of a pattern as policies and as PCRE2 write it, the latter also for the first five parts of an ARN;
 * and a text it is found in, NULL: any. */
struct spelling {
	const char *policy, *regex, *inside, *text;
};

#define LETTER(text)                                                                                         \
	{                                                                                                    \
		text, text, text, text                                                                       \
	}

static const struct spelling colon = LETTER(":");
static const struct spelling spellings[] = {LETTER("a"), LETTER("b"), LETTER("ab"), LETTER("A"),
    LETTER("\xc3\xa9"), {"*", ".*", "[^:]*", NULL}, {"*", ".*", "[^:]*", NULL},
    {"?", ".", "[^:]", "\xc3\xa9"}, {"${*}", "\\*", "\\*", "*"}, {"${?}", "\\?", "\\?", "?"},
    {"${$}", "\\$", "\\$", "$"}, {"$", "\\$", "\\$", "$"}, {".", "\\.", "\\.", "."},
    {"${aws:x}", "a\\*b", "a\\*b", "a*b"}, {"${aws:none, 'b?'}", "b\\?", "b\\?", "b?"}, LETTER("/")};
static const char *const text_letters[] = {
    "a", "b", "ab", "a", "b", "A", "\xc3\xa9", "*", "?", "$", ".", "a*b", "b?", "/", ":"};

enum { PIECES = 9, PARTS = 6, PIECES_MAX = PARTS * PIECES, WRITTEN_MAX = 2048 };

struct written {
	struct bw_buf policy, regex, text;
	const struct spelling *pieces[PIECES_MAX];
	size_t n;
};

static void piece_write(struct written *w, const struct spelling *s, bool inside)
{
	MUST(w->n < PIECES_MAX);
	w->pieces[w->n++] = s;
	bw_buf_put(&w->policy, bw_str_c(s->policy));
	bw_buf_put(&w->regex, bw_str_c(inside ? s->inside : s->regex));
}

static void pattern_write(struct chance *c, bool arn, struct written *w)
{
	w->n = 0;
	bw_buf_init(&w->policy, WRITTEN_MAX);
	bw_buf_init(&w->regex, WRITTEN_MAX);
	bw_buf_init(&w->text, WRITTEN_MAX);
	bw_buf_put(&w->regex, BW_STR("\\A"));
	for (size_t i = 0; arn && i < PARTS - 1; i++) {
		for (size_t n = chance_below(c, 3); n; n--)
			piece_write(w, &PICK(c, spellings), true);
		piece_write(w, &colon, true);
	}
	for (size_t n = chance_below(c, PIECES); n; n--)
		piece_write(w, &PICK(c, spellings), false);
	bw_buf_put(&w->regex, BW_STR("\\z"));
}

static void letters_write(struct chance *c, size_t most, struct bw_buf *out)
{
	for (size_t n = chance_below(c, most); n; n--)
		bw_buf_put(out, bw_str_c(PICK(c, text_letters)));
}

/* A text that the pattern might match: here and there a piece is forgotten, or a letter too much. */
static void text_write(struct chance *c, struct written *w)
{
	bw_buf_reset(&w->text);
	for (size_t i = 0; i < w->n; i++) {
		if (chance_one_in(c, 30))
			continue;
		if (w->pieces[i]->text)
			bw_buf_put(&w->text, bw_str_c(w->pieces[i]->text));
		if (!w->pieces[i]->text || chance_one_in(c, 30))
			letters_write(c, 5, &w->text);
	}
}

static void written_free(struct written *w)
{
	bw_buf_free(&w->policy);
	bw_buf_free(&w->regex);
	bw_buf_free(&w->text);
}

static struct bw_policy *policy_compile(const struct written *w, bool arn)
{
	struct bw_policy_error error;
	struct bw_policy *policy;
	struct bw_buf document;

	bw_buf_init(&document, 8 * WRITTEN_MAX);
	bw_buf_printf(&document,
	    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":"
	    "\"*\","
	    "\"Condition\":{\"%s\":{\"aws:text\":\"%.*s\"}}}}",
	    arn ? "ArnLike" : "StringLike", BW_FMT(bw_buf_str(&w->policy)));
	MUST(bw_policy_compile(bw_buf_str(&document), BW_POLICY_IDENTITY, &policy, &error) == BW_OK);
	bw_buf_free(&document);
	return policy;
}

static pcre2_code *regex_compile(const struct written *w)
{
	struct bw_str regex = bw_buf_str(&w->regex);
	pcre2_code *code;
	PCRE2_SIZE at;
	int fault;

	code = pcre2_compile((PCRE2_SPTR)regex.p, regex.n, PCRE2_UTF | PCRE2_DOTALL, &fault, &at, NULL);
	MUST(code);
	return code;
}

static bool engine_says(const struct bw_policy *policy, struct bw_str text)
{
	const struct bw_str values[] = {text, BW_STR("a*b")};
	const struct bw_context_key keys[] = {{.name = BW_STR("aws:text"), .values = &values[0], .count = 1},
	    {.name = BW_STR("aws:x"), .values = &values[1], .count = 1}};
	const struct bw_policy_request request = {.principal_kind = BW_PRINCIPAL_ANONYMOUS,
	    .action = BW_STR("s3:GetObject"),
	    .resource = BW_STR("*"),
	    .context = keys,
	    .context_count = BW_COUNT(keys)};

	return bw_policy_evaluate_one(policy, &request, NULL) == BW_ALLOWED;
}

/* The automaton of PCRE2 rather than its backtracking, which takes for ever over these patterns. */
static bool regex_says(const pcre2_code *code, pcre2_match_data *data, struct bw_str text)
{
	int workspace[4096];
	int n = pcre2_dfa_match(
	    code, (PCRE2_SPTR)text.p, text.n, 0, 0, data, NULL, workspace, BW_COUNT(workspace));

	MUST(n >= 0 || n == PCRE2_ERROR_NOMATCH);
	return n >= 0;
}

bool regex_agrees(struct chance *c, size_t texts, size_t *hits)
{
	bool arn = chance_one_in(c, 2), same = true;
	struct bw_policy *policy;
	pcre2_match_data *data;
	pcre2_code *code;
	struct written w;

	pattern_write(c, arn, &w);
	code = regex_compile(&w);
	data = pcre2_match_data_create(4, NULL);
	policy = policy_compile(&w, arn);
	for (size_t i = 0; same && i < texts; i++) {
		bool want;

		text_write(c, &w);
		want = regex_says(code, data, bw_buf_str(&w.text));
		*hits += want;
		same = engine_says(policy, bw_buf_str(&w.text)) == want;
		if (!same)
			fprintf(stderr, "\"%.*s\" on \"%.*s\" should be %d as %.*s says\n",
			    BW_FMT(bw_buf_str(&w.policy)), BW_FMT(bw_buf_str(&w.text)), want,
			    BW_FMT(bw_buf_str(&w.regex)));
	}
	bw_policy_release(policy);
	pcre2_match_data_free(data);
	pcre2_code_free(code);
	written_free(&w);
	return same;
}
