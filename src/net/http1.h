/* The twins of the head parser, for tests, fuzzing and measurement: everyone else calls bw_http_parse_head.
 */
#pragma once

#include "net/http.h"

enum bw_http_scan {
	BW_SCAN_SCALAR, /* a byte at a time: the one that is easy to believe */
	BW_SCAN_SSE2,   /* sixteen bytes at a time; every x86-64 has it */
	BW_SCAN_AVX2,   /* thirty-two */
};

/* Whether this machine has it. */
bool bw_http_scan_available(enum bw_http_scan scan);
/* bw_http_parse_head by one twin, which must be available: all answer the same to the same bytes. */
BW_CHECKED enum bw_err bw_http_parse_head_by(
    enum bw_http_scan scan, struct bw_str bytes, struct bw_http_request *out, size_t *head_n, int *status);

/* A name or address, and perhaps a port (RFC 9112 3.2), in the letters that names and addresses are written with: what a Host line of a
 * head may hold, wherever else one comes from. Pure. */
bool bw_http_host_valid(struct bw_str host);

/* Looks for the end of a head that arrives in pieces, from byte `from` on, where the last look ended: so that
 * a peer who sends one byte at a time costs no more than one who sends all at once. BW_OK: the head may be
 * whole; BW_EAGAIN: not yet; BW_EINVAL: it cannot become a head. In the first and the last case the parser
 * has the word. Pure. */
BW_CHECKED enum bw_err bw_http_find_head_end(struct bw_str bytes, size_t from);
