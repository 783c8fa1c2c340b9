/* Heads of responses (RFC 9112 sections 4 and 6), read as strictly as requests: a peer behind us may be taken
 * over too. */
#pragma once

#include "net/http.h"

struct bw_http_response {
	int status; /* 100 to 599 */
	int minor_version;
	struct bw_str reason;
	struct bw_http_header headers[BW_HTTP_HEADERS_MAX];
	size_t header_count;
	bool keep_alive;
	bool chunked;
	int64_t content_length; /* -1: none; then the body ends with the connection, unless it is chunked or
	                           has none */
};

/* As bw_http_parse_head: BW_EAGAIN: not whole yet; BW_EINVAL: not a response that can be passed on (two
 * lengths, a length and a coding, another coding than "chunked", bare LF, folded lines, control bytes, more
 * than BW_HTTP_HEAD_MAX). Pure. */
BW_CHECKED enum bw_err bw_http_parse_response(
    struct bw_str bytes, struct bw_http_response *out, size_t *head_n);
