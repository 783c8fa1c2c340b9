/* The audit trail: CloudTrail-format JSON records in append-only segments. Records are gathered per lane into blocks;
 * one writer compresses (zstd), seals (AES-256-GCM) and hash-chains each block onto the one before, so that a changed, removed,
 * reordered or truncated record is found. */
#pragma once

#include "base/buf.h"

struct bw_trail;

/* Opens for appending (one process), verifying the tail of the newest segment; a torn last block (power loss) is cut off and
 * logged. `key`: bw_store_derive(store, "trail"). BW_EIO, BW_ECORRUPT logged. */
BW_CHECKED enum bw_err bw_trail_open(struct bw_str dir, const unsigned char key[32], unsigned lanes, bool ephemeral,
    struct bw_trail **out);
/* Flushes everything, then closes. */
void bw_trail_close(struct bw_trail *t);
/* Adds one record (one JSON object, no newline inside) to a lane: one thread a lane. Copies. Never blocks unless the
 * writer is more than 64 blocks behind. */
void bw_trail_add(struct bw_trail *t, unsigned lane, struct bw_str record);
/* Hands over a lane's gathered records if they are older than BW_TRAIL_FLUSH_MS; from the lane's timer. */
void bw_trail_tick(struct bw_trail *t, unsigned lane, int64_t now_ms);
/* Removes everything: an ephemeral server's reset. */
BW_CHECKED enum bw_err bw_trail_clear(struct bw_trail *t);

/* Reads records oldest first from `from_ms` on (0: all), verifying each block and link. `each` answers false to stop. */
struct bw_trail_report {
	uint64_t segments, blocks, records;
	char fault[256]; /* empty: everything verified */
};
BW_CHECKED enum bw_err bw_trail_read(struct bw_str dir, const unsigned char key[32], int64_t from_ms,
    bool (*each)(void *ctx, struct bw_str record), void *ctx, struct bw_trail_report *report);
/* Reads what came since the last call: for `trail --follow`. Zero the cursor first. */
struct bw_trail_cursor {
	uint64_t segment, offset;
	unsigned char chain[32];
};
BW_CHECKED enum bw_err bw_trail_follow(struct bw_str dir, const unsigned char key[32], struct bw_trail_cursor *cursor,
    bool (*each)(void *ctx, struct bw_str record), void *ctx);
