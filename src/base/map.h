/* A hash map from slices to pointers with a ceiling and least-recently-used eviction: the shape of every cache here.
 * Not thread-safe. Keys are copied; values are the owner's. */
#pragma once

#include "base/mem.h"

struct bw_map {
	struct bw_map_entry **slots;
	size_t slot_count, count, max;
	struct bw_map_entry *newest, *oldest;
	void (*drop)(void *value); /* called when an entry leaves; may be NULL */
};

/* At most `max` entries, then the least recently used is dropped. `max` 0 means no eviction. */
void bw_map_init(struct bw_map *m, size_t max, void (*drop)(void *value));
void bw_map_free(struct bw_map *m);
/* The value, now most recently used; NULL when absent. */
void *bw_map_get(struct bw_map *m, struct bw_str key);
/* Replaces (and drops) an older value of the key. */
void bw_map_put(struct bw_map *m, struct bw_str key, void *value);
void bw_map_del(struct bw_map *m, struct bw_str key);
/* Visits every entry, newest first; `each` must not change the map. */
void bw_map_each(struct bw_map *m, void (*each)(void *ctx, struct bw_str key, void *value), void *ctx);
