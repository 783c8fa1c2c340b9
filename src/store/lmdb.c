/* The embedded store's reading side: snapshots, values, walks. */
#include "store/lmdb_store.h"
#include "base/sys.h"
#include "crypto/crypto.h"

struct bw_snapshot {
	struct bw_store *store;
	MDB_txn *txn;
	MDB_cursor *spare; /* the last walk's, kept for the next one */
};

enum bw_err store_lmdb_err(int rc, const char *what)
{
	if (rc == MDB_SUCCESS)
		return BW_OK;
	if (rc == MDB_NOTFOUND)
		return BW_ENOTFOUND;
	if (rc == MDB_MAP_FULL)
		bw_log(BW_LOG_ERROR, "store: %s: the map is full: start again with a larger map size", what);
	else
		bw_log(BW_LOG_ERROR, "store: %s: %s", what, mdb_strerror(rc));
	return BW_EIO;
}

enum bw_err store_lookup(
    const struct bw_store *s, MDB_txn *txn, enum store_table table, struct bw_str key, struct bw_str *sealed)
{
	MDB_val k = store_val(key), v;

	*sealed = BW_STR_NONE;
	CHECK(key.n > 0 && key.n <= BW_STORE_KEY_MAX, BW_ENOTFOUND);
	TRY(store_lmdb_err(mdb_get(txn, s->tables[table], &k, &v), "reading"));
	*sealed = store_str(v);
	return BW_OK;
}

enum bw_err store_unseal(struct bw_store *s, MDB_txn *txn, enum bw_seal_kind kind, struct bw_str key,
    struct bw_str sealed, struct bw_arena *arena, struct bw_str *plain)
{
	enum bw_err err = BW_OK;

	*plain = BW_STR_NONE;
	/* Another process may have rotated the data key since this one has read them. */
	if (!bw_seal_key_known(s->seal, bw_sealed_data_key(sealed)))
		err = store_key_load(s, txn, bw_sealed_data_key(sealed));
	if (err == BW_OK)
		err = bw_seal_open(s->seal, kind, key, sealed, arena, plain, NULL);
	if (err == BW_OK || err == BW_EIO)
		return err;
	bw_log(BW_LOG_ERROR, "store: the value of %.*s does not authenticate: it was changed or moved",
	    BW_FMT(key));
	return BW_ECORRUPT;
}

enum bw_err store_count_decode(struct bw_str plain, int64_t *out)
{
	uint64_t v = 0;

	CHECK(plain.n == STORE_COUNT_BYTES, BW_ECORRUPT);
	for (size_t i = 0; i < plain.n; i++)
		v = v << 8 | (unsigned char)plain.p[i];
	CHECK(v > 0 && v <= INT64_MAX, BW_ECORRUPT);
	*out = (int64_t)v;
	return BW_OK;
}

void store_count_encode(int64_t value, unsigned char out[STORE_COUNT_BYTES])
{
	for (size_t i = 0; i < STORE_COUNT_BYTES; i++)
		out[i] = (unsigned char)(value >> 8 * (STORE_COUNT_BYTES - 1 - i));
}

/* A ready snapshot out of the pool, or a new one; renewing takes no lock, as it keeps its place in the reader
 * table. */
static enum bw_err view_take(struct bw_store *s, struct bw_snapshot **out)
{
	int rc;

	for (size_t i = 0; i < STORE_IDLE_VIEWS; i++) {
		if (!atomic_load_explicit(&s->idle[i], memory_order_relaxed))
			continue;
		*out = atomic_exchange(&s->idle[i], NULL);
		if (*out)
			return store_lmdb_err(mdb_txn_renew((*out)->txn), "renewing a snapshot");
	}
	*out = bw_alloc(sizeof **out);
	(*out)->store = s;
	rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &(*out)->txn);
	return rc == MDB_READERS_FULL ? BW_EAGAIN : store_lmdb_err(rc, "beginning a snapshot");
}

static void view_free(struct bw_snapshot *v)
{
	if (v->spare)
		mdb_cursor_close(v->spare);
	if (v->txn)
		mdb_txn_abort(v->txn);
	bw_free(v);
}

enum bw_err bw_snapshot_begin(struct bw_store *s, struct bw_snapshot **out)
{
	enum bw_err err = view_take(s, out);

	if (err != BW_OK) {
		view_free(*out);
		*out = NULL;
	}
	return err;
}

void bw_snapshot_end(struct bw_snapshot *v)
{
	mdb_txn_reset(v->txn);
	for (size_t i = 0; i < STORE_IDLE_VIEWS; i++) {
		struct bw_snapshot *empty = NULL;

		if (atomic_compare_exchange_strong(&v->store->idle[i], &empty, v))
			return;
	}
	view_free(v);
}

void store_views_free(struct bw_store *s)
{
	for (size_t i = 0; i < STORE_IDLE_VIEWS; i++) {
		struct bw_snapshot *v = atomic_exchange(&s->idle[i], NULL);

		if (v)
			view_free(v);
	}
}

uint64_t bw_snapshot_seq(const struct bw_snapshot *v)
{
	struct bw_str sealed;

	MUST(store_lookup(v->store, v->txn, STORE_META, BW_STR("state"), &sealed) == BW_OK);
	return bw_sealed_version(sealed);
}

enum bw_err bw_snapshot_get(
    struct bw_snapshot *v, struct bw_str key, struct bw_arena *arena, struct bw_str *value, uint64_t *version)
{
	struct bw_str sealed;
	enum bw_err err = store_lookup(v->store, v->txn, STORE_RECORDS, key, &sealed);

	*value = BW_STR_NONE;
	if (version)
		*version = bw_sealed_version(sealed);
	return err == BW_OK ? store_unseal(v->store, v->txn, BW_SEAL_RECORD, key, sealed, arena, value) : err;
}

uint64_t bw_snapshot_version(struct bw_snapshot *v, struct bw_str key)
{
	struct bw_str sealed;

	if (store_lookup(v->store, v->txn, STORE_RECORDS, key, &sealed) != BW_OK)
		return 0;
	return bw_sealed_version(sealed);
}

int64_t bw_snapshot_count(struct bw_snapshot *v, struct bw_str key)
{
	struct bw_str sealed, plain;
	struct bw_arena arena;
	int64_t n = INT64_MAX;
	enum bw_err err = store_lookup(v->store, v->txn, STORE_COUNTERS, key, &sealed);

	if (err == BW_ENOTFOUND)
		return 0;
	bw_arena_init(&arena, 4096);
	if (err == BW_OK)
		err = store_unseal(v->store, v->txn, BW_SEAL_COUNTER, key, sealed, &arena, &plain);
	if (err == BW_OK && store_count_decode(plain, &n) != BW_OK)
		n = INT64_MAX;
	bw_arena_free(&arena);
	return n;
}

enum bw_err store_seek(MDB_cursor *c, struct bw_str from, MDB_val *key, MDB_val *value)
{
	/* No stored key is longer than BW_STORE_KEY_MAX, so one byte more of `from` orders among them as all
	 * of it does. */
	*key = store_val(bw_str_sub(from, 0, BW_STORE_KEY_MAX + 1));
	return store_lmdb_err(mdb_cursor_get(c, key, value, from.n ? MDB_SET_RANGE : MDB_FIRST), "seeking");
}

enum bw_err bw_scan_begin(
    struct bw_snapshot *v, struct bw_str prefix, struct bw_str after, struct bw_scan *scan)
{
	MDB_cursor *c = v->spare;
	int rc;

	*scan = (struct bw_scan){.view = v, .prefix = prefix, .after = after};
	v->spare = NULL;
	rc = c ? mdb_cursor_renew(v->txn, c) : mdb_cursor_open(v->txn, v->store->tables[STORE_RECORDS], &c);
	scan->cursor = c;
	return store_lmdb_err(rc, "opening a cursor");
}

/* The cursor on the next key, whether or not it still has the prefix. */
static enum bw_err scan_step(struct bw_scan *scan, MDB_val *key, MDB_val *value)
{
	bool resumed = bw_str_set(scan->after) && bw_str_cmp(scan->after, scan->prefix) >= 0;

	if (scan->started)
		return store_lmdb_err(mdb_cursor_get(scan->cursor, key, value, MDB_NEXT), "walking");
	scan->started = true;
	TRY(store_seek(scan->cursor, resumed ? scan->after : scan->prefix, key, value));
	if (resumed && bw_str_eq(store_str(*key), scan->after))
		return store_lmdb_err(mdb_cursor_get(scan->cursor, key, value, MDB_NEXT), "walking");
	return BW_OK;
}

enum bw_err bw_scan_next(
    struct bw_scan *scan, struct bw_arena *arena, struct bw_str *key, struct bw_str *value, uint64_t *version)
{
	struct bw_snapshot *v = scan->view;
	enum bw_err err = BW_ENOTFOUND;
	MDB_val k, sealed;

	*key = BW_STR_NONE;
	if (value)
		*value = BW_STR_NONE;
	if (scan->cursor)
		err = scan_step(scan, &k, &sealed);
	if (err == BW_OK && !bw_str_starts(store_str(k), scan->prefix))
		err = BW_ENOTFOUND;
	if (err != BW_OK) {
		bw_scan_end(scan);
		return err;
	}
	*key = bw_arena_str(arena, store_str(k));
	if (version)
		*version = bw_sealed_version(store_str(sealed));
	return value ? store_unseal(v->store, v->txn, BW_SEAL_RECORD, *key, store_str(sealed), arena, value)
	             : BW_OK;
}

void bw_scan_end(struct bw_scan *scan)
{
	if (!scan->cursor)
		return;
	if (scan->view->spare)
		mdb_cursor_close(scan->cursor);
	else
		scan->view->spare = scan->cursor;
	scan->cursor = NULL;
}

uint64_t bw_store_seq(const struct bw_store *s)
{
	return atomic_load(&s->seq);
}

void bw_store_derive(const struct bw_store *s, struct bw_str purpose, unsigned char out[32])
{
	bw_seal_derive(s->seal, purpose, out);
}
