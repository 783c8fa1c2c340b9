/* Numbers, dates, addresses, bytes. */
#include <arpa/inet.h>

#include "naive.h"

/* Numbers as digits around a point, padded to the same width: then text order is their order. */
static bool decimal(struct bw_str s, char out[64], bool *negative)
{
	struct bw_str rest = s, whole;

	*negative = s.n && s.p[0] == '-';
	rest = bw_str_sub(s, *negative, s.n);
	whole = bw_str_cut(&rest, '.');
	if (whole.n == 0 || whole.n > 30 || (bw_str_set(rest) && (rest.n == 0 || rest.n > 30)))
		return false;
	memset(out, '0', 64);
	for (size_t i = 0; i < whole.n; i++)
		out[30 - whole.n + i] = whole.p[i];
	for (size_t i = 0; i < rest.n; i++)
		out[30 + i] = rest.p[i];
	for (size_t i = 0; i < 64; i++)
		if (out[i] < '0' || out[i] > '9')
			return false;
	return true;
}

bool naive_numbers(struct bw_str found, struct bw_str want, int *order)
{
	char a[64], b[64], zero[64];
	bool an, bn;

	memset(zero, '0', sizeof zero);
	if (!decimal(found, a, &an) || !decimal(want, b, &bn))
		return false;
	an = an && memcmp(a, zero, 64) != 0;
	bn = bn && memcmp(b, zero, 64) != 0;
	if (an != bn)
		*order = an ? -1 : 1;
	else
		*order = an ? memcmp(b, a, 64) : memcmp(a, b, 64);
	return true;
}

static bool two(struct bw_str s, size_t at, int64_t *out)
{
	return at + 2 <= s.n && bw_str_to_i64(bw_str_sub(s, at, 2), 0, 99, out) == BW_OK;
}

static bool leap(int64_t y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Milliseconds by walking through the years from 0000, which begins 719528 days before 1970. */
static bool day_ms(struct bw_str s, __int128 *out)
{
	static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t year, month = 1, day = 1, total = -719528;

	if (bw_str_to_i64(bw_str_sub(s, 0, 4), 1, 9999, &year) != BW_OK)
		return false;
	if (s.n > 4 && (s.p[4] != '-' || !two(s, 5, &month) || month < 1 || month > 12))
		return false;
	if (s.n > 7 && (s.p[7] != '-' || !two(s, 8, &day)))
		return false;
	if (day < 1 || day > days[month - 1] + (month == 2 && leap(year)))
		return false;
	for (int64_t y = 0; y < year; y++)
		total += leap(y) ? 366 : 365;
	for (int64_t i = 1; i < month; i++)
		total += days[i - 1] + (i == 2 && leap(year));
	*out = (__int128)(total + day - 1) * 86400000;
	return true;
}

/* "hh:mm", perhaps ":ss" and ".fff", perhaps "Z" or "+hh:mm". */
static bool clock_ms(struct bw_str s, int64_t *out)
{
	int64_t h, m, sec = 0, zone_h = 0, zone_m = 0, part = 0, unit = 100;
	size_t at = 5;

	if (!two(s, 0, &h) || s.p[2] != ':' || !two(s, 3, &m) || h > 23 || m > 59)
		return false;
	if (at < s.n && s.p[at] == ':') {
		if (!two(s, at + 1, &sec) || sec > 59)
			return false;
		at += 3;
	}
	if (at + 1 < s.n && s.p[at] == '.')
		for (at++; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++, unit /= 10)
			part += (s.p[at] - '0') * unit;
	*out = ((h * 60 + m) * 60 + sec) * 1000 + part;
	if (at == s.n || (at + 1 == s.n && s.p[at] == 'Z'))
		return true;
	if (at + 6 != s.n || (s.p[at] != '+' && s.p[at] != '-') || !two(s, at + 1, &zone_h) ||
	    !two(s, at + 4, &zone_m) || zone_h > 23 || zone_m > 59)
		return false;
	*out -= (s.p[at] == '+' ? 1 : -1) * (zone_h * 60 + zone_m) * 60000;
	return true;
}

bool naive_moment(struct bw_str s, __int128 *out)
{
	int64_t number, clock = 0;

	/* Four digits are a year. */
	if (s.n < 4 || bw_str_to_i64(bw_str_sub(s, 0, 4), 0, 9999, &number) != BW_OK ||
	    (s.n > 4 && s.p[4] != '-')) {
		if (bw_str_to_i64(s, INT64_MIN, INT64_MAX, &number) != BW_OK)
			return false;
		*out = (__int128)number * 1000;
		return true;
	}
	if (!day_ms(bw_str_sub(s, 0, 10), out))
		return false;
	if (s.n > 10 && (s.p[10] != 'T' || !clock_ms(bw_str_sub(s, 11, s.n), &clock)))
		return false;
	*out += clock;
	return true;
}

/* An IPv4 address in IPv6's clothes is the IPv4 address: then `mapped`. */
static bool address(struct bw_str s, int *family, bool *mapped, uint8_t out[16])
{
	static const uint8_t clothes[12] = {[10] = 0xff, [11] = 0xff};
	char text[64] = {0};

	if (s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	*family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(*family, text, out) != 1)
		return false;
	*mapped = *family == AF_INET6 && memcmp(out, clothes, sizeof clothes) == 0;
	if (*mapped) {
		memmove(out, out + sizeof clothes, 4);
		*family = AF_INET;
	}
	return true;
}

bool naive_in_network(struct bw_str found, struct bw_str want)
{
	struct bw_str rest = want, base = bw_str_cut(&rest, '/');
	uint8_t a[16], b[16];
	bool mapped, unused;
	int64_t bits;
	int fa, fb;

	if (!address(found, &fa, &unused, a) || !address(base, &fb, &mapped, b) || fa != fb)
		return false;
	bits = fa == AF_INET && !mapped ? 32 : 128;
	if (bw_str_set(rest) &&
	    (bw_str_to_i64(rest, mapped ? 96 : 0, bits, &bits) != BW_OK || (rest.n > 1 && rest.p[0] == '0')))
		return false;
	for (int64_t i = 0; i < bits - (mapped ? 96 : 0); i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

/* Bytes are compared as the base64 they would be written in. */
bool naive_written_as(struct bw_str bytes, struct bw_str base64)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (base64.n != (bytes.n + 2) / 3 * 4)
		return false;
	for (size_t i = 0; i < base64.n; i++) {
		/* The bits from 6 * i on; those behind the end are noughts. */
		size_t at = 6 * i / 8, bit = 6 * i % 8;
		unsigned two_bytes = at < bytes.n ? (unsigned)(unsigned char)bytes.p[at] << 8 : 0;

		if (at + 1 < bytes.n)
			two_bytes |= (unsigned char)bytes.p[at + 1];
		if (base64.p[i] != (6 * i >= 8 * bytes.n ? '=' : letters[two_bytes >> (10 - bit) & 63]))
			return false;
	}
	return true;
}
