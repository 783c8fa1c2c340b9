/* A loop's way to the helper: what is on its way, by number, each with its own patience. */
#include "helper/helper_internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/sys.h"

struct bw_helper_client {
	struct bw_loop *loop;
	struct bw_watch watch;
	uint64_t next_id;
	struct bw_helper_ask *first;
	char message[BW_HELPER_MESSAGE_MAX];
};

static void link_out(struct bw_helper_client *c, struct bw_helper_ask *ask)
{
	*ask->prev = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	ask->next = NULL;
	ask->prev = NULL;
	bw_timer_cancel(c->loop, &ask->timer);
}

/* Whoever asked is told by the loop, never from within its own sending: unsent requests end here too. */
static void late(struct bw_timer *t)
{
	struct bw_helper_ask *ask =
	    (struct bw_helper_ask *)((char *)t - offsetof(struct bw_helper_ask, timer));
	const struct bw_helper_answer none = {.result = BW_EAGAIN, .body = BW_STR("")};

	*ask->prev = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	ask->next = NULL;
	ask->prev = NULL;
	ask->done(ask, &none);
}

static bool transmit(struct bw_helper_client *c, const struct bw_buf *message)
{
	ssize_t n;

	if (message->failed)
		return false;
	do
		n = send(c->watch.fd, message->p, message->n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)message->n;
}

void bw_helper_send(
    struct bw_helper_client *c, struct bw_helper_ask *ask, const struct bw_helper_request *request)
{
	struct bw_buf message;
	bool sent;

	ask->id = c->next_id++;
	bw_buf_init(&message, BW_HELPER_MESSAGE_MAX);
	helper_request_encode(ask->id, bw_clock_mono_ms() + BW_HELPER_TIMEOUT_MS, request, &message);
	sent = transmit(c, &message);
	bw_buf_free_secret(&message);
	ask->timer.fire = late;
	ask->next = c->first;
	ask->prev = &c->first;
	if (ask->next)
		ask->next->prev = &ask->next;
	c->first = ask;
	/* A little more than the helper has, so that its own word comes first. */
	bw_timer_set(c->loop, &ask->timer, sent ? BW_HELPER_TIMEOUT_MS + 500 : 0);
}

void bw_helper_withdraw(struct bw_helper_client *c, struct bw_helper_ask *ask)
{
	link_out(c, ask);
}

static void answer_take(struct bw_helper_client *c, struct bw_str bytes)
{
	struct bw_helper_answer a;
	struct bw_helper_ask *ask = c->first;
	uint64_t id;

	if (helper_answer_decode(bytes, &id, &a) != BW_OK) {
		bw_log(BW_LOG_ERROR, "the helper said what is no answer");
		return;
	}
	while (ask && ask->id != id)
		ask = ask->next;
	if (!ask)
		return; /* withdrawn, or too late */
	link_out(c, ask);
	ask->done(ask, &a);
}

static void ready(struct bw_watch *w, uint32_t events)
{
	struct bw_helper_client *c =
	    (struct bw_helper_client *)((char *)w - offsetof(struct bw_helper_client, watch));
	ssize_t n;

	(void)events;
	while ((n = recv(w->fd, c->message, sizeof c->message, MSG_DONTWAIT)) > 0) {
		answer_take(c, bw_str_make(c->message, (size_t)n));
		bw_wipe(c->message, (size_t)n);
	}
}

enum bw_err bw_helper_client_new(struct bw_loop *loop, int channel, struct bw_helper_client **out)
{
	struct bw_helper_client *c = bw_alloc(sizeof *c);

	c->loop = loop;
	c->watch = (struct bw_watch){.fd = channel, .ready = ready};
	/* Answers to a process before this one have other numbers. */
	bw_random(&c->next_id, sizeof c->next_id);
	if (bw_watch_set(loop, &c->watch, EPOLLIN) != BW_OK) {
		bw_free(c);
		return BW_EIO;
	}
	*out = c;
	return BW_OK;
}

void bw_helper_client_free(struct bw_helper_client *c)
{
	if (!c)
		return;
	MUST(!c->first);
	bw_watch_remove(c->loop, &c->watch);
	bw_free(c);
}
