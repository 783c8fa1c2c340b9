/* Messages between two processes over memory that both may write to. */
#include "proc/ring_form.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "test.h"

enum { WAY = 4096, MAX = 1000 };

static struct bw_ring *ring;
static struct bw_ring_end *asks, *answers;
static char got[MAX];
static size_t got_n;

static void begin(void)
{
	assert_ok(bw_ring_new("test", WAY, MAX, &ring));
	assert_ok(bw_ring_end_open(ring, BW_RING_ASKING, &asks));
	assert_ok(bw_ring_end_open(ring, BW_RING_ANSWERING, &answers));
}

static void end(void)
{
	bw_ring_end_close(asks);
	bw_ring_end_close(answers);
	bw_ring_free(ring);
}

/* A message of `n` bytes that all depend on `seed`. */
static struct bw_str text(unsigned seed, size_t n)
{
	static char bytes[MAX + 1];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(seed * 31 + i);
	return bw_str_make(bytes, n);
}

static void take_is(struct bw_ring_end *e, struct bw_str want)
{
	assert_ok(bw_ring_take(e, got, &got_n));
	assert_true(bw_str_eq(bw_str_make(got, got_n), want));
}

TEST(messages_come_whole_and_in_order_both_ways)
{
	begin();
	assert_int_equal(bw_ring_take(answers, got, &got_n), BW_EAGAIN);
	assert_ok(bw_ring_put(asks, text(1, 0)));
	assert_ok(bw_ring_put(asks, text(2, MAX)));
	assert_ok(bw_ring_put(answers, text(3, 7)));
	take_is(answers, text(1, 0));
	take_is(answers, text(2, MAX));
	take_is(asks, text(3, 7));
	assert_int_equal(bw_ring_take(answers, got, &got_n), BW_EAGAIN);
	assert_int_equal(bw_ring_put(asks, text(1, MAX + 1)), BW_ETOOBIG);
	end();
}

TEST(messages_go_round_the_end_at_every_place)
{
	begin();
	for (unsigned i = 0; i < 5 * WAY; i++) {
		assert_ok(bw_ring_put(asks, text(i, i % 97)));
		assert_ok(bw_ring_put(asks, text(i + 1, i % 13)));
		take_is(answers, text(i, i % 97));
		take_is(answers, text(i + 1, i % 13));
	}
	end();
}

TEST(a_full_ring_says_so_and_loses_nothing)
{
	unsigned fit = 0;

	begin();
	while (bw_ring_put(asks, text(fit, 100)) == BW_OK)
		fit++;
	assert_int_equal(fit, WAY / (RING_LENGTH_BYTES + 100));
	/* What is left takes exactly what fits: one byte more is too much. */
	assert_int_equal(bw_ring_put(asks, text(0, WAY - fit * 104 - RING_LENGTH_BYTES + 1)), BW_EAGAIN);
	assert_ok(bw_ring_put(asks, text(77, WAY - fit * 104 - RING_LENGTH_BYTES)));
	assert_int_equal(bw_ring_put(asks, text(0, 0)), BW_EAGAIN);
	for (unsigned i = 0; i < fit; i++)
		take_is(answers, text(i, 100));
	take_is(answers, text(77, WAY - fit * 104 - RING_LENGTH_BYTES));
	end();
}

TEST(what_was_taken_is_wiped)
{
	begin();
	for (unsigned i = 0; i < 50; i++) {
		assert_ok(bw_ring_put(asks, text(i, MAX)));
		take_is(answers, text(i, MAX));
	}
	assert_ok(bw_ring_put(asks, text(1, 500)));
	bw_ring_skip(answers);
	assert_int_equal(bw_ring_take(answers, got, &got_n), BW_EAGAIN);
	for (size_t i = 0; i < WAY; i++)
		assert_int_equal(asks->out[i], 0);
	end();
}

/* ---- Sides that come and go ---- */

TEST(whoever_takes_a_side_anew_goes_on_where_it_was_left)
{
	begin();
	assert_ok(bw_ring_put(asks, text(1, 300)));
	assert_ok(bw_ring_put(asks, text(2, 300)));
	take_is(answers, text(1, 300));
	bw_ring_end_close(answers);
	assert_ok(bw_ring_end_open(ring, BW_RING_ANSWERING, &answers));
	assert_int_equal(bw_ring_taken_at(answers), 304);
	take_is(answers, text(2, 300));
	assert_ok(bw_ring_put(answers, text(3, 10)));
	bw_ring_end_close(asks);
	assert_ok(bw_ring_end_open(ring, BW_RING_ASKING, &asks));
	assert_int_equal(bw_ring_put_at(asks), 608);
	take_is(asks, text(3, 10));
	assert_ok(bw_ring_put(asks, text(4, 10)));
	take_is(answers, text(4, 10));
	end();
}

static _Noreturn void put_for_ever(void)
{
	for (unsigned i = 0;; i++)
		if (bw_ring_put(asks, text(i, i % MAX)) != BW_OK)
			(void)poll(NULL, 0, 1);
}

/* A process is killed at any place; the ring serves the next one. */
TEST(a_side_that_is_killed_leaves_a_ring_that_serves)
{
	begin();
	for (unsigned round = 0; round < 20; round++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			put_for_ever();
		for (unsigned i = 0; i < 50 + round * 7; i++)
			while (bw_ring_take(answers, got, &got_n) != BW_OK)
				;
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		bw_ring_end_close(asks);
		assert_ok(bw_ring_end_open(ring, BW_RING_ASKING, &asks));
		bw_ring_skip(answers);
		assert_ok(bw_ring_put(asks, text(round, 40)));
		take_is(answers, text(round, 40));
	}
	end();
}

/* ---- Sides that lie ---- */

TEST(places_that_cannot_be_empty_the_ring)
{
	static const uint64_t wrong[] = {
	    1, 2, 3, WAY + 1, WAY + 4, 1u << 31, UINT64_MAX, UINT64_MAX - WAY, UINT64_MAX / 2};

	begin();
	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		_Atomic uint64_t *put = &asks->head->ways[BW_RING_ASKING].put,
		                 *taken = &asks->head->ways[BW_RING_ASKING].taken;

		atomic_store(put, atomic_load(put) + wrong[i]);
		assert_int_equal(bw_ring_take(answers, got, &got_n), BW_ECORRUPT);
		assert_int_equal(bw_ring_take(answers, got, &got_n), BW_EAGAIN);
		/* Who put honestly meanwhile finds it out, too, and both agree again. */
		assert_int_equal(bw_ring_put(asks, text(1, 9)), wrong[i] == UINT64_MAX ? BW_OK : BW_ECORRUPT);
		atomic_store(put, atomic_load(taken));
		bw_ring_skip(answers);
		bw_ring_end_close(asks);
		assert_ok(bw_ring_end_open(ring, BW_RING_ASKING, &asks));
		assert_ok(bw_ring_put(asks, text(2, 9)));
		take_is(answers, text(2, 9));
	}
	end();
}

TEST(lengths_that_cannot_be_empty_the_ring)
{
	static const uint32_t wrong[] = {9, MAX, MAX + 1, WAY, UINT32_MAX, UINT32_MAX - 3, 1u << 31};

	begin();
	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		size_t at = (size_t)bw_ring_put_at(asks) % WAY;

		assert_ok(bw_ring_put(asks, text(1, 8)));
		assert_true(at + RING_LENGTH_BYTES < WAY);
		memcpy(asks->out + at, &wrong[i], sizeof wrong[i]);
		assert_int_equal(bw_ring_take(answers, got, &got_n), BW_ECORRUPT);
		assert_ok(bw_ring_put(asks, text(2, 8)));
		take_is(answers, text(2, 8));
	}
	end();
}

/* The other side must not be able to take the memory away from under this one. */
TEST(the_memory_cannot_be_made_shorter)
{
	int fds[2];

	begin();
	bw_ring_fds(ring, fds);
	assert_int_equal(ftruncate(fds[0], 0), -1);
	assert_int_equal(ftruncate(fds[0], 1 << 20), -1);
	assert_int_equal(fcntl(fds[0], F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	end();
}

/* ---- Waiting ---- */

static bool woken(void)
{
	struct pollfd p = {.fd = bw_ring_wake_fd(ring), .events = POLLIN};
	uint64_t count;

	return poll(&p, 1, 0) == 1 && read(p.fd, &count, sizeof count) == sizeof count;
}

TEST(only_who_waits_is_woken)
{
	begin();
	assert_ok(bw_ring_put(answers, text(1, 5)));
	bw_ring_kick(answers);
	assert_false(woken());
	assert_false(bw_ring_doze(asks, true, 0)); /* there is something already */
	bw_ring_kick(answers);
	assert_false(woken());
	take_is(asks, text(1, 5));
	assert_true(bw_ring_doze(asks, true, 0));
	assert_ok(bw_ring_put(answers, text(2, 5)));
	bw_ring_kick(answers);
	assert_true(woken());
	bw_ring_kick(answers);
	assert_false(woken()); /* once is enough */
	end();
}

TEST(who_waits_for_room_is_woken_when_there_is_some)
{
	begin();
	while (bw_ring_put(answers, text(1, 100)) == BW_OK)
		;
	assert_true(bw_ring_doze(answers, false, 100));
	take_is(asks, text(1, 100));
	bw_ring_kick(asks);
	bw_ring_wait(answers, -1); /* or this test hangs */
	assert_false(bw_ring_doze(answers, false, 100));
	assert_ok(bw_ring_put(answers, text(2, 100)));
	end();
}

/* Two sides that wake each other for nothing would do so for ever. */
TEST(nobody_is_woken_for_what_they_do_not_wait_for)
{
	begin();
	bw_ring_kick(answers); /* the first one always wakes */
	assert_true(bw_ring_doze(asks, true, 0));
	bw_ring_kick(answers);
	assert_false(woken());
	bw_ring_rouse(asks);
	assert_ok(bw_ring_put(asks, text(1, 100)));
	assert_true(bw_ring_doze(asks, true, 0));
	take_is(answers, text(1, 100));
	bw_ring_kick(answers);
	assert_false(woken());
	bw_ring_rouse(asks);
	end();
}

TEST(who_waits_for_a_message_or_room_is_woken_by_either)
{
	begin();
	while (bw_ring_put(asks, text(1, 100)) == BW_OK)
		;
	assert_true(bw_ring_doze(asks, true, 100));
	take_is(answers, text(1, 100));
	bw_ring_kick(answers);
	assert_true(woken());
	assert_false(bw_ring_doze(asks, true, 100)); /* there is room */
	assert_ok(bw_ring_put(asks, text(1, 100)));
	assert_true(bw_ring_doze(asks, true, 100));
	assert_ok(bw_ring_put(answers, text(2, 5)));
	bw_ring_kick(answers);
	assert_true(woken());
	take_is(asks, text(2, 5));
	end();
}

static _Noreturn void echo_for_ever(void)
{
	for (;;) {
		while (bw_ring_take(answers, got, &got_n) == BW_OK)
			if (bw_ring_put(answers, bw_str_make(got, got_n)) != BW_OK)
				_exit(1);
		bw_ring_kick(answers);
		if (bw_ring_doze(answers, true, 0))
			bw_ring_wait(answers, -1);
	}
}

/* Two processes that sleep whenever they can: a lost wake-up would be the end. */
TEST(no_waking_is_lost)
{
	struct pollfd p;
	pid_t pid;

	begin();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		echo_for_ever();
	p = (struct pollfd){.fd = bw_ring_wake_fd(ring), .events = POLLIN};
	for (unsigned i = 0; i < 20000; i++) {
		assert_ok(bw_ring_put(asks, text(i, i % 50)));
		bw_ring_kick(asks);
		while (bw_ring_doze(asks, true, 0)) {
			uint64_t count;

			assert_int_equal(poll(&p, 1, 20000), 1);
			assert_int_equal(read(p.fd, &count, sizeof count), sizeof count);
		}
		take_is(asks, text(i, i % 50));
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	end();
}
