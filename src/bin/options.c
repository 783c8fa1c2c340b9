#include "bin/options.h"

#include <stdarg.h>
#include <stdio.h>

static int option_index(const struct command *c, struct bw_str name)
{
	for (size_t i = 0; i < c->option_count; i++)
		if (bw_str_eq(name, bw_str_c(c->options[i].name)))
			return (int)i;
	return -1;
}

int command_refuse(const struct parsed *p, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "bulwark: %s: ", p->command->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, " (try 'bulwark help %s')\n", p->command->name);
	return 2;
}

static bool option_add(struct parsed *p, int at, const char *value)
{
	const struct option *o = &p->command->options[at];
	int n = 0;

	while (p->values[at][n])
		n++;
	if (n > 0 && o->kind != OPTION_MANY) {
		command_refuse(p, "--%s is given twice", o->name);
		return false;
	}
	if (n == MANY_MAX) {
		command_refuse(p, "--%s is given more than %d times", o->name, MANY_MAX);
		return false;
	}
	p->values[at][n] = value;
	return true;
}

/* One "--name", "--name=value" or "--name value"; *used says how many words it took. */
static bool option_take(struct parsed *p, char **words, int left, int *used)
{
	struct bw_str value = bw_str_c(words[0] + 2), name = bw_str_cut(&value, '=');
	int at = option_index(p->command, name);

	*used = 1;
	if (at < 0) {
		command_refuse(p, "unknown option --%.*s", BW_FMT(name));
		return false;
	}
	if (p->command->options[at].kind == OPTION_FLAG) {
		if (bw_str_set(value)) {
			command_refuse(p, "--%.*s takes no value", BW_FMT(name));
			return false;
		}
		return option_add(p, at, p->command->options[at].name);
	}
	if (bw_str_set(value))
		return option_add(p, at, value.p);
	if (left < 2) {
		command_refuse(p, "--%.*s needs a value (%s)", BW_FMT(name), p->command->options[at].value);
		return false;
	}
	*used = 2;
	return option_add(p, at, words[1]);
}

bool options_parse(const struct command *c, int argc, char **argv, bool stop_at_word, struct parsed *out)
{
	int at = 0, used;

	MUST(c->option_count <= OPTIONS_MAX);
	*out = (struct parsed){.command = c, .rest = argv};
	while (at < argc) {
		bool option = strncmp(argv[at], "--", 2) == 0;

		if (option && argv[at][2] == '\0') {
			for (at++; at < argc; at++)
				out->rest[out->rest_count++] = argv[at];
			break;
		}
		if (option) {
			if (!option_take(out, argv + at, argc - at, &used))
				return false;
			at += used;
			continue;
		}
		out->rest[out->rest_count++] = argv[at++];
		if (stop_at_word) {
			for (; at < argc; at++)
				out->rest[out->rest_count++] = argv[at];
		}
	}
	out->rest[out->rest_count] = NULL;
	return true;
}

const char *const *option_all(const struct parsed *p, const char *name)
{
	int at = option_index(p->command, bw_str_c(name));

	MUST(at >= 0);
	return p->values[at];
}

const char *option_get(const struct parsed *p, const char *name)
{
	return option_all(p, name)[0];
}

void command_usage(const struct command *c)
{
	printf("Usage: bulwark %s%s%s%s\n\n%s\n", c->name, c->option_count ? " [OPTIONS]" : "", *c->arguments ? " " : "",
	    c->arguments, c->about);
	if (c->option_count)
		printf("\nOptions:\n");
	for (size_t i = 0; i < c->option_count; i++) {
		char left[64];

		snprintf(left, sizeof left, "--%s%s%s", c->options[i].name, c->options[i].value ? " " : "",
		    c->options[i].value ? c->options[i].value : "");
		printf("  %-24s %s\n", left, c->options[i].help);
	}
}
