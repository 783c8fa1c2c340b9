#include "core/guess.h"

#include "core/internal.h"

enum {
	TRY_MS = 60 * 1000, /* a million codes take months at one try a minute */
	WATCHED = 4096,     /* then who was tried least recently is forgotten */
};

struct guesses {
	pthread_mutex_t lock;
	struct bw_map of; /* what is guessed -> struct tries */
};

struct tries {
	int64_t left, since_ms; /* as of that time */
};

struct guesses *guesses_new(void)
{
	struct guesses *g = bw_alloc(sizeof *g);

	MUST(pthread_mutex_init(&g->lock, NULL) == 0);
	bw_map_init(&g->of, WATCHED, bw_free);
	return g;
}

void guesses_free(struct guesses *g)
{
	if (!g)
		return;
	bw_map_free(&g->of);
	pthread_mutex_destroy(&g->lock);
	bw_free(g);
}

static void refill(struct tries *at, int64_t now_ms)
{
	int64_t more = (now_ms - at->since_ms) / TRY_MS;

	if (more <= 0)
		return;
	at->left = more >= BW_GUESSES - at->left ? BW_GUESSES : at->left + more;
	at->since_ms += more * TRY_MS;
}

bool guess_take(struct guesses *g, struct bw_str of, int64_t now_ms)
{
	struct tries *at;
	bool taken;

	MUST(pthread_mutex_lock(&g->lock) == 0);
	at = bw_map_get(&g->of, of);
	if (!at) {
		at = bw_alloc(sizeof *at);
		*at = (struct tries){BW_GUESSES, now_ms};
		bw_map_put(&g->of, of, at);
	}
	refill(at, now_ms);
	taken = at->left > 0;
	if (taken)
		at->left--;
	MUST(pthread_mutex_unlock(&g->lock) == 0);
	return taken;
}

bool bw_guess_take(struct bw_call *call, struct bw_str of)
{
	return guess_take(call->core->guesses, of, call->now_ms);
}

void bw_guess_forgive(struct bw_call *call, struct bw_str of)
{
	struct guesses *g = call->core->guesses;

	MUST(pthread_mutex_lock(&g->lock) == 0);
	bw_map_del(&g->of, of);
	MUST(pthread_mutex_unlock(&g->lock) == 0);
}
