/* Memory of those who come back seldom. Each has a place; while it is away, the place sleeps: its words that
 * are not zero are kept elsewhere, and its pages are the kernel's. Whoever touches a place wakes it before.
 * One thread. */
#pragma once

#include "base/mem.h"

struct bw_doze {
	char *base;              /* of the address space that is set aside */
	size_t bytes, page_span; /* of a place: as asked for, and with what makes it whole pages */
	size_t max, made;        /* places at most; that were ever taken */
	void **packed;           /* of each that sleeps; else NULL */
	uint32_t *spare;
	size_t spare_count;
	size_t held_bytes; /* of all that are taken: of those awake their pages, of those asleep what is kept */
};

/* Sets address space aside, and no memory yet. */
void bw_doze_init(struct bw_doze *d, size_t bytes, size_t max);
void bw_doze_free(struct bw_doze *d);
/* A place, all zero, aligned to 64 bytes; NULL: `max` are taken. */
void *bw_doze_take(struct bw_doze *d);
/* Awake or not; wiped. */
void bw_doze_give(struct bw_doze *d, void *place);
/* Whether `p` points into a place. */
static inline bool bw_doze_has(const struct bw_doze *d, const void *p)
{
	return (uintptr_t)p - (uintptr_t)d->base < d->max * d->page_span;
}
bool bw_doze_sleeps(const struct bw_doze *d, const void *place);
/* Of one that is awake, and of one that sleeps. */
void bw_doze_sleep(struct bw_doze *d, void *place);
void bw_doze_wake(struct bw_doze *d, void *place);
