/* The values conditions compare: numbers, dates, addresses, booleans. One spelling each; what is none
 * of them matches nothing. IAM User Guide, "IAM JSON policy elements: Condition operators". */
#include <arpa/inet.h>

#include "codec/time.h"
#include "policy/form.h"

enum { DATE_MAX = 64 };

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

/* The note's shorter forms made whole: a year or month begins with its first day, and a time without a zone
 * is UTC. */
static struct bw_str date_complete(struct bw_str s, char out[DATE_MAX])
{
	struct bw_str missing = BW_STR("");
	bool zoned =
	    bw_str_ends(s, BW_STR("Z")) || bw_str_find(s, '+', 0) >= 0 || bw_str_find(s, '-', 10) >= 0;

	if (s.n == 4)
		missing = BW_STR("-01-01");
	else if (s.n == 7)
		missing = BW_STR("-01");
	else if (s.n > 10 && !zoned)
		missing = BW_STR("Z");
	memcpy(out, s.p, s.n);
	memcpy(out + s.n, missing.p, missing.n);
	return bw_str_make(out, s.n + missing.n);
}

/* W3C note "Date and Time Formats", or seconds since 1970. Four digits are a year. */
bool moment_parse(struct bw_str text, struct moment *out)
{
	char whole[DATE_MAX];
	int64_t ms;

	*out = (struct moment){0};
	if (digits(text, 0) != 4)
		return bw_str_to_i64(text, INT64_MIN, INT64_MAX, &out->s) == BW_OK;
	if (text.n > DATE_MAX - sizeof "-01-01" ||
	    bw_time_parse_iso8601(date_complete(text, whole), &ms) != BW_OK)
		return false;
	out->ms = (int32_t)((ms % 1000 + 1000) % 1000);
	out->s = (ms - out->ms) / 1000;
	return true;
}

int moment_compare(const struct moment *a, const struct moment *b)
{
	if (a->s != b->s)
		return a->s < b->s ? -1 : 1;
	return (a->ms > b->ms) - (a->ms < b->ms);
}

/* Four bytes in decimal, without leading zeros. */
static bool ipv4_parse(struct bw_str text, uint8_t out[4])
{
	size_t at = 0;

	for (size_t i = 0; i < 4; i++) {
		unsigned byte = 0;
		size_t from;

		if (i > 0 && (at == text.n || text.p[at++] != '.'))
			return false;
		for (from = at; at < text.n && at - from < 3 && text.p[at] >= '0' && text.p[at] <= '9'; at++)
			byte = byte * 10 + (unsigned)(text.p[at] - '0');
		if (at == from || byte > 255 || (at - from > 1 && text.p[from] == '0'))
			return false;
		out[i] = (uint8_t)byte;
	}
	return at == text.n;
}

static bool address_parse(struct bw_str text, struct network *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char name[INET6_ADDRSTRLEN];

	*out = (struct network){.size = 4, .bits = 32};
	if (text.n == 0 || text.n >= sizeof name)
		return false;
	if (ipv4_parse(text, out->bytes))
		return true;
	if (bw_str_find(text, ':', 0) < 0)
		return false;
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
	struct bw_str prefix = text, address;
	bool was_mapped;
	int64_t bits;

	if (host)
		return address_parse(text, out);
	address = bw_str_cut(&prefix, '/');
	if (!address_parse(address, out))
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
	unsigned bits = n->bits, at = 0;

	if (n->size != host->size)
		return false;
	for (; bits >= 8; bits -= 8, at++)
		if (n->bytes[at] != host->bytes[at])
			return false;
	return bits == 0 || (n->bytes[at] ^ host->bytes[at]) >> (8 - bits) == 0;
}

bool truth_parse(struct bw_str text, bool *out)
{
	*out = bw_str_eq_nocase(text, BW_STR("true"));
	return *out || bw_str_eq_nocase(text, BW_STR("false"));
}
