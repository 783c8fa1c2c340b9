#include "aws/pack.h"

#include "aws/wire/wire_internal.h"
#include "base/limits.h"

struct bw_str bw_shape_pack(const struct bw_shape *shape, const void *value, struct bw_arena *arena)
{
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, BW_CALL_ARENA_MAX);
	wire_json_structure(&text, shape, value);
	/* An input is bounded by its request, and what is packed came from one. */
	MUST(!text.failed);
	out = bw_arena_str(arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

enum bw_err bw_shape_unpack(
    const struct bw_shape *shape, struct bw_str text, struct bw_arena *arena, void *to)
{
	struct bw_faults faults = {.why = BW_STR("")};
	struct wire_in w = {.arena = arena, .faults = &faults};

	memset(to, 0, shape->size);
	if (!bw_str_set(text))
		return BW_OK;
	return wire_json_in(&w, text, shape, to) == BW_OK && !arena->over ? BW_OK : BW_ECORRUPT;
}

bool bw_shape_same(const struct bw_shape *shape, const void *a, const void *b, struct bw_arena *arena)
{
	return bw_str_eq(bw_shape_pack(shape, a, arena), bw_shape_pack(shape, b, arena));
}
