/* A connection to a target over HTTP/1.1, among upstream.c (the connection), upstream_keep.c (those that are
 * kept), upstream_send.c (the request) and upstream_read.c (the answer). */
#pragma once

#include "edge/exchange.h"
#include "edge/group.h"

enum upstream_state { U_CONNECT, U_SHAKE, U_BUSY, U_IDLE, U_CLOSED };
enum framing { F_HEAD, F_LENGTH, F_CHUNKED, F_CLOSE };

struct upstream {
	struct edge *edge;
	struct target *target; /* a reference */
	struct exchange *x;
	struct sock sock;
	struct bw_timer timer;
	struct bw_post post;
	struct wire out, in; /* in: of a head that is not whole, or behind one */
	struct upstream *next, *prev;
	struct bw_http_chunked chunked;
	int64_t left, active_ms;
	uint8_t state, framing, interims; /* interims: of the answer in work */
	bool keep, reused, got, running, posted, body_sent;
};

/* upstream.c */
/* Begins a connection; NULL when none can be begun. */
struct upstream *upstream_open(struct target *t);
/* Runs soon, from the loop. */
void upstream_post(struct upstream *u);
void upstream_timer(struct upstream *u);
/* The exchange gets no answer from it: it fails with that status. */
void upstream_fail(struct upstream *u, int status);
/* Closes; freed by upstream_reap, when nothing of it is on the stack. */
void upstream_shut(struct upstream *u);
void upstream_reap(struct upstream *u);

/* upstream_keep.c */
/* Closes what is kept. */
void upstreams_close(struct target *t);
/* The newest kept connection; NULL: none. */
struct upstream *upstream_take(struct target *t);
void upstream_unlink(struct upstream *u);
void upstream_leave(struct upstream *u, bool whole);

/* upstream_send.c */
size_t upstream_room(const struct upstream *u);
/* Sends at once what can be sent; what comes back is for an event to tell. */
void upstream_flush(struct upstream *u);

/* upstream_read.c */
/* One read and what follows. True: there may be more to do at once. */
bool upstream_read(struct upstream *u);
