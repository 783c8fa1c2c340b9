#include "served.h"

#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"

static const struct bw_http_server_config usual;

static int statuses_of(const char *answers, int *statuses, int max)
{
	int n = 0;

	for (const char *at = answers; (at = strstr(at, "HTTP/1.1 ")) != NULL && n < max; at += 9) {
		int64_t status = 0;

		assert_ok(bw_str_to_i64(bw_str_make(at + 9, 3), 100, 599, &status));
		statuses[n++] = (int)status;
	}
	return n;
}

static void assert_talk(uint16_t port, struct bw_str bytes, int first, int second)
{
	char *answers = talk(port, bytes);
	int statuses[4] = {0};

	statuses_of(answers, statuses, 4);
	if (statuses[0] != first || statuses[1] != second)
		fail_msg("%.*s answers %s; want %d and %d", BW_FMT(bytes), answers, first, second);
	free(answers);
}

TEST(server_answers_what_it_is_asked)
{
	struct served s;
	char *answers;

	served_start(&s, &usual, "127.0.0.1:0");
	answers = talk(s.port,
	    BW_STR("POST /a?b HTTP/1.1\r\n" HOST "Content-Length: 5\r\nConnection: close\r\n\r\nhello"));
	assert_true(bw_str_starts(
	    bw_str_c(answers), BW_STR("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: ")));
	assert_non_null(
	    strstr(answers, " GMT\r\nContent-Length: 15\r\nConnection: close\r\n\r\nPOST /a?b\nhello"));
	free(answers);
	served_stop(&s);
}

TEST(server_v6_loopback_is_answered)
{
	struct served s;
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0)
		skip(); /* a kernel without IPv6 */
	served_start(&s, &usual, "[::1]:0");
	a.sin6_port = htons(s.port);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	say(fd, BW_STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
	assert_int_equal(hear(fd, NULL), 200);
	close(fd);
	served_stop(&s);
}

struct exchange_case {
	const char *bytes;
	int first, second; /* statuses; 0: none */
};

#define NEXT "GET /next HTTP/1.1\r\n" HOST "\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST

/* Each is followed by a whole request, which must be answered exactly when the first one's end is beyond
 * doubt. */
static const struct exchange_case cases[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n" NEXT, 200, 200},
    {"GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n" NEXT, 200, 0},
    {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" NEXT, 200, 0},
    {POST "Content-Length: 3\r\n\r\nabc" NEXT, 200, 200},
    {POST "Content-Length: 0\r\n\r\n" NEXT, 200, 200},
    {POST "\r\n" NEXT, 200, 200},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" NEXT, 200, 200},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT, 200, 200},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n" NEXT, 400, 0},
    {POST "Transfer-Encoding: chunked\r\n\r\n100001\r\n" NEXT, 413, 0},
    {POST "Content-Length: 1048577\r\n\r\n" NEXT, 413, 0},
    {POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" NEXT, 400, 0},
    {POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc" NEXT, 400, 0},
    {POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" NEXT, 501, 0},
    {POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" NEXT, 501, 0},
    {POST "Content-Length: +3\r\n\r\nabc" NEXT, 400, 0},
    {POST "Content-Length : 3\r\n\r\nabc" NEXT, 400, 0},
    {"GET / HTTP/1.1\n" HOST "\r\n" NEXT, 400, 0},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n" NEXT, 400, 0},
    {"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n" NEXT, 400, 0},
    {"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n" NEXT, 400, 0},
    {"GET / HTTP/1.1\r\n\r\n" NEXT, 400, 0},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n" NEXT, 400, 0},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n" NEXT, 400, 0},
    {"GET http://b/ HTTP/1.1\r\n" HOST "\r\n" NEXT, 400, 0},
    {"GET /\r\n" NEXT, 400, 0},
    {"GET /\n" NEXT, 400, 0},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 0},
    {"\r\n" NEXT, 400, 0},
    {"\n", 400, 0},
    {"x\n", 400, 0},
    {"HEAD / HTTP/1.1\r\n" HOST "\r\n" NEXT, 200, 200},
    {"GET /none HTTP/1.1\r\n" HOST "\r\n" NEXT, 204, 200},
    {"GET /close HTTP/1.1\r\n" HOST "\r\n" NEXT, 200, 0},
    {"GET /later HTTP/1.1\r\n" HOST "\r\n" NEXT, 200, 200},
    {"GET /split HTTP/1.1\r\n" HOST "\r\n" NEXT, 500, 200},
    {"GET / HTTP/1.1\r\n" HOST "Expect: nothing\r\n\r\n" NEXT, 417, 0},
    {POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" NEXT, 200, 200},
    {POST "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n", 413, 0},
    {"GET / HTTP", 0, 0},
    {POST "Content-Length: 3\r\n\r\nab", 0, 0},
    {"", 0, 0},
};

TEST(server_one_request_after_the_other_or_none)
{
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	for (size_t i = 0; i < BW_COUNT(cases); i++)
		assert_talk(s.port, bw_str_c(cases[i].bytes), cases[i].first, cases[i].second);
	served_stop(&s);
}

/* However the bytes are cut into packets, the answer is the same. */
TEST(server_byte_by_byte_is_as_whole)
{
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		struct bw_str bytes = bw_str_c(cases[i].bytes);
		int fd = dial(s.port), statuses[4] = {0}, on = 1;
		char *answers;

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		for (size_t at = 0; at < bytes.n; at++) {
			say(fd, bw_str_sub(bytes, at, 1));
			if (at % 8 == 0)
				usleep(100);
		}
		shutdown(fd, SHUT_WR);
		answers = hear_all(fd);
		close(fd);
		statuses_of(answers, statuses, 4);
		/* "100 Continue" comes when the body does not come along. */
		if (statuses[0] == 100)
			memmove(statuses, statuses + 1, sizeof statuses - sizeof *statuses);
		if (statuses[0] != cases[i].first || statuses[1] != cases[i].second)
			fail_msg("%s answers %s", cases[i].bytes, answers);
		free(answers);
	}
	served_stop(&s);
}

TEST(server_head_has_no_body_and_refusals_have_ours)
{
	struct served s;
	char *answers;

	served_start(&s, &usual, "127.0.0.1:0");
	answers = talk(s.port, BW_STR("HEAD /x HTTP/1.1\r\n" HOST "\r\n"));
	assert_non_null(strstr(answers, "Content-Length: 8\r\n\r\n"));
	assert_null(strstr(answers, "HEAD /x"));
	free(answers);
	answers = talk(s.port, BW_STR("GET /none HTTP/1.1\r\n" HOST "\r\n"));
	assert_null(strstr(answers, "Content-Length"));
	assert_null(strstr(answers, "never"));
	free(answers);
	answers = talk(s.port, BW_STR("oops\n"));
	assert_non_null(strstr(answers, "Content-Type: text/x-refusal\r\n"));
	assert_non_null(strstr(answers, "Connection: close\r\n\r\nrefused 400"));
	free(answers);
	answers = talk(s.port, BW_STR("HEAD / HTTP/1.1\r\n" HOST "Content-Length: 9999999\r\n\r\n"));
	assert_non_null(strstr(answers, " 413 "));
	assert_null(strstr(answers, "refused"));
	free(answers);
	served_stop(&s);
}

/* A head of that many bytes; `body` comes behind it in the same breath. */
static int head_of_bytes(uint16_t port, size_t bytes, const char *body, size_t body_n)
{
	struct bw_buf b;
	char *fill = bw_alloc(bytes), *answers;
	int statuses[2] = {0};

	bw_buf_init(&b, 1 << 22);
	bw_buf_printf(&b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\nX: ", body_n);
	memset(fill, 'x', bytes - b.n - 4);
	bw_buf_put(&b, bw_str_c(fill));
	bw_buf_put(&b, BW_STR("\r\n\r\n"));
	assert_int_equal(b.n, bytes);
	bw_buf_put(&b, bw_str_make(body, body_n));
	answers = talk(port, bw_buf_str(&b));
	statuses_of(answers, statuses, 2);
	free(answers);
	bw_buf_free(&b);
	bw_free(fill);
	return statuses[0];
}

TEST(server_heads_of_every_size)
{
	static const size_t sizes[] = {
	    100, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 40000, BW_HTTP_HEAD_MAX - 1, BW_HTTP_HEAD_MAX};
	static char body[30000];
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	for (size_t i = 0; i < BW_COUNT(sizes); i++) {
		assert_int_equal(head_of_bytes(s.port, sizes[i], body, 0), 200);
		assert_int_equal(head_of_bytes(s.port, sizes[i], body, 10), 200);
		assert_int_equal(head_of_bytes(s.port, sizes[i], body, sizeof body), 200);
	}
	assert_int_equal(head_of_bytes(s.port, BW_HTTP_HEAD_MAX + 1, body, 0), 431);
	assert_int_equal(head_of_bytes(s.port, BW_HTTP_HEAD_MAX + 10000, body, 0), 431);
	served_stop(&s);
}

/* Sends a body in chunks or with its length, and compares what comes back. */
static void assert_body_comes_back(uint16_t port, size_t head_n, size_t n, size_t chunk)
{
	char *body = bw_alloc(n + 1), *fill = bw_alloc(head_n + 1);
	struct bw_buf b, back;
	int fd = dial(port);

	for (size_t i = 0; i < n; i++)
		body[i] = (char)('A' + (i * 7 + i / 251) % 57);
	memset(fill, 'x', head_n);
	bw_buf_init(&b, 1 << 24);
	bw_buf_init(&back, 1 << 24);
	bw_buf_printf(&b, "PUT / HTTP/1.1\r\nHost: a\r\nX: %s\r\n", fill);
	if (chunk)
		bw_buf_put(&b, BW_STR("Transfer-Encoding: chunked\r\n\r\n"));
	else
		bw_buf_printf(&b, "Content-Length: %zu\r\n\r\n%s", n, body);
	for (size_t at = 0; chunk && at < n; at += chunk) {
		struct bw_str part = bw_str_sub(bw_str_make(body, n), at, chunk);

		bw_buf_printf(&b, "%zx\r\n%.*s\r\n", part.n, BW_FMT(part));
	}
	if (chunk)
		bw_buf_put(&b, BW_STR("0\r\n\r\n"));
	bw_buf_put(&b, BW_STR(NEXT));
	say(fd, bw_buf_str(&b));
	assert_int_equal(hear(fd, &back), 200);
	assert_int_equal(back.n, n + 6);
	assert_memory_equal(back.p + 6, body, n);
	assert_int_equal(hear(fd, &back), 200);
	assert_str(bw_buf_str(&back), "GET /next\n");
	close(fd);
	bw_buf_free(&b);
	bw_buf_free(&back);
	bw_free(body);
	bw_free(fill);
}

TEST(server_bodies_of_every_size_and_cut)
{
	static const size_t heads[] = {1, 12000, 16000, 60000};
	static const size_t sizes[] = {1, 4000, 16384, 20000, 100000, BW_HTTP_BODY_MAX};
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	for (size_t h = 0; h < BW_COUNT(heads); h++)
		for (size_t i = 0; i < BW_COUNT(sizes); i++) {
			assert_body_comes_back(s.port, heads[h], sizes[i], 0);
			assert_body_comes_back(s.port, heads[h], sizes[i], sizes[i]);
			assert_body_comes_back(s.port, heads[h], sizes[i], 1021);
		}
	served_stop(&s);
}

TEST(server_body_over_the_limit_is_413_even_when_sent)
{
	size_t n = BW_HTTP_BODY_MAX + 1;
	char *body = bw_alloc(n);
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	assert_int_equal(head_of_bytes(s.port, 200, body, n - 1), 200);
	assert_int_equal(head_of_bytes(s.port, 200, body, n), 413);
	served_stop(&s);
	bw_free(body);
}

TEST(server_continues_when_asked)
{
	struct served s;
	struct bw_buf body;
	int fd;

	bw_buf_init(&body, 1000);
	served_start(&s, &usual, "127.0.0.1:0");
	fd = dial(s.port);
	say(fd, BW_STR(POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
	assert_int_equal(hear(fd, NULL), 100);
	say(fd, BW_STR("abc"));
	assert_int_equal(hear(fd, &body), 200);
	assert_str(bw_buf_str(&body), "POST /\nabc");
	/* Nothing to continue with: no body is announced. */
	say(fd, BW_STR(POST "Expect: 100-continue\r\n\r\n"));
	assert_int_equal(hear(fd, NULL), 200);
	close(fd);
	served_stop(&s);
	bw_buf_free(&body);
}

TEST(server_pipeline_is_answered_in_order)
{
	enum { COUNT = 500 };
	struct served s;
	struct bw_buf b, body;
	int fd;

	served_start(&s, &usual, "127.0.0.1:0");
	bw_buf_init(&b, 1 << 20);
	bw_buf_init(&body, 1 << 20);
	for (int i = 0; i < COUNT; i++)
		bw_buf_printf(
		    &b, "%s /%s?%d HTTP/1.1\r\n" HOST "\r\n", "GET", i % 50 == 49 ? "later" : "", i);
	fd = dial(s.port);
	say(fd, bw_buf_str(&b));
	for (int i = 0; i < COUNT; i++) {
		char want[32];

		assert_int_equal(hear(fd, &body), 200);
		snprintf(want, sizeof want, "GET /?%d\n", i);
		assert_str(bw_buf_str(&body), i % 50 == 49 ? "later" : want);
	}
	close(fd);
	bw_buf_free(&b);
	bw_buf_free(&body);
	served_stop(&s);
}

/* A reader who does not read is not answered further, and what it left in the pipe costs no more than one
 * answer. */
TEST(server_unread_answers_hold_back_the_next)
{
	enum { COUNT = 100, BIG = 1000000 };
	struct served s;
	struct bw_buf body;
	int fd;

	served_start(&s, &usual, "127.0.0.1:0");
	bw_buf_init(&body, 2 * BIG);
	fd = dial(s.port);
	for (int i = 0; i < COUNT; i++)
		say(fd, BW_STR("GET /big?1000000 HTTP/1.1\r\n" HOST "\r\n"));
	usleep(200000);
	assert_in_range(s.requests, 1, 20);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(hear(fd, &body), 200);
		assert_int_equal(body.n, BIG);
		assert_int_equal(body.p[BIG - 1], 'a' + (BIG - 1) % 23);
	}
	close(fd);
	served_stop(&s);
	bw_buf_free(&body);
}

TEST(server_answer_above_the_ceiling_is_our_fault)
{
	struct served s;

	served_start(&s, &usual, "127.0.0.1:0");
	assert_talk(s.port, BW_STR("GET /big?16777216 HTTP/1.1\r\n" HOST "\r\n"), 200, 0);
	assert_talk(s.port, BW_STR("GET /big?16777217 HTTP/1.1\r\n" HOST "\r\n"), 500, 0);
	served_stop(&s);
}

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
