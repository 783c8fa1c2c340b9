/* Frames into a session, and what follows: RFC 9113 3.4 to 6.10, with each limit at, below and above it. */
#include "h2_rig.h"

/* GET https / in HPACK's own table; a POST of it. */
#define GET  "828784"
#define POST "838784"

struct frames_case {
	const char *frames, *said;
};

static void all_say(bool server, const struct frames_case *cases, size_t n)
{
	static struct rig r;

	for (size_t i = 0; i < n; i++) {
		const char *said;

		rig_open(&r, server, true);
		if (!server) {
			(void)rig_ask(&r);
			(void)rig_said(&r);
		}
		rig_feed(&r, cases[i].frames);
		said = rig_said(&r);
		if (strcmp(said, cases[i].said) != 0)
			fail_msg("%.60s: got \"%s\", want \"%s\"", cases[i].frames, said, cases[i].said);
		rig_close(&r);
	}
}

#define SERVER_SAYS(...)                                                                                     \
	do {                                                                                                 \
		static const struct frames_case cases[] = __VA_ARGS__;                                       \
		all_say(true, cases, BW_COUNT(cases));                                                       \
	} while (0)
#define CLIENT_SAYS(...)                                                                                     \
	do {                                                                                                 \
		static const struct frames_case cases[] = __VA_ARGS__;                                       \
		all_say(false, cases, BW_COUNT(cases));                                                      \
	} while (0)

TEST(h2_the_preface_and_settings_come_first)
{
	static struct rig r;

	rig_open(&r, true, false);
	rig_feed_bytes(&r, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r", 23);
	assert_string_equal(rig_said(&r), "");
	rig_feed_bytes(&r, "\n\0\0\0\4\0\0\0\0\0", 10);
	assert_string_equal(rig_said(&r), "ACK");
	rig_close(&r);
	rig_open(&r, true, false);
	rig_feed_bytes(&r, "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", 24);
	assert_string_equal(rig_said(&r), "GOAWAY 0 1");
	rig_close(&r);
	rig_open(&r, true, false);
	rig_feed_bytes(&r, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
	assert_string_equal(rig_said(&r), "GOAWAY 0 1");
	rig_close(&r);
	for (int server = 0; server < 2; server++)
		for (int i = 0; i < 2; i++) {
			rig_open(&r, server, false);
			if (server)
				rig_feed_bytes(&r, h2_preface, H2_PREFACE_BYTES);
			rig_feed(&r, i ? "6 0 0 8*00" : "4 1 0");
			assert_string_equal(rig_said(&r), "GOAWAY 0 1");
			rig_close(&r);
		}
}

TEST(h2_settings_of_the_peer)
{
	SERVER_SAYS({{"4 0 0", "ACK"}, {"4 0 0 0000", "GOAWAY 0 6"}, {"4 0 1", "GOAWAY 0 1"}, {"4 1 0", ""},
	    {"4 1 0|4 1 0", "GOAWAY 0 1"}, {"4 1 0 000000000000", "GOAWAY 0 6"},
	    {"4 0 0 000200000001", "ACK"}, {"4 0 0 000200000000", "ACK"},
	    {"4 0 0 000200000002", "GOAWAY 0 1"}, {"4 0 0 00047fffffff", "ACK"},
	    {"4 0 0 000480000000", "GOAWAY 0 3"}, {"4 0 0 000500003fff", "GOAWAY 0 1"},
	    {"4 0 0 000500004000", "ACK"}, {"4 0 0 000500ffffff", "ACK"},
	    {"4 0 0 000501000000", "GOAWAY 0 1"}, {"4 0 0 000800000001", "ACK"},
	    {"4 0 0 000800000002", "GOAWAY 0 1"}, {"4 0 0 000900000001", "ACK"},
	    {"4 0 0 000900000002", "GOAWAY 0 1"}, {"4 0 0 0001ffffffff", "ACK"},
	    {"4 0 0 000300000000", "ACK"}, {"4 0 0 0006ffffffff", "ACK"}, {"4 0 0 ffff12345678", "ACK"}, {"4 0 0 000000000001", "ACK"}, {"4 0 0 000700000001", "ACK"},
	    {"4 0 0 192*00", "ACK"}, {"4 0 0 198*00", "GOAWAY 0 11"},
	    {"4 0 0 000400000001000480000000", "GOAWAY 0 3"}});
	CLIENT_SAYS({{"4 0 0 000200000000", "ACK"}, {"4 0 0 000200000001", "GOAWAY 0 1"}});
}

TEST(h2_pings)
{
	SERVER_SAYS({{"6 0 0 0102030405060708", "PONG"}, {"6 1 0 8*00", "pong"}, {"6 0 0 7*00", "GOAWAY 0 6"},
	    {"6 0 0 9*00", "GOAWAY 0 6"}, {"6 0 1 8*00", "GOAWAY 0 1"}});
}

TEST(h2_goaway_as_it_comes)
{
	SERVER_SAYS({{"7 0 0 8*00", ""}, {"7 0 0 8*00 616263", ""}, {"7 0 0 7*00", "GOAWAY 0 6"},
	    {"7 0 1 8*00", "GOAWAY 0 1"},
	    {"7 0 0 0000000500000000|7 0 0 0000000500000000|7 0 0 0000000100000000", ""},
	    {"7 0 0 0000000100000000|7 0 0 0000000500000000", "GOAWAY 0 1"}});
	CLIENT_SAYS({{"7 0 0 8*00", "closed 7"}, {"7 0 0 7fffffff00000000", ""},
	    {"7 0 0 0000000100000000|1 5 1 88", "head1 200. closed 0"}});
}

TEST(h2_window_updates)
{
	SERVER_SAYS(
	    {{"8 0 0 00000001", ""}, {"8 0 0 000000", "GOAWAY 0 6"}, {"8 0 0 0000000001", "GOAWAY 0 6"},
	        {"8 0 0 00000000", "GOAWAY 0 1"}, {"8 0 0 80000000", "GOAWAY 0 1"}, {"8 0 0 7fff0000", ""},
	        {"8 0 0 7fff0001", "GOAWAY 0 3"}, {"8 0 1 00000001", "GOAWAY 0 1"},
	        {"8 0 2 00000001", "GOAWAY 0 1"}, {"1 4 1 " GET "|8 0 1 00000001", "head1 GET /"},
	        {"1 4 1 " GET "|8 0 1 00000000", "head1 GET / closed 1 RST1 1"},
	        {"1 4 1 " GET "|8 0 1 7fff0000", "head1 GET /"},
	        {"1 4 1 " GET "|8 0 1 7fff0001", "head1 GET / closed 3 RST1 3"},
	        {"1 4 1 " GET "|3 0 1 00000008|8 0 1 00000000", "head1 GET / closed 8"},
	        {"1 4 1 " GET "|4 0 0 00047fffffff|8 0 1 00000001", "head1 GET / closed 3 ACK RST1 3"},
	        {"1 4 1 " GET "|8 0 1 00000001|4 0 0 00047fffffff", "head1 GET / GOAWAY 1 3"}});
}

TEST(h2_resets_and_priorities)
{
	SERVER_SAYS({{"3 0 1 00000008", "GOAWAY 0 1"}, {"3 0 0 00000008", "GOAWAY 0 1"},
	    {"1 5 1 " GET "|3 0 1 000008", "head1 GET /. GOAWAY 1 6"},
	    {"1 5 1 " GET "|3 0 1 0000000008", "head1 GET /. GOAWAY 1 6"},
	    {"1 5 1 " GET "|3 0 1 00000008", "head1 GET /. closed 8"},
	    {"1 5 1 " GET "|3 0 1 00000008|3 0 1 00000008", "head1 GET /. closed 8"},
	    {"1 5 3 " GET "|3 0 1 00000008", "head3 GET /."}, {"2 0 1 0000000010", ""},
	    {"2 0 1 00000000", "GOAWAY 0 6"}, {"2 0 1 000000000010", "GOAWAY 0 6"},
	    {"2 0 0 0000000010", "GOAWAY 0 1"}, {"2 0 1 0000000110", "GOAWAY 0 1"},
	    {"2 0 1 8000000110", "GOAWAY 0 1"}});
}

TEST(h2_which_stream_may_begin)
{
	SERVER_SAYS({{"1 5 1 " GET, "head1 GET /."}, {"1 5 0 " GET, "GOAWAY 0 1"},
	    {"1 5 2 " GET, "GOAWAY 0 1"}, {"1 5 3 " GET "|1 5 5 " GET, "head3 GET /. head5 GET /."},
	    {"1 5 7fffffff " GET, "head2147483647 GET /."},
	    /* Those below were never used, and are closed by it (5.1.1). */
	    {"1 5 5 " GET "|1 5 3 " GET, "head5 GET /. GOAWAY 5 5"},
	    {"1 5 1 " GET "|1 5 1 " GET, "head1 GET /. closed 5 RST1 5"},
	    {"5 4 1 00000002" GET, "GOAWAY 0 1"}});
	CLIENT_SAYS({{"1 5 2 88", "GOAWAY 0 1"}, {"1 5 3 88", "GOAWAY 0 1"},
	    {"5 4 1 0000000288", "GOAWAY 0 1"}, {"1 5 1 88", "head1 200. closed 0"}});
}

TEST(h2_blocks_and_their_continuations)
{
	SERVER_SAYS({{"1 1 1 82|9 0 1 87|9 4 1 84", "head1 GET /."}, {"1 1 1|9 4 1 " GET, "head1 GET /."},
	    {"9 4 1 " GET, "GOAWAY 0 1"}, {"1 5 1 " GET "|9 4 1 88", "head1 GET /. GOAWAY 1 1"},
	    {"1 1 1 82|9 4 3 87", "GOAWAY 0 1"}, {"1 1 1 82|6 0 0 8*00", "GOAWAY 0 1"},
	    {"1 1 1 82|0 0 1", "GOAWAY 0 1"}, {"1 1 1 82|ff 0 1", "GOAWAY 0 1"},
	    {"1 1 1 82|1 5 1 8784", "GOAWAY 0 1"}, {"1 5 1 ff", "GOAWAY 1 9"}, {"1 5 1 80", "GOAWAY 1 9"},
	    {"1 1 1 " GET "|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 "
	                  "0 1|9 0 1|9 4 1",
	        "head1 GET /."},
	    {"1 1 1 " GET "|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 0 1|9 "
	                  "0 1|9 0 1|9 0 1|9 4 1",
	        "GOAWAY 0 11"},
	    /* 128 KiB, of an empty field again and again: more fields than there may be. */
	    {"1 1 1 " GET " 16381*84|9 0 1 16384*84|9 0 1 16384*84|9 0 1 16384*84|9 0 1 16384*84|9 0 1 "
	                  "16384*84|9 0 1 16384*84|9 4 1 16384*84",
	        "closed 1 RST1 1"},
	    {"1 1 1 " GET " 16381*84|9 0 1 16384*84|9 0 1 16384*84|9 0 1 16384*84|9 0 1 16384*84|9 0 1 "
	                  "16384*84|9 0 1 16384*84|9 0 1 16384*84|9 4 1 84",
	        "GOAWAY 0 11"}});
}

TEST(h2_padding)
{
	SERVER_SAYS({{"1 d 1 00 " GET, "head1 GET /."}, {"1 d 1 02 " GET " 0000", "head1 GET /."},
	    {"1 d 1 03 " GET, "closed 1 RST1 1"}, {"1 d 1 04 " GET, "GOAWAY 0 1"}, {"1 d 1", "GOAWAY 0 6"},
	    {"1 2d 1 01 00000000 10 " GET " 00", "head1 GET /."}, {"1 25 1 0000000310 " GET, "head1 GET /."},
	    {"1 25 1 0000000110 " GET, "GOAWAY 0 1"}, {"1 25 1 00000000", "GOAWAY 0 6"},
	    {"1 4 1 " POST "|0 9 1 02 616263 0000", "head1 POST / data1 3 end1"},
	    {"1 4 1 " POST "|0 9 1 02 0000", "head1 POST / end1"},
	    {"1 4 1 " POST "|0 9 1 03 0000", "head1 POST / GOAWAY 1 1"},
	    {"1 4 1 " POST "|0 9 1", "head1 POST / GOAWAY 1 6"},
	    {"1 4 1 " POST "|0 8 1 ff 255*00", "head1 POST /"}});
}

TEST(h2_data)
{
	SERVER_SAYS({{"1 4 1 " POST "|0 0 1 616263|0 1 1 64", "head1 POST / data1 3 data1 1 end1"},
	    {"0 0 0 61", "GOAWAY 0 1"}, {"0 0 1 61", "GOAWAY 0 1"}, {"0 0 2 61", "GOAWAY 0 1"},
	    {"1 4 1 " POST "|0 1 1|0 0 1 61", "head1 POST / end1 closed 5 RST1 5"},
	    {"1 5 1 " GET "|0 1 1", "head1 GET /. closed 5 RST1 5"},
	    /* What comes behind a reset of ours was under way; behind theirs it may not be. */
	    {"1 4 1 " POST "|8 0 1 00000000|0 0 1 61|1 5 1 " GET "|6 0 0 8*00",
	        "head1 POST / closed 1 RST1 1 PONG"},
	    {"1 4 1 " POST "|3 0 1 00000008|0 0 1 61", "head1 POST / closed 8 GOAWAY 1 5"},
	    {"1 4 1 " POST "|3 0 1 00000008|1 5 1 " GET, "head1 POST / closed 8 GOAWAY 1 5"},
	    {"1 4 1 " POST "|0 0 1 16384*61", "head1 POST / data1 16375 data1 9"},
	    {"1 4 1 " POST "|0 0 1 16385*61", "head1 POST / GOAWAY 1 6"}});
	CLIENT_SAYS(
	    {{"0 1 1 61", "closed 1 RST1 1"}, {"1 4 1 88|0 1 1 61", "head1 200 data1 1 end1 closed 0"}});
}

/* Of a kind that is not known nothing is understood (5.5). */
TEST(h2_unknown_frames)
{
	SERVER_SAYS({{"a 0 0 616263|6 0 0 8*00", "PONG"}, {"ff ff 1 616263|6 0 0 8*00", "PONG"},
	    {"ff 0 0 16384*00|6 0 0 8*00", "PONG"}, {"ff 0 0 16385*00", "GOAWAY 0 6"}});
}

/* However a connection is cut into pieces, it is the same one. */
TEST(h2_frames_come_in_any_pieces)
{
	static const char bytes[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
	                            "\0\0\2\1\0\0\0\0\1\x83\x87\0\0\1\x9\4\0\0\0\1\x84"
	                            "\0\0\6\0\x8\0\0\0\1\2abc\0\0\0\0\2\0\1\0\0\0\1xy"
	                            "\0\0\x8\6\0\0\0\0\0abcdefgh";
	static struct rig r;

	for (size_t piece = 1; piece < sizeof bytes; piece++) {
		const char *said;

		rig_open(&r, true, false);
		for (size_t at = 0; at < sizeof bytes - 1; at += piece)
			rig_feed_bytes(
			    &r, bytes + at, sizeof bytes - 1 - at < piece ? sizeof bytes - 1 - at : piece);
		assert_int_equal(rig_strand(&r, 1)->heard, 5);
		said = rig_said(&r);
		assert_true(strncmp(said, "head1 POST / data1 ", 19) == 0);
		assert_non_null(strstr(said, " end1 ACK PONG"));
		rig_close(&r);
	}
}

/* 128 at a time, and the 129th again when one of them has gone. */
TEST(h2_streams_at_a_time)
{
	static struct rig r;
	char frame[64];

	rig_open(&r, true, true);
	for (unsigned i = 0; i < H2_STREAMS; i++) {
		assert_true(snprintf(frame, sizeof frame, "1 5 %x " GET, 2 * i + 1) > 0);
		rig_feed(&r, frame);
	}
	assert_null(strstr(rig_said(&r), "RST"));
	rig_feed(&r, "1 4 101 40016101 62 " GET "|0 0 101 61");
	assert_string_equal(rig_said(&r), "RST257 7");
	rig_answer(&r, 1, true);
	assert_string_equal(rig_said(&r), "closed 0 HEADERS1 1.");
	/* HPACK went on meanwhile: the refused one's field is in the table. */
	rig_feed(&r, "1 5 103 " GET "be");
	assert_string_equal(rig_said(&r), "head259 GET /.");
	rig_close(&r);
}

/* Resets that a peer's faults have us say are paid for like its own. */
TEST(h2_faults_are_paid_for)
{
	static struct rig r;
	char frame[64];

	rig_open(&r, true, true);
	for (unsigned i = 0; i <= H2_RESETS; i++) {
		assert_false(r.pump.calm);
		assert_true(snprintf(frame, sizeof frame, "1 4 %x " POST "|8 0 %x 00000000", 2 * i + 1,
		                2 * i + 1) > 0);
		rig_feed(&r, frame);
		(void)rig_said(&r);
	}
	assert_true(r.pump.calm);
	rig_close(&r);
}

/* A stream that begins, and ends by its client's word after so many milliseconds. */
static void reset_once(struct rig *r, unsigned id, int64_t age_ms)
{
	char frame[64];

	assert_true(snprintf(frame, sizeof frame, "1 4 %x " POST, id) > 0);
	rig_feed(r, frame);
	rig_strand(r, id)->strand.began_ms -= age_ms;
	assert_true(snprintf(frame, sizeof frame, "3 0 %x 00000008", id) > 0);
	rig_feed(r, frame);
	(void)rig_said(r);
}

/* Of streams that are young so many, and one more for each that got its whole answer. */
TEST(h2_resets_of_clients_have_a_budget)
{
	static struct rig r;
	char frame[64];
	unsigned id = 1;

	rig_open(&r, true, true);
	for (unsigned i = 0; i < 2 * H2_RESETS; i++, id += 2)
		reset_once(&r, id, H2_YOUNG_MS);
	for (unsigned i = 0; i < H2_RESETS; i++, id += 2)
		reset_once(&r, id, H2_YOUNG_MS - 1);
	for (unsigned i = 0; i < H2_RESETS; i++, id += 4) {
		assert_true(snprintf(frame, sizeof frame, "1 5 %x " GET, id) > 0);
		rig_feed(&r, frame);
		rig_answer(&r, id, true);
		(void)rig_said(&r);
		reset_once(&r, id + 2, 0);
	}
	assert_false(r.pump.calm);
	reset_once(&r, id, 0);
	assert_true(r.pump.calm);
	rig_close(&r);
}

/* It is us who began what a target resets; what it resets that is no more are frames of no use. */
TEST(h2_resets_of_targets_are_as_many_as_our_requests)
{
	static struct rig r;
	char frame[64];

	rig_open(&r, false, true);
	for (unsigned i = 0; i < 10 * H2_RESETS; i++) {
		(void)rig_ask(&r);
		(void)rig_said(&r);
		assert_true(snprintf(frame, sizeof frame, "3 0 %x 00000008", 2 * i + 1) > 0);
		rig_feed(&r, frame);
		assert_string_equal(rig_said(&r), "closed 8");
	}
	for (unsigned i = 0; i <= 10 * H2_RESETS + H2_CONTROL && !r.pump.calm; i++)
		rig_feed(&r, "3 0 1 00000008");
	assert_true(r.pump.calm);
	rig_close(&r);
}

/* What tells nobody anything costs as much as a PING: to the limit, and not a frame further. */
TEST(h2_frames_of_no_use_have_a_budget)
{
	/* The first may cost something itself. */
	static const struct {
		const char *first, *again;
	} floods[] = {{"1 4 1 " POST, "0 0 1"}, {"1 4 1 " POST, "0 8 1 00"}, {"1 4 1 " POST, "0 8 1 03 000000"},
	    {"1 4 1 " POST "|8 0 1 00000000", "0 1 1"}, {"1 4 1 " POST "|8 0 1 00000000", "1 4 1 " GET},
	    {"4 0 0", "7 0 0 7fffffff00000000"}, {"4 0 0", "ff 0 0"}, {"4 0 0", "2 0 1 0000000010"},
	    {"4 0 0", "6 1 0 8*00"}};
	static struct rig r;

	for (size_t i = 0; i < BW_COUNT(floods); i++) {
		int64_t spent;

		rig_open(&r, true, true);
		rig_feed(&r, floods[i].first);
		(void)rig_said(&r);
		spent = r.pump.control;
		for (int64_t n = spent; n < H2_CONTROL; n++) {
			rig_feed(&r, floods[i].again);
			(void)rig_said(&r);
		}
		assert_false(r.pump.calm || r.pump.session->failed);
		rig_feed(&r, floods[i].again);
		if (!r.pump.calm)
			fail_msg("%s is for nothing", floods[i].again);
		rig_close(&r);
	}
}

/* Each a block as long as it may be, and a frame that is not whole. */
static void crowd_feed(struct h2_session *s)
{
	static char frame[H2_FRAME_HEAD + H2_FRAME_MAX];

	h2_read(s, bw_str_make(h2_preface, H2_PREFACE_BYTES));
	h2_read(s, bw_str_make("\0\0\0\4\0\0\0\0\0", 9));
	for (size_t n = 0; n < H2_BLOCK_BYTES; n += H2_FRAME_MAX) {
		memcpy(frame, n ? "\0\x40\0\x9\0\0\0\0\1" : "\0\x40\0\1\0\0\0\0\1", H2_FRAME_HEAD);
		h2_read(s, bw_str_make(frame, sizeof frame));
	}
	for (size_t n = 0; n < sizeof frame - 1; n += H2_FRAME_MAX / 4)
		h2_read(s, bw_str_make(frame + n, n + H2_FRAME_MAX / 4 < sizeof frame - 1
		                                      ? H2_FRAME_MAX / 4
		                                      : sizeof frame - 1 - n));
}

/* What a connection may hold before it has asked anything is 128 KiB, 16 and the session; all together no more
 * than the edge may, beside a block that was let in last. And nothing stays. */
TEST(h2_a_thousand_hostile_connections_hold_what_they_may)
{
	enum { CROWD = 1000, EACH = 164 * 1024, BASE = 1 << 20, ALL = 32 << 20 };
	static const struct h2_kind kind = {.server = true, .window = H2_WINDOW, .list_max = H2_HEADERS_BYTES};
	static struct h2_pump pumps[CROWD];
	static struct rig r;
	size_t failed = 0;

	rig_open(&r, true, true);
	for (int full = 0; full < 2; full++) {
		size_t before = memory_held(r.edge);

		r.edge->held_max = full ? before + ALL : SIZE_MAX;
		for (size_t i = 0; i < CROWD; i++) {
			pumps[i] = (struct h2_pump){.edge = r.edge};
			pump_open(&pumps[i], &kind);
			wire_free(r.edge, &pumps[i].out);
			crowd_feed(pumps[i].session);
			wire_free(r.edge, &pumps[i].out);
			failed += pumps[i].session->failed;
			assert_true(memory_held(r.edge) - before <= BASE + (i + 1) * EACH);
		}
		if (full) /* their sessions are there all the same */
			assert_true(memory_held(r.edge) - before <=
			            ALL + EACH + CROWD * (sizeof(struct h2_session) + 4096));
		else
			assert_true(memory_held(r.edge) - before > (size_t)CROWD * H2_BLOCK_BYTES);
		assert_true(full ? failed > CROWD / 2 : failed == 0);
		for (size_t i = 0; i < CROWD; i++)
			pump_close(&pumps[i]);
		r.edge->held_max = SIZE_MAX;
		assert_true(memory_held(r.edge) <= before + (size_t)BLOCKS_POOLED * BLOCK_BYTES);
		assert_int_equal(r.edge->held_bytes, 0);
	}
	rig_close(&r);
}

TEST(h2_answers_before_the_answer_have_an_end)
{
	static struct rig r;

	for (int more = 0; more < 2; more++) {
		rig_open(&r, false, true);
		(void)rig_ask(&r);
		(void)rig_said(&r);
		for (int i = 0; i < ANSWER_INTERIMS + more; i++)
			rig_feed_fields(&r, 1, ":status: 103\nlink: a\n", false);
		rig_feed(&r, "1 5 1 88");
		assert_string_equal(rig_said(&r), more ? "GOAWAY 0 11" : "head1 200. closed 0");
		rig_close(&r);
	}
}

/* First that there will be an end, then behind which stream; what comes behind that is not heard (6.8). */
TEST(h2_an_end_in_two_steps)
{
	static struct rig r;

	rig_open(&r, true, true);
	rig_feed(&r, "1 4 1 " POST);
	h2_goaway_soon(r.pump.session);
	h2_ping(r.pump.session);
	assert_string_equal(rig_said(&r), "head1 POST / GOAWAY 2147483647 0 PING");
	rig_feed(&r, "1 5 3 " GET "|6 1 0 8*00");
	assert_string_equal(rig_said(&r), "head3 GET /. pong");
	assert_false(h2_is_over(r.pump.session));
	h2_goaway(r.pump.session, H2_NO_ERROR);
	rig_feed(&r, "1 4 5 400161 0162 " POST "|0 0 5 61|8 0 5 00000001|3 0 5 00000008|0 1 1 61");
	assert_string_equal(rig_said(&r), "data1 1 end1 GOAWAY 3 0");
	rig_answer(&r, 1, true);
	assert_false(h2_is_over(r.pump.session));
	rig_answer(&r, 3, true);
	assert_string_equal(rig_said(&r), "closed 0 closed 0 HEADERS1 1. HEADERS3 1.");
	assert_true(h2_is_over(r.pump.session));
	rig_close(&r);
}
