#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/proc.h"

TEST(proc_messages_keep_their_borders)
{
	struct bw_proc_message m;
	char big[BW_PROC_PAYLOAD_MAX + 1] = {0};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(bw_proc_receive(ends[1], ~0u, &m), BW_EAGAIN);
	assert_ok(bw_proc_send(ends[0], BW_PROC_READY, BW_STR("abc")));
	assert_ok(bw_proc_send(ends[0], BW_PROC_RELOAD, BW_STR("")));
	assert_ok(bw_proc_receive(ends[1], ~0u, &m));
	assert_int_equal(m.type, BW_PROC_READY);
	assert_str(bw_str_make(m.payload, m.n), "abc");
	assert_ok(bw_proc_receive(ends[1], ~0u, &m));
	assert_int_equal(m.type, BW_PROC_RELOAD);
	assert_ok(bw_proc_send(ends[0], BW_PROC_READY, bw_str_make(big, BW_PROC_PAYLOAD_MAX)));
	assert_int_equal(bw_proc_send(ends[0], BW_PROC_READY, bw_str_make(big, sizeof big)), BW_ETOOBIG);
	assert_ok(bw_proc_receive(ends[1], ~0u, &m));
	assert_int_equal(m.n, BW_PROC_PAYLOAD_MAX);
	close(ends[0]);
	assert_int_equal(bw_proc_receive(ends[1], ~0u, &m), BW_ENOTFOUND);
	close(ends[1]);
}

TEST(proc_messages_not_permitted_are_refused)
{
	struct bw_proc_message m;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_ok(bw_proc_send(ends[0], BW_PROC_DRAIN, BW_STR("")));
	assert_int_equal(bw_proc_receive(ends[1], 1u << BW_PROC_READY, &m), BW_EINVAL);
	assert_int_equal(write(ends[0], "\x7f\0\0\0", 4), 4);
	assert_int_equal(bw_proc_receive(ends[1], ~0u, &m), BW_EINVAL);
	assert_int_equal(write(ends[0], "\0\1\0\0", 4), 4);
	assert_int_equal(bw_proc_receive(ends[1], ~0u, &m), BW_EINVAL);
	assert_int_equal(write(ends[0], "\0\0", 2), 2);
	assert_int_equal(bw_proc_receive(ends[1], ~0u, &m), BW_EINVAL);
	close(ends[0]);
	close(ends[1]);
}

/* Serves until it is told to drain; a reload is answered with READY. */
static int serve(const struct bw_proc_self *self)
{
	struct bw_proc_message m;

	if (bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK)
		return 3;
	for (;;) {
		enum bw_err e =
		    bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m);

		if (e == BW_OK && m.type == BW_PROC_DRAIN)
			return 0;
		if (e != BW_OK && e != BW_EAGAIN)
			return 4;
		usleep(1000);
	}
}

static int fail_to_start(const struct bw_proc_self *self)
{
	(void)self;
	return 7;
}

/* The parent in a process of its own: its exit status after `signal_no` was sent once it had time to start.
 */
static int parent_status(const struct bw_proc_row *row, int signal_no)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(bw_proc_run(row, 1, 5000, NULL));
	if (signal_no) {
		usleep(300000);
		assert_int_equal(kill(pid, signal_no), 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(proc_drains_on_sigterm)
{
	struct bw_proc_row row = {.title = "serve", .run = serve, .may_send = 1u << BW_PROC_READY};

	assert_int_equal(parent_status(&row, SIGTERM), 0);
}

TEST(proc_that_cannot_start_ends_the_parent_with_its_status)
{
	struct bw_proc_row row = {.title = "broken", .run = fail_to_start, .may_send = 1u << BW_PROC_READY};

	assert_int_equal(parent_status(&row, 0), 7);
}

TEST(sandbox_takes_new_programs_away)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char *const argv[] = {"true", NULL};

		if (bw_sandbox_enter() != BW_OK)
			_exit(2);
		execv("/bin/true", argv);
		_exit(42);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 42);
}

static bool refused(int result)
{
	return result == -1 && errno == EPERM;
}

TEST(sandbox_of_a_speaker_connects_and_does_not_listen)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct sockaddr_in any = {.sin_family = AF_INET};
		char *const argv[] = {"true", NULL};
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (bw_sandbox_enter_speaker(-1) != BW_OK)
			_exit(2);
		if (bind(fd, (struct sockaddr *)&any, sizeof any) != 0 || !refused(listen(fd, 1)))
			_exit(3);
		if (!refused(socket(AF_UNIX, SOCK_STREAM, 0)) || !refused(socket(AF_NETLINK, SOCK_RAW, 0)))
			_exit(4);
		if (!refused(execv("/bin/true", argv)) || !refused(mkdir("/tmp/never", 0700)))
			_exit(5);
		if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
			_exit(6);
		fd = socket(AF_INET6, SOCK_DGRAM, 0);
		_exit(fd >= 0 ? 0 : 7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(sandbox_of_a_runner_leaves_programs_and_takes_the_rest)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char *const argv[] = {"true", NULL};

		if (bw_sandbox_enter_runner() != BW_OK)
			_exit(2);
		if (unshare(CLONE_NEWNS) == 0 || errno != EPERM || chroot("/") == 0 || errno != EPERM)
			_exit(3);
		execv("/bin/true", argv);
		_exit(42);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* What the children of these tests tell of themselves, over a pipe that all share. */
struct told {
	int pipe[2];
	int behaviour;
};

enum { SERVE, CRASH_WHEN_TOLD, STUBBORN, FORBIDDEN_WORDS, TALKATIVE };

static void tell(const struct told *t, const char *word)
{
	char line[64];

	snprintf(line, sizeof line, "%s %d\n", word, (int)getpid());
	MUST(write(t->pipe[1], line, strlen(line)) == (ssize_t)strlen(line));
}

/* The next line's number, if it begins with the word. */
static pid_t hear(const struct told *t, const char *word)
{
	struct pollfd p = {.fd = t->pipe[0], .events = POLLIN};
	char line[64] = "";
	size_t n = 0;
	int64_t pid;

	do {
		assert_true(n < sizeof line - 1);
		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_int_equal(read(t->pipe[0], line + n, 1), 1);
	} while (line[n++] != '\n');
	if (!bw_str_starts(bw_str_c(line), bw_str_c(word)))
		fail_msg("heard %s, want %s", line, word);
	n = strlen(word) + 1;
	assert_ok(bw_str_to_i64(bw_str_make(line + n, strlen(line) - n - 1), 1, INT32_MAX, &pid));
	return (pid_t)pid;
}

static int tell_and_serve(const struct bw_proc_self *self)
{
	const struct told *t = self->ctx;
	struct bw_proc_message m;

	tell(t, "start");
	if (bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK)
		return 3;
	if (t->behaviour == FORBIDDEN_WORDS)
		(void)!bw_proc_send(self->channel, BW_PROC_DRAIN, BW_STR(""));
	for (;;) {
		enum bw_err e =
		    bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m);

		if (e == BW_EAGAIN && t->behaviour == TALKATIVE)
			for (int i = 0; i < 1000 && bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) == BW_OK; i++)
				;
		else if (e == BW_EAGAIN)
			usleep(1000);
		else if (e != BW_OK)
			return 4;
		else if (m.type == BW_PROC_RELOAD) {
			tell(t, "reload");
			if (t->behaviour == CRASH_WHEN_TOLD)
				abort();
			(void)!bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));
		} else {
			tell(t, "drain");
			if (t->behaviour != STUBBORN)
				return 0;
		}
	}
}

static pid_t parent_fork(struct told *t, int behaviour, int64_t grace_ms)
{
	struct bw_proc_row row = {
	    .title = "told", .run = tell_and_serve, .ctx = t, .may_send = 1u << BW_PROC_READY};
	pid_t pid;

	t->behaviour = behaviour;
	assert_int_equal(pipe(t->pipe), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(bw_proc_run(&row, 1, grace_ms, NULL));
	return pid;
}

static int parent_end(struct told *t, pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	close(t->pipe[0]);
	close(t->pipe[1]);
	return WEXITSTATUS(status);
}

TEST(proc_reloads_on_sighup_and_drains_on_sigterm)
{
	struct told t;
	pid_t parent = parent_fork(&t, SERVE, 5000), child = hear(&t, "start");

	kill(parent, SIGHUP);
	assert_int_equal(hear(&t, "reload"), child);
	kill(parent, SIGTERM);
	assert_int_equal(hear(&t, "drain"), child);
	assert_int_equal(parent_end(&t, parent), 0);
}

TEST(proc_dead_child_is_started_again)
{
	struct told t;
	pid_t parent = parent_fork(&t, CRASH_WHEN_TOLD, 5000), first = hear(&t, "start"), second;
	int64_t began;

	kill(parent, SIGHUP);
	hear(&t, "reload");
	second = hear(&t, "start");
	assert_int_not_equal(first, second);
	usleep(20000);
	began = bw_clock_mono_ms();
	kill(second, SIGKILL);
	assert_int_not_equal(hear(&t, "start"), second);
	/* The pause grows, although the one before had served: it had not for long. */
	assert_true(bw_clock_mono_ms() - began >= 200);
	kill(parent, SIGTERM);
	hear(&t, "drain");
	assert_int_equal(parent_end(&t, parent), 0);
}

/* The first serves and falls; the next one finds that it is in vain. */
static int end_for_good(const struct bw_proc_self *self)
{
	if (self->incarnation > 2)
		return 0;
	if (self->incarnation == 2)
		return BW_PROC_FINAL;
	return bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) == BW_OK ? 3 : 4;
}

TEST(proc_that_ended_for_good_is_not_started_again_and_ends_all)
{
	const struct bw_proc_row rows[] = {
	    {.title = "serve", .run = serve, .may_send = 1u << BW_PROC_READY, .outlives = true},
	    {.title = "final", .run = end_for_good, .may_send = 1u << BW_PROC_READY},
	};
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(bw_proc_run(rows, BW_COUNT(rows), 5000, NULL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), BW_PROC_FINAL);
}

TEST(proc_child_does_not_heed_the_signals_of_a_terminal)
{
	struct told t;
	pid_t parent = parent_fork(&t, SERVE, 5000), child = hear(&t, "start");

	usleep(50000);
	kill(child, SIGINT);
	kill(child, SIGTERM);
	kill(child, SIGHUP);
	usleep(20000);
	kill(parent, SIGINT);
	assert_int_equal(hear(&t, "drain"), child);
	assert_int_equal(parent_end(&t, parent), 0);
}

TEST(proc_who_does_not_drain_is_killed)
{
	struct told t;
	pid_t parent = parent_fork(&t, STUBBORN, 300);
	int64_t began;

	hear(&t, "start");
	began = bw_clock_mono_ms();
	kill(parent, SIGTERM);
	hear(&t, "drain");
	assert_int_equal(parent_end(&t, parent), 1);
	assert_in_range(bw_clock_mono_ms() - began, 300, 5000);
}

TEST(proc_second_interrupt_does_not_wait)
{
	struct told t;
	pid_t parent = parent_fork(&t, STUBBORN, 60000);

	hear(&t, "start");
	kill(parent, SIGINT);
	hear(&t, "drain");
	kill(parent, SIGINT);
	assert_int_equal(parent_end(&t, parent), 1);
}

TEST(proc_forbidden_words_end_the_child)
{
	struct told t;
	pid_t parent = parent_fork(&t, FORBIDDEN_WORDS, 5000), first = hear(&t, "start");

	assert_int_not_equal(hear(&t, "start"), first);
	kill(parent, SIGTERM);
	(void)parent_end(&t, parent);
}

TEST(proc_who_talks_without_end_does_not_keep_the_parent)
{
	struct told t;
	pid_t parent = parent_fork(&t, TALKATIVE, 60000), child = hear(&t, "start");

	usleep(200000);
	kill(parent, SIGTERM);
	assert_int_equal(hear(&t, "drain"), child);
	assert_int_equal(parent_end(&t, parent), 0);
}

TEST(proc_children_die_with_their_parent)
{
	struct told t;
	pid_t parent = parent_fork(&t, STUBBORN, 5000), child = hear(&t, "start");
	int status;

	usleep(20000);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	for (int i = 0; kill(child, 0) == 0; i++) { /* until its new parent has buried it */
		char path[64], state[512] = "";
		int fd;

		snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
		fd = open(path, O_RDONLY);
		if (fd >= 0) {
			(void)!read(fd, state, sizeof state - 1);
			close(fd);
			if (strstr(state, ") Z "))
				break;
		}
		assert_true(i < 5000);
		usleep(1000);
	}
	close(t.pipe[0]);
	close(t.pipe[1]);
}

static void assert_systemd_hears(int fd, const char *word)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char text[256];

	do { /* signs of life come in between */
		memset(text, 0, sizeof text);
		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
	} while (strcmp(word, "WATCHDOG=1") != 0 && bw_str_starts(bw_str_c(text), BW_STR("WATCHDOG=1")));
	if (!bw_str_starts(bw_str_c(text), bw_str_c(word)))
		fail_msg("systemd hears %s, want %s", text, word);
	assert_non_null(strstr(text, "\nMONOTONIC_USEC="));
}

TEST(proc_tells_systemd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct told t;
	pid_t parent;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), n;
	char name[64];

	n = snprintf(name, sizeof name, "@bulwark-test-%d", (int)getpid());
	memcpy(a.sun_path + 1, name + 1, (size_t)n - 1);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "400000", 1);
	parent = parent_fork(&t, SERVE, 5000);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	hear(&t, "start");
	assert_systemd_hears(fd, "READY=1");
	assert_systemd_hears(fd, "WATCHDOG=1");
	kill(parent, SIGHUP);
	hear(&t, "reload");
	assert_systemd_hears(fd, "RELOADING=1");
	assert_systemd_hears(fd, "READY=1");
	assert_systemd_hears(fd, "WATCHDOG=1");
	kill(parent, SIGTERM);
	assert_systemd_hears(fd, "STOPPING=1");
	hear(&t, "drain");
	assert_int_equal(parent_end(&t, parent), 0);
	close(fd);
}

TEST(proc_user_is_taken_for_good)
{
	const struct passwd *nobody = getpwnam("nobody");
	int status;
	pid_t pid;

	if (geteuid() != 0 || !nobody)
		skip(); /* only root may become another user */
	pid = fork();
	if (pid == 0) {
		gid_t groups[8];

		if (bw_user_become("nobody") != BW_OK || bw_user_become("nobody") != BW_OK)
			_exit(1);
		if (getuid() != nobody->pw_uid || geteuid() != nobody->pw_uid || getegid() != nobody->pw_gid)
			_exit(2);
		for (int i = getgroups(8, groups); i > 0; i--)
			if (groups[i - 1] == 0)
				_exit(3);
		if (setuid(0) == 0 || setgid(0) == 0 || bw_user_become("root") != BW_EPERM)
			_exit(4);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(bw_user_become("no such user"), BW_ENOTFOUND);
}
