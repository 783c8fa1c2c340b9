/* The bytes of the trail's files, and the walk over them that the writer's start and every reader share.
 *
 * A folder holds segments "000000000001.trail", "000000000002.trail" ... and the file "head". All numbers are
 * little-endian.
 *
 * - A segment is a header of 80 bytes (16 of magic, then u64 number, made (ms), blocks and records before it,
 * and the chain so far, 32 bytes), and blocks behind it.
 * - A block is a header of 32 bytes (u32 sealed bytes, u32 plain bytes, u32 records, u32 magic, u64 time
 * (ms), u64 records before it), and behind it AES-256-GCM over the zstd frame of the records, each with its
 * length (u32) in front. Associated data: segment number, offset, the chain so far, and the block's header.
 * - The chain is SHA-256 over the chain so far and the header of the segment, or the header and sealed bytes
 * of the block.
 * - The head is two sealed marks of how far the trail reaches: known to be on the disk, and written, with the
 * machine's boot id. Both fit into one sector, which a disk writes whole or not at all. A third says, once
 * retention has removed segments (trail_keep.c), where they ended.
 *
 * The tail beyond the first mark can only be lost with the machine's memory: when the boot id is still the
 * one of the second mark, then what that mark promises must be there as well. */
#pragma once

#include "core/trail.h"
#include "crypto/crypto.h"

enum {
	TRAIL_HEADER_BYTES = 80,
	TRAIL_BLOCK_HEADER_BYTES = 32,
	TRAIL_PLAIN_MAX = BW_TRAIL_RECORD_MAX + 4, /* one record of the largest size is a block of its own */
	TRAIL_SEALED_MAX =
	    TRAIL_PLAIN_MAX + TRAIL_PLAIN_MAX / 128 + 1024, /* zstd's bound for what it cannot shrink */
	TRAIL_NAME_BYTES = 32,
	TRAIL_BOOT_BYTES = 16,
	TRAIL_MARK_BYTES = 5 * 8 + 32 + TRAIL_BOOT_BYTES,
	TRAIL_SLOT_BYTES = TRAIL_MARK_BYTES + BW_AEAD_OVERHEAD,
};

/* How far the trail reaches. */
struct trail_place {
	uint64_t segment, offset, blocks, records;
	int64_t time_ms; /* of the newest block; never goes back */
	unsigned char chain[32];
};

struct trail_mark {
	struct trail_place at;
	unsigned char boot[TRAIL_BOOT_BYTES]; /* zeros: unknown */
};

enum trail_slot { TRAIL_DURABLE, TRAIL_WRITTEN, TRAIL_SLOTS, TRAIL_REMOVED = TRAIL_SLOTS };

struct trail_block {
	uint32_t sealed_n, plain_n, records;
	int64_t time_ms;
	uint64_t first_record;
};

/* Takes `at` to the beginning of segment at->segment + 1, whose header it writes. */
void trail_header_encode(struct trail_place *at, int64_t made_ms, unsigned char out[TRAIL_HEADER_BYTES]);
/* `number` and the place are as the header says; nothing is authenticated yet. BW_ECORRUPT: not a header. */
BW_CHECKED enum bw_err trail_header_decode(
    const unsigned char in[TRAIL_HEADER_BYTES], struct trail_place *before, int64_t *made_ms);
void trail_block_encode(const struct trail_block *b, unsigned char out[TRAIL_BLOCK_HEADER_BYTES]);
BW_CHECKED enum bw_err trail_block_decode(
    const unsigned char in[TRAIL_BLOCK_HEADER_BYTES], struct trail_block *b);
/* Seals `frame` behind `header`, whose sealed_n is already right, at the place; appends both to `out`. */
void trail_block_seal(struct bw_aead_key *key, const struct trail_place *at,
    const unsigned char header[TRAIL_BLOCK_HEADER_BYTES], struct bw_str frame, struct bw_buf *out);
BW_CHECKED enum bw_err trail_block_open(struct bw_aead_key *key, const struct trail_place *at,
    const unsigned char header[TRAIL_BLOCK_HEADER_BYTES], struct bw_str sealed, struct bw_arena *arena,
    struct bw_str *frame);
/* Takes `at` behind a block. */
void trail_place_pass(struct trail_place *at, const struct trail_block *b,
    const unsigned char header[TRAIL_BLOCK_HEADER_BYTES], struct bw_str sealed);

void trail_segment_name(uint64_t number, char out[TRAIL_NAME_BYTES]);
/* The lowest and the highest segment number in the folder; zeros when there is none. */
BW_CHECKED enum bw_err trail_segments_find(int dir_fd, uint64_t *first, uint64_t *last);
void trail_boot_read(unsigned char boot[TRAIL_BOOT_BYTES]);
BW_CHECKED enum bw_err trail_mark_write(
    int head_fd, struct bw_aead_key *key, enum trail_slot slot, const struct trail_mark *mark);
/* BW_ECORRUPT when the slot does not authenticate, also after a moment: a writer may be in the middle of it.
 */
BW_CHECKED enum bw_err trail_mark_read(
    int head_fd, struct bw_aead_key *key, enum trail_slot slot, struct trail_mark *mark);
/* At most `n` bytes at the offset; fewer: the file ends there. BW_EIO. */
BW_CHECKED enum bw_err trail_pread_most(int fd, void *to, size_t n, uint64_t offset, size_t *got);
/* The whole of `n` bytes at the offset. BW_EAGAIN: the file ends before. BW_EIO. */
BW_CHECKED enum bw_err trail_pread(int fd, void *to, size_t n, uint64_t offset);
BW_CHECKED enum bw_err trail_pwrite(int fd, const void *from, size_t n, uint64_t offset);

/* A walk over blocks, verifying as it goes. */
struct trail_walk {
	int dir_fd, fd;
	struct bw_aead_key *key; /* borrowed */
	struct trail_place at;
	struct bw_arena arena; /* of the block just read */
	struct bw_buf window;  /* of the segment, from `window_at` on: small blocks are read many at a time */
	uint64_t window_at;
	struct bw_str sealed; /* of the block just read, in the window */
	struct trail_block block; /* just read */
	struct bw_str records;    /* of the block just read; absent when it was passed without opening */
};

void trail_walk_init(struct trail_walk *w, int dir_fd, struct bw_aead_key *key);
void trail_walk_end(struct trail_walk *w);
/* Begins at a segment without knowing what was before it: its header is believed, and proven by what follows.
 */
BW_CHECKED enum bw_err trail_walk_begin(struct trail_walk *w, uint64_t segment);
/* Begins at the oldest segment there is, whose header must continue what was removed (a zero place: nothing).
 * As trail_walk_enter. */
BW_CHECKED enum bw_err trail_walk_oldest(struct trail_walk *w, const struct trail_place *removed);
/* Where what retention has removed ended; zeros: nothing was removed. */
BW_CHECKED enum bw_err trail_removed_read(int head_fd, struct bw_aead_key *key, struct trail_place *at);
/* Goes on in the middle of a segment, at a place known from a mark or an earlier walk. */
BW_CHECKED enum bw_err trail_walk_resume(struct trail_walk *w, const struct trail_place *at);
/* From the end of a segment into the next, whose header must continue this one. BW_ENOTFOUND: there is none.
 * BW_EAGAIN: its header is not whole. BW_ECORRUPT. The place stays where it was on any error. */
BW_CHECKED enum bw_err trail_walk_enter(struct trail_walk *w);
/* The next block: authenticated and expanded, or only hashed when it is older than `open_from_ms`.
 * BW_ENOTFOUND: the segment ends here; BW_EAGAIN: it ends inside the block; BW_ECORRUPT. The place stays
 * where it was on any error. */
BW_CHECKED enum bw_err trail_walk_next(struct trail_walk *w, int64_t open_from_ms);
/* Cuts the next record off; false when none is left. The records of an opened block are well-formed. */
bool trail_record_cut(struct bw_str *records, struct bw_str *record);

/* What the head promises. */
struct trail_promise {
	struct trail_mark marks[TRAIL_SLOTS];
	bool binding[TRAIL_SLOTS];
	bool met[TRAIL_SLOTS];
};
/* BW_ECORRUPT: a slot does not authenticate. */
BW_CHECKED enum bw_err trail_promise_read(int head_fd, struct bw_aead_key *key, struct trail_promise *p);
/* Notes the marks that the walk stands on. BW_ECORRUPT: at a mark's offset with another chain. */
BW_CHECKED enum bw_err trail_promise_note(struct trail_promise *p, const struct trail_place *at);

struct trail_visit {
	int64_t from_ms;                                /* older blocks are hashed, not opened */
	bool (*block)(void *ctx, struct trail_walk *w); /* false stops; may be NULL */
	void *ctx;
};

struct trail_end {
	bool torn; /* behind the end stands what is neither a block nor promised: a write that did not finish
	            */
	bool in_header;    /* it is the header of the next segment */
	uint64_t segments; /* entered */
	char fault[256];
};

/* Walks as far as it goes. BW_OK: the honest end, or the visit stopped. BW_ECORRUPT: `end->fault` says where
 * and what. */
BW_CHECKED enum bw_err trail_walk_to_end(
    struct trail_walk *w, struct trail_promise *p, const struct trail_visit *visit, struct trail_end *end);
