/* One request over HTTPS to a URL from a configuration, blocking: for threads of a process that does nothing
 * else. No redirect is followed, nothing is kept. */
#pragma once

#include "base/mem.h"
#include "net/socket.h"

struct ssl_ctx_st;

/* "https://host[:port][/path][?query]" in one spelling: no user, no fragment, host and path in ASCII. Slices
 * of the text. */
struct bw_url {
	struct bw_str host; /* of an IPv6 address without its brackets */
	struct bw_str authority;
	struct bw_str target; /* path and query; "/" when there is none */
	uint16_t port;
};
BW_CHECKED enum bw_err bw_url_parse(struct bw_str text, struct bw_url *out);

struct bw_fetch {
	struct bw_str url;
	struct bw_str authorization; /* a header's value; absent: none */
	struct bw_str form;          /* POSTed as application/x-www-form-urlencoded; absent: GET */
	struct bw_str json;          /* POSTed in its place, with these further lines of the head, "Name: value\r\n" each */
	struct bw_str json_lines;
	size_t answer_max;           /* bytes of the body */
	int64_t deadline_ms; /* of bw_clock_mono_ms, for all but the look-up of the name, which the system
	                        limits */
};

/* The answer's body lives in the arena. `trust` says which authorities' certificates are taken. BW_EINVAL:
 * not such a URL, or no such answer; BW_ETOOBIG: a longer one; BW_EPERM: the name stands for no address that
 * may be spoken to (link-local, multicast, unspecified); BW_EIO: no name, no connection, no trust, or not by
 * the deadline. */
BW_CHECKED enum bw_err bw_fetch(const struct bw_fetch *f, struct ssl_ctx_st *trust, struct bw_arena *arena,
    int *status, struct bw_str *body);

/* The same at an address that is known, with a whole request, and told more exactly. */
struct bw_fetch_at {
	struct bw_address address;
	struct bw_str host;    /* whom the certificate has to name */
	struct bw_str request;
	size_t answer_max;
	int64_t deadline_ms;
};
/* A connection to somebody whose certificate was checked. Of any thread, one at a time. */
struct bw_fetch_line;
void bw_fetch_line_free(struct bw_fetch_line *line);
/* Over `*line`, or a new one when that is NULL; the address counts then alone. Afterwards `*line` is the one to keep for the next request to
 * this host, or NULL. BW_EINVAL: no such answer; BW_ETOOBIG: a longer one; BW_EPERM: TLS does not come about; BW_EAGAIN: not by the
 * deadline; BW_EIO: no connection, or it was lost: of a kept one also that it had ended before it answered. */
BW_CHECKED enum bw_err bw_fetch_at(const struct bw_fetch_at *f, struct ssl_ctx_st *trust, struct bw_fetch_line **line,
    struct bw_arena *arena, int *status, struct bw_str *body);
