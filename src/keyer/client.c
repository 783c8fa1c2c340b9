/* A loop's way to the keyer: what is on its way, by number. */
#include "keyer/keyer_internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"

enum {
	TRIES_MAX = 3,    /* to a keyer that is still starting, to itself, to the next: a request that it dies of is not sent for ever */
	BUFFER = 1 << 20, /* of the socket each way: some thousand usual requests */
};

struct bw_keyer_client {
	struct bw_loop *loop;
	struct bw_watch watch;
	uint64_t next_id;
	struct bw_keyer_ask *first;  /* on their way */
	struct bw_keyer_ask *failed; /* to be told so on the next turn */
	struct bw_post tell;
	bool telling;
	char message[BW_KEYER_MESSAGE_MAX];
};

enum bw_err bw_keyer_channel(int *keyer_end, int *api_end)
{
	int ends[2], size = BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		bw_log(BW_LOG_ERROR, "socketpair: %s", strerror(errno));
		return BW_EIO;
	}
	for (int i = 0; i < 2; i++)
		(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	*keyer_end = ends[0];
	*api_end = ends[1];
	return BW_OK;
}

/* ---- The list ---- */

static void link_in(struct bw_keyer_ask **list, struct bw_keyer_ask *ask)
{
	ask->next = *list;
	ask->prev = list;
	if (ask->next)
		ask->next->prev = &ask->next;
	*list = ask;
}

static void link_out(struct bw_keyer_ask *ask)
{
	*ask->prev = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	ask->next = NULL;
	ask->prev = NULL;
}

static struct bw_keyer_ask *find(struct bw_keyer_client *c, uint64_t id)
{
	struct bw_keyer_ask *ask = c->first;

	while (ask && ask->id != id)
		ask = ask->next;
	return ask;
}

static void finish(struct bw_keyer_ask *ask)
{
	link_out(ask);
	bw_buf_free_secret(&ask->message);
	ask->done(ask);
}

/* ---- Sending ---- */

static void tell(struct bw_post *p)
{
	struct bw_keyer_client *c =
	    (struct bw_keyer_client *)((char *)p - offsetof(struct bw_keyer_client, tell));

	c->telling = false;
	while (c->failed)
		finish(c->failed);
}

/* Whoever asked is told on a later turn, never from within its own sending. */
static void fail(struct bw_keyer_client *c, struct bw_keyer_ask *ask)
{
	link_out(ask);
	link_in(&c->failed, ask);
	ask->answer = (struct bw_keyer_answer){BW_EAGAIN, BW_STR(""), BW_STR(""), BW_STR("")};
	if (!c->telling) {
		c->telling = true;
		bw_loop_post(c->loop, &c->tell);
	}
}

static void transmit(struct bw_keyer_client *c, struct bw_keyer_ask *ask)
{
	ssize_t n = -1;

	if (ask->message.failed || ask->message.n > BW_KEYER_MESSAGE_MAX || ask->tries++ >= TRIES_MAX) {
		fail(c, ask);
		return;
	}
	do
		n = send(c->watch.fd, ask->message.p, ask->message.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)ask->message.n)
		fail(c, ask); /* so much waits already that the caller is better told to come again */
}

void bw_keyer_send(struct bw_keyer_client *c, struct bw_keyer_ask *ask)
{
	ask->id = c->next_id++;
	if (ask->id == KEYER_HELLO)
		ask->id = c->next_id++;
	ask->tries = 0;
	bw_buf_init(&ask->message, BW_KEYER_MESSAGE_MAX);
	keyer_request_encode(ask->id, ask->request, &ask->message);
	ask->request = NULL;
	link_in(&c->first, ask);
	transmit(c, ask);
}

void bw_keyer_withdraw(struct bw_keyer_ask *ask)
{
	link_out(ask);
	bw_buf_free_secret(&ask->message);
}

/* ---- Receiving ---- */

/* A keyer has started: what an earlier one took along is sent again. */
static void send_again(struct bw_keyer_client *c)
{
	struct bw_keyer_ask *next;

	for (struct bw_keyer_ask *ask = c->first; ask; ask = next) {
		next = ask->next;
		transmit(c, ask);
	}
}

static void answer_take(struct bw_keyer_client *c, struct bw_str bytes)
{
	struct bw_keyer_answer a;
	struct bw_keyer_ask *ask;
	uint64_t id;

	if (keyer_answer_decode(bytes, &id, &a) != BW_OK) {
		bw_log(BW_LOG_ERROR, "the keyer said what is no answer");
		return;
	}
	if (id == KEYER_HELLO) {
		send_again(c);
		return;
	}
	ask = find(c, id);
	if (!ask)
		return; /* answered once already, by an earlier keyer */
	ask->answer = (struct bw_keyer_answer){a.result, bw_arena_str(ask->arena, a.out),
	    bw_arena_str(ask->arena, a.out2), bw_arena_str(ask->arena, a.out3)};
	finish(ask);
}

static void ready(struct bw_watch *w, uint32_t events)
{
	struct bw_keyer_client *c =
	    (struct bw_keyer_client *)((char *)w - offsetof(struct bw_keyer_client, watch));
	ssize_t n;

	(void)events;
	while ((n = recv(w->fd, c->message, sizeof c->message, MSG_DONTWAIT)) > 0) {
		answer_take(c, bw_str_make(c->message, (size_t)n));
		bw_wipe(c->message, (size_t)n);
	}
}

/* ---- Waiting ---- */

static void wait_send(int channel, const struct bw_buf *message, unsigned *tries)
{
	if ((*tries)++ < TRIES_MAX)
		(void)!send(channel, message->p, message->n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* One message, or none within `wait_ms`. BW_OK once it is the answer. */
static enum bw_err wait_take(int channel, uint64_t id, int64_t wait_ms, struct bw_arena *arena, uint64_t *got,
    struct bw_keyer_answer *answer)
{
	struct pollfd watched = {.fd = channel, .events = POLLIN};
	char *bytes = bw_arena_alloc(arena, BW_KEYER_MESSAGE_MAX);
	struct bw_keyer_answer a;
	ssize_t n;

	*got = id + 1;
	if (poll(&watched, 1, (int)wait_ms) <= 0)
		return BW_EAGAIN;
	n = recv(channel, bytes, BW_KEYER_MESSAGE_MAX, MSG_DONTWAIT);
	if (n <= 0 || keyer_answer_decode(bw_str_make(bytes, (size_t)n), got, &a) != BW_OK || *got != id)
		return BW_EAGAIN;
	*answer = a;
	return BW_OK;
}

enum bw_err bw_keyer_ask_wait(int channel, const struct bw_keyer_request *request, int64_t wait_ms,
    struct bw_arena *arena, struct bw_keyer_answer *answer)
{
	int64_t end_ms = bw_clock_mono_ms() + wait_ms, left_ms = wait_ms;
	enum bw_err e = BW_EAGAIN;
	unsigned tries = 0;
	struct bw_buf message;
	uint64_t id, got;

	bw_random(&id, sizeof id);
	id |= 1; /* not the greeting's */
	bw_buf_init(&message, BW_KEYER_MESSAGE_MAX);
	keyer_request_encode(id, request, &message);
	MUST(!message.failed);
	wait_send(channel, &message, &tries);
	while (e != BW_OK && left_ms > 0) {
		e = wait_take(channel, id, left_ms, arena, &got, answer);
		if (e != BW_OK && got == KEYER_HELLO)
			wait_send(channel, &message, &tries);
		left_ms = end_ms - bw_clock_mono_ms();
	}
	bw_buf_free_secret(&message);
	return e;
}

enum bw_err bw_keyer_client_new(struct bw_loop *loop, int channel, struct bw_keyer_client **out)
{
	struct bw_keyer_client *c = bw_alloc(sizeof *c);

	c->loop = loop;
	c->watch = (struct bw_watch){.fd = channel, .ready = ready};
	c->tell.run = tell;
	/* Answers to an api process before this one have other numbers. */
	bw_random(&c->next_id, sizeof c->next_id);
	if (bw_watch_set(loop, &c->watch, EPOLLIN) != BW_OK) {
		bw_free(c);
		return BW_EIO;
	}
	*out = c;
	return BW_OK;
}

void bw_keyer_client_free(struct bw_keyer_client *c)
{
	if (!c)
		return;
	MUST(!c->first && !c->failed);
	bw_watch_remove(c->loop, &c->watch);
	bw_free(c);
}
