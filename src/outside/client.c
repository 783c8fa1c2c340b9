/* A loop's way to the outside: what is on its way, by number. */
#include "outside/outside_internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"

enum {
	PATIENCE_MS = 15000, /* with a token, or with a name that nobody resolves: the process has shorter
	                        limits of its own */
	BUFFER = 1 << 20,    /* of the socket each way: a hundred usual requests */
};

struct bw_outside_client {
	struct bw_loop *loop;
	struct bw_watch watch;
	uint64_t next_id;
	struct bw_outside_ask *first;
	char message[BW_OUTSIDE_MESSAGE_MAX];
};

enum bw_err bw_outside_channel(int *outside_end, int *api_end)
{
	int ends[2], size = BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		bw_log(BW_LOG_ERROR, "socketpair: %s", strerror(errno));
		return BW_EIO;
	}
	for (int i = 0; i < 2; i++)
		(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	*outside_end = ends[0];
	*api_end = ends[1];
	return BW_OK;
}

static void link_in(struct bw_outside_client *c, struct bw_outside_ask *ask)
{
	ask->client = c;
	ask->next = c->first;
	ask->prev = &c->first;
	if (ask->next)
		ask->next->prev = &ask->next;
	c->first = ask;
}

void bw_outside_withdraw(struct bw_outside_ask *ask)
{
	*ask->prev = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	bw_timer_cancel(ask->client->loop, &ask->timer);
}

static void finish(struct bw_outside_ask *ask)
{
	bw_outside_withdraw(ask);
	ask->done(ask);
}

/* Whoever asked is told on a later turn, never from within its own sending. */
static void fire(struct bw_timer *t)
{
	struct bw_outside_ask *ask =
	    (struct bw_outside_ask *)((char *)t - offsetof(struct bw_outside_ask, timer));

	finish(ask);
}

static bool transmit(struct bw_outside_client *c, const struct bw_buf *message)
{
	ssize_t n;

	if (message->failed || message->n > BW_OUTSIDE_MESSAGE_MAX)
		return false;
	do
		n = send(c->watch.fd, message->p, message->n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)message->n;
}

void bw_outside_send(struct bw_outside_client *c, struct bw_outside_ask *ask)
{
	struct bw_buf message;
	bool sent;

	ask->id = c->next_id++;
	if (ask->id == OUTSIDE_HELLO)
		ask->id = c->next_id++;
	bw_buf_init(&message, BW_OUTSIDE_MESSAGE_MAX);
	outside_request_encode(ask->id, ask->request, &message);
	ask->request = NULL;
	sent = transmit(c, &message);
	bw_buf_free_secret(&message);
	link_in(c, ask);
	ask->answer = (struct bw_outside_answer){sent ? BW_EAGAIN : BW_EQUOTA, 0, BW_STR("")};
	ask->timer = (struct bw_timer){.fire = fire};
	bw_timer_set(c->loop, &ask->timer, sent ? PATIENCE_MS : 0);
}

/* The process has started anew: what an earlier one took along is lost. */
static void lost(struct bw_outside_client *c)
{
	for (struct bw_outside_ask *ask = c->first; ask; ask = ask->next)
		bw_timer_set(c->loop, &ask->timer, 0);
}

static void answer_take(struct bw_outside_client *c, struct bw_str bytes)
{
	struct bw_outside_ask *ask = c->first;
	struct bw_outside_answer a;
	uint64_t id;

	if (outside_answer_decode(bytes, &id, &a) != BW_OK) {
		bw_log(BW_LOG_ERROR, "the outside said what is no answer");
		return;
	}
	if (id == OUTSIDE_HELLO) {
		lost(c);
		return;
	}
	while (ask && ask->id != id)
		ask = ask->next;
	if (!ask)
		return; /* patience had ended */
	a.out = bw_arena_str(ask->arena, a.out);
	ask->answer = a;
	finish(ask);
}

static void ready(struct bw_watch *w, uint32_t events)
{
	struct bw_outside_client *c =
	    (struct bw_outside_client *)((char *)w - offsetof(struct bw_outside_client, watch));
	ssize_t n;

	(void)events;
	while ((n = recv(w->fd, c->message, sizeof c->message, MSG_DONTWAIT)) > 0) {
		answer_take(c, bw_str_make(c->message, (size_t)n));
		bw_wipe(c->message, (size_t)n);
	}
}

enum bw_err bw_outside_client_new(struct bw_loop *loop, int channel, struct bw_outside_client **out)
{
	struct bw_outside_client *c = bw_alloc(sizeof *c);

	c->loop = loop;
	c->watch = (struct bw_watch){.fd = channel, .ready = ready};
	/* Answers to an api process before this one have other numbers. */
	bw_random(&c->next_id, sizeof c->next_id);
	if (bw_watch_set(loop, &c->watch, EPOLLIN) != BW_OK) {
		bw_free(c);
		return BW_EIO;
	}
	*out = c;
	return BW_OK;
}

void bw_outside_client_free(struct bw_outside_client *c)
{
	if (!c)
		return;
	MUST(!c->first);
	bw_watch_remove(c->loop, &c->watch);
	bw_free(c);
}
