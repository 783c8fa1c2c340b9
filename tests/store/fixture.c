#include "fixture.h"
#include "store/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum bw_err key_of_main(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32])
{
	unsigned char main_key[32];

	memcpy(main_key, ctx, sizeof main_key);
	*generation = *generation ? *generation : 1;
	main_key[0] = (unsigned char)(main_key[0] + *generation);
	bw_store_key(bw_str_make(main_key, sizeof main_key), salt, out);
	return BW_OK;
}

void fixture_open(struct fixture *f)
{
	*f = (struct fixture){.folder = "/tmp/bulwark-test-XXXXXX"};
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->data, sizeof f->data, "%s/data", f->folder);
	bw_arena_init(&f->arena, (size_t)1 << 30);
	f->config = (struct bw_store_config){.data_dir = bw_str_c(f->data),
	    .key = key_of_main,
	    .key_ctx = f->main_key,
	    .map_size_bytes = (size_t)1 << 30};
	assert_ok(bw_store_open(&f->config, &f->store));
}

void fixture_close_store(struct fixture *f)
{
	bw_store_close(f->store);
	f->store = NULL;
}

void fixture_close(struct fixture *f)
{
	static const char *const names[] = {
	    "data/data.mdb", "data/lock.mdb", "data/lock", "data", "."};
	char path[128];

	fixture_close_store(f);
	bw_arena_free(&f->arena);
	for (size_t i = 0; i < BW_COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
		remove(path);
	}
	rmdir(f->folder);
}

void fixture_reopen(struct fixture *f)
{
	fixture_close_store(f);
	assert_ok(bw_store_open(&f->config, &f->store));
}

void fixture_open_tampered(struct fixture *f)
{
	struct bw_store_rekey walk = {0};

	for (int first = 0; first < 3; first++) {
		assert_ok(bw_store_open(&f->config, &f->store));
		assert_false(bw_store_is_checked(f->store));
		if (first == 0) /* whatever begins the check */
			assert_int_equal(bw_store_checked(f->store), BW_ECORRUPT);
		if (first == 1)
			assert_int_equal(put_one(f, BW_STR("acct/-/iam/user/new"), BW_STR("v")), BW_ECORRUPT);
		assert_int_equal(bw_store_rotate_data_key(f->store), BW_ECORRUPT);
		assert_int_equal(bw_store_rekey_begin(f->store, bw_store_generation(f->store) + 1), BW_ECORRUPT);
		assert_int_equal(put_one(f, BW_STR("acct/-/iam/user/new"), BW_STR("v")), BW_ECORRUPT);
		assert_int_equal(delete_one(f, BW_STR("acct/-/iam/user/a")), BW_ECORRUPT);
		assert_int_equal(count_one(f, BW_STR("acct/-/iam/user/a"), 1, 10), BW_ECORRUPT);
		assert_ok(bw_store_rekey_step(f->store, &walk));
		assert_int_equal(bw_store_checked(f->store), BW_ECORRUPT);
		assert_false(bw_store_is_checked(f->store));
		assert_int_equal(version_of(f, BW_STR("acct/-/iam/user/new")), 0);
		fixture_close_store(f);
	}
}

enum bw_err put_one(struct fixture *f, struct bw_str key, struct bw_str value)
{
	struct bw_batch b;

	bw_batch_init(&b, &f->arena);
	bw_batch_put(&b, key, value);
	return bw_store_commit_wait(f->store, &b);
}

enum bw_err delete_one(struct fixture *f, struct bw_str key)
{
	struct bw_batch b;

	bw_batch_init(&b, &f->arena);
	bw_batch_delete(&b, key);
	return bw_store_commit_wait(f->store, &b);
}

enum bw_err count_one(struct fixture *f, struct bw_str key, int64_t delta, int64_t max)
{
	struct bw_batch b;

	bw_batch_init(&b, &f->arena);
	bw_batch_count(&b, key, delta, max);
	return bw_store_commit_wait(f->store, &b);
}

enum bw_err get_one(struct fixture *f, struct bw_str key, struct bw_str *value, uint64_t *version)
{
	struct bw_snapshot *v;
	enum bw_err err;

	assert_ok(bw_snapshot_begin(f->store, &v));
	err = bw_snapshot_get(v, key, &f->arena, value, version);
	bw_snapshot_end(v);
	return err;
}

uint64_t version_of(struct fixture *f, struct bw_str key)
{
	struct bw_snapshot *v;
	uint64_t version;

	assert_ok(bw_snapshot_begin(f->store, &v));
	version = bw_snapshot_version(v, key);
	bw_snapshot_end(v);
	return version;
}

int64_t count_of(struct fixture *f, struct bw_str key)
{
	struct bw_snapshot *v;
	int64_t n;

	assert_ok(bw_snapshot_begin(f->store, &v));
	n = bw_snapshot_count(v, key);
	bw_snapshot_end(v);
	return n;
}
