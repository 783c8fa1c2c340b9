#include "core/key_sets.h"

#include "core/internal.h"

enum {
	PROVIDERS_MAX = 1000,  /* then the one that was used least recently is fetched anew */
	FRESH_MS = 300 * 1000, /* a key that its provider has taken back serves for so long */
	WINDOW_MS = 10 * 1000, /* in which a provider is asked ... */
	ASKED_MAX = 8,         /* ... so many times: those who come at once while nothing is known */
};

struct known_keys {
	struct bw_jwks *set; /* NULL: none yet */
	int64_t fetched_ms, window_ms;
	unsigned asked; /* since window_ms */
};

static void known_drop(void *value)
{
	struct known_keys *k = value;

	bw_jwks_free(k->set);
	bw_free(k);
}

void key_sets_init(struct bw_map *m)
{
	bw_map_init(m, PROVIDERS_MAX, known_drop);
}

static struct known_keys *known_of(struct bw_call *call, struct bw_str url)
{
	struct bw_map *m = &gate_call_of(call)->lane->key_sets;
	struct known_keys *k = bw_map_get(m, url);

	if (!k) {
		k = bw_alloc(sizeof *k);
		bw_map_put(m, url, k);
	}
	return k;
}

const struct bw_jwks *bw_key_set_find(struct bw_call *call, struct bw_str url)
{
	const struct known_keys *k = known_of(call, url);

	return k->set && bw_clock_mono_ms() - k->fetched_ms < FRESH_MS ? k->set : NULL;
}

bool bw_key_set_may_ask(struct bw_call *call, struct bw_str url)
{
	struct known_keys *k = known_of(call, url);
	int64_t now = bw_clock_mono_ms();

	if (now - k->window_ms >= WINDOW_MS) {
		k->window_ms = now;
		k->asked = 0;
	}
	return k->asked++ < ASKED_MAX;
}

void bw_key_set_keep(struct bw_call *call, struct bw_str url, struct bw_jwks *set)
{
	struct known_keys *k = known_of(call, url);

	bw_jwks_free(k->set);
	k->set = set;
	k->fetched_ms = bw_clock_mono_ms();
}
