/* The embedded store's writing side: one LMDB write transaction, into which the committer puts a whole group.
 */
#include "store/lmdb_store.h"
#include "base/sys.h"

enum { SCRATCH_MAX = 64 * 1024 * 1024 };

enum bw_err store_txn_begin(struct bw_store *s, struct store_txn *t)
{
	enum bw_err err;

	*t = (struct store_txn){.store = s};
	TRY(bw_store_checked(s));
	pthread_mutex_lock(&s->write_lock);
	bw_buf_init(&t->sealed, BW_STORE_VALUE_MAX + BW_SEAL_OVERHEAD);
	bw_arena_init(&t->arena, SCRATCH_MAX);
	store_write_ahead(s);
	err = store_lmdb_err(mdb_txn_begin(s->env, NULL, 0, &t->txn), "beginning a commit");
	if (err == BW_OK)
		err = store_state_load(s, t->txn, &t->state);
	if (err != BW_OK)
		store_txn_abort(t);
	return err;
}

/* Before the transaction ends, which would free them a second time. */
static void cursors_close(struct store_txn *t)
{
	for (size_t i = 0; i < STORE_TABLES; i++) {
		if (t->cursors[i])
			mdb_cursor_close(t->cursors[i]);
		t->cursors[i] = NULL;
	}
}

static void txn_end(struct store_txn *t)
{
	bw_buf_free(&t->sealed);
	bw_arena_free(&t->arena);
	pthread_mutex_unlock(&t->store->write_lock);
}

void store_txn_abort(struct store_txn *t)
{
	cursors_close(t);
	if (t->txn)
		mdb_txn_abort(t->txn);
	if (t->new_key)
		bw_seal_key_forget(t->store->seal, t->new_key);
	txn_end(t);
}

static enum bw_err cursor_of(struct store_txn *t, enum store_table table, MDB_cursor **out)
{
	if (!t->cursors[table])
		TRY(store_lmdb_err(mdb_cursor_open(t->txn, t->store->tables[table], &t->cursors[table]),
		    "opening a cursor"));
	*out = t->cursors[table];
	return BW_OK;
}

static enum bw_err table_put(
    struct store_txn *t, enum store_table table, struct bw_str key, struct bw_str value)
{
	MDB_val k = store_val(key), v = store_val(value);
	MDB_cursor *c;

	TRY(cursor_of(t, table, &c));
	return store_lmdb_err(mdb_cursor_put(c, &k, &v, 0), "writing");
}

static struct bw_str seal(struct store_txn *t, enum bw_seal_kind kind, struct bw_str key, struct bw_str plain)
{
	bw_buf_reset(&t->sealed);
	bw_seal_value(t->store->seal, kind, t->state.data_key, key, t->state.seq, plain, &t->sealed);
	MUST(!t->sealed.failed);
	t->state.seals++;
	return bw_buf_str(&t->sealed);
}

static enum bw_err state_put(struct store_txn *t)
{
	unsigned char plain[STORE_STATE_BYTES];

	store_state_encode(&t->state, plain);
	return table_put(t, STORE_META, BW_STR("state"),
	    seal(t, BW_SEAL_STATE, BW_STR("state"), bw_str_make(plain, sizeof plain)));
}

enum bw_err store_txn_commit(struct store_txn *t)
{
	enum bw_err err = state_put(t);

	if (err == BW_OK) {
		cursors_close(t);
		err = store_lmdb_err(mdb_txn_commit(t->txn), "committing");
		t->txn = NULL; /* LMDB frees it even when it fails */
	}
	if (err != BW_OK) {
		store_txn_abort(t);
		return BW_EIO;
	}
	/* Before the lock is given up: numbers are published in the order of their commits. */
	atomic_store(&t->store->seq, t->state.seq);
	txn_end(t);
	return BW_OK;
}

/* Absent is no error here: an absent slice. */
static enum bw_err old_value(
    struct store_txn *t, enum store_table table, struct bw_str key, struct bw_str *sealed)
{
	MDB_val k = store_val(key), v;
	MDB_cursor *c;
	enum bw_err err;

	*sealed = BW_STR_NONE;
	if (key.n == 0 || key.n > BW_STORE_KEY_MAX)
		return BW_OK;
	TRY(cursor_of(t, table, &c));
	err = store_lmdb_err(mdb_cursor_get(c, &k, &v, MDB_SET), "reading");
	if (err == BW_OK)
		*sealed = store_str(v);
	return err == BW_ENOTFOUND ? BW_OK : err;
}

enum bw_err store_txn_version(struct store_txn *t, struct bw_str key, uint64_t *version)
{
	struct bw_str sealed;

	TRY(old_value(t, STORE_RECORDS, key, &sealed));
	*version = bw_sealed_version(sealed);
	return BW_OK;
}

enum bw_err store_txn_prefix_same(
    struct store_txn *t, struct bw_str prefix, uint64_t seq, size_t keys, bool *same)
{
	MDB_cursor *c;
	MDB_val k, v;
	enum bw_err err;
	size_t n = 0;

	*same = true;
	TRY(store_lmdb_err(mdb_cursor_open(t->txn, t->store->tables[STORE_RECORDS], &c), "opening a cursor"));
	err = store_seek(c, prefix, &k, &v);
	while (err == BW_OK && *same && bw_str_starts(store_str(k), prefix)) {
		*same = bw_sealed_version(store_str(v)) <= seq && ++n <= keys;
		err = store_lmdb_err(mdb_cursor_get(c, &k, &v, MDB_NEXT), "walking");
	}
	mdb_cursor_close(c);
	*same = *same && n == keys;
	return err == BW_ENOTFOUND ? BW_OK : err;
}

enum bw_err store_txn_count(struct store_txn *t, struct bw_str key, int64_t *value)
{
	struct bw_str sealed, plain;

	*value = 0;
	TRY(old_value(t, STORE_COUNTERS, key, &sealed));
	if (!bw_str_set(sealed))
		return BW_OK;
	TRY(store_unseal(t->store, t->txn, BW_SEAL_COUNTER, key, sealed, &t->arena, &plain));
	return store_count_decode(plain, value);
}

static enum bw_err value_put(struct store_txn *t, enum store_table table, enum bw_seal_kind kind,
    struct bw_str key, struct bw_str plain)
{
	struct bw_str old, fresh;

	TRY(old_value(t, table, key, &old));
	if (bw_str_set(old))
		store_state_remove(&t->state, &t->store->fingerprint, key, old);
	fresh = seal(t, kind, key, plain);
	store_state_add(&t->state, &t->store->fingerprint, key, fresh);
	return table_put(t, table, key, fresh);
}

static enum bw_err value_delete(struct store_txn *t, enum store_table table, struct bw_str key)
{
	struct bw_str old;

	TRY(old_value(t, table, key, &old));
	if (!bw_str_set(old))
		return BW_OK;
	store_state_remove(&t->state, &t->store->fingerprint, key, old);
	return store_lmdb_err(mdb_cursor_del(t->cursors[table], 0), "deleting"); /* which stands there */
}

enum bw_err store_txn_put(struct store_txn *t, struct bw_str key, struct bw_str value)
{
	return value_put(t, STORE_RECORDS, BW_SEAL_RECORD, key, value);
}

enum bw_err store_txn_delete(struct store_txn *t, struct bw_str key)
{
	return value_delete(t, STORE_RECORDS, key);
}

enum bw_err store_txn_count_set(struct store_txn *t, struct bw_str key, int64_t value)
{
	unsigned char plain[STORE_COUNT_BYTES];

	if (value == 0)
		return value_delete(t, STORE_COUNTERS, key);
	store_count_encode(value, plain);
	return value_put(t, STORE_COUNTERS, BW_SEAL_COUNTER, key, bw_str_make(plain, sizeof plain));
}

enum bw_err store_txn_rotate(struct store_txn *t)
{
	uint32_t id = t->state.data_key + 1;
	unsigned char wrapped[BW_SEAL_WRAPPED];
	struct bw_str bytes = bw_str_make(wrapped, sizeof wrapped);
	char name[16];

	MUST(!t->new_key);
	if (id >= BW_DATA_KEYS_MAX) {
		bw_log(BW_LOG_ERROR, "store: no number is left for another data key");
		return BW_ETOOBIG;
	}
	bw_seal_key_make(t->store->seal, id, wrapped);
	TRY(bw_seal_key_add(t->store->seal, id, bytes));
	t->new_key = id;
	TRY(table_put(t, STORE_META, store_key_name(id, name), bytes));
	t->state.data_key = id;
	t->state.seals = 0;
	return BW_OK;
}

enum bw_err store_txn_clear(struct store_txn *t)
{
	TRY(store_lmdb_err(mdb_drop(t->txn, t->store->tables[STORE_RECORDS], 0), "clearing"));
	TRY(store_lmdb_err(mdb_drop(t->txn, t->store->tables[STORE_COUNTERS], 0), "clearing"));
	memset(t->state.sum, 0, sizeof t->state.sum);
	t->state.records = 0;
	return BW_OK;
}

enum bw_err bw_store_clear(struct bw_store *s)
{
	struct store_txn t;
	enum bw_err err;

	CHECK(s->ephemeral && !s->read_only, BW_EPERM);
	TRY(store_txn_begin(s, &t));
	t.state.seq++;
	err = store_txn_clear(&t);
	if (err == BW_OK)
		return store_txn_commit(&t);
	store_txn_abort(&t);
	return err;
}

enum bw_err bw_store_rotate_data_key(struct bw_store *s)
{
	struct store_txn t;
	enum bw_err err;

	CHECK(!s->read_only, BW_EPERM);
	TRY(store_txn_begin(s, &t));
	err = store_txn_rotate(&t);
	if (err == BW_OK)
		return store_txn_commit(&t);
	store_txn_abort(&t);
	return err;
}
