/* Rows that are not started before something needs them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/proc.h"
#include "test.h"

/* What the processes share: a pipe to say letters over, and two channels that make a row needed. */
struct scene {
	int said[2];
	int near[2], far[2]; /* the asking ends, and those of whoever serves */
};

static void say(const struct scene *s, char c)
{
	MUST(write(s->said[1], &c, 1) == 1);
}

static char hear_within(const struct scene *s, int ms)
{
	struct pollfd f = {.fd = s->said[0], .events = POLLIN};
	char c = 0;

	if (poll(&f, 1, ms) == 1)
		assert_int_equal(read(s->said[0], &c, 1), 1);
	return c;
}

static void assert_heard(const struct scene *s, const char *all)
{
	for (; *all; all++)
		assert_int_equal(hear_within(s, 20000), *all);
}

static void ask(const struct scene *s, int channel, char what)
{
	assert_int_equal(write(s->near[channel], &what, 1), 1);
}

static bool drained(const struct bw_proc_self *self)
{
	struct bw_proc_message m;

	return bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m) == BW_OK &&
	       m.type == BW_PROC_DRAIN;
}

static bool is_word(const struct bw_proc_self *self, size_t row, enum bw_proc_state state)
{
	return atomic_load(&self->table->rows[row].state) == (uint32_t)state;
}

/* Says which of the row's processes it is, and what it is asked; "e": it ends, since nothing needs it;
 * "x": it dies. */
static int serve(const struct bw_proc_self *self)
{
	const struct scene *s = self->ctx;
	struct pollfd watched[] = {{.fd = self->channel, .events = POLLIN}, {.fd = s->far[0], .events = POLLIN},
	    {.fd = s->far[1], .events = POLLIN}};

	say(s, (char)('0' + self->incarnation));
	if (bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK)
		return 1;
	for (;;) {
		(void)poll(watched, 3, -1);
		if (watched[0].revents && drained(self)) {
			say(s, 'd');
			return 0;
		}
		for (size_t i = 1; i < 3; i++) {
			char c;

			if (!watched[i].revents || read(watched[i].fd, &c, 1) != 1)
				continue;
			if (c == 'e')
				return 0;
			if (c == 'x')
				return 3;
			say(s, c);
		}
	}
}

/* Serves from the beginning, tells what the table says of the other on SIGUSR1, and asks it when drained. */
static atomic_bool asked;

static void note(int signal_number)
{
	(void)signal_number;
	atomic_store(&asked, true);
}

static int watch(const struct bw_proc_self *self)
{
	const struct scene *s = self->ctx;

	(void)signal(SIGUSR1, note);
	say(s, 'w');
	if (bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK)
		return 1;
	for (;;) {
		struct pollfd f = {.fd = self->channel, .events = POLLIN};

		(void)poll(&f, 1, 10);
		if (atomic_exchange(&asked, false))
			say(s, is_word(self, 0, BW_PROC_IDLE) ? 'i' : is_word(self, 0, BW_PROC_SERVING) ? 's' : '?');
		if (!drained(self))
			continue;
		MUST(write(s->near[0], "q", 1) == 1);
		for (int i = 0; i < 2000 && !is_word(self, 0, BW_PROC_SERVING); i++)
			usleep(10000);
		return 0;
	}
}

static pid_t begin(struct scene *s, struct bw_proc_row *rows, size_t count)
{
	pid_t pid;

	assert_int_equal(pipe(s->said), 0);
	for (int i = 0; i < 2; i++) {
		int ends[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
		s->near[i] = ends[0];
		s->far[i] = ends[1];
	}
	rows[0] = (struct bw_proc_row){.title = "needed", .run = serve, .ctx = s, .may_send = 1u << BW_PROC_READY,
	    .needed_by = s->far, .needed_count = 2, .outlives = true};
	if (count > 1)
		rows[1] = (struct bw_proc_row){.title = "watch", .run = watch, .ctx = s, .may_send = 1u << BW_PROC_READY};
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(bw_proc_run(rows, count, 20000, NULL));
	}
	return pid;
}

static void end(struct scene *s, pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		close(s->said[i]);
		close(s->near[i]);
		close(s->far[i]);
	}
}

TEST(a_row_that_nothing_needs_is_not_started)
{
	struct scene s;
	struct bw_proc_row rows[2];
	pid_t pid = begin(&s, rows, 1);

	assert_int_equal(hear_within(&s, 200), 0);
	kill(pid, SIGHUP); /* nor for a reload */
	assert_int_equal(hear_within(&s, 200), 0);
	end(&s, pid);
}

TEST(what_is_asked_of_a_row_starts_it_and_waits_for_it)
{
	struct scene s;
	struct bw_proc_row rows[2];
	pid_t pid = begin(&s, rows, 1);

	ask(&s, 1, 'a');
	assert_heard(&s, "1a");
	ask(&s, 0, 'b');
	assert_heard(&s, "b");
	end(&s, pid);
}

TEST(what_was_asked_before_there_was_a_parent_starts_it_too)
{
	struct scene s;
	struct bw_proc_row rows[2];
	pid_t pid = begin(&s, rows, 1);

	for (char c = 'f'; c < 'j'; c++)
		ask(&s, 0, c);
	assert_heard(&s, "1fghi");
	end(&s, pid);
}

TEST(a_needed_row_that_ends_is_started_when_it_is_needed_again)
{
	struct scene s;
	struct bw_proc_row rows[2];
	pid_t pid = begin(&s, rows, 1);

	ask(&s, 0, 'e');
	assert_heard(&s, "1");
	assert_int_equal(hear_within(&s, 300), 0);
	ask(&s, 0, 'a');
	assert_heard(&s, "2a");
	/* Asked in the very moment that it ends, it is answered by the next. */
	for (char next = '3'; next < '6'; next++) {
		ask(&s, 0, 'e');
		ask(&s, 0, 'b');
		assert_int_equal(hear_within(&s, 20000), next);
		assert_heard(&s, "b");
	}
	end(&s, pid);
}

TEST(a_needed_row_that_dies_is_started_again)
{
	struct scene s;
	struct bw_proc_row rows[2];
	pid_t pid = begin(&s, rows, 1);

	ask(&s, 0, 'x');
	assert_heard(&s, "12");
	ask(&s, 0, 'a');
	assert_heard(&s, "a");
	end(&s, pid);
}

static pid_t child_of(pid_t parent)
{
	char path[64], text[64] = "";
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	fclose(f);
	return (pid_t)strtol(text, NULL, 10);
}

TEST(the_table_says_who_is_there)
{
	struct scene s;
	struct bw_proc_row rows[2];
	pid_t pid = begin(&s, rows, 2), watcher;

	assert_heard(&s, "w");
	watcher = child_of(pid);
	usleep(100000);
	kill(watcher, SIGUSR1);
	assert_heard(&s, "i");
	ask(&s, 0, 'a');
	assert_heard(&s, "1a");
	usleep(100000);
	kill(watcher, SIGUSR1);
	assert_heard(&s, "s");
	end(&s, pid);
}

/* The watcher asks for it with its last breath, and is only then told to end. */
TEST(who_is_drained_can_still_need_a_row_that_outlives_it)
{
	struct scene s;
	struct bw_proc_row rows[2];
	pid_t pid = begin(&s, rows, 2);

	assert_heard(&s, "w");
	usleep(100000);
	kill(pid, SIGTERM);
	assert_heard(&s, "1qd");
	end(&s, pid);
}
