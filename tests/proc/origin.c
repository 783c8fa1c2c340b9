/* Sockets that are asked for, and what comes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/origin.h"
#include "test.h"

static void pair(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void raw(int to, const char *bytes, size_t n)
{
	assert_int_equal(send(to, bytes, n, 0), n);
}

TEST(origin_asks_are_heard_as_they_were_said)
{
	struct bw_origin_ask ask;
	int ends[2];

	pair(ends);
	assert_int_equal(bw_origin_ask_receive(ends[1], &ask), BW_EAGAIN);
	for (unsigned i = 0; i < 4; i++) {
		const struct bw_origin_ask said = {{i & 1, i & 2}, i == 0 ? 1 : BW_ORIGIN_BATCH};

		assert_int_equal(bw_origin_ask_send(ends[0], &said), BW_OK);
		assert_int_equal(bw_origin_ask_receive(ends[1], &ask), BW_OK);
		assert_int_equal(ask.count, said.count);
		assert_int_equal(ask.kind.v6, said.kind.v6);
		assert_int_equal(ask.kind.datagrams, said.kind.datagrams);
	}
	close(ends[0]);
	assert_int_equal(bw_origin_ask_receive(ends[1], &ask), BW_ENOTFOUND);
	close(ends[1]);
}

TEST(origin_asks_of_any_other_form_are_refused)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
	    {"\0\0\0\0\0\0\0\0", 8},    /* none */
	    {"\0\0\0\0\0\x81\0\0", 8},  /* one more than a batch */
	    {"\0\0\0\0\1\1\0\0", 8},
	    {"\4\0\0\0\0\1\0\0", 8},    /* no such kind */
	    {"\0\1\0\0\0\1\0\0", 8},
	    {"\0\0\0\0\0\1\0\1", 8},    /* an answer's error */
	    {"\0\0\0\0\0\1\0", 7},
	    {"\0\0\0\0\0\1\0\0\0", 9},
	    {"\0", 1},
	};
	struct bw_origin_ask ask;
	int ends[2];

	pair(ends);
	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		raw(ends[0], bad[i].bytes, bad[i].n);
		assert_int_equal(bw_origin_ask_receive(ends[1], &ask), BW_EINVAL);
	}
	close(ends[0]);
	close(ends[1]);
}

TEST(origin_answers_bring_as_many_descriptors_as_they_say)
{
	struct bw_origin_answer said = {.kind = {true, false}, .count = BW_ORIGIN_BATCH}, heard;
	int ends[2], one = open("/dev/null", O_RDONLY | O_CLOEXEC);

	pair(ends);
	for (unsigned i = 0; i < BW_ORIGIN_BATCH; i++)
		said.fds[i] = one;
	assert_int_equal(bw_origin_answer_send(ends[0], &said), BW_OK);
	assert_int_equal(bw_origin_answer_receive(ends[1], &heard), BW_OK);
	assert_int_equal(heard.count, BW_ORIGIN_BATCH);
	assert_true(heard.kind.v6 && !heard.kind.datagrams);
	for (unsigned i = 0; i < heard.count; i++) {
		assert_int_equal(fcntl(heard.fds[i], F_GETFD), FD_CLOEXEC);
		close(heard.fds[i]);
	}
	said.count = 0;
	said.error = EAGAIN;
	assert_int_equal(bw_origin_answer_send(ends[0], &said), BW_OK);
	assert_int_equal(bw_origin_answer_receive(ends[1], &heard), BW_OK);
	assert_int_equal(heard.error, EAGAIN);
	close(ends[0]);
	close(ends[1]);
	close(one);
}

/* The lowest descriptor that is free: the same before and after when nothing was kept. */
static int lowest(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

TEST(origin_answers_of_any_other_form_leave_nothing_open)
{
	struct bw_origin_answer said = {.count = 3, .error = EPERM, .fds = {0, 0, 0}}, heard;
	int ends[2], before;

	pair(ends);
	before = lowest();
	/* Descriptors, and an error. */
	assert_int_equal(bw_origin_answer_send(ends[0], &said), BW_OK);
	assert_int_equal(bw_origin_answer_receive(ends[1], &heard), BW_EINVAL);
	/* Neither. */
	raw(ends[0], "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(bw_origin_answer_receive(ends[1], &heard), BW_EINVAL);
	/* Said, and not sent. */
	raw(ends[0], "\0\0\0\0\0\2\0\0", 8);
	assert_int_equal(bw_origin_answer_receive(ends[1], &heard), BW_EINVAL);
	assert_int_equal(lowest(), before);
	close(ends[0]);
	close(ends[1]);
}

TEST(origin_asks_do_not_wait_for_room)
{
	const struct bw_origin_ask ask = {.count = 1};
	enum bw_err e = BW_OK;
	int ends[2];

	pair(ends);
	for (int i = 0; i < 100000 && e == BW_OK; i++)
		e = bw_origin_ask_send(ends[0], &ask);
	assert_int_equal(e, BW_EAGAIN);
	close(ends[0]);
	close(ends[1]);
}
