/* What the keyer holds: opened once, closed once, its keys exchanged while requests are at work. */
#include "keyer/keyer_internal.h"

#include <sodium.h>
#include <time.h>

enum { QUIESCE_STEP_NS = 200 * 1000 };

void keyer_init(struct keyer *k)
{
	memset(k, 0, sizeof *k);
	MUST(pthread_mutex_init(&k->lock, NULL) == 0);
	MUST(sodium_init() >= 0);
}

static void wrapping_set(struct keyer *k, unsigned generation)
{
	struct bw_secret derived = bw_secret_new(32);

	bw_hkdf(bw_str_make(bw_keyring_main(&k->ring, generation), 32), BW_STR(""), BW_STR("bulwark kms material"), derived.p,
	    derived.n);
	atomic_store(&k->wrapping[generation], bw_aead_key_new(derived.p));
	bw_secret_free(&derived);
}

void keyer_open(struct keyer *k, struct bw_keyring *ring)
{
	MUST(pthread_mutex_lock(&k->lock) == 0);
	MUST(!k->ring.bytes.p);
	k->ring = *ring;
	*ring = (struct bw_keyring){0};
	bw_hmac_key(&k->naming, bw_str_make(bw_keyring_naming(&k->ring), 32));
	wrapping_set(k, k->ring.oldest);
	if (k->ring.newest != k->ring.oldest)
		wrapping_set(k, k->ring.newest);
	atomic_store(&k->newest, k->ring.newest);
	MUST(pthread_mutex_unlock(&k->lock) == 0);
}

/* Returns when every request that is at work now has ended. */
static void quiesce(struct keyer *k)
{
	const struct timespec step = {0, QUIESCE_STEP_NS};
	unsigned before = atomic_fetch_add(&k->phase, 1);

	while (atomic_load(&k->within[before & 1]))
		(void)nanosleep(&step, NULL);
}

void keyer_exchange(struct keyer *k, struct bw_keyring *ring)
{
	struct bw_keyring old;
	struct bw_aead_key *gone = NULL;

	MUST(pthread_mutex_lock(&k->lock) == 0);
	old = k->ring;
	k->ring = *ring;
	*ring = (struct bw_keyring){0};
	if (k->ring.newest != old.newest)
		wrapping_set(k, k->ring.newest);
	atomic_store(&k->newest, k->ring.newest);
	if (k->ring.oldest != old.oldest)
		gone = atomic_exchange(&k->wrapping[old.oldest], NULL);
	MUST(pthread_mutex_unlock(&k->lock) == 0);
	quiesce(k);
	bw_aead_key_free(gone);
	bw_keyring_free(&old);
}

/* Whoever counts himself in while the phase turns may have been overlooked: he counts himself in again. */
unsigned keyer_enter(struct keyer *k)
{
	for (;;) {
		unsigned phase = atomic_load(&k->phase);

		atomic_fetch_add(&k->within[phase & 1], 1);
		if (atomic_load(&k->phase) == phase)
			return phase;
		atomic_fetch_sub(&k->within[phase & 1], 1);
	}
}

void keyer_leave(struct keyer *k, unsigned phase)
{
	atomic_fetch_sub(&k->within[phase & 1], 1);
}

void keyer_close(struct keyer *k)
{
	atomic_store(&k->newest, 0);
	quiesce(k);
	for (size_t i = 0; i <= BW_GENERATIONS_MAX; i++)
		bw_aead_key_free(atomic_exchange(&k->wrapping[i], NULL));
	bw_keyring_free(&k->ring);
	bw_wipe(&k->naming, sizeof k->naming);
}
