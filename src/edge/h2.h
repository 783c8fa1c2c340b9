/* A client's connection over HTTP/2, between h2.c (the connection), h2_stream.c (a request and its answer),
 * h2_request.c and h2_answer.c (either alone), h2_pace.c (how slow a client may be). */
#pragma once

#include "edge/exchange.h"
#include "edge/h2_pump.h"
#include "edge/listen.h"

/* How a connection ends (RFC 9113 6.8): the peer is told to begin no more; what it has begun until it heard
 * that is served too, and then it is told which the last was; behind the last answer our side is closed, and
 * the peer has a moment to close its own. */
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
	int64_t data_ms; /* when something of a message last came or went: a PING is none, and keeps no connection
	                    (Edit attributes for your Application Load Balancer, "Connection idle timeout") */
	int64_t head_ms;     /* of a frame's or a block's first byte, while it is not whole; 0: none is */
	int64_t stuck_ms;    /* since when what is on the wire does not move on as it has to; 0: it does */
	uint64_t stuck_sent; /* what had been sent by then */
	uint32_t slot, dropped;
	uint64_t serial;
	uint8_t end;
	bool running, posted, closed;
	bool
	    heard; /* the peer has answered what we said behind the notice: all that it sent before is here */
	struct bw_address peer;
};

struct h2_stream {
	struct h2_strand strand;
	struct h2 *h;
	struct h2_stream *next, **prev;
	struct exchange *x;
	struct bw_arena arena; /* of what has to be kept of heads and trailers; taken when something has */
	size_t counted;        /* of it and of trailers_in, among what the edge holds */
	struct bw_buf trailers_in;            /* whole lines of the request's; no memory without any */
	struct bw_str trailers_out, head_out; /* head_out: lines of a head that the wire had no room for */
	struct wire in, body; /* the request's that the target does not take yet; the answer's */
	int64_t length;       /* of the answer; -1: not known */
	int32_t status;
	uint32_t moved;  /* of both bodies since slow_ms */
	int64_t slow_ms; /* since when the client is waited for; 0: it is not */
	bool has_arena, in_ended, ended, no_body, goes_on, waits, said;
	/* ended: the answer; goes_on: 100 is to be said; waits: head_out is; said: the head was */
};

/* h2.c */
/* Over HTTP/2, on a socket whose handshake chose it; takes the socket. */
void h2_open(
    struct listening *l, struct sock *from, const struct bw_address *peer, uint32_t slot, uint64_t serial);
/* Some have to end: they are told so, a few at a time. */
void h2_drain(struct edge *e);
/* Runs soon: for whoever is in the middle of something. */
void h2_post(struct h2 *h);

/* h2_pace.c */
/* Behind each read. */
void h2_pace_head(struct h2 *h);
/* Looked at every DOZE_MS while something is in work: slow streams are ended. False: the connection has to
 * be. */
BW_CHECKED bool h2_pace_look(struct h2 *h);

/* h2_stream.c */
void h2_session_open(struct h2 *h);
void h2_stream_free(struct h2_stream *s);
struct bw_arena *h2_stream_arena(struct h2_stream *s);
/* Something of a message came or went, so many bytes of its bodies. */
void h2_stream_moved(struct h2_stream *s, size_t n);
/* What it keeps has grown. */
void h2_stream_grown(struct h2_stream *s);
/* As much of the request's body as the target takes. */
void h2_stream_give(struct h2_stream *s);

/* h2_request.c */
/* A head as if it had been parsed, in the edge's request; false: malformed. */
bool h2_request_make(struct h2_stream *s, const struct h2_message *m, bool ends);
void h2_request_trailers(struct h2_stream *s, const struct h2_message *m);

/* h2_answer.c */
extern const struct client_ops h2_ops;
/* Its turn to say something. */
bool h2_answer_write(struct h2_strand *strand);
