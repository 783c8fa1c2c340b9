/* Asking before there is a loop to be told on. */
#include "keyer/keyer_internal.h"

#include "base/sys.h"

struct waiting {
	struct bw_loop *loop;
	struct bw_timer timer;
	bool answered;
};

static void answered(struct bw_keyer_ask *ask)
{
	struct waiting *w = ask->ctx;

	w->answered = true;
	bw_loop_stop(w->loop);
}

static void too_late(struct bw_timer *t)
{
	struct waiting *w = (struct waiting *)((char *)t - offsetof(struct waiting, timer));

	bw_loop_stop(w->loop);
}

static enum bw_err ask_once(struct waiting *w, struct bw_ring *channel,
    const struct bw_keyer_request *request, int64_t wait_ms, struct bw_arena *arena,
    struct bw_keyer_answer *answer)
{
	struct bw_keyer_ask ask = {.request = request, .arena = arena, .done = answered, .ctx = w};
	struct bw_keyer_client *client;

	TRY(bw_keyer_client_new(w->loop, channel, &client));
	w->timer.fire = too_late;
	bw_timer_set(w->loop, &w->timer, wait_ms);
	bw_keyer_send(client, &ask);
	bw_loop_run(w->loop);
	if (!w->answered)
		bw_keyer_withdraw(&ask);
	bw_timer_cancel(w->loop, &w->timer);
	bw_keyer_client_free(client);
	CHECK(w->answered && ask.answer.result != BW_EIO, BW_EAGAIN);
	*answer = ask.answer;
	return BW_OK;
}

enum bw_err bw_keyer_ask_wait(struct bw_ring *channel, const struct bw_keyer_request *request,
    int64_t wait_ms, struct bw_arena *arena, struct bw_keyer_answer *answer)
{
	struct waiting w = {0};
	enum bw_err e;

	TRY(bw_loop_new(&w.loop));
	e = ask_once(&w, channel, request, wait_ms, arena, answer);
	bw_loop_free(w.loop);
	return e;
}
