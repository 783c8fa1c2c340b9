#include "codec/sort.h"

struct heap {
	char *items;
	size_t bytes;
	int (*order)(const void *a, const void *b);
};

static void swap(const struct heap *h, size_t a, size_t b)
{
	char held[BW_SORT_ITEM_MAX];

	memcpy(held, h->items + a * h->bytes, h->bytes);
	memcpy(h->items + a * h->bytes, h->items + b * h->bytes, h->bytes);
	memcpy(h->items + b * h->bytes, held, h->bytes);
}

static bool before(const struct heap *h, size_t a, size_t b)
{
	return h->order(h->items + a * h->bytes, h->items + b * h->bytes) < 0;
}

/* Moves the item at `at` down until no child of it, among the first `n`, comes after it. */
static void sift(const struct heap *h, size_t at, size_t n)
{
	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && before(h, child, child + 1))
			child++;
		if (!before(h, at, child))
			return;
		swap(h, at, child);
	}
}

void bw_sort(void *items, size_t count, size_t item_bytes, int (*order)(const void *a, const void *b))
{
	struct heap h = {items, item_bytes, order};

	MUST(item_bytes <= BW_SORT_ITEM_MAX);
	for (size_t i = count / 2; i-- > 0;)
		sift(&h, i, count);
	for (size_t end = count; end-- > 1;) {
		swap(&h, 0, end);
		sift(&h, 0, end);
	}
}
