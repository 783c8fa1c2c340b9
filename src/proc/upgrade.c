/* Another program in the place of this one: looked at, tried, started in the same process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/kept_internal.h"
#include "proc/parent.h"
#include "proc/program_file.h"

enum {
	TRIAL_MS = 60000,        /* what takes over for show opens nothing and asks nobody */
	WORDS_MAX = 64 << 10,    /* of what it says */
	COMMAND_MAX = 256 << 10, /* of /proc/self/cmdline: 48 options at most 32 times */
	COMMAND_WORDS = 48 * 33 * 2,
};

/* What it says when it can, in front of its version. */
#define REHEARSED "rehearsed "

/* Where this program was started from, and the next one will be; without links resolved, so that a link may point to newer ones. */
static char program_path[PATH_MAX];

/* ---- Beginning ---- */

static enum bw_err path_find(bool took_over)
{
	const char *given = (const char *)(uintptr_t)getauxval(AT_EXECFN); /* NOLINT: that is how the kernel tells */
	char folder[PATH_MAX] = "";
	int n;

	if (bw_kept_bytes("program", program_path, sizeof program_path))
		return program_path[sizeof program_path - 1] ? BW_EINVAL : BW_OK;
	/* It was started by its descriptor, which says nothing of where the next one will be. */
	CHECK(!took_over && given && (given[0] == '/' || getcwd(folder, sizeof folder)), BW_ENOTFOUND);
	n = snprintf(program_path, sizeof program_path, "%s%s%s", folder, folder[0] ? "/" : "", given);
	return n > 0 && (size_t)n < sizeof program_path ? BW_OK : BW_ENOTFOUND;
}

enum bw_err upgrade_open(struct parent *p)
{
	p->trial = (struct trial){.said = -1, .file = -1};
	p->version_count = 1;
	(void)snprintf(p->versions[0], sizeof p->versions[0], "%s", p->program ? p->program->version : "?");
	if (!p->program)
		return BW_OK;
	p->took_over = kept_was_taken();
	if (p->took_over && !bw_kept_bytes("upgrades", &p->upgrades, sizeof p->upgrades)) {
		bw_log(BW_LOG_ERROR, "the program before has not said how often it was replaced: it leaves its list in another form than this one knows");
		return BW_EINVAL;
	}
	p->upgrades += p->took_over;
	if (path_find(p->took_over) != BW_OK)
		program_path[0] = '\0';
	bw_keep_bytes("program", program_path, sizeof program_path);
	bw_keep_bytes("upgrades", &p->upgrades, sizeof p->upgrades);
	bw_buf_init(&p->trial.words, WORDS_MAX);
	return BW_OK;
}

/* ---- Formats ---- */

static void format_name(const struct bw_proc_format *f, char name[BW_KEPT_NAME_MAX])
{
	MUST(snprintf(name, BW_KEPT_NAME_MAX, "format/%s", f->name) < BW_KEPT_NAME_MAX);
}

enum bw_err bw_proc_formats_check(const struct bw_proc_program *program)
{
	char name[BW_KEPT_NAME_MAX];
	uint32_t theirs;

	for (size_t i = 0; i < program->format_count; i++) {
		const struct bw_proc_format *f = &program->formats[i];

		format_name(f, name);
		if (bw_kept_bytes(name, &theirs, sizeof theirs) && (theirs < f->oldest || theirs > f->own)) {
			bw_log(BW_LOG_ERROR, "version %s goes on with the format %u to %u of %s, and what runs has %u",
			    program->version, f->oldest, f->own, f->name, theirs);
			return BW_EINVAL;
		}
		bw_keep_bytes(name, &f->own, sizeof f->own);
	}
	return BW_OK;
}

/* ---- Refusing ---- */

static void refuse(struct parent *p, const char *what, const char *why)
{
	char words[BW_PROC_WORDS_MAX];

	(void)snprintf(words, sizeof words, "%s: %s", what, why);
	bw_log(BW_LOG_ERROR, "no upgrade: %s; version %s goes on", words, p->versions[0]);
	table_refusal_say(p, words);
	if (p->trial.file >= 0)
		close(p->trial.file);
	p->trial.file = -1;
}

/* ---- Starting it ---- */

/* Only returns when it cannot be. The words are those that this program was started with. */
static void program_start(int file, bool rehearses)
{
	static char text[COMMAND_MAX + 1];
	static char *words[COMMAND_WORDS + 2];
	static char rehearse[] = "--rehearse";
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size_t n = 0, count = 0;
	ssize_t got;

	while (fd >= 0 && n < COMMAND_MAX && (got = read(fd, text + n, COMMAND_MAX - n)) > 0)
		n += (size_t)got;
	if (fd >= 0)
		close(fd);
	errno = E2BIG;
	for (char *at = text; at < text + n && count < COMMAND_WORDS; at += strlen(at) + 1) {
		if (count == 2 && rehearses)
			words[count++] = rehearse;
		words[count++] = at;
	}
	if (count == 2 && rehearses)
		words[count++] = rehearse;
	words[count] = NULL;
	if (n && n < COMMAND_MAX && count < COMMAND_WORDS)
		(void)fexecve(file, words, environ);
}

static enum bw_err leave(struct parent *p, struct leaving *l)
{
	leaving_begin(l);
	children_leave(p, l);
	sockets_leave(p, l);
	return leaving_end(l);
}

static _Noreturn void trial_main(const struct parent *p, const struct leaving *l, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
	    sigprocmask(SIG_SETMASK, &p->old_mask, NULL) == 0 && leaving_inherit(l, true))
		program_start(p->trial.file, true);
	(void)dprintf(out, "cannot be started: %s\n", strerror(errno));
	_exit(1);
}

static enum bw_err trial_start(struct parent *p)
{
	struct leaving l;
	int ends[2];
	enum bw_err e = leave(p, &l);

	if (e == BW_OK && pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		e = BW_EIO;
	if (e == BW_OK) {
		p->trial.pid = fork();
		if (p->trial.pid == 0)
			trial_main(p, &l, ends[1]);
		close(ends[1]);
		p->trial.said = ends[0];
		p->trial.until_ms = bw_clock_mono_ms() + TRIAL_MS;
		bw_buf_reset(&p->trial.words);
		p->trial.words.failed = false;
	}
	leaving_free(&l);
	return e == BW_OK && p->trial.pid > 0 ? BW_OK : BW_EIO;
}

void upgrade_begin(struct parent *p)
{
	const char *why = !p->program ? "this program is not made for it" : p->program->stays;

	if (!why && p->kill_ms)
		why = "the server is ending";
	if (!why && p->trial.pid > 0) {
		bw_log(BW_LOG_INFO, "upgrade: asked for again while a program is on trial: what is installed is looked at once more after it");
		p->trial.again = true;
		return;
	}
	if (why) {
		bw_log(BW_LOG_ERROR, "no upgrade: %s", why);
		table_refusal_say(p, why);
		return;
	}
	why = program_open(program_path, &p->trial.file);
	if (why)
		refuse(p, program_path, why);
	else if (trial_start(p) != BW_OK)
		refuse(p, program_path, strerror(errno));
}

/* ---- Its answer ---- */

void upgrade_hear(struct parent *p)
{
	char *room = bw_buf_room(&p->trial.words, 512);
	char rest[512];
	ssize_t n;

	/* What is more is read all the same, so that nobody waits to say it. */
	while ((n = read(p->trial.said, room ? room : rest, 512)) > 0) {
		p->trial.words.n += room ? (size_t)n : 0;
		room = bw_buf_room(&p->trial.words, 512);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(p->trial.said);
	p->trial.said = -1;
}

/* The version of a program that says it can; absent: it does not. Warnings may stand in front. */
static struct bw_str rehearsed(struct bw_str words)
{
	while (bw_str_set(words)) {
		struct bw_str line = bw_str_cut(&words, '\n');

		if (bw_str_starts(line, BW_STR(REHEARSED)))
			return bw_str_sub(line, sizeof REHEARSED - 1, line.n);
	}
	return BW_STR_NONE;
}

/* Without what stands in front of a line of the log. */
static struct bw_str first_line(struct bw_str words)
{
	struct bw_str line = bw_str_cut(&words, '\n');

	for (size_t i = 0; i + 9 < line.n && i < 64; i++)
		if (memcmp(line.p + i, "bulwark: ", 9) == 0)
			return bw_str_sub(line, i + 9, line.n);
	return line;
}

static void answer_refuse(struct parent *p, int status)
{
	struct bw_str line = first_line(bw_buf_str(&p->trial.words));
	char why[BW_PROC_WORDS_MAX];

	if (!p->trial.until_ms)
		(void)snprintf(why, sizeof why, "has not said within %d s that it can", TRIAL_MS / 1000);
	else if (line.n && !bw_str_starts(line, BW_STR(REHEARSED))) /* it said that it can, and could not even end */
		(void)snprintf(why, sizeof why, "%.*s", BW_FMT(line));
	else
		(void)snprintf(why, sizeof why, "was tried, and ended with %s %d", WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	for (char *c = why; *c; c++)
		if ((unsigned char)*c < 32 || (unsigned char)*c > 126)
			*c = '?';
	refuse(p, program_path, why);
}

static void take_place(struct parent *p)
{
	struct leaving l;
	int kept;

	if (leave(p, &l) == BW_OK) {
		if (leaving_inherit(&l, true))
			program_start(p->trial.file, false);
		kept = errno;
		MUST(leaving_inherit(&l, false));
		errno = kept;
	}
	kept = errno;
	leaving_free(&l);
	refuse(p, program_path, strerror(kept));
}

bool upgrade_ended(struct parent *p, pid_t pid, int status)
{
	struct bw_str version;

	if (p->trial.pid <= 0 || pid != p->trial.pid)
		return false;
	if (p->trial.said >= 0)
		upgrade_hear(p);
	if (p->trial.said >= 0)
		close(p->trial.said);
	p->trial.said = -1;
	p->trial.pid = 0;
	/* Heard by whichever program there is then: what is pending stays so. */
	if (p->trial.again && !p->kill_ms)
		MUST(kill(getpid(), SIGUSR2) == 0);
	p->trial.again = false;
	version = rehearsed(bw_buf_str(&p->trial.words));
	if (p->kill_ms) {
		close(p->trial.file);
		p->trial.file = -1;
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && p->trial.until_ms && bw_str_set(version)) {
		bw_log(BW_LOG_INFO, "upgrade: version %s makes way for %.*s", p->versions[0], BW_FMT(version));
		take_place(p);
	} else {
		answer_refuse(p, status);
	}
	return true;
}

int64_t upgrade_run(struct parent *p, int64_t now_ms)
{
	if (p->trial.pid <= 0 || !p->trial.until_ms)
		return -1;
	if (now_ms < p->trial.until_ms)
		return p->trial.until_ms - now_ms;
	p->trial.until_ms = 0;
	(void)kill(p->trial.pid, SIGKILL);
	return -1;
}

void upgrade_forget(const struct parent *p)
{
	if (p->trial.said >= 0)
		close(p->trial.said);
	if (p->trial.file >= 0)
		close(p->trial.file);
}

void upgrade_close(struct parent *p)
{
	upgrade_forget(p);
	bw_buf_free(&p->trial.words);
	kept_forget();
}

/* ---- Taking over ---- */

enum bw_err upgrade_take(struct parent *p)
{
	TRY(children_take(p));
	TRY(sockets_take_over(p));
	bw_kept_settle();
	return BW_OK;
}

void upgrade_rehearsed(const struct parent *p)
{
	(void)printf(REHEARSED "%s\n", p->versions[0]);
	(void)fflush(stdout);
}
