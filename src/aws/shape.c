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
		int order = compare(name, s->operations[middle].name);

		if (order == 0)
			return &s->operations[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct bw_shape *bw_operation_error(const struct bw_operation *op, struct bw_str code)
{
	for (const struct bw_shape *const *e = op->errors; *e; e++)
		if ((*e)->error_code && compare(code, (*e)->error_code) == 0)
			return *e;
	return NULL;
}

const struct bw_member bw_no_members[1];
