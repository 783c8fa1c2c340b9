/* Two rings of messages in shared memory, between a process that asks and one that answers: one for each way.
 * The parent makes them before it forks and holds them, so that what lies in them outlives either side.
 *
 * Neither side believes the other: a message is copied out once, before anybody looks at it; its own places a
 * side keeps to itself, and the other's are checked at every use. A ring that cannot be (BW_ECORRUPT) is
 * emptied, and its user says so to the other side in whatever way they have. What was taken is wiped.
 *
 * Nobody makes a call of the system for a message while the other side is at work: each says when it is about
 * to wait. */
#pragma once

#include "base/str.h"

struct bw_ring;     /* the memory, and what wakes the asking side */
struct bw_ring_end; /* one side's view of it; one thread at a time */

enum bw_ring_side { BW_RING_ASKING, BW_RING_ANSWERING };

/* `way_bytes` (a power of two, whole pages) for each way; a message is at most `message_max` bytes, which
 * fit. Kept under its name, as boards are. BW_EIO (logged); BW_EINVAL: what was left is not of this size. Before forking. */
BW_CHECKED enum bw_err bw_ring_new(
    const char *name, size_t way_bytes, size_t message_max, struct bw_ring **out);
/* Gives back this process's part. */
void bw_ring_free(struct bw_ring *r);
/* Its descriptors: for bw_descriptors_keep. */
void bw_ring_fds(const struct bw_ring *r, int fds[2]);

/* Takes a side, where whoever had it before left off; `r` must outlive it. BW_EIO (logged). */
BW_CHECKED enum bw_err bw_ring_end_open(struct bw_ring *r, enum bw_ring_side side, struct bw_ring_end **out);
void bw_ring_end_close(struct bw_ring_end *e);

/* BW_EAGAIN: no room now; BW_ETOOBIG: more than `message_max`; BW_ECORRUPT: the other side has spoilt the
 * ring, which is empty now. */
BW_CHECKED enum bw_err bw_ring_put(struct bw_ring_end *e, struct bw_str message);
/* Into `out`, of `message_max` bytes. BW_EAGAIN: none now; BW_ECORRUPT: as above. */
BW_CHECKED enum bw_err bw_ring_take(struct bw_ring_end *e, void *out, size_t *n);
/* Passes over all that waits to be taken, and wipes it. */
void bw_ring_skip(struct bw_ring_end *e);
/* Bytes put, and taken, by this side since the rings were made: what the sides name messages' places by. */
uint64_t bw_ring_put_at(const struct bw_ring_end *e);
uint64_t bw_ring_taken_at(const struct bw_ring_end *e);

/* After putting or taking: wakes the other side if that is what it waits for. */
void bw_ring_kick(struct bw_ring_end *e);
/* Says that this side is about to wait: with `message`, for one; with `room`, until one of as many bytes
 * fits; for whichever comes first. False: there is no reason to. */
bool bw_ring_doze(struct bw_ring_end *e, bool message, size_t room);
/* This side is at work again, without having been woken. */
void bw_ring_rouse(struct bw_ring_end *e);
/* What the asking side waits for after bw_ring_doze: becomes readable, once for each time (EPOLLET), and is
 * never read. */
int bw_ring_wake_fd(const struct bw_ring *r);
/* The answering side waits: until it is woken, or `wait_ms` have passed (-1: no limit). It may also return
 * for no reason. */
void bw_ring_wait(struct bw_ring_end *e, int64_t wait_ms);
/* Ends the answering side's waiting, from another thread of its own process. */
void bw_ring_wake(struct bw_ring_end *e);
