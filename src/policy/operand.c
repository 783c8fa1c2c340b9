/* The values conditions compare: numbers, dates, addresses, booleans, bytes. One spelling each; what is none
 * of them matches nothing. IAM User Guide, "IAM JSON policy elements: Condition operators". */
#include <arpa/inet.h>

#include "policy/form.h"

static size_t digits(struct bw_str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

bool number_parse(struct bw_str text, struct number *out)
{
	size_t at = text.n && text.p[0] == '-', whole = digits(text, at), fraction = 0;

	*out = (struct number){.negative = at == 1, .whole = bw_str_sub(text, at, whole)};
	at += whole;
	if (at < text.n && text.p[at] == '.') {
		fraction = digits(text, at + 1);
		out->fraction = bw_str_sub(text, at + 1, fraction);
		at += 1 + fraction;
		if (fraction == 0)
			return false;
	}
	if (whole == 0 || at != text.n)
		return false;
	while (out->whole.n && out->whole.p[0] == '0')
		out->whole = bw_str_sub(out->whole, 1, out->whole.n);
	while (out->fraction.n && out->fraction.p[out->fraction.n - 1] == '0')
		out->fraction.n--;
	if (out->whole.n == 0 && out->fraction.n == 0)
		out->negative = false;
	return true;
}

static int magnitude_compare(const struct number *a, const struct number *b)
{
	int order;

	if (a->whole.n != b->whole.n)
		return a->whole.n < b->whole.n ? -1 : 1;
	order = bw_str_cmp(a->whole, b->whole);
	return order ? order : bw_str_cmp(a->fraction, b->fraction);
}

int number_compare(const struct number *a, const struct number *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	return a->negative ? magnitude_compare(b, a) : magnitude_compare(a, b);
}

/* Exactly `n` digits at `*at`, within [min, max]. */
static bool field(struct bw_str s, size_t *at, size_t n, int64_t min, int64_t max, int64_t *out)
{
	struct bw_str part = bw_str_sub(s, *at, n);

	if (digits(s, *at) < n || bw_str_to_i64(part, min, max, out) != BW_OK)
		return false;
	*at += n;
	return true;
}

static bool mark(struct bw_str s, size_t *at, char c)
{
	if (*at >= s.n || s.p[*at] != c)
		return false;
	++*at;
	return true;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar, counting years from March so that leap days come
 * last. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t month_days(int64_t year, int64_t month)
{
	static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool fraction_parse(struct bw_str s, size_t *at, int32_t *ns)
{
	size_t n = digits(s, *at);
	int32_t unit = 100000000;

	for (size_t i = 0; i < n; i++, unit /= 10)
		*ns += (s.p[*at + i] - '0') * unit;
	*at += n;
	return n > 0;
}

/* "Z", "+hh:mm", "-hh:mm" or nothing, which is UTC; `*seconds` is what to subtract. */
static bool zone_parse(struct bw_str s, size_t *at, int64_t *seconds)
{
	int64_t hours, minutes, sign = 1;

	*seconds = 0;
	if (*at == s.n || mark(s, at, 'Z'))
		return true;
	if (mark(s, at, '-'))
		sign = -1;
	else if (!mark(s, at, '+'))
		return false;
	if (!field(s, at, 2, 0, 23, &hours) || !mark(s, at, ':') || !field(s, at, 2, 0, 59, &minutes))
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* The part behind the date: hh:mm, hh:mm:ss or hh:mm:ss.s, and the zone. */
static bool time_parse(struct bw_str s, size_t *at, struct moment *out)
{
	int64_t hour, minute, second = 0, zone;

	if (!field(s, at, 2, 0, 23, &hour) || !mark(s, at, ':') || !field(s, at, 2, 0, 59, &minute))
		return false;
	if (mark(s, at, ':')) {
		if (!field(s, at, 2, 0, 59, &second))
			return false;
		if (mark(s, at, '.') && !fraction_parse(s, at, &out->ns))
			return false;
	}
	if (!zone_parse(s, at, &zone))
		return false;
	out->s += hour * 3600 + minute * 60 + second - zone;
	return true;
}

/* W3C note "Date and Time Formats", or seconds since 1970. Four digits are a year. */
bool moment_parse(struct bw_str text, struct moment *out)
{
	int64_t year, month = 1, day = 1;
	size_t at = 0;

	*out = (struct moment){0};
	if (digits(text, 0) != 4)
		return bw_str_to_i64(text, INT64_MIN, INT64_MAX, &out->s) == BW_OK;
	if (!field(text, &at, 4, 0, 9999, &year))
		return false;
	if (mark(text, &at, '-')) {
		if (!field(text, &at, 2, 1, 12, &month))
			return false;
		if (mark(text, &at, '-')) {
			if (!field(text, &at, 2, 1, month_days(year, month), &day))
				return false;
			out->s = days_from_date(year, month, day) * 86400;
			if (mark(text, &at, 'T') && !time_parse(text, &at, out))
				return false;
			return at == text.n;
		}
	}
	out->s = days_from_date(year, month, day) * 86400;
	return at == text.n;
}

int moment_compare(const struct moment *a, const struct moment *b)
{
	if (a->s != b->s)
		return a->s < b->s ? -1 : 1;
	return (a->ns > b->ns) - (a->ns < b->ns);
}

static bool ipv4_parse(struct bw_str text, uint8_t out[4])
{
	struct bw_str rest = text;
	int64_t byte;

	for (size_t i = 0; i < 4; i++) {
		struct bw_str part;

		if (!bw_str_set(rest))
			return false;
		part = bw_str_cut(&rest, '.');
		if (part.n > 3 || (part.n > 1 && part.p[0] == '0') ||
		    bw_str_to_i64(part, 0, 255, &byte) != BW_OK)
			return false;
		out[i] = (uint8_t)byte;
	}
	return !bw_str_set(rest);
}

static bool address_parse(struct bw_str text, struct network *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char name[INET6_ADDRSTRLEN];

	*out = (struct network){.size = 4, .bits = 32};
	if (text.n == 0 || text.n >= sizeof name)
		return false;
	if (bw_str_find(text, ':', 0) < 0)
		return ipv4_parse(text, out->bytes);
	memcpy(name, text.p, text.n);
	name[text.n] = '\0';
	if (memchr(name, '\0', text.n) || inet_pton(AF_INET6, name, out->bytes) != 1)
		return false;
	out->size = 16;
	out->bits = 128;
	/* RFC 4291, section 2.5.5.2: a mapped address is the IPv4 address. */
	if (memcmp(out->bytes, mapped, sizeof mapped) == 0) {
		memmove(out->bytes, out->bytes + sizeof mapped, 4);
		memset(out->bytes + 4, 0, sizeof mapped);
		out->size = 4;
		out->bits = 32;
	}
	return true;
}

bool network_parse(struct bw_str text, bool host, struct network *out)
{
	struct bw_str prefix = text, address = bw_str_cut(&prefix, '/');
	bool was_mapped;
	int64_t bits;

	if (!address_parse(address, out) || (host && bw_str_set(prefix)))
		return false;
	if (!bw_str_set(prefix))
		return true;
	was_mapped = out->size == 4 && bw_str_find(address, ':', 0) >= 0;
	if (prefix.n > 3 || (prefix.n > 1 && prefix.p[0] == '0') ||
	    bw_str_to_i64(prefix, was_mapped ? 96 : 0, was_mapped ? 128 : out->bits, &bits) != BW_OK)
		return false;
	out->bits = (uint8_t)(was_mapped ? bits - 96 : bits);
	return true;
}

bool network_has(const struct network *n, const struct network *host)
{
	size_t whole = n->bits / 8;
	unsigned rest = n->bits % 8;

	if (n->size != host->size || memcmp(n->bytes, host->bytes, whole) != 0)
		return false;
	return rest == 0 || ((n->bytes[whole] ^ host->bytes[whole]) >> (8 - rest)) == 0;
}

bool truth_parse(struct bw_str text, bool *out)
{
	*out = bw_str_eq_nocase(text, BW_STR("true"));
	return *out || bw_str_eq_nocase(text, BW_STR("false"));
}

static int sextet(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *hit = c ? strchr(alphabet, c) : NULL;

	return hit ? (int)(hit - alphabet) : -1;
}

bool base64_decode(struct bw_arena *arena, struct bw_str text, struct bw_str *out)
{
	size_t pad = bw_str_ends(text, BW_STR("==")) ? 2 : bw_str_ends(text, BW_STR("="));
	uint32_t gathered = 0;
	char *bytes = bw_arena_alloc(arena, text.n / 4 * 3 + 1);
	size_t n = 0;

	if (text.n % 4 != 0)
		return false;
	for (size_t i = 0; i < text.n - pad; i++) {
		int six = sextet(text.p[i]);

		if (six < 0)
			return false;
		gathered = gathered << 6 | (uint32_t)six;
		if (i % 4 > 0)
			bytes[n++] = (char)(gathered >> (6 - i % 4 * 2));
	}
	*out = bw_str_make(bytes, n);
	/* Bits that no byte takes must be zero, or one value had several spellings. */
	return pad == 0 || (gathered & (pad == 2 ? 0xfu : 0x3u)) == 0;
}
