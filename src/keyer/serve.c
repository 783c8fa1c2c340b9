/* The keyer's process: a thread a channel, and two more for what takes long. Who writes into a channel's ring
 * may be taken over: what comes out of it is copied once, then decoded strictly; a ring that cannot be is
 * emptied, and costs its own loop alone. */
#include "keyer/admin_internal.h"
#include "keyer/keyer_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/proc.h"

enum {
	SLOW_THREADS = 2, /* making and checking RSA keys: up to seconds each */
	SLOW_MAX = 64,    /* of those waiting; then callers are told to come again */
	SWEEP_MS = 60 * 1000,
	TELL_US = 400, /* so long an answer may wait for others, before the loop is woken for all of them */
	ARENA_MAX = 1 << 20,
};

/* A request that takes long, as it came; then its answer. */
struct slow {
	struct slow *next;
	struct channel *channel;
	struct bw_buf answer;
	size_t n;
	char bytes[];
};

/* All of one loop's. But for `finished` its thread's alone. */
struct channel {
	struct serving *serving;
	struct bw_ring_end *ring;
	_Atomic(struct slow *) finished; /* newest first */
	struct keyer_cache *cache;
	struct bw_arena arena;
	struct bw_buf answer;
	int64_t untold_us; /* since when an answer waits; 0: none does */
	bool greet;        /* the loop has to be told that the ring was emptied */
	bool complained;
	bool sweeping; /* the cache holds something */
	int64_t sweep_ms;
	char request[BW_KEYER_MESSAGE_MAX];
};

struct serving {
	struct keyer keyer;
	const struct bw_keyer_seal *seal; /* NULL: it is never sealed */
	struct keyer_admin *admin;
	struct bw_arena arena; /* the admin's */
	struct channel *channels;
	size_t channel_count;
	pthread_barrier_t started;
	pthread_mutex_t lock; /* of what takes long */
	pthread_cond_t wake;
	struct slow *first, **last;
	unsigned waiting;
};

/* ---- Answers ---- */

static void answer_encode(uint64_t id, const struct bw_keyer_answer *a, struct bw_buf *out)
{
	const struct bw_keyer_answer too_long = {BW_EINVAL, BW_STR(""), BW_STR(""), BW_STR("")};

	keyer_answer_encode(id, a, out);
	if (!out->failed)
		return;
	out->failed = false;
	out->n = 0;
	keyer_answer_encode(id, &too_long, out);
}

static void tell(struct channel *c)
{
	c->untold_us = 0;
	bw_ring_kick(c->ring);
}

/* Puts what stands in `b`, and wipes it. The thread waits while the loop does not take its answers: nothing
 * else is its work. */
static void put(struct channel *c, struct bw_buf *b)
{
	enum bw_err e;

	while ((e = bw_ring_put(c->ring, bw_buf_str(b))) == BW_EAGAIN) {
		tell(c);
		if (bw_ring_doze(c->ring, false, b->n))
			bw_ring_wait(c->ring, -1);
	}
	bw_wipe(b->p, b->n);
	bw_buf_reset(b);
	if (e != BW_OK)
		c->greet = true;
}

static void hello(struct channel *c, uint64_t taken, uint64_t until)
{
	struct bw_buf b;

	bw_buf_init(&b, 256);
	keyer_hello_encode(taken, until, &b);
	put(c, &b);
	bw_buf_free(&b);
}

static void answer(struct channel *c, uint64_t id, const struct bw_keyer_answer *a)
{
	int64_t now_us = bw_clock_mono_us();

	answer_encode(id, a, &c->answer);
	put(c, &c->answer);
	if (!c->untold_us)
		c->untold_us = now_us;
	else if (now_us - c->untold_us >= TELL_US)
		tell(c);
}

/* ---- What takes long ---- */

static bool slow_put(struct channel *c, struct bw_str bytes)
{
	struct serving *s = c->serving;
	struct slow *w = bw_alloc(sizeof *w + bytes.n);
	bool room;

	w->channel = c;
	w->n = bytes.n;
	memcpy(w->bytes, bytes.p, bytes.n);
	MUST(pthread_mutex_lock(&s->lock) == 0);
	room = s->waiting < SLOW_MAX;
	if (room) {
		*s->last = w;
		s->last = &w->next;
		s->waiting++;
		MUST(pthread_cond_signal(&s->wake) == 0);
	}
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	if (!room)
		bw_free(w);
	return room;
}

static struct slow *slow_take(struct serving *s)
{
	struct slow *w;

	MUST(pthread_mutex_lock(&s->lock) == 0);
	while (!s->first)
		MUST(pthread_cond_wait(&s->wake, &s->lock) == 0);
	w = s->first;
	s->first = w->next;
	if (!s->first)
		s->last = &s->first;
	s->waiting--;
	MUST(pthread_mutex_unlock(&s->lock) == 0);
	return w;
}

static void slow_answer(struct serving *s, struct slow *w)
{
	struct bw_keyer_request r;
	struct bw_keyer_answer a;
	struct bw_arena arena;
	uint64_t id;

	bw_arena_init(&arena, ARENA_MAX);
	bw_buf_init(&w->answer, BW_KEYER_MESSAGE_MAX);
	MUST(keyer_request_decode(bw_str_make(w->bytes, w->n), &id, &r) == BW_OK); /* as it was before */
	keyer_answer(&s->keyer, NULL, &r, &arena, &a);
	answer_encode(id, &a, &w->answer);
	bw_wipe(w->bytes, w->n);
	bw_arena_free(&arena);
}

/* A ring has one thread that puts: the channel's. */
static void slow_give(struct slow *w)
{
	struct channel *c = w->channel;

	w->next = atomic_load_explicit(&c->finished, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
	    &c->finished, &w->next, w, memory_order_release, memory_order_relaxed))
		;
	bw_ring_wake(c->ring);
}

static void finished_put(struct channel *c)
{
	struct slow *w, *next;

	if (!atomic_load_explicit(&c->finished, memory_order_relaxed))
		return;
	for (w = atomic_exchange_explicit(&c->finished, NULL, memory_order_acquire); w; w = next) {
		next = w->next;
		put(c, &w->answer);
		bw_buf_free(&w->answer);
		bw_free(w);
	}
	tell(c);
}

/* ---- Threads ---- */

/* What a thread needs to come to life is not in the sandbox: it closes when all live, and then they begin. */
static void step(struct serving *s)
{
	int e = pthread_barrier_wait(&s->started);

	MUST(e == 0 || e == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void *slow_main(void *arg)
{
	struct serving *s = arg;

	step(s);
	step(s);
	for (;;) {
		struct slow *w = slow_take(s);

		slow_answer(s, w);
		slow_give(w);
	}
	return NULL;
}

static void request_answer(struct channel *c, struct bw_str bytes)
{
	const struct bw_keyer_answer busy = {BW_EAGAIN, BW_STR(""), BW_STR(""), BW_STR("")};
	struct bw_keyer_request r;
	struct bw_keyer_answer a;
	uint64_t id;

	if (keyer_request_decode(bytes, &id, &r) != BW_OK) {
		bw_log(BW_LOG_DEBUG, "what came over a channel is no request: left unanswered");
	} else if (!keyer_is_slow(&r)) {
		keyer_answer(&c->serving->keyer, c->cache, &r, &c->arena, &a);
		answer(c, id, &a);
		bw_arena_free(&c->arena);
	} else if (!slow_put(c, bytes)) {
		answer(c, id, &busy);
	}
}

/* The loop sends again what was in the ring. */
static void greet(struct channel *c)
{
	if (!c->complained)
		bw_log(BW_LOG_ERROR, "a loop's ring is broken: emptied");
	c->complained = true;
	c->greet = false;
	bw_ring_skip(c->ring);
	hello(c, 0, bw_ring_taken_at(c->ring));
	tell(c);
}

/* False: nothing waits. */
static bool request_take(struct channel *c)
{
	size_t n;
	enum bw_err e = bw_ring_take(c->ring, c->request, &n);

	if (e == BW_EAGAIN)
		return false;
	if (e != BW_OK) {
		greet(c);
		return true;
	}
	request_answer(c, bw_str_make(c->request, n));
	bw_wipe(c->request, n);
	return true;
}

/* Keys that nobody uses any more do not stay in memory for long. */
static void cache_sweep(struct channel *c)
{
	int64_t now_ms = bw_clock_mono_ms();

	if (now_ms < c->sweep_ms)
		return;
	c->sweep_ms = now_ms + SWEEP_MS;
	c->sweeping = keyer_cache_sweep(c->cache, now_ms);
}

static void *channel_main(void *arg)
{
	struct channel *c = arg;
	uint64_t taken = bw_ring_taken_at(c->ring);

	step(c->serving);
	step(c->serving);
	/* What an earlier keyer was about to take may lie there half wiped. */
	bw_ring_skip(c->ring);
	hello(c, taken, bw_ring_taken_at(c->ring));
	tell(c);
	for (;;) {
		while (request_take(c))
			finished_put(c);
		finished_put(c);
		if (c->greet)
			greet(c);
		tell(c);
		cache_sweep(c);
		if (bw_ring_doze(c->ring, true, 0) && !atomic_load(&c->finished))
			bw_ring_wait(c->ring, c->sweeping ? SWEEP_MS : -1);
		bw_ring_rouse(c->ring);
	}
	return NULL;
}

/* ---- Starting ---- */

static enum bw_err channels_open(struct serving *s, struct bw_ring *const *channels, size_t count)
{
	s->channels = bw_alloc(count * sizeof *s->channels);
	s->channel_count = count;
	for (size_t i = 0; i < count; i++) {
		struct channel *c = &s->channels[i];

		c->serving = s;
		c->cache = keyer_cache_new();
		bw_arena_init(&c->arena, ARENA_MAX);
		bw_buf_init(&c->answer, BW_KEYER_MESSAGE_MAX);
		TRY(bw_ring_end_open(channels[i], BW_RING_ANSWERING, &c->ring));
	}
	return BW_OK;
}

static void *admin_thread(void *arg)
{
	struct serving *s = arg;

	step(s);
	step(s);
	admin_tell(s->admin);
	admin_serve(s->admin, s->seal->listening);
	/* Sealed: the process has nothing left, and the next one begins so. */
	_exit(0);
}

static enum bw_err threads_start(struct serving *s)
{
	pthread_t thread;

	for (size_t i = 0; i < s->channel_count; i++) {
		CHECK(pthread_create(&thread, NULL, channel_main, &s->channels[i]) == 0, BW_EIO);
		pthread_detach(thread);
	}
	for (int i = 0; i < SLOW_THREADS; i++) {
		CHECK(pthread_create(&thread, NULL, slow_main, s) == 0, BW_EIO);
		pthread_detach(thread);
	}
	if (s->admin) {
		CHECK(pthread_create(&thread, NULL, admin_thread, s) == 0, BW_EIO);
		pthread_detach(thread);
	}
	return BW_OK;
}

static enum bw_err serving_start(struct serving *s, struct bw_ring *const *channels, size_t count)
{
	MUST(pthread_barrier_init(&s->started, NULL, (unsigned)count + SLOW_THREADS + 1 + (s->admin != NULL)) == 0);
	TRY(channels_open(s, channels, count));
	TRY(threads_start(s));
	step(s);
	TRY(bw_sandbox_enter_narrow());
	step(s);
	return BW_OK;
}

/* As far as the limit on locked memory allows; keys stand in locked pages of their own besides. The call itself, for sanitizers make
 * nothing of the function. */
static bool memory_lock(void)
{
	struct rlimit most = {0};

	if (syscall(SYS_mlockall, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
		return true;
	(void)getrlimit(RLIMIT_MEMLOCK, &most);
	bw_log(BW_LOG_ERROR, "the keyer's memory is not locked (%s; the limit is %llu KiB): what it works with may get into swap. Raise it: LimitMEMLOCK=infinity, ulimit -l unlimited",
	    strerror(errno), (unsigned long long)most.rlim_cur / 1024);
	return false;
}

/* Sealed, or open with what the root key opens. */
static enum bw_err keys_take(struct serving *s, struct bw_secret *root, const struct bw_keyer_seal *seal)
{
	struct bw_keyring ring;
	enum bw_err e = BW_OK;

	keyer_init(&s->keyer);
	s->keyer.unlocked = !memory_lock();
	bw_arena_init(&s->arena, ARENA_MAX);
	s->seal = seal;
	if (seal) {
		s->admin = admin_new(&s->keyer, seal, bw_clock_mono_ms, &s->arena);
		e = root ? admin_open(s->admin, root) : BW_OK;
	} else {
		ring = bw_keyring_of_root(root);
		keyer_open(&s->keyer, &ring);
	}
	if (root)
		bw_secret_free(root);
	return e;
}

enum bw_err bw_keyer_serve(struct bw_secret *root, const struct bw_keyer_seal *seal, struct bw_ring *const *channels,
    size_t channel_count, void (*wait)(void *ctx), void *ctx)
{
	struct serving *s = bw_alloc(sizeof *s);
	enum bw_err e;

	s->last = &s->first;
	MUST(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->wake, NULL) == 0);
	e = keys_take(s, root, seal);
	if (e == BW_OK)
		e = serving_start(s, channels, channel_count);
	if (e == BW_OK)
		wait(ctx);
	else
		bw_log(BW_LOG_ERROR, "the keyer cannot start: %s", bw_err_name(e));
	/* Its threads are still at work: what they hold dies with the process, which ends now. */
	return e;
}
