#include "crypto/der.h"

#include <openssl/evp.h>
#include <time.h>

enum { LENGTH_MAX = 5, OID_MAX = 128, LINE = 48 };

static size_t length_put(unsigned char *to, size_t n)
{
	size_t bytes = 0;

	if (n < 128) {
		to[0] = (unsigned char)n;
		return 1;
	}
	for (size_t rest = n; rest; rest >>= 8)
		bytes++;
	to[0] = (unsigned char)(0x80 | bytes);
	for (size_t i = 0; i < bytes; i++)
		to[1 + i] = (unsigned char)(n >> 8 * (bytes - 1 - i));
	return 1 + bytes;
}

struct bw_str bw_der_list(struct bw_arena *a, unsigned tag, const struct bw_str *parts, size_t n)
{
	unsigned char head[1 + LENGTH_MAX + 4];
	size_t body = 0, at;
	char *out;

	for (size_t i = 0; i < n; i++)
		body += parts[i].n;
	MUST(body < UINT32_MAX);
	head[0] = (unsigned char)tag;
	at = 1 + length_put(head + 1, body);
	out = bw_arena_alloc(a, at + body);
	memcpy(out, head, at);
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(out + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	return bw_str_make(out, at);
}

/* Seven bits a byte, the highest first. */
static size_t base128_put(unsigned char *to, uint64_t v)
{
	size_t n = 1;

	while (v >> 7 * n)
		n++;
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)((v >> 7 * (n - 1 - i) & 127) | (i + 1 < n ? 128 : 0));
	return n;
}

/* The next part. One spelling each: "019" would be another name of what "19" is. */
static bool part_cut(struct bw_str *rest, int64_t max, int64_t *part)
{
	struct bw_str text = bw_str_cut(rest, '.');

	return !(text.n > 1 && text.p[0] == '0') && bw_str_to_i64(text, 0, max, part) == BW_OK;
}

struct bw_str bw_der_oid(struct bw_arena *a, struct bw_str dotted)
{
	unsigned char bytes[OID_MAX];
	struct bw_str rest = dotted;
	int64_t first, part;
	size_t n = 0;

	if (!part_cut(&rest, 2, &first) || !part_cut(&rest, first < 2 ? 39 : INT32_MAX, &part))
		return BW_STR_NONE;
	n = base128_put(bytes, (uint64_t)(first * 40 + part));
	while (bw_str_set(rest)) {
		if (n + 5 > sizeof bytes || !part_cut(&rest, INT32_MAX, &part))
			return BW_STR_NONE;
		n += base128_put(bytes + n, (uint64_t)part);
	}
	return BW_DER(a, BW_DER_OID, bw_str_make(bytes, n));
}

struct bw_str bw_der_unsigned(struct bw_arena *a, struct bw_str bytes)
{
	while (bytes.n > 1 && bytes.p[0] == 0)
		bytes = bw_str_sub(bytes, 1, bytes.n);
	return BW_DER(a, BW_DER_INTEGER, bytes.p[0] & 0x80 ? BW_STR("\0") : BW_STR_NONE, bytes);
}

struct bw_str bw_der_small(struct bw_arena *a, unsigned value)
{
	unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
	    (unsigned char)(value >> 8), (unsigned char)value};

	return bw_der_unsigned(a, bw_str_make(bytes, sizeof bytes));
}

struct bw_str bw_der_true(struct bw_arena *a)
{
	return BW_DER(a, BW_DER_BOOLEAN, BW_STR("\xff"));
}

struct bw_str bw_der_bits(struct bw_arena *a, struct bw_str bytes)
{
	return BW_DER(a, BW_DER_BIT_STRING, BW_STR("\0"), bytes);
}

struct bw_str bw_der_named_bits(struct bw_arena *a, unsigned set)
{
	unsigned char bytes[1 + 4] = {0};
	unsigned count = 0;

	for (unsigned i = 0; i < 32; i++)
		if (set >> i & 1) {
			bytes[1 + i / 8] |= (unsigned char)(0x80 >> i % 8);
			count = i + 1;
		}
	bytes[0] = (unsigned char)((8 - count % 8) % 8);
	return BW_DER(a, BW_DER_BIT_STRING, bw_str_make(bytes, 1 + (count + 7) / 8));
}

struct bw_str bw_der_time(struct bw_arena *a, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	bool short_form;
	struct bw_str text;

	MUST(gmtime_r(&seconds, &tm) != NULL);
	short_form = tm.tm_year >= 50 && tm.tm_year < 150;
	text = bw_arena_printf(a, "%0*d%02d%02d%02d%02d%02dZ", short_form ? 2 : 4,
	    short_form ? tm.tm_year % 100 : tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
	return BW_DER(a, short_form ? BW_DER_UTC_TIME : BW_DER_GENERALIZED_TIME, text);
}

struct bw_str bw_der_pem(struct bw_arena *a, const char *label, struct bw_str der)
{
	unsigned char line[LINE / 3 * 4 + 1];
	struct bw_buf out;
	struct bw_str pem;

	bw_buf_init(&out, 2 * der.n + 256);
	bw_buf_printf(&out, "-----BEGIN %s-----\n", label);
	for (size_t at = 0; at < der.n; at += LINE) {
		struct bw_str part = bw_str_sub(der, at, LINE);
		int n = EVP_EncodeBlock(line, (const unsigned char *)part.p, (int)part.n);

		bw_buf_put(&out, bw_str_make(line, (size_t)n));
		bw_buf_put_c(&out, '\n');
	}
	bw_buf_printf(&out, "-----END %s-----\n", label);
	MUST(!out.failed);
	pem = bw_arena_str(a, bw_buf_str(&out));
	bw_buf_free(&out);
	return pem;
}
