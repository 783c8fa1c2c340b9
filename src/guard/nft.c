/* The nft program, fed over a pipe. It is run and not linked: its library is under the GPL. */
#include "guard/guard_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

enum { PATIENCE_MS = 10000, ARGUMENTS_MAX = 8 };

static const char *const programs[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"};

struct run {
	pid_t pid;
	int in, out, err;   /* our ends */
	struct bw_str rest; /* of the input */
};

static void ends_close(int ends[3][2])
{
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 2; k++)
			if (ends[i][k] >= 0)
				close(ends[i][k]);
}

static int space_open(const char *space)
{
	char path[128];
	int n = snprintf(path, sizeof path, "/run/netns/%s", space);

	return n > 0 && (size_t)n < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static _Noreturn void child(int ends[3][2], int space, const char *const *arguments)
{
	static char *const nothing[] = {NULL};
	char *argv[ARGUMENTS_MAX + 2] = {(char *)"nft"};

	for (size_t i = 0; arguments[i] && i < ARGUMENTS_MAX; i++)
		argv[i + 1] = (char *)arguments[i];
	if (dup2(ends[0][0], 0) < 0 || dup2(ends[1][1], 1) < 0 || dup2(ends[2][1], 2) < 0)
		_exit(126);
	if (space >= 0 && setns(space, CLONE_NEWNET) != 0)
		_exit(125);
	/* The guard minds no broken pipe; nft may. */
	(void)signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; i < BW_COUNT(programs); i++)
		(void)execve(programs[i], argv, nothing);
	_exit(127);
}

static enum bw_err start(const char *space, const char *const *arguments, struct run *r)
{
	int ends[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}, ns = -1;

	if (space) {
		ns = space_open(space);
		CHECK(ns >= 0, BW_ENOTFOUND);
	}
	if (pipe2(ends[0], O_CLOEXEC) != 0 || pipe2(ends[1], O_CLOEXEC) != 0 ||
	    pipe2(ends[2], O_CLOEXEC) != 0 || (r->pid = fork()) < 0) {
		bw_log(BW_LOG_ERROR, "nft cannot be started: %s", strerror(errno));
		ends_close(ends);
		if (ns >= 0)
			close(ns);
		return BW_EIO;
	}
	if (r->pid == 0)
		child(ends, ns, arguments);
	if (ns >= 0)
		close(ns);
	r->in = ends[0][1];
	r->out = ends[1][0];
	r->err = ends[2][0];
	close(ends[0][0]);
	close(ends[1][1]);
	close(ends[2][1]);
	(void)fcntl(r->in, F_SETFL, O_NONBLOCK);
	return BW_OK;
}

static void shut(int *fd)
{
	close(*fd);
	*fd = -1;
}

static void feed(struct run *r)
{
	ssize_t n = r->rest.n ? write(r->in, r->rest.p, r->rest.n) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		r->rest = bw_str_sub(r->rest, (size_t)n, r->rest.n);
	if (n < 0 || r->rest.n == 0)
		shut(&r->in);
}

static void drink(int *fd, struct bw_buf *to)
{
	char bytes[4096];
	ssize_t n = read(*fd, bytes, sizeof bytes);

	if (n > 0)
		bw_buf_put(to, bw_str_make(bytes, (size_t)n));
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		shut(fd);
}

/* Until it has closed what it writes to; false when that takes too long. */
static bool converse(struct run *r, struct bw_buf *out, struct bw_buf *said)
{
	int64_t end = bw_clock_mono_ms() + PATIENCE_MS;

	while (r->out >= 0 || r->err >= 0) {
		struct pollfd watched[] = {{.fd = r->in, .events = POLLOUT}, {.fd = r->out, .events = POLLIN},
		    {.fd = r->err, .events = POLLIN}};
		int64_t left = end - bw_clock_mono_ms();

		if (left <= 0)
			return false;
		if (poll(watched, BW_COUNT(watched), (int)left) < 0 && errno != EINTR)
			return false;
		if (watched[0].revents && r->in >= 0)
			feed(r);
		if (watched[1].revents && r->out >= 0)
			drink(&r->out, out);
		if (watched[2].revents && r->err >= 0)
			drink(&r->err, said);
	}
	return true;
}

static enum bw_err verdict(int status, struct bw_buf *said)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return BW_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		bw_buf_put(said, BW_STR("there is no nft program (Debian's package nftables)"));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 125)
		bw_buf_put(said, BW_STR("the network namespace cannot be entered (CAP_SYS_ADMIN)"));
	return BW_EIO;
}

enum bw_err guard_nft(const char *space, const char *const *arguments, struct bw_str json, struct bw_buf *out,
    struct bw_buf *said)
{
	struct run r = {.rest = json};
	int *fds[] = {&r.in, &r.out, &r.err};
	bool done;
	int status = 0;

	bw_buf_reset(out);
	bw_buf_reset(said);
	TRY(start(space, arguments, &r));
	done = converse(&r, out, said);
	if (!done)
		(void)kill(r.pid, SIGKILL);
	for (size_t i = 0; i < BW_COUNT(fds); i++)
		if (*fds[i] >= 0)
			shut(fds[i]);
	while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!done) {
		bw_buf_put(said, BW_STR("nft did not answer in time"));
		return BW_EIO;
	}
	return verdict(status, said);
}
