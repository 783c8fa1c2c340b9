#include "test.h"

#include "codec/time.h"

/* The C library's calendar, as the oracle. */
#include <stdio.h>
#include <time.h>

typedef enum bw_err parser(struct bw_str, int64_t *);
typedef void writer(int64_t, struct bw_buf *);

struct row {
	const char *text;
	int64_t ms;
};

static void check_taken(parser *parse, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ms = 1;

		if (parse(bw_str_c(rows[i].text), &ms) != BW_OK || ms != rows[i].ms)
			fail_msg("%s gave %lld", rows[i].text, (long long)ms);
	}
}

static void check_refused(parser *parse, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ms;

		if (parse(bw_str_c(texts[i]), &ms) != BW_EINVAL)
			fail_msg("taken: %s", texts[i]);
	}
}

TEST(time_iso8601_is_read)
{
	static const struct row rows[] = {{"1970-01-01T00:00:00Z", 0}, {"1970-01-01", 0},
	    {"2026-11-23T10:00:00Z", 1795428000000}, {"2026-11-23T10:00Z", 1795428000000},
	    {"2026-11-23", 1795392000000}, {"20261123T100000Z", 1795428000000},
	    {"2026-11-23T10:00:00.1Z", 1795428000100}, {"2026-11-23T10:00:00.12Z", 1795428000120},
	    {"2026-11-23T10:00:00.123Z", 1795428000123}, {"2026-11-23T10:00:00.123999Z", 1795428000123},
	    {"2026-11-23T10:00:00.000000001Z", 1795428000000}, {"2026-11-23T10:00:00+00:00", 1795428000000},
	    {"2026-11-23T12:00:00+02:00", 1795428000000}, {"2026-11-23T12:00:00+0200", 1795428000000},
	    {"2026-11-23T04:30:00-05:30", 1795428000000}, {"2026-11-23T04:30-05:30", 1795428000000},
	    {"2026-11-23T10:00:00.5-00:00", 1795428000500}, {"2000-02-29T23:59:59Z", 951868799000},
	    {"1969-12-31T23:59:59.999Z", -1}, {"0001-01-01T00:00:00Z", BW_TIME_MIN_MS},
	    {"9999-12-31T23:59:59.999Z", BW_TIME_MAX_MS},
	    {"9999-12-31T23:59:59+23:59", BW_TIME_MAX_MS - 999 - 86340000},
	    {"2026-11-23T23:59:59+23:59", 1795392000000 + 59000}};

	check_taken(bw_time_parse_iso8601, rows, BW_COUNT(rows));
}

TEST(time_iso8601_refuses)
{
	static const char *const bad[] = {"", "2026", "2026-11", "2026-11-", "2026-11-2", "26-11-23",
	    "2026-11-233", "2026/11/23", "2026-00-10", "2026-13-10", "2026-11-00", "2026-11-31", "2026-02-29",
	    "1900-02-29", "2100-02-29", "2000-02-30", "0000-01-01", "2026-11-23T", "2026-11-23Z",
	    "2026-11-23T10", "2026-11-23T10Z", "2026-11-23T10:00", "2026-11-23T10:00:00",
	    "2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z", "2026-11-23T10:00:60Z", "2026-11-23T10:00:61Z",
	    "2026-11-23t10:00:00Z", "2026-11-23T10:00:00z", "2026-11-23 10:00:00Z", "2026-11-23T10:00:00.Z",
	    "2026-11-23T10:00:00,5Z", "2026-11-23T10:00.5Z", "2026-11-23T10:00:00.0000000001Z",
	    "2026-11-23T10:00:00Z ", " 2026-11-23T10:00:00Z", "2026-11-23T10:00:00ZZ",
	    "2026-11-23T10:00:00+24:00", "2026-11-23T10:00:00+02:60", "2026-11-23T10:00:00+2:00",
	    "2026-11-23T10:00:00+02", "2026-11-23T10:00:00+", "2026-11-23T10:00:00Z+02:00",
	    "2026-11-23T1:00:00Z", "2026-11-23T10:0:00Z", "+2026-11-23", "-2026-11-23", "2026-1-23T10:00:00Z",
	    "2026-+1-23", "2026-11-23T-1:00:00Z", "20261123", "20261123T1000Z", "20261123T10000Z", "2026-327",
	    "2026-W48-1", "1795428000", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
	    "12026-11-23", "2026-11-23T10:00:00\xe2\x80\x88Z"};

	check_refused(bw_time_parse_iso8601, bad, BW_COUNT(bad));
	assert_int_equal(bw_time_parse_iso8601(BW_STR("2026-11-23\0"), &(int64_t){0}), BW_EINVAL);
	assert_int_equal(bw_time_parse_iso8601(BW_STR_NONE, &(int64_t){0}), BW_EINVAL);
}

TEST(time_basic_is_one_spelling)
{
	static const struct row rows[] = {{"19700101T000000Z", 0}, {"20150830T123600Z", 1440938160000},
	    {"00010101T000000Z", BW_TIME_MIN_MS}};
	static const char *const bad[] = {"", "20150830", "20150830T123600", "20150830t123600Z",
	    "20150830T123600z", "20150830T123660Z", "20150830T126000Z", "20150830T243600Z",
	    "20150832T123600Z", "20151330T123600Z", "20150830T123600Z ", "20150830T123600ZZ",
	    "2015-08-30T12:36:00Z", "20150830T123600+0000", "20150830T12360 Z",
	    "0000"
	    "0101T000000Z",
	    "20150830T12:3600Z"};

	check_taken(bw_time_parse_basic, rows, BW_COUNT(rows));
	check_refused(bw_time_parse_basic, bad, BW_COUNT(bad));
}

TEST(time_epoch_is_read)
{
	static const struct row rows[] = {{"0", 0}, {"-0", 0}, {"1", 1000}, {"-1", -1000},
	    {"1795428000", 1795428000000}, {"1795428000.5", 1795428000500},
	    {"1795428000.123456", 1795428000123}, {"-1.5", -1500}, {"0.001", 1}, {"0.0009", 0},
	    {"1.795428E9", 1795428000000}, {"1.795428e+9", 1795428000000},
	    {"1795428000000e-3", 1795428000000}, {"15e-1", 1500}, {"1.5e0", 1500}, {"0e999", 0},
	    {"1e-999", 0}, {"0.0000017e9", 1700000}, {"253402300799", BW_TIME_MAX_MS - 999},
	    {"253402300799.999", BW_TIME_MAX_MS}, {"-62135596800", BW_TIME_MIN_MS}};

	check_taken(bw_time_parse_epoch, rows, BW_COUNT(rows));
}

TEST(time_epoch_refuses)
{
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "01", "-01", "00", ".5", "1.", "1.e3",
	    "1e", "1e+", "1e1.5", "1e0001", "1e1000", "0x1", "1x", "1,5", "NaN", "1_0", "1e12",
	    "253402300800", "9223372036854775808", "99999999999999999999999", "1e999", "-62135596801", "--1",
	    "1-", "1.-5", "1.5.5"};

	check_refused(bw_time_parse_epoch, bad, BW_COUNT(bad));
}

TEST(time_http_date_is_one_spelling)
{
	static const struct row rows[] = {{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
	    {"Mon, 23 Nov 2026 10:00:00 GMT", 1795428000000},
	    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000}};
	static const char *const bad[] = {"", "Mon", "Mon, ", "Tue, 23 Nov 2026 10:00:00 GMT",
	    "Mon, 23 nov 2026 10:00:00 GMT", "mon, 23 Nov 2026 10:00:00 GMT", "Mon, 23 Nov 2026 10:00:00 UTC",
	    "Mon, 23 Nov 2026 10:00:00", "Mon, 23 Nov 2026 10:00:00 GMT ", "Mon 23 Nov 2026 10:00:00 GMT",
	    "Mon, 3 Nov 2026 10:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
	    "Mon, 31 Nov 2026 10:00:00 GMT", "Mon, 23 Xxx 2026 10:00:00 GMT", "Mon, 23 Nov 2026 24:00:00 GMT",
	    "Mon, 23 Nov 2026 10:00:00 +0000", "Mon, 23 No", "Mon, 23 Nov 2026"};

	check_taken(bw_time_parse_http, rows, BW_COUNT(rows));
	check_refused(bw_time_parse_http, bad, BW_COUNT(bad));
}

static void check_written(writer *put, int64_t ms, const char *want)
{
	struct bw_buf b;

	bw_buf_init(&b, 64);
	put(ms, &b);
	assert_str(bw_buf_str(&b), want);
	bw_buf_free(&b);
}

TEST(time_is_written)
{
	check_written(bw_time_put_iso8601, 1795428000999, "2026-11-23T10:00:00Z");
	check_written(bw_time_put_iso8601_ms, 1795428000123, "2026-11-23T10:00:00.123Z");
	check_written(bw_time_put_iso8601_ms, 1795428000000, "2026-11-23T10:00:00.000Z");
	check_written(bw_time_put_basic, 1795428000999, "20261123T100000Z");
	check_written(bw_time_put_http, 1795428000999, "Mon, 23 Nov 2026 10:00:00 GMT");
	check_written(bw_time_put_iso8601_ms, -1, "1969-12-31T23:59:59.999Z");
	check_written(bw_time_put_iso8601_ms, BW_TIME_MIN_MS, "0001-01-01T00:00:00.000Z");
	check_written(bw_time_put_iso8601_ms, BW_TIME_MIN_MS - 1, "0001-01-01T00:00:00.000Z");
	check_written(bw_time_put_iso8601_ms, BW_TIME_MAX_MS, "9999-12-31T23:59:59.999Z");
	check_written(bw_time_put_iso8601_ms, BW_TIME_MAX_MS + 1, "9999-12-31T23:59:59.999Z");
	check_written(bw_time_put_iso8601_ms, INT64_MIN, "0001-01-01T00:00:00.000Z");
	check_written(bw_time_put_iso8601_ms, INT64_MAX, "9999-12-31T23:59:59.999Z");
}

TEST(time_epoch_is_written)
{
	check_written(bw_time_put_epoch, 0, "0");
	check_written(bw_time_put_epoch, 1, "0.001");
	check_written(bw_time_put_epoch, 1795428000000, "1795428000");
	check_written(bw_time_put_epoch, 1795428000500, "1795428000.5");
	check_written(bw_time_put_epoch, 1795428000120, "1795428000.12");
	check_written(bw_time_put_epoch, -1, "-0.001");
	check_written(bw_time_put_epoch, -1500, "-1.5");
	check_written(bw_time_put_epoch, BW_TIME_MIN_MS, "-62135596800");
}

/* Every day of ten thousand years, against the C library, and back. */
TEST(time_every_day_agrees_with_the_c_library)
{
	for (int64_t day = BW_TIME_MIN_MS / 86400000; day <= BW_TIME_MAX_MS / 86400000;
	     day += day % 7 ? 1 : 3) {
		int64_t ms = day * 86400000 + 45296789, back;
		time_t seconds = (time_t)(day * 86400 + 45296);
		char text[64], want[64];
		struct bw_buf b = {.p = text, .size = sizeof text, .max = sizeof text};
		struct tm tm;
		size_t n;

		gmtime_r(&seconds, &tm);
		n = strftime(want, sizeof want, "%a, %d %b ", &tm);
		n += (size_t)snprintf(want + n, sizeof want - n, "%04d 12:34:56 GMT", tm.tm_year + 1900);
		bw_time_put_http(ms, &b);
		if (!bw_str_eq(bw_buf_str(&b), bw_str_make(want, n)))
			fail_msg("%.*s, want %s", (int)b.n, b.p, want);
		assert_ok(bw_time_parse_http(bw_buf_str(&b), &back));
		assert_true(back == ms - 789);
		b.n = 0;
		bw_time_put_iso8601_ms(ms, &b);
		assert_ok(bw_time_parse_iso8601(bw_buf_str(&b), &back));
		assert_true(back == ms);
		b.n = 0;
		bw_time_put_epoch(ms, &b);
		assert_ok(bw_time_parse_epoch(bw_buf_str(&b), &back));
		assert_true(back == ms);
	}
}
