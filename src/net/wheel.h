/* The timer wheel of a loop: five levels of 64 slots over ticks of 8 ms, so that setting and cancelling cost
 * the same whatever the number of timers. Private to src/net. */
#pragma once

#include "net/loop.h"

enum {
	BW_WHEEL_TICK_SHIFT = 3, /* a tick is 8 ms */
	BW_WHEEL_LEVELS =
	    5, /* 64^5 ticks are 99 days; what is due later waits in the last slot and is looked at again */
	BW_WHEEL_SLOT_BITS = 6,
	BW_WHEEL_SLOTS = 1 << BW_WHEEL_SLOT_BITS,
};

struct bw_wheel {
	int64_t tick;                       /* every tick up to this one has fired */
	uint64_t occupied[BW_WHEEL_LEVELS]; /* a set bit may stand for a slot that cancelling has emptied */
	struct bw_timer *slots[BW_WHEEL_LEVELS][BW_WHEEL_SLOTS];
};

void bw_wheel_init(struct bw_wheel *w, int64_t now_ms);
/* Arms `t`, which must not be armed, for t->due_ms, never earlier. */
void bw_wheel_add(struct bw_wheel *w, struct bw_timer *t);
/* Takes `t` out if it is armed. */
void bw_wheel_remove(struct bw_timer *t);
/* Milliseconds until something may have to fire, -1 when nothing is armed. */
int64_t bw_wheel_wait_ms(struct bw_wheel *w, int64_t now_ms);
/* Fires all that is due; callbacks may arm and cancel any timer. */
void bw_wheel_advance(struct bw_wheel *w, int64_t now_ms);
