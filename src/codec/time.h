/* Points of time in text: the spellings AWS's wire formats and policies use. A time is milliseconds since
 * 1970-01-01T00:00Z, between the years 1 and 9999 of the proleptic Gregorian calendar; leap seconds do not
 * exist. Own arithmetic: neither the C library's time zone nor its locale is asked. Pure; any thread. */
#pragma once

#include "base/buf.h"

#define BW_TIME_MIN_MS INT64_C(-62135596800000) /* 0001-01-01T00:00:00.000Z */
#define BW_TIME_MAX_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* ISO 8601 as AWS takes it (W3C note "Date and Time Formats"): 2026-11-23, 2026-11-23T10:00Z,
 * 2026-11-23T10:00:00Z, 2026-11-23T10:00:00.123Z, and +hh:mm, -hh:mm or +hhmm in place of Z; or
 * 20261123T100000Z. A time of day needs a zone, a date alone is its first moment in UTC. Fractions past
 * milliseconds are cut off. BW_EINVAL for all else. */
BW_CHECKED enum bw_err bw_time_parse_iso8601(struct bw_str s, int64_t *ms);
/* yyyymmddThhmmssZ alone: X-Amz-Date. */
BW_CHECKED enum bw_err bw_time_parse_basic(struct bw_str s, int64_t *ms);
/* Seconds since 1970 as a JSON number or a form value: "1700000000", "-1.5", "1.7E9". Cut off past
 * milliseconds. */
BW_CHECKED enum bw_err bw_time_parse_epoch(struct bw_str s, int64_t *ms);
/* An HTTP date (RFC 9110, section 5.6.7, the preferred form): "Mon, 23 Nov 2026 10:00:00 GMT". The day's name
 * must be true. */
BW_CHECKED enum bw_err bw_time_parse_http(struct bw_str s, int64_t *ms);

/* Writers. A time outside the years 1 to 9999 is written as the nearer end. */
/* 2026-11-23T10:00:00Z */
void bw_time_put_iso8601(int64_t ms, struct bw_buf *out);
/* 2026-11-23T10:00:00.123Z */
void bw_time_put_iso8601_ms(int64_t ms, struct bw_buf *out);
/* 20261123T100000Z */
void bw_time_put_basic(int64_t ms, struct bw_buf *out);
/* Mon, 23 Nov 2026 10:00:00 GMT */
void bw_time_put_http(int64_t ms, struct bw_buf *out);
/* Seconds with up to three decimals and no trailing zeros: 1700000000, 1700000000.5: a JSON timestamp. */
void bw_time_put_epoch(int64_t ms, struct bw_buf *out);
