#include "test.h"

#include "codec/sort.h"

static size_t compared;

static int order(const void *a, const void *b)
{
	compared++;
	return *(const int *)a - *(const int *)b;
}

/* The ways to fill an array that trouble sorts. */
static int filled(size_t n, size_t i, int way)
{
	switch (way) {
	case 0:
		return (int)i;
	case 1:
		return (int)(n - i);
	case 2:
		return 7;
	case 3:
		return (int)(i % 3);
	case 4:
		return i < n / 2 ? (int)i : (int)(n - i);
	default:
		return (int)((i * 2654435761u) >> 7 & 1023);
	}
}

TEST(sort_sorts_every_length_and_shape)
{
	static int items[301];

	for (size_t n = 0; n <= 300; n++)
		for (int way = 0; way < 6; way++) {
			long sum = 0;

			items[n] = -1;
			for (size_t i = 0; i < n; i++)
				sum += items[i] = filled(n, i, way);
			bw_sort(items, n, sizeof *items, order);
			for (size_t i = 0; i < n; i++) {
				sum -= items[i];
				if (i)
					assert_true(items[i - 1] <= items[i]);
			}
			assert_int_equal(sum, 0);
			assert_int_equal(items[n], -1);
		}
}

TEST(sort_has_no_bad_case)
{
	static int items[4096];

	for (int way = 0; way < 6; way++) {
		for (size_t i = 0; i < BW_COUNT(items); i++)
			items[i] = filled(BW_COUNT(items), i, way);
		compared = 0;
		bw_sort(items, BW_COUNT(items), sizeof *items, order);
		assert_true(compared <= 2 * 4096 * 13);
	}
}
