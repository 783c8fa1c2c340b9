/* JSON into typed structures. The messages are those that AWS's own reader gives for a value of the wrong
 * kind (recorded answers of AWS JSON 1.1 services); where it gives none, none is given. */
#include "aws/wire/wire_internal.h"

#include <stdlib.h>

#include "base/limits.h"
#include "codec/json.h"

struct json_in {
	struct wire_in *w;
	struct bw_json *json;
	int depth;
};

static enum bw_err value_in(struct json_in *j, const struct bw_shape *shape, enum bw_time_format format,
    const struct bw_json_token *t, void *at);

static enum bw_err next(struct json_in *j, struct bw_json_token *t)
{
	if (bw_json_next(j->json, t) != BW_OK)
		return wire_malformed(j->w, "%s", "");
	return BW_OK;
}

static enum bw_err skip(struct json_in *j, const struct bw_json_token *t)
{
	if (bw_json_skip(j->json, t) != BW_OK)
		return wire_malformed(j->w, "%s", "");
	return BW_OK;
}

/* ---- Kinds that do not fit ---- */

static const char *kind_word(enum bw_json_kind kind)
{
	switch (kind) {
	case BW_JSON_STRING:
		return "STRING_VALUE";
	case BW_JSON_NUMBER:
		return "NUMBER_VALUE";
	case BW_JSON_TRUE:
		return "TRUE_VALUE";
	default:
		return "FALSE_VALUE";
	}
}

static enum bw_err wrong_kind(struct json_in *j, const struct bw_json_token *t, const char *wanted)
{
	if (t->kind == BW_JSON_OBJECT)
		return wire_malformed(j->w, "Start of structure or map found where not expected.");
	if (t->kind == BW_JSON_ARRAY)
		return wire_malformed(j->w, "Start of list found where not expected");
	return wire_malformed(j->w, "%s can not be converted to %s", kind_word(t->kind), wanted);
}

static enum bw_err no_structure(struct json_in *j, const struct bw_json_token *t)
{
	if (t->kind == BW_JSON_ARRAY)
		return wire_malformed(j->w, "Start of list found where not expected");
	return wire_malformed(j->w, "Expected null");
}

static enum bw_err no_list(struct json_in *j, const struct bw_json_token *t)
{
	if (t->kind == BW_JSON_OBJECT)
		return wire_malformed(j->w, "Start of structure or map found where not expected.");
	return wire_malformed(j->w, "Expected list or null");
}

/* ---- Structures, lists, maps ---- */

/* Clients send members in the model's order nearly always, so the search begins behind the last one found. */
static const struct bw_member *member_find(const struct bw_shape *shape, struct bw_str wire, uint32_t *hint)
{
	const struct bw_member *members = bw_at(shape->members);

	for (uint32_t i = 0; i < shape->member_count; i++) {
		uint32_t at = (*hint + i) % shape->member_count;

		if (bw_str_eq(wire, bw_str_c(bw_at(members[at].wire)))) {
			*hint = at + 1;
			return &members[at];
		}
	}
	return NULL;
}

static enum bw_err member_in(
    struct json_in *j, const struct bw_member *m, const struct bw_json_token *t, void *structure)
{
	void *at = (char *)structure + m->offset;

	if (t->kind == BW_JSON_NULL)
		return BW_OK;
	if (bw_at(m->shape)->kind == BW_SHAPE_STRUCTURE) {
		void *inner = bw_arena_alloc(j->w->arena, bw_at(m->shape)->size);

		*(void **)at = inner;
		at = inner;
	}
	return value_in(j, bw_at(m->shape), m->time_format, t, at);
}

static enum bw_err structure_in(struct json_in *j, const struct bw_shape *shape, void *structure)
{
	struct bw_json_token t;
	uint64_t seen = 0;
	uint32_t hint = 0;

	for (;;) {
		const struct bw_member *m;
		struct bw_json_token value;

		TRY(next(j, &t));
		if (t.kind == BW_JSON_OBJECT_END)
			return BW_OK;
		m = member_find(shape, t.text, &hint);
		TRY(next(j, &value));
		if (!m || m->location != BW_IN_BODY) {
			TRY(skip(j, &value));
			continue;
		}
		if (seen & UINT64_C(1) << (m - bw_at(shape->members)))
			return wire_malformed(j->w, "Duplicate field '%s'", bw_at(m->wire));
		seen |= UINT64_C(1) << (m - bw_at(shape->members));
		TRY(member_in(j, m, &value, structure));
	}
}

static enum bw_err list_in(struct json_in *j, const struct bw_shape *shape, struct bw_any_list *list)
{
	struct bw_json_token t;
	size_t room = 0;

	list->set = true;
	for (;;) {
		void *element;

		TRY(next(j, &t));
		if (t.kind == BW_JSON_ARRAY_END)
			return BW_OK;
		element = wire_grow(j->w, list, &room, bw_at(shape->element)->size);
		if (!element)
			return wire_malformed(j->w, "A list has more than %d elements", BW_LIST_ITEMS_MAX);
		/* A null scalar stays absent and is refused with the other constraints. */
		if (t.kind == BW_JSON_NULL && bw_at(shape->element)->kind != BW_SHAPE_STRUCTURE)
			continue;
		TRY(value_in(j, bw_at(shape->element), bw_at(shape->element)->time_format, &t, element));
	}
}

static int key_order(const void *a, const void *b)
{
	return bw_str_cmp(*(const struct bw_str *)a, *(const struct bw_str *)b);
}

static enum bw_err keys_differ(struct json_in *j, const struct bw_any_map *map)
{
	struct bw_str *keys;

	if (map->n < 2)
		return BW_OK;
	keys = BW_NEW_ARRAY(j->w->arena, struct bw_str, map->n);
	memcpy(keys, map->keys, map->n * sizeof *keys);
	qsort(keys, map->n, sizeof *keys, key_order);
	for (size_t i = 1; i < map->n; i++)
		if (bw_str_eq(keys[i - 1], keys[i]))
			return wire_malformed(j->w, "Duplicate field '%.*s'", BW_FMT(keys[i]));
	return BW_OK;
}

static enum bw_err map_in(struct json_in *j, const struct bw_shape *shape, struct bw_any_map *map)
{
	struct bw_any_list keys = {0}, values = {0};
	size_t key_room = 0, value_room = 0;
	struct bw_json_token t;

	for (;;) {
		struct bw_str *key;
		void *value;

		TRY(next(j, &t));
		if (t.kind == BW_JSON_OBJECT_END)
			break;
		key = wire_grow(j->w, &keys, &key_room, sizeof *key);
		value = wire_grow(j->w, &values, &value_room, bw_at(shape->element)->size);
		if (!key || !value)
			return wire_malformed(j->w, "A map has more than %d entries", BW_LIST_ITEMS_MAX);
		TRY(wire_string_in(j->w, t.text, key));
		TRY(next(j, &t));
		if (t.kind == BW_JSON_NULL && bw_at(shape->element)->kind != BW_SHAPE_STRUCTURE)
			continue;
		TRY(value_in(j, bw_at(shape->element), bw_at(shape->element)->time_format, &t, value));
	}
	*map = (struct bw_any_map){.set = true, .n = keys.n, .keys = keys.v, .v = values.v};
	return keys_differ(j, map);
}

/* ---- One value ---- */

static enum bw_err boolean_in(struct json_in *j, const struct bw_json_token *t, struct bw_opt_bool *at)
{
	if (t->kind != BW_JSON_TRUE && t->kind != BW_JSON_FALSE)
		return wrong_kind(j, t, "a Boolean");
	*at = BW_BOOL(t->kind == BW_JSON_TRUE);
	return BW_OK;
}

static enum bw_err time_in(
    struct json_in *j, enum bw_time_format format, const struct bw_json_token *t, void *at)
{
	bool number = format == BW_TIME_DEFAULT || format == BW_TIME_UNIX;

	if (t->kind != (number ? BW_JSON_NUMBER : BW_JSON_STRING))
		return wrong_kind(j, t, number ? "milliseconds since epoch" : "a Timestamp");
	return wire_time_in(j->w, number ? BW_TIME_UNIX : format, t->text, at);
}

static enum bw_err scalar_in(
    struct json_in *j, const struct bw_shape *shape, const struct bw_json_token *t, void *at)
{
	if (shape->kind == BW_SHAPE_STRING || shape->kind == BW_SHAPE_BLOB) {
		if (t->kind != BW_JSON_STRING)
			return wrong_kind(j, t, shape->kind == BW_SHAPE_STRING ? "a String" : "a Blob");
	} else if (t->kind != BW_JSON_NUMBER) {
		return wrong_kind(j, t,
		    shape->kind == BW_SHAPE_FLOAT ? "a Double"
		    : shape->is_long              ? "a Long"
		                                  : "an Integer");
	}
	return wire_scalar_in(j->w, shape, BW_TIME_DEFAULT, t->text, at);
}

/* Kept as text, but what it holds is checked: it is written into answers as it stands. */
static enum bw_err document_in(struct json_in *j, const struct bw_json_token *t, struct bw_str *at)
{
	bool scalar = t->kind != BW_JSON_OBJECT && t->kind != BW_JSON_ARRAY;
	struct bw_json_value tree;

	TRY(skip(j, t));
	*at = bw_str_sub(j->json->text, t->offset, (scalar ? t->end : j->json->at) - t->offset);
	if (bw_json_parse(*at, j->w->arena, &tree) != BW_OK)
		return wire_malformed(j->w, "%s", "");
	return BW_OK;
}

static enum bw_err aggregate_in(
    struct json_in *j, const struct bw_shape *shape, const struct bw_json_token *t, void *at)
{
	enum bw_err e;

	if (shape->kind == BW_SHAPE_LIST && t->kind != BW_JSON_ARRAY)
		return no_list(j, t);
	if (shape->kind != BW_SHAPE_LIST && t->kind != BW_JSON_OBJECT)
		return no_structure(j, t);
	if (j->depth == BW_SHAPE_DEPTH_MAX)
		return wire_malformed(j->w, "The input is nested too deeply");
	j->depth++;
	if (shape->kind == BW_SHAPE_LIST)
		e = list_in(j, shape, at);
	else if (shape->kind == BW_SHAPE_MAP)
		e = map_in(j, shape, at);
	else
		e = structure_in(j, shape, at);
	j->depth--;
	return e;
}

static enum bw_err value_in(struct json_in *j, const struct bw_shape *shape, enum bw_time_format format,
    const struct bw_json_token *t, void *at)
{
	switch ((enum bw_shape_kind)shape->kind) {
	case BW_SHAPE_STRUCTURE:
	case BW_SHAPE_LIST:
	case BW_SHAPE_MAP:
		return aggregate_in(j, shape, t, at);
	case BW_SHAPE_DOCUMENT:
		return document_in(j, t, at);
	case BW_SHAPE_BOOLEAN:
		return boolean_in(j, t, at);
	case BW_SHAPE_TIMESTAMP:
		return time_in(j, format, t, at);
	default:
		return scalar_in(j, shape, t, at);
	}
}

enum bw_err wire_json_in(struct wire_in *w, struct bw_str body, const struct bw_shape *shape, void *in)
{
	struct bw_json json;
	struct json_in j = {.w = w, .json = &json};
	struct bw_json_token t;

	bw_json_init(&json, body, w->arena);
	TRY(next(&j, &t));
	if (t.kind == BW_JSON_ARRAY)
		return wire_malformed(w, "Start of list found where not expected");
	if (t.kind != BW_JSON_OBJECT)
		return wire_malformed(w, "%s", "");
	if (shape)
		TRY(structure_in(&j, shape, in));
	else
		TRY(skip(&j, &t));
	TRY(next(&j, &t));
	return t.kind == BW_JSON_END ? BW_OK : wire_malformed(w, "%s", "");
}
