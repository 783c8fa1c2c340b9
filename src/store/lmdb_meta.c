/* What the embedded store keeps about itself, and the checks of opening one. */
#include "store/lmdb_store.h"
#include "store/format.h"
#include "base/sys.h"
#include "codec/hex.h"

#include <stdio.h>

/* As it stands in the store (store/format.h). */
#define FORMAT     BW_STR("2")
#define FORMAT_OLD BW_STR("1")
_Static_assert(BW_STORE_FORMAT == 2 && BW_STORE_FORMAT_OLDEST == 1, "the texts say what the numbers say");

struct bw_str store_key_name(uint32_t id, char out[16])
{
	int n = snprintf(out, 16, "key/%08x", id);

	MUST(n == 12);
	return bw_str_make(out, 12);
}

enum bw_err store_key_load(struct bw_store *s, MDB_txn *txn, uint32_t id)
{
	struct bw_str wrapped;
	char name[16];

	TRY(store_lookup(s, txn, STORE_META, store_key_name(id, name), &wrapped));
	return bw_seal_key_add(s->seal, id, wrapped);
}

static enum bw_err state_unseal(struct bw_store *s, MDB_txn *txn, struct store_state *state)
{
	struct bw_arena arena;
	struct bw_str sealed, plain;
	enum bw_err err;

	TRY(store_lookup(s, txn, STORE_META, BW_STR("state"), &sealed));
	bw_arena_init(&arena, 4096);
	err = store_unseal(s, txn, BW_SEAL_STATE, BW_STR("state"), sealed, &arena, &plain);
	if (err == BW_OK)
		err = store_state_decode(plain, state);
	bw_arena_free(&arena);
	state->seq = bw_sealed_version(sealed);
	state->data_key = bw_sealed_data_key(sealed);
	return err;
}

enum bw_err store_state_load(struct bw_store *s, MDB_txn *txn, struct store_state *state)
{
	enum bw_err err = state_unseal(s, txn, state);

	if (err == BW_OK || err == BW_EIO)
		return err;
	bw_log(BW_LOG_ERROR, "store: its state is missing or does not authenticate");
	return BW_ECORRUPT;
}

static enum bw_err key_read(struct bw_store *s, struct bw_str name, struct bw_str wrapped)
{
	struct bw_str digits = bw_str_sub(name, 4, name.n);
	unsigned char id[4];
	char again[16];
	uint32_t number;

	TRY(bw_hex_decode(digits, id, sizeof id) == BW_OK ? BW_OK : BW_ECORRUPT);
	number = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
	CHECK(bw_str_eq(name, store_key_name(number, again)), BW_ECORRUPT);
	return bw_seal_key_add(s->seal, number, wrapped);
}

/* Every wrapped key there is. Those that a rekeying has destroyed leave gaps. */
static enum bw_err keys_load(struct bw_store *s, MDB_txn *txn)
{
	MDB_cursor *c;
	MDB_val k, v;
	enum bw_err err;

	TRY(store_lmdb_err(mdb_cursor_open(txn, s->tables[STORE_META], &c), "opening a cursor"));
	err = store_seek(c, BW_STR("key/"), &k, &v);
	while (err == BW_OK && bw_str_starts(store_str(k), BW_STR("key/"))) {
		err = key_read(s, store_str(k), store_str(v));
		if (err == BW_OK)
			err = store_lmdb_err(mdb_cursor_get(c, &k, &v, MDB_NEXT), "walking");
	}
	mdb_cursor_close(c);
	return err == BW_ENOTFOUND ? BW_OK : err;
}

enum bw_err store_number_load(struct bw_store *s, MDB_txn *txn, struct bw_str key, uint32_t fallback, uint32_t *out)
{
	struct bw_str text;
	int64_t n = fallback;
	enum bw_err err = store_lookup(s, txn, STORE_META, key, &text);

	if (err == BW_OK && bw_str_to_i64(text, 0, UINT32_MAX, &n) != BW_OK)
		err = BW_ECORRUPT;
	*out = (uint32_t)n;
	return err == BW_ENOTFOUND ? BW_OK : err;
}

static enum bw_err loaded_check(struct bw_store *s, MDB_txn *txn, bool old)
{
	struct store_state state;
	enum bw_err err = keys_load(s, txn);

	if (err == BW_ECORRUPT || (err == BW_OK && !bw_seal_key_known(s->seal, 0))) {
		bw_log(BW_LOG_ERROR,
		    "the root key does not open this store: it belongs to another one, or the store's wrapped keys "
		    "were changed");
		return BW_EPERM;
	}
	TRY(err);
	store_fingerprint_make(&s->fingerprint, s->seal, old);
	TRY(store_state_load(s, txn, &state));
	atomic_store(&s->seq, state.seq);
	/* The older sum has to hold before there is a newer one; that one is checked as every store's is. */
	return old && !s->read_only ? store_sum_check(s, txn, &state) : BW_OK;
}

/* From whoever holds the main key. */
static enum bw_err seal_from(struct bw_store *s, struct bw_str salt, uint32_t generation)
{
	unsigned char key[BW_STORE_KEY];

	TRY(s->key(s->key_ctx, salt, &generation, key));
	s->seal = bw_seal_new(key);
	bw_wipe(key, sizeof key);
	atomic_store(&s->generation, generation);
	return BW_OK;
}

static enum bw_err meta_load(struct bw_store *s, MDB_txn *txn, struct bw_str salt)
{
	struct bw_str format;
	uint32_t generation, reseal;
	bool old;

	if (store_lookup(s, txn, STORE_META, BW_STR("format"), &format) != BW_OK ||
	    (!bw_str_eq(format, FORMAT) && !bw_str_eq(format, FORMAT_OLD))) {
		bw_log(BW_LOG_ERROR, "store: format \"%.*s\" is not one this version knows", BW_FMT(format));
		return BW_ECORRUPT;
	}
	old = bw_str_eq(format, FORMAT_OLD);
	TRY(store_number_load(s, txn, BW_STR("generation"), 1, &generation));
	TRY(store_number_load(s, txn, BW_STR("reseal"), 0, &reseal));
	TRY(seal_from(s, salt, generation));
	atomic_store(&s->reseal, reseal);
	return loaded_check(s, txn, old);
}

enum bw_err store_meta_load(struct bw_store *s)
{
	struct bw_str salt;
	MDB_txn *txn;
	enum bw_err err;

	TRY(store_lmdb_err(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn), "reading the store's state"));
	err = store_lookup(s, txn, STORE_META, BW_STR("salt"), &salt);
	if (err == BW_OK)
		err = meta_load(s, txn, salt);
	mdb_txn_abort(txn);
	return err;
}

static enum bw_err format_raise(struct store_txn *t)
{
	MDB_val k = store_val(BW_STR("format")), v = store_val(FORMAT);

	TRY(store_sum_take(t->store, t->txn, &t->state));
	return store_lmdb_err(mdb_put(t->txn, t->store->tables[STORE_META], &k, &v, 0), "writing");
}

/* What is summed has just agreed with the older fingerprint, and nobody else may write. */
enum bw_err store_format_raise(struct bw_store *s)
{
	struct store_txn t;
	enum bw_err err;

	TRY(store_txn_begin(s, &t));
	store_fingerprint_make(&s->fingerprint, s->seal, false);
	err = format_raise(&t);
	if (err == BW_OK)
		return store_txn_commit(&t);
	store_txn_abort(&t);
	return err;
}

static enum bw_err meta_put(struct bw_store *s, MDB_txn *txn, struct bw_str key, struct bw_str value)
{
	MDB_val k = store_val(key), v = store_val(value);

	return store_lmdb_err(
	    mdb_put(txn, s->tables[STORE_META], &k, &v, MDB_NOOVERWRITE), "making the store");
}

static enum bw_err key_first(struct bw_store *s, MDB_txn *txn, uint32_t id)
{
	unsigned char wrapped[BW_SEAL_WRAPPED];
	struct bw_str bytes = bw_str_make(wrapped, sizeof wrapped);
	char name[16];

	bw_seal_key_make(s->seal, id, wrapped);
	TRY(bw_seal_key_add(s->seal, id, bytes));
	return meta_put(s, txn, store_key_name(id, name), bytes);
}

static enum bw_err state_first(struct bw_store *s, MDB_txn *txn)
{
	const struct store_state state = {.seals = 1};
	unsigned char plain[STORE_STATE_BYTES];
	struct bw_buf sealed;
	enum bw_err err;

	store_state_encode(&state, plain);
	bw_buf_init(&sealed, 4096);
	bw_seal_value(
	    s->seal, BW_SEAL_STATE, 1, BW_STR("state"), 0, bw_str_make(plain, sizeof plain), &sealed);
	err = meta_put(s, txn, BW_STR("state"), bw_buf_str(&sealed));
	bw_buf_free(&sealed);
	return err;
}

/* Records without a state are no fresh store, but one whose state was taken away. */
static enum bw_err tables_empty(struct bw_store *s, MDB_txn *txn)
{
	MDB_stat records, counters;

	TRY(store_lmdb_err(mdb_stat(txn, s->tables[STORE_RECORDS], &records), "counting"));
	TRY(store_lmdb_err(mdb_stat(txn, s->tables[STORE_COUNTERS], &counters), "counting"));
	return records.ms_entries || counters.ms_entries ? BW_ECORRUPT : BW_OK;
}

static enum bw_err seal_for_make(struct bw_store *s, struct bw_str salt)
{
	unsigned char key[BW_STORE_KEY];

	if (!s->ephemeral)
		return seal_from(s, salt, 0);
	bw_random(key, sizeof key);
	s->seal = bw_seal_new(key);
	bw_wipe(key, sizeof key);
	return BW_OK;
}

static enum bw_err meta_make(struct bw_store *s, MDB_txn *txn)
{
	char number[16];
	unsigned char bytes[BW_SEAL_SALT];
	struct bw_str salt = bw_str_make(bytes, sizeof bytes);

	TRY(tables_empty(s, txn));
	bw_random(bytes, sizeof bytes);
	TRY(seal_for_make(s, salt));
	(void)snprintf(number, sizeof number, "%u", atomic_load(&s->generation));
	TRY(meta_put(s, txn, BW_STR("generation"), bw_str_c(number)));
	TRY(meta_put(s, txn, BW_STR("format"), FORMAT));
	TRY(meta_put(s, txn, BW_STR("salt"), salt));
	TRY(key_first(s, txn, 0));
	TRY(key_first(s, txn, 1));
	return state_first(s, txn);
}

enum bw_err store_meta_make(struct bw_store *s)
{
	MDB_txn *txn;
	enum bw_err err;

	TRY(store_lmdb_err(mdb_txn_begin(s->env, NULL, 0, &txn), "making the store"));
	err = meta_make(s, txn);
	if (err != BW_OK) {
		mdb_txn_abort(txn);
		bw_log(BW_LOG_ERROR, "store: cannot be made: %s", bw_err_name(err));
		return err;
	}
	store_fingerprint_make(&s->fingerprint, s->seal, false);
	return store_lmdb_err(mdb_txn_commit(txn), "making the store");
}
