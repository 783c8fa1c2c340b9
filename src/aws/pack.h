/* Model structures as stored text. A service's record that holds one of AWS's own structures (a listener rule
 * with its conditions and actions) keeps it packed by its shape table in one string field, instead of
 * repeating the model in fields of its own. The form is JSON with the model's member names: what a later
 * model adds is absent in old text, and what it dropped is skipped. */
#pragma once

#include "aws/shape.h"

/* The text, in the arena. `shape` is a structure's; members that are not set are left out. */
struct bw_str bw_shape_pack(const struct bw_shape *shape, const void *value, struct bw_arena *arena);
/* Into the zeroed structure `to`; slices point into `text` or the arena. An absent text is an empty
 * structure. BW_ECORRUPT when the text is not what bw_shape_pack writes. */
BW_CHECKED enum bw_err bw_shape_unpack(
    const struct bw_shape *shape, struct bw_str text, struct bw_arena *arena, void *to);
/* Whether two structures hold the same. */
bool bw_shape_same(const struct bw_shape *shape, const void *a, const void *b, struct bw_arena *arena);
