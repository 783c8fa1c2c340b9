/* Sorting in place without memory of its own and without a bad case: for what outsiders may arrange. Not
 * stable. */
#pragma once

#include "base/str.h"

/* `order` as for qsort: negative when `a` stands before `b`. At most BW_SORT_ITEM_MAX bytes an item. Time n
 * log n always. */
enum { BW_SORT_ITEM_MAX = 128 };
void bw_sort(void *items, size_t count, size_t item_bytes, int (*order)(const void *a, const void *b));
