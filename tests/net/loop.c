#include "test.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "net/turn.h"
#include "net/wheel.h"

/* A timer that notes when the wheel's clock fired it. */
struct noted {
	struct bw_timer timer;
	int64_t fired_ms;
	int fired;
};

static int64_t wheel_clock_ms;

static void note(struct bw_timer *t)
{
	struct noted *n = (struct noted *)t;

	n->fired++;
	n->fired_ms = wheel_clock_ms;
}

/* A small generator, so that a failure repeats. */
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

TEST(wheel_fires_each_timer_once_never_early_and_within_a_tick)
{
	enum { COUNT = 5000 };
	struct bw_wheel *w = bw_alloc(sizeof *w);
	struct noted *timers = bw_alloc(COUNT * sizeof *timers);
	int cancelled = 0, fired = 0;

	wheel_clock_ms = 1000003;
	bw_wheel_init(w, wheel_clock_ms);
	for (int i = 0; i < COUNT; i++) {
		timers[i].timer.fire = note;
		timers[i].timer.due_ms =
		    wheel_clock_ms + (int64_t)(next_random() >> (next_random() % 28 + 36));
		bw_wheel_add(w, &timers[i].timer);
	}
	for (int i = 0; i < COUNT; i += 7) {
		bw_wheel_remove(&timers[i].timer);
		cancelled++;
	}
	for (int64_t wait; (wait = bw_wheel_wait_ms(w, wheel_clock_ms)) >= 0;) {
		wheel_clock_ms += wait;
		bw_wheel_advance(w, wheel_clock_ms);
	}
	for (int i = 0; i < COUNT; i++) {
		fired += timers[i].fired;
		assert_int_equal(timers[i].fired, i % 7 != 0);
		if (timers[i].fired)
			assert_in_range(timers[i].fired_ms - timers[i].timer.due_ms, 0, 8);
	}
	assert_int_equal(fired, COUNT - cancelled);
	bw_free(timers);
	bw_free(w);
}

TEST(wheel_catches_up_after_a_long_sleep)
{
	struct bw_wheel *w = bw_alloc(sizeof *w);
	struct noted a = {.timer.fire = note}, b = {.timer.fire = note};

	wheel_clock_ms = 0;
	bw_wheel_init(w, 0);
	a.timer.due_ms = 100;
	b.timer.due_ms = INT64_C(1) << 40; /* beyond the last level */
	bw_wheel_add(w, &a.timer);
	bw_wheel_add(w, &b.timer);
	bw_wheel_advance(w, 3600 * 1000);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	bw_wheel_advance(w, (INT64_C(1) << 40) - 1);
	assert_int_equal(b.fired, 0);
	bw_wheel_advance(w, (INT64_C(1) << 40) + 8);
	assert_int_equal(b.fired, 1);
	assert_int_equal(bw_wheel_wait_ms(w, INT64_C(1) << 41), -1);
	bw_free(w);
}

/* Two timers of one slot: the first to fire cancels the other and arms itself again. */
struct pair {
	struct bw_timer timer;
	struct bw_wheel *wheel;
	struct pair *other;
	int fired;
};

static void cancel_other(struct bw_timer *t)
{
	struct pair *p = (struct pair *)t;

	p->fired++;
	bw_wheel_remove(&p->other->timer);
	p->timer.due_ms += 16;
	if (p->fired < 3)
		bw_wheel_add(p->wheel, &p->timer);
}

TEST(wheel_callbacks_may_cancel_and_arm)
{
	struct bw_wheel *w = bw_alloc(sizeof *w);
	struct pair a = {.timer = {.fire = cancel_other, .due_ms = 64}, .wheel = w}, b = a;

	a.other = &b;
	b.other = &a;
	bw_wheel_init(w, 0);
	bw_wheel_add(w, &a.timer);
	bw_wheel_add(w, &b.timer);
	bw_wheel_advance(w, 1000);
	assert_int_equal(a.fired + b.fired, 3);
	assert_int_equal(a.fired * b.fired, 0);
	bw_free(w);
}

enum { POSTS_EACH = 20000, POSTERS = 3 };

struct counted_post {
	struct bw_post post;
	int number;
};

struct poster {
	struct bw_loop *loop;
	struct counted_post posts[POSTS_EACH];
	pthread_t thread;
};

static struct bw_loop *post_loop;
static int posts_run_count, post_last;
static bool posts_in_order;

static void count_post(struct bw_post *p)
{
	struct counted_post *c = (struct counted_post *)p;

	posts_in_order = posts_in_order && (POSTERS > 1 || c->number == post_last + 1);
	post_last = c->number;
	if (++posts_run_count == POSTS_EACH * POSTERS)
		bw_loop_stop(post_loop);
}

static void *post_all(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < POSTS_EACH; i++) {
		p->posts[i].number = i;
		p->posts[i].post.run = count_post;
		bw_loop_post(p->loop, &p->posts[i].post);
	}
	return NULL;
}

TEST(loop_runs_every_post_of_every_thread)
{
	struct poster *posters = bw_alloc(POSTERS * sizeof *posters);

	posts_run_count = 0;
	post_last = -1;
	posts_in_order = true;
	assert_ok(bw_loop_new(&post_loop));
	for (int i = 0; i < POSTERS; i++) {
		posters[i].loop = post_loop;
		assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	bw_loop_run(post_loop);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	assert_int_equal(posts_run_count, POSTS_EACH * POSTERS);
	assert_true(posts_in_order);
	bw_loop_free(post_loop);
	bw_free(posters);
}

/* Two watches ready in the same turn: whoever runs first removes the other, which must then stay silent. */
struct watched {
	struct bw_watch watch;
	struct bw_loop *loop;
	struct watched *other;
	int ready;
};

static void remove_other(struct bw_watch *w, uint32_t events)
{
	struct watched *self = (struct watched *)w;

	(void)events;
	self->ready++;
	bw_watch_remove(self->loop, &self->other->watch);
	bw_watch_remove(self->loop, w);
	bw_loop_stop(self->loop);
}

/* Runs the loop until it is stopped, with two pairs that can be read from in the same turn. */
static void both_ready(struct bw_loop *l, void (*ready)(struct bw_watch *w, uint32_t events), int one[2], int two[2], struct watched *a, struct watched *b)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, one), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, two), 0);
	*a = (struct watched){.watch = {.fd = one[0], .ready = ready}, .loop = l, .other = b};
	*b = (struct watched){.watch = {.fd = two[0], .ready = ready}, .loop = l, .other = a};
	assert_ok(bw_watch_set(l, &a->watch, EPOLLIN));
	assert_ok(bw_watch_set(l, &b->watch, EPOLLIN));
	assert_int_equal(write(one[1], "x", 1), 1);
	assert_int_equal(write(two[1], "x", 1), 1);
	bw_loop_run(l);
}

TEST(loop_removed_watch_stays_silent_in_the_same_turn)
{
	struct bw_loop *l;
	struct watched a = {0}, b = {0};
	int one[2], two[2];

	assert_ok(bw_loop_new(&l));
	both_ready(l, remove_other, one, two, &a, &b);
	assert_int_equal(a.ready + b.ready, 1);
	for (int i = 0; i < 2; i++) {
		close(one[i]);
		close(two[i]);
	}
	bw_loop_free(l);
}

/* As remove_other, but that the descriptors go, and with them what the kernel knows. */
static void close_both(struct bw_watch *w, uint32_t events)
{
	struct watched *self = (struct watched *)w;

	(void)events;
	self->ready++;
	bw_watch_forget(self->loop, &self->other->watch);
	close(self->other->watch.fd);
	bw_watch_forget(self->loop, w);
	close(w->fd);
	bw_loop_stop(self->loop);
}

TEST(loop_forgotten_watch_stays_silent_and_its_number_can_be_watched_anew)
{
	struct bw_loop *l;
	struct watched a = {0}, b = {0};
	int one[2], two[2], again[2];

	assert_ok(bw_loop_new(&l));
	both_ready(l, close_both, one, two, &a, &b);
	assert_int_equal(a.ready + b.ready, 1);
	assert_false(a.watch.added || b.watch.added);
	bw_watch_forget(l, &a.watch); /* nothing is left to forget */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, again), 0);
	assert_true(again[0] == one[0] || again[0] == two[0]);
	a = (struct watched){.watch = {.fd = again[0], .ready = remove_other}, .loop = l, .other = &b};
	assert_ok(bw_watch_set(l, &a.watch, EPOLLIN));
	assert_int_equal(write(again[1], "x", 1), 1);
	bw_loop_run(l);
	assert_int_equal(a.ready, 1);
	close(again[0]);
	close(again[1]);
	close(one[1]);
	close(two[1]);
	bw_loop_free(l);
}

static struct bw_loop *timer_loop;

static void stop_loop(struct bw_timer *t)
{
	(void)t;
	bw_loop_stop(timer_loop);
}

TEST(loop_timer_fires_about_when_asked)
{
	struct bw_timer t = {.fire = stop_loop};
	int64_t began;

	assert_ok(bw_loop_new(&timer_loop));
	began = bw_clock_mono_ms();
	bw_timer_set(timer_loop, &t, 50);
	bw_loop_run(timer_loop);
	assert_in_range(bw_clock_mono_ms() - began, 50, 1000); /* the upper bound allows for a busy machine */
	bw_loop_free(timer_loop);
}

static struct bw_post rested;

static void after_rest(struct bw_post *p)
{
	(void)p;
	bw_loop_stop(timer_loop);
}

static void rest_long(struct bw_post *p)
{
	p->run = after_rest;
	bw_loop_rest(timer_loop, UINT32_MAX);
	bw_loop_rest(timer_loop, 1); /* the longest counts */
	bw_loop_post(timer_loop, p);
}

TEST(loop_rests_before_the_next_turn_and_never_for_long)
{
	int64_t began;

	assert_ok(bw_loop_new(&timer_loop));
	rested.run = rest_long;
	bw_loop_post(timer_loop, &rested);
	began = bw_clock_mono_us();
	bw_loop_run(timer_loop);
	assert_in_range(bw_clock_mono_us() - began, 990, 5000000); /* a busy machine may take longer, but not the hour that was asked for */
	bw_loop_free(timer_loop);
}
