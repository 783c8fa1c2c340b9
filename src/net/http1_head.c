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

static void framing_note_line(struct framing *f, const struct bw_http_header *h)
{
	if (bw_str_eq_nocase(h->name, BW_STR("host"))) {
		f->host = h->value;
		f->hosts++;
	} else if (bw_str_eq_nocase(h->name, BW_STR("expect"))) {
		f->expect = h->value;
		f->expects++;
	} else if (bw_str_eq_nocase(h->name, BW_STR("connection"))) {
		f->close |= list_has(h->value, BW_STR("close"));
	} else if (bw_str_eq_nocase(h->name, BW_STR("content-length"))) {
		f->length = h->value;
		f->lengths++;
	} else if (bw_str_eq_nocase(h->name, BW_STR("transfer-encoding"))) {
		f->coding = h->value;
		f->codings++;
	}
}

SCAN_INLINE void framing_note(struct framing *f, const struct bw_http_header *h)
{
	static const uint32_t lengths = 1u << 4 | 1u << 6 | 1u << 10 | 1u << 14 | 1u << 17;

	if (h->name.n < 32 && lengths >> h->name.n & 1)
		framing_note_line(f, h);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A name or address, and perhaps a port (RFC 9112 3.2), in the letters that names and addresses are written
 * with. */
static bool host_valid(struct bw_str host)
{
	bool bracket = host.n && host.p[0] == '[';
	size_t i = bracket;
	int64_t port;

	while (i < host.n && (bracket ? is_hex(host.p[i]) || host.p[i] == ':' || host.p[i] == '.'
	                              : is_alnum(host.p[i]) || (host.p[i] && strchr("-._", host.p[i]))))
		i++;
	if (i == bracket || (bracket && (i == host.n || host.p[i++] != ']')))
		return false;
	if (i == host.n)
		return true;
	return host.p[i] == ':' && host.n - i <= 6 &&
	       bw_str_to_i64(bw_str_sub(host, i + 1, host.n), 0, 65535, &port) == BW_OK;
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
	if (f->hosts != 1 || !host_valid(f->host))
		return 400;
	out->host = f->host;
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
