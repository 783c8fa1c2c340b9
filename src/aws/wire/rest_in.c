/* rest-json: members in the path, the query string, headers and the body. */
#include "aws/wire/wire_internal.h"

#include "codec/form.h"

/* The label's place in the uri is its place in route->labels. */
static struct bw_str label_value(
    const struct bw_operation *op, const struct bw_route *route, struct bw_str name)
{
	struct bw_str rest = bw_str_c(bw_at(op->uri));

	for (size_t i = 0; i < route->label_count; i++) {
		struct bw_str label;

		bw_str_cut(&rest, '{');
		label = bw_str_cut(&rest, '}');
		if (bw_str_ends(label, BW_STR("+")))
			label.n--;
		if (bw_str_eq(label, name))
			return route->labels[i];
	}
	return BW_STR_NONE;
}

static enum bw_err list_add(struct wire_in *w, const struct bw_shape *shape, struct bw_str text,
    struct bw_any_list *list, size_t *room)
{
	void *element = wire_grow(w, list, room, bw_at(shape->element)->size);

	if (!element)
		return wire_malformed(w, "A list has too many elements");
	list->set = true;
	return wire_scalar_in(w, bw_at(shape->element), BW_TIME_ISO8601, text, element);
}

/* A list is a repeated parameter; anything else stands once. */
static enum bw_err parameter_in(
    struct wire_in *w, const struct bw_http_request *r, const struct bw_member *m, void *at)
{
	struct bw_form_reader form;
	struct bw_str key, value;
	size_t room = 0;
	bool seen = false;
	enum bw_err e;

	bw_form_init(&form, r->query, w->arena);
	while ((e = bw_form_next(&form, &key, &value)) == BW_OK) {
		if (!bw_str_eq(key, bw_str_c(bw_at(m->wire))))
			continue;
		if (bw_at(m->shape)->kind == BW_SHAPE_LIST) {
			TRY(list_add(w, bw_at(m->shape), value, at, &room));
			continue;
		}
		if (seen)
			return wire_malformed(w, "Duplicate parameter %s", bw_at(m->wire));
		seen = true;
		TRY(wire_scalar_in(
		    w, bw_at(m->shape), m->time_format ? m->time_format : BW_TIME_ISO8601, value, at));
	}
	return e == BW_ENOTFOUND ? BW_OK : wire_malformed(w, "The query string is malformed");
}

static enum bw_err header_in(
    struct wire_in *w, const struct bw_http_request *r, const struct bw_member *m, void *at)
{
	size_t count;
	struct bw_str value = bw_http_header(r, bw_str_c(bw_at(m->wire)), &count);

	if (!bw_str_set(value))
		return BW_OK;
	if (count > 1)
		return wire_malformed(w, "Duplicate header %s", bw_at(m->wire));
	return wire_scalar_in(w, bw_at(m->shape), m->time_format ? m->time_format : BW_TIME_RFC822, value, at);
}

static enum bw_err bound_in(struct wire_in *w, const struct bw_http_request *r, const struct bw_route *route,
    const struct bw_member *m, void *at)
{
	struct bw_str label;

	switch ((enum bw_location)m->location) {
	case BW_IN_URI:
		label = label_value(w->op, route, bw_str_c(bw_at(m->wire)));
		MUST(bw_str_set(label));
		return wire_scalar_in(w, bw_at(m->shape), BW_TIME_ISO8601, label, at);
	case BW_IN_QUERY:
		return parameter_in(w, r, m, at);
	case BW_IN_HEADER:
		return header_in(w, r, m, at);
	default:
		return BW_OK;
	}
}

static enum bw_err payload_in(struct wire_in *w, struct bw_str body, const struct bw_member *m, void *in)
{
	void *at = (char *)in + m->offset;

	if (body.n == 0)
		return BW_OK;
	if (bw_at(m->shape)->kind == BW_SHAPE_STRUCTURE) {
		void *inner = bw_arena_alloc(w->arena, bw_at(m->shape)->size);

		*(void **)at = inner;
		return wire_json_in(w, body, bw_at(m->shape), inner);
	}
	if (bw_at(m->shape)->kind == BW_SHAPE_STRING)
		return wire_string_in(w, body, at);
	*(struct bw_str *)at = body;
	return BW_OK;
}

enum bw_err wire_rest_in(struct wire_in *w, const struct bw_http_request *r, struct bw_str body,
    const struct bw_route *route, void *in)
{
	const struct bw_shape *shape = bw_at(w->op->input);
	bool in_body = false;

	for (const struct bw_member *m = bw_at(shape->members), *end = m + shape->member_count; m < end; m++) {
		in_body |= m->location == BW_IN_BODY;
		TRY(bound_in(w, r, route, m, (char *)in + m->offset));
	}
	if (bw_at(shape->payload))
		return payload_in(w, body, bw_at(shape->payload), in);
	if (!in_body || body.n == 0)
		return BW_OK;
	return wire_json_in(w, body, shape, in);
}
