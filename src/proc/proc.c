#include "proc/proc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"

enum {
	PAUSE_FIRST_MS = 100,
	PAUSE_MAX_MS = 10000,
	STEADY_MS = 60000, /* who has served this long dies of something new */
	ROWS_MAX = 8,
};

struct child {
	const struct bw_proc_row *row;
	pid_t pid;
	int channel;
	bool ready;     /* has served since it was started */
	bool reloading; /* and was told to read its configuration again since */
	int64_t started_ms;
	int64_t restart_ms; /* when to start it again; 0: not waiting */
	int64_t pause_ms;
};

struct parent {
	struct child children[ROWS_MAX];
	size_t count;
	pid_t pid;
	sigset_t old_mask;
	int signals;
	int64_t kill_ms; /* draining: when patience ends; 0: not draining */
	int64_t grace_ms;
	int64_t watchdog_ms; /* how often systemd wants to hear from us; 0: never */
	int64_t alive_ms;    /* when it is to hear next */
	bool announced;
	int status;
};

static enum bw_err channel_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "socketpair: %s", strerror(errno));
	return BW_EIO;
}

static _Noreturn void child_main(struct parent *p, struct child *c, int channel)
{
	struct bw_proc_self self = {channel, c->row->ctx};
	int status;

	/* Dying with the parent is forgotten when the user changes: it comes second. */
	if (c->row->user &&
	    (c->row->low_ports ? bw_user_become_binder(c->row->user) : bw_user_become(c->row->user)) != BW_OK)
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
	(void)signal(SIGPIPE, SIG_IGN);
	close(p->signals);
	for (size_t i = 0; i < p->count; i++)
		if (p->children[i].channel >= 0)
			close(p->children[i].channel);
	bw_log_title_set(c->row->title);
	(void)prctl(PR_SET_NAME, c->row->title, 0, 0, 0);
	status = c->row->run(&self);
	exit(status);
}

static enum bw_err child_start(struct parent *p, struct child *c)
{
	int ends[2];
	pid_t pid;

	TRY(channel_pair(ends));
	pid = fork();
	if (pid < 0) {
		bw_log(BW_LOG_ERROR, "fork: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return BW_EIO;
	}
	if (pid == 0) {
		close(ends[0]);
		child_main(p, c, ends[1]);
	}
	close(ends[1]);
	c->pid = pid;
	c->channel = ends[0];
	c->ready = c->reloading = false;
	c->started_ms = bw_clock_mono_ms();
	c->restart_ms = 0;
	return BW_OK;
}

/* Tells those who outlive the others, or the others. */
static void drain_rows(struct parent *p, bool outliving)
{
	for (size_t i = 0; i < p->count; i++) {
		struct child *c = &p->children[i];

		if (c->pid > 0 && c->row->outlives == outliving &&
		    bw_proc_send(c->channel, BW_PROC_DRAIN, BW_STR("")) != BW_OK)
			(void)kill(c->pid, SIGKILL);
	}
}

static bool only_outliving_left(const struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->children[i].pid > 0 && !p->children[i].row->outlives)
			return false;
	return true;
}

static void drain(struct parent *p)
{
	if (p->kill_ms)
		return;
	p->kill_ms = bw_clock_mono_ms() + p->grace_ms;
	bw_notify("STOPPING=1");
	drain_rows(p, false);
	if (only_outliving_left(p))
		drain_rows(p, true);
}

static void child_ended(struct parent *p, struct child *c, int status)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	int64_t now = bw_clock_mono_ms();

	if (c->channel >= 0)
		close(c->channel);
	c->channel = -1;
	c->pid = 0;
	if (p->kill_ms) {
		if (!clean)
			p->status = 1;
		if (!c->row->outlives && only_outliving_left(p))
			drain_rows(p, true);
		return;
	}
	if (!c->ready) {
		/* It could not even start: its own words are in the log, and trying again would only repeat
		 * them. */
		p->status = WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
		drain(p);
		return;
	}
	if (clean) {
		/* It asked for it: it goes on as it would at a first start. */
		c->restart_ms = now + 1;
		return;
	}
	c->pause_ms = c->pause_ms && now - c->started_ms < STEADY_MS ? c->pause_ms * 2 : PAUSE_FIRST_MS;
	if (c->pause_ms > PAUSE_MAX_MS)
		c->pause_ms = PAUSE_MAX_MS;
	c->restart_ms = now + c->pause_ms;
	bw_log(BW_LOG_ERROR, "process %s ended (%s %d); it is started again in %lld ms", c->row->title,
	    WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)c->pause_ms);
}

static void reap(struct parent *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < p->count; i++)
			if (p->children[i].pid == pid)
				child_ended(p, &p->children[i], status);
}

static void reload(struct parent *p)
{
	if (p->kill_ms)
		return;
	if (p->announced)
		bw_notify("RELOADING=1");
	p->announced = false;
	for (size_t i = 0; i < p->count; i++) {
		struct child *c = &p->children[i];

		c->reloading = c->pid > 0 && bw_proc_send(c->channel, BW_PROC_RELOAD, BW_STR("")) == BW_OK;
		if (!c->reloading)
			bw_log(BW_LOG_WARN, "process %s could not be told to reload", c->row->title);
	}
}

static void signal_take(struct parent *p)
{
	struct signalfd_siginfo info;

	while (read(p->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			reap(p);
		else if (info.ssi_signo == SIGHUP)
			reload(p);
		else if (info.ssi_signo == SIGINT && p->kill_ms)
			p->kill_ms = 1; /* Ctrl-C again: whoever sits there will not wait */
		else
			drain(p);
	}
}

static bool all_serve(const struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!p->children[i].ready || p->children[i].reloading)
			return false;
	return true;
}

static void ready_take(struct parent *p, struct child *c)
{
	c->ready = true;
	c->reloading = false;
	if (!p->announced && !p->kill_ms && all_serve(p)) {
		p->announced = true;
		bw_notify("READY=1");
	}
}

static void channel_take(struct parent *p, struct child *c)
{
	struct bw_proc_message m;
	enum bw_err e;

	while ((e = bw_proc_receive(c->channel, c->row->may_send, &m)) == BW_OK)
		if (m.type == BW_PROC_READY)
			ready_take(p, c);
	if (e == BW_EINVAL) {
		bw_log(BW_LOG_ERROR, "process %s said what it may not say: ended", c->row->title);
		(void)kill(c->pid, SIGKILL);
	}
	if (e != BW_EAGAIN) { /* it ends, or is ended: who does not listen cannot be drained either */
		close(c->channel);
		c->channel = -1;
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || b < a ? b : a;
}

/* systemd hears that we are alive while everybody serves; when it hears nothing it starts us anew. */
static int64_t watchdog_run(struct parent *p, int64_t now)
{
	if (!p->watchdog_ms)
		return -1;
	if (now >= p->alive_ms) {
		p->alive_ms = now + p->watchdog_ms;
		if (p->kill_ms || all_serve(p))
			bw_notify("WATCHDOG=1");
	}
	return p->alive_ms - now;
}

/* Starts and kills what is due; how long to sleep until the next of these, -1: nothing waits. */
static int64_t timers_run(struct parent *p)
{
	int64_t now = bw_clock_mono_ms(), wait = watchdog_run(p, now);

	for (size_t i = 0; i < p->count; i++) {
		struct child *c = &p->children[i];

		if (p->kill_ms && c->pid > 0 && now >= p->kill_ms) {
			bw_log(BW_LOG_WARN, "process %s did not drain in time: killed", c->row->title);
			(void)kill(c->pid, SIGKILL);
		} else if (!p->kill_ms && c->restart_ms && now >= c->restart_ms &&
		           child_start(p, c) != BW_OK) {
			c->restart_ms = now + PAUSE_MAX_MS;
		}
		if (!p->kill_ms && c->restart_ms)
			wait = sooner(wait, c->restart_ms - now);
	}
	if (p->kill_ms)
		wait = sooner(wait, now < p->kill_ms ? p->kill_ms - now : 1000);
	return wait;
}

static bool anyone(const struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->children[i].pid > 0)
			return true;
	return false;
}

static void turn(struct parent *p)
{
	struct pollfd watched[1 + ROWS_MAX] = {{.fd = p->signals, .events = POLLIN}};
	int64_t wait = timers_run(p);

	for (size_t i = 0; i < p->count; i++)
		watched[1 + i] = (struct pollfd){.fd = p->children[i].channel, .events = POLLIN};
	if (poll(watched, 1 + p->count, (int)wait) < 0)
		return;
	for (size_t i = 0; i < p->count; i++)
		if (watched[1 + i].revents && p->children[i].channel >= 0)
			channel_take(p, &p->children[i]);
	if (watched[0].revents)
		signal_take(p);
}

/* WATCHDOG_USEC (sd_watchdog_enabled(3)): half of it between two signs of life. */
static int64_t watchdog_asked(void)
{
	struct bw_str usec = bw_str_c(getenv("WATCHDOG_USEC")), pid = bw_str_c(getenv("WATCHDOG_PID"));
	int64_t n, whose;

	if (bw_str_to_i64(usec, 2000, INT64_MAX, &n) != BW_OK)
		return 0;
	if (bw_str_set(pid) && (bw_str_to_i64(pid, 1, INT32_MAX, &whose) != BW_OK || whose != getpid()))
		return 0;
	return n / 2000;
}

/* The usual soft limit of 1,024 descriptors would be met long before our own ceiling of connections. */
static void descriptors_raise(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) != 0)
		bw_log(BW_LOG_WARN, "cannot raise the limit of descriptors: %s", strerror(errno));
}

static enum bw_err signals_take(struct parent *p)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, &p->old_mask) == 0)
		p->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signals >= 0 ? BW_OK : BW_EIO;
}

int bw_proc_run(const struct bw_proc_row *rows, size_t count, int64_t grace_ms)
{
	struct parent p = {.count = count, .grace_ms = grace_ms, .signals = -1, .pid = getpid()};

	MUST(count <= ROWS_MAX);
	bw_process_harden(false);
	descriptors_raise();
	p.watchdog_ms = watchdog_asked();
	for (size_t i = 0; i < count; i++)
		p.children[i] = (struct child){.row = &rows[i], .channel = -1};
	if (signals_take(&p) != BW_OK)
		return 1;
	for (size_t i = 0; i < count; i++)
		if (child_start(&p, &p.children[i]) != BW_OK) {
			p.status = 1;
			drain(&p);
			break;
		}
	while (anyone(&p) || (!p.kill_ms && !p.status))
		turn(&p);
	close(p.signals);
	MUST(sigprocmask(SIG_SETMASK, &p.old_mask, NULL) == 0);
	return p.status;
}
