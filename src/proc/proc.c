#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/parent.h"

enum {
	RESTART_RETRY_MS = 10000,
	TURN_MESSAGES = 64, /* taken of one process before the others have their turn */
};

void drain(struct parent *p)
{
	if (p->kill_ms)
		return;
	p->kill_ms = bw_clock_mono_ms() + p->grace_ms;
	bw_notify("STOPPING=1");
	sockets_close(p);
	children_drain(p, false);
	if (only_outliving_left(p))
		children_drain(p, true);
}

static void reap(struct parent *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; !upgrade_ended(p, pid, status) && i < p->count && !child_ended(p, &p->children[i], pid, status); i++)
			;
}

static void child_reload(struct parent *p, struct child *c)
{
	if (c->asleep)
		return;
	if (c->row->relieved) {
		child_relieve(p, c);
		return;
	}
	c->reloading = c->now.pid > 0 && bw_proc_send(c->now.channel, BW_PROC_RELOAD, BW_STR("")) == BW_OK;
	if (!c->reloading)
		bw_log(BW_LOG_WARN, "process %s could not be told to reload", c->row->title);
}

static void reload(struct parent *p)
{
	if (p->kill_ms)
		return;
	if (p->announced)
		bw_notify("RELOADING=1");
	p->announced = false;
	for (size_t i = 0; i < p->count; i++)
		child_reload(p, &p->children[i]);
}

static void signal_take(struct parent *p)
{
	struct signalfd_siginfo info;

	while (read(p->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			reap(p);
		else if (info.ssi_signo == SIGHUP)
			reload(p);
		else if (info.ssi_signo == SIGUSR2)
			upgrade_begin(p);
		else if (info.ssi_signo == SIGINT && p->kill_ms)
			p->kill_ms = 1; /* Ctrl-C again: whoever sits there will not wait */
		else
			drain(p);
	}
}

static bool all_serve(const struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!p->children[i].asleep && (!p->children[i].ready || p->children[i].reloading))
			return false;
	return true;
}

static bool all_new(const struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->children[i].now.pid > 0 && p->children[i].now.program && !p->children[i].stays)
			return false;
	return true;
}

static void announce(struct parent *p)
{
	if (p->announced || p->kill_ms || !all_serve(p) || !all_new(p))
		return;
	p->announced = true;
	if (p->took_over)
		bw_log(BW_LOG_INFO, "version %s serves", p->versions[0]);
	bw_notify("READY=1");
}

static bool message_take(
    struct parent *p, struct child *c, const struct life *life, const struct bw_proc_message *m)
{
	if (m->type == BW_PROC_READY) {
		if (life == &c->now)
			child_ready(p, c);
		return true;
	}
	if (m->type == BW_PROC_UPGRADE) {
		upgrade_begin(p);
		return true;
	}
	/* What is drained is given nothing more. */
	return p->kill_ms || sockets_take(p, c, life, m);
}

static void channel_take(struct parent *p, struct child *c, struct life *life)
{
	struct bw_proc_message m;
	enum bw_err e = BW_EAGAIN;

	for (int i = 0; i < TURN_MESSAGES && (e = bw_proc_receive(life->channel, c->row->may_send, &m)) == BW_OK; i++) {
		if (m.fd >= 0)
			close(m.fd);
		if (!message_take(p, c, life, &m)) {
			e = BW_EINVAL;
			break;
		}
	}
	if (e == BW_EINVAL) {
		bw_log(BW_LOG_ERROR, "process %s said what it may not say: ended", c->row->title);
		(void)kill(life->pid, SIGKILL);
	}
	if (e != BW_EAGAIN && e != BW_OK) { /* it ends, or is ended: who does not listen cannot be drained either */
		close(life->channel);
		life->channel = -1;
	}
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

static void life_kill(const struct child *c, const struct life *l)
{
	if (l->pid <= 0)
		return;
	bw_log(BW_LOG_WARN, "process %s did not drain in time: killed", c->row->title);
	(void)kill(l->pid, SIGKILL);
}

/* What is drained needs those that outlive it as before. */
static bool may_start(const struct parent *p, const struct child *c)
{
	return !p->kill_ms || (c->asleep && c->row->outlives && !only_outliving_left(p));
}

/* Starts and kills what is due; how long to sleep until the next of these, -1: nothing waits. */
static int64_t timers_run(struct parent *p)
{
	int64_t now = bw_clock_mono_ms(), wait = sooner(watchdog_run(p, now), sooner(upgrade_run(p, now), renew_run(p, now)));

	for (size_t i = 0; i < p->count; i++) {
		struct child *c = &p->children[i];

		if (p->kill_ms && now >= p->kill_ms) {
			life_kill(c, &c->now);
			life_kill(c, &c->old);
		} else if (may_start(p, c) && c->restart_ms && now >= c->restart_ms &&
		           child_start(p, c) != BW_OK) {
			c->restart_ms = now + RESTART_RETRY_MS;
		}
		if (may_start(p, c) && c->restart_ms)
			wait = sooner(wait, c->restart_ms - now);
	}
	if (p->kill_ms)
		wait = sooner(wait, now < p->kill_ms ? p->kill_ms - now : 1000);
	return wait;
}

static bool anyone(const struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (child_any(&p->children[i]))
			return true;
	return false;
}

/* By whom a row is needed, as one descriptor. */
static enum bw_err needs_open(struct child *c)
{
	c->needs = c->row->needed_count ? epoll_create1(EPOLL_CLOEXEC) : -1;
	for (size_t i = 0; i < c->row->needed_count; i++) {
		struct epoll_event readable = {.events = EPOLLIN};

		if (c->needs < 0 || epoll_ctl(c->needs, EPOLL_CTL_ADD, c->row->needed_by[i], &readable) != 0) {
			bw_log(BW_LOG_ERROR, "epoll: %s", strerror(errno));
			return BW_EIO;
		}
	}
	c->asleep = c->needs >= 0;
	return BW_OK;
}

static void turn(struct parent *p)
{
	struct pollfd watched[2 + 3 * ROWS_MAX] = {{.fd = p->signals, .events = POLLIN}};
	struct pollfd *said = &watched[1 + 3 * p->count];
	int64_t wait = timers_run(p);

	announce(p);
	table_say(p);
	*said = (struct pollfd){.fd = p->trial.said, .events = POLLIN};
	for (size_t i = 0; i < p->count; i++) {
		const struct child *c = &p->children[i];
		bool sleeps = c->asleep && !c->restart_ms && may_start(p, c);

		watched[1 + 3 * i] = (struct pollfd){.fd = c->now.channel, .events = POLLIN};
		watched[2 + 3 * i] = (struct pollfd){.fd = c->old.channel, .events = POLLIN};
		watched[3 + 3 * i] = (struct pollfd){.fd = sleeps ? c->needs : -1, .events = POLLIN};
	}
	if (poll(watched, 2 + 3 * p->count, (int)wait) < 0)
		return;
	if (said->revents)
		upgrade_hear(p);
	for (size_t i = 0; i < p->count; i++) {
		struct child *c = &p->children[i];

		if (watched[1 + 3 * i].revents && c->now.channel >= 0)
			channel_take(p, c, &c->now);
		if (watched[2 + 3 * i].revents && c->old.channel >= 0)
			channel_take(p, c, &c->old);
		if (watched[3 + 3 * i].revents) /* started like any that is due */
			c->restart_ms = bw_clock_mono_ms();
	}
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
	sigaddset(&mask, SIGUSR2);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, &p->old_mask) == 0)
		p->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	/* The program before has left them blocked, and what came meanwhile waits. */
	for (int i = 1; p->took_over && i < SIGRTMIN; i++)
		if (sigismember(&mask, i) == 1)
			sigdelset(&p->old_mask, i);
	return p->signals >= 0 ? BW_OK : BW_EIO;
}

/* Those of a program before are there already. */
static enum bw_err children_start(struct parent *p)
{
	if (p->took_over) {
		(void)prctl(PR_SET_NAME, "bulwark", 0, 0, 0); /* it was started by its descriptor, and has that for a name */
		bw_log(BW_LOG_INFO, "version %s has taken over", p->versions[0]);
		bw_notify("RELOADING=1");
		reap(p);
		return BW_OK;
	}
	for (size_t i = 0; i < p->count; i++)
		if (!p->children[i].asleep)
			TRY(child_start(p, &p->children[i]));
	return BW_OK;
}

static enum bw_err parent_open(struct parent *p, const struct bw_proc_row *rows)
{
	sockets_open(p);
	p->watchdog_ms = watchdog_asked();
	for (size_t i = 0; i < p->count; i++)
		p->children[i] = (struct child){.row = &rows[i], .now.channel = -1, .old.channel = -1, .needs = -1};
	for (size_t i = 0; i < p->count; i++)
		TRY(needs_open(&p->children[i]));
	TRY(upgrade_open(p));
	return p->took_over ? upgrade_take(p) : BW_OK;
}

static void parent_close(struct parent *p)
{
	bw_map_free(&p->sockets);
	close(p->signals);
	for (size_t i = 0; i < p->count; i++)
		if (p->children[i].needs >= 0)
			close(p->children[i].needs);
	upgrade_close(p);
	table_close(p);
	MUST(sigprocmask(SIG_SETMASK, &p->old_mask, NULL) == 0);
}

int bw_proc_run(
    const struct bw_proc_row *rows, size_t count, int64_t grace_ms, const struct bw_proc_program *program)
{
	struct parent p = {.count = count, .grace_ms = grace_ms, .signals = -1, .pid = getpid(), .program = program};

	MUST(count <= ROWS_MAX);
	bw_process_harden(false);
	descriptors_raise();
	if (parent_open(&p, rows) != BW_OK)
		return 1;
	if (program && program->rehearses) {
		upgrade_rehearsed(&p);
		_exit(0); /* what was taken is the running program's */
	}
	if (table_open(&p) != BW_OK || signals_take(&p) != BW_OK)
		return 1;
	if (children_start(&p) != BW_OK) {
		p.status = 1;
		drain(&p);
	}
	while (anyone(&p) || (!p.kill_ms && !p.status))
		turn(&p);
	parent_close(&p);
	return p.status;
}
