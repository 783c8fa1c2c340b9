/* A loop's way to the keyer: what is on its way, by number. */
#include "keyer/keyer_internal.h"

#include <stdio.h>
#include <sys/epoll.h>

#include "base/sparse.h"
#include "base/sys.h"
#include "net/turn.h"

enum {
	WAY_BYTES = 128 * 1024, /* of the ring each way: two of the longest messages, or some two hundred
	                           usual ones; the rest waits here */
	TAKEN_MAX = 2,          /* keyers that may die of a request, or with it: then it is not sent again */
	SLOT_BITS = 12, /* requests on their way at one time: as many as one address may have connections */
	SLOTS = 1 << SLOT_BITS,
	ANSWERS_PER_TURN = 256, /* then the network has its turn */
	KICK_EVERY = 32, /* requests of one turn, so that a keyer on another core begins while this loop is
	                   still at work */
	WAIT_MS =
	    20 * 1000, /* for what takes the keyer a millisecond, and its being started anew some seconds */
	WAIT_SLOW_MS = 50 * 1000, /* for a pair of RSA keys; clients give up after a minute */
	LOOK_MS = 1000,
};

struct keyer_list {
	struct bw_keyer_ask *first, **last;
};

struct bw_keyer_client {
	struct bw_loop *loop;
	struct bw_ring_end *ring;
	struct bw_watch watch;
	struct bw_turn turn;
	struct bw_timer look;
	bool looking;
	uint64_t serial;
	struct keyer_list sent;    /* in the ring, or with the keyer */
	struct keyer_list waiting; /* for room in the ring */
	struct keyer_list failed;  /* to be told so at the end of the turn */
	unsigned unkicked;
	struct bw_keyer_ask *slots[SLOTS];
	uint16_t spare[SLOTS];
	size_t spare_count;
	struct bw_buf request; /* as bytes */
	char answer[BW_KEYER_MESSAGE_MAX];
};

enum bw_err bw_keyer_channel(size_t number, struct bw_ring **out)
{
	char name[32];

	(void)snprintf(name, sizeof name, "keyer-%zu", number);
	return bw_ring_new(name, WAY_BYTES, BW_KEYER_MESSAGE_MAX, out);
}

/* ---- Lists ---- */

static void list_init(struct keyer_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void link_in(struct keyer_list *l, struct bw_keyer_ask *ask)
{
	ask->list = l;
	ask->next = NULL;
	ask->prev = l->last;
	*l->last = ask;
	l->last = &ask->next;
}

static void link_out(struct bw_keyer_ask *ask)
{
	struct keyer_list *l = ask->list;

	*ask->prev = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	else
		l->last = ask->prev;
	ask->list = NULL;
}

/* ---- On their way ---- */

static void slot_take(struct bw_keyer_client *c, struct bw_keyer_ask *ask)
{
	uint16_t slot = c->spare[--c->spare_count];

	/* Numbers do not come again: an answer from before is nobody's. */
	c->serial = c->serial + 1 ? c->serial + 1 : 1;
	ask->id = c->serial << SLOT_BITS | slot;
	c->slots[slot] = ask;
}

static void slot_give(struct bw_keyer_ask *ask)
{
	struct bw_keyer_client *c = ask->client;
	uint16_t slot = (uint16_t)(ask->id & (SLOTS - 1));

	if (ask->id == KEYER_HELLO || c->slots[slot] != ask)
		return; /* has none */
	c->slots[slot] = NULL;
	c->spare[c->spare_count++] = slot;
}

static struct bw_keyer_ask *ask_find(struct bw_keyer_client *c, uint64_t id)
{
	struct bw_keyer_ask *ask = c->slots[id & (SLOTS - 1)];

	return ask && ask->id == id && ask->list == &c->sent ? ask : NULL;
}

static void finish(struct bw_keyer_ask *ask)
{
	slot_give(ask);
	link_out(ask);
	ask->done(ask);
}

/* Whoever asks is told at the end of the turn, not while they ask. */
static void fail(struct bw_keyer_ask *ask, enum bw_err e)
{
	if (ask->list)
		link_out(ask);
	ask->answer = (struct bw_keyer_answer){e, BW_STR(""), BW_STR(""), BW_STR("")};
	link_in(&ask->client->failed, ask);
}

/* ---- Sending ---- */

static void lost(struct bw_keyer_client *c, uint64_t taken, uint64_t until);

/* False: there is no room. Its length stays in `request` then. */
static bool put(struct bw_keyer_client *c, struct bw_keyer_ask *ask)
{
	enum bw_err e = BW_ETOOBIG;

	bw_buf_reset(&c->request);
	keyer_request_encode(ask->id, ask->request, &c->request);
	ask->at = bw_ring_put_at(c->ring);
	if (!c->request.failed)
		e = bw_ring_put(c->ring, bw_buf_str(&c->request));
	bw_wipe(c->request.p, c->request.n);
	if (e == BW_EAGAIN)
		return false;
	if (ask->list)
		link_out(ask);
	link_in(&c->sent, ask);
	if (e == BW_ETOOBIG)
		fail(ask, BW_EINVAL);
	else if (e != BW_OK)
		lost(c, 0, UINT64_MAX); /* spoilt: the keyer will see it, too */
	if (++c->unkicked >= KICK_EVERY) {
		c->unkicked = 0;
		bw_ring_kick(c->ring);
	}
	return true;
}

static void waiting_send(struct bw_keyer_client *c)
{
	while (c->waiting.first && put(c, c->waiting.first))
		;
}

static void look(struct bw_timer *t)
{
	struct bw_keyer_client *c =
	    (struct bw_keyer_client *)((char *)t - offsetof(struct bw_keyer_client, look));
	struct keyer_list *const lists[] = {&c->sent, &c->waiting};
	struct bw_keyer_ask *next;

	for (size_t i = 0; i < BW_COUNT(lists); i++)
		for (struct bw_keyer_ask *ask = lists[i]->first; ask; ask = next) {
			next = ask->next;
			if (ask->due_ms <= bw_loop_now_ms(c->loop))
				fail(ask, BW_EIO);
		}
	c->looking = c->sent.first || c->waiting.first;
	if (c->looking)
		bw_timer_set(c->loop, &c->look, LOOK_MS);
}

void bw_keyer_send(struct bw_keyer_client *c, struct bw_keyer_ask *ask)
{
	ask->client = c;
	ask->list = NULL;
	ask->id = KEYER_HELLO;
	ask->taken = 0;
	ask->due_ms = bw_loop_now_ms(c->loop) + (keyer_is_slow(ask->request) ? WAIT_SLOW_MS : WAIT_MS);
	if (!c->spare_count) {
		fail(ask, BW_EAGAIN);
		return;
	}
	slot_take(c, ask);
	bw_ring_rouse(c->ring);
	if (c->waiting.first || !put(c, ask))
		link_in(&c->waiting, ask);
	if (c->looking)
		return;
	c->looking = true;
	bw_timer_set(c->loop, &c->look, LOOK_MS);
}

void bw_keyer_withdraw(struct bw_keyer_ask *ask)
{
	slot_give(ask);
	link_out(ask);
}

/* ---- Receiving ---- */

/* What was put before `until` is not in the ring any more; of that, a keyer took what was put before `taken`
 * along. */
static void lost(struct bw_keyer_client *c, uint64_t taken, uint64_t until)
{
	struct bw_keyer_ask *next;

	for (struct bw_keyer_ask *ask = c->sent.first; ask; ask = next) {
		next = ask->next;
		if (ask->at >= until)
			continue;
		ask->taken += ask->at < taken;
		link_out(ask);
		if (ask->taken < TAKEN_MAX)
			link_in(&c->waiting, ask);
		else
			fail(ask, BW_EAGAIN);
	}
}

static void answer_take(struct bw_keyer_client *c, struct bw_str bytes)
{
	struct bw_keyer_answer a;
	struct bw_keyer_ask *ask;
	uint64_t id, taken, until;

	if (keyer_answer_decode(bytes, &id, &a) != BW_OK) {
		bw_log(BW_LOG_ERROR, "the keyer said what is no answer");
		return;
	}
	if (id == KEYER_HELLO) {
		if (keyer_hello_decode(&a, &taken, &until) == BW_OK)
			lost(c, taken, until);
		return;
	}
	ask = ask_find(c, id);
	if (!ask)
		return; /* answered once already, by an earlier keyer, or given up */
	ask->answer = (struct bw_keyer_answer){a.result, bw_arena_str(ask->arena, a.out),
	    bw_arena_str(ask->arena, a.out2), bw_arena_str(ask->arena, a.out3)};
	finish(ask);
}

/* False: there may be more. */
static bool answers_take(struct bw_keyer_client *c)
{
	enum bw_err e;
	size_t n;

	for (unsigned i = 0; i < ANSWERS_PER_TURN; i++) {
		e = bw_ring_take(c->ring, c->answer, &n);
		if (e == BW_EAGAIN)
			return true;
		if (e == BW_OK) {
			answer_take(c, bw_str_make(c->answer, n));
			bw_wipe(c->answer, n);
		} else {
			bw_log(BW_LOG_ERROR,
			    "the ring of the keyer's answers is broken: what was asked is asked again");
			lost(c, 0, UINT64_MAX);
		}
	}
	return false;
}

static bool turn_end(struct bw_turn *t)
{
	struct bw_keyer_client *c =
	    (struct bw_keyer_client *)((char *)t - offsetof(struct bw_keyer_client, turn));
	struct bw_keyer_ask *ask;
	bool all;

	while ((ask = c->failed.first))
		finish(ask);
	all = answers_take(c);
	waiting_send(c);
	c->unkicked = 0;
	bw_ring_kick(c->ring);
	return all && !c->failed.first && bw_ring_doze(c->ring, true, c->waiting.first ? c->request.n : 0);
}

static void woken(struct bw_watch *w, uint32_t events)
{
	(void)w, (void)events; /* the end of the turn looks */
}

/* ---- Making ---- */

enum bw_err bw_keyer_client_new(struct bw_loop *loop, struct bw_ring *channel, struct bw_keyer_client **out)
{
	struct bw_keyer_client *c = bw_sparse_alloc(sizeof *c);
	enum bw_err e = bw_ring_end_open(channel, BW_RING_ASKING, &c->ring);

	c->loop = loop;
	c->watch = (struct bw_watch){.fd = bw_ring_wake_fd(channel), .ready = woken};
	c->turn.end = turn_end;
	c->look.fire = look;
	list_init(&c->sent);
	list_init(&c->waiting);
	list_init(&c->failed);
	while (c->spare_count < SLOTS) {
		c->spare[c->spare_count] = (uint16_t)c->spare_count;
		c->spare_count++;
	}
	bw_buf_init(&c->request, BW_KEYER_MESSAGE_MAX);
	/* Answers to an api process before this one have other numbers. */
	bw_random(&c->serial, sizeof c->serial);
	if (e == BW_OK)
		e = bw_watch_set(loop, &c->watch, EPOLLIN | EPOLLET);
	bw_turn_add(loop, &c->turn);
	if (e == BW_OK)
		*out = c;
	else
		bw_keyer_client_free(c);
	return e;
}

void bw_keyer_client_free(struct bw_keyer_client *c)
{
	if (!c)
		return;
	MUST(!c->sent.first && !c->waiting.first && !c->failed.first);
	bw_turn_remove(c->loop, &c->turn);
	bw_timer_cancel(c->loop, &c->look);
	bw_watch_remove(c->loop, &c->watch);
	bw_ring_end_close(c->ring);
	bw_buf_free(&c->request);
	bw_sparse_free(c, sizeof *c);
}
