/* A store whose keys are made anew while it is used. */
#include "fixture.h"
#include "store/seal.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 1000 };

static struct fixture f;

static struct bw_str key_of(int n)
{
	return bw_arena_printf(&f.arena, "acct/-/iam/user/%04d", n);
}

static void fill(void)
{
	fixture_open(&f);
	for (int i = 0; i < MANY; i += 100) {
		struct bw_batch b;

		bw_batch_init(&b, &f.arena);
		for (int k = i; k < i + 100; k++)
			bw_batch_put(&b, key_of(k), bw_arena_printf(&f.arena, "value %d", k));
		assert_ok(bw_store_commit_wait(f.store, &b));
	}
	assert_ok(count_one(&f, BW_STR("acct/-/iam/users"), MANY, 2 * MANY));
}

static void check(void)
{
	struct bw_str value;

	for (int i = 0; i < MANY; i++) {
		assert_ok(get_one(&f, key_of(i), &value, NULL));
		assert_true(bw_str_eq(value, bw_arena_printf(&f.arena, "value %d", i)));
	}
	assert_int_equal(count_of(&f, BW_STR("acct/-/iam/users")), MANY);
}

static void walk(void)
{
	struct bw_store_rekey r = {0};

	while (!r.finished)
		assert_ok(bw_store_rekey_step(f.store, &r));
	assert_true(r.done >= MANY && r.total >= MANY);
}

/* What of the older keys is on the disk: entries of the main table, and values. In a child, as LMDB opens a file once a process. */
static unsigned older_left(uint32_t below)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		static const char *const names[] = {"records", "counters"};
		unsigned left = 0;
		MDB_cursor *c;
		MDB_env *env;
		MDB_txn *txn;
		MDB_val k, v;
		MDB_dbi table;

		if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, 3) || mdb_env_open(env, f.data, MDB_RDONLY, 0600) ||
		    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
			_exit(255);
		for (uint32_t id = 1; id < below; id++) {
			char name[16];

			snprintf(name, sizeof name, "key/%08x", id);
			k = (MDB_val){12, name};
			if (mdb_dbi_open(txn, NULL, 0, &table) || mdb_get(txn, table, &k, &v) == 0)
				left++;
		}
		for (int i = 0; i < 2; i++) {
			if (mdb_dbi_open(txn, names[i], 0, &table) || mdb_cursor_open(txn, table, &c))
				_exit(255);
			while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0)
				left += bw_sealed_data_key(bw_str_make(v.mv_data, v.mv_size)) < below;
		}
		_exit(left > 254 ? 254 : (int)left);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
	return (unsigned)WEXITSTATUS(status);
}

TEST(rekey_leaves_every_value_with_its_version_and_no_older_key)
{
	uint64_t before, after;

	fill();
	before = version_of(&f, key_of(123));
	assert_int_equal(bw_store_generation(f.store), 1);
	assert_false(bw_store_rekeying(f.store));
	assert_ok(bw_store_rekey_begin(f.store, 2));
	assert_true(bw_store_rekeying(f.store));
	assert_int_equal(bw_store_generation(f.store), 2);
	check();
	assert_int_equal(bw_store_rekey_end(f.store), BW_EAGAIN);
	walk();
	check();
	assert_ok(bw_store_rekey_end(f.store));
	assert_false(bw_store_rekeying(f.store));
	check();
	after = version_of(&f, key_of(123));
	assert_int_equal(before, after);
	assert_ok(put_one(&f, key_of(1), BW_STR("value 1")));
	fixture_close_store(&f);
	assert_int_equal(older_left(2), 0);
	assert_ok(bw_store_open(&f.config, &f.store));
	check();
	assert_int_equal(bw_store_generation(f.store), 2);
	fixture_close(&f);
}

TEST(rekey_that_is_cut_off_anywhere_is_gone_on_with)
{
	struct bw_store_rekey r = {0};

	fill();
	assert_ok(bw_store_rekey_begin(f.store, 2));
	fixture_reopen(&f);
	assert_true(bw_store_rekeying(f.store));
	assert_int_equal(bw_store_generation(f.store), 2);
	assert_ok(bw_store_rekey_begin(f.store, 2));
	assert_ok(bw_store_rekey_step(f.store, &r));
	assert_ok(bw_store_rekey_step(f.store, &r));
	assert_false(r.finished);
	fixture_reopen(&f);
	check();
	assert_int_equal(bw_store_rekey_end(f.store), BW_EAGAIN);
	walk();
	fixture_reopen(&f);
	assert_true(bw_store_rekeying(f.store));
	assert_ok(bw_store_rekey_end(f.store));
	fixture_close_store(&f);
	assert_int_equal(older_left(2), 0);
	assert_ok(bw_store_open(&f.config, &f.store));
	check();
	/* And once more: numbers go on. */
	assert_ok(bw_store_rekey_begin(f.store, 3));
	walk();
	assert_ok(bw_store_rekey_end(f.store));
	fixture_close_store(&f);
	assert_int_equal(older_left(3), 0);
	assert_ok(bw_store_open(&f.config, &f.store));
	check();
	fixture_close(&f);
}

static atomic_bool stop;
static atomic_int written;

static void *writer(void *arg)
{
	struct bw_arena arena;

	(void)arg;
	for (int n = 0; !atomic_load(&stop); n++) {
		struct bw_batch b;

		bw_arena_init(&arena, 1 << 20);
		bw_batch_init(&b, &arena);
		bw_batch_put(&b, bw_arena_printf(&arena, "acct/-/iam/role/%04d", n % 500), bw_arena_printf(&arena, "role %d", n));
		bw_batch_count(&b, BW_STR("acct/-/iam/roles"), 1, INT64_MAX);
		MUST(bw_store_commit_wait(f.store, &b) == BW_OK);
		bw_arena_free(&arena);
		atomic_fetch_add(&written, 1);
	}
	return NULL;
}

TEST(rekey_under_write_load_loses_nothing)
{
	pthread_t thread;
	struct bw_str value;
	int n;

	fill();
	stop = false;
	written = 0;
	assert_int_equal(pthread_create(&thread, NULL, writer, NULL), 0);
	while (atomic_load(&written) < 20)
		usleep(1000);
	for (uint32_t generation = 2; generation <= 4; generation++) {
		enum bw_err e = BW_EAGAIN;

		assert_ok(bw_store_rekey_begin(f.store, generation));
		while (e == BW_EAGAIN) {
			walk();
			e = bw_store_rekey_end(f.store);
		}
		assert_ok(e);
	}
	stop = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	n = atomic_load(&written);
	fixture_reopen(&f); /* compares the fingerprint with every record */
	check();
	assert_int_equal(count_of(&f, BW_STR("acct/-/iam/roles")), n);
	for (int i = n > 500 ? n - 500 : 0; i < n; i++) {
		assert_ok(get_one(&f, bw_arena_printf(&f.arena, "acct/-/iam/role/%04d", i % 500), &value, NULL));
		assert_true(bw_str_eq(value, bw_arena_printf(&f.arena, "role %d", i)));
	}
	fixture_close(&f);
}

TEST(rekey_waits_for_a_snapshot_from_before)
{
	struct bw_snapshot *view;
	struct bw_arena arena;
	struct bw_str value;
	pid_t child;
	int status;

	fill();
	/* In a child, which may wait as long as it takes. */
	fixture_close_store(&f);
	child = fork();
	if (child == 0) {
		pthread_t thread;

		bw_arena_init(&arena, 1 << 20);
		MUST(bw_store_open(&f.config, &f.store) == BW_OK);
		MUST(bw_snapshot_begin(f.store, &view) == BW_OK);
		MUST(bw_store_rekey_begin(f.store, 2) == BW_OK);
		walk();
		MUST(pthread_create(&thread, NULL, (void *(*)(void *))(uintptr_t)bw_store_rekey_end, f.store) == 0);
		usleep(300000);
		/* Its value is the one from before, under a key that is gone from the disk. */
		MUST(bw_snapshot_get(view, BW_STR("acct/-/iam/user/0007"), &arena, &value, NULL) == BW_OK);
		bw_snapshot_end(view);
		MUST(pthread_join(thread, NULL) == 0);
		MUST(!bw_store_rekeying(f.store));
		bw_arena_free(&arena);
		bw_store_close(f.store);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_ok(bw_store_open(&f.config, &f.store));
	check();
	fixture_close(&f);
}

TEST(rekey_is_for_stores_that_are_kept_and_written)
{
	struct bw_store_config config = {.ephemeral = true, .map_size_bytes = 1 << 26};
	struct bw_store_rekey r = {0};
	struct bw_store *s;

	assert_ok(bw_store_open(&config, &s));
	assert_int_equal(bw_store_rekey_begin(s, 2), BW_EPERM);
	assert_int_equal(bw_store_rekey_step(s, &r), BW_EPERM);
	assert_int_equal(bw_store_rekey_end(s), BW_EPERM);
	bw_store_close(s);
	fixture_open(&f);
	f.config.read_only = true;
	fixture_reopen(&f);
	assert_int_equal(bw_store_rekey_begin(f.store, 2), BW_EPERM);
	fixture_close_store(&f);
	f.config.read_only = false;
	fixture_reopen(&f);
	/* The generation that it is of already: nothing to do. */
	assert_ok(bw_store_rekey_begin(f.store, 1));
	assert_false(bw_store_rekeying(f.store));
	assert_ok(bw_store_rekey_end(f.store));
	fixture_close(&f);
}
