/* A filter over the wire codecs for tests/aws/wire_vectors.py: one JSON command a line in, one answer a line
 * out.
 *   {"request": {"method", "path", "query", "headers": [[name, value]], "body", "scope"}} -> {"operation",
 * "input"}
 *   {"service", "operation", "output"} -> {"status", "headers", "body"}
 * Inputs and outputs stand in one plain JSON form: model names, blobs in base64, times in milliseconds.
 * Constraints are not of interest here: random values break them. */
#include <stdio.h>
#include <stdlib.h>

#include "aws/wire/wire_internal.h"
#include "codec/base64.h"
#include "codec/json.h"

static void value_dump(struct bw_buf *out, const struct bw_shape *s, const void *at);

static void structure_dump(struct bw_buf *out, const struct bw_shape *s, const void *value)
{
	bool any = false;

	bw_buf_put_c(out, '{');
	for (uint32_t i = 0; i < s->member_count; i++) {
		const void *at = wire_member_at(&bw_at(s->members)[i], value);

		if (!at || !wire_is_set(bw_at(bw_at(s->members)[i].shape), at))
			continue;
		bw_buf_printf(out, "%s\"%s\":", any ? "," : "", bw_at(bw_at(s->members)[i].name));
		any = true;
		value_dump(out, bw_at(bw_at(s->members)[i].shape), at);
	}
	bw_buf_put_c(out, '}');
}

static void list_dump(struct bw_buf *out, const struct bw_shape *s, const struct bw_any_list *list)
{
	bw_buf_put_c(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		bw_buf_put(out, i ? BW_STR(",") : BW_STR(""));
		value_dump(out, bw_at(s->element), (const char *)list->v + i * bw_at(s->element)->size);
	}
	bw_buf_put_c(out, ']');
}

static void map_dump(struct bw_buf *out, const struct bw_shape *s, const struct bw_any_map *map)
{
	bw_buf_put_c(out, '{');
	for (size_t i = 0; i < map->n; i++) {
		bw_buf_put(out, i ? BW_STR(",") : BW_STR(""));
		bw_json_put_str(out, map->keys[i]);
		bw_buf_put_c(out, ':');
		value_dump(out, bw_at(s->element), (const char *)map->v + i * bw_at(s->element)->size);
	}
	bw_buf_put_c(out, '}');
}

static void blob_dump(struct bw_buf *out, struct bw_str bytes)
{
	bw_buf_put_c(out, '"');
	bw_base64_encode(bytes, out);
	bw_buf_put_c(out, '"');
}

static void value_dump(struct bw_buf *out, const struct bw_shape *s, const void *at)
{
	switch ((enum bw_shape_kind)s->kind) {
	case BW_SHAPE_STRING:
		bw_json_put_str(out, *(const struct bw_str *)at);
		return;
	case BW_SHAPE_BLOB:
		blob_dump(out, *(const struct bw_str *)at);
		return;
	case BW_SHAPE_DOCUMENT:
		bw_buf_put(out, *(const struct bw_str *)at);
		return;
	case BW_SHAPE_BOOLEAN:
	case BW_SHAPE_INTEGER:
	case BW_SHAPE_FLOAT:
		wire_plain_put(out, s, at);
		return;
	case BW_SHAPE_TIMESTAMP:
		bw_buf_put_i64(out, ((const struct bw_opt_time *)at)->ms);
		return;
	case BW_SHAPE_LIST:
		list_dump(out, s, at);
		return;
	case BW_SHAPE_MAP:
		map_dump(out, s, at);
		return;
	case BW_SHAPE_STRUCTURE:
		structure_dump(out, s, at);
		return;
	}
}

/* ---- The same form read back ---- */

static void value_load(struct bw_arena *a, struct bw_str text, const struct bw_shape *s,
    const struct bw_json_value *v, void *at);

static void structure_load(struct bw_arena *a, struct bw_str text, const struct bw_shape *s,
    const struct bw_json_value *v, void *value)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct bw_member *m = bw_at(s->members);
		void *at;

		while (!bw_str_eq(v->keys[i], bw_str_c(bw_at(m->name))))
			MUST(++m < bw_at(s->members) + s->member_count);
		at = (char *)value + m->offset;
		if (bw_at(m->shape)->kind == BW_SHAPE_STRUCTURE)
			at = *(void **)at = bw_arena_alloc(a, bw_at(m->shape)->size);
		value_load(a, text, bw_at(m->shape), &v->values[i], at);
	}
}

static void elements_load(
    struct bw_arena *a, struct bw_str text, const struct bw_shape *s, const struct bw_json_value *v, void *at)
{
	void *values = bw_arena_alloc_array(a, bw_at(s->element)->size, v->count);

	for (size_t i = 0; i < v->count; i++)
		value_load(a, text, bw_at(s->element), &v->values[i], (char *)values + i * bw_at(s->element)->size);
	if (s->kind == BW_SHAPE_LIST)
		*(struct bw_any_list *)at = (struct bw_any_list){.set = true, .n = v->count, .v = values};
	else
		*(struct bw_any_map *)at =
		    (struct bw_any_map){.set = true, .n = v->count, .keys = v->keys, .v = values};
}

static int64_t integer_load(const struct bw_json_value *v)
{
	int64_t n;

	MUST(bw_str_to_i64(v->text, INT64_MIN, INT64_MAX, &n) == BW_OK);
	return n;
}

static void value_load(
    struct bw_arena *a, struct bw_str text, const struct bw_shape *s, const struct bw_json_value *v, void *at)
{
	switch ((enum bw_shape_kind)s->kind) {
	case BW_SHAPE_STRING:
		*(struct bw_str *)at = v->text;
		return;
	case BW_SHAPE_BLOB:
		MUST(bw_base64_decode(v->text, a, at) == BW_OK);
		return;
	case BW_SHAPE_DOCUMENT:
		*(struct bw_str *)at = bw_str_sub(text, v->offset, v->end - v->offset);
		return;
	case BW_SHAPE_BOOLEAN:
		*(struct bw_opt_bool *)at = BW_BOOL(v->kind == BW_JSON_TRUE);
		return;
	case BW_SHAPE_INTEGER:
		*(struct bw_opt_int *)at = BW_INT(integer_load(v));
		return;
	case BW_SHAPE_FLOAT:
		((struct bw_opt_float *)at)->set = true;
		MUST(wire_float_parse(v->text, &((struct bw_opt_float *)at)->v));
		return;
	case BW_SHAPE_TIMESTAMP:
		*(struct bw_opt_time *)at = BW_TIME(integer_load(v));
		return;
	case BW_SHAPE_LIST:
	case BW_SHAPE_MAP:
		elements_load(a, text, s, v, at);
		return;
	case BW_SHAPE_STRUCTURE:
		structure_load(a, text, s, v, at);
		return;
	}
}

/* ---- Commands ---- */

static struct bw_str text_of(const struct bw_json_value *object, const char *key)
{
	const struct bw_json_value *v = bw_json_member(object, bw_str_c(key));

	return v && v->kind == BW_JSON_STRING ? v->text : BW_STR_NONE;
}

static void decode_line(struct bw_arena *a, const struct bw_json_value *command, struct bw_buf *out)
{
	const struct bw_json_value *headers = bw_json_member(command, BW_STR("headers"));
	struct bw_http_request r = {.method = text_of(command, "method"),
	    .path = text_of(command, "path"),
	    .query = text_of(command, "query")};
	struct bw_faults faults;
	struct bw_route route;
	struct bw_form form;
	enum bw_err e;
	void *in;

	for (size_t i = 0; i < headers->count; i++)
		r.headers[r.header_count++] = (struct bw_http_header){
		    headers->values[i].values[0].text, headers->values[i].values[1].text};
	e = bw_route_request(&r, text_of(command, "body"), text_of(command, "scope"), a, &form, &route);
	if (e != BW_OK) {
		bw_buf_printf(out, "{\"error\":\"route: %s\"}", bw_err_name(e));
		return;
	}
	e = bw_input_decode(route.operation, &r, text_of(command, "body"), &form, &route, a, &in, &faults);
	if (e != BW_OK && faults.malformed) {
		bw_buf_put(out, BW_STR("{\"error\":"));
		bw_json_put_str(out, bw_arena_printf(a, "decode: %.*s", BW_FMT(faults.why)));
		bw_buf_put_c(out, '}');
		return;
	}
	bw_buf_printf(out, "{\"operation\":\"%s\",\"input\":", bw_at(route.operation->name));
	if (bw_at(route.operation->input))
		structure_dump(out, bw_at(route.operation->input), in);
	else
		bw_buf_put(out, BW_STR("{}"));
	bw_buf_put_c(out, '}');
}

static void encode_line(
    struct bw_arena *a, struct bw_str line, const struct bw_json_value *command, struct bw_buf *out)
{
	const struct bw_service *s = bw_service_find(text_of(command, "service"));
	const struct bw_operation *op = bw_operation_find(s, text_of(command, "operation"));
	struct bw_buf headers, body;
	struct bw_empty empty = {0};
	void *value = &empty;
	int status;

	if (bw_at(op->output)) {
		value = bw_arena_alloc(a, bw_at(op->output)->size);
		structure_load(a, line, bw_at(op->output), bw_json_member(command, BW_STR("output")), value);
	}
	bw_buf_init(&headers, 1 << 16);
	bw_buf_init(&body, 1 << 24);
	bw_output_encode(op, value, BW_STR("request-id"), &headers, &body, &status);
	bw_buf_printf(out, "{\"status\":%d,\"headers\":", status);
	bw_json_put_str(out, bw_buf_str(&headers));
	bw_buf_put(out, BW_STR(",\"body\":"));
	bw_json_put_str(out, bw_buf_str(&body));
	bw_buf_put_c(out, '}');
	bw_buf_free(&headers);
	bw_buf_free(&body);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0) {
		struct bw_str text = bw_str_trim(bw_str_make(line, (size_t)n - 1));
		struct bw_json_value command;
		struct bw_arena arena;
		struct bw_buf out;

		bw_arena_init(&arena, 1 << 26);
		bw_buf_init(&out, 1 << 26);
		MUST(bw_json_parse(text, &arena, &command) == BW_OK);
		if (bw_json_member(&command, BW_STR("method")))
			decode_line(&arena, &command, &out);
		else
			encode_line(&arena, text, &command, &out);
		MUST(!out.failed);
		printf("%.*s\n", BW_FMT(bw_buf_str(&out)));
		fflush(stdout);
		bw_buf_free(&out);
		bw_arena_free(&arena);
	}
	free(line);
	return 0;
}
