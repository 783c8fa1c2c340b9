/* HTTP/2, whichever side the peer is on: bytes between a socket and a session, where sessions lie, what
 * frames may cost, fields. */
#pragma once

#include "edge/h2_session.h"
#include "edge/wire.h"
#include "edge/worker.h"

enum {
	H2_SPAN_MS = 10000, /* the budgets below are a span's */
	H2_RESETS = 200, /* of a client, of streams that are young, besides one for each that got its whole answer: a
	                    page that is left resets some dozens, calls with deadlines a share of them all. Those that
	                    its faults have us say count too */
	H2_YOUNG_MS = 1000, /* a deadline that is longer, of calls that nobody answers, costs nothing */
	H2_CONTROL = 400,  /* pings, settings, priorities, empty frames, frames of no known type together, besides
	                      one for each frame of a message that we said: peers measure by pings how fast they
	                      are sent to */
	H2_UPDATES = 1000, /* window updates, besides one for each 512 bytes sent */
};

enum h2_cost { H2_COST_RESET, H2_COST_CONTROL, H2_COST_UPDATE };

struct h2_pump {
	struct edge *edge;
	struct sock sock;
	struct h2_session *session;
	bool placed; /* it lies among those that can sleep */
	bool calm;   /* a budget is spent: the connection has to go */
	struct wire out;
	int64_t active_ms, span_ms, updates, control, resets;
	uint64_t sent; /* bytes */
};

/* Where the sessions of a loop are to lie. */
void h2_places_open(struct edge *e);
/* Makes p->session, and says its beginning. */
void pump_open(struct h2_pump *p, const struct h2_kind *k);
void pump_close(struct h2_pump *p);
/* Nothing is in work, and nothing expected: session and socket sleep until pump_wake. */
void pump_sleep(struct h2_pump *p);
/* Before anything is asked of p->session. */
void pump_wake(struct h2_pump *p);
/* That, and as much as the socket takes. False: the connection has ended. */
bool pump_send(struct h2_pump *p, bool *moved);
/* One read, given to the session. False: the connection has ended. */
bool pump_read(struct h2_pump *p, bool *moved);
/* A frame that has come is paid for. */
void pump_spend(struct h2_pump *p, enum h2_cost cost);

/* ---- h2_field.c ---- */
/* "Name: value\r\n" as fields, but for those that `skip` tells. False: they are more than `max`. */
BW_CHECKED bool fields_make(
    struct bw_str lines, bool (*skip)(struct bw_str name), struct bw_hpack_field *to, size_t max, size_t *count);
struct bw_hpack_field field_make(struct bw_str name, struct bw_str value);
/* The other way. */
void field_put(struct bw_buf *lines, struct bw_str name, struct bw_str value);
