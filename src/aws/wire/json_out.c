/* Typed structures as JSON. */
#include "aws/wire/wire_internal.h"

#include "codec/base64.h"
#include "codec/json.h"

static void value_put(
    struct bw_buf *out, const struct bw_shape *s, enum bw_time_format format, const void *at);

static void list_put(struct bw_buf *out, const struct bw_shape *s, const struct bw_any_list *list)
{
	bw_buf_put_c(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			bw_buf_put_c(out, ',');
		value_put(
		    out, bw_at(s->element), bw_at(s->element)->time_format, (const char *)list->v + i * bw_at(s->element)->size);
	}
	bw_buf_put_c(out, ']');
}

static void map_put(struct bw_buf *out, const struct bw_shape *s, const struct bw_any_map *map)
{
	bw_buf_put_c(out, '{');
	for (size_t i = 0; i < map->n; i++) {
		if (i)
			bw_buf_put_c(out, ',');
		bw_json_put_str(out, map->keys[i]);
		bw_buf_put_c(out, ':');
		value_put(
		    out, bw_at(s->element), bw_at(s->element)->time_format, (const char *)map->v + i * bw_at(s->element)->size);
	}
	bw_buf_put_c(out, '}');
}

static void blob_put(struct bw_buf *out, struct bw_str bytes)
{
	bw_buf_put_c(out, '"');
	bw_base64_encode(bytes, out);
	bw_buf_put_c(out, '"');
}

static void time_put(struct bw_buf *out, enum bw_time_format format, int64_t ms)
{
	bool text = format == BW_TIME_ISO8601 || format == BW_TIME_RFC822;

	if (text)
		bw_buf_put_c(out, '"');
	wire_time_put(out, text ? format : BW_TIME_UNIX, false, ms);
	if (text)
		bw_buf_put_c(out, '"');
}

static void value_put(
    struct bw_buf *out, const struct bw_shape *s, enum bw_time_format format, const void *at)
{
	if (!wire_is_set(s, at)) {
		bw_buf_put(out, BW_STR("null"));
		return;
	}
	switch ((enum bw_shape_kind)s->kind) {
	case BW_SHAPE_STRING:
		bw_json_put_str(out, *(const struct bw_str *)at);
		return;
	case BW_SHAPE_BLOB:
		blob_put(out, *(const struct bw_str *)at);
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
		time_put(out, format, ((const struct bw_opt_time *)at)->ms);
		return;
	case BW_SHAPE_LIST:
		list_put(out, s, at);
		return;
	case BW_SHAPE_MAP:
		map_put(out, s, at);
		return;
	case BW_SHAPE_STRUCTURE:
		wire_json_structure(out, s, at);
		return;
	}
}

void wire_json_structure(struct bw_buf *out, const struct bw_shape *shape, const void *value)
{
	bool any = false;

	bw_buf_put_c(out, '{');
	for (const struct bw_member *m = bw_at(shape->members), *end = m + shape->member_count; m < end; m++) {
		const void *at = wire_member_at(m, value);

		if (m->location != BW_IN_BODY || !at || !wire_is_set(bw_at(m->shape), at))
			continue;
		if (any)
			bw_buf_put_c(out, ',');
		any = true;
		bw_json_put_str(out, bw_str_c(bw_at(m->wire)));
		bw_buf_put_c(out, ':');
		value_put(out, bw_at(m->shape), m->time_format, at);
	}
	bw_buf_put_c(out, '}');
}
