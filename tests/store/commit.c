#include "fixture.h"
#include "store/lmdb_store.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define K      BW_STR("acct/-/iam/user/k")
#define OTHER  BW_STR("acct/-/iam/user/other")
#define PREFIX BW_STR("acct/-/iam/user/")

static struct fixture f;
static struct bw_batch b;

static struct bw_batch *batch(void)
{
	bw_batch_init(&b, &f.arena);
	return &b;
}

static void setup(void)
{
	fixture_open(&f);
	assert_ok(put_one(&f, K, BW_STR("1")));
	assert_ok(put_one(&f, OTHER, BW_STR("2")));
}

TEST(commit_read_of_a_changed_key_conflicts)
{
	setup();
	bw_batch_read(batch(), K, 1);
	bw_batch_put(&b, K, BW_STR("x"));
	assert_ok(bw_store_commit_wait(f.store, &b));
	bw_batch_read(batch(), K, 1);
	bw_batch_put(&b, BW_STR("never"), BW_STR("x"));
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_ECONFLICT);
	assert_int_equal(version_of(&f, BW_STR("never")), 0);
	fixture_close(&f);
}

TEST(commit_read_of_absence_conflicts_with_presence_and_the_other_way)
{
	setup();
	bw_batch_read(batch(), K, 0);
	bw_batch_put(&b, K, BW_STR("x"));
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_ECONFLICT);
	assert_ok(delete_one(&f, K));
	bw_batch_read(batch(), K, 1);
	bw_batch_put(&b, K, BW_STR("x"));
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_ECONFLICT);
	bw_batch_read(batch(), K, 0);
	bw_batch_put(&b, K, BW_STR("x"));
	assert_ok(bw_store_commit_wait(f.store, &b));
	/* Deleted and made anew with the same content is not the same. */
	bw_batch_read(batch(), K, 1);
	bw_batch_put(&b, K, BW_STR("1"));
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_ECONFLICT);
	fixture_close(&f);
}

static enum bw_err commit_with_prefix(uint64_t seq, size_t keys)
{
	bw_batch_read_prefix(batch(), PREFIX, seq, keys);
	bw_batch_put(&b, BW_STR("result"), BW_STR("x"));
	return bw_store_commit_wait(f.store, &b);
}

TEST(commit_prefix_conflicts_with_phantoms)
{
	setup();
	assert_ok(commit_with_prefix(2, 2));
	assert_int_equal(commit_with_prefix(2, 1), BW_ECONFLICT);
	assert_int_equal(commit_with_prefix(2, 3), BW_ECONFLICT);
	/* Writing elsewhere is no conflict: the commit above wrote number 3. */
	assert_ok(commit_with_prefix(2, 2));
	/* An insertion, an update, and a deletion under the prefix each are. */
	assert_ok(put_one(&f, BW_STR("acct/-/iam/user/z"), BW_STR("3")));
	assert_int_equal(commit_with_prefix(4, 2), BW_ECONFLICT);
	assert_ok(commit_with_prefix(5, 3));
	assert_ok(put_one(&f, K, BW_STR("1")));
	assert_int_equal(commit_with_prefix(5, 3), BW_ECONFLICT);
	assert_ok(commit_with_prefix(7, 3));
	assert_ok(delete_one(&f, K));
	assert_int_equal(commit_with_prefix(8, 3), BW_ECONFLICT);
	/* One in, one out: the count alone would not tell. */
	assert_ok(commit_with_prefix(9, 2));
	assert_ok(delete_one(&f, OTHER));
	assert_ok(put_one(&f, BW_STR("acct/-/iam/user/y"), BW_STR("3")));
	assert_int_equal(commit_with_prefix(9, 2), BW_ECONFLICT);
	fixture_close(&f);
}

TEST(commit_prefix_of_nothing_and_of_everything)
{
	setup();
	bw_batch_read_prefix(batch(), BW_STR("zzz"), 0, 0);
	bw_batch_read_prefix(&b, BW_STR(""), 2, 2);
	bw_batch_put(&b, BW_STR("zzz1"), BW_STR("x"));
	assert_ok(bw_store_commit_wait(f.store, &b));
	bw_batch_read_prefix(batch(), BW_STR("zzz"), 2, 0);
	bw_batch_put(&b, BW_STR("never"), BW_STR("x"));
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_ECONFLICT);
	bw_batch_read_prefix(batch(), BW_STR(""), 3, 2);
	bw_batch_put(&b, BW_STR("never"), BW_STR("x"));
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_ECONFLICT);
	fixture_close(&f);
}

TEST(commit_counters_stop_at_their_maximum_and_at_zero)
{
	fixture_open(&f);
	assert_int_equal(count_of(&f, K), 0);
	assert_ok(count_one(&f, K, 4, 5));
	assert_ok(count_one(&f, K, 1, 5));
	assert_int_equal(count_one(&f, K, 1, 5), BW_EQUOTA);
	assert_int_equal(count_of(&f, K), 5);
	/* A lowered maximum refuses more, and never less. */
	assert_ok(count_one(&f, K, -1, 2));
	assert_ok(count_one(&f, K, 0, 2));
	assert_int_equal(count_of(&f, K), 4);
	assert_ok(count_one(&f, K, -10, 2));
	assert_int_equal(count_of(&f, K), 0);
	assert_ok(count_one(&f, K, INT64_MIN, 2));
	assert_int_equal(count_of(&f, K), 0);
	assert_ok(count_one(&f, K, INT64_MAX, INT64_MAX));
	assert_int_equal(count_of(&f, K), INT64_MAX);
	assert_int_equal(count_one(&f, K, INT64_MAX, INT64_MAX - 1), BW_EQUOTA);
	fixture_reopen(&f);
	assert_int_equal(count_of(&f, K), INT64_MAX);
	fixture_close(&f);
}

TEST(commit_counts_of_one_batch_add_up)
{
	struct bw_str value;

	fixture_open(&f);
	bw_batch_count(batch(), K, 3, 4);
	bw_batch_count(&b, K, -1, 4);
	bw_batch_count(&b, OTHER, 1, 1);
	bw_batch_count(&b, K, 2, 4);
	assert_ok(bw_store_commit_wait(f.store, &b));
	assert_int_equal(count_of(&f, K), 4);
	bw_batch_put(batch(), K, BW_STR("x"));
	bw_batch_count(&b, K, -1, 4);
	bw_batch_count(&b, OTHER, 1, 1);
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_EQUOTA);
	assert_int_equal(count_of(&f, K), 4);
	assert_int_equal(get_one(&f, K, &value, NULL), BW_ENOTFOUND);
	fixture_close(&f);
}

TEST(commit_operations_of_one_batch_apply_in_order)
{
	struct bw_str value;

	setup();
	bw_batch_put(batch(), K, BW_STR("first"));
	bw_batch_delete(&b, K);
	bw_batch_put(&b, K, BW_STR("last"));
	bw_batch_put(&b, OTHER, BW_STR("x"));
	bw_batch_delete(&b, OTHER);
	bw_batch_read(&b, K, 1);
	assert_ok(bw_store_commit_wait(f.store, &b));
	assert_ok(get_one(&f, K, &value, NULL));
	assert_str(value, "last");
	assert_int_equal(version_of(&f, OTHER), 0);
	fixture_reopen(&f);
	fixture_close(&f);
}

TEST(commit_that_only_reads_takes_no_number)
{
	setup();
	bw_batch_read(batch(), K, 1);
	assert_ok(bw_store_commit_wait(f.store, &b));
	bw_batch_read(batch(), K, 2);
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_ECONFLICT);
	assert_ok(bw_store_commit_wait(f.store, batch()));
	assert_int_equal(bw_store_seq(f.store), 2);
	fixture_close(&f);
}

/* The committer is held up by the write lock, so that what is queued meanwhile becomes one group. */
static atomic_int answered;

static void note_answer(struct bw_commit *c)
{
	(void)c;
	atomic_fetch_add(&answered, 1);
}

static void hold(void)
{
	atomic_store(&answered, 0);
	pthread_mutex_lock(&f.store->write_lock);
}

static void release(int answers)
{
	pthread_mutex_unlock(&f.store->write_lock);
	while (atomic_load(&answered) < answers)
		usleep(100);
}

/* Lets the committer take `c` alone and wait for the lock with it. */
static void occupy(struct bw_commit *c, struct bw_batch *none)
{
	bw_batch_init(none, &f.arena);
	*c = (struct bw_commit){.batch = none, .done = note_answer};
	assert_ok(bw_store_commit(f.store, c));
	for (size_t waiting = 1; waiting;) {
		pthread_mutex_lock(&f.store->queue.mutex);
		waiting = f.store->queue.count;
		pthread_mutex_unlock(&f.store->queue.mutex);
		usleep(100);
	}
}

/* `n` of them, one put each. */
static void chain_make(struct bw_commit *commits, struct bw_batch *batches, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bw_batch_init(&batches[i], &f.arena);
		bw_batch_put(&batches[i], bw_arena_printf(&f.arena, "c%zu", i), BW_STR("x"));
		commits[i] = (struct bw_commit){.batch = &batches[i], .done = note_answer, .next = i + 1 < n ? &commits[i + 1] : NULL};
	}
}

TEST(commit_all_takes_a_chain_in_its_order)
{
	struct bw_batch batches[3];
	struct bw_commit commits[3];

	setup();
	atomic_store(&answered, 0);
	chain_make(commits, batches, 3);
	assert_ok(bw_store_commit_all(f.store, commits));
	while (atomic_load(&answered) < 3)
		usleep(100);
	for (size_t i = 0; i < 3; i++) {
		assert_ok(commits[i].result);
		assert_int_equal(commits[i].seq, 3 + i);
	}
	fixture_reopen(&f);
	assert_int_equal(version_of(&f, BW_STR("c2")), 5);
	fixture_close(&f);
}

TEST(commit_all_takes_a_chain_or_nothing_of_it)
{
	struct bw_batch batches[3], none;
	struct bw_commit commits[3], first;

	setup();
	chain_make(commits, batches, 3);
	bw_batch_delete(&batches[2], BW_STR(""));
	assert_int_equal(bw_store_commit_all(f.store, commits), BW_EINVAL);
	chain_make(commits, batches, 3);
	hold();
	occupy(&first, &none);
	/* As full as it may be with two more, and one place short of three. */
	pthread_mutex_lock(&f.store->queue.mutex);
	f.store->queue.count = BW_STORE_QUEUE_MAX - 2;
	pthread_mutex_unlock(&f.store->queue.mutex);
	assert_int_equal(bw_store_commit_all(f.store, commits), BW_EAGAIN);
	assert_null(f.store->queue.first);
	commits[1].next = NULL;
	assert_ok(bw_store_commit_all(f.store, commits));
	assert_int_equal(f.store->queue.count, BW_STORE_QUEUE_MAX);
	assert_int_equal(bw_store_commit(f.store, &commits[2]), BW_EAGAIN);
	release(3);
	assert_int_equal(bw_store_seq(f.store), 4);
	assert_int_equal(version_of(&f, BW_STR("c2")), 0);
	fixture_close(&f);
}

TEST(commit_refusals_in_a_group_leave_the_others_whole)
{
	struct bw_batch batches[6], none;
	struct bw_commit commits[6], first;

	setup();
	hold();
	occupy(&first, &none);
	for (size_t i = 0; i < BW_COUNT(batches); i++) {
		bw_batch_init(&batches[i], &f.arena);
		bw_batch_put(&batches[i], bw_arena_printf(&f.arena, "g%zu", i), BW_STR("x"));
		commits[i] = (struct bw_commit){.batch = &batches[i], .done = note_answer};
	}
	bw_batch_read(&batches[0], K, 1);
	bw_batch_put(&batches[0], K, BW_STR("new"));
	bw_batch_read(&batches[1], K, 1); /* changed by the one before it in the same group */
	bw_batch_count(&batches[2], OTHER, 2, 2);
	bw_batch_count(&batches[3], BW_STR("free"), 1, 9);
	bw_batch_count(&batches[3], OTHER, 1, 2);    /* over, by the one before */
	bw_batch_read(&batches[4], BW_STR("g2"), 0); /* there, by now */
	for (size_t i = 0; i < BW_COUNT(batches); i++)
		assert_ok(bw_store_commit(f.store, &commits[i]));
	release(7);
	assert_int_equal(commits[0].result, BW_OK);
	assert_int_equal(commits[1].result, BW_ECONFLICT);
	assert_int_equal(commits[2].result, BW_OK);
	assert_int_equal(commits[3].result, BW_EQUOTA);
	assert_true(bw_str_eq(commits[3].quota_key, OTHER));
	assert_int_equal(commits[4].result, BW_ECONFLICT);
	assert_int_equal(commits[5].result, BW_OK);
	assert_int_equal(commits[0].seq, 3);
	assert_int_equal(commits[2].seq, 4);
	assert_int_equal(commits[5].seq, 5);
	assert_int_equal(bw_store_seq(f.store), 5);
	fixture_reopen(&f);
	assert_int_equal(version_of(&f, K), 3);
	assert_int_equal(version_of(&f, BW_STR("g1")), 0);
	assert_int_equal(version_of(&f, BW_STR("g2")), 4);
	assert_int_equal(version_of(&f, BW_STR("g3")), 0);
	assert_int_equal(version_of(&f, BW_STR("g4")), 0);
	assert_int_equal(version_of(&f, BW_STR("g5")), 5);
	assert_int_equal(count_of(&f, OTHER), 2);
	assert_int_equal(count_of(&f, BW_STR("free")), 0);
	fixture_close(&f);
}

TEST(commit_queue_has_a_ceiling)
{
	static struct bw_commit commits[BW_STORE_QUEUE_MAX + 1], first;
	struct bw_batch none, one;

	setup();
	hold();
	occupy(&first, &none);
	bw_batch_init(&one, &f.arena);
	for (size_t i = 0; i < BW_STORE_QUEUE_MAX; i++) {
		commits[i] = (struct bw_commit){.batch = &one, .done = note_answer};
		assert_ok(bw_store_commit(f.store, &commits[i]));
	}
	commits[BW_STORE_QUEUE_MAX] = (struct bw_commit){.batch = &one, .done = note_answer};
	assert_int_equal(bw_store_commit(f.store, &commits[BW_STORE_QUEUE_MAX]), BW_EAGAIN);
	release(BW_STORE_QUEUE_MAX + 1);
	assert_ok(bw_store_commit(f.store, &commits[BW_STORE_QUEUE_MAX]));
	fixture_close(&f);
	assert_int_equal(atomic_load(&answered), BW_STORE_QUEUE_MAX + 2);
}

TEST(commit_closing_commits_what_waits)
{
	static struct bw_commit commits[100];
	static struct bw_batch batches[100];

	setup();
	atomic_store(&answered, 0);
	for (size_t i = 0; i < BW_COUNT(commits); i++) {
		bw_batch_init(&batches[i], &f.arena);
		bw_batch_put(&batches[i], bw_arena_printf(&f.arena, "w%zu", i), BW_STR("x"));
		commits[i] = (struct bw_commit){.batch = &batches[i], .done = note_answer};
		assert_ok(bw_store_commit(f.store, &commits[i]));
	}
	fixture_close_store(&f);
	assert_int_equal(atomic_load(&answered), 100);
	assert_ok(bw_store_open(&f.config, &f.store));
	for (size_t i = 0; i < BW_COUNT(commits); i++)
		assert_int_equal(version_of(&f, bw_arena_printf(&f.arena, "w%zu", i)), 3 + i);
	fixture_close(&f);
}

/* The map is full: every batch of the group is told, nothing of it is there, and the store goes on. */
TEST(commit_into_a_full_map_fails_whole)
{
	static char value[400000];
	struct bw_batch small, large, none;
	struct bw_commit commits[2], first;

	fixture_open(&f);
	fixture_close_store(&f);
	f.config.map_size_bytes = 1 << 21;
	assert_ok(bw_store_open(&f.config, &f.store));
	assert_ok(put_one(&f, K, BW_STR("kept")));
	hold();
	occupy(&first, &none);
	bw_batch_init(&small, &f.arena);
	bw_batch_put(&small, OTHER, BW_STR("small"));
	bw_batch_init(&large, &f.arena);
	for (int i = 0; i < 8; i++)
		bw_batch_put(&large, bw_arena_printf(&f.arena, "l%d", i), bw_str_make(value, sizeof value));
	commits[0] = (struct bw_commit){.batch = &small, .done = note_answer};
	commits[1] = (struct bw_commit){.batch = &large, .done = note_answer};
	assert_ok(bw_store_commit(f.store, &commits[0]));
	assert_ok(bw_store_commit(f.store, &commits[1]));
	release(3);
	assert_int_equal(commits[0].result, BW_EIO);
	assert_int_equal(commits[1].result, BW_EIO);
	assert_int_equal(version_of(&f, OTHER), 0);
	assert_int_equal(bw_store_seq(f.store), 1);
	assert_ok(put_one(&f, OTHER, BW_STR("small")));
	fixture_reopen(&f);
	assert_int_equal(version_of(&f, OTHER), 2);
	assert_int_equal(version_of(&f, K), 1);
	fixture_close(&f);
}

/* The disk refuses: what was asked for is not there, what was there is, and the next commit goes well. */
TEST(commit_that_the_disk_refuses_applies_nothing)
{
	static char value[300000];
	struct rlimit before, none;

	setup();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){8192, before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	bw_batch_put(batch(), K, bw_str_make(value, sizeof value));
	bw_batch_delete(&b, OTHER);
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_EIO);
	assert_int_equal(bw_store_rotate_data_key(f.store), BW_EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(version_of(&f, K), 1);
	assert_int_equal(version_of(&f, OTHER), 2);
	assert_int_equal(bw_store_seq(f.store), 2);
	assert_ok(bw_store_commit_wait(f.store, &b));
	assert_ok(bw_store_rotate_data_key(f.store));
	fixture_reopen(&f);
	assert_int_equal(version_of(&f, K), 3);
	assert_int_equal(version_of(&f, OTHER), 0);
	fixture_close(&f);
}

TEST(commit_takes_a_new_data_key_before_one_has_sealed_too_much)
{
	struct store_txn t;
	struct bw_str value;

	setup();
	f.store->seals_max = 4;
	for (int i = 0; i < 20; i++)
		assert_ok(put_one(&f, bw_arena_printf(&f.arena, "k%d", i), BW_STR("x")));
	assert_ok(store_txn_begin(f.store, &t));
	assert_true(t.state.data_key > 5);
	assert_true(t.state.seals <= 5);
	store_txn_abort(&t);
	fixture_reopen(&f);
	for (int i = 0; i < 20; i++)
		assert_ok(get_one(&f, bw_arena_printf(&f.arena, "k%d", i), &value, NULL));
	fixture_close(&f);
}

/* Many threads add one to one number, each re-running on a conflict: none may be lost. */
enum { ADDERS = 8, ADDS = 50 };

static void *adder(void *unused)
{
	struct bw_arena arena;

	(void)unused;
	bw_arena_init(&arena, 1 << 24);
	for (int done = 0; done < ADDS;) {
		struct bw_snapshot *v;
		struct bw_batch add;
		struct bw_str value;
		uint64_t version;
		int64_t n = 0;

		if (bw_snapshot_begin(f.store, &v) != BW_OK)
			return "begin";
		if (bw_snapshot_get(v, K, &arena, &value, &version) == BW_OK &&
		    bw_str_to_i64(value, 0, INT32_MAX, &n) != BW_OK)
			return "value";
		bw_snapshot_end(v);
		bw_batch_init(&add, &arena);
		bw_batch_read(&add, K, version);
		bw_batch_put(&add, K, bw_arena_printf(&arena, "%d", (int)n + 1));
		bw_batch_count(&add, K, 1, ADDERS * ADDS);
		done += bw_store_commit_wait(f.store, &add) == BW_OK;
		bw_arena_reset(&arena);
	}
	bw_arena_free(&arena);
	return NULL;
}

TEST(commit_loses_no_update_among_threads)
{
	pthread_t threads[ADDERS];
	struct bw_str value;
	void *wrong;

	fixture_open(&f);
	for (size_t i = 0; i < ADDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, adder, NULL), 0);
	for (size_t i = 0; i < ADDERS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_ok(get_one(&f, K, &value, NULL));
	assert_str(value, "400");
	assert_int_equal(count_of(&f, K), 400);
	fixture_reopen(&f);
	fixture_close(&f);
}
