/* A response head is judged the same whole or in pieces, and its slices lie inside the bytes. */
#include "net/http1_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bw_http_response r, cut;
	struct bw_str bytes = bw_str_make(data, size);
	size_t n, n2;
	enum bw_err e = bw_http_parse_response(bytes, &r, &n), half;

	if (e == BW_OK) {
		MUST(
		    n <= size && r.status >= 100 && r.status <= 599 && r.header_count <= BW_HTTP_HEADERS_MAX);
		MUST(!r.chunked || r.content_length == -1);
		for (size_t i = 0; i < r.header_count; i++)
			MUST(r.headers[i].name.p >= bytes.p &&
			     r.headers[i].value.p + r.headers[i].value.n <= bytes.p + n);
		MUST(bw_http_parse_response(bw_str_sub(bytes, 0, n), &cut, &n2) == BW_OK && n2 == n);
		n = n ? n - 1 : 0;
	} else {
		n = size / 2;
	}
	half = bw_http_parse_response(bw_str_sub(bytes, 0, n), &cut, &n2);
	MUST(half != BW_OK || e == BW_OK);
	MUST(e != BW_OK || half == BW_EAGAIN);
	return 0;
}
