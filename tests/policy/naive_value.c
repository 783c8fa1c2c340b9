/* Values: patterns, numbers, dates, addresses, and the operators over them. */
#include <arpa/inet.h>

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
	if (i >= s.n || i == at + 2)
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

static bool glob(const struct tokens *t, struct bw_str s, bool nocase)
{
	bool *row = bw_alloc(s.n + 1), *next = bw_alloc(s.n + 1), yes, *swap;

	row[0] = true;
	for (size_t i = 0; i < t->n; i++) {
		for (size_t j = 0; j <= s.n; j++) {
			bool fits = j && (t->v[i] == ONE || (nocase ? fold((char)t->v[i]) == fold(s.p[j - 1])
			                                            : t->v[i] == (unsigned char)s.p[j - 1]));

			next[j] = t->v[i] == ANY ? row[j] || (j && next[j - 1]) : fits && row[j - 1];
		}
		swap = row;
		row = next;
		next = swap;
	}
	yes = row[s.n];
	bw_free(row);
	bw_free(next);
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

/* Numbers as digits around a point, padded to the same width: then text order is their order. */
static bool decimal(struct bw_str s, char out[64], bool *negative)
{
	struct bw_str rest = s, whole;

	*negative = s.n && s.p[0] == '-';
	rest = bw_str_sub(s, *negative, s.n);
	whole = bw_str_cut(&rest, '.');
	if (whole.n == 0 || whole.n > 30 || (bw_str_set(rest) && (rest.n == 0 || rest.n > 30)))
		return false;
	memset(out, '0', 64);
	for (size_t i = 0; i < whole.n; i++)
		out[30 - whole.n + i] = whole.p[i];
	for (size_t i = 0; i < rest.n; i++)
		out[30 + i] = rest.p[i];
	for (size_t i = 0; i < 64; i++)
		if (out[i] < '0' || out[i] > '9')
			return false;
	return true;
}

static bool numbers(struct bw_str found, struct bw_str want, int *order)
{
	char a[64], b[64], zero[64];
	bool an, bn;

	memset(zero, '0', sizeof zero);
	if (!decimal(found, a, &an) || !decimal(want, b, &bn))
		return false;
	an = an && memcmp(a, zero, 64) != 0;
	bn = bn && memcmp(b, zero, 64) != 0;
	if (an != bn)
		*order = an ? -1 : 1;
	else
		*order = an ? memcmp(b, a, 64) : memcmp(a, b, 64);
	return true;
}

static bool two(struct bw_str s, size_t at, int64_t *out)
{
	return at + 2 <= s.n && bw_str_to_i64(bw_str_sub(s, at, 2), 0, 99, out) == BW_OK;
}

static bool leap(int64_t y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Seconds by walking through the years from 0000, which begins 719528 days before 1970. Fractions are not
 * generated. */
static bool seconds(struct bw_str s, int64_t *out)
{
	static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t year, month = 1, day = 1, h = 0, m = 0, sec = 0, total = -719528;

	if (!(s.n >= 4 && bw_str_to_i64(bw_str_sub(s, 0, 4), 0, 9999, &year) == BW_OK &&
	        (s.n == 4 || s.p[4] == '-')))
		return bw_str_to_i64(s, INT64_MIN, INT64_MAX, out) == BW_OK;
	if (s.n > 4 && (!two(s, 5, &month) || month < 1 || month > 12))
		return false;
	if (s.n > 7 && (s.p[7] != '-' || !two(s, 8, &day)))
		return false;
	if (s.n > 10 &&
	    (s.n != 20 || s.p[10] != 'T' || !two(s, 11, &h) || !two(s, 14, &m) || !two(s, 17, &sec)))
		return false;
	if (day < 1 || day > days[month - 1] + (month == 2 && leap(year)) || h > 23 || m > 59 || sec > 59)
		return false;
	for (int64_t y = 0; y < year; y++)
		total += leap(y) ? 366 : 365;
	for (int64_t i = 1; i < month; i++)
		total += days[i - 1] + (i == 2 && leap(year));
	*out = (total + day - 1) * 86400 + h * 3600 + m * 60 + sec;
	return true;
}

static bool address(struct bw_str s, int *family, uint8_t out[16])
{
	char text[64] = {0};

	if (s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	*family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(*family, text, out) == 1;
}

static bool in_network(struct bw_str found, struct bw_str want)
{
	struct bw_str rest = want, base = bw_str_cut(&rest, '/');
	uint8_t a[16], b[16];
	int fa, fb;
	int64_t bits;

	if (!address(found, &fa, a) || !address(base, &fb, b) || fa != fb)
		return false;
	bits = fa == AF_INET ? 32 : 128;
	if (bw_str_set(rest) && bw_str_to_i64(rest, 0, bits, &bits) != BW_OK)
		return false;
	for (int64_t i = 0; i < bits; i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

/* One value of the request against one of the document, for an operator that is not negated. */
static bool one_matches(struct bw_str op, struct bw_str want, struct bw_str found, bool variables,
    const struct bw_policy_request *r)
{
	struct tokens t;
	int64_t a, b;
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
	if (naive_is(op, "IpAddress"))
		return in_network(found, want);
	if (bw_str_starts(op, BW_STR("Numeric"))) {
		if (!numbers(found, want, &order))
			return false;
		op = bw_str_sub(op, 7, op.n);
	} else {
		if (!seconds(found, &a) || !seconds(want, &b))
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
