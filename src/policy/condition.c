/* The condition operators: one row each. IAM User Guide, "IAM JSON policy elements: Condition operators" and
 * "Set operators for multivalued context keys". */
#include "codec/base64.h"
#include "policy/form.h"

enum { LESS = 1, EQUAL = 2, GREATER = 4 };

/* How one kind of value is read from a document, read from a request, and compared. */
struct family {
	void (*compile)(struct compiler *c, struct bw_str text, struct operand *out);
	/* Allocates nothing. */
	bool (*read)(struct bw_str text, struct operand *out);
	bool (*match)(
	    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope);
};

struct operation {
	struct bw_str name;
	const struct family *family; /* NULL: Null, which asks only whether the key is there */
	bool negated;
	unsigned relation;
};

static void exact_compile(struct compiler *c, struct bw_str text, struct operand *out)
{
	pattern_compile(c, text, false, true, &out->pattern);
	out->valid = true;
}

static void like_compile(struct compiler *c, struct bw_str text, struct operand *out)
{
	pattern_compile(c, text, true, true, &out->pattern);
	out->valid = true;
}

static bool text_read(struct bw_str text, struct operand *out)
{
	out->source = text;
	return true;
}

static bool text_match(
    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope)
{
	(void)relation;
	return pattern_match(&want->pattern, found->source, scope);
}

static bool nocase_match(
    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope)
{
	(void)relation;
	return pattern_match_nocase(&want->pattern, found->source, scope);
}

static void arn_compile(struct compiler *c, struct bw_str text, struct operand *out)
{
	arn_pattern_compile(c, text, false, &out->arn);
	out->valid = true;
}

static bool arn_operand_match(
    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope)
{
	struct arn_text text = {.whole = found->source};

	(void)relation;
	return arn_match(&want->arn, &text, scope);
}

static unsigned relation_of(int order)
{
	return order < 0 ? LESS : order > 0 ? GREATER : EQUAL;
}

static bool number_read(struct bw_str text, struct operand *out)
{
	return number_parse(text, &out->number);
}

static void number_compile(struct compiler *c, struct bw_str text, struct operand *out)
{
	(void)c;
	out->valid = number_parse(text, &out->number);
}

static bool number_match(
    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope)
{
	(void)scope;
	return (relation & relation_of(number_compare(&found->number, &want->number))) != 0;
}

static bool date_read(struct bw_str text, struct operand *out)
{
	return moment_parse(text, &out->moment);
}

static void date_compile(struct compiler *c, struct bw_str text, struct operand *out)
{
	(void)c;
	out->valid = moment_parse(text, &out->moment);
}

static bool date_match(
    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope)
{
	(void)scope;
	return (relation & relation_of(moment_compare(&found->moment, &want->moment))) != 0;
}

static bool truth_read(struct bw_str text, struct operand *out)
{
	return truth_parse(text, &out->truth);
}

static void truth_compile(struct compiler *c, struct bw_str text, struct operand *out)
{
	(void)c;
	out->valid = truth_parse(text, &out->truth);
}

static bool truth_match(
    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope)
{
	(void)relation, (void)scope;
	return want->truth == found->truth;
}

static void bytes_compile(struct compiler *c, struct bw_str text, struct operand *out)
{
	out->valid = bw_base64_decode(text, &c->policy->arena, &out->bytes) == BW_OK;
}

static bool bytes_match(
    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope)
{
	(void)relation, (void)scope;
	return bw_str_eq(want->bytes, found->source);
}

static bool address_read(struct bw_str text, struct operand *out)
{
	return network_parse(text, true, &out->network);
}

static void network_compile(struct compiler *c, struct bw_str text, struct operand *out)
{
	(void)c;
	out->valid = network_parse(text, false, &out->network);
}

static bool network_match(
    unsigned relation, const struct operand *want, struct operand *found, struct scope *scope)
{
	(void)relation, (void)scope;
	return network_has(&want->network, &found->network);
}

static const struct family exact = {exact_compile, text_read, text_match};
static const struct family nocase = {exact_compile, text_read, nocase_match};
static const struct family like = {like_compile, text_read, text_match};
static const struct family arn = {arn_compile, text_read, arn_operand_match};
static const struct family numeric = {number_compile, number_read, number_match};
static const struct family date = {date_compile, date_read, date_match};
static const struct family boolean = {truth_compile, truth_read, truth_match};
static const struct family binary = {bytes_compile, text_read, bytes_match};
static const struct family address = {network_compile, address_read, network_match};

#define NAME(text)                                                                                           \
	{                                                                                                    \
		text, sizeof(text) - 1                                                                       \
	}

static const struct operation operations[] = {
    {NAME("StringEquals"), &exact, false, 0},
    {NAME("StringNotEquals"), &exact, true, 0},
    {NAME("StringEqualsIgnoreCase"), &nocase, false, 0},
    {NAME("StringNotEqualsIgnoreCase"), &nocase, true, 0},
    {NAME("StringLike"), &like, false, 0},
    {NAME("StringNotLike"), &like, true, 0},
    {NAME("NumericEquals"), &numeric, false, EQUAL},
    {NAME("NumericNotEquals"), &numeric, true, EQUAL},
    {NAME("NumericLessThan"), &numeric, false, LESS},
    {NAME("NumericLessThanEquals"), &numeric, false, LESS | EQUAL},
    {NAME("NumericGreaterThan"), &numeric, false, GREATER},
    {NAME("NumericGreaterThanEquals"), &numeric, false, GREATER | EQUAL},
    {NAME("DateEquals"), &date, false, EQUAL},
    {NAME("DateNotEquals"), &date, true, EQUAL},
    {NAME("DateLessThan"), &date, false, LESS},
    {NAME("DateLessThanEquals"), &date, false, LESS | EQUAL},
    {NAME("DateGreaterThan"), &date, false, GREATER},
    {NAME("DateGreaterThanEquals"), &date, false, GREATER | EQUAL},
    {NAME("Bool"), &boolean, false, 0},
    {NAME("BinaryEquals"), &binary, false, 0},
    {NAME("IpAddress"), &address, false, 0},
    {NAME("NotIpAddress"), &address, true, 0},
    {NAME("ArnEquals"), &arn, false, 0},
    {NAME("ArnLike"), &arn, false, 0},
    {NAME("ArnNotEquals"), &arn, true, 0},
    {NAME("ArnNotLike"), &arn, true, 0},
    {NAME("Null"), NULL, false, 0},
};

static const struct operation *operation_find(struct bw_str name)
{
	for (size_t i = 0; i < BW_COUNT(operations); i++)
		if (bw_str_eq_nocase(operations[i].name, name))
			return &operations[i];
	return NULL;
}

bool operator_parse(struct bw_str text, struct condition *out)
{
	static const struct bw_str all = NAME("ForAllValues:"), any = NAME("ForAnyValue:"),
	                           suffix = NAME("IfExists");
	struct bw_str name = text;

	*out = (struct condition){.operator_text = text};
	if (bw_str_starts_nocase(name, all))
		out->set = SET_ALL;
	else if (bw_str_starts_nocase(name, any))
		out->set = SET_ANY;
	if (out->set != SET_NONE)
		name = bw_str_sub(name, out->set == SET_ALL ? all.n : any.n, name.n);
	if (name.n > suffix.n && bw_str_eq_nocase(bw_str_sub(name, name.n - suffix.n, suffix.n), suffix)) {
		out->if_exists = true;
		name.n -= suffix.n;
	}
	out->operation = operation_find(name);
	/* "...except the Null condition": the same page, "...IfExists condition operators". */
	return out->operation && (out->operation->family || !out->if_exists);
}

bool operator_wants_date(const struct condition *condition)
{
	return condition->operation->family == &date;
}

void operand_compile(
    struct compiler *c, const struct condition *condition, struct bw_str text, struct operand *out)
{
	const struct family *family = condition->operation->family;

	*out = (struct operand){.source = bw_arena_str(&c->policy->arena, text)};
	if (family)
		family->compile(c, out->source, out);
	else
		truth_compile(c, out->source, out);
}

/* `lower` against a name of any case, from the end: it is there that names of one service differ. */
static bool name_is(struct bw_str lower, const char *name)
{
	for (size_t i = lower.n; i-- > 0;) {
		char c = name[i];

		if (c != lower.p[i] && !(c >= 'A' && c <= 'Z' && c + 32 == lower.p[i]))
			return false;
	}
	return true;
}

const struct bw_context_key *context_find(struct scope *scope, uint32_t key)
{
	const struct bw_policy_request *r = scope->request;
	struct bw_str lower = scope->keys[key].lower;
	size_t i = 0;

	if (scope->found_key == key + 1)
		return scope->found;
	while (i < r->context_count &&
	       !(r->context[i].name.n == lower.n && name_is(lower, r->context[i].name.p)))
		i++;
	scope->found = i < r->context_count ? &r->context[i] : NULL;
	scope->found_key = key + 1;
	return scope->found;
}

/* Does the value match one of the operands? */
static bool value_match(const struct condition *c, struct bw_str value, struct scope *scope)
{
	const struct operation *o = c->operation;
	struct operand found;

	if (!o->family->read(value, &found))
		return false;
	for (uint32_t i = 0; i < c->count; i++)
		if (c->operands[i].valid && o->family->match(o->relation, &c->operands[i], &found, scope))
			return true;
	return false;
}

static bool null_match(const struct condition *c, bool is_there)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (c->operands[i].valid && c->operands[i].truth == !is_there)
			return true;
	return false;
}

static bool absent_match(const struct condition *c)
{
	if (c->if_exists)
		return true;
	if (c->set != SET_NONE)
		return c->set == SET_ALL;
	return c->operation->negated;
}

/* With a set test the values are judged one by one, a negated operator's too; without one, a negated operator
 * wants that no value matches. */
static bool values_match(const struct condition *c, const struct bw_context_key *key, struct scope *scope)
{
	bool negated = c->operation->negated;

	if (c->set != SET_NONE && key->count == 1 && key->values[0].n == 0)
		return c->set == SET_ALL;
	for (size_t i = 0; i < key->count; i++) {
		bool match = value_match(c, key->values[i], scope);

		if (c->set == SET_NONE && match)
			return !negated;
		if (c->set == SET_ANY && match != negated)
			return true;
		if (c->set == SET_ALL && match == negated)
			return false;
	}
	return c->set == SET_NONE ? negated : c->set == SET_ALL;
}

/* A key without any value is as good as absent. */
static const struct bw_context_key *key_of(const struct condition *c, struct scope *scope)
{
	const struct bw_context_key *key = context_find(scope, c->key);

	return key && key->count ? key : NULL;
}

bool condition_match(const struct condition *c, struct scope *scope)
{
	const struct bw_context_key *key = key_of(c, scope);

	if (!c->operation->family)
		return null_match(c, key != NULL);
	return key ? values_match(c, key, scope) : absent_match(c);
}

const char *condition_why(const struct condition *c, struct scope *scope)
{
	const struct bw_context_key *key = key_of(c, scope);
	bool match = condition_match(c, scope);

	if (!c->operation->family)
		return key ? "the request has the key" : "the request does not have the key";
	if (!key)
		return c->if_exists ? "the request does not have the key, and IfExists passes"
		       : match      ? "the request does not have the key, which this operator passes"
		                    : "the request does not have the key";
	if (c->set == SET_ALL)
		return match ? "every value of the request passes"
		             : "some value of the request does not pass";
	if (c->set == SET_ANY)
		return match ? "some value of the request passes" : "no value of the request passes";
	if (c->operation->negated)
		return match ? "the request's value is none of these" : "the request's value is one of these";
	return match ? "the request's value is one of these" : "the request's value is none of these";
}
