#include "served.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
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
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n" NEXT, 200, 200},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX\r\n\r\n" NEXT, 400, 0},
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
