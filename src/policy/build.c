/* A checked document into statements ready to be asked. Elements are read in the order of the document, so
 * that context keys come out in it. */
#include "policy/check.h"

static void sid_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	s->sid = bw_arena_str(&c->policy->arena, v->text);
}

static void effect_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	(void)c;
	s->allow = bw_str_eq(v->text, BW_STR("Allow"));
}

static void action_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	struct bw_arena *arena = &c->policy->arena;
	size_t n = list_count(v);
	struct pattern *patterns = BW_NEW_ARRAY(arena, struct pattern, n);
	struct bw_str *sources = BW_NEW_ARRAY(arena, struct bw_str, n);

	for (size_t i = 0; i < n; i++) {
		sources[i] = bw_arena_str(arena, list_at(v, i)->text);
		pattern_compile(c, bw_arena_lower(&c->scratch, sources[i]), true, false, &patterns[i]);
		s->all_actions |= patterns[i].shape == PATTERN_ALL;
	}
	s->actions = patterns;
	s->action_sources = sources;
	s->action_count = (uint32_t)n;
}

static void not_action_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	s->not_action = true;
	action_build(c, v, s);
}

static void resource_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	size_t n = list_count(v);
	struct arn_pattern *patterns = BW_NEW_ARRAY(&c->policy->arena, struct arn_pattern, n);

	s->all_resources = false;
	for (size_t i = 0; i < n; i++) {
		arn_pattern_compile(c, list_at(v, i)->text, true, &patterns[i]);
		s->all_resources |= patterns[i].shape == ARN_ALL;
	}
	s->resources = patterns;
	s->resource_count = (uint32_t)n;
}

static void not_resource_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	resource_build(c, v, s);
	s->not_resource = true;
}

static struct principal principal_build(struct compiler *c, struct bw_str type, struct bw_str text)
{
	struct principal p;

	MUST(principal_parse(type, bw_arena_str(&c->policy->arena, text), &p));
	return p;
}

static void principals_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	struct principal *principals;
	size_t n = 0;

	if (v->kind == BW_JSON_STRING) {
		principals = BW_NEW(&c->policy->arena, struct principal);
		*principals = (struct principal){.type = PRINCIPAL_EVERYONE, .source = BW_STR("*")};
		s->principals = principals;
		s->principal_count = 1;
		return;
	}
	for (size_t i = 0; i < v->count; i++)
		n += list_count(&v->values[i]);
	principals = BW_NEW_ARRAY(&c->policy->arena, struct principal, n);
	for (size_t i = 0; i < v->count; i++)
		for (size_t j = 0; j < list_count(&v->values[i]); j++)
			principals[s->principal_count++] =
			    principal_build(c, v->keys[i], list_at(&v->values[i], j)->text);
	s->principals = principals;
}

static void not_principal_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	s->not_principal = true;
	principals_build(c, v, s);
}

static void one_condition_build(
    struct compiler *c, struct bw_str key, const struct bw_json_value *values, struct condition *out)
{
	size_t n = list_count(values);
	struct operand *operands = BW_NEW_ARRAY(&c->policy->arena, struct operand, n);

	out->key = key_intern(c, key);
	for (size_t i = 0; i < n; i++)
		operand_compile(c, out, scalar_text(list_at(values, i)), &operands[i]);
	out->operands = operands;
	out->count = (uint32_t)n;
}

static void condition_build(struct compiler *c, const struct bw_json_value *v, struct statement *s)
{
	struct bw_arena *arena = &c->policy->arena;
	struct condition *conditions;
	size_t n = 0, at = 0;

	for (size_t i = 0; i < v->count; i++)
		n += v->values[i].count;
	conditions = BW_NEW_ARRAY(arena, struct condition, n);
	for (size_t i = 0; i < v->count; i++) {
		const struct bw_json_value *keys = &v->values[i];
		struct bw_str text = bw_arena_str(arena, v->keys[i]);

		for (size_t j = 0; j < keys->count; j++) {
			MUST(operator_parse(text, &conditions[at]));
			one_condition_build(c, keys->keys[j], &keys->values[j], &conditions[at++]);
		}
	}
	s->conditions = conditions;
	s->condition_count = (uint32_t)n;
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
	s->all_resources = true;
	for (size_t i = 0; i < v->count; i++)
		for (size_t j = 0; j < BW_COUNT(elements); j++)
			if (bw_str_eq(v->keys[i], bw_str_c(elements[j].name)))
				elements[j].build(c, &v->values[i], s);
}

void document_build(struct compiler *c, const struct bw_json_value *root)
{
	const struct bw_json_value *version = bw_json_member(root, BW_STR("Version"));
	const struct bw_json_value *statements = bw_json_member(root, BW_STR("Statement"));
	struct bw_policy *p = c->policy;
	struct placer placer = {.text = c->document, .line = 1};
	size_t n = list_count(statements);
	struct statement *s = BW_NEW_ARRAY(&p->arena, struct statement, n);

	/* IAM User Guide, "IAM JSON policy elements: Version": without it, 2008-10-17, which has no
	 * variables. */
	p->variables = version && bw_str_eq(version->text, BW_STR("2012-10-17"));
	for (size_t i = 0; i < n; i++) {
		const struct bw_json_value *v = list_at(statements, i);

		statement_build(c, v, &s[i]);
		s[i].start = place_next(&placer, v->offset);
		s[i].end = place_next(&placer, v->end);
	}
	p->statements = s;
	p->statement_count = (uint32_t)n;
}
