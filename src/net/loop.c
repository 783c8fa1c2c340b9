#include "net/turn.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "net/wheel.h"

enum {
	EVENTS_PER_TURN = 256,
	REST_US_MAX = 999,
};

struct bw_loop {
	int epoll_fd;
	int64_t now_ms;
	int64_t (*clock)(void);
	struct bw_watch wake;            /* eventfd: posts are waiting or the loop is to stop */
	_Atomic(struct bw_post *) posts; /* newest first */
	atomic_bool stopping;
	/* What epoll_wait has brought and is not yet dispatched: removing a watch blanks its events here. */
	struct epoll_event events[EVENTS_PER_TURN];
	int event_at, event_count;
	struct bw_wheel wheel;
	struct bw_turn *turns;
	uint32_t rest_us;
};

/* The loop that this thread is running: what it posts to itself, it finds before it waits again. */
static _Thread_local struct bw_loop *own;

static void wake(struct bw_loop *l)
{
	uint64_t one = 1;
	int saved = errno; /* bw_loop_stop may be called from a signal handler */

	/* The counter can only be full when the loop is about to wake anyway. */
	if (write(l->wake.fd, &one, sizeof one) < 0 && errno != EAGAIN)
		bw_log(BW_LOG_ERROR, "eventfd write failed: errno %d", errno);
	errno = saved;
}

static void wake_ready(struct bw_watch *w, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(w->fd, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
		bw_log(BW_LOG_ERROR, "eventfd read failed: errno %d", errno);
}

enum bw_err bw_loop_new(struct bw_loop **out)
{
	struct bw_loop *l = bw_alloc(sizeof *l);

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake = (struct bw_watch){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .ready = wake_ready};
	l->clock = bw_clock_mono_ms;
	l->now_ms = l->clock();
	bw_wheel_init(&l->wheel, l->now_ms);
	if (l->epoll_fd < 0 || l->wake.fd < 0 || bw_watch_set(l, &l->wake, EPOLLIN) != BW_OK) {
		bw_log(BW_LOG_ERROR, "cannot make an event loop: errno %d", errno);
		bw_loop_free(l);
		return BW_EIO;
	}
	*out = l;
	return BW_OK;
}

void bw_loop_free(struct bw_loop *l)
{
	if (!l)
		return;
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake.fd >= 0)
		close(l->wake.fd);
	bw_free(l);
}

/* The stack holds the newest post first: they run in the order they came. */
static void posts_run(struct bw_loop *l)
{
	struct bw_post *stack = atomic_exchange_explicit(&l->posts, NULL, memory_order_acquire),
	               *queue = NULL;

	while (stack) {
		struct bw_post *p = stack;

		stack = p->next;
		p->next = queue;
		queue = p;
	}
	while (queue) {
		struct bw_post *p = queue;

		queue = p->next; /* run() may free or reuse it */
		p->run(p);
	}
}

static void events_dispatch(struct bw_loop *l)
{
	for (l->event_at = 0; l->event_at < l->event_count; l->event_at++) {
		struct bw_watch *w = l->events[l->event_at].data.ptr;

		if (w)
			w->ready(w, l->events[l->event_at].events);
	}
	l->event_count = 0;
}

static bool turns_end(struct bw_loop *l)
{
	bool may_wait = true;

	for (struct bw_turn *t = l->turns; t; t = t->next)
		may_wait = t->end(t) && may_wait;
	return may_wait;
}

static int wait_ms(struct bw_loop *l)
{
	bool may_wait = turns_end(l);
	int64_t wait = bw_wheel_wait_ms(&l->wheel, l->clock());

	if (!may_wait || atomic_load_explicit(&l->posts, memory_order_relaxed) ||
	    atomic_load_explicit(&l->stopping, memory_order_relaxed))
		return 0;
	return wait > 3600 * 1000 ? 3600 * 1000 : (int)wait;
}

void bw_loop_rest(struct bw_loop *l, uint32_t us)
{
	if (us > REST_US_MAX)
		us = REST_US_MAX;
	if (l->rest_us < us)
		l->rest_us = us;
}

/* A signal may cut it short, and nothing is lost. */
static void rest(struct bw_loop *l)
{
	struct timespec t = {.tv_nsec = (long)l->rest_us * 1000};

	l->rest_us = 0;
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

void bw_loop_run(struct bw_loop *l)
{
	struct bw_loop *outer = own;

	own = l;
	while (!atomic_load_explicit(&l->stopping, memory_order_acquire)) {
		int wait = wait_ms(l), n;

		if (l->rest_us)
			rest(l);
		n = epoll_wait(l->epoll_fd, l->events, EVENTS_PER_TURN, wait);
		MUST(n >= 0 || errno == EINTR);
		l->event_count = n > 0 ? n : 0;
		l->now_ms = l->clock();
		events_dispatch(l);
		posts_run(l);
		bw_wheel_advance(&l->wheel, l->now_ms);
	}
	atomic_store(&l->stopping, false);
	own = outer;
}

void bw_loop_stop(struct bw_loop *l)
{
	atomic_store_explicit(&l->stopping, true, memory_order_release);
	wake(l);
}

void bw_loop_clock_set(struct bw_loop *l, int64_t (*clock)(void))
{
	l->clock = clock;
}

int64_t bw_loop_now_ms(const struct bw_loop *l)
{
	return l->now_ms;
}

enum bw_err bw_watch_set(struct bw_loop *l, struct bw_watch *w, uint32_t epoll_events)
{
	struct epoll_event e = {.events = epoll_events, .data.ptr = w};

	if (w->added && w->events == epoll_events)
		return BW_OK;
	if (epoll_ctl(l->epoll_fd, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e) < 0) {
		bw_log(BW_LOG_ERROR, "epoll_ctl failed: errno %d", errno);
		return BW_EIO;
	}
	w->added = true;
	w->events = epoll_events;
	return BW_OK;
}

void bw_watch_remove(struct bw_loop *l, struct bw_watch *w)
{
	if (!w->added)
		return;
	MUST(epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL) == 0);
	bw_watch_forget(l, w);
}

void bw_watch_forget(struct bw_loop *l, struct bw_watch *w)
{
	if (!w->added)
		return;
	w->added = false;
	for (int i = l->event_at + 1; i < l->event_count; i++)
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
}

void bw_timer_set(struct bw_loop *l, struct bw_timer *t, int64_t delay_ms)
{
	bw_wheel_remove(t);
	t->due_ms = l->now_ms + (delay_ms > 0 ? delay_ms : 0);
	bw_wheel_add(&l->wheel, t);
}

void bw_timer_cancel(struct bw_loop *l, struct bw_timer *t)
{
	(void)l;
	bw_wheel_remove(t);
}

void bw_turn_add(struct bw_loop *l, struct bw_turn *t)
{
	t->next = l->turns;
	l->turns = t;
}

void bw_turn_remove(struct bw_loop *l, struct bw_turn *t)
{
	struct bw_turn **at = &l->turns;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

void bw_loop_post_all(struct bw_loop *l, struct bw_post *newest, struct bw_post *oldest)
{
	struct bw_post *before = atomic_load_explicit(&l->posts, memory_order_relaxed);

	do
		oldest->next = before;
	while (!atomic_compare_exchange_weak_explicit(
	    &l->posts, &before, newest, memory_order_release, memory_order_relaxed));
	if (!before && own != l)
		wake(l); /* whoever filled an empty queue wakes the loop for all that follow */
}

void bw_loop_post(struct bw_loop *l, struct bw_post *p)
{
	bw_loop_post_all(l, p, p);
}
