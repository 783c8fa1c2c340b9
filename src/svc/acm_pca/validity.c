/* ACM-PCA API Reference, "Validity". */
#include "svc/acm_pca/pca.h"

#include <time.h>

/* 9999-12-31T23:59:59Z, the last time that a certificate can say (RFC 5280 section 4.1.2.5). */
#define LAST_MS INT64_C(253402300799000)
enum { DAYS_MAX = 3660000, MONTHS_MAX = 120000, YEARS_MAX = 10000 };

static enum bw_err invalid(struct bw_call *call)
{
	return bw_call_fail(
	    call, "InvalidArgsException", "%s", "The validity is not a time that a certificate can have.");
}

/* A day that a month does not have is its last one. */
static int64_t months_later(int64_t ms, int64_t months)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	int64_t month, year;
	int length;

	MUST(gmtime_r(&seconds, &tm) != NULL);
	month = tm.tm_year * INT64_C(12) + tm.tm_mon + months;
	year = month / 12 + 1900;
	length = lengths[month % 12] + (month % 12 == 1 && year % 4 == 0 && (year % 100 || year % 400 == 0));
	tm.tm_year = (int)(month / 12);
	tm.tm_mon = (int)(month % 12);
	tm.tm_mday = tm.tm_mday < length ? tm.tm_mday : length;
	return (int64_t)timegm(&tm) * 1000;
}

/* YYMMDDHHMMSS, or with four digits of the year: the digits as one number. */
static bool date_read(int64_t digits, int64_t *ms)
{
	struct tm tm = {0}, again;
	int64_t year = digits / INT64_C(10000000000);
	time_t seconds;

	if (digits < INT64_C(1000000000000))
		year += year >= 50 ? 1900 : 2000;
	if (digits < 0 || year > 9999 || year < 1900)
		return false;
	tm.tm_year = (int)(year - 1900);
	tm.tm_mon = (int)(digits / 100000000 % 100) - 1;
	tm.tm_mday = (int)(digits / 1000000 % 100);
	tm.tm_hour = (int)(digits / 10000 % 100);
	tm.tm_min = (int)(digits / 100 % 100);
	tm.tm_sec = (int)(digits % 100);
	again = tm;
	seconds = timegm(&again);
	*ms = (int64_t)seconds * 1000;
	/* What is no date comes back as another. */
	return again.tm_mon == tm.tm_mon && again.tm_mday == tm.tm_mday && again.tm_hour == tm.tm_hour &&
	       again.tm_min == tm.tm_min && again.tm_sec == tm.tm_sec;
}

static bool read(int64_t now_ms, struct bw_str type, int64_t value, int64_t *ms)
{
	if (bw_str_eq(type, BW_STR("END_DATE")))
		return date_read(value, ms);
	*ms = value;
	if (bw_str_eq(type, BW_STR("ABSOLUTE"))) {
		*ms = value > LAST_MS / 1000 ? LAST_MS + 1 : value * 1000;
		return true;
	}
	if (bw_str_eq(type, BW_STR("DAYS"))) {
		*ms = value > DAYS_MAX ? LAST_MS + 1 : now_ms + value * PCA_DAY_MS;
		return true;
	}
	if (bw_str_eq(type, BW_STR("MONTHS"))) {
		*ms = value > MONTHS_MAX ? LAST_MS + 1 : months_later(now_ms, value);
		return true;
	}
	*ms = value > YEARS_MAX ? LAST_MS + 1 : months_later(now_ms, 12 * value);
	return true;
}

enum bw_err pca_validity(struct bw_call *call, const struct acm_pca_Validity *v, bool before, int64_t *ms)
{
	if (before && !bw_str_eq(v->Type, BW_STR("ABSOLUTE")) && !bw_str_eq(v->Type, BW_STR("END_DATE")))
		return bw_call_fail(call, "InvalidArgsException", "%s",
		    "ValidityNotBefore must be an explicit date and time.");
	if (v->Value.v < 1 || !read(call->now_ms, v->Type, v->Value.v, ms) || *ms > LAST_MS)
		return invalid(call);
	*ms -= *ms % 1000;
	return BW_OK;
}
