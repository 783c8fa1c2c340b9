/* The condition operators: one row each. IAM User Guide, "IAM JSON policy elements: Condition operators" and
 * "Set operators for multivalued context keys". */
#include "codec/base64.h"
#include "policy/form.h"

enum { LESS = 1, EQUAL = 2, GREATER = 4 };

/* A value of a condition as it stands in the block: its text, and what its family makes of it. */
struct text_operand {
	uint32_t source; /* text, in all of them */
	struct pattern pattern;
};

/* Those of the rest that are no number, date and so on match nothing. */
struct number_operand {
	uint32_t source;
	bool valid, negative;
	uint32_t whole, whole_n, fraction, fraction_n; /* the digits' bytes */
};

struct date_operand {
	uint32_t source;
	bool valid;
	struct moment moment;
} __attribute__((packed, aligned(4)));

struct truth_operand {
	uint32_t source;
	bool valid, truth;
};

struct bytes_operand {
	uint32_t source;
	uint32_t bytes; /* text; 0: not valid */
};

struct address_operand {
	uint32_t source;
	bool valid;
	struct network network;
};

union operand {
	uint32_t source;
	struct text_operand text;
	struct arn_pattern arn;
	struct number_operand number;
	struct date_operand date;
	struct truth_operand truth;
	struct bytes_operand bytes;
	struct address_operand address;
};

/* A value of the request. */
union found {
	struct bw_str text;
	struct number number;
	struct moment moment;
	struct network network;
	bool truth;
};

/* How one kind of value is read from a document, read from a request, and compared. */
struct family {
	size_t bytes; /* of an operand */
	/* `out->source` is the text's place. */
	void (*compile)(struct compiler *c, struct bw_str text, union operand *out);
	/* Allocates nothing. */
	bool (*read)(struct bw_str text, union found *out, struct scope *scope);
	bool (*match)(
	    unsigned relation, const union operand *want, const union found *found, struct scope *scope);
};

struct operation {
	struct bw_str name;
	const struct family *family; /* NULL: Null, which asks only whether the key is there */
	bool negated;
	unsigned relation;
};

static void exact_compile(struct compiler *c, struct bw_str text, union operand *out)
{
	out->text.pattern = pattern_compile(c, text, out->source + TEXT_HEAD, false, true);
}

static void like_compile(struct compiler *c, struct bw_str text, union operand *out)
{
	out->text.pattern = pattern_compile(c, text, out->source + TEXT_HEAD, true, true);
}

static bool text_read(struct bw_str text, union found *out, struct scope *scope)
{
	(void)scope;
	out->text = text;
	return true;
}

static bool text_match(
    unsigned relation, const union operand *want, const union found *found, struct scope *scope)
{
	(void)relation;
	return pattern_match(&want->text.pattern, found->text, scope);
}

static bool nocase_match(
    unsigned relation, const union operand *want, const union found *found, struct scope *scope)
{
	(void)relation;
	return pattern_match_nocase(&want->text.pattern, found->text, scope);
}

static void arn_compile(struct compiler *c, struct bw_str text, union operand *out)
{
	out->arn = arn_pattern_compile(c, text, out->source, false);
}

static bool arn_operand_match(
    unsigned relation, const union operand *want, const union found *found, struct scope *scope)
{
	struct arn_text text = {.whole = found->text};

	(void)relation;
	return arn_match(&want->arn, &text, scope);
}

static unsigned relation_of(int order)
{
	return order < 0 ? LESS : order > 0 ? GREATER : EQUAL;
}

static bool number_read(struct bw_str text, union found *out, struct scope *scope)
{
	(void)scope;
	return number_parse(text, &out->number);
}

/* Where a part of the operand's text stands in the block. */
static uint32_t part_at(const union operand *o, struct bw_str text, struct bw_str part)
{
	return o->source + TEXT_HEAD + (part.n ? (uint32_t)(part.p - text.p) : 0);
}

static void number_compile(struct compiler *c, struct bw_str text, union operand *out)
{
	struct number n;

	(void)c;
	out->number.valid = number_parse(text, &n);
	out->number.negative = n.negative;
	out->number.whole = part_at(out, text, n.whole);
	out->number.whole_n = (uint32_t)n.whole.n;
	out->number.fraction = part_at(out, text, n.fraction);
	out->number.fraction_n = (uint32_t)n.fraction.n;
}

static bool number_match(
    unsigned relation, const union operand *want, const union found *found, struct scope *scope)
{
	const struct number_operand *o = &want->number;
	const struct number n = {o->negative, bw_str_make(block_at(scope->policy, o->whole), o->whole_n),
	    bw_str_make(block_at(scope->policy, o->fraction), o->fraction_n)};

	return o->valid && (relation & relation_of(number_compare(&found->number, &n))) != 0;
}

static bool date_read(struct bw_str text, union found *out, struct scope *scope)
{
	(void)scope;
	return moment_parse(text, &out->moment);
}

static void date_compile(struct compiler *c, struct bw_str text, union operand *out)
{
	struct moment moment;

	(void)c;
	out->date.valid = moment_parse(text, &moment);
	out->date.moment = moment;
}

static bool date_match(
    unsigned relation, const union operand *want, const union found *found, struct scope *scope)
{
	const struct moment moment = want->date.moment;

	(void)scope;
	return want->date.valid && (relation & relation_of(moment_compare(&found->moment, &moment))) != 0;
}

static bool truth_read(struct bw_str text, union found *out, struct scope *scope)
{
	(void)scope;
	return truth_parse(text, &out->truth);
}

static void truth_compile(struct compiler *c, struct bw_str text, union operand *out)
{
	(void)c;
	out->truth.valid = truth_parse(text, &out->truth.truth);
}

static bool truth_match(
    unsigned relation, const union operand *want, const union found *found, struct scope *scope)
{
	(void)relation, (void)scope;
	return want->truth.valid && want->truth.truth == found->truth;
}

static void bytes_compile(struct compiler *c, struct bw_str text, union operand *out)
{
	struct bw_str bytes;

	out->bytes.bytes = bw_base64_decode(text, &c->scratch, &bytes) == BW_OK ? text_put(c, bytes) : 0;
}

static bool bytes_match(
    unsigned relation, const union operand *want, const union found *found, struct scope *scope)
{
	(void)relation;
	return want->bytes.bytes && bw_str_eq(text_at(scope->policy, want->bytes.bytes), found->text);
}

/* A request has one address mostly, and many statements ask for it. */
static bool address_read(struct bw_str text, union found *out, struct scope *scope)
{
	struct memory *m = &scope->question->memory;

	if (text.p && text.p == m->address_text.p && text.n == m->address_text.n) {
		out->network = m->address;
		return true;
	}
	if (!network_parse(text, true, &out->network))
		return false;
	m->address_text = text;
	m->address = out->network;
	return true;
}

static void network_compile(struct compiler *c, struct bw_str text, union operand *out)
{
	(void)c;
	out->address.valid = network_parse(text, false, &out->address.network);
}

static bool network_match(
    unsigned relation, const union operand *want, const union found *found, struct scope *scope)
{
	(void)relation, (void)scope;
	return want->address.valid && network_has(&want->address.network, &found->network);
}

#define OPERAND(type) sizeof(struct type)

static const struct family exact = {OPERAND(text_operand), exact_compile, text_read, text_match};
static const struct family nocase = {OPERAND(text_operand), exact_compile, text_read, nocase_match};
static const struct family like = {OPERAND(text_operand), like_compile, text_read, text_match};
static const struct family arn = {OPERAND(arn_pattern), arn_compile, text_read, arn_operand_match};
static const struct family numeric = {OPERAND(number_operand), number_compile, number_read, number_match};
static const struct family date = {OPERAND(date_operand), date_compile, date_read, date_match};
static const struct family boolean = {OPERAND(truth_operand), truth_compile, truth_read, truth_match};
static const struct family binary = {OPERAND(bytes_operand), bytes_compile, text_read, bytes_match};
static const struct family address = {OPERAND(address_operand), network_compile, address_read, network_match};

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

static const struct operation *operation_of(const struct condition *c)
{
	return &operations[c->operation];
}

bool operator_parse(struct bw_str text, struct condition *out)
{
	static const struct bw_str all = NAME("ForAllValues:"), any = NAME("ForAnyValue:"),
	                           suffix = NAME("IfExists");
	const struct operation *operation;
	struct bw_str name = text;

	*out = (struct condition){0};
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
	operation = operation_find(name);
	if (!operation)
		return false;
	out->operation = (uint8_t)(operation - operations);
	/* "...except the Null condition": the same page, "...IfExists condition operators". */
	return operation->family || !out->if_exists;
}

bool operator_wants_date(const struct condition *condition)
{
	return operation_of(condition)->family == &date;
}

size_t operand_bytes(const struct condition *condition)
{
	const struct family *family = operation_of(condition)->family;

	return family ? family->bytes : boolean.bytes;
}

void operand_compile(
    struct compiler *c, const struct condition *condition, uint32_t index, struct bw_str text)
{
	const struct family *family = operation_of(condition)->family;
	union operand operand = {0};
	size_t bytes = operand_bytes(condition);

	operand.source = text_put(c, text);
	(family ? family : &boolean)->compile(c, text, &operand);
	block_write(c, condition->operands + index * (uint32_t)bytes, &operand, bytes);
}

static const union operand *operand_at(
    const struct bw_policy *p, const struct condition *condition, uint32_t index)
{
	return block_at(p, condition->operands + index * (uint32_t)operand_bytes(condition));
}

struct bw_str operand_source(const struct bw_policy *p, const struct condition *condition, uint32_t index)
{
	return text_at(p, operand_at(p, condition, index)->source);
}

static bool is_name(struct bw_str a, struct bw_str b)
{
	return a.n == b.n && bytes_same_nocase(a.p, b.p, b.n);
}

static const struct bw_context_key *key_find(const struct bw_policy_request *r, struct bw_str name)
{
	for (size_t i = 0; i < r->context_count; i++)
		if (is_name(r->context[i].name, name))
			return &r->context[i];
	return NULL;
}

const struct bw_context_key *context_find(struct scope *scope, uint32_t key)
{
	struct memory *m = &scope->question->memory;
	struct bw_str name = key_name(scope->policy, key);
	size_t slot = name.n ? (name.n * 5 + (unsigned char)name.p[name.n - 1]) % MEMORY_SLOTS : 0;

	if (!(m->known >> slot & 1) || !is_name(m->keys[slot].name, name)) {
		m->known |= 1u << slot;
		m->keys[slot].name = name;
		m->keys[slot].found = key_find(scope->request, name);
	}
	return m->keys[slot].found;
}

/* Does the value match one of the operands? */
static bool value_match(const struct condition *c, struct bw_str value, struct scope *scope)
{
	const struct operation *o = operation_of(c);
	const struct family *family = o->family;
	const char *operand = block_at(scope->policy, c->operands);
	union found found;

	if (!family->read(value, &found, scope))
		return false;
	for (uint32_t i = 0; i < c->count; i++, operand += family->bytes)
		if (family->match(o->relation, (const void *)operand, &found, scope))
			return true;
	return false;
}

static bool null_match(const struct condition *c, bool is_there, const struct scope *scope)
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct truth_operand *o = &operand_at(scope->policy, c, i)->truth;

		if (o->valid && o->truth == !is_there)
			return true;
	}
	return false;
}

static bool absent_match(const struct condition *c)
{
	if (c->if_exists)
		return true;
	if (c->set != SET_NONE)
		return c->set == SET_ALL;
	return operation_of(c)->negated;
}

/* With a set test the values are judged one by one, a negated operator's too; without one, a negated operator
 * wants that no value matches. */
static bool values_match(const struct condition *c, const struct bw_context_key *key, struct scope *scope)
{
	bool negated = operation_of(c)->negated;

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

	if (!operation_of(c)->family)
		return null_match(c, key != NULL, scope);
	return key ? values_match(c, key, scope) : absent_match(c);
}

const char *condition_why(const struct condition *c, struct scope *scope)
{
	const struct bw_context_key *key = key_of(c, scope);
	bool match = condition_match(c, scope);

	if (!operation_of(c)->family)
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
	if (operation_of(c)->negated)
		return match ? "the request's value is none of these" : "the request's value is one of these";
	return match ? "the request's value is one of these" : "the request's value is none of these";
}
