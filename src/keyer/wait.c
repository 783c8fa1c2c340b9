/* Asking without a loop of one's own. */
#include "keyer/keyer_internal.h"

struct bw_keyer_waiter {
	struct bw_loop *loop; /* which runs while something is asked */
	struct bw_keyer_client *client;
	struct bw_post begin;
	struct bw_timer timer;
	int64_t wait_ms;
	struct bw_keyer_ask ask;
	bool answered;
};

static void answered(struct bw_keyer_ask *ask)
{
	struct bw_keyer_waiter *w = ask->ctx;

	w->answered = true;
	bw_loop_stop(w->loop);
}

static void too_late(struct bw_timer *t)
{
	struct bw_keyer_waiter *w =
	    (struct bw_keyer_waiter *)((char *)t - offsetof(struct bw_keyer_waiter, timer));

	if (w->answered)
		return; /* in the same turn */
	bw_keyer_withdraw(&w->ask);
	bw_loop_stop(w->loop);
}

/* Within the loop, whose clock has stood since it ran last. */
static void begin(struct bw_post *p)
{
	struct bw_keyer_waiter *w =
	    (struct bw_keyer_waiter *)((char *)p - offsetof(struct bw_keyer_waiter, begin));

	bw_timer_set(w->loop, &w->timer, w->wait_ms);
	bw_keyer_send(w->client, &w->ask);
}

enum bw_err bw_keyer_waiter_new(struct bw_ring *channel, struct bw_keyer_waiter **out)
{
	struct bw_keyer_waiter *w = bw_alloc(sizeof *w);
	enum bw_err e = bw_loop_new(&w->loop);

	w->begin.run = begin;
	w->timer.fire = too_late;
	if (e == BW_OK)
		e = bw_keyer_client_new(w->loop, channel, &w->client);
	if (e == BW_OK)
		*out = w;
	else
		bw_keyer_waiter_free(w);
	return e;
}

void bw_keyer_waiter_free(struct bw_keyer_waiter *w)
{
	if (!w)
		return;
	bw_keyer_client_free(w->client);
	bw_loop_free(w->loop);
	bw_free(w);
}

enum bw_err bw_keyer_ask_wait(struct bw_keyer_waiter *w, const struct bw_keyer_request *request,
    int64_t wait_ms, struct bw_arena *arena, struct bw_keyer_answer *answer)
{
	w->ask = (struct bw_keyer_ask){.request = request, .arena = arena, .done = answered, .ctx = w};
	w->wait_ms = wait_ms;
	w->answered = false;
	bw_loop_post(w->loop, &w->begin);
	bw_loop_run(w->loop);
	bw_timer_cancel(w->loop, &w->timer);
	CHECK(w->answered && w->ask.answer.result != BW_EIO, BW_EAGAIN);
	*answer = w->ask.answer;
	return BW_OK;
}
