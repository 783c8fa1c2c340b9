/* An event loop on epoll with a timer wheel; one a thread. Only bw_loop_post and bw_loop_stop may be called from others. */
#pragma once

#include "base/err.h"

struct bw_loop;

/* A watched descriptor: embedded in its owner. */
struct bw_watch {
	int fd;
	void (*ready)(struct bw_watch *w, uint32_t epoll_events);
	uint32_t events;
	bool added;
};

/* A timer: embedded in its owner; zeroed before first use. Good to about 10 ms. */
struct bw_timer {
	void (*fire)(struct bw_timer *t);
	int64_t due_ms;
	struct bw_timer *next, **prev;
};

/* Work handed to a loop from another thread: embedded in its owner, used once at a time. */
struct bw_post {
	void (*run)(struct bw_post *p);
	struct bw_post *next;
};

BW_CHECKED enum bw_err bw_loop_new(struct bw_loop **out);
void bw_loop_free(struct bw_loop *l);
/* Runs until bw_loop_stop, which may come from a signal handler too. */
void bw_loop_run(struct bw_loop *l);
void bw_loop_stop(struct bw_loop *l);
/* Monotonic milliseconds as of this turn of the loop. */
int64_t bw_loop_now_ms(const struct bw_loop *l);
/* Another clock than bw_clock_mono_ms, before the loop runs: for tests that cannot wait. It must not go back. */
void bw_loop_clock_set(struct bw_loop *l, int64_t (*clock)(void));

BW_CHECKED enum bw_err bw_watch_set(struct bw_loop *l, struct bw_watch *w, uint32_t epoll_events);
/* Stops watching; the owner closes the descriptor. Safe inside any callback of this loop. */
void bw_watch_remove(struct bw_loop *l, struct bw_watch *w);
/* As that, of a descriptor that its owner closes before anything else happens and that nobody else has: the kernel forgets it then by
 * itself, which saves a system call. */
void bw_watch_forget(struct bw_loop *l, struct bw_watch *w);

/* (Re-)arms to fire once after `delay_ms`. */
void bw_timer_set(struct bw_loop *l, struct bw_timer *t, int64_t delay_ms);
void bw_timer_cancel(struct bw_loop *l, struct bw_timer *t);
/* Runs p->run on the loop's thread soon. Any thread, lock-free for the caller. */
void bw_loop_post(struct bw_loop *l, struct bw_post *p);
/* Several at one time, chained by `next` from the newest to the oldest; they run oldest first. */
void bw_loop_post_all(struct bw_loop *l, struct bw_post *newest, struct bw_post *oldest);
