/* What a message may be (RFC 9113 8), and windows (5.2, 6.9). */
#include "h2_rig.h"

#define REQUEST ":method: GET\n:scheme: https\n:path: /\n"

struct message_case {
	const char *fields;
	bool good;
};

static void all_are(bool server, bool trailers, const struct message_case *cases, size_t n)
{
	static struct rig r;

	for (size_t i = 0; i < n; i++) {
		const char *said;
		bool good;

		rig_open(&r, server, true);
		if (!server)
			(void)rig_ask(&r);
		(void)rig_said(&r);
		if (trailers)
			rig_feed(&r, server ? "1 4 1 838784" : "1 4 1 88");
		(void)rig_said(&r);
		rig_feed_fields(&r, 1, cases[i].fields, true);
		said = rig_said(&r);
		good = strstr(said, "RST1 1") == NULL;
		if (good != cases[i].good || strstr(said, "GOAWAY") ||
		    good != (strstr(said, trailers ? "trailers1" : "head1") != NULL))
			fail_msg("%s: \"%s\"", cases[i].fields, said);
		rig_close(&r);
	}
}

#define ARE(server, trailers, ...)                                                                           \
	do {                                                                                                 \
		static const struct message_case cases[] = __VA_ARGS__;                                      \
		all_are(server, trailers, cases, BW_COUNT(cases));                                           \
	} while (0)

TEST(h2_pseudo_fields_of_requests)
{
	ARE(true, false,
	    {{REQUEST, true}, {REQUEST ":authority: a\n", true},
	        {":path: /\n:scheme: https\n:method: GET\n", true}, {":scheme: https\n:path: /\n", false},
	        {":method: GET\n:path: /\n", false}, {":method: GET\n:scheme: https\n", false},
	        {REQUEST ":method: GET\n", false}, {REQUEST ":scheme: https\n", false},
	        {REQUEST ":path: /\n", false}, {REQUEST ":authority: a\n:authority: a\n", false},
	        {REQUEST ":status: 200\n", false}, {REQUEST ":protocol: websocket\n", false},
	        {REQUEST ":x: y\n", false}, {REQUEST ":: y\n", false}, {REQUEST ":Path: /\n", false},
	        {":method: GET\n:scheme: https\na: b\n:path: /\n", false},
	        {REQUEST "a: b\n:authority: a\n", false}, {"a: b\n" REQUEST, false}, {"a: b\n", false},
	        {"", false}, {":method: \n:scheme: https\n:path: /\n", false},
	        {":method: G T\n:scheme: https\n:path: /\n", false},
	        {":method: get\n:scheme: https\n:path: /\n", true},
	        {":method: G:T\n:scheme: https\n:path: /\n", false},
	        {":method: GET\n:scheme: \n:path: /\n", false},
	        {":method: GET\n:scheme: 1a\n:path: /\n", false},
	        {":method: GET\n:scheme: a+b-c.1\n:path: /\n", true},
	        {":method: GET\n:scheme: ht tp\n:path: /\n", false},
	        {":method: GET\n:scheme: https\n:path: \n", false},
	        {":method: GET\n:scheme: https\n:path: a\n", false},
	        {":method: GET\n:scheme: https\n:path: *\n", false},
	        {":method: OPTIONS\n:scheme: https\n:path: *\n", true},
	        {":method: OPTIONS\n:scheme: https\n:path: **\n", false},
	        {":method: GET\n:scheme: https\n:path: /a b\n", false},
	        {":method: GET\n:scheme: https\n:path: /#\n", false},
	        {":method: GET\n:scheme: https\n:path: /\x7f\n", false},
	        {":method: GET\n:scheme: https\n:path: /\xc3\xa4\n", false},
	        {":method: GET\n:scheme: https\n:path: /?a=b&c=%20\n", true},
	        {":method: CONNECT\n:authority: a:443\n", true}, {":method: CONNECT\n:authority: \n", false},
	        {":method: CONNECT\n", false}, {":method: CONNECT\n:authority: a\n:path: /\n", false},
	        {":method: CONNECT\n:authority: a\n:scheme: https\n", false}});
}

TEST(h2_fields_of_requests)
{
	ARE(true, false,
	    {{REQUEST "a: b\n", true}, {REQUEST "a: \n", true}, {REQUEST ": b\n", false},
	        {REQUEST "A: b\n", false}, {REQUEST "a b: c\n", false}, {REQUEST "a\x7f: b\n", false},
	        {REQUEST "\xc3\xa4: b\n", false}, {REQUEST "!#$%&'*+-.^_`|~09az: b\n", true},
	        {REQUEST "a(: b\n", false}, {REQUEST "a,: b\n", false}, {REQUEST "a/: b\n", false},
	        {REQUEST "a;: b\n", false}, {REQUEST "a=: b\n", false}, {REQUEST "a@: b\n", false},
	        {REQUEST "a[: b\n", false}, {REQUEST "a{: b\n", false}, {REQUEST "a\": b\n", false},
	        {REQUEST "a\\: b\n", false}, {REQUEST "a: b c\td\n", true}, {REQUEST "a:  b\n", false},
	        {REQUEST "a: b \n", false}, {REQUEST "a: \tb\n", false}, {REQUEST "a: b\t\n", false},
	        {REQUEST "a: b\rc\n", false}, {REQUEST "a: b\x01\n", false}, {REQUEST "a: b\x1f\n", false},
	        {REQUEST "a: b\x7f\n", false}, {REQUEST "a: b\xff\n", true},
	        {REQUEST "connection: close\n", false}, {REQUEST "keep-alive: 1\n", false},
	        {REQUEST "proxy-connection: a\n", false}, {REQUEST "transfer-encoding: chunked\n", false},
	        {REQUEST "upgrade: h2c\n", false}, {REQUEST "te: trailers\n", true},
	        {REQUEST "te: gzip\n", false}, {REQUEST "te: trailers, gzip\n", false},
	        {REQUEST "te: \n", false}, {REQUEST "host: a\n", true}, {REQUEST "host: a\nhost: a\n", false},
	        {REQUEST "content-length: 0\n", true}, {REQUEST "content-length: 1\n", false},
	        {REQUEST "content-length: 0\ncontent-length: 0\n", false},
	        {REQUEST "content-length: \n", false}, {REQUEST "content-length: -1\n", false},
	        {REQUEST "content-length: +0\n", false}, {REQUEST "content-length: 0x0\n", false},
	        {REQUEST "content-length: 0,0\n", false},
	        {REQUEST "content-length: 9223372036854775808\n", false},
	        {REQUEST "cookie: a\ncookie: b\n", true}});
}

TEST(h2_fields_of_answers)
{
	ARE(false, false,
	    {{":status: 200\n", true}, {":status: 599\n", true}, {":status: 600\n", false},
	        {":status: 099\n", false}, {":status: 20\n", false}, {":status: 0200\n", false},
	        {":status: 2a0\n", false}, {":status: \n", false}, {"a: b\n", false}, {"", false},
	        {":status: 200\n:status: 200\n", false}, {"a: b\n:status: 200\n", false},
	        {":status: 200\n:path: /\n", false}, {":status: 200\n:method: GET\n", false},
	        {":status: 200\nconnection: a\n", false}, {":status: 200\nA: b\n", false},
	        {":status: 200\ncontent-length: 0\n", true}, {":status: 200\ncontent-length: 1\n", false},
	        /* Interim ones are never the last, and 101 is none of HTTP/2's. */
	        {":status: 100\n", false}, {":status: 199\n", false}, {":status: 101\n", false},
	        {":status: 204\ncontent-length: 1\n", false}, {":status: 304\ncontent-length: 1\n", true}});
}

TEST(h2_fields_behind_a_body)
{
	for (int server = 0; server < 2; server++)
		ARE(server, true,
		    {{"a: b\n", true}, {"", true}, {":path: /\n", false}, {":status: 200\n", false},
		        {"A: b\n", false}, {"connection: a\n", false}, {"a: b\n:x: y\n", false},
		        {"content-length: 5\n", true}, {"a: b\rc\n", false}});
}

static const char *talk(bool server, bool heads, const char *fields, bool ends, const char *frames)
{
	static struct rig r;
	const char *said;

	rig_open(&r, server, true);
	r.heads = heads;
	if (!server)
		(void)rig_ask(&r);
	(void)rig_said(&r);
	rig_feed_fields(&r, 1, fields, ends);
	if (frames)
		rig_feed(&r, frames);
	said = rig_said(&r);
	rig_close(&r);
	return said;
}

/* The body is as long as its head says (8.1.1), or there is none. */
TEST(h2_lengths)
{
	static const struct {
		bool server, heads;
		const char *fields, *frames, *said;
	} cases[] = {{true, false, REQUEST "content-length: 3\n", "0 1 1 616263", "head1 GET / data1 3 end1"},
	    {true, false, REQUEST "content-length: 3\n", "0 1 1 6162", "head1 GET / closed 1 RST1 1"},
	    {true, false, REQUEST "content-length: 3\n", "0 0 1 6162|0 0 1 6364",
	        "head1 GET / data1 2 closed 1 RST1 1"},
	    {true, false, REQUEST "content-length: 3\n", "0 0 1 616263|0 1 1", "head1 GET / data1 3 end1"},
	    {true, false, REQUEST "content-length: 3\n", "0 0 1 6162|1 5 1 00016101 62",
	        "head1 GET / data1 2 closed 1 RST1 1"},
	    {true, false, REQUEST "content-length: 3\n", "0 9 1 02 616263 0000", "head1 GET / data1 3 end1"},
	    {true, false, REQUEST "content-length: 0\n", "0 0 1 61", "head1 GET / closed 1 RST1 1"},
	    {true, false, REQUEST, "1 4 1 00016101 62",
	        "head1 GET / closed 1 RST1 1"}, /* trailers are the end (8.1) */
	    {false, false, ":status: 204\n", "0 1 1 61", "head1 204 closed 1 RST1 1"},
	    {false, false, ":status: 204\n", "0 1 1", "head1 204 end1 closed 0"},
	    {false, false, ":status: 304\ncontent-length: 5\n", "0 1 1", "head1 304 end1 closed 0"},
	    {false, false, ":status: 304\ncontent-length: 5\n", "0 1 1 6162636465",
	        "head1 304 closed 1 RST1 1"},
	    {false, true, ":status: 200\ncontent-length: 5\n", "0 1 1", "head1 200 end1 closed 0"},
	    {false, true, ":status: 200\ncontent-length: 5\n", "0 1 1 6162636465",
	        "head1 200 closed 1 RST1 1"},
	    {false, false, ":status: 200\ncontent-length: 5\n", "0 1 1 6162636465",
	        "head1 200 data1 5 end1 closed 0"},
	    {false, false, ":status: 103\n", "1 5 1 88", "head1 200. closed 0"},
	    {false, false, ":status: 103\n", "0 1 1 61", "closed 1 RST1 1"},
	    {false, false, ":status: 101\n", "1 5 1 88", "closed 1 RST1 1"},
	    {false, false, ":status: 100\ncontent-length: 0\n", NULL, "closed 1 RST1 1"}};

	for (size_t i = 0; i < BW_COUNT(cases); i++) {
		const char *said =
		    talk(cases[i].server, cases[i].heads, cases[i].fields, false, cases[i].frames);

		if (strcmp(said, cases[i].said) != 0)
			fail_msg("%s %s: got \"%s\", want \"%s\"", cases[i].fields, cases[i].frames, said,
			    cases[i].said);
	}
}

/* As many fields, and as many bytes of them, as there may be; one more is told as too large, and decoded all
 * the same. */
TEST(h2_as_much_of_a_head_as_there_may_be)
{
	static char fields[1 << 14];
	static struct rig r;

	for (size_t more = 0; more < 2; more++) {
		size_t n = (size_t)snprintf(fields, sizeof fields, REQUEST);

		for (size_t i = 0; i < BW_HTTP_HEADERS_MAX + more; i++)
			n += (size_t)snprintf(fields + n, sizeof fields - n, "x-%zu: y\n", i);
		assert_string_equal(talk(true, false, fields, true, NULL), more ? "large1" : "head1 GET /.");
	}
	/* 16 fields of 4,096 bytes as 6.5.2 counts, of which the first makes room for the 124 of the
	 * request's own. */
	for (int more = 0; more < 2; more++) {
		rig_open(&r, true, true);
		rig_feed(
		    &r, more ? "1 1 1 828784 0001617fe51d 3940*62" : "1 1 1 828784 0001617fe41d 3939*62");
		for (int i = 0; i < 15; i++)
			rig_feed(&r, i == 14 ? "9 4 1 0001617fe01e 4063*62" : "9 0 1 0001617fe01e 4063*62");
		assert_string_equal(rig_said(&r), more ? "large1" : "head1 GET /.");
		rig_close(&r);
	}
}

/* ---- windows ---- */

/* The peer may send as much as its windows say, padding counted, and not a byte more. */
TEST(h2_more_than_a_window_is_refused)
{
	static struct rig r;

	for (int more = 0; more < 2; more++) {
		rig_open(&r, true, true);
		r.keeps = true;
		rig_feed(&r, "1 4 1 838784|0 0 1 16384*61|0 0 1 16384*61|0 0 1 16384*61");
		(void)rig_said(&r);
		rig_feed(&r, more ? "0 8 1 ff 16383*61" : "0 8 1 ff 16382*61");
		assert_int_equal(strstr(rig_said(&r), "RST1 3") != NULL, more);
		rig_close(&r);
	}
	/* The connection's, by two streams. */
	for (int more = 0; more < 2; more++) {
		rig_open(&r, true, true);
		r.keeps = true;
		rig_feed(&r,
		    "1 4 1 838784|1 4 3 838784|0 0 1 16384*61|0 0 1 16384*61|0 0 1 16384*61|0 0 1 16383*61");
		rig_feed(&r, "0 0 3 16384*61|0 0 3 16384*61|0 0 3 16384*61|0 0 3 16383*61");
		assert_null(strstr(rig_said(&r), "GOAWAY"));
		rig_feed(&r, more ? "0 0 3 61" : "0 0 3");
		assert_int_equal(strstr(rig_said(&r), "GOAWAY 3 3") != NULL, more);
		rig_close(&r);
	}
}

/* What is used up is given back by halves, to the stream and to the connection. */
TEST(h2_windows_are_given_back)
{
	static struct rig r;

	rig_open(&r, true, true);
	rig_feed(&r, "1 4 1 838784|0 0 1 16384*61|0 0 1 16382*61");
	assert_null(strstr(rig_said(&r), "UP"));
	rig_feed(&r, "0 0 1 61");
	assert_non_null(strstr(rig_said(&r), "UP1 32767"));
	rig_feed(&r, "0 0 1 16384*61|0 0 1 16384*61");
	assert_non_null(strstr(rig_said(&r), "UP0 65535"));
	rig_close(&r);
}

static void asked(struct rig *r, const char *body, size_t n)
{
	struct rig_strand *s = rig_ask(r);

	s->body = bw_str_make(body, n);
}

/* We send as much as the peer's windows say, which may be less than nothing (6.9.2). */
TEST(h2_bodies_keep_to_windows)
{
	static char body[100000];
	static struct rig r;

	rig_open(&r, false, true);
	rig_feed(&r, "4 0 0 00040000000a");
	asked(&r, body, 20);
	assert_string_equal(rig_said(&r), "ACK HEADERS1 3 DATA1 10");
	rig_feed(&r, "4 0 0 000400000005");
	rig_feed(&r, "8 0 1 00000005");
	assert_string_equal(rig_said(&r), "ACK");
	rig_feed(&r, "8 0 1 00000001");
	assert_string_equal(rig_said(&r), "DATA1 1");
	rig_feed(&r, "4 0 0 00040000000c");
	assert_string_equal(rig_said(&r), "ACK DATA1 7");
	rig_feed(&r, "8 0 1 00000003");
	assert_string_equal(rig_said(&r), "DATA1 2.");
	/* The connection's: 65,535, of which 20 are gone. */
	rig_feed(&r, "4 0 0 00040010000000050000ffff");
	asked(&r, body, 80000);
	(void)rig_said(&r);
	assert_int_equal(rig_strand(&r, 3)->body.n, 80000 - (65535 - 20));
	rig_feed(&r, "8 0 0 00000001");
	assert_string_equal(rig_said(&r), "DATA3 1");
	rig_feed(&r, "8 0 0 00010000");
	(void)rig_said(&r);
	assert_int_equal(rig_strand(&r, 3)->body.n, 0);
	rig_close(&r);
}

/* An empty end needs no window. */
TEST(h2_an_end_needs_no_window)
{
	static struct rig r;

	rig_open(&r, true, true);
	rig_feed(&r, "4 0 0 000400000000|1 5 1 828784");
	(void)rig_said(&r);
	rig_answer(&r, 1, false);
	rig_strand(&r, 1)->ends = true;
	assert_string_equal(rig_said(&r), "closed 0 HEADERS1 1 DATA1 0.");
	rig_close(&r);
}

/* Whoever has its answer before its request was whole is told that nobody wants the rest (8.1). */
TEST(h2_an_early_answer_ends_the_request)
{
	static struct rig r;

	rig_open(&r, true, true);
	rig_feed(&r, "1 4 1 838784");
	(void)rig_said(&r);
	rig_answer(&r, 1, true);
	assert_string_equal(rig_said(&r), "closed 0 HEADERS1 1. RST1 0");
	rig_feed(&r, "0 1 1 616263");
	assert_string_equal(rig_said(&r), "");
	rig_close(&r);
}

/* ---- a client's streams ---- */

TEST(h2_requests_wait_for_leave_to_begin)
{
	static struct rig r;

	rig_open(&r, false, true);
	rig_feed(&r, "4 0 0 000300000001");
	for (int i = 0; i < 3; i++)
		(void)rig_ask(&r);
	assert_string_equal(rig_said(&r), "ACK HEADERS1 3.");
	rig_feed(&r, "1 5 1 88");
	assert_string_equal(rig_said(&r), "head1 200. closed 0 HEADERS3 3.");
	rig_feed(&r, "4 0 0 000300000002");
	assert_string_equal(rig_said(&r), "ACK HEADERS5 3.");
	(void)rig_ask(&r);
	assert_string_equal(rig_said(&r), "");
	/* What was not looked at, and what never began, is refused. */
	rig_feed(&r, "7 0 0 0000000300000000");
	assert_string_equal(rig_said(&r), "closed 7 closed 7");
	rig_feed(&r, "1 5 3 88");
	assert_string_equal(rig_said(&r), "head3 200. closed 0");
	assert_true(h2_is_over(r.pump.session));
	rig_close(&r);
}

/* Leaving before it began says nothing, and behind its beginning RST_STREAM, once. */
TEST(h2_requests_that_are_left)
{
	struct rig_strand *s;
	static struct rig r;

	rig_open(&r, false, true);
	s = rig_ask(&r);
	strand_leave(&s->strand, H2_CANCEL);
	assert_string_equal(rig_said(&r), "");
	s = rig_ask(&r);
	assert_string_equal(rig_said(&r), "HEADERS1 3.");
	strand_leave(&s->strand, H2_CANCEL);
	strand_leave(&s->strand, H2_CANCEL);
	assert_string_equal(rig_said(&r), "RST1 8");
	rig_feed(&r, "1 4 1 88|0 1 1 61|3 0 1 00000000|8 0 1 00000001");
	assert_string_equal(rig_said(&r), "");
	rig_close(&r);
}

/* A block that is longer than a frame may be goes on in CONTINUATIONs. */
TEST(h2_long_heads_are_divided)
{
	static char value[40000];
	struct bw_hpack_field fields[] = {
	    {BW_STR(":status"), BW_STR("200"), false}, {BW_STR("x"), {value, sizeof value}, false}};
	static struct rig r;

	memset(value, '\xff', sizeof value);
	rig_open(&r, true, true);
	rig_feed(&r, "1 5 1 828784");
	(void)rig_said(&r);
	assert_true(strand_say(&rig_strand(&r, 1)->strand, fields, 2, true));
	strand_due(&rig_strand(&r, 1)->strand);
	assert_string_equal(rig_said(&r), "HEADERS1 16384. CONT1 16384 CONT1 7240 closed 0");
	rig_close(&r);
}
