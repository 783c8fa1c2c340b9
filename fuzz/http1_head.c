/* The head parser: every twin answers the same to the same bytes, and a prefix never contradicts the whole.
 */
#include "net/http1.h"

static struct bw_http_request requests[2];

struct answer {
	enum bw_err err;
	size_t head_n;
	int status;
};

static struct answer parse(enum bw_http_scan scan, struct bw_str bytes, struct bw_http_request *out)
{
	struct answer a = {0};

	a.err = bw_http_parse_head_by(scan, bytes, out, &a.head_n, &a.status);
	return a;
}

static void requests_must_agree(const struct bw_http_request *a, const struct bw_http_request *b)
{
	MUST(a->method.p == b->method.p && a->method.n == b->method.n);
	MUST(a->target.p == b->target.p && a->target.n == b->target.n);
	MUST(a->host.p == b->host.p && a->host.n == b->host.n);
	MUST(a->header_count == b->header_count && a->content_length == b->content_length);
	MUST(a->chunked == b->chunked && a->keep_alive == b->keep_alive);
	for (size_t i = 0; i < a->header_count; i++) {
		MUST(a->headers[i].name.p == b->headers[i].name.p &&
		     a->headers[i].name.n == b->headers[i].name.n);
		MUST(a->headers[i].value.p == b->headers[i].value.p &&
		     a->headers[i].value.n == b->headers[i].value.n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str bytes = bw_str_make(data, size);
	struct answer plain = parse(BW_SCAN_SCALAR, bytes, &requests[0]), half;

	for (int scan = BW_SCAN_SSE2; scan <= BW_SCAN_AVX2; scan++) {
		struct answer a;

		if (!bw_http_scan_available((enum bw_http_scan)scan))
			continue;
		a = parse((enum bw_http_scan)scan, bytes, &requests[1]);
		MUST(a.err == plain.err && a.head_n == plain.head_n && a.status == plain.status);
		if (a.err == BW_OK)
			requests_must_agree(&requests[0], &requests[1]);
	}
	half = parse(BW_SCAN_SCALAR, bw_str_sub(bytes, 0, size / 2), &requests[1]);
	if (half.err == BW_EINVAL)
		MUST(plain.err == BW_EINVAL && plain.status == half.status);
	if (half.err == BW_OK)
		MUST(plain.err == BW_OK && plain.head_n == half.head_n);
	if (plain.err == BW_OK)
		MUST(plain.head_n <= BW_HTTP_HEAD_MAX && bw_http_find_head_end(bytes, 0) != BW_EAGAIN);
	return 0;
}
