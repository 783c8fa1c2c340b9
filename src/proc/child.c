/* The processes of one row: the one that serves, and for a while the one before it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/parent.h"

enum {
	PAUSE_FIRST_MS = 100,
	PAUSE_MAX_MS = 10000,
	STEADY_MS = 60000, /* who has served this long dies of something new */
	LINGER_MS = 5 * 60 * 1000, /* so long the edge lets connections end that it had before it was relieved (edge.c) */
};

static enum bw_err channel_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "socketpair: %s", strerror(errno));
	return BW_EIO;
}

/* What is the parent's alone: whoever kept a copy of a socket would keep its port. */
static void parent_forget(struct parent *p)
{
	close(p->signals);
	upgrade_forget(p);
	sockets_close(p);
	table_forget(p);
	for (size_t i = 0; i < p->count; i++) {
		if (p->children[i].needs >= 0)
			close(p->children[i].needs);
		if (p->children[i].now.channel >= 0)
			close(p->children[i].now.channel);
		if (p->children[i].old.channel >= 0)
			close(p->children[i].old.channel);
	}
}

static _Noreturn void child_main(struct parent *p, struct child *c, const char *user, int channel)
{
	const struct bw_proc_self self = {.channel = channel,
	    .ctx = c->row->ctx,
	    .incarnation = c->incarnations,
	    .relieves = c->old.pid > 0,
	    .table = p->shown};
	int status;

	/* Dying with the parent is forgotten when the user changes: it comes second. */
	if (user && bw_user_become(user) != BW_OK)
		_exit(1);
	bw_process_harden(true);
	/* The parent may have died before its death could be noticed. */
	if (getppid() != p->pid)
		_exit(1);
	MUST(sigprocmask(SIG_SETMASK, &p->old_mask, NULL) == 0);
	/* A terminal's Ctrl-C and systemd's SIGTERM reach everybody: the parent decides what follows. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	parent_forget(p);
	bw_log_title_set(c->row->title);
	(void)prctl(PR_SET_NAME, c->row->title, 0, 0, 0);
	status = c->row->run(&self);
	exit(status);
}

static enum bw_err child_fork(struct parent *p, struct child *c)
{
	const char *user = c->row->user ? c->row->user() : NULL;
	int ends[2];
	pid_t pid;

	TRY(channel_pair(ends));
	c->incarnations++;
	/* Two that live at one time have numbers of either kind, by which rows divide what they share: somebody between may have died. */
	if (c->old.pid > 0 && c->incarnations % 2 == c->old.incarnation % 2)
		c->incarnations++;
	if (c->row->begins)
		c->row->begins(c->row->ctx, c->incarnations);
	pid = fork();
	if (pid < 0) {
		bw_log(BW_LOG_ERROR, "fork: %s", strerror(errno));
		if (c->row->ended)
			c->row->ended(c->row->ctx, c->incarnations);
		close(ends[0]);
		close(ends[1]);
		return BW_EIO;
	}
	if (pid == 0) {
		close(ends[0]);
		child_main(p, c, user, ends[1]);
	}
	close(ends[1]);
	c->now = (struct life){.pid = pid, .channel = ends[0], .incarnation = c->incarnations, .started_ms = bw_clock_mono_ms()};
	c->waited_for = false;
	return BW_OK;
}

enum bw_err child_start(struct parent *p, struct child *c)
{
	TRY(child_fork(p, c));
	c->ready = c->reloading = c->asleep = c->again = c->stays = false;
	c->restart_ms = 0;
	return BW_OK;
}

void child_relieve(struct parent *p, struct child *c)
{
	struct life serving = c->now;

	if (c->old.pid || !c->ready) {
		c->again = true;
		return;
	}
	c->again = false;
	c->old = serving;
	if (child_fork(p, c) == BW_OK) {
		c->ready = false;
		c->reloading = true;
		return;
	}
	c->old = (struct life){.channel = -1};
	c->now = serving;
}

static void life_retire(struct life *l, int64_t patience_ms)
{
	l->until_ms = bw_clock_mono_ms() + patience_ms;
	if (bw_proc_send(l->channel, BW_PROC_RETIRE, BW_STR("")) != BW_OK)
		(void)kill(l->pid, SIGKILL);
}

void child_renew(struct parent *p, struct child *c)
{
	bw_log(BW_LOG_INFO, "process %s: %s in the place of %s", c->row->title, p->versions[0], p->versions[c->now.program]);
	if (c->row->relieved || c->row->succeeded) {
		child_relieve(p, c);
		return;
	}
	life_retire(&c->now, p->grace_ms);
}

int64_t child_patience_ms(const struct parent *p, const struct child *c)
{
	return p->grace_ms + (c->row->relieved ? LINGER_MS : 0);
}

void child_ready(struct parent *p, struct child *c)
{
	c->ready = true;
	c->stays = false;
	c->reloading = false;
	if (c->old.pid)
		life_retire(&c->old, child_patience_ms(p, c));
}

/* ---- the end of one ---- */

static void life_close(struct child *c, struct life *l)
{
	if (c->row->ended)
		c->row->ended(c->row->ctx, l->incarnation);
	if (l->channel >= 0)
		close(l->channel);
	*l = (struct life){.channel = -1};
}

static void end_tell(const struct child *c, int status, const char *what)
{
	bw_log(BW_LOG_ERROR, "process %s ended (%s %d); %s", c->row->title,
	    WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), what);
}

static void old_ended(struct parent *p, struct child *c, int status, bool clean)
{
	life_close(c, &c->old);
	if (!clean)
		end_tell(c, status, c->ready ? "its successor serves" : "its successor is starting");
	if (p->kill_ms) {
		if (!clean)
			p->status = 1;
		if (only_outliving_left(p))
			children_drain(p, true);
	} else if (c->again) {
		child_relieve(p, c);
	}
}

static void restart_plan(struct child *c, int64_t lived_ms, int status)
{
	char what[64];

	c->pause_ms = c->pause_ms && lived_ms < STEADY_MS ? c->pause_ms * 2 : PAUSE_FIRST_MS;
	if (c->pause_ms > PAUSE_MAX_MS)
		c->pause_ms = PAUSE_MAX_MS;
	c->restart_ms = bw_clock_mono_ms() + c->pause_ms;
	snprintf(what, sizeof what, "it is started again in %lld ms", (long long)c->pause_ms);
	end_tell(c, status, what);
}

/* A successor that could not start relieves nobody. Only one of this program shows that its program cannot. */
static void go_back(struct parent *p, struct child *c, int status)
{
	bool own = c->now.program == 0;

	end_tell(c, status, "the one before it goes on");
	c->now = c->old;
	c->old = (struct life){.channel = -1};
	c->ready = true;
	c->stays = own && c->now.program != 0;
	if (c->again)
		child_relieve(p, c);
}

static void now_ended(struct parent *p, struct child *c, int status, bool clean)
{
	int64_t lived_ms = bw_clock_mono_ms() - c->now.started_ms;
	bool ready = c->ready, told = c->now.until_ms != 0;

	life_close(c, &c->now);
	c->ready = c->reloading = false;
	if (p->kill_ms) {
		if (!clean)
			p->status = 1;
		if (!c->row->outlives && only_outliving_left(p))
			children_drain(p, true);
	} else if (!ready && c->old.pid) {
		go_back(p, c, status);
	} else if (!ready && c->incarnations == 1 && c->needs < 0 && !p->took_over) {
		/* It could not even start: its own words are in the log, and trying again would only repeat
		 * them. */
		p->status = WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
		drain(p);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == BW_PROC_FINAL) {
		end_tell(c, status, "it is not started again");
		p->status = BW_PROC_FINAL;
		drain(p);
	} else if (told || (ready && clean)) {
		/* It asked for it, or was asked: it goes on as it would at a first start. */
		c->asleep = c->needs >= 0;
		c->restart_ms = c->asleep ? 0 : bw_clock_mono_ms() + 1;
	} else {
		restart_plan(c, lived_ms, status);
	}
}

bool child_ended(struct parent *p, struct child *c, pid_t pid, int status)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (pid == c->old.pid)
		old_ended(p, c, status, clean);
	else if (pid == c->now.pid)
		now_ended(p, c, status, clean);
	else
		return false;
	return true;
}

/* ---- all of them ---- */

bool child_any(const struct child *c)
{
	return c->now.pid > 0 || c->old.pid > 0;
}

static void life_drain(const struct life *l)
{
	if (l->pid > 0 && bw_proc_send(l->channel, BW_PROC_DRAIN, BW_STR("")) != BW_OK)
		(void)kill(l->pid, SIGKILL);
}

void children_drain(struct parent *p, bool outliving)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct child *c = &p->children[i];

		if (c->row->outlives != outliving)
			continue;
		life_drain(&c->now);
		life_drain(&c->old);
	}
}

bool only_outliving_left(const struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (child_any(&p->children[i]) && !p->children[i].row->outlives)
			return false;
	return true;
}
