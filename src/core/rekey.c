#include "core/rekey.h"

#include <time.h>

#include "core/internal.h"
#include "keyer/seal_status.h"
#include "keyer/unseal.h"

enum {
	ASK_WAIT_MS = 10000,
	ARENA_MAX = 64 << 20,
	GATHER = 64,          /* records at one time */
	/* A material that was wrapped just before there was a newer key is in its record by then. */
	SETTLE_MS = 3000,
	TRIES_MAX = 100,      /* of one record, which others keep changing */
	RETRY_MS = 5000,
};

extern const struct bw_rekey *const __start_bw_rekeys[] __attribute__((weak));
extern const struct bw_rekey *const __stop_bw_rekeys[] __attribute__((weak));

struct rekeyer {
	struct bw_core *core;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool woken, stopping;
	_Atomic bool at_work;
	_Atomic uint64_t done, total;
};

/* ---- Asking the keyer ---- */

static enum bw_err ask(
    struct rekeyer *r, const struct bw_keyer_request *request, struct bw_arena *a, struct bw_keyer_answer *answer)
{
	TRY(bw_keyer_ask_wait(r->core->waiter, request, ASK_WAIT_MS, a, answer));
	return answer->result;
}

/* One step of the keyring, through the seal file: what stands there counts, whoever dies in between. */
static enum bw_err keyring_step(struct rekeyer *r, bool end)
{
	const struct bw_seal_place *place = &r->core->seal_place;
	struct bw_keyer_request step = {.op = BW_KEYER_REKEY, .plain = end}, done = {.op = BW_KEYER_REKEYED};
	struct bw_keyer_answer made, taken;
	struct bw_arena a;
	enum bw_err e;

	bw_arena_init(&a, ARENA_MAX);
	e = place->read(place->ctx, &a, &step.input);
	if (e == BW_OK)
		e = ask(r, &step, &a, &made);
	if (e == BW_OK)
		e = place->write(place->ctx, made.out);
	if (e == BW_OK) {
		done.input = made.out;
		e = ask(r, &done, &a, &taken);
	}
	bw_arena_free(&a);
	return e;
}

/* ---- Records with material ---- */

static const struct bw_rekey *row_of(struct bw_str key)
{
	struct bw_str rest = key;

	(void)bw_str_cut(&rest, '/');
	(void)bw_str_cut(&rest, '/');
	for (const struct bw_rekey *const *row = __start_bw_rekeys; bw_str_set(rest) && row && row < __stop_bw_rekeys; row++)
		if (bw_str_starts(rest, bw_str_c((*row)->part)))
			return *row;
	return NULL;
}

/* What the record holds, and whether it is wrapped under an older main key. */
static enum bw_err record_look(struct rekeyer *r, const struct bw_rekey *row, struct bw_str key, struct bw_arena *a,
    struct bw_str *value, uint64_t *version, struct bw_keyer_material *m)
{
	struct bw_snapshot *view;
	enum bw_err e;

	TRY(bw_snapshot_begin(r->core->store, &view));
	e = bw_snapshot_get(view, key, a, value, version);
	if (e == BW_OK)
		e = row->find(view, a, key, *value, m);
	bw_snapshot_end(view);
	return e;
}

static enum bw_err record_try(
    struct rekeyer *r, const struct bw_rekey *row, struct bw_str key, unsigned newest, struct bw_arena *a, bool *changed)
{
	struct bw_keyer_request request = {.op = BW_KEYER_REWRAP};
	struct bw_keyer_answer answer;
	struct bw_batch batch;
	struct bw_buf fresh;
	struct bw_str value;
	uint64_t version;
	enum bw_err e = record_look(r, row, key, a, &value, &version, &request.key);

	if (e == BW_ENOTFOUND || (e == BW_OK && bw_keyer_generation(request.key.wrapped) == newest))
		return BW_OK;
	TRY(e);
	request.other = request.key;
	TRY(ask(r, &request, a, &answer));
	bw_buf_init(&fresh, BW_STORE_VALUE_MAX);
	e = row->replace(a, value, answer.out, &fresh);
	if (e == BW_OK) {
		bw_batch_init(&batch, a);
		bw_batch_read(&batch, key, version);
		bw_batch_put(&batch, key, bw_buf_str(&fresh));
		e = bw_store_commit_wait(r->core->store, &batch);
	}
	bw_buf_free(&fresh);
	*changed = e == BW_OK;
	return e;
}

static enum bw_err record_rekey(struct rekeyer *r, struct bw_str key, unsigned newest, bool *changed)
{
	enum bw_err e = BW_ECONFLICT;

	for (unsigned tries = 0; e == BW_ECONFLICT && tries < TRIES_MAX; tries++) {
		struct bw_arena a;

		bw_arena_init(&a, ARENA_MAX);
		e = record_try(r, row_of(key), key, newest, &a, changed);
		bw_arena_free(&a);
	}
	if (e != BW_OK)
		bw_log(BW_LOG_ERROR, "rekey: %.*s: %s", BW_FMT(key), bw_err_name(e));
	return e;
}

/* The next keys with material behind `after`, which becomes the last key looked at. BW_ENOTFOUND: there is none behind it. */
static enum bw_err gather(
    struct rekeyer *r, struct bw_arena *a, struct bw_str *after, struct bw_str keys[GATHER], size_t *n)
{
	struct bw_snapshot *view;
	struct bw_scan scan;
	struct bw_str key = BW_STR_NONE;
	enum bw_err e;

	*n = 0;
	TRY(bw_snapshot_begin(r->core->store, &view));
	e = bw_scan_begin(view, BW_STR(""), *after, &scan);
	if (e == BW_OK) {
		while (*n < GATHER && (e = bw_scan_next(&scan, a, &key, NULL, NULL)) == BW_OK) {
			atomic_fetch_add(&r->done, 1);
			*after = key;
			if (row_of(key))
				keys[(*n)++] = key;
		}
		bw_scan_end(&scan);
	}
	bw_snapshot_end(view);
	return e;
}

static bool stopping(struct rekeyer *r)
{
	bool stop;

	MUST(pthread_mutex_lock(&r->lock) == 0);
	stop = r->stopping;
	MUST(pthread_mutex_unlock(&r->lock) == 0);
	return stop;
}

/* Once over all records. *any: there was material under an older key. */
static enum bw_err materials_walk(struct rekeyer *r, unsigned newest, bool *any)
{
	struct bw_str keys[GATHER], after = BW_STR_NONE;
	char place[BW_STORE_KEY_MAX];
	enum bw_err e = BW_OK, done = BW_OK;
	struct bw_arena a;
	size_t n;

	*any = false;
	while (e == BW_OK && done == BW_OK) {
		bw_arena_init(&a, ARENA_MAX);
		e = gather(r, &a, &after, keys, &n);
		for (size_t i = 0; i < n && done == BW_OK; i++) {
			bool changed = false;

			done = stopping(r) ? BW_EAGAIN : record_rekey(r, keys[i], newest, &changed);
			*any = *any || changed;
		}
		/* Where the walk has come to outlives the arena. */
		if (bw_str_set(after) && after.p != place) {
			memcpy(place, after.p, after.n);
			after.p = place;
		}
		bw_arena_free(&a);
	}
	if (done != BW_OK)
		return done;
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- The whole ---- */

static enum bw_err values_walk(struct rekeyer *r)
{
	struct bw_store_rekey walk = {0};

	while (!walk.finished) {
		if (stopping(r))
			return BW_EAGAIN;
		TRY(bw_store_rekey_step(r->core->store, &walk));
		atomic_store(&r->total, 2 * walk.total);
		atomic_store(&r->done, walk.done < walk.total ? walk.done : walk.total);
	}
	return BW_OK;
}

static enum bw_err store_rekey(struct rekeyer *r, unsigned newest, int64_t begun_ms)
{
	const struct timespec pause = {0, 50 * 1000 * 1000};
	enum bw_err e = BW_EAGAIN;
	bool any = true;

	TRY(bw_store_rekey_begin(r->core->store, newest));
	while (e == BW_EAGAIN) {
		TRY(values_walk(r));
		e = bw_store_rekey_end(r->core->store);
	}
	TRY(e);
	atomic_store(&r->done, atomic_load(&r->total) / 2);
	TRY(materials_walk(r, newest, &any));
	while (any || bw_clock_mono_ms() - begun_ms < SETTLE_MS) {
		if (stopping(r))
			return BW_EAGAIN;
		(void)nanosleep(&pause, NULL);
		if (bw_clock_mono_ms() - begun_ms >= SETTLE_MS)
			TRY(materials_walk(r, newest, &any));
	}
	return BW_OK;
}

static enum bw_err status_now(struct rekeyer *r, struct bw_seal_status *s)
{
	struct bw_arena a;
	enum bw_err e;

	bw_arena_init(&a, ARENA_MAX);
	e = bw_seal_status_read(r->core->seal, &a, s);
	s->kind = s->asks = BW_STR_NONE;
	bw_arena_free(&a);
	return e;
}

static enum bw_err work(struct rekeyer *r)
{
	struct bw_seal_status s;

	TRY(status_now(r, &s));
	if (s.sealed)
		return BW_OK;
	if (s.rekey && s.oldest == s.newest && !bw_store_rekeying(r->core->store)) {
		TRY(bw_store_checked(r->core->store));
		TRY(keyring_step(r, false));
		TRY(status_now(r, &s));
	}
	if (s.sealed || (s.oldest == s.newest && !bw_store_rekeying(r->core->store)))
		return BW_OK;
	bw_log(BW_LOG_INFO, "rekey: generation %lld of the main keys: records and key material are sealed anew", (long long)s.newest);
	atomic_store(&r->at_work, true);
	TRY(store_rekey(r, (unsigned)s.newest, bw_clock_mono_ms()));
	if (s.oldest != s.newest)
		TRY(keyring_step(r, true));
	bw_log(BW_LOG_INFO, "rekey: done, the older keys are destroyed");
	return BW_OK;
}

/* ---- The thread ---- */

/* False: it is time to stop. */
static bool wait_for_work(struct rekeyer *r, bool again)
{
	struct timespec until;
	bool go;

	MUST(clock_gettime(CLOCK_REALTIME, &until) == 0);
	until.tv_sec += RETRY_MS / 1000;
	MUST(pthread_mutex_lock(&r->lock) == 0);
	while (!r->woken && !r->stopping)
		if (!again)
			MUST(pthread_cond_wait(&r->wake, &r->lock) == 0);
		else if (pthread_cond_timedwait(&r->wake, &r->lock, &until) != 0)
			break;
	r->woken = false;
	go = !r->stopping;
	MUST(pthread_mutex_unlock(&r->lock) == 0);
	return go;
}

static void *rekeyer_main(void *arg)
{
	struct rekeyer *r = arg;
	bool again = false;

	while (wait_for_work(r, again)) {
		enum bw_err e = work(r);

		again = e != BW_OK;
		if (e != BW_OK && !stopping(r))
			bw_log(BW_LOG_ERROR, "rekey: %s; it is tried again", bw_err_name(e));
		atomic_store(&r->at_work, false);
	}
	return NULL;
}

struct rekeyer *rekeyer_new(struct bw_core *core)
{
	struct rekeyer *r = bw_alloc(sizeof *r);

	r->core = core;
	/* A rekey that was cut off is gone on with. */
	r->woken = true;
	MUST(pthread_mutex_init(&r->lock, NULL) == 0 && pthread_cond_init(&r->wake, NULL) == 0);
	MUST(pthread_create(&r->thread, NULL, rekeyer_main, r) == 0);
	return r;
}

void rekeyer_free(struct rekeyer *r)
{
	if (!r)
		return;
	MUST(pthread_mutex_lock(&r->lock) == 0);
	r->stopping = true;
	MUST(pthread_cond_signal(&r->wake) == 0);
	MUST(pthread_mutex_unlock(&r->lock) == 0);
	MUST(pthread_join(r->thread, NULL) == 0);
	bw_free(r);
}

void rekeyer_health(struct rekeyer *r, struct bw_buf *out)
{
	if (r && atomic_load(&r->at_work))
		bw_buf_printf(out, ",\"rekey\":{\"done\":%llu,\"total\":%llu}", (unsigned long long)atomic_load(&r->done),
		    (unsigned long long)atomic_load(&r->total));
}

void bw_rekey_wake(struct bw_core *core)
{
	struct rekeyer *r = core->rekeyer;

	if (!r)
		return;
	MUST(pthread_mutex_lock(&r->lock) == 0);
	r->woken = true;
	MUST(pthread_cond_signal(&r->wake) == 0);
	MUST(pthread_mutex_unlock(&r->lock) == 0);
}
