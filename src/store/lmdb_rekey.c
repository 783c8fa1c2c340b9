/* New keys for a store that is in use: its data keys are wrapped for another main key, a new data key begins, and every value is
 * sealed anew under it, some hundred in a commit, with the version it has. Then the older data keys are destroyed.
 *
 * "reseal" in the main table is the number of that new data key, from the first step to the last. It is not authenticated: who
 * changes it can have the walk end too early, upon which no key is destroyed that a value needs. */
#include "store/lmdb_store.h"
#include "base/sys.h"

#include <stdio.h>
#include <time.h>

enum {
	STEP_VALUES = 256,
	STEP_BYTES = 4 * 1024 * 1024, /* of values in one commit */
	READERS_WAIT_MS = 60000,      /* for snapshots from before; calls end long before it */
	READERS_STEP_NS = 10 * 1000 * 1000,
};

uint32_t bw_store_generation(const struct bw_store *s)
{
	return atomic_load(&s->generation);
}

bool bw_store_rekeying(const struct bw_store *s)
{
	return atomic_load(&s->reseal) != 0;
}

static enum bw_err meta_put(struct store_txn *t, struct bw_str key, struct bw_str value)
{
	MDB_val k = store_val(key), v = store_val(value);

	return store_lmdb_err(mdb_put(t->txn, t->store->tables[STORE_META], &k, &v, 0), "rekeying");
}

static enum bw_err number_put(struct store_txn *t, struct bw_str key, uint32_t n)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%u", n);
	return meta_put(t, key, bw_str_c(text));
}

static enum bw_err meta_delete(struct store_txn *t, struct bw_str key)
{
	MDB_val k = store_val(key);
	int rc = mdb_del(t->txn, t->store->tables[STORE_META], &k, NULL);

	return rc == MDB_NOTFOUND ? BW_OK : store_lmdb_err(rc, "rekeying");
}

/* Ends the transaction either way. */
static enum bw_err settled(struct store_txn *t, enum bw_err err)
{
	if (err == BW_OK)
		return store_txn_commit(t);
	store_txn_abort(t);
	return err;
}

/* ---- Beginning ---- */

static enum bw_err keys_rewrap(struct store_txn *t, const unsigned char key[BW_STORE_KEY])
{
	unsigned char fresh[BW_SEAL_WRAPPED];
	struct bw_str wrapped;
	char name[16];
	enum bw_err err;

	for (uint32_t id = 0; id <= t->state.data_key; id++) {
		err = store_lookup(t->store, t->txn, STORE_META, store_key_name(id, name), &wrapped);
		if (err == BW_ENOTFOUND)
			continue;
		TRY(err);
		TRY(bw_seal_key_rewrap(t->store->seal, key, id, wrapped, fresh));
		TRY(meta_put(t, store_key_name(id, name), bw_str_make(fresh, sizeof fresh)));
	}
	return BW_OK;
}

static enum bw_err salt_load(struct store_txn *t, char salt[BW_SEAL_SALT])
{
	struct bw_str stored;

	TRY(store_lookup(t->store, t->txn, STORE_META, BW_STR("salt"), &stored));
	CHECK(stored.n == BW_SEAL_SALT, BW_ECORRUPT);
	memcpy(salt, stored.p, BW_SEAL_SALT);
	return BW_OK;
}

static enum bw_err begin(
    struct store_txn *t, struct bw_str salt, uint32_t *generation, unsigned char key[BW_STORE_KEY])
{
	struct bw_store *s = t->store;

	TRY(s->key(s->key_ctx, salt, generation, key));
	TRY(keys_rewrap(t, key));
	TRY(number_put(t, BW_STR("generation"), *generation));
	TRY(number_put(t, BW_STR("reseal"), t->state.data_key + 1));
	/* Before the lock is given up: what is wrapped next is wrapped for what is on the disk then. Nobody else is at it, as every
	 * key in use is known. */
	bw_seal_rekey(s->seal, key);
	return BW_OK;
}

/* The transaction has failed: the disk has what it had. */
static void begin_undo(struct bw_store *s, struct bw_str salt)
{
	uint32_t generation = bw_store_generation(s);
	unsigned char key[BW_STORE_KEY];

	MUST(s->key(s->key_ctx, salt, &generation, key) == BW_OK);
	bw_seal_rekey(s->seal, key);
	bw_wipe(key, sizeof key);
}

enum bw_err bw_store_rekey_begin(struct bw_store *s, uint32_t generation)
{
	unsigned char key[BW_STORE_KEY];
	char salt[BW_SEAL_SALT];
	struct store_txn t;
	uint32_t reseal;
	bool begun;
	enum bw_err err;

	CHECK(!s->read_only && !s->ephemeral, BW_EPERM);
	if (generation == bw_store_generation(s))
		return BW_OK;
	TRY(store_txn_begin(s, &t));
	reseal = t.state.data_key + 1;
	err = salt_load(&t, salt);
	if (err == BW_OK)
		err = begin(&t, bw_str_make(salt, sizeof salt), &generation, key);
	begun = err == BW_OK;
	err = settled(&t, err);
	if (begun && err != BW_OK)
		begin_undo(s, bw_str_make(salt, sizeof salt));
	if (err == BW_OK) {
		atomic_store(&s->reseal, reseal);
		atomic_store(&s->generation, generation);
	}
	bw_wipe(key, sizeof key);
	return err;
}

/* ---- Walking ---- */

static const enum bw_seal_kind kinds[STORE_TABLES] = {[STORE_RECORDS] = BW_SEAL_RECORD, [STORE_COUNTERS] = BW_SEAL_COUNTER};

static enum bw_err value_reseal(struct store_txn *t, MDB_cursor *c, enum store_table table, struct bw_str key, struct bw_str old)
{
	struct bw_str plain, fresh;
	MDB_val k, v;

	key = bw_arena_str(&t->arena, key);
	old = bw_arena_str(&t->arena, old);
	TRY(store_unseal(t->store, t->txn, kinds[table], key, old, &t->arena, &plain));
	bw_buf_reset(&t->sealed);
	bw_seal_value(t->store->seal, kinds[table], t->state.data_key, key, bw_sealed_version(old), plain, &t->sealed);
	MUST(!t->sealed.failed);
	t->state.seals++;
	fresh = bw_buf_str(&t->sealed);
	store_state_remove(&t->state, &t->store->fingerprint, key, old);
	store_state_add(&t->state, &t->store->fingerprint, key, fresh);
	k = store_val(key);
	v = store_val(fresh);
	return store_lmdb_err(mdb_cursor_put(c, &k, &v, MDB_CURRENT), "rekeying");
}

/* From behind the key that the walk has come to. */
static enum bw_err seek(const struct bw_store_rekey *r, MDB_cursor *c, MDB_val *k, MDB_val *v)
{
	struct bw_str after = bw_str_make(r->after, r->after_n);

	TRY(store_seek(c, after, k, v));
	if (r->after_n && bw_str_eq(store_str(*k), after))
		return store_lmdb_err(mdb_cursor_get(c, k, v, MDB_NEXT), "walking");
	return BW_OK;
}

static enum bw_err walk(struct store_txn *t, struct bw_store_rekey *r, MDB_cursor *c)
{
	uint32_t reseal = atomic_load(&t->store->reseal);
	size_t values = 0, bytes = 0;
	MDB_val k, v;
	enum bw_err err = seek(r, c, &k, &v);

	while (err == BW_OK && values < STEP_VALUES && bytes < STEP_BYTES) {
		MUST(k.mv_size <= sizeof r->after);
		memcpy(r->after, k.mv_data, k.mv_size);
		r->after_n = k.mv_size;
		r->done++;
		if (bw_sealed_data_key(store_str(v)) < reseal) {
			values++;
			bytes += v.mv_size;
			TRY(value_reseal(t, c, r->table, store_str(k), store_str(v)));
		}
		err = store_lmdb_err(mdb_cursor_get(c, &k, &v, MDB_NEXT), "walking");
	}
	return err;
}

static enum bw_err step(struct store_txn *t, struct bw_store_rekey *r)
{
	MDB_cursor *c;
	enum bw_err err;

	/* Its first key, or, once in a long walk, another. */
	if (t->state.data_key < atomic_load(&t->store->reseal) || t->state.seals >= t->store->seals_max)
		TRY(store_txn_rotate(t));
	r->total = t->state.records;
	TRY(store_lmdb_err(mdb_cursor_open(t->txn, t->store->tables[r->table], &c), "opening a cursor"));
	err = walk(t, r, c);
	mdb_cursor_close(c);
	if (err != BW_ENOTFOUND)
		return err;
	r->finished = r->table == STORE_COUNTERS;
	r->table = STORE_COUNTERS;
	r->after_n = 0;
	return BW_OK;
}

enum bw_err bw_store_rekey_step(struct bw_store *s, struct bw_store_rekey *r)
{
	struct bw_store_rekey before;
	struct store_txn t;
	enum bw_err err;

	CHECK(!s->read_only && !s->ephemeral, BW_EPERM);
	r->finished = !bw_store_rekeying(s);
	if (r->finished)
		return BW_OK;
	if (r->table == STORE_META)
		r->table = STORE_RECORDS;
	before = *r;
	TRY(store_txn_begin(s, &t));
	err = settled(&t, step(&t, r));
	if (err != BW_OK)
		*r = before;
	return err;
}

/* ---- Ending ---- */

static enum bw_err none_left(struct store_txn *t, enum store_table table, uint32_t reseal)
{
	MDB_cursor *c;
	MDB_val k, v;
	bool left = false;
	int rc;

	TRY(store_lmdb_err(mdb_cursor_open(t->txn, t->store->tables[table], &c), "opening a cursor"));
	while (!left && (rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == MDB_SUCCESS)
		left = bw_sealed_data_key(store_str(v)) < reseal;
	mdb_cursor_close(c);
	if (left)
		return BW_EAGAIN;
	return rc == MDB_NOTFOUND ? BW_OK : store_lmdb_err(rc, "walking");
}

static enum bw_err keys_destroy(struct store_txn *t, uint32_t reseal)
{
	char name[16];

	CHECK(t->state.data_key >= reseal, BW_EAGAIN);
	TRY(none_left(t, STORE_RECORDS, reseal));
	TRY(none_left(t, STORE_COUNTERS, reseal));
	for (uint32_t id = 1; id < reseal; id++)
		TRY(meta_delete(t, store_key_name(id, name)));
	return meta_delete(t, BW_STR("reseal"));
}

/* The last column of a reader's line is its transaction, "-" when it has none. */
static int reader_look(const char *line, void *ctx)
{
	struct bw_str s = bw_str_c(line);
	uint64_t *oldest = ctx;
	int64_t txn;

	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	while (bw_str_find(s, ' ', 0) >= 0)
		(void)bw_str_cut(&s, ' ');
	if (bw_str_to_i64(s, 1, INT64_MAX, &txn) == BW_OK && (uint64_t)txn < *oldest)
		*oldest = (uint64_t)txn;
	return 0;
}

/* Whether every snapshot that is open now sees what was just committed. */
static bool readers_gone(struct bw_store *s)
{
	const struct timespec pause = {0, READERS_STEP_NS};
	int64_t end_ms = bw_clock_mono_ms() + READERS_WAIT_MS;
	MDB_envinfo info;

	if (mdb_env_info(s->env, &info) != 0)
		return false;
	while (bw_clock_mono_ms() < end_ms) {
		uint64_t oldest = UINT64_MAX;

		if (mdb_reader_list(s->env, reader_look, &oldest) >= 0 && oldest >= info.me_last_txnid)
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

enum bw_err bw_store_rekey_end(struct bw_store *s)
{
	uint32_t reseal = atomic_load(&s->reseal);
	struct store_txn t;

	CHECK(!s->read_only && !s->ephemeral, BW_EPERM);
	if (!reseal)
		return BW_OK;
	TRY(store_txn_begin(s, &t));
	TRY(settled(&t, keys_destroy(&t, reseal)));
	atomic_store(&s->reseal, 0);
	if (!readers_gone(s)) {
		bw_log(BW_LOG_WARN, "store: a snapshot stays open: older data keys, which are of no use any more, stay in memory");
		return BW_OK;
	}
	for (uint32_t id = 1; id < reseal; id++)
		bw_seal_key_forget(s->seal, id);
	return BW_OK;
}
