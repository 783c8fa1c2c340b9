#include "net/http1_response.h"

#include "net/http1_scan.h"

enum { LINE_HEAD = sizeof "HTTP/1.1 200" - 1 };

/* Of the spellings of the scan, the fastest that every machine of its kind has. */
#if defined(__x86_64__)
#define scan_value scan_value_sse2
#else
#define scan_value scan_value_scalar
#endif

/* One line that ends in CR LF, without them. BW_EAGAIN: its end has not come. */
static enum bw_err line_take(struct bw_str *rest, struct bw_str *line)
{
	const char *end = rest->p + rest->n, *q = scan_value(rest->p, end);

	if (q == end)
		return BW_EAGAIN;
	CHECK(*q == '\r', BW_EINVAL);
	if (end - q < 2)
		return BW_EAGAIN;
	CHECK(q[1] == '\n', BW_EINVAL);
	*line = bw_str_make(rest->p, (size_t)(q - rest->p));
	*rest = bw_str_make(q + 2, (size_t)(end - q - 2));
	return BW_OK;
}

static enum bw_err status_parse(struct bw_str line, struct bw_http_response *out)
{
	int64_t status;

	CHECK(line.n >= LINE_HEAD && bw_str_starts(line, BW_STR("HTTP/1.")) && line.p[8] == ' ', BW_EINVAL);
	CHECK(line.p[7] == '0' || line.p[7] == '1', BW_EINVAL);
	out->minor_version = line.p[7] - '0';
	TRY(bw_str_to_i64(bw_str_sub(line, 9, 3), 100, 599, &status));
	out->status = (int)status;
	CHECK(line.n == LINE_HEAD || line.p[LINE_HEAD] == ' ', BW_EINVAL);
	out->reason = bw_str_sub(line, LINE_HEAD + 1, line.n);
	return BW_OK;
}

static enum bw_err header_parse(struct bw_str line, struct bw_http_header *out)
{
	const char *end = line.p + line.n, *q = scan_token_scalar(line.p, end);

	CHECK(q > line.p && q < end && *q == ':', BW_EINVAL);
	out->name = bw_str_make(line.p, (size_t)(q - line.p));
	out->value = bw_str_trim(bw_str_make(q + 1, (size_t)(end - q - 1)));
	return BW_OK;
}

static enum bw_err length_note(struct bw_http_response *out, struct bw_str value)
{
	CHECK(out->content_length < 0 && !out->chunked && (value.n < 2 || value.p[0] != '0'), BW_EINVAL);
	return bw_str_to_i64(value, 0, INT64_MAX, &out->content_length);
}

static enum bw_err coding_note(struct bw_http_response *out, struct bw_str value)
{
	CHECK(!out->chunked && out->content_length < 0 && out->minor_version == 1 &&
	          bw_str_eq_nocase(value, BW_STR("chunked")),
	    BW_EINVAL);
	out->chunked = true;
	return BW_OK;
}

static void connection_note(struct bw_http_response *out, struct bw_str list)
{
	while (bw_str_set(list))
		if (bw_str_eq_nocase(bw_str_trim(bw_str_cut(&list, ',')), BW_STR("close")))
			out->keep_alive = false;
}

static inline bool name_is(const struct bw_http_header *h, struct bw_str name)
{
	return h->name.n == name.n && bw_str_eq_nocase(h->name, name);
}

static enum bw_err framing_note_response(struct bw_http_response *out, const struct bw_http_header *h)
{
	if (name_is(h, BW_STR("content-length")))
		return length_note(out, h->value);
	if (name_is(h, BW_STR("transfer-encoding")))
		return coding_note(out, h->value);
	if (name_is(h, BW_STR("connection")))
		connection_note(out, h->value);
	return BW_OK;
}

static enum bw_err response_parse(struct bw_str *rest, struct bw_http_response *out)
{
	struct bw_str line;

	TRY(line_take(rest, &line));
	TRY(status_parse(line, out));
	out->keep_alive = out->minor_version == 1;
	out->chunked = false;
	out->content_length = -1;
	for (out->header_count = 0;; out->header_count++) {
		TRY(line_take(rest, &line));
		if (line.n == 0)
			return BW_OK;
		CHECK(out->header_count < BW_HTTP_HEADERS_MAX, BW_ETOOBIG);
		TRY(header_parse(line, &out->headers[out->header_count]));
		TRY(framing_note_response(out, &out->headers[out->header_count]));
	}
}

enum bw_err bw_http_parse_response(struct bw_str bytes, struct bw_http_response *out, size_t *head_n)
{
	struct bw_str rest = bw_str_sub(bytes, 0, BW_HTTP_HEAD_MAX);
	enum bw_err e = response_parse(&rest, out);

	if (e == BW_EAGAIN && bytes.n >= BW_HTTP_HEAD_MAX)
		return BW_ETOOBIG;
	*head_n = (bytes.n < BW_HTTP_HEAD_MAX ? bytes.n : BW_HTTP_HEAD_MAX) - rest.n;
	return e;
}
