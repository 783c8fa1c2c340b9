/* Inputs and outputs as CloudTrail shows them. */
#include "aws/wire/wire_internal.h"

#include "base/limits.h"
#include "codec/json.h"
#include "codec/time.h"

static void value_put(struct bw_buf *out, const struct bw_shape *s, const void *at, int depth);

static void comma(struct bw_buf *out, bool *any)
{
	if (*any)
		bw_buf_put_c(out, ',');
	*any = true;
}

/* "Nov 23, 2026, 10:00:00 AM": how the trail writes times inside requests and answers. */
static void time_put(struct bw_buf *out, int64_t ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char room[64];
	struct bw_buf iso = bw_buf_over(room, sizeof room);
	struct bw_str t;
	int64_t month, day, hour;

	bw_time_put_iso8601(ms, &iso);
	t = bw_buf_str(&iso);
	month = (t.p[5] - '0') * 10 + t.p[6] - '0';
	day = (t.p[8] - '0') * 10 + t.p[9] - '0';
	hour = (t.p[11] - '0') * 10 + t.p[12] - '0';
	bw_buf_put_c(out, '"');
	bw_buf_put(out, bw_str_make(months + 3 * (month - 1), 3));
	bw_buf_put_c(out, ' ');
	bw_buf_put_i64(out, day);
	bw_buf_put(out, BW_STR(", "));
	bw_buf_put(out, bw_str_sub(t, 0, 4));
	bw_buf_put(out, BW_STR(", "));
	bw_buf_put_i64(out, hour % 12 ? hour % 12 : 12);
	bw_buf_put_c(out, ':');
	bw_buf_put(out, bw_str_sub(t, 14, 5));
	bw_buf_put(out, hour < 12 ? BW_STR(" AM\"") : BW_STR(" PM\""));
}

/* Member names with their first letter lowered. */
static void name_put(struct bw_buf *out, const char *name)
{
	bool upper = name[0] >= 'A' && name[0] <= 'Z';

	bw_buf_put_c(out, '"');
	bw_buf_put_c(out, (char)(upper ? name[0] | 0x20 : name[0]));
	bw_buf_put(out, bw_str_c(name + 1));
	bw_buf_put(out, BW_STR("\":"));
}

static bool is_shown(const struct bw_member *m, const void *at)
{
	return !m->sensitive && !bw_at(m->shape)->sensitive && bw_at(m->shape)->kind != BW_SHAPE_BLOB && at &&
	       wire_is_set(bw_at(m->shape), at);
}

static bool any_shown(const struct bw_shape *s, const void *value)
{
	for (const struct bw_member *m = bw_at(s->members), *end = m + s->member_count; m < end; m++)
		if (is_shown(m, wire_member_at(m, value)))
			return true;
	return false;
}

static void structure_put(struct bw_buf *out, const struct bw_shape *s, const void *value, int depth)
{
	bool any = false;

	bw_buf_put_c(out, '{');
	for (const struct bw_member *m = bw_at(s->members), *end = m + s->member_count; m < end; m++) {
		const void *at = wire_member_at(m, value);

		if (!is_shown(m, at))
			continue;
		comma(out, &any);
		name_put(out, bw_at(m->name));
		value_put(out, bw_at(m->shape), at, depth);
	}
	bw_buf_put_c(out, '}');
}

/* Elements that are not shown are left out one by one: the rest still tells what happened. */
static bool element_shown(const struct bw_shape *s, const void *at)
{
	return !s->sensitive && s->kind != BW_SHAPE_BLOB && wire_is_set(s, at);
}

static void list_put(struct bw_buf *out, const struct bw_shape *s, const struct bw_any_list *list, int depth)
{
	bool any = false;

	bw_buf_put_c(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		const void *at = (const char *)list->v + i * bw_at(s->element)->size;

		if (!element_shown(bw_at(s->element), at))
			continue;
		comma(out, &any);
		value_put(out, bw_at(s->element), at, depth);
	}
	bw_buf_put_c(out, ']');
}

static void map_put(struct bw_buf *out, const struct bw_shape *s, const struct bw_any_map *map, int depth)
{
	bool any = false;

	bw_buf_put_c(out, '{');
	for (size_t i = 0; i < map->n && !bw_at(s->key)->sensitive; i++) {
		const void *at = (const char *)map->v + i * bw_at(s->element)->size;

		if (!element_shown(bw_at(s->element), at))
			continue;
		comma(out, &any);
		bw_json_put_str(out, map->keys[i]);
		bw_buf_put_c(out, ':');
		value_put(out, bw_at(s->element), at, depth);
	}
	bw_buf_put_c(out, '}');
}

static void value_put(struct bw_buf *out, const struct bw_shape *s, const void *at, int depth)
{
	if (depth == BW_SHAPE_DEPTH_MAX) {
		bw_buf_put(out, BW_STR("null"));
		return;
	}
	switch ((enum bw_shape_kind)s->kind) {
	case BW_SHAPE_STRING:
		bw_json_put_str(out, *(const struct bw_str *)at);
		return;
	case BW_SHAPE_BLOB:
		bw_buf_put(out, BW_STR("null"));
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
		time_put(out, ((const struct bw_opt_time *)at)->ms);
		return;
	case BW_SHAPE_LIST:
		list_put(out, s, at, depth + 1);
		return;
	case BW_SHAPE_MAP:
		map_put(out, s, at, depth + 1);
		return;
	case BW_SHAPE_STRUCTURE:
		structure_put(out, s, at, depth + 1);
		return;
	}
}

void bw_shape_audit(const struct bw_shape *shape, const void *value, struct bw_buf *json)
{
	if (!shape || !value || !any_shown(shape, value))
		bw_buf_put(json, BW_STR("null"));
	else
		structure_put(json, shape, value, 0);
}
