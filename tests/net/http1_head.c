#include "test.h"

#include <stdio.h>

#include "base/buf.h"
#include "net/http1.h"

static struct bw_http_request request; /* large, and one at a time */

/* Every twin must answer alike, and every prefix must answer "more" or the same refusal. */
static enum bw_err parse(struct bw_str bytes, int *status)
{
	size_t head_n = 0, n;
	enum bw_err e = bw_http_parse_head_by(BW_SCAN_SCALAR, bytes, &request, &head_n, status);

	for (int scan = BW_SCAN_SSE2; scan <= BW_SCAN_AVX2; scan++) {
		int other = 0;

		if (!bw_http_scan_available((enum bw_http_scan)scan))
			continue;
		n = 0;
		assert_int_equal(
		    bw_http_parse_head_by((enum bw_http_scan)scan, bytes, &request, &n, &other), e);
		assert_int_equal(n, head_n);
		assert_int_equal(other, *status);
	}
	if (e == BW_OK)
		assert_int_equal(head_n, bytes.n);
	return e;
}

static void assert_prefixes(struct bw_str bytes, enum bw_err whole, int status)
{
	for (size_t n = 0; n < bytes.n; n++) {
		/* A copy of just these bytes lets the address sanitizer see a read past them. */
		char *copy = bw_strdup(bw_str_sub(bytes, 0, n));
		int early = 0;
		size_t head_n;
		enum bw_err e;

		copy = bw_realloc(copy, n);
		e = bw_http_parse_head(bw_str_make(copy, n), &request, &head_n, &early);
		if (e != BW_EAGAIN) {
			assert_int_equal(whole, BW_EINVAL);
			assert_int_equal(e, BW_EINVAL);
			assert_int_equal(early, status);
		}
		bw_free(copy);
	}
}

struct spelling {
	const char *head;
	int status; /* 0: taken */
};

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST

static const struct spelling spellings[] = {
    {GET "\r\n", 0},
    {"GET /a?b=c&d=%20 HTTP/1.1\r\nhOST:\ta.example:443 \t\r\n\r\n", 0},
    {"GET / HTTP/1.0\r\n" HOST "\r\n", 0},
    {"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 0},
    {GET "X: \r\n\r\n", 0},
    {GET "X:\r\n\r\n", 0},
    {GET "X: \xc3\xa9 ~\r\n\r\n", 0},
    {GET "Content-Length: 0\r\n\r\n", 0},
    {GET "transfer-encoding: Chunked\r\n\r\n", 0},
    {GET "Connection: x, close\r\n\r\n", 0},
    {GET "Expect: 100-Continue\r\n\r\n", 0},
    /* line ends */
    {"GET / HTTP/1.1\n" HOST "\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
    {GET "\n", 400},
    {GET "X: a\rb\r\n\r\n", 400},
    {GET "X: a\r\r\n\r\n", 400},
    {GET "\r\r\n", 400},
    {"\r\n" GET "\r\n", 400},
    {"\n" GET "\r\n", 400},
    {GET "X: a\r\n b\r\n\r\n", 400},
    {GET "X: a\r\n\tb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
    /* the request line */
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /  HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /\r\n", 400},
    {"GET /\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1.1" HOST "\r\n", 400},
    {"GET / http/1.1\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1\r\n" HOST "\r\n", 400},
    {"GET / HTTP/11\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1.10\r\n" HOST "\r\n", 400},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", 505},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", 505},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"GET http://a/ HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET a HTTP/1.1\r\n" HOST "\r\n", 400},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400},
    {"CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /#x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"G(T / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"AAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" HOST "\r\n", 0},
    {"AAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" HOST "\r\n", 501},
    /* header lines */
    {GET "X : a\r\n\r\n", 400},
    {GET "X\t: a\r\n\r\n", 400},
    {GET ": a\r\n\r\n", 400},
    {GET "X\r\n\r\n", 400},
    {GET "X(: a\r\n\r\n", 400},
    {GET "X\xc3: a\r\n\r\n", 400},
    {GET "X: a\x01\r\n\r\n", 400},
    {GET "X: a\x7f\r\n\r\n", 400},
    {GET "X: a\x0b\r\n\r\n", 400},
    /* Host */
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.0\r\n\r\n", 0},
    {"GET / HTTP/1.0\r\nHost:\r\n\r\n", 400},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    {GET HOST "\r\n", 400},
    {GET "host: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: []\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
    /* the body's length */
    {GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
    {GET "Content-Length: 1\r\ncontent-length: 2\r\n\r\n", 400},
    {GET "Content-Length: 1, 1\r\n\r\n", 400},
    {GET "Content-Length: +3\r\n\r\n", 400},
    {GET "Content-Length: -3\r\n\r\n", 400},
    {GET "Content-Length: 03\r\n\r\n", 400},
    {GET "Content-Length: 0x3\r\n\r\n", 400},
    {GET "Content-Length: 3 4\r\n\r\n", 400},
    {GET "Content-Length:\r\n\r\n", 400},
    {GET "Content-Length: 9223372036854775807\r\n\r\n", 0},
    {GET "Content-Length: 9223372036854775808\r\n\r\n", 400},
    {GET "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {GET "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400},
    {GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {GET "Transfer-Encoding: xchunked\r\n\r\n", 501},
    {GET "Transfer-Encoding: chunkedx\r\n\r\n", 501},
    {GET "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {GET "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
    {GET "Transfer-Encoding: identity\r\n\r\n", 501},
    {GET "Transfer-Encoding:\x0b"
         "chunked\r\n\r\n",
        400},
    {GET "Transfer-Encoding : chunked\r\n\r\n", 400},
    {"GET / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
    {GET "Expect: 200-ok\r\n\r\n", 417},
    {GET "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 417},
    {"GET / HTTP/1.0\r\n" HOST "Expect: 200-ok\r\n\r\n", 0},
};

TEST(http1_head_one_spelling)
{
	for (size_t i = 0; i < BW_COUNT(spellings); i++) {
		const struct spelling *s = &spellings[i];
		struct bw_str bytes = bw_str_c(s->head);
		int status = 0;
		enum bw_err e = parse(bytes, &status);

		if (e != (s->status ? BW_EINVAL : BW_OK) || status != s->status)
			fail_msg("%s answers %s, %d; want %d", s->head, bw_err_name(e), status, s->status);
		assert_prefixes(bytes, e, status);
	}
}

/* Every byte in every place of a head, against the plainest statement of what may stand there. */
TEST(http1_head_twins_agree_on_every_byte_in_every_place)
{
	char head[] = "PUT /0123456789/0123456789/0123456789?q HTTP/1.1\r\nHost: a\r\n"
	              "A-Name-Of-More-Than-Sixteen-Letters: a value of more than thirty-two letters\r\n\r\n";

	for (size_t at = 0; at < sizeof head - 1; at++) {
		char kept = head[at];

		for (int byte = 0; byte < 256; byte++) {
			int status = 0;

			head[at] = (char)byte;
			(void)!parse(bw_str_make(head, sizeof head - 1), &status);
		}
		head[at] = kept;
	}
}

TEST(http1_head_refuses_a_nul_anywhere)
{
	char head[] = GET "Content-Length: 3\r\n\r\n";

	for (size_t at = 0; at < sizeof head - 1; at++) {
		char kept = head[at];
		int status = 0;

		head[at] = '\0';
		assert_int_equal(parse(bw_str_make(head, sizeof head - 1), &status), BW_EINVAL);
		assert_int_equal(status, 400);
		head[at] = kept;
	}
}

TEST(http1_head_parts)
{
	int status;
	size_t count;

	assert_ok(parse(BW_STR("POST /a/b?c=d?e HTTP/1.1\r\nHost: h:1\r\nX-A:  one two\t\r\nContent-Length: "
	                       "12\r\nx-a: b\r\n\r\n"),
	    &status));
	assert_str(request.method, "POST");
	assert_str(request.target, "/a/b?c=d?e");
	assert_str(request.path, "/a/b");
	assert_str(request.query, "c=d?e");
	assert_str(request.host, "h:1");
	assert_int_equal(request.header_count, 4);
	assert_str(bw_http_header(&request, BW_STR("x-A"), &count), "one two");
	assert_int_equal(count, 2);
	assert_false(bw_str_set(bw_http_header(&request, BW_STR("x-b"), &count)));
	assert_int_equal(count, 0);
	assert_int_equal(request.content_length, 12);
	assert_true(request.keep_alive);
	assert_false(request.chunked);
	assert_false(request.expect_continue);
	assert_ok(
	    parse(BW_STR("GET /? HTTP/1.1\r\nHost: h\r\nConnection: Close\r\nExpect: 100-continue\r\n\r\n"),
	        &status));
	assert_str(request.query, "");
	assert_true(bw_str_set(request.query));
	assert_false(request.keep_alive);
	assert_true(request.expect_continue);
	assert_int_equal(request.content_length, -1);
	assert_ok(parse(
	    BW_STR("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n"),
	    &status));
	assert_false(bw_str_set(request.query));
	assert_false(request.keep_alive);
	assert_false(request.expect_continue);
}

static int head_of_lines(int lines)
{
	struct bw_buf b;
	int status = 0;
	enum bw_err e;

	bw_buf_init(&b, 1 << 20);
	bw_buf_put(&b, BW_STR(GET));
	for (int i = 1; i < lines; i++)
		bw_buf_put(&b, BW_STR("X: y\r\n"));
	bw_buf_put(&b, BW_STR("\r\n"));
	e = parse(bw_buf_str(&b), &status);
	assert_int_equal(e, status ? BW_EINVAL : BW_OK);
	bw_buf_free(&b);
	return status;
}

TEST(http1_head_lines_at_and_above_the_limit)
{
	assert_int_equal(head_of_lines(BW_HTTP_HEADERS_MAX - 1), 0);
	assert_int_equal(head_of_lines(BW_HTTP_HEADERS_MAX), 0);
	assert_int_equal(head_of_lines(BW_HTTP_HEADERS_MAX + 1), 431);
}

/* A head of exactly `bytes` bytes, filled up in the target or in a value. */
static int head_of_bytes(size_t bytes, bool in_target)
{
	struct bw_buf b;
	size_t fill = bytes - (sizeof "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n" - 1);
	char *run = bw_alloc(fill + 1);
	int status = 0;
	enum bw_err e;

	memset(run, 'a', fill);
	bw_buf_init(&b, 1 << 20);
	bw_buf_printf(
	    &b, "GET /%s HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", in_target ? run : "", in_target ? "" : run);
	assert_int_equal(b.n, bytes);
	e = parse(bw_buf_str(&b), &status);
	assert_int_equal(e, status ? BW_EINVAL : BW_OK);
	bw_buf_free(&b);
	bw_free(run);
	return status;
}

TEST(http1_head_bytes_below_at_and_above_the_limit)
{
	assert_int_equal(head_of_bytes(BW_HTTP_HEAD_MAX - 1, false), 0);
	assert_int_equal(head_of_bytes(BW_HTTP_HEAD_MAX, false), 0);
	assert_int_equal(head_of_bytes(BW_HTTP_HEAD_MAX + 1, false), 431);
	assert_int_equal(head_of_bytes(BW_HTTP_HEAD_MAX, true), 0);
	assert_int_equal(head_of_bytes(BW_HTTP_HEAD_MAX + 1, true), 431);
	assert_int_equal(head_of_bytes(BW_HTTP_HEAD_MAX + 100, true), 414);
}

TEST(http1_head_end_is_found_wherever_the_last_look_ended)
{
	struct bw_str head = BW_STR(GET "X: y\r\n\r\n");

	for (size_t from = 0; from < head.n; from++) {
		assert_int_equal(bw_http_find_head_end(bw_str_sub(head, 0, head.n - 1), from), BW_EAGAIN);
		assert_int_equal(bw_http_find_head_end(head, from), BW_OK);
	}
	assert_int_equal(bw_http_find_head_end(BW_STR("\n"), 0), BW_EINVAL);
	assert_int_equal(bw_http_find_head_end(BW_STR("a\n"), 0), BW_EINVAL);
	assert_int_equal(bw_http_find_head_end(BW_STR("a\r\n"), 0), BW_EAGAIN);
	assert_int_equal(bw_http_find_head_end(BW_STR(""), 0), BW_EAGAIN);
}
