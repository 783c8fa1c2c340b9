/* Request heads (RFC 9112 sections 2 to 6): one pass from left to right, so that a prefix of a bad head is
 * refused for the same reason as the whole, and so that how the bytes were cut into packets never matters. */
#include "net/http1_scan.h"

enum {
	METHOD_MAX = 20, /* the longest registered one, UPDATEREDIRECTREF, has 17 letters */
	MORE = -1,       /* a step's answer besides 0 and a status to refuse with */
};

struct cursor {
	const char *p, *end;
};

/* Exactly CR LF: a bare LF or a bare CR ends nothing (RFC 9112 2.2 lets a recipient take a bare LF; two
 * readers of one stream that differ in this can be played against each other). */
SCAN_INLINE int line_end(struct cursor *c)
{
	if (c->p == c->end)
		return MORE;
	if (c->p[0] != '\r')
		return 400;
	if (c->end - c->p < 2)
		return MORE;
	if (c->p[1] != '\n')
		return 400;
	c->p += 2;
	return 0;
}

static int parse_version(struct cursor *c, struct bw_http_request *out)
{
	static const char shape[] = "HTTP/0.0"; /* '0' stands for any digit */

	for (size_t i = 0; i < sizeof shape - 1; i++) {
		if (c->p + i == c->end)
			return MORE;
		if (shape[i] == '0' ? c->p[i] < '0' || c->p[i] > '9' : c->p[i] != shape[i])
			return 400;
	}
	if (c->p[5] != '1' || c->p[7] > '1')
		return 505;
	out->minor_version = c->p[7] - '0';
	c->p += sizeof shape - 1;
	return 0;
}

/* Only the origin form is served: an absolute target would name a second host beside the Host line. */
static int split_target(struct bw_http_request *out)
{
	struct bw_str rest = out->target;

	if (rest.p[0] != '/')
		return 400;
	out->path = bw_str_cut(&rest, '?');
	out->query = rest;
	return 0;
}

/* The lines that decide where a message ends and whom it is for. */
struct framing {
	struct bw_str host, length, coding, expect;
	int hosts, lengths, codings, expects;
	bool close;
};

static bool list_has(struct bw_str list, struct bw_str token)
{
	while (bw_str_set(list))
		if (bw_str_eq_nocase(bw_str_trim(bw_str_cut(&list, ',')), token))
			return true;
	return false;
}

/* Whether a token is that lower-case word of letters and hyphens, `n` being both their lengths. Folding by
 * one bit is exact here: no other byte of a token becomes a letter or a hyphen by it. */
SCAN_INLINE bool token_is(const char *p, const char *word, size_t n)
{
	uint64_t a, b, diff = 0;
	uint32_t c, d;

	for (size_t i = 0; n >= 8 && i < n; i += 8) {
		size_t at = i + 8 <= n ? i : n - 8;

		memcpy(&a, p + at, 8);
		memcpy(&b, word + at, 8);
		diff |= (a | UINT64_C(0x2020202020202020)) ^ b;
	}
	for (size_t i = 0; n < 8 && i < n; i += 4) {
		size_t at = i + 4 <= n ? i : n - 4;

		memcpy(&c, p + at, 4);
		memcpy(&d, word + at, 4);
		diff |= (c | 0x20202020u) ^ d;
	}
	return diff == 0;
}

#define TOKEN_IS(name, word) token_is((name).p, word, sizeof(word) - 1)

SCAN_INLINE void framing_take(struct bw_str *value, int *count, const struct bw_http_header *h)
{
	*value = h->value;
	++*count;
}

SCAN_INLINE void framing_note(struct framing *f, const struct bw_http_header *h)
{
	switch (h->name.n) {
	case sizeof "host" - 1:
		if (TOKEN_IS(h->name, "host"))
			framing_take(&f->host, &f->hosts, h);
		break;
	case sizeof "expect" - 1:
		if (TOKEN_IS(h->name, "expect"))
			framing_take(&f->expect, &f->expects, h);
		break;
	case sizeof "connection" - 1:
		if (TOKEN_IS(h->name, "connection"))
			f->close |= list_has(h->value, BW_STR("close"));
		break;
	case sizeof "content-length" - 1:
		if (TOKEN_IS(h->name, "content-length"))
			framing_take(&f->length, &f->lengths, h);
		break;
	case sizeof "transfer-encoding" - 1:
		if (TOKEN_IS(h->name, "transfer-encoding"))
			framing_take(&f->coding, &f->codings, h);
		break;
	default:
		break;
	}
}

bool bw_http_host_valid(struct bw_str host)
{
	bool bracket = host.n && host.p[0] == '[';
	const char *end, *name, *p;
	int64_t port;

	if (!host.n)
		return false;
	end = host.p + host.n;
	name = host.p + bracket;
	p = scan_class(name, end, bracket ? IN_ADDRESS : IN_NAME);
	if (p == name || (bracket && (p == end || *p++ != ']')))
		return false;
	if (p == end)
		return true;
	return *p == ':' && end - p <= 6 &&
	       bw_str_to_i64(bw_str_make(p + 1, (size_t)(end - p - 1)), 0, 65535, &port) == BW_OK;
}

/* RFC 9112 6.3: the length of a body has one spelling, or the message is refused. */
static int framing_body(const struct framing *f, struct bw_http_request *out)
{
	out->content_length = -1;
	out->chunked = false;
	if (f->lengths + f->codings > 1)
		return 400;
	if (f->codings) {
		if (!bw_str_eq_nocase(f->coding, BW_STR("chunked")))
			return 501;
		out->chunked = true;
		return out->minor_version == 0 ? 400 : 0;
	}
	if (!f->lengths)
		return 0;
	if (f->length.n > 1 && f->length.p[0] == '0')
		return 400;
	return bw_str_to_i64(f->length, 0, INT64_MAX, &out->content_length) == BW_OK ? 0 : 400;
}

static int framing_check(const struct framing *f, struct bw_http_request *out)
{
	bool hostless = f->hosts == 0 && out->minor_version == 0;

	if (!hostless && (f->hosts != 1 || !bw_http_host_valid(f->host)))
		return 400;
	out->host = hostless ? BW_STR_NONE : f->host;
	out->keep_alive = out->minor_version == 1 && !f->close;
	out->expect_continue = false;
	if (f->expects && out->minor_version == 1) {
		if (f->expects > 1 || !bw_str_eq_nocase(f->expect, BW_STR("100-continue")))
			return 417;
		out->expect_continue = true;
	}
	return framing_body(f, out);
}

#define TWIN(name) name##_scalar
#define TWIN_TARGET
#include "net/http1_twin.inc.c"
#undef TWIN
#undef TWIN_TARGET

#if defined(__x86_64__)
#define TWIN(name) name##_sse2
#define TWIN_TARGET
#include "net/http1_twin.inc.c"
#undef TWIN
#undef TWIN_TARGET

#define TWIN(name)  name##_avx2
#define TWIN_TARGET TARGET_AVX2
#include "net/http1_twin.inc.c"
#undef TWIN
#undef TWIN_TARGET
#else
#define parse_head_sse2 parse_head_scalar
#define parse_head_avx2 parse_head_scalar
#endif

typedef enum bw_err parse_fn(struct bw_str bytes, struct bw_http_request *out, size_t *head_n, int *status);

static parse_fn *const twins[] = {
    [BW_SCAN_SCALAR] = parse_head_scalar, [BW_SCAN_SSE2] = parse_head_sse2, [BW_SCAN_AVX2] = parse_head_avx2};

static parse_fn *fastest = parse_head_scalar;

bool bw_http_scan_available(enum bw_http_scan scan)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	return scan != BW_SCAN_AVX2 || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"));
#else
	return scan == BW_SCAN_SCALAR;
#endif
}

__attribute__((constructor)) static void fastest_choose(void)
{
	for (int scan = BW_SCAN_SCALAR; scan <= BW_SCAN_AVX2; scan++)
		if (bw_http_scan_available((enum bw_http_scan)scan))
			fastest = twins[scan];
}

enum bw_err bw_http_parse_head_by(
    enum bw_http_scan scan, struct bw_str bytes, struct bw_http_request *out, size_t *head_n, int *status)
{
	return twins[scan](bytes, out, head_n, status);
}

enum bw_err bw_http_parse_head(struct bw_str bytes, struct bw_http_request *out, size_t *head_n, int *status)
{
	return fastest(bytes, out, head_n, status);
}

enum bw_err bw_http_find_head_end(struct bw_str bytes, size_t from)
{
	ptrdiff_t at = (ptrdiff_t)from - 1;

	if (bytes.n >= BW_HTTP_HEAD_MAX)
		return BW_EINVAL;
	while ((at = bw_str_find(bytes, '\n', (size_t)(at + 1))) >= 0) {
		if (at == 0 || bytes.p[at - 1] != '\r')
			return BW_EINVAL;
		if (at >= 3 && bytes.p[at - 2] == '\n')
			return BW_OK;
	}
	return BW_EAGAIN;
}

struct bw_str bw_http_header(const struct bw_http_request *r, struct bw_str name, size_t *count)
{
	struct bw_str first = BW_STR_NONE;
	size_t n = 0;

	for (size_t i = 0; i < r->header_count; i++)
		if (bw_str_eq_nocase(r->headers[i].name, name) && n++ == 0)
			first = r->headers[i].value;
	if (count)
		*count = n;
	return first;
}
