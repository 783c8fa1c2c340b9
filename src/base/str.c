#include "base/str.h"

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool bw_str_eq_nocase(struct bw_str a, struct bw_str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

int bw_str_cmp(struct bw_str a, struct bw_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

bool bw_str_starts(struct bw_str s, struct bw_str prefix)
{
	return s.n >= prefix.n && bw_str_eq(bw_str_make(s.p, prefix.n), prefix);
}

bool bw_str_starts_nocase(struct bw_str s, struct bw_str prefix)
{
	return s.n >= prefix.n && bw_str_eq_nocase(bw_str_make(s.p, prefix.n), prefix);
}

bool bw_str_ends(struct bw_str s, struct bw_str suffix)
{
	return s.n >= suffix.n && bw_str_eq(bw_str_make(s.p + (s.n - suffix.n), suffix.n), suffix);
}

struct bw_str bw_str_sub(struct bw_str s, size_t from, size_t n)
{
	if (from > s.n)
		from = s.n;
	if (n > s.n - from)
		n = s.n - from;
	return bw_str_make(s.p ? s.p + from : NULL, n);
}

ptrdiff_t bw_str_find(struct bw_str s, char c, size_t from)
{
	const char *hit = from < s.n ? memchr(s.p + from, c, s.n - from) : NULL;

	return hit ? hit - s.p : -1;
}

bool bw_str_has(struct bw_str s, struct bw_str part)
{
	return part.n == 0 || (s.n >= part.n && memmem(s.p, s.n, part.p, part.n) != NULL);
}

struct bw_str bw_str_cut(struct bw_str *rest, char sep)
{
	struct bw_str whole = *rest;
	ptrdiff_t at = bw_str_find(whole, sep, 0);

	if (at < 0) {
		*rest = BW_STR_NONE;
		return whole;
	}
	*rest = bw_str_sub(whole, (size_t)at + 1, whole.n);
	return bw_str_sub(whole, 0, (size_t)at);
}

struct bw_str bw_str_trim(struct bw_str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = bw_str_sub(s, 1, s.n);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

enum bw_err bw_str_to_i64(struct bw_str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.n && s.p[0] == '-' && min < 0;
	int64_t value = 0;

	if (negative)
		s = bw_str_sub(s, 1, s.n);
	CHECK(s.n > 0, BW_EINVAL);
	for (size_t i = 0; i < s.n; i++) {
		int64_t digit = s.p[i] - '0';

		CHECK(s.p[i] >= '0' && s.p[i] <= '9', BW_EINVAL);
		CHECK(!__builtin_mul_overflow(value, 10, &value), BW_EINVAL);
		CHECK(!__builtin_add_overflow(value, negative ? -digit : digit, &value), BW_EINVAL);
	}
	CHECK(value >= min && value <= max, BW_EINVAL);
	*out = value;
	return BW_OK;
}

bool bw_str_eq_secret(struct bw_str a, struct bw_str b)
{
	unsigned char diff = a.n != b.n;
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++)
		diff |= (unsigned char)(a.p[i] ^ b.p[i]);
	return diff == 0;
}
