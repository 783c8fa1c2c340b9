/* Processes that are relieved, of which one is killed at each moment: before the successor serves, after it, while the one before
 * retires. */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/proc.h"
#include "test.h"

/* What the processes say: a word and a number. */
struct scene {
	int said[2];
	pid_t parent, watches;
};

struct words {
	char what; /* 's': started, 'f': started, and another is there still; 'r': told to retire; 't': what the table says */
	uint32_t number;
	pid_t pid;
};

static atomic_bool nudged;

static void nudge(int signal_number)
{
	(void)signal_number;
	atomic_store(&nudged, true);
}

static void say(const struct bw_proc_self *self, char what, uint32_t number)
{
	const struct scene *s = self->ctx;
	const struct words w = {what, number, getpid()};

	MUST(write(s->said[1], &w, sizeof w) == sizeof w);
}

static struct words hear_any(const struct scene *s)
{
	struct pollfd f = {.fd = s->said[0], .events = POLLIN};
	struct words w;

	if (poll(&f, 1, 60000) != 1)
		fail_msg("nobody says anything");
	assert_int_equal(read(s->said[0], &w, sizeof w), sizeof w);
	return w;
}

static pid_t hear(const struct scene *s, char what, uint32_t number)
{
	struct words w = hear_any(s);

	if (w.what != what || w.number != number)
		fail_msg("heard %c %u, want %c %u", w.what, w.number, what, number);
	return w.pid;
}

/* Serves once it is nudged; told to retire, it ends once it is nudged again. */
static int seat(const struct bw_proc_self *self)
{
	struct bw_proc_message m;
	bool retires = false;

	(void)signal(SIGUSR1, nudge);
	say(self, self->relieves ? 'f' : 's', self->incarnation);
	for (;;) {
		enum bw_err e = bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RETIRE, &m);

		if (e == BW_EAGAIN)
			usleep(500);
		else if (e != BW_OK || m.type == BW_PROC_DRAIN)
			return 0;
		else
			say(self, 'r', self->incarnation);
		retires = retires || e == BW_OK;
		if (!atomic_exchange(&nudged, false))
			continue;
		if (retires)
			return 0;
		if (bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) != BW_OK)
			return 1;
	}
}

/* Tells what the table says of the other row, each time that it is nudged. */
static int watch(const struct bw_proc_self *self)
{
	struct bw_proc_message m;
	enum bw_err e = bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));

	(void)signal(SIGUSR1, nudge);
	say(self, 'w', 0);
	for (; e == BW_OK || e == BW_EAGAIN; usleep(500)) {
		e = bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m);
		if (e == BW_OK && m.type == BW_PROC_DRAIN)
			return 0;
		if (e == BW_OK)
			e = bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));
		if (atomic_exchange(&nudged, false))
			say(self, 't', atomic_load(&self->table->rows[1].state));
	}
	return 1;
}

/* The first one, which has not served yet. */
static pid_t begin(struct scene *s)
{
	const struct bw_proc_row rows[] = {
	    {.title = "watch", .run = watch, .ctx = s, .may_send = 1u << BW_PROC_READY, .outlives = true},
	    {.title = "seat", .run = seat, .ctx = s, .may_send = 1u << BW_PROC_READY, .relieved = true},
	};
	pid_t first = 0;

	assert_int_equal(pipe(s->said), 0);
	s->parent = fork();
	assert_true(s->parent >= 0);
	if (s->parent == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(bw_proc_run(rows, BW_COUNT(rows), 60000, NULL));
	}
	for (int i = 0; i < 2; i++) { /* in whichever order */
		struct words w = hear_any(s);

		assert_true(w.what == 'w' || (w.what == 's' && w.number == 1));
		*(w.what == 'w' ? &s->watches : &first) = w.pid;
	}
	return first;
}

/* What the table says comes to be so. */
static void become(const struct scene *s, enum bw_proc_state state)
{
	struct words w = {0};

	for (int i = 0; i < 10000 && (w.what != 't' || w.number != (uint32_t)state); i++) {
		assert_int_equal(kill(s->watches, SIGUSR1), 0);
		w = hear_any(s);
		if (w.what != 't')
			fail_msg("heard %c %u before the table said %d", w.what, w.number, state);
	}
	assert_int_equal(w.number, state);
}

static pid_t begin_serving(struct scene *s)
{
	pid_t first = begin(s);

	kill(first, SIGUSR1);
	become(s, BW_PROC_SERVING);
	return first;
}

static pid_t relieve(const struct scene *s, uint32_t number)
{
	assert_int_equal(kill(s->parent, SIGHUP), 0);
	return hear(s, 'f', number);
}

static void end(struct scene *s)
{
	int status;

	assert_int_equal(kill(s->parent, SIGTERM), 0);
	assert_int_equal(waitpid(s->parent, &status, 0), s->parent);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(s->said[0]);
	close(s->said[1]);
}

TEST(relief_comes_when_the_successor_serves_and_not_before)
{
	struct scene s;
	pid_t first = begin_serving(&s), second = relieve(&s, 2);

	kill(second, SIGUSR1);
	assert_int_equal(hear(&s, 'r', 1), first);
	become(&s, BW_PROC_SERVING);
	kill(first, SIGUSR1);
	end(&s);
}

TEST(a_successor_that_dies_before_it_serves_relieves_nobody)
{
	struct scene s;
	pid_t first = begin_serving(&s), next;

	kill(relieve(&s, 2), SIGKILL);
	become(&s, BW_PROC_SERVING);
	/* The next has a number of the other kind than the one that serves, whoever was between. */
	next = relieve(&s, 4);
	kill(next, SIGUSR1);
	assert_int_equal(hear(&s, 'r', 1), first);
	end(&s);
}

TEST(one_that_dies_before_its_successor_serves_leaves_it_the_seat)
{
	struct scene s;
	pid_t first = begin_serving(&s), second = relieve(&s, 2), third;

	kill(first, SIGKILL);
	become(&s, BW_PROC_STARTING);
	kill(second, SIGUSR1);
	become(&s, BW_PROC_SERVING);
	third = relieve(&s, 3);
	kill(third, SIGUSR1);
	assert_int_equal(hear(&s, 'r', 2), second);
	end(&s);
}

TEST(when_both_die_one_is_started_anew)
{
	struct scene s;
	pid_t first = begin_serving(&s), second = relieve(&s, 2), third;

	kill(first, SIGKILL);
	kill(second, SIGKILL);
	third = hear(&s, 's', 3);
	kill(third, SIGUSR1);
	become(&s, BW_PROC_SERVING);
	end(&s);
}

TEST(a_successor_that_dies_while_the_one_before_retires_is_started_beside_it)
{
	struct scene s;
	pid_t first = begin_serving(&s), second = relieve(&s, 2), next;

	kill(second, SIGUSR1);
	assert_int_equal(hear(&s, 'r', 1), first);
	kill(second, SIGKILL);
	next = hear(&s, 'f', 4); /* beside the first, and not of its kind */
	kill(next, SIGUSR1);
	assert_int_equal(hear(&s, 'r', 1), first);
	kill(first, SIGUSR1);
	become(&s, BW_PROC_SERVING);
	end(&s);
}

TEST(relief_that_is_asked_for_while_one_retires_comes_after_it)
{
	struct scene s;
	pid_t first = begin_serving(&s), second = relieve(&s, 2), third;

	kill(second, SIGUSR1);
	assert_int_equal(hear(&s, 'r', 1), first);
	kill(s.parent, SIGHUP);
	become(&s, BW_PROC_SERVING);
	kill(first, SIGKILL);
	third = hear(&s, 'f', 3);
	kill(third, SIGUSR1);
	assert_int_equal(hear(&s, 'r', 2), second);
	end(&s);
}

/* Nobody is told that a process serves which waits to be started again. */
TEST(who_died_is_not_said_to_serve)
{
	struct scene s;
	pid_t one = begin_serving(&s);

	/* The pause grows: the last is long enough to look. */
	for (uint32_t number = 2; number < 5; number++) {
		kill(one, SIGKILL);
		one = hear(&s, 's', number);
		kill(one, SIGUSR1);
		become(&s, BW_PROC_SERVING);
	}
	kill(one, SIGKILL);
	become(&s, BW_PROC_STARTING); /* which would hear it start before */
	hear(&s, 's', 5);
	end(&s);
}

TEST(a_child_does_not_heed_what_upgrades_its_parent)
{
	struct scene s;
	pid_t one = begin_serving(&s);

	kill(one, SIGUSR2);
	become(&s, BW_PROC_SERVING);
	kill(relieve(&s, 2), SIGUSR1);
	assert_int_equal(hear(&s, 'r', 1), one);
	end(&s);
}
