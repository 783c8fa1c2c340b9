/* HTTP/2, whichever side the peer is on: bytes between a socket and nghttp2, what frames may cost, fields. */
#pragma once

#include <nghttp2/nghttp2.h>

#include "edge/wire.h"
#include "edge/worker.h"

enum {
	H2_STREAMS = 128,          /* at a time, as ALB permits */
	H2_WINDOW = 64 * 1024 - 1, /* of a stream: what one body may hold here */
	H2_HEADERS_BYTES = BW_HTTP_HEAD_MAX,
	H2_SPAN_MS = 10000, /* the budgets below are a span's */
	H2_RESETS = 200,    /* a page that is left resets some dozens */
	H2_CONTROL = 400,   /* pings, settings, priorities, empty frames together */
	H2_UPDATES = 1000,  /* window updates, besides one for each 512 bytes sent */
};

/* Where a session makes a frame, with what nghttp2 puts around its payload. */
struct h2_room {
	char bytes[BLOCK_BYTES + 64];
};

struct h2_pump {
	struct edge *edge;
	struct sock sock;
	nghttp2_session *session;
	void *place; /* where most of it lies; NULL: nowhere in particular */
	struct wire out;
	int64_t active_ms, span_ms, updates;
	uint32_t resets, control;
	bool calm; /* a budget is spent: the connection has to go */
};

/* Of one kind of session: whom nghttp2 calls (NULL: nobody), and what the peer is told at the beginning. */
struct h2_kind {
	bool server;
	nghttp2_on_begin_headers_callback begin_headers;
	nghttp2_on_header_callback header;
	nghttp2_on_invalid_header_callback header_invalid;
	nghttp2_on_frame_recv_callback frame_received;
	nghttp2_on_data_chunk_recv_callback data_received;
	nghttp2_on_stream_close_callback stream_closed;
	nghttp2_on_frame_send_callback frame_sent;
	nghttp2_settings_entry settings[3];
	size_t setting_count;
	int32_t window; /* of the connection; 0: the usual one */
};

/* h2_session.c */
/* Where the sessions of a loop are to lie. */
void h2_places_open(struct edge *e);
/* Makes p->session; `ctx` is for those whom it calls. */
void pump_open(struct h2_pump *p, const struct h2_kind *k, void *ctx);
void pump_close(struct h2_pump *p);
/* Nothing is in work, and nothing expected: session and socket sleep until pump_wake. */
void pump_sleep(struct h2_pump *p);
/* Before anything is asked of p->session. */
void pump_wake(struct h2_pump *p);
/* A field that no message may have makes the message malformed (RFC 9113 8.2.1), not the field absent. */
int pump_header_invalid(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *ctx);
/* Whose stream it is; NULL: nobody's any more, or the connection itself. */
static inline void *pump_stream(nghttp2_session *session, int32_t id)
{
	return id ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

/* h2_pump.c */
/* Frames onto the wire, while it has room. False: the session has ended. */
bool pump_pack(struct h2_pump *p);
/* That, and as much as the socket takes. False: the connection has ended. */
bool pump_send(struct h2_pump *p, bool *moved);
/* One read, given to nghttp2. False: the connection has ended. */
bool pump_read(struct h2_pump *p, bool *moved);
/* A frame that has come is paid for. */
void pump_spend(struct h2_pump *p, const nghttp2_frame *frame);

/* Whether an HTTP/1.1 head could hold it: a value, or (`line`) something of a line that spaces divide. */
bool field_fits(struct bw_str s, bool line);
nghttp2_nv field_make(struct bw_str name, struct bw_str value);
/* "Name: value\r\n" as fields, names in lower case, in `a` where `lines` has them otherwise, but for those
 * that `skip` tells. */
size_t fields_make(
    struct bw_arena *a, struct bw_str lines, bool (*skip)(struct bw_str name), nghttp2_nv *to, size_t max);
/* One more header in an array in the arena, of which there are `count`; NULL above BW_HTTP_HEADERS_MAX. */
struct bw_http_header *header_add(struct bw_arena *a, struct bw_http_header **v, size_t *count);
/* The other way. */
void field_put(struct bw_buf *lines, struct bw_str name, struct bw_str value);
