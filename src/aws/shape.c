#include "aws/shape.h"

static int compare(struct bw_str name, const char *row)
{
	return bw_str_cmp(name, bw_str_c(row));
}

const struct bw_service *bw_service_find(struct bw_str name)
{
	for (const struct bw_service *const *s = bw_services; *s; s++)
		if (compare(name, (*s)->name) == 0)
			return *s;
	return NULL;
}

const struct bw_operation *bw_operation_find(const struct bw_service *s, struct bw_str name)
{
	uint32_t low = 0, high = s->operation_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare(name, bw_at(s->operations[middle].name));

		if (order == 0)
			return &s->operations[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct bw_member *bw_member_find(const struct bw_shape *shape, const char *name)
{
	const struct bw_member *m = shape ? bw_at(shape->members) : NULL;

	for (uint32_t i = 0; shape && i < shape->member_count; i++)
		if (strcmp(bw_at(m[i].name), name) == 0)
			return &m[i];
	return NULL;
}

const struct bw_shape *bw_operation_error(const struct bw_operation *op, struct bw_str code)
{
	for (const struct bw_shape_at *e = bw_at(op->errors); e->at.by; e++) {
		const struct bw_shape *shape = bw_at(e->at);

		if (shape->error_code.by && compare(code, bw_at(shape->error_code)) == 0)
			return shape;
	}
	return NULL;
}
