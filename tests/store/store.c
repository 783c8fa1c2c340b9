#include "fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define A BW_STR("111122223333/-/iam/user/a")
#define B BW_STR("111122223333/-/iam/user/b")

static struct fixture f;

static void ignore(struct bw_commit *c)
{
	(void)c;
}

TEST(store_keeps_what_it_was_given_across_opening)
{
	struct bw_str value;
	uint64_t version;

	fixture_open(&f);
	assert_int_equal(bw_store_seq(f.store), 0);
	assert_int_equal(get_one(&f, A, &value, &version), BW_ENOTFOUND);
	assert_int_equal(version, 0);
	assert_ok(put_one(&f, A, BW_STR("one")));
	assert_ok(put_one(&f, B, BW_STR("")));
	fixture_reopen(&f);
	assert_int_equal(bw_store_seq(f.store), 2);
	assert_ok(get_one(&f, A, &value, &version));
	assert_str(value, "one");
	assert_int_equal(version, 1);
	assert_ok(get_one(&f, B, &value, NULL));
	assert_true(bw_str_set(value) && value.n == 0);
	fixture_close(&f);
}

TEST(store_versions_are_never_used_again)
{
	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("one")));
	assert_ok(delete_one(&f, A));
	assert_int_equal(version_of(&f, A), 0);
	assert_ok(delete_one(&f, A));
	fixture_reopen(&f);
	assert_ok(put_one(&f, A, BW_STR("one")));
	assert_int_equal(version_of(&f, A), 4);
	fixture_close(&f);
}

TEST(store_snapshot_does_not_change)
{
	struct bw_snapshot *before, *after;
	struct bw_str value;
	uint64_t version;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("one")));
	assert_ok(bw_snapshot_begin(f.store, &before));
	assert_ok(put_one(&f, A, BW_STR("two")));
	assert_ok(bw_snapshot_begin(f.store, &after));
	assert_int_equal(bw_snapshot_seq(before), 1);
	assert_int_equal(bw_snapshot_seq(after), 2);
	assert_ok(bw_snapshot_get(before, A, &f.arena, &value, &version));
	assert_str(value, "one");
	assert_int_equal(version, 1);
	assert_ok(bw_snapshot_get(after, A, &f.arena, &value, &version));
	assert_str(value, "two");
	bw_snapshot_end(before);
	bw_snapshot_end(after);
	fixture_close(&f);
}

static size_t scan_count(struct bw_str prefix, struct bw_str after, struct bw_str *last)
{
	struct bw_snapshot *v;
	struct bw_scan scan;
	struct bw_str key, value;
	size_t n = 0;

	assert_ok(bw_snapshot_begin(f.store, &v));
	assert_ok(bw_scan_begin(v, prefix, after, &scan));
	while (bw_scan_next(&scan, &f.arena, &key, &value, NULL) == BW_OK) {
		assert_true(bw_str_starts(key, prefix));
		*last = key;
		n++;
	}
	assert_int_equal(bw_scan_next(&scan, &f.arena, &key, NULL, NULL), BW_ENOTFOUND);
	bw_scan_end(&scan);
	bw_snapshot_end(v);
	return n;
}

TEST(store_scan_walks_a_prefix_in_order_and_resumes)
{
	static const char *const keys[] = {"a", "b/", "b/1", "b/10", "b/2", "c"};
	struct bw_str last = BW_STR_NONE;
	char longest[600];

	fixture_open(&f);
	for (size_t i = 0; i < BW_COUNT(keys); i++)
		assert_ok(put_one(&f, bw_str_c(keys[i]), bw_str_c(keys[i])));
	memset(longest, 0xff, sizeof longest);
	memcpy(longest, "b/1", 3);
	assert_int_equal(scan_count(BW_STR(""), BW_STR_NONE, &last), 6);
	assert_str(last, "c");
	assert_int_equal(scan_count(BW_STR("b/"), BW_STR_NONE, &last), 4);
	assert_str(last, "b/2");
	assert_int_equal(scan_count(BW_STR("b/"), BW_STR("b/1"), &last), 2);
	assert_int_equal(scan_count(BW_STR("b/"), BW_STR("b/15"), &last), 1);
	assert_int_equal(scan_count(BW_STR("b/"), BW_STR("a"), &last), 4);
	assert_int_equal(scan_count(BW_STR("b/"), BW_STR("b/2"), &last), 0);
	assert_int_equal(scan_count(BW_STR("b/"), BW_STR("z"), &last), 0);
	assert_int_equal(scan_count(BW_STR("b/"), bw_str_make(longest, sizeof longest), &last), 1);
	assert_int_equal(scan_count(bw_str_make(longest, sizeof longest), BW_STR_NONE, &last), 0);
	assert_int_equal(scan_count(BW_STR("d"), BW_STR_NONE, &last), 0);
	fixture_close(&f);
}

TEST(store_two_walks_of_one_snapshot_do_not_disturb_each_other)
{
	struct bw_snapshot *v;
	struct bw_scan one, two;
	struct bw_str key;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("1")));
	assert_ok(put_one(&f, B, BW_STR("2")));
	assert_ok(bw_snapshot_begin(f.store, &v));
	assert_ok(bw_scan_begin(v, BW_STR("1"), BW_STR_NONE, &one));
	assert_ok(bw_scan_next(&one, &f.arena, &key, NULL, NULL));
	assert_ok(bw_scan_begin(v, BW_STR("1"), BW_STR_NONE, &two));
	assert_ok(bw_scan_next(&two, &f.arena, &key, NULL, NULL));
	assert_true(bw_str_eq(key, A));
	assert_ok(bw_scan_next(&one, &f.arena, &key, NULL, NULL));
	assert_true(bw_str_eq(key, B));
	bw_scan_end(&one);
	assert_ok(bw_scan_next(&two, &f.arena, &key, NULL, NULL));
	assert_true(bw_str_eq(key, B));
	bw_scan_end(&two);
	bw_snapshot_end(v);
	fixture_close(&f);
}

TEST(store_key_and_value_have_ceilings)
{
	static char text[BW_STORE_VALUE_MAX + 1];
	struct bw_str value;

	fixture_open(&f);
	memset(text, 'k', sizeof text);
	assert_int_equal(put_one(&f, BW_STR(""), BW_STR("v")), BW_EINVAL);
	assert_int_equal(put_one(&f, BW_STR_NONE, BW_STR("v")), BW_EINVAL);
	assert_ok(put_one(&f, bw_str_make(text, BW_STORE_KEY_MAX), BW_STR("v")));
	assert_ok(get_one(&f, bw_str_make(text, BW_STORE_KEY_MAX), &value, NULL));
	assert_int_equal(put_one(&f, bw_str_make(text, BW_STORE_KEY_MAX + 1), BW_STR("v")), BW_ETOOBIG);
	assert_int_equal(get_one(&f, bw_str_make(text, BW_STORE_KEY_MAX + 1), &value, NULL), BW_ENOTFOUND);
	assert_int_equal(get_one(&f, BW_STR(""), &value, NULL), BW_ENOTFOUND);
	assert_int_equal(version_of(&f, bw_str_make(text, BW_STORE_KEY_MAX + 1)), 0);
	assert_int_equal(count_of(&f, bw_str_make(text, BW_STORE_KEY_MAX + 1)), 0);
	assert_ok(put_one(&f, A, bw_str_make(text, BW_STORE_VALUE_MAX)));
	assert_int_equal(put_one(&f, A, bw_str_make(text, BW_STORE_VALUE_MAX + 1)), BW_ETOOBIG);
	assert_ok(get_one(&f, A, &value, NULL));
	assert_int_equal(value.n, BW_STORE_VALUE_MAX);
	fixture_reopen(&f);
	fixture_close(&f);
}

TEST(store_batch_operations_have_a_ceiling)
{
	struct bw_batch b;

	fixture_open(&f);
	bw_batch_init(&b, &f.arena);
	for (int i = 0; i < BW_STORE_BATCH_OPS_MAX; i++)
		bw_batch_put(&b, bw_arena_printf(&f.arena, "k%d", i), BW_STR("v"));
	bw_batch_read(&b, BW_STR("other"), 0);
	assert_ok(bw_store_commit_wait(f.store, &b));
	assert_int_equal(version_of(&f, BW_STR("k4095")), 1);
	bw_batch_init(&b, &f.arena);
	for (int i = 0; i <= BW_STORE_BATCH_OPS_MAX; i++)
		bw_batch_count(&b, BW_STR("c"), 1, INT64_MAX);
	assert_int_equal(bw_store_commit_wait(f.store, &b), BW_ETOOBIG);
	assert_int_equal(count_of(&f, BW_STR("c")), 0);
	fixture_close(&f);
}

TEST(store_derived_keys_are_stable_and_differ_by_purpose)
{
	unsigned char one[32], again[32], other[32];

	fixture_open(&f);
	bw_store_derive(f.store, BW_STR("sessions"), one);
	bw_store_derive(f.store, BW_STR("trail"), other);
	assert_memory_not_equal(one, other, 32);
	assert_ok(bw_store_rotate_data_key(f.store));
	fixture_reopen(&f);
	bw_store_derive(f.store, BW_STR("sessions"), again);
	assert_memory_equal(one, again, 32);
	fixture_close(&f);
	fixture_open(&f);
	bw_store_derive(f.store, BW_STR("sessions"), other);
	assert_memory_not_equal(one, other, 32);
	fixture_close(&f);
}

TEST(store_older_data_keys_stay_readable)
{
	struct bw_str value;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("old")));
	assert_ok(bw_store_rotate_data_key(f.store));
	assert_ok(put_one(&f, B, BW_STR("new")));
	assert_ok(bw_store_rotate_data_key(f.store));
	fixture_reopen(&f);
	assert_ok(get_one(&f, A, &value, NULL));
	assert_str(value, "old");
	assert_ok(get_one(&f, B, &value, NULL));
	assert_str(value, "new");
	assert_ok(put_one(&f, A, BW_STR("newest")));
	assert_int_equal(bw_store_seq(f.store), 3);
	fixture_close(&f);
}

TEST(store_admits_one_writer_and_any_reader)
{
	struct bw_store_config look;
	struct bw_store *second;
	struct bw_snapshot *v;
	struct bw_str value;
	struct bw_batch b;
	pid_t child;
	int status;

	fixture_open(&f);
	assert_int_equal(bw_store_open(&f.config, &second), BW_EAGAIN);
	assert_null(second);
	assert_ok(put_one(&f, A, BW_STR("one")));
	/* LMDB opens a file once a process, so the one who looks is another. */
	child = fork();
	if (child == 0) {
		look = f.config;
		look.read_only = true;
		bw_batch_init(&b, &f.arena);
		bw_batch_put(&b, A, BW_STR("x"));
		if (bw_store_open(&look, &second) != BW_OK || bw_snapshot_begin(second, &v) != BW_OK)
			_exit(1);
		if (bw_snapshot_get(v, A, &f.arena, &value, NULL) != BW_OK ||
		    !bw_str_eq(value, BW_STR("one")))
			_exit(2);
		if (bw_store_commit_wait(second, &b) != BW_EPERM ||
		    bw_store_rotate_data_key(second) != BW_EPERM)
			_exit(3);
		if (bw_store_checked(second) != BW_EPERM)
			_exit(4);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	fixture_close(&f);
}

TEST(store_is_read_before_it_has_been_checked_and_written_after)
{
	struct bw_str value;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("one")));
	assert_true(bw_store_is_checked(f.store));
	fixture_reopen(&f);
	assert_ok(get_one(&f, A, &value, NULL));
	assert_str(value, "one");
	assert_false(bw_store_is_checked(f.store));
	assert_ok(put_one(&f, A, BW_STR("two")));
	assert_true(bw_store_is_checked(f.store));
	assert_ok(bw_store_checked(f.store));
	fixture_reopen(&f);
	assert_ok(bw_store_checked(f.store));
	assert_true(bw_store_is_checked(f.store));
	fixture_reopen(&f);
	assert_ok(bw_store_rotate_data_key(f.store));
	assert_true(bw_store_is_checked(f.store));
	fixture_reopen(&f); /* and closed as it was opened */
	fixture_close(&f);
}

/* Nothing that waits when the store is closed is left behind, whether it has been checked or not. */
TEST(store_closing_commits_what_waits_for_the_check)
{
	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("one")));
	for (int i = 0; i < 50; i++) {
		struct bw_commit c = {.done = ignore};
		struct bw_batch b;

		fixture_reopen(&f);
		bw_batch_init(&b, &f.arena);
		bw_batch_put(&b, A, BW_STR("two"));
		c.batch = &b;
		assert_ok(bw_store_commit(f.store, &c));
		fixture_close_store(&f);
		assert_ok(c.result);
		assert_ok(bw_store_open(&f.config, &f.store));
		assert_int_equal(version_of(&f, A), i + 2);
	}
	fixture_close(&f);
}

TEST(store_looking_at_nothing_makes_nothing)
{
	struct bw_store_config look;
	struct bw_store *s;

	fixture_open(&f);
	look = f.config;
	look.data_dir = BW_STR("/tmp/bulwark-test-nothing-here");
	look.read_only = true;
	assert_int_equal(bw_store_open(&look, &s), BW_ENOTFOUND);
	assert_int_not_equal(access("/tmp/bulwark-test-nothing-here", F_OK), 0);
	fixture_close(&f);
}

TEST(store_refuses_bad_paths_and_open_folders)
{
	struct bw_store_config bad;
	struct bw_store *s;

	fixture_open(&f);
	bad = f.config;
	bad.data_dir = BW_STR_NONE;
	assert_int_equal(bw_store_open(&bad, &s), BW_EINVAL);
	bad.data_dir = BW_STR("/tmp/a\0b");
	assert_int_equal(bw_store_open(&bad, &s), BW_EINVAL);
	bad = f.config;
	bad.key = NULL;
	assert_int_equal(bw_store_open(&bad, &s), BW_EINVAL);
	fixture_close_store(&f);
	assert_int_equal(chmod(f.data, 0770), 0);
	assert_int_equal(bw_store_open(&f.config, &s), BW_EPERM);
	assert_int_equal(chmod(f.data, 0700), 0);
	assert_ok(bw_store_open(&f.config, &f.store));
	fixture_close(&f);
}

TEST(store_takes_the_links_of_its_owner_alone)
{
	char link[128];
	struct bw_store_config config;

	fixture_open(&f);
	fixture_close_store(&f);
	snprintf(link, sizeof link, "%s/link", f.folder);
	assert_int_equal(symlink(f.data, link), 0);
	config = f.config;
	config.data_dir = bw_str_c(link);
	assert_ok(bw_store_open(&config, &f.store));
	fixture_close_store(&f);
	if (geteuid() == 0) { /* nobody else can give a link away */
		struct bw_store *s;

		assert_int_equal(lchown(link, 65534, 65534), 0);
		assert_int_equal(bw_store_open(&config, &s), BW_EPERM);
	}
	assert_int_equal(unlink(link), 0);
	assert_ok(bw_store_open(&f.config, &f.store));
	fixture_close(&f);
}

static off_t data_length(void)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof path, "%s/data.mdb", f.data);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Each step is a mebibyte, far more than a commit of one record: most commits find their blocks there. */
TEST(store_writes_blocks_ahead_of_commits)
{
	static char value[20000];
	off_t before, after;
	int longer = 0;

	fixture_open(&f);
	assert_ok(put_one(&f, A, BW_STR("first")));
	before = data_length();
	assert_true(before >= 1 << 20);
	for (int i = 0; i < 200; i++) {
		assert_ok(put_one(&f, bw_arena_printf(&f.arena, "k%d", i), bw_str_make(value, sizeof value)));
		after = data_length();
		longer += after != before;
		before = after;
	}
	assert_true(before >= 200 * (off_t)sizeof value);
	assert_in_range(longer, 3, 8);
	fixture_reopen(&f);
	assert_int_equal(version_of(&f, BW_STR("k199")), 201);
	fixture_close(&f);
}

TEST(store_ephemeral_is_cleared_and_leaves_nothing)
{
	struct bw_store_config config = {.ephemeral = true, .map_size_bytes = 1 << 26};
	struct bw_str value;

	fixture_open(&f);
	assert_int_equal(bw_store_clear(f.store), BW_EPERM);
	fixture_close(&f);
	bw_arena_init(&f.arena, 1 << 20);
	assert_ok(bw_store_open(&config, &f.store));
	assert_ok(put_one(&f, A, BW_STR("one")));
	assert_ok(count_one(&f, A, 3, 10));
	assert_ok(bw_store_clear(f.store));
	assert_int_equal(get_one(&f, A, &value, NULL), BW_ENOTFOUND);
	assert_int_equal(count_of(&f, A), 0);
	assert_int_equal(bw_store_seq(f.store), 3);
	assert_ok(put_one(&f, A, BW_STR("two")));
	assert_int_equal(version_of(&f, A), 4);
	bw_store_close(f.store);
	bw_arena_free(&f.arena);
}
