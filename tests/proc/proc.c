#include "test.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
		enum bw_err e = bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m);

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

/* The parent in a process of its own: its exit status after `signal_no` was sent once it had time to start. */
static int parent_status(const struct bw_proc_row *row, int signal_no)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(bw_proc_run(row, 1, 5000));
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
