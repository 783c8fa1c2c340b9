/* A client's connection over HTTP/2, between h2.c (the connection), h2_frame.c (what nghttp2 calls) and
 * h2_stream.c (a request). */
#pragma once

#include "edge/exchange.h"
#include "edge/h2_pump.h"
#include "edge/listen.h"

/* How a connection ends (RFC 9113 6.8): the peer is told to begin no more; what it has begun until it heard that is served too, and then
 * it is told which the last was; behind the last answer our side is closed, and the peer has a moment to close its own. */
enum h2_end { H2_SERVES, H2_NOTICED, H2_ENDS, H2_LINGERS };

struct h2 {
	struct h2_pump pump;
	struct listening *listening; /* a reference */
	struct bw_timer timer;
	struct bw_post post;
	struct h2 *next, **prev;
	struct h2_stream *streams;
	size_t stream_count;
	int64_t opened_ms, end_ms; /* end: when it came to where it is */
	uint32_t slot, dropped;
	uint64_t serial;
	uint8_t end;
	bool running, posted, closed;
	bool heard; /* the peer has answered what we said behind the notice: all that it sent before is here */
	struct bw_address peer;
};

struct h2_stream {
	struct h2 *h;
	struct h2_stream *next, **prev;
	struct exchange *x;
	struct bw_arena arena; /* of heads and trailers */
	size_t counted;        /* of it and of trailers_in, among what the edge holds */
	struct bw_http_header *headers;
	size_t header_count, header_bytes;
	struct bw_str method, path, authority, scheme;
	struct bw_buf trailers_in; /* whole lines of the request's; no memory without any */
	struct bw_str trailers_out;
	struct wire in, body; /* the request's that the target does not take yet; the answer's */
	int32_t id;
	bool too_large, dispatched, ended, in_ended, deferred,
	    spent; /* ended: the answer; spent: it was sent */
};

/* h2.c */
/* Over HTTP/2, on a socket whose handshake chose it; takes the socket. */
void h2_open(struct listening *l, struct sock *from, const struct bw_address *peer, uint32_t slot, uint64_t serial);
/* Some have to end: they are told so, a few at a time. */
void h2_drain(struct edge *e);
void h2_run(struct h2 *h);
/* Runs soon: for whoever is in the middle of something. */
void h2_post(struct h2 *h);

/* h2_frame.c */
void h2_session_open(struct h2 *h);

/* h2_stream.c */
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
void h2_stream_header(struct h2_stream *s, struct bw_str name, struct bw_str value);
/* A field behind the body. */
void h2_stream_trailer(struct h2_stream *s, struct bw_str name, struct bw_str value);
/* The head is whole; `ends`: there is no body. */
void h2_stream_dispatch(struct h2_stream *s, bool ends);
void h2_stream_data(struct h2_stream *s, struct bw_str bytes);
void h2_stream_ends(struct h2_stream *s);
void h2_stream_free(struct h2_stream *s);
/* Bytes of the answer for nghttp2. */
ssize_t h2_stream_read(struct h2_stream *s, uint8_t *to, size_t size, uint32_t *flags);
