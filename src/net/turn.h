/* The ends of a loop's turns: for what gathers work within a turn. On the loop's thread. */
#pragma once

#include "net/loop.h"

/* Runs at the end of every turn, before the loop waits: embedded in its owner. Whether the loop may wait; false: another turn follows
 * at once. */
struct bw_turn {
	bool (*end)(struct bw_turn *t);
	struct bw_turn *next;
};

/* Until it is removed, which may be in any callback of this loop but `end`. */
void bw_turn_add(struct bw_loop *l, struct bw_turn *t);
void bw_turn_remove(struct bw_loop *l, struct bw_turn *t);
/* After this turn the loop lets so much time go by before it looks at its descriptors again, less than a
 * millisecond whatever is asked: what comes piece by piece is found together then, by fewer system calls.
 * Everybody's events wait as long. On the loop's thread. */
void bw_loop_rest(struct bw_loop *l, uint32_t us);
