/* What compiled documents take in the heap, beside their JSON text without white space: those of files, one
 * document a line, and every AWS-managed policy. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/managed.h"
#include "policy/policy.h"

enum { SHOWN = 8 };

struct taken {
	struct bw_str name;
	size_t text, block;
};

/* The block with what malloc adds to it; 0 past the ceiling, as one of AWS's is. */
static size_t block_of(struct bw_str document)
{
	struct bw_policy *p;
	enum bw_err e = bw_policy_compile_kept(document, BW_POLICY_IDENTITY, &p, NULL);
	size_t bytes;

	if (e == BW_ETOOBIG)
		return 0;
	MUST(e == BW_OK);
	bytes = malloc_usable_size(p) + sizeof(size_t);
	bw_policy_release(p);
	return bytes;
}

static double ratio(const struct taken *t)
{
	return (double)t->block / (double)t->text;
}

static int by_text(const void *a, const void *b)
{
	const struct taken *x = a, *y = b;

	return (y->text > x->text) - (y->text < x->text);
}

static int by_ratio(const void *a, const void *b)
{
	return (ratio(b) > ratio(a)) - (ratio(b) < ratio(a));
}

static void line_print(const struct taken *t)
{
	printf("%-56.*s%12zu%12zu%9.2fx\n", BW_FMT(t->name), t->text, t->block, ratio(t));
}

static void file_measure(const char *path)
{
	struct taken sum = {.name = bw_str_c(path)};
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	MUST(f != NULL);
	while ((n = getline(&line, &room, f)) > 0) {
		struct bw_str text = bw_str_make(line, (size_t)n - 1);

		sum.text += text.n;
		sum.block += block_of(text);
	}
	free(line);
	fclose(f);
	line_print(&sum);
}

static void managed_measure(void)
{
	size_t count = bw_managed_count();
	struct taken *all = bw_alloc(count * sizeof *all), sum = {.name = BW_STR("all AWS-managed policies")};

	for (size_t i = 0; i < count; i++) {
		struct bw_managed m;
		struct bw_arena arena;
		struct bw_str text;

		bw_managed_at(i, &m);
		bw_arena_init(&arena, 1 << 26);
		text = bw_managed_document(&m, &arena);
		all[i] = (struct taken){m.name, text.n, block_of(text)};
		sum.text += all[i].block ? all[i].text : 0;
		sum.block += all[i].block;
		bw_arena_free(&arena);
	}
	line_print(&sum);
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(all[i].name, BW_STR("AdministratorAccess")))
			line_print(&all[i]);
	qsort(all, count, sizeof *all, by_text);
	puts("the longest:");
	for (size_t i = 0; i < SHOWN; i++)
		line_print(&all[i]);
	qsort(all, count, sizeof *all, by_ratio);
	puts("the worst:");
	for (size_t i = 0; i < SHOWN; i++)
		line_print(&all[i]);
	bw_free(all);
}

int main(int argc, char **argv)
{
	printf("%-56s%12s%12s%10s\n", "documents", "JSON bytes", "compiled", "ratio");
	for (int i = 1; i < argc; i++)
		file_measure(argv[i]);
	managed_measure();
	return 0;
}
