/* A board: one process writes, others read the newest whole text of it, over memory that outlives both. The
 * parent makes it before it forks and holds it, so that a process that is started again finds what was
 * published before. */
#pragma once

#include "base/buf.h"

struct bw_board;

/* Of texts up to `max_bytes`; memory is used as texts need it. Kept under its name (kept.h): a program that takes another's place
 * finds that one's. BW_EIO (logged); BW_EINVAL: what was left is not of this size. One thread; before forking. */
BW_CHECKED enum bw_err bw_board_new(const char *name, size_t max_bytes, struct bw_board **out);
/* The process that publishes calls one, each reader the other, once, before it drops its powers: a reader's
 * view cannot be made writable. BW_EIO (logged). */
BW_CHECKED enum bw_err bw_board_write_side(struct bw_board *b);
BW_CHECKED enum bw_err bw_board_read_side(struct bw_board *b);
/* Gives back this process's part: for the parent at its end, and for processes that are neither. */
void bw_board_free(struct bw_board *b);

/* Replaces the text and wakes the readers. One thread at a time. BW_ETOOBIG leaves the old one. */
BW_CHECKED enum bw_err bw_board_publish(struct bw_board *b, struct bw_str bytes);
/* Becomes readable when something was published; bw_board_wake_take makes it wait again. */
int bw_board_wake_fd(const struct bw_board *b);
void bw_board_wake_take(struct bw_board *b);
/* The number of the newest text, 0: none yet. Any thread. */
uint64_t bw_board_seq(const struct bw_board *b);
/* A copy of the newest text into `out` (reset first), and its number. BW_ENOTFOUND: nothing published yet;
 * BW_EAGAIN: the writer is faster than the copying; BW_ECORRUPT: the writer has spoilt it; BW_ETOOBIG: `out`
 * has too little room. Reader side. */
BW_CHECKED enum bw_err bw_board_read(const struct bw_board *b, struct bw_buf *out, uint64_t *seq);
