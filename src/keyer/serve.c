/* The keyer's process: threads that take requests off the channels, and one more for what takes long. */
#include "keyer/admin_internal.h"
#include "keyer/keyer_internal.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/proc.h"

enum {
	THREADS = 2,      /* for the usual requests */
	SLOW_THREADS = 2, /* making RSA keys: up to seconds each */
	SLOW_MAX = 64,    /* of those waiting; then callers are told to come again */
	EVENTS = 16,
	ARENA_MAX = 1 << 20,
};

/* A request that takes long, as it came. */
struct slow {
	struct slow *next;
	int channel;
	size_t n;
	char bytes[];
};

struct serving {
	struct keyer keyer;
	const struct bw_keyer_seal *seal; /* NULL: it is never sealed */
	struct keyer_admin *admin;
	struct bw_arena arena; /* the admin's */
	int epoll;
	pthread_barrier_t started;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct slow *first, **last;
	unsigned waiting;
};

/* The other side reads always; when it is gone nobody waits for the answer. */
static void answer_send(int channel, uint64_t id, const struct bw_keyer_answer *a)
{
	struct bw_buf out;

	bw_buf_init(&out, BW_KEYER_MESSAGE_MAX);
	keyer_answer_encode(id, a, &out);
	if (out.failed) {
		const struct bw_keyer_answer too_long = {BW_EINVAL, BW_STR(""), BW_STR(""), BW_STR("")};

		out.failed = false;
		out.n = 0;
		keyer_answer_encode(id, &too_long, &out);
	}
	while (send(channel, out.p, out.n, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	bw_buf_free_secret(&out);
}

static void answer_make(struct serving *s, int channel, struct bw_str bytes)
{
	struct bw_keyer_request r;
	struct bw_keyer_answer a;
	struct bw_arena arena;
	uint64_t id;

	if (keyer_request_decode(bytes, &id, &r) != BW_OK) {
		bw_log(BW_LOG_DEBUG, "what came over a channel is no request: left unanswered");
		return;
	}
	bw_arena_init(&arena, ARENA_MAX);
	keyer_answer(&s->keyer, &r, &arena, &a);
	answer_send(channel, id, &a);
	bw_arena_wipe(&arena);
}

/* What a thread needs to come to life is not in the sandbox: it closes when all live. */
static void started(struct serving *s)
{
	int e = pthread_barrier_wait(&s->started);

	MUST(e == 0 || e == PTHREAD_BARRIER_SERIAL_THREAD);
}

/* ---- What takes long ---- */

static bool slow_put(struct serving *s, int channel, struct bw_str bytes)
{
	struct slow *w = bw_alloc(sizeof *w + bytes.n);
	bool room;

	w->channel = channel;
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

static void *slow_main(void *arg)
{
	struct serving *s = arg;

	started(s);
	for (;;) {
		struct slow *w = slow_take(s);

		answer_make(s, w->channel, bw_str_make(w->bytes, w->n));
		bw_wipe(w->bytes, w->n);
		bw_free(w);
	}
	return NULL;
}

/* ---- What does not ---- */

static void message_take(struct serving *s, int channel, struct bw_str bytes)
{
	const struct bw_keyer_answer busy = {BW_EAGAIN, BW_STR(""), BW_STR(""), BW_STR("")};
	struct bw_keyer_request r;
	uint64_t id;

	if (keyer_request_decode(bytes, &id, &r) != BW_OK || !keyer_is_slow(&r))
		answer_make(s, channel, bytes);
	else if (!slow_put(s, channel, bytes))
		answer_send(channel, id, &busy);
}

static void *thread_main(void *arg)
{
	struct serving *s = arg;
	char *message = bw_alloc(BW_KEYER_MESSAGE_MAX + 1);
	struct epoll_event events[EVENTS];

	started(s);
	for (;;) {
		int n = epoll_wait(s->epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int channel = events[i].data.fd;
			ssize_t got = recv(channel, message, BW_KEYER_MESSAGE_MAX + 1, MSG_DONTWAIT);

			if (got <= 0 || got > BW_KEYER_MESSAGE_MAX)
				continue;
			message_take(s, channel, bw_str_make(message, (size_t)got));
			bw_wipe(message, (size_t)got);
		}
	}
	return NULL;
}

/* ---- Starting ---- */

static enum bw_err channel_add(struct serving *s, int channel)
{
	const struct bw_keyer_answer nothing = {BW_OK, BW_STR(""), BW_STR(""), BW_STR("")};
	struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = channel};

	CHECK(epoll_ctl(s->epoll, EPOLL_CTL_ADD, channel, &e) == 0, BW_EIO);
	answer_send(channel, KEYER_HELLO, &nothing);
	return BW_OK;
}

static void *admin_thread(void *arg)
{
	struct serving *s = arg;

	started(s);
	admin_tell(s->admin);
	admin_serve(s->admin, s->seal->listening);
	/* Sealed: the process has nothing left, and the next one begins so. */
	_exit(0);
}

static enum bw_err threads_start(struct serving *s)
{
	pthread_t thread;

	for (int i = 0; i < THREADS + SLOW_THREADS; i++) {
		CHECK(pthread_create(&thread, NULL, i < THREADS ? thread_main : slow_main, s) == 0, BW_EIO);
		pthread_detach(thread);
	}
	if (s->admin) {
		CHECK(pthread_create(&thread, NULL, admin_thread, s) == 0, BW_EIO);
		pthread_detach(thread);
	}
	return BW_OK;
}

static enum bw_err serving_start(struct serving *s, const int *channels, size_t count)
{
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	CHECK(s->epoll >= 0, BW_EIO);
	TRY(threads_start(s));
	started(s);
	TRY(bw_sandbox_enter_narrow());
	for (size_t i = 0; i < count; i++)
		TRY(channel_add(s, channels[i]));
	return BW_OK;
}

/* Sealed, or open with what the root key opens. */
static enum bw_err keys_take(struct serving *s, struct bw_secret *root, const struct bw_keyer_seal *seal)
{
	struct bw_keyring ring;
	enum bw_err e = BW_OK;

	keyer_init(&s->keyer);
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

enum bw_err bw_keyer_serve(struct bw_secret *root, const struct bw_keyer_seal *seal, const int *channels,
    size_t channel_count, void (*wait)(void *ctx), void *ctx)
{
	struct serving *s = bw_alloc(sizeof *s);
	enum bw_err e;

	/* As far as the limit on locked memory allows; keys stand in locked pages of their own in any case.
	 * The call itself, for sanitizers make nothing of the function. */
	(void)syscall(SYS_mlockall, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	s->last = &s->first;
	MUST(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->wake, NULL) == 0);
	e = keys_take(s, root, seal);
	MUST(pthread_barrier_init(&s->started, NULL, THREADS + SLOW_THREADS + 1 + (s->admin != NULL)) == 0);
	if (e == BW_OK)
		e = serving_start(s, channels, channel_count);
	if (e == BW_OK)
		wait(ctx);
	else
		bw_log(BW_LOG_ERROR, "the keyer cannot start: %s", bw_err_name(e));
	/* Its threads are still at work: what they hold dies with the process, which ends now. */
	return e;
}
