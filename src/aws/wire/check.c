/* The constraints of the models, checked over a decoded input, in the words of AWS's own framework. EC2
 * states missing and wrong parameters in its own words and stops at the first. */
#include "aws/wire/wire_internal.h"

#include "codec/utf8.h"

#define CONSTRAINT "' failed to satisfy constraint: "

/* A longer value is not said: an answer's length is not its asker's choice. */
enum { SAID_MAX_BYTES = 10 * 1024 };

static bool speaks_ec2(const struct wire_in *w)
{
	return bw_service_of(w->op)->protocol == BW_PROTOCOL_EC2;
}

static void fault_ec2(struct wire_in *w, const char *code, struct bw_str text)
{
	if (w->faults->n)
		return;
	w->faults->code = code;
	wire_fault(w, text);
}

/* IAM says no values any more. */
static bool says_values(const struct wire_in *w)
{
	return strcmp(bw_service_of(w->op)->name, "iam") != 0;
}

static void fault_missing(struct wire_in *w, const struct wire_path *p)
{
	struct bw_str at = wire_path_text(p, w->arena);

	if (speaks_ec2(w)) {
		fault_ec2(w, "MissingParameter",
		    bw_arena_printf(w->arena, "The request must contain the parameter %.*s", BW_FMT(at)));
		return;
	}
	wire_fault(w, bw_arena_printf(w->arena, "Value %sat '%.*s" CONSTRAINT "Member must not be null",
	                  says_values(w) ? "null " : "", BW_FMT(at)));
}

static void say_list(struct bw_buf *text, const struct bw_shape *element, const struct bw_any_list *list)
{
	bw_buf_put_c(text, '[');
	for (size_t i = 0; i < list->n; i++)
		bw_buf_printf(text, "%s%.*s", i ? ", " : "",
		    BW_FMT(*(const struct bw_str *)((const char *)list->v + i * element->size)));
	bw_buf_put_c(text, ']');
}

/* A value as the framework writes it. False: it says nothing of such a one. */
static bool say_value(struct bw_buf *text, const struct bw_shape *s, const void *at)
{
	const struct bw_shape *element = s->kind == BW_SHAPE_LIST ? bw_at(s->element) : NULL;

	if (s->sensitive || (element && element->sensitive))
		return false;
	if (s->kind == BW_SHAPE_STRING)
		bw_buf_put(text, *(const struct bw_str *)at);
	else if (s->kind == BW_SHAPE_INTEGER)
		bw_buf_printf(text, "%lld", (long long)((const struct bw_opt_int *)at)->v);
	else if (element && (element->kind == BW_SHAPE_STRING || !((const struct bw_any_list *)at)->n))
		say_list(text, element, at);
	else
		return false;
	return !text->failed;
}

static struct bw_str said(
    struct wire_in *w, const struct wire_path *p, const struct bw_shape *s, const void *at)
{
	struct bw_str words = BW_STR("");
	struct bw_buf text;

	for (const struct wire_path *up = p; up; up = up->up)
		if (up->sensitive)
			return words;
	bw_buf_init(&text, SAID_MAX_BYTES);
	if (says_values(w) && say_value(&text, s, at))
		words = bw_arena_printf(w->arena, "'%.*s' ", BW_FMT(bw_buf_str(&text)));
	bw_buf_free(&text);
	return words;
}

/* `at` is the value of the shape that breaks the constraint. */
static void fault_at(struct wire_in *w, const struct wire_path *p, const struct bw_shape *s, const void *at,
    const char *constraint)
{
	struct bw_str where = wire_path_text(p, w->arena), value = said(w, p, s, at);

	wire_fault(w, bw_arena_printf(w->arena, "Value %.*sat '%.*s" CONSTRAINT "%s", BW_FMT(value),
	                  BW_FMT(where), constraint));
}

static const char *enum_words(struct wire_in *w, const struct bw_shape *s)
{
	struct bw_buf text;
	const char *words;

	bw_buf_init(&text, 64 * 1024);
	bw_buf_put(&text, BW_STR("Member must satisfy enum value set: ["));
	for (const struct bw_text_at *v = bw_at(s->values); v->at.by; v++)
		bw_buf_printf(&text, "%s%s", v == bw_at(s->values) ? "" : ", ", bw_at(v->at));
	bw_buf_put_c(&text, ']');
	words = bw_arena_str(w->arena, bw_buf_str(&text)).p;
	bw_buf_free(&text);
	return words;
}

static bool enum_has(const struct bw_shape *s, struct bw_str text)
{
	for (const struct bw_text_at *v = bw_at(s->values); v->at.by; v++)
		if (bw_str_eq(text, bw_str_c(bw_at(v->at))))
			return true;
	return false;
}

/* ---- The constraints of a scalar or of a collection's size ---- */

enum constraint { OVER_MAX, UNDER_MIN, OFF_PATTERN, OFF_ENUM, CONSTRAINT_COUNT };

static const char *bound_words(struct wire_in *w, const struct bw_shape *s, bool max)
{
	bool number = s->kind == BW_SHAPE_INTEGER || s->kind == BW_SHAPE_FLOAT;

	return bw_arena_printf(w->arena, "Member must have %s %s than or equal to %lld",
	    number ? "value" : "length", max ? "less" : "greater", (long long)(max ? s->max : s->min))
	    .p;
}

static const char *constraint_words(struct wire_in *w, const struct bw_shape *s, enum constraint c)
{
	switch (c) {
	case OVER_MAX:
		return bound_words(w, s, true);
	case UNDER_MIN:
		return bound_words(w, s, false);
	case OFF_PATTERN:
		return bw_arena_printf(w->arena, "Member must satisfy regular expression pattern: %s",
		    bw_at(bw_at(s->pattern)->text))
		    .p;
	default:
		return enum_words(w, s);
	}
}

/* What the models' minimum and maximum are about. */
static int64_t measure(const struct bw_shape *s, const void *at)
{
	switch (s->kind) {
	case BW_SHAPE_STRING:
		return (int64_t)bw_utf8_count(*(const struct bw_str *)at);
	case BW_SHAPE_BLOB:
		return (int64_t)((const struct bw_str *)at)->n;
	case BW_SHAPE_INTEGER:
		return ((const struct bw_opt_int *)at)->v;
	default:
		return (int64_t)((const struct bw_any_list *)at)->n;
	}
}

static void check_bounds(const struct bw_shape *s, const void *at, bool broken[CONSTRAINT_COUNT])
{
	int64_t n;

	if (!s->has_min && !s->has_max)
		return;
	if (s->kind == BW_SHAPE_FLOAT) {
		double v = ((const struct bw_opt_float *)at)->v;

		broken[OVER_MAX] = s->has_max && v > (double)s->max;
		broken[UNDER_MIN] = s->has_min && v < (double)s->min;
		return;
	}
	n = measure(s, at);
	broken[OVER_MAX] = s->has_max && n > s->max;
	broken[UNDER_MIN] = s->has_min && n < s->min;
}

/* Says which constraints of the shape the value breaks. */
static bool check_one(
    struct wire_in *w, const struct bw_shape *s, const void *at, bool broken[CONSTRAINT_COUNT])
{
	memset(broken, 0, sizeof(bool) * CONSTRAINT_COUNT);
	check_bounds(s, at, broken);
	/* An overlong text is refused already; its pattern is not run. */
	if (bw_at(s->pattern) && s->kind == BW_SHAPE_STRING)
		broken[OFF_PATTERN] = !broken[OVER_MAX] &&
		                      !wire_pattern_matches(w, bw_at(s->pattern), *(const struct bw_str *)at);
	if (bw_at(s->values))
		broken[OFF_ENUM] = !enum_has(s, *(const struct bw_str *)at);
	return broken[OVER_MAX] || broken[UNDER_MIN] || broken[OFF_PATTERN] || broken[OFF_ENUM];
}

/* EC2's own words for a wrong value. */
static void fault_value_ec2(struct wire_in *w, const struct bw_shape *s, const void *at,
    const struct wire_path *p, const bool broken[CONSTRAINT_COUNT])
{
	struct bw_str where = wire_path_text(p, w->arena);

	if (s->kind == BW_SHAPE_INTEGER) {
		fault_ec2(w, "InvalidParameterValue",
		    bw_arena_printf(w->arena,
		        "Value ( %lld ) for parameter %.*s is invalid. Expecting a value %s than or equal to "
		        "%lld.",
		        (long long)((const struct bw_opt_int *)at)->v, BW_FMT(where),
		        broken[OVER_MAX] ? "less" : "greater",
		        (long long)(broken[OVER_MAX] ? s->max : s->min)));
		return;
	}
	if (s->kind != BW_SHAPE_STRING) {
		fault_ec2(w, "InvalidParameterValue",
		    bw_arena_printf(
		        w->arena, "The parameter %.*s has a wrong number of values.", BW_FMT(where)));
		return;
	}
	fault_ec2(w, "InvalidParameterValue",
	    bw_arena_printf(w->arena, "Value (%.*s) for parameter %.*s is invalid.",
	        BW_FMT(*(const struct bw_str *)at), BW_FMT(where)));
}

static void check_constraints(
    struct wire_in *w, const struct bw_shape *s, const void *at, const struct wire_path *p)
{
	bool broken[CONSTRAINT_COUNT];

	if (!check_one(w, s, at, broken))
		return;
	if (speaks_ec2(w)) {
		fault_value_ec2(w, s, at, p, broken);
		return;
	}
	for (enum constraint c = 0; c < CONSTRAINT_COUNT; c++)
		if (broken[c])
			fault_at(w, p, s, at, constraint_words(w, s, c));
}

/* ---- Elements that are scalars: one fault for the whole list or map, which states every constraint of the
 * element ---- */

/* The list or map that is being walked. */
struct whole {
	const struct bw_shape *shape;
	const void *at;
	const char *what; /* its elements' name in the message */
};

static void fault_elements(
    struct wire_in *w, const struct bw_shape *s, const struct wire_path *p, const struct whole *whole)
{
	const bool stated[] = {s->has_max, s->has_min, bw_at(s->pattern) != NULL, bw_at(s->values) != NULL};
	struct bw_buf text;
	bool any = false;

	bw_buf_init(&text, 64 * 1024);
	bw_buf_printf(&text, "%s must satisfy constraint: [", whole->what);
	for (enum constraint c = 0; c < CONSTRAINT_COUNT; c++) {
		if (!stated[c])
			continue;
		bw_buf_printf(&text, "%s%s", any ? ", " : "", constraint_words(w, s, c));
		any = true;
	}
	if (bw_service_of(w->op)->protocol == BW_PROTOCOL_REST_JSON || !any)
		bw_buf_printf(&text, "%sMember must not be null", any ? ", " : "");
	bw_buf_put_c(&text, ']');
	fault_at(w, p, whole->shape, whole->at, bw_arena_str(w->arena, bw_buf_str(&text)).p);
	bw_buf_free(&text);
}

static void check_scalars(struct wire_in *w, const struct bw_shape *s, const void *v, size_t n,
    const struct wire_path *p, const struct whole *whole)
{
	bool broken[CONSTRAINT_COUNT] = {0};

	for (size_t i = 0; i < n; i++) {
		const void *at = (const char *)v + i * s->size;

		if (wire_is_set(s, at) && !check_one(w, s, at, broken))
			continue;
		if (speaks_ec2(w))
			fault_value_ec2(w, s, at, p, broken);
		else
			fault_elements(w, s, p, whole);
		return;
	}
}

/* ---- The walk. Its depth is the decoder's, which has a ceiling ---- */

static bool is_scalar(const struct bw_shape *s)
{
	return s->kind != BW_SHAPE_STRUCTURE && s->kind != BW_SHAPE_LIST && s->kind != BW_SHAPE_MAP;
}

static void check_value(
    struct wire_in *w, const struct bw_shape *s, const void *at, const struct wire_path *p);

static void check_list(
    struct wire_in *w, const struct bw_shape *s, const struct bw_any_list *list, const struct wire_path *p)
{
	if (is_scalar(bw_at(s->element))) {
		check_scalars(w, bw_at(s->element), list->v, list->n, p, &(struct whole){s, list, "Member"});
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		struct wire_path element = {.up = p, .index = i + 1};

		check_value(
		    w, bw_at(s->element), (const char *)list->v + i * bw_at(s->element)->size, &element);
	}
}

static void check_map(
    struct wire_in *w, const struct bw_shape *s, const struct bw_any_map *map, const struct wire_path *p)
{
	check_scalars(w, bw_at(s->key), map->keys, map->n, p, &(struct whole){s, map, "Map keys"});
	if (is_scalar(bw_at(s->element))) {
		check_scalars(w, bw_at(s->element), map->v, map->n, p, &(struct whole){s, map, "Map value"});
		return;
	}
	for (size_t i = 0; i < map->n; i++) {
		struct wire_path entry = {.up = p, .name = map->keys[i]};

		check_value(w, bw_at(s->element), (const char *)map->v + i * bw_at(s->element)->size, &entry);
	}
}

static void check_structure(
    struct wire_in *w, const struct bw_shape *s, const void *structure, const struct wire_path *up)
{
	uint32_t set = 0;

	for (const struct bw_member *m = bw_at(s->members), *end = m + s->member_count; m < end; m++) {
		struct wire_path p = {.up = up, .name = bw_str_c(bw_at(m->name)), .sensitive = m->sensitive};
		const void *at = wire_member_at(m, structure);

		if (at && wire_is_set(bw_at(m->shape), at)) {
			set++;
			check_value(w, bw_at(m->shape), at, &p);
		} else if (m->required) {
			fault_missing(w, &p);
		}
	}
	if (s->one_of && set != 1 && up)
		fault_at(w, up, s, structure, "Member must have exactly one of its members set");
}

static void check_value(
    struct wire_in *w, const struct bw_shape *s, const void *at, const struct wire_path *p)
{
	if (s->kind == BW_SHAPE_STRUCTURE) {
		check_structure(w, s, at, p);
		return;
	}
	check_constraints(w, s, at, p);
	if (s->kind == BW_SHAPE_LIST)
		check_list(w, s, at, p);
	if (s->kind == BW_SHAPE_MAP)
		check_map(w, s, at, p);
}

void wire_check(struct wire_in *w, const struct bw_shape *shape, const void *value)
{
	check_structure(w, shape, value, NULL);
}
