#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bin/place.h"

static const struct option exec_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    {"endpoint", OPTION_VALUE, "URL", "where the server listens (default: as it said at its first start)"},
};

static bool credentials_find(const struct parsed *p, struct place *place, struct credentials *c)
{
	const char *endpoint = option_get(p, "endpoint");

	if (!place_find(p, false, place))
		return false;
	if (credentials_read(place->data, &place->arena, c) != BW_OK) {
		fprintf(stderr, "bulwark: cannot read %.*s/credentials (is this the server's data folder?)\n", BW_FMT(place->data));
		return false;
	}
	if (endpoint)
		c->endpoint = bw_str_c(endpoint);
	return true;
}

struct variable {
	const char *name;
	struct bw_str value;
};

enum { VARIABLES = 10, ENDPOINTS_MAX = 64 };

static void variables_fill(const struct place *place, const struct credentials *c, struct bw_arena *a, struct variable v[VARIABLES])
{
	bool tls = bw_str_starts(c->endpoint, BW_STR("https:"));

	v[0] = (struct variable){"AWS_ACCESS_KEY_ID", c->key_id};
	v[1] = (struct variable){"AWS_SECRET_ACCESS_KEY", c->secret};
	v[2] = (struct variable){"AWS_REGION", c->region};
	v[3] = (struct variable){"AWS_DEFAULT_REGION", c->region};
	v[4] = (struct variable){"AWS_ENDPOINT_URL", c->endpoint};
	v[5] = (struct variable){"AWS_SESSION_TOKEN", BW_STR_NONE};
	v[6] = (struct variable){"AWS_PROFILE", BW_STR_NONE};
	v[7] = (struct variable){"AWS_CA_BUNDLE",
	    tls ? bw_arena_printf(a, "%.*s/ca.pem", BW_FMT(place->data)) : BW_STR_NONE};
	v[8] = (struct variable){"AWS_DEFAULT_PROFILE", BW_STR_NONE};
	v[9] = (struct variable){"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", BW_STR_NONE};
}

/* Endpoints of single services, which clients take before the one of all: they would lead elsewhere. */
static size_t endpoints_find(struct bw_arena *a, const char *names[ENDPOINTS_MAX])
{
	static const struct bw_str prefix = {"AWS_ENDPOINT_URL_", 17};
	size_t n = 0;

	for (char **e = environ; *e && n < ENDPOINTS_MAX; e++) {
		struct bw_str rest = bw_str_c(*e), name = bw_str_cut(&rest, '=');
		size_t i = prefix.n;

		while (i < name.n && (name.p[i] == '_' || (name.p[i] >= 'A' && name.p[i] <= 'Z') || (name.p[i] >= '0' && name.p[i] <= '9')))
			i++;
		if (bw_str_starts(name, prefix) && i == name.n)
			names[n++] = bw_arena_str(a, name).p;
	}
	return n;
}

static void single_quote(struct bw_buf *out, struct bw_str s)
{
	bw_buf_put_c(out, '\'');
	for (size_t i = 0; i < s.n; i++)
		bw_buf_put(out, s.p[i] == '\'' ? BW_STR("'\\''") : bw_str_sub(s, i, 1));
	bw_buf_put_c(out, '\'');
}

static int env_run(const struct parsed *p)
{
	static struct place place;
	struct credentials c;
	struct variable v[VARIABLES];
	const char *endpoints[ENDPOINTS_MAX];
	struct bw_buf out;
	size_t others;

	if (!credentials_find(p, &place, &c))
		return 1;
	variables_fill(&place, &c, &place.arena, v);
	bw_buf_init(&out, 64 * 1024);
	for (size_t i = 0; i < VARIABLES; i++) {
		bool set = bw_str_set(v[i].value);

		bw_buf_printf(&out, "%s %s%s", set ? "export" : "unset", v[i].name, set ? "=" : "");
		if (set)
			single_quote(&out, v[i].value);
		bw_buf_put_c(&out, '\n');
	}
	others = endpoints_find(&place.arena, endpoints);
	for (size_t i = 0; i < others; i++)
		bw_buf_printf(&out, "unset %s\n", endpoints[i]);
	printf("%.*s", BW_FMT(bw_buf_str(&out)));
	bw_buf_free(&out);
	return 0;
}

/* The whole path of a program as the shell would find it. */
static bool program_find(const char *name, char out[PATH_MAX])
{
	struct bw_str rest = bw_str_c(getenv("PATH"));

	while (bw_str_set(rest)) {
		struct bw_str folder = bw_str_cut(&rest, ':');
		int n = snprintf(out, PATH_MAX, "%.*s/%s", BW_FMT(folder), name);

		if (n > 0 && n < PATH_MAX && folder.n && access(out, X_OK) == 0)
			return true;
	}
	return false;
}

/* CLIs older than AWS_ENDPOINT_URL (v1 before 1.29, v2 before 2.13) know --endpoint-url alone: a shim named `aws`, first in the path,
 * gives it to them, also inside scripts. Answers the folder, absent when there is no aws. */
static struct bw_str shim_make(struct bw_arena *a, struct bw_str endpoint)
{
	char real[PATH_MAX];
	struct bw_str folder = bw_arena_printf(a, "%s/bulwark-exec-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	struct bw_buf text;
	enum bw_err e;

	if (!program_find("aws", real) || !mkdtemp((char *)(uintptr_t)folder.p))
		return BW_STR_NONE;
	bw_buf_init(&text, 2 * PATH_MAX);
	bw_buf_put(&text, BW_STR("#!/bin/sh\nexec "));
	single_quote(&text, bw_str_c(real));
	bw_buf_put(&text, BW_STR(" --endpoint-url "));
	single_quote(&text, endpoint);
	bw_buf_put(&text, BW_STR(" \"$@\"\n"));
	e = file_write(bw_arena_printf(a, "%.*s/aws", BW_FMT(folder)).p, bw_buf_str(&text), 0700);
	bw_buf_free(&text);
	return e == BW_OK ? folder : BW_STR_NONE;
}

static void shim_remove(struct bw_arena *a, struct bw_str folder)
{
	if (!bw_str_set(folder))
		return;
	(void)unlink(bw_arena_printf(a, "%.*s/aws", BW_FMT(folder)).p);
	(void)rmdir(folder.p);
}

/* An interrupt from the terminal is the command's to take; this process stays to clean up behind it. */
static int child_status(pid_t pid)
{
	int status;

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void environment_set(struct bw_arena *a, const struct variable *v, struct bw_str shim)
{
	const char *path = getenv("PATH"), *endpoints[ENDPOINTS_MAX];
	size_t others = endpoints_find(a, endpoints);

	for (size_t i = 0; i < others; i++)
		unsetenv(endpoints[i]);
	for (size_t i = 0; i < VARIABLES; i++) {
		if (bw_str_set(v[i].value))
			setenv(v[i].name, bw_arena_str(a, v[i].value).p, 1);
		else
			unsetenv(v[i].name);
	}
	if (bw_str_set(shim))
		setenv("PATH", bw_arena_printf(a, "%.*s:%s", BW_FMT(shim), path ? path : "").p, 1);
}

/* An `aws` that is called by its path passes the shim by: it is told here where the server is. */
static char **words_of(const struct parsed *p, struct bw_arena *a, struct bw_str endpoint)
{
	const char *slash = strrchr(p->rest[0], '/');
	char **words;

	if (!slash || strcmp(slash, "/aws") != 0)
		return p->rest;
	words = BW_NEW_ARRAY(a, char *, (size_t)p->rest_count + 3);
	words[0] = p->rest[0];
	words[1] = (char *)(uintptr_t)"--endpoint-url";
	words[2] = (char *)(uintptr_t)bw_arena_str(a, endpoint).p;
	for (int i = 1; i < p->rest_count; i++)
		words[i + 2] = p->rest[i];
	return words;
}

static int exec_run(const struct parsed *p)
{
	static struct place place;
	struct credentials c;
	struct variable v[VARIABLES];
	struct bw_str shim;
	int status;
	pid_t pid;

	if (p->rest_count == 0)
		return command_refuse(p, "no command to run");
	if (!credentials_find(p, &place, &c))
		return 1;
	variables_fill(&place, &c, &place.arena, v);
	shim = shim_make(&place.arena, c.endpoint);
	pid = fork();
	if (pid == 0) {
		environment_set(&place.arena, v, shim);
		execvp(p->rest[0], words_of(p, &place.arena, c.endpoint));
		fprintf(stderr, "bulwark: exec: %s: %s\n", p->rest[0], strerror(errno));
		_exit(127);
	}
	status = pid < 0 ? 1 : child_status(pid);
	shim_remove(&place.arena, shim);
	bw_arena_free(&place.arena);
	return status;
}

const struct command command_exec = {.name = "exec", .arguments = "-- CMD [ARGS]",
    .summary = "run a command against this server as its administrator",
    .about = "Runs CMD with the endpoint, Region and administrator's keys in its environment, as AWS CLIs and SDKs read them.\nOld "
             "AWS CLIs that do not know AWS_ENDPOINT_URL get --endpoint-url.\n\nExamples:\n  bulwark exec -- aws sts "
             "get-caller-identity\n  bulwark exec --data ./data -- terraform apply",
    .options = exec_options, .option_count = BW_COUNT(exec_options), .run = exec_run};
const struct command command_env = {.name = "env", .arguments = "", .summary = "print the environment that clients need",
    .about = "Prints shell commands that set the endpoint and the administrator's keys.\n\nExample:\n  eval \"$(bulwark env)\"",
    .options = exec_options, .option_count = BW_COUNT(exec_options), .run = env_run};
