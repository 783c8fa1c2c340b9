/* The check that opening a store leads to: whether its records are those that were last committed (state.h). It is a walk over all of
 * them, so the committer makes it, beside what reads already, before the first batch that it takes: nothing is written
 * before it has ended, and therefore it sees the store as it was opened. It begins when somebody needs its result, a
 * batch or a caller of bw_store_checked: what has to be done for a first answer has the processor until then. */
#include "store/lmdb_store.h"
#include "base/sys.h"

enum { PAGE = 4096, LINE = 64 }; /* LMDB's pages; a longer one costs nothing but speed */

/* A page's records are read from all over it: all its lines come at once, rather than each when it is waited for. */
static void page_fetch(const MDB_val *key, uintptr_t *page)
{
	uintptr_t now = (uintptr_t)key->mv_data & ~(uintptr_t)(PAGE - 1);

	if (now == *page)
		return;
	*page = now;
	for (size_t i = 0; i < PAGE; i += LINE)
		__builtin_prefetch((const char *)now + i);
}

static enum bw_err table_sum(
    struct bw_store *s, MDB_txn *txn, enum store_table table, struct store_state *sum)
{
	uintptr_t page = 0;
	MDB_cursor *c;
	MDB_val k, v;
	int rc;

	TRY(store_lmdb_err(mdb_cursor_open(txn, s->tables[table], &c), "opening a cursor"));
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == MDB_SUCCESS) {
		page_fetch(&k, &page);
		store_state_add(sum, &s->fingerprint, store_str(k), store_str(v));
	}
	mdb_cursor_close(c);
	return rc == MDB_NOTFOUND ? BW_OK : store_lmdb_err(rc, "walking");
}

enum bw_err store_sum_take(struct bw_store *s, MDB_txn *txn, struct store_state *sum)
{
	memset(sum->sum, 0, sizeof sum->sum);
	sum->records = 0;
	TRY(table_sum(s, txn, STORE_RECORDS, sum));
	return table_sum(s, txn, STORE_COUNTERS, sum);
}

enum bw_err store_sum_check(struct bw_store *s, MDB_txn *txn, const struct store_state *state)
{
	struct store_state sum = {0};

	TRY(store_sum_take(s, txn, &sum));
	if (store_state_same(&sum, state))
		return BW_OK;
	bw_log(BW_LOG_ERROR,
	    "store: the records (%llu) are not those last committed (%llu): some were put back, taken away or changed outside of this program",
	    (unsigned long long)sum.records, (unsigned long long)state->records);
	return BW_ECORRUPT;
}

/* Nobody else may write, and so the sum that is stored is the one of these records. */
static enum bw_err check(struct bw_store *s)
{
	struct store_state state;
	MDB_txn *txn;
	enum bw_err err;

	TRY(store_lmdb_err(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn), "checking the records"));
	err = store_state_load(s, txn, &state);
	if (err == BW_OK)
		err = store_sum_check(s, txn, &state);
	mdb_txn_abort(txn);
	return err;
}

void store_check_run(struct bw_store *s)
{
	enum bw_err err = check(s);

	pthread_mutex_lock(&s->queue.mutex);
	atomic_store(&s->check, (int)err);
	pthread_cond_broadcast(&s->queue.checked);
	pthread_mutex_unlock(&s->queue.mutex);
}

bool bw_store_is_checked(const struct bw_store *s)
{
	return atomic_load_explicit(&s->check, memory_order_acquire) == BW_OK;
}

enum bw_err bw_store_checked(struct bw_store *s)
{
	struct store_queue *q = &s->queue;
	int result;

	CHECK(!s->read_only, BW_EPERM);
	if (bw_store_is_checked(s))
		return BW_OK;
	pthread_mutex_lock(&q->mutex);
	q->check_wanted = true;
	pthread_cond_signal(&q->wake);
	while ((result = atomic_load(&s->check)) == STORE_UNCHECKED)
		pthread_cond_wait(&q->checked, &q->mutex);
	pthread_mutex_unlock(&q->mutex);
	return (enum bw_err)result;
}
