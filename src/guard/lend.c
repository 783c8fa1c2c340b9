/* Makes sockets for the loops of the edge on a thread of its own: whoever has a client waiting does not wait for
 * nft. It reads requests of eight bytes, and nothing else. */
#include "guard/guard_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/origin.h"

enum {
	WINDOW_MS = 1000,
	WINDOW_SOCKETS = 32768, /* of one loop in a window: more connections than that a loop does not open */
};

struct guard_lender {
	const struct bw_errand_channels *channels;
	struct guard_origins *origins;
	pthread_t thread;
	int stop;
	int64_t window_ms;
	unsigned lent[BW_ERRAND_CHANNELS]; /* in this window */
	bool closed[BW_ERRAND_CHANNELS];   /* it said what it may not say */
};

/* ---- One socket ---- */

static bool option_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* The mark stays on it: the edge has no power to change it. An address and a port that a connection stands on already
 * may be bound once more where the kernel tells connections apart, which it does not for datagrams. -1 and errno. */
static int origin_make(const struct bw_origin_kind *k)
{
	int fd = socket(k->v6 ? AF_INET6 : AF_INET, (k->datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), kept;

	if (fd < 0)
		return -1;
	if (option_set(fd, SOL_SOCKET, SO_MARK, BW_ORIGIN_MARK_OUT) &&
	    option_set(fd, k->v6 ? IPPROTO_IPV6 : IPPROTO_IP, k->v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1) &&
	    option_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) &&
	    (k->datagrams || (option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1))))
		return fd;
	kept = errno;
	close(fd);
	errno = kept;
	return -1;
}

/* ---- Answers ---- */

static void answer_make(const struct guard_lender *l, const struct bw_origin_ask *ask, struct bw_origin_answer *a)
{
	a->kind = ask->kind;
	a->count = 0;
	a->error = atomic_load(&l->origins->errors[ask->kind.v6]);
	while (!a->error && a->count < ask->count) {
		int fd = origin_make(&ask->kind);

		if (fd < 0)
			break;
		a->fds[a->count++] = fd;
	}
	if (!a->error && !a->count)
		/* Descriptors and memory may be there again soon. */
		a->error = errno == EPERM || errno == EAFNOSUPPORT ? errno : EAGAIN;
}

static void channel_take(struct guard_lender *l, size_t i)
{
	struct bw_origin_ask ask;
	struct bw_origin_answer a;
	enum bw_err e = bw_origin_ask_receive(l->channels->serving[i], &ask);

	if (e == BW_EAGAIN)
		return;
	if (e != BW_OK) {
		bw_log(BW_LOG_ERROR, "a loop of the edge asks for sockets as it may not: it gets none any more");
		l->closed[i] = true;
		return;
	}
	answer_make(l, &ask, &a);
	l->lent[i] += a.count;
	/* Who does not take an answer asks again. */
	if (bw_origin_answer_send(l->channels->serving[i], &a) == BW_OK)
		atomic_fetch_add(&l->origins->made, a.count);
	for (unsigned k = 0; k < a.count; k++)
		close(a.fds[k]);
}

static bool may_ask(const struct guard_lender *l, size_t i)
{
	return !l->closed[i] && l->lent[i] < WINDOW_SOCKETS;
}

/* How long until somebody who has had enough may ask again; -1: nobody has. */
static int window_turn(struct guard_lender *l)
{
	int64_t now = bw_clock_mono_ms();

	if (now - l->window_ms >= WINDOW_MS) {
		l->window_ms = now;
		memset(l->lent, 0, sizeof l->lent);
	}
	for (size_t i = 0; i < l->channels->count; i++)
		if (!l->closed[i] && !may_ask(l, i))
			return (int)(l->window_ms + WINDOW_MS - now);
	return -1;
}

static void *lend(void *arg)
{
	struct guard_lender *l = arg;
	struct pollfd watched[BW_ERRAND_CHANNELS + 1];
	size_t n = l->channels->count;

	for (;;) {
		int wait_ms = window_turn(l);

		for (size_t i = 0; i < n; i++)
			watched[i] = (struct pollfd){.fd = may_ask(l, i) ? l->channels->serving[i] : -1, .events = POLLIN};
		watched[n] = (struct pollfd){.fd = l->stop, .events = POLLIN};
		if (poll(watched, n + 1, wait_ms) < 0)
			continue;
		if (watched[n].revents)
			return NULL;
		for (size_t i = 0; i < n; i++)
			if (watched[i].revents)
				channel_take(l, i);
	}
}

enum bw_err guard_lender_start(const struct bw_errand_channels *channels, struct guard_origins *origins, struct guard_lender **out)
{
	struct guard_lender *l = bw_alloc(sizeof *l);

	l->channels = channels;
	l->origins = origins;
	l->stop = eventfd(0, EFD_CLOEXEC);
	if (l->stop >= 0 && pthread_create(&l->thread, NULL, lend, l) == 0) {
		*out = l;
		return BW_OK;
	}
	bw_log(BW_LOG_ERROR, "the guard cannot start its thread: %s", strerror(errno));
	if (l->stop >= 0)
		close(l->stop);
	bw_free(l);
	return BW_EIO;
}

void guard_lender_stop(struct guard_lender *l)
{
	const uint64_t one = 1;

	if (!l)
		return;
	MUST(write(l->stop, &one, sizeof one) == (ssize_t)sizeof one);
	MUST(pthread_join(l->thread, NULL) == 0);
	close(l->stop);
	bw_free(l);
}
