/* HTTP/1.1 server side (RFC 9110, RFC 9112), strict: one spelling, no smuggling. A connection has one request in work
 * at a time; the answer may come later from the same loop's thread. */
#pragma once

#include "base/buf.h"
#include "base/limits.h"
#include "net/loop.h"

struct bw_http_header {
	struct bw_str name;  /* as sent; compare without case */
	struct bw_str value; /* trimmed */
};

/* A parsed request head. Slices point into the connection's buffer and live until the response is sent. */
struct bw_http_request {
	struct bw_str method;
	struct bw_str target; /* origin-form as sent: path[?query] */
	struct bw_str path, query; /* raw, undecoded; query without '?', absent when there is none */
	struct bw_http_header headers[BW_HTTP_HEADERS_MAX];
	size_t header_count;
	struct bw_str host; /* absent: HTTP/1.0 may have none */
	bool keep_alive;      /* HTTP/1.1 without close, or 1.0 with keep-alive refused: 1.0 always closes */
	bool expect_continue;
	bool chunked;
	int64_t content_length; /* -1: none */
	int minor_version;
};

/* Parses a head that ends in an empty line. BW_EAGAIN: not whole yet; BW_EINVAL: `*status` is the HTTP status to
 * refuse with (400, 414, 417, 431, 501, 505); *head_n bytes were used. Refuses bare LF, folded headers, space before a colon,
 * two Content-Lengths, Content-Length with Transfer-Encoding, other codings than "chunked", control bytes, a missing (but
 * of HTTP/1.0) or doubled Host, empty names, whitespace at the line start. Pure. */
BW_CHECKED enum bw_err bw_http_parse_head(struct bw_str bytes, struct bw_http_request *out, size_t *head_n, int *status);
/* First header of that name (ASCII case-insensitive); absent when none. `*count` (may be NULL) says how many. */
struct bw_str bw_http_header(const struct bw_http_request *r, struct bw_str name, size_t *count);

/* Decoder of chunked bodies, incremental and strict (extensions of tokens alone, 256 bytes at most, no leading zeros). Trailer lines, of 8 KiB
 * at most, are dropped. Zeroed before the first use. */
struct bw_http_chunked {
	uint64_t left;
	uint8_t state;
	uint32_t extension_bytes; /* and those of trailer lines */
};
/* Feeds bytes; appends body to out. *used says how far; BW_OK at the end of the body, BW_EAGAIN for more, BW_EINVAL,
 * BW_ETOOBIG as soon as a chunk is announced that out's ceiling has no room for. */
BW_CHECKED enum bw_err bw_http_chunked_feed(struct bw_http_chunked *c, struct bw_str bytes, size_t *used, struct bw_buf *out);

/* One request being answered. */
struct bw_http_exchange {
	const struct bw_http_request *request;
	struct bw_str body;
	struct bw_str peer_address; /* text: "127.0.0.1", "::1" */
	uint16_t peer_port;
	bool peer_loopback;
	bool tls;
	struct bw_str tls_version, tls_cipher; /* "TLSv1.3", "TLS_AES_128_GCM_SHA256"; absent without TLS */
	struct bw_loop *loop;       /* answer on this loop's thread */
	void *app;                  /* the application's, NULL at first */
	struct bw_http_connection *connection;
};

struct bw_tls_holder;

struct bw_http_server_config {
	/* Called on the loop's thread with a whole request. Must answer with bw_http_respond, now or later. */
	void (*on_request)(void *ctx, struct bw_http_exchange *x);
	/* Of an error the server itself states (400, 408, 413, 431, 501, 503 ...): fills in header lines, each with its CR LF, and the body. May
	 * be NULL. */
	void (*on_refused)(void *ctx, int status, struct bw_buf *lines, struct bw_buf *body);
	void *ctx;
	struct bw_tls_holder *tls;  /* NULL: plain only. The first byte tells TLS (0x16) from plain HTTP */
	size_t body_max_bytes;
	size_t connections_max;
};

struct bw_http_server;
/* Serves a listening socket (non-blocking; the server closes it, but not on an error) on a loop. Plain HTTP is answered
 * only to loopback peers; others get 403 over plain. The server lives until the loop ends. */
BW_CHECKED enum bw_err bw_http_server_add(struct bw_loop *loop, int listen_fd, const struct bw_http_server_config *config,
    struct bw_http_server **out);
/* Another is about to take the listening socket over: each answer tells its client to connect anew, and new connections are
 * accepted still. A drain that follows waits a moment for the first request of those that have just come. */
void bw_http_server_retire(struct bw_http_server *s);
/* Stops accepting, lets requests in work finish, closes idle connections. `drained` runs from the loop when none is left,
 * and may free the server. */
void bw_http_server_drain(struct bw_http_server *s, void (*drained)(void *ctx), void *ctx);
/* Closes every connection; not from inside on_request. An exchange in work stays valid until it is answered, to nobody. */
void bw_http_server_free(struct bw_http_server *s);
/* Number of connections now open; any thread. */
size_t bw_http_server_connections(const struct bw_http_server *s);

/* Answers. `headers` is a block of "Name: value\r\n" lines without Content-Length, Date or Connection, which are added
 * here. Copies both. `close` ends the connection after it. The exchange is dead afterwards. Answers 500 instead (and logs)
 * when the status is not one of 200 to 599, the lines could end the head early, or the body is above BW_RESPONSE_MAX. */
void bw_http_respond(struct bw_http_exchange *x, int status, struct bw_str headers, struct bw_str body, bool close);
const char *bw_http_reason(int status);
