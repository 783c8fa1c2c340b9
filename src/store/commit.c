/* The committer: one thread that puts whatever waits into one durable transaction (group commit), so that
 * many calls share one wait for the disk. Each batch of a group is checked, as a whole, before any of it is
 * applied, and sees what the batches before it have written: a refused one leaves the others untouched. */
#include "store/lmdb_store.h"
#include "base/sys.h"

#include <signal.h>

enum { COUNTS_ROOM = 64 };

/* A counter that a group has touched: as it is stored, after the batches that were accepted, and after the
 * one that is being checked. It is written once for the whole group. */
struct counted {
	struct bw_str key;
	int64_t stored, accepted, value;
};

struct counts {
	struct counted *v;
	size_t n, room;
};

static enum bw_err counts_write(struct store_txn *t, struct counts *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].accepted != c->v[i].stored)
			TRY(store_txn_count_set(t, c->v[i].key, c->v[i].accepted));
	c->n = 0;
	return BW_OK;
}

/* Room for as many counters as a batch may touch: those of earlier ones are written when there is none. */
static enum bw_err counts_reserve(struct store_txn *t, struct counts *c, size_t n)
{
	if (n <= c->room - c->n)
		return BW_OK;
	TRY(counts_write(t, c));
	if (n > c->room) {
		c->room = n > COUNTS_ROOM ? n : COUNTS_ROOM;
		c->v = BW_NEW_ARRAY(&t->arena, struct counted, c->room);
	}
	return BW_OK;
}

static void counts_settle(struct counts *c, bool accepted)
{
	for (size_t i = 0; i < c->n; i++)
		if (accepted)
			c->v[i].accepted = c->v[i].value;
		else
			c->v[i].value = c->v[i].accepted;
}

static struct counted *counted_find(const struct counts *c, struct bw_str key)
{
	for (size_t i = 0; i < c->n; i++)
		if (bw_str_eq(c->v[i].key, key))
			return &c->v[i];
	return NULL;
}

static enum bw_err count_apply(
    struct store_txn *t, struct bw_commit *c, const struct bw_batch_op *op, struct counts *counts)
{
	struct counted *at = counted_find(counts, op->key);
	int64_t sum;

	if (!at) {
		at = &counts->v[counts->n];
		TRY(store_txn_count(t, op->key, &at->stored));
		at->accepted = at->value = at->stored;
		at->key = op->key;
		counts->n++;
	}
	if (__builtin_add_overflow(at->value, op->delta, &sum))
		sum = INT64_MAX; /* values are never negative, so it went over the top */
	if (op->delta > 0 && sum > op->max) {
		c->quota_key = op->key;
		return BW_EQUOTA;
	}
	at->value = sum < 0 ? 0 : sum;
	return BW_OK;
}

static enum bw_err read_check(struct store_txn *t, const struct bw_batch_op *op)
{
	uint64_t version;
	bool same;

	if (op->kind == BW_BATCH_READ) {
		TRY(store_txn_version(t, op->key, &version));
		return version == op->version ? BW_OK : BW_ECONFLICT;
	}
	TRY(store_txn_prefix_same(t, op->key, op->version, op->prefix_keys, &same));
	return same ? BW_OK : BW_ECONFLICT;
}

/* All reads first: a conflict is re-run, and may then not be over its quota at all. */
static enum bw_err batch_check(struct store_txn *t, struct bw_commit *c, struct counts *counts)
{
	for (const struct bw_batch_op *op = c->batch->first; op; op = op->next)
		if (op->kind == BW_BATCH_READ || op->kind == BW_BATCH_READ_PREFIX)
			TRY(read_check(t, op));
	for (const struct bw_batch_op *op = c->batch->first; op; op = op->next)
		if (op->kind == BW_BATCH_COUNT)
			TRY(count_apply(t, c, op, counts));
	return BW_OK;
}

static enum bw_err batch_write(struct store_txn *t, const struct bw_batch *b)
{
	for (const struct bw_batch_op *op = b->first; op; op = op->next) {
		if (op->kind == BW_BATCH_PUT)
			TRY(store_txn_put(t, op->key, op->value));
		if (op->kind == BW_BATCH_DELETE)
			TRY(store_txn_delete(t, op->key));
	}
	return BW_OK;
}

/* Fills in the commit's result; the return value is BW_EIO when the whole group has to fail. */
static enum bw_err batch_run(struct store_txn *t, struct bw_commit *c, struct counts *counts)
{
	if (counts_reserve(t, counts, c->batch->writes) != BW_OK)
		return BW_EIO;
	c->result = batch_check(t, c, counts);
	c->seq = t->state.seq;
	if (c->result == BW_EIO)
		return BW_EIO;
	counts_settle(counts, c->result == BW_OK);
	if (c->result != BW_OK || !c->batch->writes)
		return BW_OK;
	c->seq = ++t->state.seq;
	return batch_write(t, c->batch) == BW_OK ? BW_OK : BW_EIO;
}

static enum bw_err group_run(struct store_txn *t, struct bw_commit *first)
{
	struct counts counts = {NULL, 0, 0};

	if (t->state.seals >= t->store->seals_max)
		TRY(store_txn_rotate(t));
	for (struct bw_commit *c = first; c; c = c->next)
		TRY(batch_run(t, c, &counts));
	return counts_write(t, &counts);
}

/* Either all that a group has accepted is durable, or nothing of it is there. */
static enum bw_err group_commit(struct bw_store *s, struct bw_commit *first)
{
	struct store_txn t;
	uint64_t before;
	enum bw_err err;

	TRY(store_txn_begin(s, &t));
	before = t.state.seq;
	err = group_run(&t, first);
	if (err == BW_OK && t.state.seq != before)
		return store_txn_commit(&t);
	store_txn_abort(&t); /* failed, or there was nothing to write */
	return err;
}

static void group_answer(struct bw_store *s, struct bw_commit *first, enum bw_err group)
{
	for (struct bw_commit *c = first, *next; c; c = next) {
		next = c->next; /* done may free it */
		if (group != BW_OK)
			c->result = group;
		c->done(c);
	}
	if (s->answered)
		s->answered(s->answered_ctx);
}

/* Takes all that waits; NULL when the store is closing and nothing waits any more. */
static struct bw_commit *queue_take(struct store_queue *q)
{
	struct bw_commit *first;

	pthread_mutex_lock(&q->mutex);
	while (!q->first && !q->stopping)
		pthread_cond_wait(&q->wake, &q->mutex);
	first = q->first;
	q->first = NULL;
	q->last = &q->first;
	q->count = 0;
	pthread_mutex_unlock(&q->mutex);
	return first;
}

/* False when the store is closing, and nobody has come who needs it checked. */
static bool queue_await_check(struct store_queue *q)
{
	bool wanted;

	pthread_mutex_lock(&q->mutex);
	while (!q->first && !q->check_wanted && !q->stopping)
		pthread_cond_wait(&q->wake, &q->mutex);
	wanted = q->first || q->check_wanted;
	pthread_mutex_unlock(&q->mutex);
	return wanted;
}

static void *committer(void *store)
{
	struct bw_store *s = store;
	struct bw_commit *first;

	if (!queue_await_check(&s->queue))
		return NULL;
	store_check_run(s);
	while ((first = queue_take(&s->queue)))
		group_answer(s, first, group_commit(s, first));
	return NULL;
}

/* Signals belong to the loops. */
static int thread_start(struct bw_store *s)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->queue.thread, NULL, committer, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

enum bw_err store_queue_start(struct bw_store *s)
{
	struct store_queue *q = &s->queue;
	int rc;

	MUST(pthread_mutex_init(&q->mutex, NULL) == 0);
	MUST(pthread_cond_init(&q->wake, NULL) == 0 && pthread_cond_init(&q->checked, NULL) == 0);
	atomic_store(&s->check, STORE_UNCHECKED);
	q->last = &q->first;
	rc = thread_start(s);
	if (rc != 0) {
		bw_log(BW_LOG_ERROR, "store: starting the committer: %s", strerror(rc));
		return BW_EIO;
	}
	return BW_OK;
}

void store_queue_stop(struct bw_store *s)
{
	struct store_queue *q = &s->queue;

	pthread_mutex_lock(&q->mutex);
	q->stopping = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->mutex);
	MUST(pthread_join(q->thread, NULL) == 0);
	pthread_cond_destroy(&q->wake);
	pthread_cond_destroy(&q->checked);
	pthread_mutex_destroy(&q->mutex);
}

void bw_store_on_answered(struct bw_store *s, void (*answered)(void *ctx), void *ctx)
{
	/* The committer reads them with the lock given up, yet behind a commit that was queued under it. */
	pthread_mutex_lock(&s->queue.mutex);
	s->answered = answered;
	s->answered_ctx = ctx;
	pthread_mutex_unlock(&s->queue.mutex);
}

static enum bw_err queue_put(struct store_queue *q, struct bw_commit *first, struct bw_commit *last, size_t n)
{
	CHECK(!q->stopping, BW_EPERM);
	CHECK(n <= BW_STORE_QUEUE_MAX - q->count, BW_EAGAIN);
	*q->last = first;
	q->last = &last->next;
	q->count += n;
	return BW_OK;
}

enum bw_err bw_store_commit_all(struct bw_store *s, struct bw_commit *first)
{
	struct bw_commit *last = first;
	size_t n = 1;
	enum bw_err err;

	CHECK(!s->read_only, BW_EPERM);
	for (;; last = last->next, n++) {
		TRY(last->batch->refused);
		last->quota_key = BW_STR_NONE;
		if (!last->next)
			break;
	}
	pthread_mutex_lock(&s->queue.mutex);
	err = queue_put(&s->queue, first, last, n);
	pthread_mutex_unlock(&s->queue.mutex);
	/* Not before: the committer would wake only to wait for the lock. */
	if (err == BW_OK)
		pthread_cond_signal(&s->queue.wake);
	return err;
}

enum bw_err bw_store_commit(struct bw_store *s, struct bw_commit *c)
{
	c->next = NULL;
	return bw_store_commit_all(s, c);
}

struct waiter {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void waiter_done(struct bw_commit *c)
{
	struct waiter *w = c->ctx;

	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

enum bw_err bw_store_commit_wait(struct bw_store *s, struct bw_batch *b)
{
	struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
	struct bw_commit c = {.batch = b, .done = waiter_done, .ctx = &w};

	TRY(bw_store_commit(s, &c));
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	return c.result;
}
