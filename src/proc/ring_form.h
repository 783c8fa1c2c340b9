/* How the rings lie in memory: for proc/ring.c, and for tests that spoil them. */
#pragma once

#include <stdatomic.h>

#include "proc/ring.h"

enum { RING_HEAD_BYTES = 4096, RING_LENGTH_BYTES = 4 };

/* One way. Bytes since the beginning, each on a cache line of its own: `put` is written by who puts, `taken`
 * by who takes. */
struct ring_way {
	_Alignas(64) _Atomic uint64_t put;
	_Alignas(64) _Atomic uint64_t taken;
};

/* What a side waits for. */
enum ring_doze { RING_MESSAGE = 1, RING_ROOM = 2 };

struct ring_head {
	struct ring_way ways[2]; /* by the side that puts */
	struct {
		_Alignas(64) _Atomic uint32_t for_what; /* of enum ring_doze; 0: it is at work */
	} dozes[2];
};

/* A message is its length, four bytes in this machine's order, and its bytes; the ring's end is its
 * beginning. */
struct bw_ring_end {
	struct bw_ring *ring;
	enum bw_ring_side side;
	struct ring_head *head;
	char *in, *out; /* the bytes of the two ways */
	uint64_t put, taken;
	uint64_t told_put, told_taken; /* as of the last kick */
};
