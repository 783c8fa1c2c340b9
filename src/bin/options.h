/* Subcommands and their options as tables: parsing, errors and help all come from the rows. */
#pragma once

#include "base/mem.h"

enum option_kind { OPTION_FLAG, OPTION_VALUE, OPTION_MANY };

struct option {
	const char *name; /* "data" for --data */
	enum option_kind kind;
	const char *value; /* its placeholder in help, "DIR" */
	const char *help;
};

enum { OPTIONS_MAX = 48, MANY_MAX = 32 };

struct parsed;

struct command {
	const char *name, *arguments, *summary;
	const char *about; /* some sentences and examples */
	const struct option *options;
	size_t option_count;
	int (*run)(const struct parsed *p);
};

struct parsed {
	const struct command *command;
	const char *values[OPTIONS_MAX][MANY_MAX + 1]; /* per option row, NULL-terminated; a flag's is its own name */
	char **rest;                                   /* NULL-terminated */
	int rest_count;
};

extern const struct command command_serve, command_init, command_exec, command_env, command_status, command_upgrade, command_ca,
    command_trail, command_logs, command_simulate, command_evaluate, command_dns, command_root_key, command_unseal, command_seal, command_rekey, command_rotate_root, command_backup, command_restore, command_accept, command_coverage, command_version, command_help;
extern const struct command *const commands[];

/* Options of data and root key that most commands share. */
#define OPTION_DATA                                                                                               \
	{"data", OPTION_VALUE, "DIR", "the data folder (default: /var/lib/bulwark as root, else ~/.local/share/bulwark)"}
#define OPTION_ROOT_KEY                                                                                           \
	{"root-key", OPTION_VALUE, "FILE",                                                                        \
	    "the root key (default: one for the data folder in /etc/bulwark as root, else in ~/.config/bulwark)"}

/* Fills `out` from the words behind the command's name. False with a message on stderr. `stop_at_word`: options end at the first
 * word that is none (exec). */
bool options_parse(const struct command *c, int argc, char **argv, bool stop_at_word, struct parsed *out);
/* The value of an option of the command, or NULL. */
const char *option_get(const struct parsed *p, const char *name);
const char *const *option_all(const struct parsed *p, const char *name);
void command_usage(const struct command *c);
/* Says it on stderr in the program's manner, and answers 2. */
int command_refuse(const struct parsed *p, const char *fmt, ...) BW_PRINTF(2, 3);
