/* Sockets that the parent holds, and rows that are relieved. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/proc.h"
#include "test.h"

enum {
	EVERYTHING = 1u << BW_PROC_READY | 1u << BW_PROC_SOCKET |
	             1u << BW_PROC_SOCKET_DROP | 1u << BW_PROC_SOCKET_SETTLE
};

/* A child that does one thing and says over a pipe how it went. */
struct play {
	int pipe[2];
	int (*act)(const struct bw_proc_self *self, const struct play *play);
	uint16_t port;
};

static void say(const struct play *p, char c)
{
	MUST(write(p->pipe[1], &c, 1) == 1);
}

static void assert_heard(const struct play *p, const char *all)
{
	for (; *all; all++) {
		struct pollfd f = {.fd = p->pipe[0], .events = POLLIN};
		char c = 0;

		assert_int_equal(poll(&f, 1, 20000), 1);
		assert_int_equal(read(p->pipe[0], &c, 1), 1);
		assert_int_equal(c, *all);
	}
}

/* Two processes say one each, in either order. */
static void assert_heard_both(const struct play *p, char a, char b)
{
	char heard[2] = {0};

	for (int i = 0; i < 2; i++) {
		struct pollfd f = {.fd = p->pipe[0], .events = POLLIN};

		assert_int_equal(poll(&f, 1, 20000), 1);
		assert_int_equal(read(p->pipe[0], &heard[i], 1), 1);
	}
	assert_true((heard[0] == a && heard[1] == b) || (heard[0] == b && heard[1] == a));
}

static struct bw_proc_socket socket_at(uint16_t port, bool datagrams)
{
	struct bw_proc_socket s = {
	    .address_bytes = sizeof(struct sockaddr_in), .shares = 1, .datagrams = datagrams, .make = true};
	struct sockaddr_in *a = (struct sockaddr_in *)(void *)&s.address;

	a->sin_family = AF_INET;
	a->sin_port = htons(port);
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return s;
}

static bool receive(const struct bw_proc_self *self, struct bw_proc_message *m)
{
	for (int i = 0; i < 20000; i++) {
		enum bw_err e = bw_proc_receive(self->channel, ~0u, m);

		if (e != BW_EAGAIN)
			return e == BW_OK;
		usleep(1000);
	}
	return false;
}

/* -1: an answer without one; the error in *error. */
static int ask(const struct bw_proc_self *self, const struct bw_proc_socket *s, int *error)
{
	struct bw_proc_message m;
	struct bw_proc_socket answer;

	MUST(bw_proc_send(self->channel, BW_PROC_SOCKET, bw_str_make(s, sizeof *s)) == BW_OK);
	MUST(receive(self, &m) && m.type == BW_PROC_SOCKET && m.n == sizeof answer);
	memcpy(&answer, m.payload, sizeof answer);
	*error = answer.error;
	return m.fd;
}

static int until_told(const struct bw_proc_self *self, const struct play *p)
{
	struct bw_proc_message m;

	while (receive(self, &m)) {
		if (m.type == BW_PROC_RETIRE)
			say(p, 'r');
		if (m.type == BW_PROC_DRAIN || m.type == BW_PROC_RETIRE)
			return 0;
	}
	return 1;
}

static int run(const struct bw_proc_self *self)
{
	const struct play *p = self->ctx;

	MUST(bw_proc_send(self->channel, BW_PROC_READY, BW_STR("")) == BW_OK);
	return p->act(self, p) ? 1 : until_told(self, p);
}

static bool loopback_alone(void *ctx, const struct sockaddr *a)
{
	(void)ctx;
	return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static pid_t begin(struct play *p, struct bw_proc_row *rows, size_t count)
{
	pid_t pid;

	assert_int_equal(pipe(p->pipe), 0);
	for (size_t i = 0; i < count; i++) {
		rows[i].title = i ? "other" : "player";
		rows[i].run = run;
		rows[i].ctx = p;
		rows[i].may_send = EVERYTHING;
		rows[i].may_listen = loopback_alone;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(bw_proc_run(rows, count, 5000, NULL));
	return pid;
}

static void end(struct play *p, pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(p->pipe[0]);
	close(p->pipe[1]);
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static int connected(uint16_t port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The first process takes the socket and dies with a connection waiting in it; the second answers that
 * connection. */
static int accept_second(const struct bw_proc_self *self, const struct play *p)
{
	struct bw_proc_socket s = socket_at(p->port, false);
	int error, fd = ask(self, &s, &error), peer;

	if (fd < 0)
		return 1;
	say(p, 's');
	if (self->incarnation == 1)
		return 0;
	do
		peer = accept(fd, NULL, NULL);
	while (peer < 0 && errno == EAGAIN);
	return write(peer, "x", 1) != 1;
}

TEST(socket_outlives_whoever_accepts_from_it)
{
	struct play p = {.act = accept_second, .port = free_port()};
	struct bw_proc_row row = {.relieved = true};
	pid_t pid = begin(&p, &row, 1);
	char c = 0;
	int fd;

	assert_heard(&p, "s");
	fd = connected(p.port);
	assert_true(fd >= 0);
	kill(pid, SIGHUP);
	assert_heard_both(&p, 'r', 's');
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	end(&p, pid);
	assert_int_equal(connected(p.port), -1);
}

static int refusals(const struct bw_proc_self *self, const struct play *p)
{
	struct bw_proc_socket s = socket_at(p->port, false);
	int error;

	s.make = false; /* not held yet */
	if (ask(self, &s, &error) >= 0 || error != ENOENT)
		return 1;
	s.make = true;
	((struct sockaddr_in *)(void *)&s.address)->sin_addr.s_addr = htonl(INADDR_ANY);
	if (ask(self, &s, &error) >= 0 || error != EACCES)
		return 2;
	s = socket_at(p->port, false);
	if (ask(self, &s, &error) < 0)
		return 3;
	s.make = false;
	if (ask(self, &s, &error) < 0)
		return 4;
	if (bw_proc_send(self->channel, BW_PROC_SOCKET_DROP, bw_str_make(&s, sizeof s)) != BW_OK ||
	    ask(self, &s, &error) >= 0 || error != ENOENT)
		return 5;
	s = socket_at(p->port, true);
	s.shares = 2;
	if (ask(self, &s, &error) < 0)
		return 6;
	s.share = 1;
	if (ask(self, &s, &error) < 0)
		return 7;
	s.share = 0;
	s.shares = 3; /* another number than it was made with */
	if (ask(self, &s, &error) >= 0 || error != EINVAL)
		return 8;
	say(p, 'd');
	return 0;
}

TEST(sockets_are_made_where_the_row_may_listen_and_by_who_may_make_them)
{
	struct play p = {.act = refusals, .port = free_port()};
	struct bw_proc_row row = {0};
	pid_t pid = begin(&p, &row, 1);

	assert_heard(&p, "d");
	end(&p, pid);
}

static int malform(const struct bw_proc_self *self, const struct play *p)
{
	struct bw_proc_socket s = socket_at(p->port, false);
	size_t n = sizeof s;

	say(p, 'm');
	switch (self->incarnation) {
	case 1:
		n--;
		break;
	case 2:
		s.share = 1;
		break;
	case 3:
		s.shares = BW_PROC_SHARES_MAX + 1;
		s.datagrams = true;
		break;
	case 4:
		s.address.ss_family = AF_UNIX;
		break;
	default:
		say(p, 'e');
		return 0;
	}
	MUST(bw_proc_send(self->channel, BW_PROC_SOCKET, bw_str_make(&s, n)) == BW_OK);
	pause();
	return 0;
}

TEST(who_asks_for_what_is_no_socket_is_ended)
{
	struct play p = {.act = malform, .port = free_port()};
	struct bw_proc_row row = {0};
	pid_t pid = begin(&p, &row, 1);

	assert_heard(&p, "mmmmme");
	end(&p, pid);
}

static int fail_second(const struct bw_proc_self *self, const struct play *p)
{
	(void)self;
	say(p, 's');
	return 0;
}

static int run_failing(const struct bw_proc_self *self)
{
	const struct play *p = self->ctx;

	if (self->incarnation == 2) {
		say(p, 'x');
		return 9;
	}
	return run(self);
}

TEST(a_successor_that_cannot_start_relieves_nobody)
{
	struct play p = {.act = fail_second};
	struct bw_proc_row row = {
	    .relieved = true, .title = "player", .run = run_failing, .ctx = &p, .may_send = EVERYTHING};
	pid_t pid;

	assert_int_equal(pipe(p.pipe), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(bw_proc_run(&row, 1, 5000, NULL));
	assert_heard(&p, "s");
	usleep(50000);
	kill(pid, SIGHUP);
	assert_heard(&p, "x");
	usleep(50000);
	kill(pid, SIGHUP); /* the first still serves, and is relieved by the third */
	assert_heard_both(&p, 'r', 's');
	end(&p, pid);
}
