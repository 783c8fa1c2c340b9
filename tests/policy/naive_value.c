/* Patterns, and the condition operators. */
#include "naive.h"

enum { TOKENS_MAX = 4096, ANY = 256, ONE = 257 };

/* A pattern with its variables replaced: bytes, ANY or ONE. */
struct tokens {
	uint16_t v[TOKENS_MAX];
	size_t n;
};

static char fold(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool naive_same_nocase(struct bw_str a, struct bw_str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (fold(a.p[i]) != fold(b.p[i]))
			return false;
	return true;
}

bool naive_is(struct bw_str a, const char *b)
{
	return bw_str_eq(a, bw_str_c(b));
}

size_t naive_many(json v)
{
	if (!v)
		return 0;
	return v->kind == BW_JSON_ARRAY ? v->count : 1;
}

json naive_nth(json v, size_t i)
{
	return v->kind == BW_JSON_ARRAY ? &v->values[i] : v;
}

static struct bw_str scalar(json v)
{
	if (v->kind == BW_JSON_TRUE)
		return BW_STR("true");
	if (v->kind == BW_JSON_FALSE)
		return BW_STR("false");
	return v->text;
}

json naive_get(json object, const char *name)
{
	return bw_json_member(object, bw_str_c(name));
}

static const struct bw_context_key *context(const struct bw_policy_request *r, struct bw_str name)
{
	for (size_t i = 0; i < r->context_count; i++)
		if (naive_same_nocase(r->context[i].name, name))
			return &r->context[i];
	return NULL;
}

static void push_text(struct tokens *t, struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		MUST(t->n < TOKENS_MAX);
		t->v[t->n++] = (unsigned char)s.p[i];
	}
}

static void push(struct tokens *t, uint16_t token)
{
	MUST(t->n < TOKENS_MAX);
	t->v[t->n++] = token;
}

/* Where the reference that begins at `at` ends, or 0 when there is none: "${", a name, perhaps ", 'default'",
 * "}". */
static size_t reference_end(struct bw_str s, size_t at)
{
	size_t i = at + 2;

	if (at + 1 >= s.n || s.p[at] != '$' || s.p[at + 1] != '{')
		return 0;
	while (i < s.n && s.p[i] != '}' && s.p[i] != ',')
		i++;
	if (i >= s.n || bw_str_trim(bw_str_sub(s, at + 2, i - at - 2)).n == 0)
		return 0;
	if (s.p[i] == '}')
		return i + 1;
	for (i++; i < s.n && s.p[i] == ' ';)
		i++;
	if (i >= s.n || s.p[i++] != '\'')
		return 0;
	while (i < s.n && s.p[i] != '\'')
		i++;
	for (i++; i < s.n && s.p[i] == ' ';)
		i++;
	return i < s.n && s.p[i] == '}' ? i + 1 : 0;
}

/* Appends the reference's value; false when it has none. */
static bool reference_push(struct tokens *t, struct bw_str inner, const struct bw_policy_request *r)
{
	struct bw_str rest = inner, name = bw_str_trim(bw_str_cut(&rest, ','));
	const struct bw_context_key *key = context(r, name);

	if (naive_is(inner, "*") || naive_is(inner, "?") || naive_is(inner, "$")) {
		push_text(t, inner);
		return true;
	}
	if (key && !key->multi && key->count == 1) {
		push_text(t, key->values[0]);
		return true;
	}
	if (!bw_str_set(rest))
		return false;
	(void)bw_str_cut(&rest, '\'');
	push_text(t, bw_str_cut(&rest, '\''));
	return true;
}

/* "Variables and tags": replaced once, in documents of 2012-10-17. */
static bool expand(
    struct bw_str s, bool wildcards, bool variables, const struct bw_policy_request *r, struct tokens *t)
{
	size_t end;

	t->n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (variables && (end = reference_end(s, i)) != 0) {
			if (!reference_push(t, bw_str_sub(s, i + 2, end - i - 3), r))
				return false;
			i = end - 1;
		} else if (wildcards && s.p[i] == '*') {
			push(t, ANY);
		} else if (wildcards && s.p[i] == '?') {
			push(t, ONE);
		} else {
			push(t, (unsigned char)s.p[i]);
		}
	}
	return true;
}

static bool begins_character(struct bw_str s, size_t at)
{
	return at == s.n || ((unsigned char)s.p[at] & 0xc0) != 0x80;
}

/* Where a byte or ONE leads from `at`; 0 when nowhere. */
static size_t after_token(uint16_t token, struct bw_str s, size_t at, bool nocase)
{
	size_t to = at + 1;

	if (at == s.n)
		return 0;
	if (token == ONE) {
		while (!begins_character(s, to))
			to++;
		return to;
	}
	if (nocase ? fold((char)token) == fold(s.p[at]) : token == (unsigned char)s.p[at])
		return to;
	return 0;
}

/* Moves every place from `*first` to `*last` where the pattern has come to over one token; false when none is
 * left. */
static bool row_step(bool *row, size_t *first, size_t *last, uint16_t token, struct bw_str s, bool nocase)
{
	size_t low = s.n + 1, high = 0;

	if (token == ANY) {
		for (size_t j = *first; j <= s.n; j++)
			row[j] = begins_character(s, j);
		*last = s.n;
		return true;
	}
	for (size_t j = *last + 1; j-- > *first;) {
		size_t to = row[j] ? after_token(token, s, j, nocase) : 0;

		row[j] = false;
		if (!to)
			continue;
		row[to] = true;
		low = to;
		high = high ? high : to;
	}
	*first = low;
	*last = high;
	return high > 0;
}

static bool glob(const struct tokens *t, struct bw_str s, bool nocase)
{
	bool small[128], *row = s.n < sizeof small ? small : bw_alloc(s.n + 1), live = true, yes;
	size_t first = 0, last = 0;

	memset(row, 0, s.n + 1);
	row[0] = true;
	for (size_t i = 0; live && i < t->n; i++)
		live = row_step(row, &first, &last, t->v[i], s, nocase);
	yes = live && row[s.n];
	if (row != small)
		bw_free(row);
	return yes;
}

/* Six parts, the last with all further colons; references are not looked into. */
size_t naive_parts(struct bw_str s, bool variables, struct bw_str out[6])
{
	size_t n = 0, from = 0, end;

	for (size_t i = 0; i < s.n && n < 5; i++) {
		if (variables && (end = reference_end(s, i)) != 0)
			i = end - 1;
		else if (s.p[i] == ':') {
			out[n++] = bw_str_sub(s, from, i - from);
			from = i + 1;
		}
	}
	out[n++] = bw_str_sub(s, from, s.n);
	return n;
}

/* "Each of the six colon-delimited components of the ARN is checked separately." */
bool naive_arn_like(
    struct bw_str pattern, bool padded, bool variables, struct bw_str s, const struct bw_policy_request *r)
{
	struct bw_str p[6], t[6];
	size_t n = naive_parts(pattern, variables, p);
	struct tokens tokens;

	if (naive_is(pattern, "*"))
		return true;
	if (n < 6 && !padded && !bw_str_ends(pattern, BW_STR("*")))
		return false;
	while (n < 6)
		p[n++] = BW_STR("*");
	if (naive_parts(s, false, t) != 6)
		return false;
	for (size_t i = 0; i < 6; i++)
		if (!expand(p[i], true, variables, r, &tokens) || !glob(&tokens, t[i], false))
			return false;
	return true;
}

/* One value of the request against one of the document, for an operator that is not negated. */
static bool one_matches(struct bw_str op, struct bw_str want, struct bw_str found, bool variables,
    const struct bw_policy_request *r)
{
	struct tokens t;
	__int128 a, b;
	int order;

	if (naive_is(op, "StringEquals"))
		return expand(want, false, variables, r, &t) && glob(&t, found, false);
	if (naive_is(op, "StringEqualsIgnoreCase"))
		return expand(want, false, variables, r, &t) && glob(&t, found, true);
	if (naive_is(op, "StringLike"))
		return expand(want, true, variables, r, &t) && glob(&t, found, false);
	if (naive_is(op, "ArnEquals") || naive_is(op, "ArnLike"))
		return naive_arn_like(want, false, variables, found, r);
	if (naive_is(op, "Bool"))
		return (naive_same_nocase(want, BW_STR("true")) &&
		           naive_same_nocase(found, BW_STR("true"))) ||
		       (naive_same_nocase(want, BW_STR("false")) &&
		           naive_same_nocase(found, BW_STR("false")));
	if (naive_is(op, "BinaryEquals"))
		return naive_written_as(found, want);
	if (naive_is(op, "IpAddress"))
		return naive_in_network(found, want);
	if (bw_str_starts(op, BW_STR("Numeric"))) {
		if (!naive_numbers(found, want, &order))
			return false;
		op = bw_str_sub(op, 7, op.n);
	} else {
		if (!naive_moment(found, &a) || !naive_moment(want, &b))
			return false;
		order = (a > b) - (a < b);
		op = bw_str_sub(op, 4, op.n);
	}
	return (order == 0 && bw_str_ends(op, BW_STR("Equals"))) ||
	       (order < 0 && bw_str_starts(op, BW_STR("Less"))) ||
	       (order > 0 && bw_str_starts(op, BW_STR("Greater")));
}

/* "StringNotEquals" is the negation of "StringEquals", and so on. */
static bool positive(struct bw_str op, struct bw_str *out)
{
	static const char *const pairs[][2] = {{"StringNotEquals", "StringEquals"},
	    {"StringNotEqualsIgnoreCase", "StringEqualsIgnoreCase"}, {"StringNotLike", "StringLike"},
	    {"NumericNotEquals", "NumericEquals"}, {"DateNotEquals", "DateEquals"},
	    {"NotIpAddress", "IpAddress"}, {"ArnNotEquals", "ArnEquals"}, {"ArnNotLike", "ArnLike"}};

	*out = op;
	for (size_t i = 0; i < BW_COUNT(pairs); i++)
		if (naive_is(op, pairs[i][0])) {
			*out = bw_str_c(pairs[i][1]);
			return false;
		}
	return true;
}

static bool any_matches(
    struct bw_str op, json wants, struct bw_str found, bool variables, const struct bw_policy_request *r)
{
	for (size_t i = 0; i < naive_many(wants); i++)
		if (one_matches(op, scalar(naive_nth(wants, i)), found, variables, r))
			return true;
	return false;
}

static bool null_holds(json wants, bool there)
{
	for (size_t i = 0; i < naive_many(wants); i++)
		if (naive_same_nocase(scalar(naive_nth(wants, i)), there ? BW_STR("false") : BW_STR("true")))
			return true;
	return false;
}

/* "Set operators for multivalued context keys", "Conditions with multiple context keys or values". */
static bool condition_holds(
    struct bw_str name, struct bw_str key, json wants, bool variables, const struct bw_policy_request *r)
{
	bool all = bw_str_starts(name, BW_STR("ForAllValues:")),
	     any = bw_str_starts(name, BW_STR("ForAnyValue:"));
	const struct bw_context_key *k = context(r, key);
	bool if_exists = bw_str_ends(name, BW_STR("IfExists")), plain, there = k && k->count > 0;
	size_t passed = 0, matched = 0;
	struct bw_str op;

	if (all || any)
		(void)bw_str_cut(&name, ':');
	if (if_exists)
		name.n -= strlen("IfExists");
	if (naive_is(name, "Null"))
		return null_holds(wants, there);
	plain = positive(name, &op);
	if (!there)
		return if_exists || all || (!any && !plain);
	if ((all || any) && k->count == 1 && k->values[0].n == 0)
		return all;
	for (size_t i = 0; i < k->count; i++) {
		bool match = any_matches(op, wants, k->values[i], variables, r);

		matched += match;
		passed += match == plain;
	}
	if (all)
		return passed == k->count;
	if (any)
		return passed > 0;
	return plain ? matched > 0 : matched == 0;
}

bool naive_conditions(json condition, bool variables, const struct bw_policy_request *r)
{
	for (size_t i = 0; condition && i < condition->count; i++)
		for (size_t j = 0; j < condition->values[i].count; j++)
			if (!condition_holds(condition->keys[i], condition->values[i].keys[j],
			        &condition->values[i].values[j], variables, r))
				return false;
	return true;
}

bool naive_action_like(struct bw_str pattern, struct bw_str action)
{
	struct tokens t;

	return expand(pattern, true, false, NULL, &t) && glob(&t, action, true);
}
