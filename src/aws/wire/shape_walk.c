/* Small facts about values that every walk over a shape needs. */
#include "aws/wire/wire_internal.h"

#include "base/limits.h"

bool wire_is_set(const struct bw_shape *shape, const void *at)
{
	switch ((enum bw_shape_kind)shape->kind) {
	case BW_SHAPE_STRING:
	case BW_SHAPE_BLOB:
	case BW_SHAPE_DOCUMENT:
		return bw_str_set(*(const struct bw_str *)at);
	case BW_SHAPE_BOOLEAN:
		return ((const struct bw_opt_bool *)at)->set;
	case BW_SHAPE_INTEGER:
		return ((const struct bw_opt_int *)at)->set;
	case BW_SHAPE_FLOAT:
		return ((const struct bw_opt_float *)at)->set;
	case BW_SHAPE_TIMESTAMP:
		return ((const struct bw_opt_time *)at)->set;
	case BW_SHAPE_LIST:
	case BW_SHAPE_MAP:
		return ((const struct bw_any_list *)at)->set;
	case BW_SHAPE_STRUCTURE:
		return at != NULL;
	}
	return false;
}

/* Doubling in an arena leaves the old arrays behind: at most as much again as the list itself. */
void *wire_grow(struct wire_in *w, struct bw_any_list *list, size_t *room, size_t size)
{
	if (list->n == BW_LIST_ITEMS_MAX || w->arena->over)
		return NULL;
	if (list->n == *room) {
		size_t more = *room ? *room * 2 : 4;
		void *v = bw_arena_alloc_array(w->arena, size, more);

		if (list->n)
			memcpy(v, list->v, list->n * size);
		list->v = v;
		*room = more;
	}
	return (char *)list->v + list->n++ * size;
}
