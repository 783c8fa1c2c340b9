/* Header compression of HTTP/2 (RFC 7541). Pure, and without any memory of its own: a decoder and an encoder
 * are a dynamic table each, which lies in them. One thread a piece. */
#pragma once

#include "base/str.h"

enum {
	/* What a table holds at most, as RFC 7541 4.1 counts: SETTINGS_HEADER_TABLE_SIZE's initial value, so
	 * that it need not be announced, and the most that is used of what a peer permits. */
	BW_HPACK_TABLE_BYTES = 4096,
	BW_HPACK_BUCKETS = 64,
	BW_HPACK_SEEN = 64,
	BW_HPACK_FIELD_BYTES = 32, /* what a field counts beside its name and value (4.1; RFC 9113 6.5.2) */
};

/* Fields that both sides remember. What each counts beside its strings has room for where they lie, so the
 * whole is no larger than what is counted: strings from the front, each name before its value, and records
 * from the back. */
struct bw_hpack_table {
	_Alignas(8) char bytes[BW_HPACK_TABLE_BYTES];
	uint16_t size, max; /* as 4.1 counts; the limit now, BW_HPACK_TABLE_BYTES at most */
	uint16_t end;       /* of the strings */
	uint16_t born,
	    gone;        /* records made since all was moved together; of them, the oldest that are no more */
	uint16_t before; /* records that had gone when it was */
};

struct bw_hpack_field {
	struct bw_str name, value;
	bool never; /* a secret: no hop may ever put it into a table (6.2.3) */
};

/* ---- decoding ---- */

struct bw_hpack_decoder {
	struct bw_hpack_table table;
};

/* Who hears of a block's fields. */
struct bw_hpack_sink {
	/* Each field in its turn. Its strings lie in the block, in the room or in memory that is constant:
	 * they last as long as these do, so the whole list may be gathered without a copy. False: no more of
	 * them. */
	bool (*field)(void *ctx, const struct bw_hpack_field *f);
	void *ctx;
	/* Of the caller's: BW_HPACK_TABLE_BYTES at least. `list_max` bytes, as RFC 9113 6.5.2 counts a list,
	 * are told of at most, and need no more room than that. */
	char *room;
	size_t list_max;
	/* Out: what was told of, and whether there was more. Then the rest is read for the table's sake
	 * alone, and what lay in the room is no more. */
	size_t list_bytes;
	bool too_large;
};

void bw_hpack_decoder_init(struct bw_hpack_decoder *d);
/* A whole block, its CONTINUATIONs joined. False: it is malformed (COMPRESSION_ERROR), the connection has to
 * end. A step is bounded by the block's bytes and the room: a field behind `list_max` is not copied. */
BW_CHECKED bool bw_hpack_decode(struct bw_hpack_decoder *d, struct bw_str block, struct bw_hpack_sink *sink);

/* ---- encoding ---- */

struct bw_hpack_encoder {
	struct bw_hpack_table table;
	uint16_t newest[BW_HPACK_BUCKETS]; /* by the name's hash, the number of the record made last */
	uint16_t seen[BW_HPACK_SEEN];      /* marks of the last fields that were in no table */
	uint16_t seen_next;
	uint16_t least; /* the smallest limit since the last block */
	bool resized;   /* the peer has not been told */
};

void bw_hpack_encoder_init(struct bw_hpack_encoder *e);
/* The peer's SETTINGS_HEADER_TABLE_SIZE, each time it comes: the next block begins with what 4.2 asks for. */
void bw_hpack_encoder_limit(struct bw_hpack_encoder *e, size_t bytes);
/* Room that is enough for these fields' block, whatever the table holds. */
size_t bw_hpack_bound(const struct bw_hpack_field *fields, size_t count);
/* Makes a block. Names may have capitals and are written without. A field enters the table when it comes for
 * the second time (of values that differ each time it would only be full), unless it is `never`, or its name
 * is one that secrets have. Returns the bytes written; 0, with nothing changed: `room` is below
 * bw_hpack_bound. A block of no fields is empty as well, when no limit has changed. */
size_t bw_hpack_encode(
    struct bw_hpack_encoder *e, const struct bw_hpack_field *fields, size_t count, char *to, size_t room);
