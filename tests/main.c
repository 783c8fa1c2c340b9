/* Runs every TEST of the program it is linked into, in name order; an argument selects by part of the name. */
#include "test.h"

#include <stdlib.h>

extern const struct CMUnitTest *const __start_bw_tests[];
extern const struct CMUnitTest *const __stop_bw_tests[];

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

int main(int argc, char **argv)
{
	size_t all = (size_t)(__stop_bw_tests - __start_bw_tests), n = 0;
	struct CMUnitTest *tests = calloc(all, sizeof *tests);
	int failed;

	if (!tests)
		return 99;
	for (size_t i = 0; i < all; i++)
		if (argc < 2 || strstr(__start_bw_tests[i]->name, argv[1]))
			tests[n++] = *__start_bw_tests[i];
	qsort(tests, n, sizeof *tests, by_name);
	failed = _cmocka_run_group_tests(argv[0], tests, n, NULL, NULL);
	free(tests);
	return failed;
}
