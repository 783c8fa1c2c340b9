#include "core/anchor.h"

#include <time.h>

#include "core/internal.h"
#include "store/record.h"

enum { ARENA_MAX = 1 << 20, DAY_MS = 24 * 3600 * 1000 };

static const struct bw_str record_key = {"-/global/core/anchor/head", 25};

/* What the store keeps of it. */
struct head {
	struct bw_str kind;
	int64_t number, day, steps; /* steps: of that day */
	int64_t stepped_ms;
	int64_t trail_records; /* on the disk by then */
};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct head, kind),
    BW_FIELD(2, I64, struct head, number),
    BW_FIELD(3, I64, struct head, day),
    BW_FIELD(4, I64, struct head, steps),
    BW_FIELD(5, I64, struct head, stepped_ms),
    BW_FIELD(6, I64, struct head, trail_records),
};
static const struct bw_record head_record = BW_RECORD("anchor", struct head, fields);

struct anchored {
	struct bw_core *core;
	const struct bw_anchor *anchor;
	struct bw_arena arena; /* of `kind` */
	struct head head;
	uint64_t head_seq; /* the commit that wrote it: a store that is there still has not changed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool started, stopping;
	_Atomic int64_t number, stepped_ms; /* for the health */
	_Atomic bool failing;
};

/* ---- The record ---- */

static enum bw_err head_load(struct anchored *a)
{
	struct bw_snapshot *view;
	struct bw_str bytes;
	enum bw_err e;

	TRY(bw_snapshot_begin(a->core->store, &view));
	e = bw_snapshot_get(view, record_key, &a->arena, &bytes, &a->head_seq);
	bw_snapshot_end(view);
	TRY(e);
	return bw_record_decode(&head_record, bytes, &a->arena, &a->head);
}

static enum bw_err head_save(struct anchored *a, const struct head *head)
{
	struct bw_batch batch;
	struct bw_arena arena;
	struct bw_buf bytes;
	enum bw_err e;

	bw_arena_init(&arena, ARENA_MAX);
	bw_buf_init(&bytes, BW_STORE_VALUE_MAX);
	bw_record_encode(&head_record, head, &bytes);
	bw_batch_init(&batch, &arena);
	bw_batch_put(&batch, record_key, bw_buf_str(&bytes));
	e = bw_store_commit_wait(a->core->store, &batch);
	bw_buf_free(&bytes);
	bw_arena_free(&arena);
	return e;
}

/* The commit that wrote it, and no later one: what came behind it is still to be bound. */
static enum bw_err head_seq_take(struct anchored *a)
{
	struct bw_snapshot *view;

	TRY(bw_snapshot_begin(a->core->store, &view));
	a->head_seq = bw_snapshot_version(view, record_key);
	bw_snapshot_end(view);
	return BW_OK;
}

/* ---- Steps ---- */

/* The store first, then the anchor: whoever dies in between leaves the store ahead by one. */
static enum bw_err step_to(struct anchored *a, int64_t number)
{
	int64_t now = bw_clock_wall_ms(), day = now / DAY_MS;
	struct head next = {.kind = bw_str_c(a->anchor->kind),
	    .number = number,
	    .day = day,
	    .stepped_ms = now,
	    .steps = day == a->head.day ? a->head.steps + 1 : 1,
	    .trail_records = (int64_t)bw_trail_durable(a->core->trail)};

	TRY(head_save(a, &next));
	a->head = next;
	TRY(head_seq_take(a));
	TRY(a->anchor->raise(a->anchor->ctx, (uint64_t)number));
	atomic_store(&a->number, number);
	atomic_store(&a->stepped_ms, now);
	return BW_OK;
}

static bool has_changed(const struct anchored *a)
{
	return bw_store_seq(a->core->store) != a->head_seq;
}

static bool has_room(const struct anchored *a)
{
	return !a->anchor->steps_a_day || a->head.day != bw_clock_wall_ms() / DAY_MS ||
	       a->head.steps < a->anchor->steps_a_day;
}

/* A step, if there is something to bind. One that failed halfway is finished by the next. */
static void step(struct anchored *a)
{
	enum bw_err e = BW_OK;

	if (!bw_store_is_checked(a->core->store))
		return; /* it may not be the one last committed, and nothing is written to it yet */
	if (atomic_load(&a->failing))
		e = a->anchor->raise(a->anchor->ctx, (uint64_t)a->head.number);
	if (e == BW_OK && has_changed(a) && has_room(a))
		e = step_to(a, a->head.number + 1);
	atomic_store(&a->failing, e != BW_OK);
	if (e != BW_OK)
		bw_log(BW_LOG_ERROR,
		    "anchor %s: not raised (%s): a roll-back to what is written from now on goes unnoticed "
		    "until it is",
		    a->anchor->kind, bw_err_name(e));
}

static bool window_sleep(struct anchored *a)
{
	struct timespec until;
	bool stopping;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += a->anchor->window_ms / 1000;
	MUST(pthread_mutex_lock(&a->lock) == 0);
	while (!a->stopping && rc == 0)
		rc = pthread_cond_timedwait(&a->wake, &a->lock, &until);
	stopping = a->stopping;
	MUST(pthread_mutex_unlock(&a->lock) == 0);
	return !stopping;
}

static void *stepper(void *ctx)
{
	struct anchored *a = ctx;

	while (window_sleep(a))
		step(a);
	return NULL;
}

static void stepper_start(struct anchored *a)
{
	MUST(pthread_mutex_init(&a->lock, NULL) == 0 && pthread_cond_init(&a->wake, NULL) == 0);
	MUST(pthread_create(&a->thread, NULL, stepper, a) == 0);
	a->started = true;
}

/* ---- Opening ---- */

static enum bw_err refuse(const struct anchored *a, const char *why)
{
	bw_log(BW_LOG_ERROR,
	    "anchor %s: %s. If that is known and meant (a restore, a move): 'bulwark accept' with the same "
	    "options takes this folder as the one",
	    a->anchor->kind, why);
	return BW_EPERM;
}

static enum bw_err begin_anew(struct anchored *a)
{
	uint64_t number = 0;
	enum bw_err e = a->anchor->read(a->anchor->ctx, &number);

	if (e == BW_ENOTFOUND)
		e = a->anchor->make(a->anchor->ctx, &number);
	TRY(e);
	CHECK(number < INT64_MAX, BW_ETOOBIG);
	TRY(step_to(a, (int64_t)number + 1));
	bw_log(BW_LOG_INFO, "anchor %s: this data folder is bound to it, at %lld", a->anchor->kind,
	    (long long)a->head.number);
	return BW_OK;
}

/* Whether this is the store that was there last. */
static enum bw_err compare(struct anchored *a)
{
	uint64_t number;
	enum bw_err e = a->anchor->read(a->anchor->ctx, &number);

	if (e == BW_ENOTFOUND)
		return refuse(a, "it is gone, and nothing can tell whether the data folder was put back");
	TRY(e);
	if (!bw_str_eq(a->head.kind, bw_str_c(a->anchor->kind)))
		return refuse(a, "the data folder is bound to one of another kind");
	if ((uint64_t)a->head.number < number) {
		bw_log(BW_LOG_ERROR, "anchor %s: stands at %llu, the data folder at %lld", a->anchor->kind,
		    (unsigned long long)number, (long long)a->head.number);
		return refuse(a, "THE DATA FOLDER HAS BEEN PUT BACK to an older state: what was deleted or "
		                 "revoked since would hold again");
	}
	if ((uint64_t)a->head.number > number + 1)
		return refuse(
		    a, "it is older than the data folder: it was put back itself, or is another server's");
	if ((uint64_t)a->head.trail_records > bw_trail_durable(a->core->trail))
		return refuse(a, "the trail ends before records that it had");
	if ((uint64_t)a->head.number == number + 1)
		TRY(a->anchor->raise(a->anchor->ctx, number + 1));
	atomic_store(&a->number, a->head.number);
	atomic_store(&a->stepped_ms, a->head.stepped_ms);
	/* What was copied since the last step is stale from now on. */
	if (has_changed(a) && has_room(a))
		TRY(step_to(a, a->head.number + 1));
	return BW_OK;
}

static enum bw_err settle(struct anchored *a, bool accept)
{
	enum bw_err e = head_load(a);

	if (a->core->first.made || accept)
		return e == BW_OK || e == BW_ENOTFOUND ? begin_anew(a) : e;
	if (e == BW_ENOTFOUND)
		return refuse(a, "the data folder is not bound to it");
	return e == BW_OK ? compare(a) : e;
}

/* Bound to one, it is not opened without: it would be the first thing to leave away. */
static enum bw_err unanchored_check(struct anchored *a)
{
	enum bw_err e = head_load(a);

	if (e == BW_OK)
		bw_log(BW_LOG_ERROR,
		    "the data folder is bound to an anchor (%.*s): --anchor says where it is; 'bulwark "
		    "accept' without gives it up",
		    BW_FMT(a->head.kind));
	return e == BW_ENOTFOUND ? BW_OK : e == BW_OK ? BW_EPERM : e;
}

static void give_up(struct anchored *a, enum bw_err *e)
{
	struct bw_batch batch;
	struct bw_arena arena;

	bw_arena_init(&arena, ARENA_MAX);
	bw_batch_init(&batch, &arena);
	bw_batch_delete(&batch, record_key);
	*e = bw_store_commit_wait(a->core->store, &batch);
	bw_arena_free(&arena);
}

enum bw_err anchored_open(struct bw_core *core, const struct bw_anchor *anchor, bool accept)
{
	struct anchored *a = bw_alloc(sizeof *a);
	enum bw_err e;

	a->core = core;
	a->anchor = anchor;
	bw_arena_init(&a->arena, ARENA_MAX);
	core->anchored = a;
	if (anchor)
		e = settle(a, accept);
	else
		e = unanchored_check(a);
	if (anchor && e == BW_OK)
		stepper_start(a);
	if (!anchor && e == BW_EPERM && accept)
		give_up(a, &e);
	return e;
}

void anchored_free(struct anchored *a)
{
	if (!a)
		return;
	if (a->started) {
		MUST(pthread_mutex_lock(&a->lock) == 0);
		a->stopping = true;
		MUST(pthread_cond_signal(&a->wake) == 0);
		MUST(pthread_mutex_unlock(&a->lock) == 0);
		MUST(pthread_join(a->thread, NULL) == 0);
		step(a);
		MUST(pthread_cond_destroy(&a->wake) == 0 && pthread_mutex_destroy(&a->lock) == 0);
	}
	bw_arena_free(&a->arena);
	bw_free(a);
}

void anchored_health(const struct anchored *a, struct bw_buf *out)
{
	if (!a || !a->anchor) {
		bw_buf_put(out, BW_STR(",\"anchor\":{\"kind\":\"none\"}"));
		return;
	}
	bw_buf_printf(out,
	    ",\"anchor\":{\"kind\":\"%s\",\"number\":%lld,\"age_s\":%lld,\"window_s\":%lld,\"failing\":%s}",
	    a->anchor->kind, (long long)atomic_load(&a->number),
	    (long long)((bw_clock_wall_ms() - atomic_load(&a->stepped_ms)) / 1000),
	    (long long)(a->anchor->window_ms / 1000), atomic_load(&a->failing) ? "true" : "false");
}
