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
