/* A loop's way to whoever does its errands: what is on its way, by number, each with its own patience. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/sys.h"
#include "proc/errand_internal.h"

enum { GRACE_MS = 500 }; /* so that the other side's own word comes first */

struct bw_errand_client {
	struct bw_loop *loop;
	struct bw_watch watch;
	const struct bw_errands *kind;
	uint64_t begun, next_id;
	bool shut; /* the channel, by whoever served it: nothing is done any more */
	struct bw_errand *first;
	char *message; /* a byte more than the longest, so that a longer one is told */
};

static void link_out(struct bw_errand *e)
{
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
	e->next = NULL;
	e->prev = NULL;
}

/* Whoever asked is told by the loop, never from within its own sending: what was not sent ends here too. */
static void late(struct bw_timer *t)
{
	struct bw_errand *e = (struct bw_errand *)((char *)t - offsetof(struct bw_errand, timer));
	const struct bw_errand_answer none = {.result = e->unanswered, .out = BW_STR("")};

	link_out(e);
	e->done(e, &none);
}

static uint64_t number_next(struct bw_errand_client *c)
{
	if (c->next_id == ERRAND_NOBODY)
		c->next_id++;
	return c->next_id++;
}

/* `request` NULL: the knock. False: there is no room. */
static bool transmit(struct bw_errand_client *c, uint64_t id, const void *request)
{
	struct bw_buf message;
	ssize_t n = -1;

	bw_buf_init(&message, c->kind->message_max);
	errand_request_encode(c->kind, id, bw_clock_mono_ms() + c->kind->patience_ms, request, &message);
	do
		n = message.failed || c->shut ? 0 : send(c->watch.fd, message.p, message.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	bw_buf_free(&message);
	return n > 0;
}

void bw_errand_send(struct bw_errand_client *c, struct bw_errand *errand, const void *request)
{
	bool sent;

	errand->client = c;
	errand->id = number_next(c);
	sent = transmit(c, errand->id, request);
	errand->next = c->first;
	errand->prev = &c->first;
	if (errand->next)
		errand->next->prev = &errand->next;
	c->first = errand;
	errand->unanswered = sent ? BW_EAGAIN : BW_EQUOTA;
	errand->timer = (struct bw_timer){.fire = late};
	bw_timer_set(c->loop, &errand->timer, sent ? c->kind->patience_ms + GRACE_MS : 0);
}

void bw_errand_withdraw(struct bw_errand *errand)
{
	bw_timer_cancel(errand->client->loop, &errand->timer);
	link_out(errand);
}

/* The process that now serves found `first` in the channel: what was sent before it, one that is no more took
 * along. A number that is not ours is of a client before this one, whose requests lie before all of ours. */
static void lost(struct bw_errand_client *c, struct bw_str said)
{
	uint64_t first;

	if (said.n != sizeof first)
		return;
	memcpy(&first, said.p, sizeof first);
	if (first - c->begun >= c->next_id - c->begun)
		return;
	for (struct bw_errand *e = c->first; e; e = e->next)
		if (e->id - c->begun < first - c->begun)
			bw_timer_set(c->loop, &e->timer, 0);
}

static void word_take(struct bw_errand_client *c, const struct bw_errand_answer *a)
{
	if (a->status == ERRAND_FIRST)
		lost(c, a->out);
	else if (c->first) /* which of ours it has is told by its answer */
		(void)transmit(c, number_next(c), NULL);
}

static void answer_take(struct bw_errand_client *c, struct bw_str bytes)
{
	struct bw_errand *e = c->first;
	struct bw_errand_answer a;
	uint64_t id;

	if (errand_answer_decode(c->kind, bytes, &id, &a) != BW_OK) {
		bw_log(BW_LOG_ERROR, "%s said what is no answer", c->kind->who);
		return;
	}
	if (id == ERRAND_NOBODY) {
		word_take(c, &a);
		return;
	}
	while (e && e->id != id)
		e = e->next;
	if (!e)
		return; /* withdrawn, or too late */
	bw_errand_withdraw(e);
	e->done(e, &a);
}

/* The parent has both ends, and does not close them: it would be readable for ever. */
static void channel_shut(struct bw_errand_client *c)
{
	bw_log(BW_LOG_ERROR, "%s has shut its channel down: what it is asked for fails until the server is started anew", c->kind->who);
	c->shut = true;
	bw_watch_remove(c->loop, &c->watch);
	for (struct bw_errand *e = c->first; e; e = e->next)
		bw_timer_set(c->loop, &e->timer, 0);
}

static void ready(struct bw_watch *w, uint32_t events)
{
	struct bw_errand_client *c =
	    (struct bw_errand_client *)((char *)w - offsetof(struct bw_errand_client, watch));
	ssize_t n;

	(void)events;
	while ((n = recv(w->fd, c->message, c->kind->message_max + 1, MSG_DONTWAIT)) > 0) {
		answer_take(c, bw_str_make(c->message, (size_t)n));
		bw_wipe(c->message, (size_t)n);
	}
	if (n == 0)
		channel_shut(c);
}

enum bw_err bw_errand_client_new(
    struct bw_loop *loop, int channel, const struct bw_errands *kind, struct bw_errand_client **out)
{
	struct bw_errand_client *c = bw_alloc(sizeof *c);

	c->loop = loop;
	c->kind = kind;
	c->watch = (struct bw_watch){.fd = channel, .ready = ready};
	c->message = bw_realloc(NULL, kind->message_max + 1);
	/* Answers to a process before this one have other numbers. */
	bw_random(&c->begun, sizeof c->begun);
	c->next_id = c->begun;
	if (bw_watch_set(loop, &c->watch, EPOLLIN) != BW_OK) {
		bw_free(c->message);
		bw_free(c);
		return BW_EIO;
	}
	*out = c;
	return BW_OK;
}

void bw_errand_client_free(struct bw_errand_client *c)
{
	if (!c)
		return;
	MUST(!c->first);
	bw_watch_remove(c->loop, &c->watch);
	bw_free(c->message);
	bw_free(c);
}
