/* The files of a trail being written: one thread's at a time. */
#pragma once

#include "core/trail_format.h"

struct trail_files {
	int dir_fd, head_fd, fd;
	struct bw_aead_key *key;
	struct trail_place at;
	unsigned char boot[TRAIL_BOOT_BYTES];
	bool ephemeral; /* never synced */
	bool unsynced;
	uint64_t segment_max; /* BW_TRAIL_SEGMENT_MAX; less in tests */
	int64_t segment_made_ms, segment_age_max_ms; /* 0: a segment may be of any age */
	struct trail_place removed; /* the end of what retention has removed; zeros: nothing */
	struct bw_buf frame, out;
};

/* Locks the folder, verifies the tail and goes to its end; begins a trail where there is none. As
 * bw_trail_open. */
BW_CHECKED enum bw_err trail_files_open(
    struct trail_files *f, struct bw_str dir, const unsigned char key[32], bool ephemeral);
void trail_files_close(struct trail_files *f);
/* Compresses, seals and writes one block of records with their lengths in front. BW_EIO with errno: the place
 * is as before, and the same may be tried again. */
BW_CHECKED enum bw_err trail_files_write(
    struct trail_files *f, struct bw_str plain, uint32_t records, int64_t now_ms);
/* Notes in the head how far the trail is written. */
BW_CHECKED enum bw_err trail_files_note(struct trail_files *f);
/* Brings all to the disk, then notes that in the head. Panics when the disk refuses: the kernel may have
 * dropped what it could not write, and only reading it back at the next start tells what is there. */
BW_CHECKED enum bw_err trail_files_sync(struct trail_files *f);
/* Removes the segments whose records are all older than `before_ms`. BW_ECORRUPT (logged): one that should go
 * does not verify, and stays. BW_EIO (logged). */
BW_CHECKED enum bw_err trail_files_keep(struct trail_files *f, int64_t before_ms);
/* For all files of it: panics when the disk refuses. */
void trail_disk_sync(const struct trail_files *f, int fd);
/* Removes everything and begins anew. */
BW_CHECKED enum bw_err trail_files_clear(struct trail_files *f);
