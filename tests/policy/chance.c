/* Dice, and what documents are made of. */
#include "chance.h"

#include <string.h>

size_t chance_below(struct chance *c, size_t n)
{
	if (c->bytes.p) {
		size_t drawn = c->bytes.n ? (unsigned char)c->bytes.p[0] : 0;

		c->bytes = bw_str_sub(c->bytes, 1, c->bytes.n);
		return drawn % n;
	}
	c->state ^= c->state << 13;
	c->state ^= c->state >> 7;
	c->state ^= c->state << 17;
	return (size_t)((c->state >> 11) % n);
}

bool chance_one_in(struct chance *c, size_t n)
{
	return chance_below(c, n) == n - 1;
}

/* What makes matching go wrong: wildcards, colons, and references whole and broken. */
static const char *const hard_letters[] = {"a", "b", "a", "B", "*", "?", ":", "/", "\xc3\xa9", "${*}", "${?}",
    "${$}", "${aws:username}", "${aws:nokey}", "${aws:nokey, 'a'}", "$", "{", "}", "'", ",", " ", "*a"};
static const char *const action_letters[] = {"g", "E", "t", "et", "*", "?", "*t"};
static const char *const asked_letters[] = {"g", "e", "T", "et"};
const struct alphabet value_alphabet = {"", hard_letters, BW_COUNT(hard_letters)};
const struct alphabet resource_alphabet = {"arn:aws:s3:::", hard_letters, BW_COUNT(hard_letters)};
const struct alphabet asked_alphabet = {"s3:", asked_letters, BW_COUNT(asked_letters)};
static const struct alphabet action_alphabet = {"s3:", action_letters, BW_COUNT(action_letters)};

struct bw_str free_text(struct chance *c, const struct alphabet *a, char out[FREE_TEXT_MAX])
{
	size_t n = strlen(a->before);

	memcpy(out, a->before, n);
	for (size_t count = chance_below(c, FREE_LETTERS); count; count--) {
		const char *letter = a->letters[chance_below(c, a->n)];

		memcpy(out + n, letter, strlen(letter));
		n += strlen(letter);
	}
	return bw_str_make(out, n);
}

static const char *const actions[] = {"s3:GetObject", "s3:GetObjectAcl", "s3:PutObject", "S3:Get*", "s3:*",
    "s3:?etObject*", "*", "*:*", "*:Get*", "iam:*", "iam:CreateUser", "iam:c*user", "sts:AssumeRole", "sts:*",
    "ec2:*"};
static const char *const resources[] = {"*", "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*",
    "arn:aws:s3:::buck*", "arn:aws:s3:::*", "arn:aws:s3:::bucket/${aws:username}/*", "arn:aws:s3:::b?cket/*",
    "arn:aws:iam::*:user/*", "arn:aws:iam::" HOME ":user/${aws:username}", "arn:aws:iam::" HOME ":role/*/x",
    "arn:*:iam::*:role/a*", "arn:aws:sqs", "arn:aws:sqs:us-*", "arn:aws:s3:::${aws:nokey}",
    "arn:aws:s3:::${aws:nokey, `bucket`}", "arn:aws:s3:::bucket/${*}",
    "arn:aws:s3:::*/${aws:PrincipalTag/team}*"};
static const char *const keys[] = {"aws:username", "AWS:UserName", "aws:PrincipalTag/team",
    "aws:principaltag/TEAM", "aws:TagKeys", "aws:SourceIp", "aws:CurrentTime", "aws:n", "aws:SecureTransport",
    "aws:SourceArn", "aws:nokey"};
static const char *const operators[] = {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike", "NumericEquals", "NumericNotEquals",
    "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
    "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
    "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike",
    "ArnNotEquals", "ArnNotLike", "Null"};
static const char *const values[] = {"'bob'", "'BOB'", "'b*'", "'?ob'", "'*'", "''", "'red'",
    "'${aws:username}'", "'${aws:nokey}'", "'${aws:nokey, `red`}'", "'${aws:TagKeys}'", "'x${*}'",
    "'*${aws:PrincipalTag/team}?*'", "'a'", "'b'", "7", "'7.50'", "'-1'", "true", "'false'", "'10.0.0.0/8'",
    "'10.1.2.3'", "'0.0.0.0/0'", "'2001:db8::/33'", "'::ffff:10.0.0.0/104'", "'::ffff:10.1.2.3'",
    "'10.1.2.3/08'", "'Ym9i'", "'eA=='", "'eB=='", "'arn:aws:sns:*:" HOME ":*'", "'arn:aws:sns:us-east-1:*'",
    "'arn:aws:sns'", "'arn:aws:sns:*:*:${aws:username}'", "'1e3'", "'7x'"};
static const char *const date_values[] = {"'2020'", "'2020-01-01T00:00:00Z'", "1577836800", "'2021-06-15'",
    "'2020-02-29T12:30:00Z'", "'-5'", "'2020-01-01T01:00:00.000+01:00'", "'2019-12'",
    "'2020-01-01T00:00:00.5Z'"};
static const char *const principals[] = {"'" HOME "'", "'arn:aws:iam::" HOME ":root'", "'" AWAY "'",
    "'arn:aws:iam::" HOME ":user/bob'", "'arn:aws:iam::" HOME ":role/p/r'",
    "'arn:aws:sts::" HOME ":assumed-role/r/s'", "'arn:aws:sts::" HOME ":federated-user/f'", "'*'"};

static void put(struct bw_buf *out, const char *text)
{
	for (; *text; text++)
		bw_buf_put_c(out, *text == '\'' ? '"' : *text == '`' ? '\'' : *text);
}

struct words {
	const char *const *v;
	size_t n;
	const char *quote;           /* around each */
	const struct alphabet *free; /* of texts in the place of a word now and then; NULL: never */
};

static void word_put(struct chance *c, struct bw_buf *out, const struct words *words)
{
	char text[FREE_TEXT_MAX];

	if (!words->free || !chance_one_in(c, 8)) {
		put(out, words->quote);
		put(out, words->v[chance_below(c, words->n)]);
		put(out, words->quote);
		return;
	}
	bw_buf_put_c(out, '"');
	bw_buf_put(out, free_text(c, words->free, text));
	bw_buf_put_c(out, '"');
}

/* One of them, or a list of up to three. */
static void list_put(struct chance *c, struct bw_buf *out, const struct words *words)
{
	size_t count = chance_below(c, 4);

	if (count)
		put(out, "[");
	for (size_t i = 0; i < (count ? count : 1); i++) {
		if (i)
			put(out, ",");
		word_put(c, out, words);
	}
	if (count)
		put(out, "]");
}

#define WORDS(list, quote, free) (&(const struct words){list, BW_COUNT(list), quote, free})

static void condition_put(struct chance *c, struct bw_buf *out)
{
	size_t first = chance_below(c, BW_COUNT(operators)), n = 1 + chance_below(c, 2),
	       key = chance_below(c, BW_COUNT(keys));

	put(out, ",'Condition':{");
	for (size_t i = 0; i < n; i++) {
		struct bw_str op = bw_str_c(operators[(first + i) % BW_COUNT(operators)]);
		bool date = bw_str_starts(op, BW_STR("Date")), null = bw_str_eq(op, BW_STR("Null"));
		size_t set = chance_below(c, 5);

		put(out, i ? ",'" : "'");
		put(out, set == 0 ? "ForAllValues:" : set == 1 ? "ForAnyValue:" : "");
		bw_buf_put(out, op);
		put(out, !null && chance_one_in(c, 4) ? "IfExists':{'" : "':{'");
		put(out, keys[(key + i) % BW_COUNT(keys)]);
		put(out, "':");
		if (date)
			list_put(c, out, WORDS(date_values, "", NULL));
		else
			list_put(c, out, WORDS(values, "", &value_alphabet));
		put(out, "}");
	}
	put(out, "}");
}

static void principal_put(struct chance *c, struct bw_buf *out, enum bw_policy_kind kind, bool allow)
{
	if (kind == BW_POLICY_RCP) {
		put(out, ",'Principal':'*'");
		return;
	}
	put(out, !allow && chance_one_in(c, 3) ? ",'NotPrincipal':" : ",'Principal':");
	if (kind != BW_POLICY_TRUST && chance_one_in(c, 6)) {
		put(out, "'*'");
		return;
	}
	put(out, "{");
	switch (chance_below(c, 6)) {
	case 0:
		put(out, chance_one_in(c, 2) ? "'Service':'ec2.amazonaws.com'," : "'Service':'*',");
		break;
	case 1:
		put(out,
		    chance_one_in(c, 2) ? "'Federated':['accounts.google.com','x']," : "'Federated':'*',");
		break;
	}
	put(out, "'AWS':");
	list_put(c, out, WORDS(principals, "", NULL));
	put(out, "}");
}

static bool has_principal(enum bw_policy_kind kind)
{
	return kind == BW_POLICY_RESOURCE || kind == BW_POLICY_TRUST || kind == BW_POLICY_RCP ||
	       kind == BW_POLICY_VPCE || kind == BW_POLICY_KEY;
}

void statement_put(struct chance *c, struct bw_buf *out, enum bw_policy_kind kind, const char *effect)
{
	static const char *const trust_actions[] = {
	    "sts:AssumeRole", "sts:*", "sts:Assume*", "STS:assumerole", "sts:TagSession"};
	bool allow = effect ? strcmp(effect, "Allow") == 0 : !chance_one_in(c, 5);
	bool negated = kind != BW_POLICY_RCP && chance_one_in(c, 6);

	put(out, "{'Effect':");
	put(out, allow ? "'Allow'" : "'Deny'");
	put(out, negated ? ",'NotAction':" : ",'Action':");
	if (kind == BW_POLICY_TRUST)
		list_put(c, out, WORDS(trust_actions, "'", NULL));
	else
		list_put(c, out, WORDS(actions, "'", &action_alphabet));
	if (kind != BW_POLICY_TRUST && !(kind == BW_POLICY_RESOURCE && chance_one_in(c, 4))) {
		put(out, chance_one_in(c, 6) ? ",'NotResource':" : ",'Resource':");
		/* Half of them everything, or nothing ever happens. */
		if (chance_one_in(c, 2))
			list_put(c, out, WORDS(resources, "'", &resource_alphabet));
		else
			put(out, "'*'");
	}
	if (has_principal(kind))
		principal_put(c, out, kind, allow);
	if (chance_one_in(c, 2))
		condition_put(c, out);
	put(out, "}");
}
