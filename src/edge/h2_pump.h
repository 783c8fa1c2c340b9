/* HTTP/2, whichever side the peer is on: bytes between a socket and nghttp2, what frames may cost, fields. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "edge/internal.h"

enum {
	H2_STREAMS = 128,          /* at a time, as ALB permits */
	H2_WINDOW = 64 * 1024 - 1, /* of a stream: what one body may hold here */
	H2_HEADERS_BYTES = BW_HTTP_HEAD_MAX,
	H2_SPAN_MS = 10000, /* the budgets below are a span's */
	H2_RESETS = 200,    /* a page that is left resets some dozens */
	H2_CONTROL = 400,   /* pings, settings, priorities, empty frames together */
	H2_UPDATES = 1000,  /* window updates, besides one for each 512 bytes sent */
};

struct h2_pump {
	struct edge *edge;
	struct sock sock;
	nghttp2_session *session;
	struct wire out;
	int64_t active_ms, span_ms, updates;
	uint32_t resets, control;
	bool calm; /* a budget is spent: the connection has to go */
};

/* Frames onto the wire, while it has room. False: the session has ended. */
bool pump_pack(struct h2_pump *p);
/* That, and as much as the socket takes. False: the connection has ended. */
bool pump_send(struct h2_pump *p, bool *moved);
/* One read, given to nghttp2. False: the connection has ended. */
bool pump_read(struct h2_pump *p, bool *moved);
/* A frame that has come is paid for. */
void pump_spend(struct h2_pump *p, const nghttp2_frame *frame);
/* For either kind of session; the caller deletes. */
nghttp2_option *pump_options(void);

/* Whether an HTTP/1.1 head could hold it: a value, or (`line`) something of a line that spaces divide. */
bool field_fits(struct bw_str s, bool line);
nghttp2_nv field_make(struct bw_str name, struct bw_str value);
/* "Name: value\r\n" as fields, names in lower case in `a`, but for those that `skip` tells. */
size_t fields_make(
    struct bw_arena *a, struct bw_str lines, bool (*skip)(struct bw_str name), nghttp2_nv *to, size_t max);
/* One more header in an array in the arena, of which there are `count`; NULL above BW_HTTP_HEADERS_MAX. */
struct bw_http_header *header_add(struct bw_arena *a, struct bw_http_header **v, size_t *count);
/* The other way. */
void field_put(struct bw_buf *lines, struct bw_str name, struct bw_str value);
