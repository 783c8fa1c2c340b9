/* Clocks, ceilings, vanishing peers, drains and memory: what happens to a server's connections over time. */
#include "served.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define NEXT "GET /next HTTP/1.1\r\n" HOST "\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST

static const struct bw_http_server_config usual;

TEST(server_slow_head_is_408)
{
	struct served s;
	int fd;

	served_start(&s, &usual, "127.0.0.1:0");
	fd = dial(s.port);
	say(fd, BW_STR("GET / HTTP/1.1\r\n"));
	served_wait_connections(&s, 1);
	usleep(20000);
	served_time_pass(&s, BW_HTTP_HEAD_TIMEOUT_MS - 500);
	say(fd, BW_STR("Host")); /* that it goes on sending does not buy it time */
	usleep(20000);
	assert_int_equal(bw_http_server_connections(s.server), 1);
	served_time_pass(&s, 600);
	assert_int_equal(hear(fd, NULL), 408);
	close(fd);
	served_stop(&s);
}

TEST(server_slow_body_is_408)
{
	struct served s;
	int fd;

	served_start(&s, &usual, "127.0.0.1:0");
	fd = dial(s.port);
	say(fd, BW_STR(POST "Content-Length: 3\r\n\r\nab"));
	served_wait_connections(&s, 1);
	usleep(20000);
	served_time_pass(&s, BW_HTTP_BODY_TIMEOUT_MS - 1000);
	assert_int_equal(bw_http_server_connections(s.server), 1);
	served_time_pass(&s, 1100);
	assert_int_equal(hear(fd, NULL), 408);
	close(fd);
	served_stop(&s);
}

TEST(server_silent_and_idle_connections_are_closed)
{
	struct served s;
	int silent, idle, busy;

	served_start(&s, &usual, "127.0.0.1:0");
	silent = dial(s.port);
	idle = dial(s.port);
	busy = dial(s.port);
	say(idle, BW_STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
	assert_int_equal(hear(idle, NULL), 200);
	say(busy, BW_STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
	served_wait_requests(&s, 2);
	served_wait_connections(&s, 3);
	served_time_pass(&s, BW_HTTP_HEAD_TIMEOUT_MS + 100);
	served_wait_connections(&s, 2);
	assert_int_equal(hear(silent, NULL), -1);
	served_time_pass(&s, BW_HTTP_IDLE_TIMEOUT_MS - BW_HTTP_HEAD_TIMEOUT_MS - 1000);
	usleep(20000);
	assert_int_equal(bw_http_server_connections(s.server), 2);
	say(idle, BW_STR("GET / HTTP/1.1\r\n" HOST "\r\n")); /* used again, it may idle again */
	assert_int_equal(hear(idle, NULL), 200);
	served_time_pass(&s, BW_HTTP_IDLE_TIMEOUT_MS - 1000);
	usleep(20000);
	assert_int_equal(bw_http_server_connections(s.server), 2);
	served_time_pass(&s, 1100);
	served_wait_connections(&s, 1);
	assert_int_equal(hear(idle, NULL), -1);
	served_release(&s); /* a request in work has no clock of ours */
	assert_int_equal(hear(busy, NULL), 200);
	close(silent);
	close(idle);
	close(busy);
	served_stop(&s);
}

TEST(server_who_does_not_take_its_answer_is_cut_off)
{
	struct served s;
	int fd;

	served_start(&s, &usual, "127.0.0.1:0");
	fd = dial(s.port);
	say(fd, BW_STR("GET /big?16000000 HTTP/1.1\r\n" HOST "\r\n"));
	served_wait_requests(&s, 1);
	usleep(50000);
	served_time_pass(&s, BW_HTTP_BODY_TIMEOUT_MS);
	usleep(20000);
	assert_int_equal(bw_http_server_connections(s.server), 1);
	served_time_pass(&s, 2000000);
	served_wait_connections(&s, 0);
	close(fd);
	served_stop(&s);
}

static void vanish(int fd)
{
	struct linger abort = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
	close(fd);
}

TEST(server_peer_vanishing_while_its_request_is_in_work)
{
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	for (int i = 0; i < 20; i++) {
		int fd = dial(s.port);

		say(fd, BW_STR("GET /hold HTTP/1.1\r\n" HOST "\r\n" NEXT));
		served_wait_requests(&s, i + 1);
		vanish(fd);
	}
	usleep(20000);
	served_release(&s);
	served_wait_connections(&s, 0);
	/* And closing in the ordinary way: the answer is written to nobody. */
	for (int i = 0; i < 20; i++) {
		int fd = dial(s.port);

		say(fd, BW_STR("GET /hold HTTP/1.1\r\n" HOST "\r\n" NEXT));
		served_wait_requests(&s, 20 + i + 1);
		close(fd);
	}
	served_release(&s);
	served_wait_connections(&s, 0);
	served_stop(&s);
}

TEST(server_peer_vanishing_at_every_byte)
{
	struct bw_str bytes = BW_STR(POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	for (size_t n = 0; n <= bytes.n; n++) {
		int fd = dial(s.port);

		say(fd, bw_str_sub(bytes, 0, n));
		if (n % 3 == 0)
			usleep(500);
		vanish(fd);
	}
	served_wait_connections(&s, 0);
	served_stop(&s);
}

static void free_server_and_answer(struct served *s)
{
	bw_http_server_free(s->server);
	while (s->held)
		bw_http_respond(s->holding[--s->held], 200, BW_STR(""), BW_STR("late"), false);
	bw_loop_stop(s->loop);
}

TEST(server_may_end_before_its_requests_are_answered)
{
	struct served s;
	int fds[10];

	served_start(&s, &usual, "127.0.0.1:0");
	for (int i = 0; i < 10; i++) {
		fds[i] = dial(s.port);
		say(fds[i], BW_STR("GET /hold HTTP/1.1\r\n" HOST "\r\n" NEXT));
	}
	served_wait_requests(&s, 10);
	served_call(&s, free_server_and_answer);
	pthread_join(s.thread, NULL);
	bw_loop_free(s.loop);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
}

static void drained(void *ctx)
{
	struct served *s = ctx;

	bw_http_server_free(s->server);
	s->server = NULL;
	atomic_store(&s->drained, true);
	bw_loop_stop(s->loop);
}

static void drain(struct served *s)
{
	bw_http_server_drain(s->server, drained, s);
}

TEST(server_drain_lets_requests_in_work_finish)
{
	struct served s;
	struct bw_buf body;
	int idle, busy, half;

	bw_buf_init(&body, 1000);
	served_start(&s, &usual, "127.0.0.1:0");
	idle = dial(s.port);
	busy = dial(s.port);
	half = dial(s.port);
	say(idle, BW_STR(NEXT));
	assert_int_equal(hear(idle, NULL), 200);
	say(busy, BW_STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
	served_wait_requests(&s, 2);
	say(half, BW_STR("GET / HTTP/1.1\r\n"));
	served_wait_connections(&s, 3);
	usleep(20000);
	served_call(&s, drain);
	assert_int_equal(hear(idle, NULL), -1);
	served_wait_connections(&s, 2);
	assert_false(s.drained);
	say(half, BW_STR(HOST "\r\n"));
	assert_int_equal(hear(half, NULL), 200);
	assert_int_equal(hear(half, NULL), -1);
	served_release(&s);
	assert_int_equal(hear(busy, &body), 200);
	assert_str(bw_buf_str(&body), "released");
	assert_int_equal(hear(busy, NULL), -1);
	pthread_join(s.thread, NULL);
	assert_true(s.drained);
	bw_loop_free(s.loop);
	close(idle);
	close(busy);
	close(half);
	bw_buf_free(&body);
}

/* The answer does not fit into the sockets' buffers, so that it is still being sent when the drain begins. */
TEST(server_drain_closes_after_an_answer_that_was_on_its_way)
{
	struct served s;
	struct bw_buf body;
	int fd;

	bw_buf_init(&body, 16 << 20);
	served_start(&s, &usual, "127.0.0.1:0");
	fd = dial(s.port);
	say(fd, BW_STR("GET /big?15000000 HTTP/1.1\r\n" HOST "\r\n"));
	served_wait_requests(&s, 1);
	usleep(20000);
	served_call(&s, drain);
	assert_false(s.drained);
	assert_int_equal(hear(fd, &body), 200);
	assert_int_equal(body.n, 15000000);
	assert_int_equal(hear(fd, NULL), -1);
	pthread_join(s.thread, NULL);
	assert_true(s.drained);
	bw_loop_free(s.loop);
	close(fd);
	bw_buf_free(&body);
}

TEST(server_drain_does_not_wait_for_slow_senders)
{
	struct served s;
	int head, content;

	served_start(&s, &usual, "127.0.0.1:0");
	head = dial(s.port);
	content = dial(s.port);
	say(head, BW_STR("GET / HTTP/1.1\r\n"));
	say(content, BW_STR(POST "Content-Length: 3\r\n\r\nab"));
	served_wait_connections(&s, 2);
	usleep(20000);
	served_call(&s, drain);
	served_time_pass(&s, 4900);
	assert_false(s.drained);
	served_time_pass(&s, 200);
	assert_int_equal(hear(head, NULL), 408);
	assert_int_equal(hear(content, NULL), 408);
	close(head);
	close(content);
	pthread_join(s.thread, NULL);
	assert_true(s.drained);
	bw_loop_free(s.loop);
}

TEST(server_drain_of_an_empty_server_ends_at_once)
{
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	served_call(&s, drain);
	pthread_join(s.thread, NULL);
	assert_true(s.drained);
	bw_loop_free(s.loop);
}

TEST(server_ceiling_of_connections)
{
	struct bw_http_server_config config = {.connections_max = 3};
	struct served s;
	int fds[3], more;

	served_start(&s, &config, "127.0.0.1:0");
	for (int i = 0; i < 3; i++)
		fds[i] = dial(s.port);
	served_wait_connections(&s, 3);
	more = dial(s.port);
	assert_int_equal(hear(more, NULL), 503);
	close(more);
	assert_int_equal(bw_http_server_connections(s.server), 3);
	close(fds[0]);
	served_wait_connections(&s, 2);
	fds[0] = dial(s.port);
	say(fds[0], BW_STR(NEXT));
	assert_int_equal(hear(fds[0], NULL), 200);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	served_stop(&s);
}

TEST(server_ceiling_of_connections_of_one_address)
{
	enum { COUNT = BW_CONNECTIONS_PER_ADDRESS };
	struct bw_http_server_config config = {.connections_max = 2 * COUNT};
	struct rlimit old, enough;
	static int fds[COUNT];
	struct served s;
	int more;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	enough = old;
	enough.rlim_cur = 2 * COUNT + 100;
	if (setrlimit(RLIMIT_NOFILE, &enough) != 0)
		skip(); /* not that many descriptors for us */
	served_start(&s, &config, "127.0.0.1:0");
	for (int i = 0; i < COUNT; i++)
		fds[i] = dial(s.port);
	served_wait_connections(&s, COUNT);
	more = dial(s.port);
	assert_int_equal(hear(more, NULL), 503);
	close(more);
	say(fds[COUNT - 1], BW_STR(NEXT));
	assert_int_equal(hear(fds[COUNT - 1], NULL), 200);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	served_wait_connections(&s, 0);
	more = dial(s.port);
	say(more, BW_STR(NEXT));
	assert_int_equal(hear(more, NULL), 200);
	close(more);
	served_stop(&s);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

TEST(server_waits_when_there_is_no_descriptor_left)
{
	struct rlimit old, tight;
	struct served s;
	int lowest, fd;

	served_start(&s, &usual, "127.0.0.1:0");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	fd = dup(0);
	lowest = fd;
	close(fd);
	tight = old;
	tight.rlim_cur = (rlim_t)lowest + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	fd = dial(s.port); /* takes the last one; the kernel answers for the server */
	say(fd, BW_STR(NEXT));
	usleep(30000);
	assert_int_equal(bw_http_server_connections(s.server), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(hear(fd, NULL), 200);
	close(fd);
	served_stop(&s);
}

/* Counts what the server's thread allocates, where the sanitizer lets us, and measures the heap elsewhere. */
extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
    void (*on_free)(const volatile void *)) __attribute__((weak));

static pthread_t counted_thread;
static atomic_bool counting;
static atomic_int allocations;

static void count_malloc(const volatile void *p, size_t n)
{
	(void)p;
	(void)n;
	if (counting && pthread_equal(pthread_self(), counted_thread))
		atomic_fetch_add(&allocations, 1);
}

static void count_free(const volatile void *p)
{
	(void)p;
}

TEST(server_thousand_requests_on_one_connection_allocate_nothing)
{
	struct bw_str request =
	    BW_STR("GET /none HTTP/1.1\r\n" HOST "X: 0123456789012345678901234567890123456789\r\n\r\n");
	struct mallinfo2 before, after;
	struct served s;
	int fd;

	served_start(&s, &usual, "127.0.0.1:0");
	fd = dial(s.port);
	for (int i = 0; i < 10; i++) {
		say(fd, request);
		assert_int_equal(hear(fd, NULL), 204);
	}
	counted_thread = s.thread;
	if (__sanitizer_install_malloc_and_free_hooks)
		__sanitizer_install_malloc_and_free_hooks(count_malloc, count_free);
	atomic_store(&counting, true);
	before = mallinfo2();
	for (int i = 0; i < 1000; i++) {
		say(fd, request);
		assert_int_equal(hear(fd, NULL), 204);
	}
	after = mallinfo2();
	atomic_store(&counting, false);
	assert_int_equal(allocations, 0);
	assert_true(after.uordblks <= before.uordblks + 1024);
	close(fd);
	served_stop(&s);
}

TEST(server_idle_connections_are_small)
{
	enum { COUNT = 300 };
	struct mallinfo2 before, after;
	struct served s;
	int fds[COUNT];

	served_start(&s, &usual, "127.0.0.1:0");
	before = mallinfo2(); /* nothing under a sanitizer, which has a heap of its own */
	for (int i = 0; i < COUNT; i++) {
		fds[i] = dial(s.port);
		say(fds[i], BW_STR(NEXT));
		assert_int_equal(hear(fds[i], NULL), 200);
	}
	after = mallinfo2();
	print_message("# an idle plain connection holds %zu bytes of heap\n",
	    (after.uordblks - before.uordblks) / COUNT);
	assert_true(after.uordblks - before.uordblks < COUNT * 2048 + 65536);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	served_stop(&s);
}
