#include <stdio.h>

#include "base/heap.h"
#include "base/version.h"
#include "bin/options.h"
#include "crypto/crypto.h"

const struct command *const commands[] = {&command_serve, &command_init, &command_exec, &command_env, &command_status, &command_upgrade,
    &command_ca, &command_trail, &command_logs, &command_simulate, &command_evaluate, &command_dns, &command_root_key, &command_unseal, &command_seal, &command_rekey, &command_rotate_root, &command_backup, &command_restore, &command_accept, &command_coverage, &command_version, &command_help, NULL};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void overview(FILE *to)
{
	fprintf(to, "Bulwark: AWS's security plane as one program.\n\nUsage: bulwark COMMAND [OPTIONS]\n\n");
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\nBegin with 'bulwark serve'; 'bulwark help COMMAND' teaches each.\n");
}

static int help_run(const struct parsed *p)
{
	const struct command *c;

	if (p->rest_count == 0) {
		overview(stdout);
		return 0;
	}
	c = command_find(p->rest[0]);
	if (!c) {
		fprintf(stderr, "bulwark: there is no command '%s'\n", p->rest[0]);
		overview(stderr);
		return 2;
	}
	command_usage(c);
	return 0;
}

static int version_run(const struct parsed *p)
{
	(void)p;
	printf("bulwark %s\n", bw_version);
	return 0;
}

const struct command command_help = {.name = "help", .arguments = "[COMMAND]", .summary = "explain a command",
    .about = "Explains a command, or lists all.", .run = help_run};
const struct command command_version = {.name = "version", .arguments = "", .summary = "print the version",
    .about = "Prints the version.", .run = version_run};

static bool wants_help(int argc, char **argv)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
		/* The words of exec's own command are that command's. */
		if (strcmp(argv[1], "exec") == 0 && argv[i][0] != '-')
			return false;
	}
	return false;
}

/* Of which OpenSSL alone takes two thirds as it begins. */
enum { START_BYTES = 288 * 1024 };

int main(int argc, char **argv)
{
	const struct command *c;
	struct parsed p;

	if (argc < 2) {
		overview(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		overview(stdout);
		return 0;
	}
	c = strcmp(argv[1], "--version") == 0 ? &command_version : command_find(argv[1]);
	if (!c) {
		fprintf(stderr, "bulwark: there is no command '%s' (try 'bulwark help')\n", argv[1]);
		return 2;
	}
	if (wants_help(argc, argv)) {
		command_usage(c);
		return 0;
	}
	if (!options_parse(c, argc - 2, argv + 2, c == &command_exec, &p))
		return 2;
	bw_heap_ready(START_BYTES);
	bw_crypto_init();
	return c->run(&p);
}
