#include <stdio.h>

#include "bin/options.h"
#include "core/core.h"

static const struct option coverage_options[] = {
    {"json", OPTION_FLAG, NULL, "as JSON: [{\"service\": ..., \"operations\": [...]}]"},
};

static void json_print(const struct bw_op *const *rows, size_t n)
{
	printf("[");
	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || strcmp(rows[i]->service, rows[i - 1]->service) != 0;
		bool last = i + 1 == n || strcmp(rows[i]->service, rows[i + 1]->service) != 0;

		if (first)
			printf("%s{\"service\": \"%s\", \"operations\": [", i ? ",\n " : "", rows[i]->service);
		printf("%s\"%s\"%s", first ? "" : ", ", rows[i]->name, last ? "]}" : "");
	}
	printf("]\n");
}

static int coverage_run(const struct parsed *p)
{
	size_t n;
	const struct bw_op *const *rows = bw_ops_all(&n);

	if (option_get(p, "json")) {
		json_print(rows, n);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		printf("%s:%s\n", rows[i]->service, rows[i]->name);
	printf("%zu operations\n", n);
	return 0;
}

const struct command command_coverage = {.name = "coverage", .arguments = "", .summary = "list the operations that are built",
    .about = "Lists every operation that this program implements; the others answer a clear NotImplemented.",
    .options = coverage_options, .option_count = BW_COUNT(coverage_options), .run = coverage_run};
