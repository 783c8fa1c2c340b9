/* The audit trail: CloudTrail-format JSON records in append-only segments. Records are gathered per lane into
 * blocks; one writer compresses (zstd), seals (AES-256-GCM) and hash-chains each block onto the one before,
 * so that a changed, removed, reordered or truncated record is found. */
#pragma once

#include "base/buf.h"
#include "base/limits.h"

struct bw_trail;

/* One record at most. A longer one is replaced by a record that says so, with its SHA-256 and its beginning.
 */
enum { BW_TRAIL_RECORD_MAX = 1024 * 1024 };

/* Opens for appending (one process), verifying all that came after what is known to be on the disk; a torn
 * last block (power loss) is cut off and logged, a whole one is kept. `key`: bw_store_derive(store, "trail").
 * An ephemeral trail is never synced. BW_EPERM: another process writes it. BW_ECORRUPT: what the head
 * promises is not there: the folder is evidence and is left as it is. BW_EIO. All logged. */
BW_CHECKED enum bw_err bw_trail_open(
    struct bw_str dir, const unsigned char key[32], unsigned lanes, bool ephemeral, struct bw_trail **out);
/* Flushes everything, then closes. */
void bw_trail_close(struct bw_trail *t);
/* Adds one record (one JSON object, no newline inside) to a lane: one thread a lane. Copies. Never blocks
 * unless the writer is more than 64 blocks behind: a disk that takes no more audit records stops the calls.
 */
void bw_trail_add(struct bw_trail *t, unsigned lane, struct bw_str record);
/* Hands over a lane's gathered records when the last time was BW_TRAIL_FLUSH_MS ago; from the lane's thread,
 * by a timer of at most that period. `now_ms`: any clock that does not go back. */
void bw_trail_tick(struct bw_trail *t, unsigned lane, int64_t now_ms);
/* From now on removes what is older than `days` (at least 1): whole segments, of a day at most. By default all is kept. */
void bw_trail_keep(struct bw_trail *t, unsigned days);
/* How many records of the trail's life are known to be on the disk, removed ones too. Any thread. */
uint64_t bw_trail_durable(const struct bw_trail *t);
/* Removes everything, also what lanes have gathered: an ephemeral server's reset. Waits for the writer. Any
 * thread. BW_EPERM when not ephemeral. */
BW_CHECKED enum bw_err bw_trail_clear(struct bw_trail *t);

/* Reads records oldest first from `from_ms` on (0: all), verifying each block and link from there to the end.
 * The first records given may be older than that by the time a block gathers. `each` answers false to stop,
 * may be NULL. Any process, also beside a writer. BW_ECORRUPT: `fault` says where and what; what was given
 * before is authentic. BW_ENOTFOUND: no trail. */
struct bw_trail_report {
	uint64_t segments, blocks, records; /* read */
	uint64_t removed;              /* records that retention has removed before these */
	int64_t removed_to_ms;         /* the newest of them */
	uint64_t bytes, bytes_all;          /* how far: for a progress bar, valid inside `each` as well */
	char fault[256];                    /* empty: everything verified */
};
BW_CHECKED enum bw_err bw_trail_read(struct bw_str dir, const unsigned char key[32], int64_t from_ms,
    bool (*each)(void *ctx, struct bw_str record), void *ctx, struct bw_trail_report *report);
/* Reads what came since the last call: for `trail follow`. Zero the cursor first: the first call then notes
 * where the trail ends now. BW_ECORRUPT: what the head promises is not there. */
struct bw_trail_cursor {
	uint64_t segment, offset, blocks, records;
	unsigned char chain[32];
};
BW_CHECKED enum bw_err bw_trail_follow(struct bw_str dir, const unsigned char key[32],
    struct bw_trail_cursor *cursor, bool (*each)(void *ctx, struct bw_str record), void *ctx);
