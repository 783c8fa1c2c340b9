#include "codec/time.h"

enum { DAY_MS = 24 * 3600 * 1000, EPOCH_DAYS = 719162 /* from 0001-01-01 to 1970-01-01 */ };

static const char *const month_names[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

/* ---- Calendar ---- */

struct civil {
	int year, month, day, hour, minute, second, milli;
	int weekday; /* 0: Monday */
};

static bool leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 0001-01-01 to the first of January of `year`. */
static int year_begin(int year)
{
	int y = year - 1;

	return 365 * y + y / 4 - y / 100 + y / 400;
}

/* BW_EINVAL unless every field is in its range. */
static enum bw_err civil_to_ms(const struct civil *c, int64_t *ms)
{
	int days;

	CHECK(c->year >= 1 && c->year <= 9999 && c->month >= 1 && c->month <= 12, BW_EINVAL);
	CHECK(c->day >= 1 && c->day <= month_days(c->year, c->month), BW_EINVAL);
	CHECK(c->hour < 24 && c->minute < 60 && c->second < 60, BW_EINVAL);
	days = year_begin(c->year) + c->day - 1 - EPOCH_DAYS;
	for (int m = 1; m < c->month; m++)
		days += month_days(c->year, m);
	*ms =
	    (int64_t)days * DAY_MS + ((c->hour * 60 + c->minute) * 60 + c->second) * INT64_C(1000) + c->milli;
	return BW_OK;
}

static struct civil civil_from_ms(int64_t ms)
{
	struct civil c;
	int days, rest;

	if (ms < BW_TIME_MIN_MS)
		ms = BW_TIME_MIN_MS;
	if (ms > BW_TIME_MAX_MS)
		ms = BW_TIME_MAX_MS;
	ms -= BW_TIME_MIN_MS;
	days = (int)(ms / DAY_MS);
	rest = (int)(ms % DAY_MS);
	c = (struct civil){.hour = rest / 3600000,
	    .minute = rest / 60000 % 60,
	    .second = rest / 1000 % 60,
	    .milli = rest % 1000,
	    .weekday = days % 7};
	/* 146,097 days are 400 years: the guess is the year or the one after it. */
	c.year = (int)((int64_t)days * 400 / 146097) + 1;
	if (year_begin(c.year) > days)
		c.year--;
	if (year_begin(c.year + 1) <= days)
		c.year++;
	days -= year_begin(c.year);
	for (c.month = 1; days >= month_days(c.year, c.month); c.month++)
		days -= month_days(c.year, c.month);
	c.day = days + 1;
	return c;
}

/* ---- Reading ---- */

/* A cursor that remembers the first thing that was not as it should be. */
struct cursor {
	struct bw_str s;
	size_t at;
	bool bad;
};

static char peek(const struct cursor *c)
{
	return c->at < c->s.n ? c->s.p[c->at] : 0;
}

static bool take(struct cursor *c, char literal)
{
	if (c->at >= c->s.n || c->s.p[c->at] != literal)
		return false;
	c->at++;
	return true;
}

static void want(struct cursor *c, char literal)
{
	if (!take(c, literal))
		c->bad = true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int number(struct cursor *c, int digits)
{
	int value = 0;

	for (; digits > 0; digits--) {
		if (!is_digit(peek(c))) {
			c->bad = true;
			return 0;
		}
		value = value * 10 + (c->s.p[c->at++] - '0');
	}
	return value;
}

/* One to nine digits behind a point, as milliseconds. */
static int fraction(struct cursor *c)
{
	int value = 0, digits = 0;

	for (; is_digit(peek(c)); c->at++, digits++)
		if (digits < 3)
			value = value * 10 + (peek(c) - '0');
	if (digits == 0 || digits > 9)
		c->bad = true;
	for (; digits < 3; digits++)
		value *= 10;
	return value;
}

/* Milliseconds east of UTC. */
static int64_t zone(struct cursor *c)
{
	int sign = peek(c) == '-' ? -1 : 1, hours, minutes;

	if (take(c, 'Z'))
		return 0;
	if (!take(c, '+') && !take(c, '-'))
		c->bad = true;
	hours = number(c, 2);
	take(c, ':');
	minutes = number(c, 2);
	if (hours > 23 || minutes > 59)
		c->bad = true;
	return sign * (hours * 60 + minutes) * INT64_C(60000);
}

static int64_t time_of_day(struct cursor *c, struct civil *t)
{
	want(c, 'T');
	t->hour = number(c, 2);
	want(c, ':');
	t->minute = number(c, 2);
	if (take(c, ':')) {
		t->second = number(c, 2);
		if (take(c, '.'))
			t->milli = fraction(c);
	}
	return zone(c);
}

enum bw_err bw_time_parse_iso8601(struct bw_str s, int64_t *ms)
{
	struct cursor c = {.s = s};
	struct civil t = {0};
	int64_t east = 0;

	if (s.n == 16 && s.p[8] == 'T')
		return bw_time_parse_basic(s, ms);
	t.year = number(&c, 4);
	want(&c, '-');
	t.month = number(&c, 2);
	want(&c, '-');
	t.day = number(&c, 2);
	if (c.at < s.n)
		east = time_of_day(&c, &t);
	CHECK(!c.bad && c.at == s.n, BW_EINVAL);
	TRY(civil_to_ms(&t, ms));
	*ms -= east;
	CHECK(*ms >= BW_TIME_MIN_MS && *ms <= BW_TIME_MAX_MS, BW_EINVAL);
	return BW_OK;
}

enum bw_err bw_time_parse_basic(struct bw_str s, int64_t *ms)
{
	struct cursor c = {.s = s};
	struct civil t = {0};

	t.year = number(&c, 4);
	t.month = number(&c, 2);
	t.day = number(&c, 2);
	want(&c, 'T');
	t.hour = number(&c, 2);
	t.minute = number(&c, 2);
	t.second = number(&c, 2);
	want(&c, 'Z');
	CHECK(!c.bad && c.at == s.n, BW_EINVAL);
	return civil_to_ms(&t, ms);
}

/* Digits of a number: before the point, and behind it. */
static size_t digits_take(struct cursor *c)
{
	size_t begin = c->at;

	while (is_digit(peek(c)))
		c->at++;
	if (c->at == begin)
		c->bad = true;
	return c->at - begin;
}

/* -999 to 999 */
static int exponent(struct cursor *c)
{
	bool negative;
	int value = 0;
	size_t n;

	if (!take(c, 'e') && !take(c, 'E'))
		return 0;
	negative = take(c, '-');
	if (!negative)
		take(c, '+');
	n = digits_take(c);
	if (n > 3)
		c->bad = true;
	for (size_t i = c->at - n; !c->bad && i < c->at; i++)
		value = value * 10 + (c->s.p[i] - '0');
	return negative ? -value : value;
}

enum bw_err bw_time_parse_epoch(struct bw_str s, int64_t *ms)
{
	struct cursor c = {.s = s};
	bool negative = take(&c, '-');
	size_t begin = c.at, whole = digits_take(&c), end;
	int64_t value = 0, places;

	if (take(&c, '.'))
		digits_take(&c);
	end = c.at;
	places = (int64_t)whole + exponent(&c) + 3;
	CHECK(!c.bad && c.at == s.n && (whole == 1 || s.p[begin] != '0'), BW_EINVAL);
	/* The first `places` digits, with zeros behind the last, are the milliseconds. */
	for (size_t i = begin; places > 0; places--) {
		i += i < end && s.p[i] == '.';
		value = value * 10 + (i < end ? s.p[i++] - '0' : 0);
		CHECK(value <= BW_TIME_MAX_MS, BW_EINVAL);
	}
	value = negative ? -value : value;
	CHECK(value >= BW_TIME_MIN_MS, BW_EINVAL);
	*ms = value;
	return BW_OK;
}

/* ---- Writing ---- */

enum { TEXT_MAX = 32 };

static size_t digits_put(int value, size_t n, char *out)
{
	for (size_t i = n; i-- > 0; value /= 10)
		out[i] = (char)('0' + value % 10);
	return n;
}

static size_t name_put(const char *name, char *out)
{
	memcpy(out, name, 3);
	return 3;
}

/* `pattern`: text with %Y %M %D %h %m %s %f for the fields, %N for the month's name, %W for the day's. */
static size_t format(int64_t ms, const char *pattern, char out[TEXT_MAX])
{
	struct civil c = civil_from_ms(ms);
	size_t n = 0;

	for (; *pattern; pattern++) {
		if (*pattern != '%') {
			out[n++] = *pattern;
			continue;
		}
		switch (*++pattern) {
		case 'Y':
			n += digits_put(c.year, 4, out + n);
			break;
		case 'M':
			n += digits_put(c.month, 2, out + n);
			break;
		case 'D':
			n += digits_put(c.day, 2, out + n);
			break;
		case 'h':
			n += digits_put(c.hour, 2, out + n);
			break;
		case 'm':
			n += digits_put(c.minute, 2, out + n);
			break;
		case 's':
			n += digits_put(c.second, 2, out + n);
			break;
		case 'f':
			n += digits_put(c.milli, 3, out + n);
			break;
		case 'N':
			n += name_put(month_names[c.month - 1], out + n);
			break;
		default:
			n += name_put(day_names[c.weekday], out + n);
		}
	}
	return n;
}

static const char http_pattern[] = "%W, %D %N %Y %h:%m:%s GMT";

static void put(int64_t ms, const char *pattern, struct bw_buf *out)
{
	char text[TEXT_MAX];
	size_t n = format(ms, pattern, text);

	MUST(n <= sizeof text);
	bw_buf_put(out, bw_str_make(text, n));
}

void bw_time_put_iso8601(int64_t ms, struct bw_buf *out)
{
	put(ms, "%Y-%M-%DT%h:%m:%sZ", out);
}

void bw_time_put_iso8601_ms(int64_t ms, struct bw_buf *out)
{
	put(ms, "%Y-%M-%DT%h:%m:%s.%fZ", out);
}

void bw_time_put_basic(int64_t ms, struct bw_buf *out)
{
	put(ms, "%Y%M%DT%h%m%sZ", out);
}

void bw_time_put_http(int64_t ms, struct bw_buf *out)
{
	put(ms, http_pattern, out);
}

void bw_time_put_epoch(int64_t ms, struct bw_buf *out)
{
	int64_t whole = ms / 1000;
	int rest = (int)(ms % 1000);
	char digits[3];
	size_t n = 3;

	if (ms < 0) {
		bw_buf_put_c(out, '-');
		whole = -whole;
		rest = -rest;
	}
	bw_buf_put_i64(out, whole);
	digits_put(rest, 3, digits);
	while (n > 0 && digits[n - 1] == '0')
		n--;
	if (n > 0)
		bw_buf_put_c(out, '.');
	bw_buf_put(out, bw_str_make(digits, n));
}

enum bw_err bw_time_parse_http(struct bw_str s, int64_t *ms)
{
	struct cursor c = {.s = s, .at = 5};
	struct civil t = {.month = 1};
	char again[TEXT_MAX];

	t.day = number(&c, 2);
	want(&c, ' ');
	while (t.month <= 12 && !bw_str_eq(bw_str_sub(s, c.at, 3), bw_str_c(month_names[t.month - 1])))
		t.month++;
	c.at += 3;
	want(&c, ' ');
	t.year = number(&c, 4);
	want(&c, ' ');
	t.hour = number(&c, 2);
	want(&c, ':');
	t.minute = number(&c, 2);
	want(&c, ':');
	t.second = number(&c, 2);
	CHECK(!c.bad, BW_EINVAL);
	TRY(civil_to_ms(&t, ms));
	/* The rest of the text, the day's name above all, is as it should be when writing gives it again. */
	CHECK(bw_str_eq(s, bw_str_make(again, format(*ms, http_pattern, again))), BW_EINVAL);
	return BW_OK;
}
