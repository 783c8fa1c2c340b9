/* Somebody writes into the database file behind the program's back. LMDB opens a file only once a process, so
 * it is done in a child. */
#include "fixture.h"
#include "store/seal.h"

#include <lmdb.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define A BW_STR("acct/-/iam/user/a")
#define B BW_STR("acct/-/iam/user/b")

static struct fixture f;

/* Gives `change` a write transaction; `arg` is for it. True when it and everything else went well. */
static bool raw_run(
    bool (*change)(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg), void *arg)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi records, counters, meta;
	bool good;

	good = mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, (size_t)1 << 30) == 0 &&
	       mdb_env_set_maxdbs(env, 3) == 0 && mdb_env_open(env, f.data, 0, 0600) == 0 &&
	       mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &meta) == 0 &&
	       mdb_dbi_open(txn, "records", 0, &records) == 0 &&
	       mdb_dbi_open(txn, "counters", 0, &counters) == 0 &&
	       change(txn, records, counters, meta, arg) && mdb_txn_commit(txn) == 0;
	if (good)
		mdb_env_close(env);
	return good;
}

static void raw(
    bool (*change)(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg), void *arg)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(raw_run(change, arg) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static MDB_val val(struct bw_str s)
{
	return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

static unsigned char held[4096];
static MDB_val held_val;

/* A copy of what stands under `key`. */
static bool hold(MDB_txn *txn, MDB_dbi table, struct bw_str key)
{
	MDB_val k = val(key), v;

	if (mdb_get(txn, table, &k, &v) != 0 || v.mv_size > sizeof held)
		return false;
	memcpy(held, v.mv_data, v.mv_size);
	held_val = (MDB_val){v.mv_size, held};
	return true;
}

static bool place(MDB_txn *txn, MDB_dbi table, struct bw_str key)
{
	MDB_val k = val(key);

	return mdb_put(txn, table, &k, &held_val, 0) == 0;
}

static bool swap_values(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	(void)counters, (void)meta, (void)arg;
	return hold(txn, records, A) && place(txn, records, B);
}

TEST(tamper_a_moved_value_is_refused)
{
	struct bw_str value;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("allow everything")));
	assert_ok(put_one(&f, B, BW_STR("allow nothing")));
	raw(swap_values, NULL);
	assert_ok(get_one(&f, A, &value, NULL));
	assert_int_equal(get_one(&f, B, &value, NULL), BW_ECORRUPT);
	assert_false(bw_str_set(value));
	fixture_close_store(&f);
	fixture_open_tampered(&f);
	fixture_close(&f);
}

static bool value_to(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *to)
{
	(void)counters, (void)meta;
	return hold(txn, records, A) && place(txn, records, bw_str_c(to));
}

TEST(tamper_a_value_of_another_account_region_service_or_kind_is_refused)
{
	static const char *const elsewhere[] = {
	    "acc2/-/iam/user/a", "acct/eu-west-1/iam/user/a", "acct/-/kms/user/a", "acct/-/iam/role/a"};

	for (size_t i = 0; i < BW_COUNT(elsewhere); i++) {
		struct bw_str there = bw_str_c(elsewhere[i]), value;

		fixture_open(&f);
		assert_ok(put_one(&f, A, BW_STR("allow everything")));
		if (i % 2)
			assert_ok(put_one(&f, there, BW_STR("allow nothing")));
		raw(value_to, (void *)(uintptr_t)elsewhere[i]);
		assert_int_equal(get_one(&f, there, &value, NULL), BW_ECORRUPT);
		assert_false(bw_str_set(value));
		fixture_close_store(&f);
		fixture_open_tampered(&f);
		fixture_close(&f);
	}
}

static bool counter_to_record(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	(void)meta, (void)arg;
	return hold(txn, counters, A) && place(txn, records, A);
}

static bool record_to_counter(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	(void)meta, (void)arg;
	return hold(txn, records, B) && place(txn, counters, B);
}

TEST(tamper_a_value_of_the_other_table_is_refused)
{
	struct bw_str value;

	fixture_open(&f);
	assert_ok(count_one(&f, A, 1, 10));
	assert_ok(put_one(&f, B, BW_STR("\0\0\0\0\0\0\0\1")));
	raw(counter_to_record, NULL);
	raw(record_to_counter, NULL);
	assert_int_equal(get_one(&f, A, &value, NULL), BW_ECORRUPT);
	/* A quota errs on the safe side; counting up is refused, and so is nothing else. */
	assert_int_equal(count_of(&f, B), INT64_MAX);
	assert_int_equal(count_one(&f, B, 1, 10), BW_ECORRUPT);
	assert_ok(count_one(&f, A, 1, 10));
	fixture_close(&f);
}

/* In one child: remembers a value, and puts it (or its ciphertext alone) back after the parent has changed
 * it. */
struct rollback {
	int remembered[2], changed[2];
	bool keep_head;
};

static bool do_hold(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	(void)counters, (void)meta, (void)arg;
	return hold(txn, records, A);
}

static bool do_place(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	unsigned char old[sizeof held];
	MDB_val k = val(A), now;

	(void)counters, (void)meta;
	if (((struct rollback *)arg)->keep_head) {
		memcpy(old, held, sizeof old);
		if (mdb_get(txn, records, &k, &now) != 0)
			return false;
		memcpy(held, now.mv_data, BW_SEAL_HEAD);
	}
	return place(txn, records, A);
}

static void rollback_child(struct rollback *r)
{
	char byte = 0;

	/* A second environment of one file in one process is only a problem while both are open. */
	if (!raw_run(do_hold, NULL) || write(r->remembered[1], &byte, 1) != 1 ||
	    read(r->changed[0], &byte, 1) != 1)
		_exit(1);
	raw(do_place, r);
	_exit(0);
}

static void roll_back(bool keep_head)
{
	struct rollback r = {.keep_head = keep_head};
	char byte = 0;
	pid_t child;
	int status;

	assert_int_equal(pipe(r.remembered), 0);
	assert_int_equal(pipe(r.changed), 0);
	child = fork();
	if (child == 0)
		rollback_child(&r);
	assert_int_equal(read(r.remembered[0], &byte, 1), 1);
	assert_ok(put_one(&f, A, BW_STR("disabled")));
	assert_int_equal(write(r.changed[1], &byte, 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		close(r.remembered[i]);
		close(r.changed[i]);
	}
}

TEST(tamper_an_older_value_at_the_newer_version_is_refused)
{
	struct bw_str value;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("enabled!")));
	roll_back(true);
	assert_int_equal(version_of(&f, A), 2);
	assert_int_equal(get_one(&f, A, &value, NULL), BW_ECORRUPT);
	fixture_close(&f);
}

TEST(tamper_an_older_value_with_its_version_is_noticed_when_opened)
{
	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("enabled!")));
	roll_back(false);
	fixture_close_store(&f);
	fixture_open_tampered(&f);
	fixture_close(&f);
}

static bool remove_record(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	MDB_val k = val(A);

	(void)counters, (void)meta, (void)arg;
	return mdb_del(txn, records, &k, NULL) == 0;
}

static bool remove_counter(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	MDB_val k = val(A);

	(void)records, (void)meta, (void)arg;
	return mdb_del(txn, counters, &k, NULL) == 0;
}

TEST(tamper_a_removed_record_or_counter_is_noticed_when_opened)
{
	for (int round = 0; round < 2; round++) {
		fixture_open(&f);
		assert_ok(put_one(&f, A, BW_STR("deny")));
		assert_ok(count_one(&f, A, 1, 10));
		fixture_close_store(&f);
		raw(round ? remove_counter : remove_record, NULL);
		fixture_open_tampered(&f);
		fixture_close(&f);
	}
}

static bool remove_meta(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *name)
{
	MDB_val k = val(bw_str_c(name));

	(void)records, (void)counters;
	return mdb_del(txn, meta, &k, NULL) == 0;
}

TEST(tamper_missing_facts_about_the_store_are_no_fresh_store)
{
	static const struct {
		const char *name;
		enum bw_err err;
	} rows[] = {
	    {"format", BW_ECORRUPT},
	    {"salt", BW_ECORRUPT},
	    {"state", BW_ECORRUPT},
	    {"key/00000000", BW_EPERM},
	    {"key/00000001", BW_ECORRUPT},
	};

	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		fixture_open(&f);
		assert_ok(put_one(&f, A, BW_STR("v")));
		fixture_close_store(&f);
		raw(remove_meta, (void *)(uintptr_t)rows[i].name);
		assert_int_equal(bw_store_open(&f.config, &f.store), rows[i].err);
		fixture_close(&f);
	}
}

static bool flip(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *at)
{
	(void)counters, (void)meta;
	if (!hold(txn, records, A))
		return false;
	held[*(size_t *)at] ^= 0x40;
	return place(txn, records, A);
}

static bool add_record(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	(void)counters, (void)meta, (void)arg;
	return hold(txn, records, A) && place(txn, records, B);
}

static bool old_state(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	(void)records, (void)counters;
	return *(bool *)arg ? place(txn, meta, BW_STR("state")) : hold(txn, meta, BW_STR("state"));
}

TEST(tamper_an_added_record_is_noticed_when_opened)
{
	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("allow")));
	fixture_close_store(&f);
	raw(add_record, NULL);
	fixture_open_tampered(&f);
	fixture_close(&f);
}

/* In this process, whose copy of the state outlives the transaction. */
TEST(tamper_an_older_state_beside_newer_records_is_noticed_when_opened)
{
	bool back = false;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("allow")));
	fixture_close_store(&f);
	assert_true(raw_run(old_state, &back));
	fixture_reopen(&f);
	assert_ok(delete_one(&f, A));
	fixture_close_store(&f);
	back = true;
	assert_true(raw_run(old_state, &back));
	fixture_open_tampered(&f);
	fixture_close(&f);
}

TEST(tamper_every_flipped_byte_of_a_value_is_refused)
{
	const size_t n = BW_SEAL_OVERHEAD + 5;
	struct bw_str value;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("value")));
	for (size_t i = 0; i < n; i++) {
		raw(flip, &i);
		assert_int_equal(get_one(&f, A, &value, NULL), BW_ECORRUPT);
		raw(flip, &i);
	}
	assert_ok(get_one(&f, A, &value, NULL));
	assert_str(value, "value");
	fixture_close(&f);
}

static bool cut(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *to)
{
	(void)counters, (void)meta;
	if (!hold(txn, records, A))
		return false;
	held_val.mv_size = *(size_t *)to;
	return place(txn, records, A);
}

TEST(tamper_a_shortened_value_is_refused_and_can_be_written_over)
{
	struct bw_str value;

	for (size_t n = 0; n < BW_SEAL_OVERHEAD + 5; n += 5) {
		fixture_open(&f);
		assert_ok(put_one(&f, A, BW_STR("value")));
		raw(cut, &n);
		assert_int_equal(get_one(&f, A, &value, NULL), BW_ECORRUPT);
		assert_ok(put_one(&f, A, BW_STR("again")));
		assert_ok(get_one(&f, A, &value, NULL));
		fixture_close_store(&f);
		/* Opening still says that somebody was there. */
		fixture_open_tampered(&f);
		fixture_close(&f);
	}
}

static bool swap_keys(MDB_txn *txn, MDB_dbi records, MDB_dbi counters, MDB_dbi meta, void *arg)
{
	(void)records, (void)counters, (void)arg;
	return hold(txn, meta, BW_STR("key/00000001")) && place(txn, meta, BW_STR("key/00000002"));
}

TEST(tamper_a_data_key_at_another_number_is_refused)
{
	fixture_open(&f);
	assert_ok(bw_store_rotate_data_key(f.store));
	fixture_close_store(&f);
	raw(swap_keys, NULL);
	assert_int_equal(bw_store_open(&f.config, &f.store), BW_EPERM);
	fixture_close(&f);
}
