/* A connection to a target over HTTP/2, among upstream_h2.c (the connection), upstream_h2_frame.c (what
 * the session calls), upstream_h2_send.c (requests) and upstream_h2_read.c (answers). What the session calls
 * only notes what has come: exchanges hear of it when the session is left, because they may end streams,
 * begin others and go away. */
#pragma once

#include "edge/exchange.h"
#include "edge/group.h"
#include "edge/h2_pump.h"

enum far_state { FAR_CONNECT, FAR_SHAKE, FAR_OPEN, FAR_CLOSED };

enum {
	FAR_WINDOW =
	    H2_STREAMS * H2_WINDOW, /* of a connection: no slow client's stream holds back another's */
	FAR_IDLE_MS = 60000,
	FAR_REQUESTS = 1 << 24, /* on one connection: far below where stream ids end */
};

struct far {
	struct h2_pump pump;
	struct target *target; /* a reference */
	struct bw_timer timer;
	struct bw_post post;
	struct far *next, **prev; /* the target's */
	struct far_stream *streams, *noted;
	size_t stream_count;
	uint32_t requests;
	uint8_t state;
	int64_t heard_us; /* when something came while many were awaited */
	size_t news;      /* of how many streams since */
	bool gathers;     /* it is read after the loop's rest */
	bool running, posted, going, parched, late; /* going: no new request; parched: a request's body has
	                                               room again; late: it did not come to be in time */
};

/* A head or trailers as they come. */
struct far_fields {
	struct bw_http_header *v;
	size_t count, bytes;
	bool bad; /* no answer may have them, or not so many */
};

struct far_stream {
	struct h2_strand strand;
	struct far *far;
	struct far_stream *next, **prev, *next_noted;
	struct exchange *x;
	struct bw_arena arena;
	size_t counted; /* of it, among what the edge holds */
	struct far_fields head, trailers;
	struct bw_str trailers_out, head_out; /* head_out: the request's, until it has begun */
	struct wire in, body; /* the answer's that the client does not take yet; the request's */
	size_t head_n;        /* of x->again, which is the head */
	int64_t active_ms;
	int32_t status;
	uint32_t error;
	bool noted, sent, got, headed, told, ends, in_ended, body_ended, closed, full;
	/* noted: on the connection's list; sent: the head went out; got: something came; headed: a whole head
	 * is there; told: the exchange knows it; ends: with no body; in_ended: the answer is whole; closed:
	 * the session is done with it; full: the body's source waits */
};

/* upstream_h2.c */
/* Closes what is kept. */
void fars_close(struct target *t);
/* One with room for another request, or a new one; NULL: none can be begun. */
struct far *far_take(struct target *t);
void far_post(struct far *f);
/* Its last stream has gone. */
void far_unneeded(struct far *f);
/* By when the stream has to have moved. */
void far_await(struct far *f, int64_t due_ms);

/* upstream_h2_frame.c */
void far_session_open(struct far *f);

/* upstream_h2_send.c */
/* Its turn to say something. */
bool far_stream_write(struct h2_strand *strand);
/* Leaves its exchange, if it has one, and is freed; what is left of it over there is reset. */
void far_stream_free(struct far_stream *s);
/* Its arena has. */
void far_grown(struct far_stream *s);
/* Those whose requests' sources wait. */
void far_pull(struct far *f);

/* upstream_h2_read.c */
void far_note(struct far_stream *s);
/* Tells exchanges what was noted. May free any stream. */
void far_settle(struct far *f);
/* Streams that have not moved for as long as their load balancer says fail. Returns when to look again. */
int64_t far_expire(struct far *f);
