/* A connection of HTTP/2, whichever side the peer is on (RFC 9113): bytes in become calls of the kind's
 * functions, what is said goes onto the pump's wire. No socket, no clock of its own, and no memory but the
 * session itself and what a frame that has not come whole lies in. Nobody is called about a strand after
 * `closed`, and no strand is freed by anybody in the middle of a call but by `closed` itself. One thread.
 *
 * h2_session.c (beginning, end, what is said about the connection), h2_read.c (4, 5.4, 5.5, 6: frames as they
 * come), h2_data.c (6.1), h2_block.c (4.3, 6.2, 6.10, and which stream may begin, 5.1), h2_message.c (8: what
 * a message is), h2_settings.c (6.5), h2_window.c (5.2, 6.9), h2_strand.c (5.1: streams), h2_write.c (frames
 * as they go). */
#pragma once

#include "edge/wire.h"
#include "edge/worker.h"
#include "net/hpack.h"

enum {
	H2_STREAMS = 128,          /* at a time, as ALB permits */
	H2_WINDOW = 64 * 1024 - 1, /* of a stream: what one body may hold here; the initial value, so that it
	                              holds from the first byte */
	H2_WINDOW_MAX = INT32_MAX, /* 6.9.1 */
	H2_FRAME_MAX = 16 * 1024,  /* of a payload: the least that 4.2 permits */
	H2_FRAME_MAX_PEER = (1 << 24) - 1,
	H2_FRAME_HEAD = 9,
	H2_HEADERS_BYTES = BW_HTTP_HEAD_MAX,
	H2_BLOCK_BYTES = 2 * H2_HEADERS_BYTES, /* as it comes; what is larger cannot be told of, and would
	                                          have to be decoded */
	H2_BLOCK_FRAMES =
	    16, /* CONTINUATIONs of one block: as many as such a block needs, and as many again */
	H2_STREAMS_GUESS = 100, /* what a target is taken to permit until it says */
	H2_SETTINGS_MAX = 32,   /* in one frame */
	H2_BUCKETS = 16,
	H2_ENDED = 256, /* streams, counted back from the newest, of which is known who ended them */
};

enum h2_frame_type {
	H2_DATA,
	H2_HEADERS,
	H2_PRIORITY,
	H2_RST_STREAM,
	H2_SETTINGS,
	H2_PUSH_PROMISE,
	H2_PING,
	H2_GOAWAY,
	H2_WINDOW_UPDATE,
	H2_CONTINUATION,
	H2_FRAME_TYPES
};

enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4, H2_PADDED = 8, H2_WEIGHTED = 0x20 };

/* Section 7. */
enum h2_error {
	H2_NO_ERROR,
	H2_PROTOCOL_ERROR,
	H2_INTERNAL_ERROR,
	H2_FLOW_CONTROL_ERROR,
	H2_SETTINGS_TIMEOUT,
	H2_STREAM_CLOSED,
	H2_FRAME_SIZE_ERROR,
	H2_REFUSED_STREAM,
	H2_CANCEL,
	H2_COMPRESSION_ERROR,
	H2_CONNECT_ERROR,
	H2_ENHANCE_YOUR_CALM
};

/* Section 6.5.2, RFC 8441 and RFC 9218. */
enum h2_setting_id {
	H2_HEADER_TABLE_SIZE = 1,
	H2_ENABLE_PUSH,
	H2_MAX_CONCURRENT_STREAMS,
	H2_INITIAL_WINDOW_SIZE,
	H2_MAX_FRAME_SIZE,
	H2_MAX_HEADER_LIST_SIZE,
	H2_ENABLE_CONNECT_PROTOCOL = 8,
	H2_NO_RFC7540_PRIORITIES
};

struct h2_setting {
	uint16_t id;
	uint32_t value;
};

struct h2_pump;
struct h2_session;

/* A stream as section 5.1 sees it; part of what its owner knows of it. */
struct h2_strand {
	struct h2_session *session;
	struct h2_strand *chain;                /* of its bucket */
	struct h2_strand *next_due, **prev_due; /* who has something to say, or waits for leave to begin */
	int64_t length_left;                    /* of the message's content-length; -1: it has none */
	int32_t window_out, window_in;
	uint32_t owed; /* of window_in, used up and not given back */
	uint32_t id;   /* 0: not begun, or the session has forgotten it */
	uint32_t error;
	int64_t began_ms;
	uint8_t interims; /* answers before the answer, ANSWER_INTERIMS at most */
	bool due, waits, headed, heard_end, said_end, over, head_only;
	/* due: on the list; waits: for leave to begin; headed: a final head has come; over: RST_STREAM was
	 * written; head_only: HEAD was asked */
};

/* A head or trailers that have come and keep section 8. All slices live until the call returns. */
struct h2_message {
	struct bw_str method, path, authority, scheme;
	struct bw_http_header *headers; /* BW_HTTP_HEADERS_MAX at most */
	size_t count, bytes;            /* bytes: as 6.5.2 counts them */
	int64_t length;                 /* -1: none */
	int32_t status;
	bool too_large; /* more bytes or fields than permitted: these are not all */
	/* What h2_message.c has seen so far. */
	bool server, trailers, bad, host, regular;
	uint8_t pseudos;
};

/* Of one kind of session: who hears of what (NULL: nobody), and what the peer is told at the beginning. */
struct h2_kind {
	bool server;
	struct h2_setting settings[4];
	size_t setting_count;
	uint32_t window;   /* of the connection */
	uint32_t list_max; /* of a head, H2_HEADERS_BYTES at most */
	/* A request begins: its strand, zeroed; NULL refuses it. */
	struct h2_strand *(*begin)(struct h2_pump *p);
	/* The head of a request, or the final one of an answer. */
	void (*head)(struct h2_strand *s, const struct h2_message *m, bool ends);
	void (*data)(struct h2_strand *s, struct bw_str bytes);
	void (*trailers)(struct h2_strand *s, const struct h2_message *m);
	/* The message is whole, and did not end with its head. */
	void (*ended)(struct h2_strand *s);
	/* A frame for it came, whichever but RST_STREAM; behind all of the above. */
	void (*heard)(struct h2_strand *s);
	/* It is its turn to say something. True: it has more that may go now. */
	bool (*write)(struct h2_strand *s);
	/* The session knows it no more. */
	void (*closed)(struct h2_strand *s, uint32_t error);
	/* The answer to h2_ping. */
	void (*pong)(struct h2_pump *p);
};

struct h2_session {
	struct h2_pump *pump;
	const struct h2_kind *kind;
	struct h2_strand *buckets[H2_BUCKETS];
	struct h2_strand *due, **due_end, *waiting, **waiting_end;
	struct wire held, block; /* a frame that is not whole; a block whose last frame has not come */
	int64_t window_out;
	int32_t window_in;
	uint32_t owed;
	uint32_t data_left, pad_left, data_id, block_id,
	    block_frames;            /* of the DATA frame, of the block that is coming */
	uint32_t newest;             /* id of a stream: the peer's, or in the client's role our own */
	uint32_t told_last, told_by; /* last ids of GOAWAY, ours and the peer's */
	uint32_t peer_streams, peer_frame_max; /* its settings */
	int32_t peer_window;
	uint32_t count; /* strands that have begun */
	uint32_t acks;  /* of SETTINGS, that the peer owes */
	uint8_t preface_left;
	bool data_ends, block_ends, settled, going, gone, failed, begins;
	/* settled: SETTINGS have come; going: GOAWAY was said; gone: it was heard; failed: nothing more is
	 * read; begins: what is not whole began since its owner cleared this */
	uint8_t ended_by_us[H2_ENDED / 8];
	struct bw_hpack_decoder decoder;
	struct bw_hpack_encoder encoder;
};

/* ---- h2_session.c ---- */
/* Says the beginning. `s` is zeroed. */
void h2_session_begin(struct h2_session *s, struct h2_pump *p, const struct h2_kind *k);
/* Without strands. */
void h2_session_end(struct h2_session *s);
/* The connection's end by an error (5.4.1): GOAWAY is said, nothing is read any more. */
void h2_fail(struct h2_session *s, enum h2_error error);
/* GOAWAY, which may be said more than once: first that there will be an end, then behind which stream (6.8).
 */
void h2_goaway_soon(struct h2_session *s);
void h2_goaway(struct h2_session *s, enum h2_error error);
void h2_ping(struct h2_session *s);
/* Whether somebody has something to say. */
static inline bool h2_has_due(const struct h2_session *s)
{
	return !s->failed && s->due;
}
/* Nothing comes any more, and nothing is to be said but what is on the wire. */
bool h2_is_over(const struct h2_session *s);
/* Client: whether it may begin another one, ever. */
static inline bool h2_may_begin(const struct h2_session *s)
{
	return !s->going && !s->gone && !s->failed;
}

/* So, now, beside `n` others. */
static inline bool h2_has_place(const struct h2_session *s, size_t n)
{
	return h2_may_begin(s) && (!s->settled || n < s->peer_streams);
}

/* ---- h2_read.c ---- */
enum { H2_PREFACE_BYTES = 24 };
/* Whether the preface, a frame or a block has begun to come and is not whole. Bodies never are. */
static inline bool h2_is_partial(const struct h2_session *s)
{
	return wire_length(&s->held) || s->block_id || s->preface_left % H2_PREFACE_BYTES;
}
extern const char h2_preface[H2_PREFACE_BYTES + 1];
void h2_read(struct h2_session *s, struct bw_str bytes);
/* The front of `*bytes`, of which the rest is left. */
static inline struct bw_str h2_eat(struct bw_str *bytes, size_t n)
{
	struct bw_str front = bw_str_sub(*bytes, 0, n);

	*bytes = bw_str_sub(*bytes, n, bytes->n);
	return front;
}

struct h2_frame {
	struct bw_str payload; /* of DATA: the byte that says how much padding there is, if there is one */
	uint32_t length, id;
	uint8_t type, flags;
};

/* ---- h2_data.c ---- */
void h2_take_data(struct h2_session *s, const struct h2_frame *f);
/* More of a DATA frame's payload. */
void h2_data_step(struct h2_session *s, struct bw_str *bytes);

/* ---- h2_block.c ---- */
void h2_take_headers(struct h2_session *s, const struct h2_frame *f);
void h2_take_continuation(struct h2_session *s, const struct h2_frame *f);

/* ---- h2_message.c ---- */
/* One more field, as it comes out of HPACK. False: the message is malformed. */
bool h2_message_field(void *message, const struct bw_hpack_field *f);
/* Behind the last one; false: malformed. */
bool h2_message_end(struct h2_message *m);

/* ---- h2_settings.c ---- */
void h2_say_settings(struct h2_session *s);
void h2_take_settings(struct h2_session *s, const struct h2_frame *f);

/* ---- h2_window.c ---- */
void h2_take_window_update(struct h2_session *s, const struct h2_frame *f);
/* DATA's whole payload is counted. False: it went past a window. */
bool h2_window_spend(struct h2_session *s, struct h2_strand *strand, uint32_t bytes);
/* Bytes that came on streams that are no more, and padding. */
void h2_consume(struct h2_session *s, uint32_t bytes);
/* So many bytes of its data were used up: the peer may send as many again. */
void strand_consume(struct h2_strand *s, size_t bytes);
/* SETTINGS_INITIAL_WINDOW_SIZE (6.9.2). */
void h2_window_change(struct h2_session *s, uint32_t value);
/* How much DATA it may send now, at most INT32_MAX; below zero is none. */
int64_t strand_window(const struct h2_strand *s);

/* ---- h2_strand.c ---- */
struct h2_strand *strand_find(const struct h2_session *s, uint32_t id);
/* Client: a strand that will begin when it is its turn. */
static inline void strand_open(struct h2_session *s, struct h2_strand *strand)
{
	strand->session = s;
}
/* Has an id from now on, which is set. */
void strand_link(struct h2_session *s, struct h2_strand *strand);
/* Forgets it, and tells its owner. */
void strand_close(struct h2_strand *s, uint32_t error);
/* Forgets it without telling; RST_STREAM is said if it has begun. Of one that the session has forgotten
 * nothing is said. */
void strand_leave(struct h2_strand *s, uint32_t error);
/* Says RST_STREAM; `closed` follows when it is its turn. */
void strand_reset(struct h2_strand *s, uint32_t error);
/* That, at once, for the peer's fault: which counts among its resets (CVE-2025-8671 has the peer make us
 * reset). */
void strand_fault(struct h2_strand *s, enum h2_error error);
/* A stream that gets no strand is refused: REFUSED_STREAM is said, and counted so. `whole`: nothing more may come of it. */
void h2_refuse(struct h2_session *s, uint32_t id, bool whole);
/* What still comes of a stream behind the last of our GOAWAY is not heard. */
void h2_forgo(struct h2_session *s, uint32_t id, bool whole);
/* Client: streams behind `last`, and those that have not begun, never will be answered. */
void h2_refused(struct h2_session *s, uint32_t last);
/* It has something to say: its turn will come. */
void strand_due(struct h2_strand *s);
/* The first of those, which is not among them any more. */
struct h2_strand *strand_next(struct h2_session *s);
/* Whoever waits for leave to begin has it, as far as there is room. */
void h2_waiting_go(struct h2_session *s);
/* Closes it if both sides have said all. */
void strand_try_close(struct h2_strand *s);
/* All that have begun. */
void h2_all_due(struct h2_session *s);
/* Whether it is a stream that has not begun (5.1, idle). */
bool h2_is_idle(const struct h2_session *s, uint32_t id);
/* Of one that had begun: whether frames of it may still be under way, because it is us who ended it. Not
 * known any more: they may. */
bool h2_was_ours_to_end(const struct h2_session *s, uint32_t id);

/* ---- h2_write.c ---- */
/* Frames of those who are due, while the wire has room. */
void h2_write(struct h2_session *s);
/* Whether a head may go onto the wire now. */
bool strand_may_say(const struct h2_strand *s);
/* HEADERS, and what goes on of them; a request begins with it. False: nothing was said. */
bool strand_say(struct h2_strand *s, const struct bw_hpack_field *fields, size_t n, bool ends);
/* One DATA frame, of as many of `bytes` as may go; `ends`: with all of them the message. Returns how many. */
size_t strand_say_data(struct h2_strand *s, struct bw_str bytes, bool ends);
/* A frame's head, and room for its payload; NULL: the wire is full, and the connection broken. */
unsigned char *h2_frame_say(
    struct h2_session *s, uint32_t length, enum h2_frame_type type, uint8_t flags, uint32_t id);
void h2_say_u32(struct h2_session *s, enum h2_frame_type type, uint32_t id, uint32_t value);

static inline void h2_put_u32(unsigned char *to, uint32_t v)
{
	to[0] = (unsigned char)(v >> 24);
	to[1] = (unsigned char)(v >> 16);
	to[2] = (unsigned char)(v >> 8);
	to[3] = (unsigned char)v;
}

static inline uint32_t h2_get_u32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}
