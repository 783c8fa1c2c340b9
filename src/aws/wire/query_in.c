/* Query and EC2 parameters into typed structures: "Tags.member.1.Key=team". The fields are sorted by the
 * parts of their names, so that what belongs to one member or element stands together. */
#include "aws/wire/wire_internal.h"

#include <stdlib.h>

#include "base/limits.h"

/* A run of sorted fields whose names share their first `skip` bytes (with the dot). */
struct run {
	const struct bw_form_field *from, *to;
	size_t skip;
};

enum { VALUE_SAID_MAX = 256 }; /* of a value that is wrong: a number, a boolean, a time, a blob */

struct query_in {
	struct wire_in *w;
	bool ec2;
	int depth;
};

static enum bw_err value_in(
    struct query_in *q, const struct bw_shape *shape, enum bw_time_format format, struct run r, void *at);

/* ---- Order ---- */

static bool is_number(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* Numbers first and by value, which without leading zeros is length before bytes; other parts by bytes. */
static int part_order(struct bw_str a, struct bw_str b)
{
	bool a_number = is_number(a), b_number = is_number(b);

	if (a_number != b_number)
		return a_number ? -1 : 1;
	if (a_number && a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return bw_str_cmp(a, b);
}

static struct bw_str part_from(struct bw_str key, size_t from)
{
	struct bw_str rest = bw_str_sub(key, from, key.n);

	return bw_str_cut(&rest, '.');
}

/* By the first part that differs; a name that ends before the other does comes first. */
static int field_order(const void *a, const void *b)
{
	struct bw_str x = ((const struct bw_form_field *)a)->key, y = ((const struct bw_form_field *)b)->key;
	size_t part = 0, at = 0;
	int order;

	for (; at < x.n && at < y.n && x.p[at] == y.p[at]; at++)
		if (x.p[at] == '.')
			part = at + 1;
	order = part_order(part_from(x, part), part_from(y, part));
	return order ? order : (x.n > y.n) - (x.n < y.n);
}

/* The part of a field's name that tells members or elements of the run apart; absent when the name ends
 * before it. */
static struct bw_str part_at(const struct bw_form_field *f, size_t skip)
{
	struct bw_str rest;

	if (f->key.n < skip)
		return BW_STR_NONE;
	rest = bw_str_sub(f->key, skip, f->key.n);
	return bw_str_cut(&rest, '.');
}

/* The fields of `r` from `at` on that share its next part. */
static struct run run_of(const struct run *r, const struct bw_form_field *at)
{
	struct bw_str part = part_at(at, r->skip);
	const struct bw_form_field *to = at + 1;

	while (to < r->to && bw_str_eq(part_at(to, r->skip), part))
		to++;
	return (struct run){.from = at, .to = to, .skip = r->skip + part.n + 1};
}

/* The run's own value: a field whose name ends here. */
static const struct bw_str *run_value(const struct run *r)
{
	return r->from->key.n + 1 == r->skip ? &r->from->value : NULL;
}

/* EC2 knows its parameters and refuses others (Amazon EC2 API Reference, "Error codes for the Amazon EC2 API"); the query services pass
 * over names that they do not know. */
static enum bw_err unknown_ec2(struct query_in *q, struct bw_str name)
{
	q->w->faults->code = "UnknownParameter";
	return wire_malformed(q->w, "The parameter %.*s is not recognized", BW_FMT(name));
}

static enum bw_err unexpected(struct query_in *q, const struct run *r)
{
	if (q->ec2)
		return unknown_ec2(q, r->from->key);
	return wire_malformed(q->w, "Unexpected parameter %.*s", BW_FMT(r->from->key));
}

/* What is in every request, or in a presigned one's query string, and in no operation's input. */
static bool is_of_request(struct bw_str name)
{
	return bw_str_eq(name, BW_STR("Action")) || bw_str_eq(name, BW_STR("Version")) ||
	       bw_str_starts(name, BW_STR("X-Amz-"));
}

/* ---- Structures, lists, maps ---- */

static const struct bw_member *member_find(const struct bw_shape *shape, struct bw_str part)
{
	for (const struct bw_member *m = bw_at(shape->members), *end = m + shape->member_count; m < end; m++)
		if (bw_str_eq(part, bw_str_c(bw_at(m->query))))
			return m;
	return NULL;
}

static enum bw_err member_in(struct query_in *q, const struct bw_member *m, struct run r, void *structure)
{
	void *at = (char *)structure + m->offset;

	if (bw_at(m->shape)->kind == BW_SHAPE_STRUCTURE) {
		void *inner = bw_arena_alloc(q->w->arena, bw_at(m->shape)->size);

		*(void **)at = inner;
		at = inner;
	}
	return value_in(q, bw_at(m->shape), m->time_format, r, at);
}

static enum bw_err structure_in(
    struct query_in *q, const struct bw_shape *shape, struct run r, void *structure)
{
	struct run member;

	for (const struct bw_form_field *f = r.from; f < r.to; f = member.to) {
		const struct bw_member *m = member_find(shape, part_at(f, r.skip));

		member = run_of(&r, f);
		if (m)
			TRY(member_in(q, m, member, structure));
		else if (q->ec2 && (r.skip || !is_of_request(part_at(f, 0))))
			return unknown_ec2(q, bw_str_sub(f->key, 0, member.skip - 1));
	}
	return BW_OK;
}

/* Steps from "Tags" to "Tags.member" where the protocol puts such a word between. */
static enum bw_err step_into(struct query_in *q, const char *word, struct run *r)
{
	struct run inner = run_of(r, r->from);

	if (!bw_str_eq(part_at(r->from, r->skip), bw_str_c(word)) || inner.to != r->to || run_value(&inner))
		return unexpected(q, r);
	*r = inner;
	return BW_OK;
}

/* Elements are numbered from 1 without gaps. */
static enum bw_err element_run(
    struct query_in *q, const struct run *r, const struct bw_form_field *f, size_t number, struct run *out)
{
	struct bw_str part = part_at(f, r->skip);
	int64_t given;

	if (bw_str_starts(part, BW_STR("0")) || bw_str_to_i64(part, 1, BW_LIST_ITEMS_MAX, &given) != BW_OK ||
	    (size_t)given != number)
		return wire_malformed(q->w, "Unexpected number in parameter %.*s", BW_FMT(f->key));
	*out = run_of(r, f);
	return BW_OK;
}

/* SDKs write an empty list or map as the bare name with an empty value. */
static bool run_is_empty_value(const struct run *r)
{
	return run_value(r) && run_value(r)->n == 0 && r->to == r->from + 1;
}

static enum bw_err list_in(
    struct query_in *q, const struct bw_shape *shape, struct run r, struct bw_any_list *list)
{
	const char *word = bw_at(shape->element_wire) ? bw_at(shape->element_wire) : "member";
	size_t room = 0;
	struct run element;

	list->set = true;
	if (run_is_empty_value(&r))
		return BW_OK;
	if (!q->ec2 && !shape->flattened)
		TRY(step_into(q, word, &r));
	for (const struct bw_form_field *f = r.from; f < r.to; f = element.to) {
		void *at = wire_grow(q->w, list, &room, bw_at(shape->element)->size);

		if (!at)
			return wire_malformed(q->w, "A list has more than %d elements", BW_LIST_ITEMS_MAX);
		TRY(element_run(q, &r, f, list->n, &element));
		TRY(value_in(q, bw_at(shape->element), bw_at(shape->element)->time_format, element, at));
	}
	return BW_OK;
}

/* "entry.1.key", "entry.1.value"; the key sorts before the value. */
static enum bw_err entry_in(
    struct query_in *q, const struct bw_shape *shape, struct run r, struct bw_str *key, void *value)
{
	const char *key_word = bw_at(shape->key_wire) ? bw_at(shape->key_wire) : "key";
	const char *value_word = bw_at(shape->element_wire) ? bw_at(shape->element_wire) : "value";
	struct run part;

	for (const struct bw_form_field *f = r.from; f < r.to; f = part.to) {
		part = run_of(&r, f);
		if (bw_str_eq(part_at(f, r.skip), bw_str_c(key_word)))
			TRY(value_in(q, bw_at(shape->key), BW_TIME_DEFAULT, part, key));
		else if (bw_str_eq(part_at(f, r.skip), bw_str_c(value_word)))
			TRY(value_in(q, bw_at(shape->element), bw_at(shape->element)->time_format, part, value));
		else
			return unexpected(q, &part);
	}
	return bw_str_set(*key) ? BW_OK : unexpected(q, &r);
}

static enum bw_err map_in(
    struct query_in *q, const struct bw_shape *shape, struct run r, struct bw_any_map *map)
{
	struct bw_any_list keys = {0}, values = {0};
	size_t key_room = 0, value_room = 0;
	struct run entry;

	map->set = true;
	if (run_is_empty_value(&r))
		return BW_OK;
	if (!shape->flattened)
		TRY(step_into(q, "entry", &r));
	for (const struct bw_form_field *f = r.from; f < r.to; f = entry.to) {
		struct bw_str *key = wire_grow(q->w, &keys, &key_room, sizeof *key);
		void *value = wire_grow(q->w, &values, &value_room, bw_at(shape->element)->size);

		if (!key || !value)
			return wire_malformed(q->w, "A map has more than %d entries", BW_LIST_ITEMS_MAX);
		TRY(element_run(q, &r, f, keys.n, &entry));
		TRY(entry_in(q, shape, entry, key, value));
		for (size_t i = 0; i + 1 < keys.n; i++)
			if (bw_str_eq(((const struct bw_str *)keys.v)[i], *key))
				return wire_malformed(q->w, "Duplicate key %.*s", BW_FMT(*key));
	}
	map->n = keys.n;
	map->keys = keys.v;
	map->v = values.v;
	return BW_OK;
}

/* ---- One value ---- */

static enum bw_err aggregate_in(struct query_in *q, const struct bw_shape *shape, struct run r, void *at)
{
	enum bw_err e;

	if (q->depth == BW_SHAPE_DEPTH_MAX)
		return wire_malformed(q->w, "The input is nested too deeply");
	q->depth++;
	if (shape->kind == BW_SHAPE_LIST)
		e = list_in(q, shape, r, at);
	else if (shape->kind == BW_SHAPE_MAP)
		e = map_in(q, shape, r, at);
	else
		e = run_value(&r) && !run_is_empty_value(&r) ? unexpected(q, &r)
		                                             : structure_in(q, shape, r, at);
	q->depth--;
	return e;
}

static struct bw_str invalid(struct query_in *q, const struct run *r)
{
	if (q->ec2)
		return bw_arena_printf(q->w->arena, "Value (%.*s) for parameter %.*s is invalid.",
		    BW_FMT(bw_str_sub(*run_value(r), 0, VALUE_SAID_MAX)), BW_FMT(r->from->key));
	return bw_arena_printf(q->w->arena, "Invalid value for parameter %.*s", BW_FMT(r->from->key));
}

static enum bw_err value_in(
    struct query_in *q, const struct bw_shape *shape, enum bw_time_format format, struct run r, void *at)
{
	if (shape->kind == BW_SHAPE_STRUCTURE || shape->kind == BW_SHAPE_LIST || shape->kind == BW_SHAPE_MAP)
		return aggregate_in(q, shape, r, at);
	if (!run_value(&r) || r.to != r.from + 1)
		return unexpected(q, &r);
	if (wire_scalar_in(q->w, shape, format, *run_value(&r), at) == BW_OK)
		return BW_OK;
	if (q->w->faults->why.n == 0)
		q->w->faults->why = invalid(q, &r);
	return BW_EINVAL;
}

static enum bw_err fields_differ(struct wire_in *w, const struct bw_form_field *fields, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (bw_str_eq(fields[i - 1].key, fields[i].key))
			return wire_malformed(w, "Duplicate parameter %.*s", BW_FMT(fields[i].key));
	return BW_OK;
}

enum bw_err wire_query_in(struct wire_in *w, const struct bw_form *form, void *in)
{
	struct query_in q = {.w = w, .ec2 = bw_service_of(w->op)->protocol == BW_PROTOCOL_EC2};
	struct bw_form_field *sorted;

	if (form->n == 0)
		return BW_OK;
	sorted = BW_NEW_ARRAY(w->arena, struct bw_form_field, form->n);
	memcpy(sorted, form->fields, form->n * sizeof *sorted);
	qsort(sorted, form->n, sizeof *sorted, field_order);
	TRY(fields_differ(w, sorted, form->n));
	return structure_in(&q, bw_at(w->op->input), (struct run){.from = sorted, .to = sorted + form->n}, in);
}
