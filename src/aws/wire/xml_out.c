/* Typed structures as the XML of the query and ec2 protocols. */
#include "aws/wire/wire_internal.h"

#include "codec/base64.h"
#include "codec/xml.h"

static void element_put(struct bw_buf *out, const struct bw_service *s, struct bw_str name,
    const struct bw_shape *shape, enum bw_time_format format, const void *at);

static struct bw_str element_word(const struct bw_service *s, const struct bw_shape *shape)
{
	if (bw_at(shape->element_wire))
		return bw_str_c(bw_at(shape->element_wire));
	return s->protocol == BW_PROTOCOL_EC2 ? BW_STR("item") : BW_STR("member");
}

/* A flattened list has no element of its own: each item bears the member's name. */
static void list_put(struct bw_buf *out, const struct bw_service *s, struct bw_str name,
    const struct bw_shape *shape, const struct bw_any_list *list)
{
	struct bw_str item = shape->flattened ? name : element_word(s, shape);

	if (!shape->flattened)
		bw_xml_open(out, name);
	for (size_t i = 0; i < list->n; i++)
		element_put(out, s, item, bw_at(shape->element), bw_at(shape->element)->time_format,
		    (const char *)list->v + i * bw_at(shape->element)->size);
	if (!shape->flattened)
		bw_xml_close(out, name);
}

static void map_put(struct bw_buf *out, const struct bw_service *s, struct bw_str name,
    const struct bw_shape *shape, const struct bw_any_map *map)
{
	struct bw_str entry = shape->flattened ? name : BW_STR("entry");

	if (!shape->flattened)
		bw_xml_open(out, name);
	for (size_t i = 0; i < map->n; i++) {
		bw_xml_open(out, entry);
		bw_xml_element(
		    out, bw_at(shape->key_wire) ? bw_str_c(bw_at(shape->key_wire)) : BW_STR("key"), map->keys[i]);
		element_put(out, s, bw_at(shape->element_wire) ? bw_str_c(bw_at(shape->element_wire)) : BW_STR("value"),
		    bw_at(shape->element), bw_at(shape->element)->time_format,
		    (const char *)map->v + i * bw_at(shape->element)->size);
		bw_xml_close(out, entry);
	}
	if (!shape->flattened)
		bw_xml_close(out, name);
}

static void scalar_put(struct bw_buf *out, const struct bw_service *s, const struct bw_shape *shape,
    enum bw_time_format format, const void *at)
{
	switch ((enum bw_shape_kind)shape->kind) {
	case BW_SHAPE_BLOB:
		bw_base64_encode(*(const struct bw_str *)at, out);
		return;
	case BW_SHAPE_BOOLEAN:
	case BW_SHAPE_INTEGER:
	case BW_SHAPE_FLOAT:
		wire_plain_put(out, shape, at);
		return;
	case BW_SHAPE_TIMESTAMP:
		wire_time_put(out, format, s->whole_seconds, ((const struct bw_opt_time *)at)->ms);
		return;
	default:
		bw_xml_text(out, *(const struct bw_str *)at);
	}
}

static void element_put(struct bw_buf *out, const struct bw_service *s, struct bw_str name,
    const struct bw_shape *shape, enum bw_time_format format, const void *at)
{
	if (!at || !wire_is_set(shape, at))
		return;
	if (shape->kind == BW_SHAPE_LIST) {
		list_put(out, s, name, shape, at);
		return;
	}
	if (shape->kind == BW_SHAPE_MAP) {
		map_put(out, s, name, shape, at);
		return;
	}
	bw_xml_open(out, name);
	if (shape->kind == BW_SHAPE_STRUCTURE)
		wire_xml_members(out, s, shape, at);
	else
		scalar_put(out, s, shape, format, at);
	bw_xml_close(out, name);
}

void wire_xml_members(
    struct bw_buf *out, const struct bw_service *s, const struct bw_shape *shape, const void *value)
{
	for (const struct bw_member *m = bw_at(shape->members), *end = m + shape->member_count; m < end; m++)
		element_put(out, s, bw_str_c(bw_at(m->wire)), bw_at(m->shape), m->time_format, wire_member_at(m, value));
}
