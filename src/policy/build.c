/* A checked document into statements ready to be asked. Elements are read in the order of the document, so
 * that context keys come out in it. */
#include "policy/check.h"

static void sid_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	s->sid = text_put(c, v->text);
}

static void effect_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	(void)c;
	s->allow = bw_str_eq(v->text, BW_STR("Allow"));
}

/* Lists are short of this by far: BW_POLICY_TEXT_MAX bytes hold no more values. */
static uint16_t count_of(size_t n)
{
	MUST(n <= UINT16_MAX);
	return (uint16_t)n;
}

static void action_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	size_t n = list_count(v);

	s->action_count = count_of(n);
	s->actions = block_take_array(c, sizeof(uint32_t), n);
	for (size_t i = 0; i < n; i++) {
		uint32_t action = action_compile(c, list_at(v, i)->text);

		block_write(c, s->actions + (uint32_t)(i * sizeof action), &action, sizeof action);
	}
}

static void not_action_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	s->not_action = true;
	action_build(c, v, s);
}

static void resource_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	size_t n = list_count(v);

	s->all_resources = false;
	s->resource_count = count_of(n);
	s->resources = block_take_array(c, sizeof(struct arn_pattern), n);
	for (size_t i = 0; i < n; i++) {
		struct bw_str text = list_at(v, i)->text;
		struct arn_pattern p = arn_pattern_compile(c, text, text_put(c, text), true);

		s->all_resources |= p.shape == ARN_ALL;
		block_write(c, s->resources + (uint32_t)(i * sizeof p), &p, sizeof p);
	}
}

static void not_resource_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	resource_build(c, v, s);
	s->not_resource = true;
}

static struct principal principal_build(struct compiler *c, struct bw_str type, struct bw_str text)
{
	struct principal p = {.source = text_put(c, text)};
	struct principal_name name;

	MUST(principal_parse(type, text, &name));
	p.type = (uint8_t)name.type;
	p.aws_only = name.aws_only;
	if (!bw_str_set(name.value))
		return p;
	p.value = p.source + TEXT_HEAD + (uint32_t)(name.value.p - text.p);
	p.value_n = (uint32_t)name.value.n;
	return p;
}

static void principals_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	struct principal p = {.type = PRINCIPAL_EVERYONE};
	size_t n = v->kind == BW_JSON_STRING;
	uint32_t at;

	for (size_t i = 0; v->kind == BW_JSON_OBJECT && i < v->count; i++)
		n += list_count(&v->values[i]);
	s->principal_count = count_of(n);
	s->principals = at = block_take_array(c, sizeof p, n);
	if (v->kind == BW_JSON_STRING) {
		p.source = text_put(c, BW_STR("*"));
		block_write(c, at, &p, sizeof p);
		return;
	}
	for (size_t i = 0; i < v->count; i++)
		for (size_t j = 0; j < list_count(&v->values[i]); j++, at += (uint32_t)sizeof p) {
			p = principal_build(c, v->keys[i], list_at(&v->values[i], j)->text);
			block_write(c, at, &p, sizeof p);
		}
}

static void not_principal_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	s->not_principal = true;
	principals_build(c, v, s);
}

static struct condition one_condition_build(
    struct compiler *c, struct bw_str operator_text, struct bw_str key, const struct bw_json_value *values)
{
	struct condition out;
	size_t n = list_count(values);

	MUST(operator_parse(operator_text, &out));
	out.operator_text = text_put(c, operator_text);
	out.key = count_of(key_put(c, key));
	out.count = count_of(n);
	out.operands = block_take_array(c, operand_bytes(&out), n);
	for (uint32_t i = 0; i < n; i++)
		operand_compile(c, &out, i, scalar_text(list_at(values, i)));
	return out;
}

static void condition_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	size_t n = 0;
	uint32_t at;

	for (size_t i = 0; i < v->count; i++)
		n += v->values[i].count;
	s->condition_count = count_of(n);
	s->conditions = at = block_take_array(c, sizeof(struct condition), n);
	for (size_t i = 0; i < v->count; i++) {
		const struct bw_json_value *keys = &v->values[i];

		for (size_t j = 0; j < keys->count; j++) {
			struct condition built =
			    one_condition_build(c, v->keys[i], keys->keys[j], &keys->values[j]);

			block_write(c, at, &built, sizeof built);
			at += (uint32_t)sizeof built;
		}
	}
}

static const struct {
	const char *name;
	void (*build)(struct compiler *c, const struct bw_json_value *v, struct statement *s);
} elements[] = {
    {"Sid", sid_build},
    {"Effect", effect_build},
    {"Principal", principals_build},
    {"NotPrincipal", not_principal_build},
    {"Action", action_build},
    {"NotAction", not_action_build},
    {"Resource", resource_build},
    {"NotResource", not_resource_build},
    {"Condition", condition_build},
};

/* Statements follow one another, so that all their places are found in one walk over the text. */
struct placer {
	struct bw_str text;
	size_t at, line_begin;
	uint32_t line;
};

static struct bw_policy_place place_next(struct placer *p, size_t offset)
{
	for (; p->at < offset; p->at++)
		if (p->text.p[p->at] == '\n') {
			p->line++;
			p->line_begin = p->at + 1;
		}
	return (struct bw_policy_place){p->line, (uint32_t)(offset - p->line_begin) + 1};
}

static void statement_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	for (size_t i = 0; i < v->count; i++)
		for (size_t j = 0; j < BW_COUNT(elements); j++)
			if (bw_str_eq(v->keys[i], bw_str_c(elements[j].name)))
				elements[j].build(c, &v->values[i], s);
}

void document_build(struct compiler *c, const struct bw_json_value *root)
{
	const struct bw_json_value *version = bw_json_member(root, BW_STR("Version"));
	const struct bw_json_value *statements = bw_json_member(root, BW_STR("Statement"));
	struct placer placer = {.text = c->document, .line = 1};
	size_t n = list_count(statements);
	uint32_t at = block_take(c, sizeof(struct bw_policy)), keys;
	struct bw_policy *p;

	MUST(at == 0);
	at = block_take_array(c, sizeof(struct statement), n);
	/* IAM User Guide, "IAM JSON policy elements: Version": without it, 2008-10-17, which has no
	 * variables. */
	c->variables = version && bw_str_eq(version->text, BW_STR("2012-10-17"));
	for (size_t i = 0; i < n; i++) {
		const struct bw_json_value *v = list_at(statements, i);
		struct statement s = {.all_resources = true};

		statement_build(c, v, &s);
		s.start = place_next(&placer, v->offset);
		s.end = place_next(&placer, v->end);
		block_write(c, at + (uint32_t)(i * sizeof s), &s, sizeof s);
	}
	keys = block_take_array(c, sizeof *c->key_texts, c->key_count);
	block_write(c, keys, c->key_texts, c->key_count * sizeof *c->key_texts);
	p = (void *)c->block;
	p->kind = (uint8_t)c->kind;
	p->variables = c->variables;
	p->statements = at;
	p->statement_count = count_of(n);
	p->keys = keys;
	p->key_count = count_of(c->key_count);
}
