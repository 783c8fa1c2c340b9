/* Part of the build: writes the filters of the sandboxes as a header, whose steps the kernel takes as they are. */
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>

#include "proc/sandbox_rules.h"

enum { STEPS_MAX = 4096 }; /* BPF_MAXINSNS */

static const char *const names[SANDBOX_KINDS] = {
    [SANDBOX_SERVER] = "server",
    [SANDBOX_LOADER] = "loader",
    [SANDBOX_RUNNER] = "runner",
    [SANDBOX_NARROW] = "narrow",
    [SANDBOX_SPEAKER] = "speaker",
};

/* How many steps; 0: it was not made. */
static size_t steps_make(enum sandbox_kind kind, struct sock_filter steps[STEPS_MAX])
{
	scmp_filter_ctx filter = sandbox_rules(kind);
	FILE *f = tmpfile();
	size_t n = 0;

	if (filter && f && seccomp_export_bpf(filter, fileno(f)) == 0 && fseek(f, 0, SEEK_SET) == 0)
		n = fread(steps, sizeof *steps, STEPS_MAX, f);
	if (n == STEPS_MAX || (f && fgetc(f) != EOF))
		n = 0;
	if (f)
		fclose(f);
	if (filter)
		seccomp_release(filter);
	return n;
}

/* Whether it may send signals to itself alone, and so knows who it is. */
static bool knows_itself(enum sandbox_kind kind)
{
	return kind != SANDBOX_RUNNER;
}

static bool steps_write(enum sandbox_kind kind, const struct sock_filter *steps, size_t n)
{
	size_t own = 0;

	printf("\t/* %s */\n", names[kind]);
	for (size_t i = 0; i < n; i++) {
		own += steps[i].k == SANDBOX_OWN_PID;
		printf("\t{0x%x, %u, %u, 0x%x},\n", steps[i].code, steps[i].jt, steps[i].jf, steps[i].k);
	}
	return n && knows_itself(kind) == (own > 0);
}

int main(void)
{
	static struct sock_filter steps[STEPS_MAX];
	size_t counts[SANDBOX_KINDS], from = 0, most = 0;

	printf("#include <linux/filter.h>\n\n#include \"proc/sandbox_kinds.h\"\n\nstatic const struct sock_filter sandbox_steps[] = {\n");
	for (enum sandbox_kind k = 0; k < SANDBOX_KINDS; k++) {
		counts[k] = steps_make(k, steps);
		if (!steps_write(k, steps, counts[k])) {
			fprintf(stderr, "sandbox_write: no filter for %s\n", names[k]);
			return 1;
		}
		most = counts[k] > most ? counts[k] : most;
	}
	printf("};\n\nenum { SANDBOX_STEPS_MAX = %zu };\n\nstruct sandbox_filter {\n\tunsigned short from, count;\n};\n\n", most);
	printf("static const struct sandbox_filter sandbox_filters[SANDBOX_KINDS] = {\n");
	for (enum sandbox_kind k = 0; k < SANDBOX_KINDS; from += counts[k++])
		printf("\t{%zu, %zu},\n", from, counts[k]);
	printf("};\n");
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
