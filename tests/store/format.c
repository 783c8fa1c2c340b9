/* A store of the first format, whose fingerprint was an HMAC, is taken over as it is opened. It is made here by
 * putting the older facts into a store of today. */
#include "fixture.h"
#include "store/seal.h"
#include "store/state.h"

#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#define A BW_STR("acct/-/iam/user/a")
#define B BW_STR("acct/-/iam/user/b")

static struct fixture f;

static MDB_val val(struct bw_str s)
{
	return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

static struct bw_str get(MDB_txn *txn, MDB_dbi table, struct bw_str key)
{
	MDB_val k = val(key), v;

	return mdb_get(txn, table, &k, &v) == 0 ? bw_str_make(v.mv_data, v.mv_size) : BW_STR_NONE;
}

static bool put(MDB_txn *txn, MDB_dbi table, struct bw_str key, struct bw_str value)
{
	MDB_val k = val(key), v = val(value);

	return mdb_put(txn, table, &k, &v, 0) == 0;
}

static bool table_sum(
    MDB_txn *txn, MDB_dbi table, const struct store_fingerprint *print, struct store_state *sum)
{
	MDB_cursor *c;
	MDB_val k, v;

	if (mdb_cursor_open(txn, table, &c) != 0)
		return false;
	while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0)
		store_state_add(sum, print, bw_str_make(k.mv_data, k.mv_size), bw_str_make(v.mv_data, v.mv_size));
	mdb_cursor_close(c);
	return true;
}

static bool age(MDB_txn *txn, MDB_dbi meta, MDB_dbi records, MDB_dbi counters)
{
	struct store_fingerprint print;
	unsigned char plain[STORE_STATE_BYTES];
	struct bw_str now = get(txn, meta, BW_STR("state")), old;
	struct store_state state = {.seq = bw_sealed_version(now), .seals = 1};
	unsigned char key[BW_STORE_KEY];
	uint32_t generation = 1;
	struct bw_seal *seal;
	struct bw_buf b;

	if (key_of_main(f.main_key, get(txn, meta, BW_STR("salt")), &generation, key) != BW_OK)
		return false;
	seal = bw_seal_new(key);
	if (bw_seal_key_add(seal, 0, get(txn, meta, BW_STR("key/00000000"))) != BW_OK ||
	    bw_seal_key_add(seal, 1, get(txn, meta, BW_STR("key/00000001"))) != BW_OK)
		return false;
	store_fingerprint_make(&print, seal, true);
	if (!table_sum(txn, records, &print, &state) || !table_sum(txn, counters, &print, &state))
		return false;
	store_state_encode(&state, plain);
	bw_buf_init(&b, 4096);
	bw_seal_value(
	    seal, BW_SEAL_STATE, 1, BW_STR("state"), state.seq, bw_str_make(plain, sizeof plain), &b);
	old = bw_buf_str(&b);
	return put(txn, meta, BW_STR("state"), old) && put(txn, meta, BW_STR("format"), BW_STR("1"));
}

static bool remove_b(MDB_txn *txn, MDB_dbi meta, MDB_dbi records, MDB_dbi counters)
{
	MDB_val k = val(B);

	(void)meta, (void)counters;
	return mdb_del(txn, records, &k, NULL) == 0;
}

static bool is_new(MDB_txn *txn, MDB_dbi meta, MDB_dbi records, MDB_dbi counters)
{
	(void)records, (void)counters;
	return bw_str_eq(get(txn, meta, BW_STR("format")), BW_STR("2"));
}

/* In a child, as LMDB opens a file once a process; the store is closed. */
static bool raw(bool (*run)(MDB_txn *txn, MDB_dbi meta, MDB_dbi records, MDB_dbi counters))
{
	pid_t child = fork();
	MDB_dbi meta, records, counters;
	MDB_env *env;
	MDB_txn *txn;
	int status;

	if (child == 0) {
		bool good = mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 3) == 0 &&
		            mdb_env_open(env, f.data, 0, 0600) == 0 && mdb_txn_begin(env, NULL, 0, &txn) == 0 &&
		            mdb_dbi_open(txn, NULL, 0, &meta) == 0 &&
		            mdb_dbi_open(txn, "records", 0, &records) == 0 &&
		            mdb_dbi_open(txn, "counters", 0, &counters) == 0 && run(txn, meta, records, counters) &&
		            mdb_txn_commit(txn) == 0;

		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status == 0;
}

static void old_store(void)
{
	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("first")));
	assert_ok(put_one(&f, B, BW_STR("second")));
	assert_ok(count_one(&f, A, 3, 10));
	fixture_close_store(&f);
	assert_true(raw(age));
	assert_false(raw(is_new));
}

TEST(format_an_older_store_opens_and_is_taken_over)
{
	struct bw_str value;

	old_store();
	fixture_reopen(&f);
	assert_ok(get_one(&f, A, &value, NULL));
	assert_str(value, "first");
	assert_int_equal(count_of(&f, A), 3);
	assert_ok(put_one(&f, B, BW_STR("third")));
	fixture_close_store(&f);
	assert_true(raw(is_new));
	fixture_reopen(&f);
	assert_int_equal(version_of(&f, B), 4);
	fixture_close(&f);
}

TEST(format_an_older_store_is_looked_at_and_left_as_it_is)
{
	struct bw_str value;

	old_store();
	f.config.read_only = true;
	fixture_reopen(&f);
	assert_ok(get_one(&f, A, &value, NULL));
	fixture_close_store(&f);
	assert_false(raw(is_new));
	f.config.read_only = false;
	fixture_reopen(&f);
	fixture_close(&f);
}

TEST(format_an_older_store_that_was_tampered_with_is_refused)
{
	old_store();
	assert_true(raw(remove_b));
	assert_int_equal(bw_store_open(&f.config, &f.store), BW_ECORRUPT);
	assert_false(raw(is_new));
	fixture_close(&f);
}
