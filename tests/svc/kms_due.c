/* What becomes of keys by themselves at their times, on a clock of the test's. */
#include "due_world.h"

#include "svc/kms/grant.h"

static const char key_id[] = "12345678-1234-4234-8234-123456789012";

static struct kms_found found(void)
{
	struct kms_found f = {0};

	put_begin();
	assert_ok(kms_find_in(&w.g.call, bw_str_c(account), BW_STR("us-east-1"), bw_str_c(key_id), &f));
	bw_snapshot_end(w.g.call.view);
	return f;
}

/* A key as it would be made, with one material, put with `due_ms` as a time to look at it. */
static struct kms_found key_put(struct kms_key key, int64_t valid_to_ms, int64_t due_ms)
{
	struct kms_found f = {.as = KMS_FOUND, .account = bw_str_c(account), .region = BW_STR("us-east-1"), .id = bw_str_c(key_id)};
	struct bw_str id = BW_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

	f.store_key = kms_store_key(&w.arena, f.account, f.region, "key", f.id);
	f.key = key;
	f.key.id = f.id;
	f.key.policy = BW_STR("{}");
	put_begin();
	kms_material_add(&w.g.call, &f, &(struct kms_material){.id = id, .wrapped = BW_STR("wrapped"), .version = 1,
	    .state = KMS_MATERIAL_CURRENT, .number = 1, .valid_to_ms = valid_to_ms});
	kms_key_save(&w.g.call, &f);
	kms_key_due(&w.g.call, &f, due_ms);
	put_end();
	return f;
}

TEST(kms_due_a_key_is_destroyed_when_its_time_has_passed)
{
	struct kms_key key = {.spec = BW_KEY_SYMMETRIC_DEFAULT, .usage = KMS_ENCRYPT_DECRYPT, .origin = KMS_ORIGIN_AWS,
	    .state = KMS_PENDING_DELETION};
	struct kms_grant g = {.id = BW_STR("gggg"), .grantee = BW_STR("arn:aws:iam::123456789012:user/u")};
	struct bw_str alias, material, grant;
	struct kms_found f;

	due_service = &bw_service_kms;
	begin();
	key.deletion_ms = w.now_ms + 7 * KMS_DAY_MS;
	bw_strs_add(&key.aliases, &w.arena, BW_STR("alias/a"));
	f = key_put(key, 0, key.deletion_ms);
	alias = kms_store_key(&w.arena, f.account, f.region, "alias", BW_STR("alias/a"));
	material = kms_material_key(&w.arena, f.account, f.region, f.id, f.key.material_id);
	put_begin();
	grant = kms_grant_key(&w.g.call, &f, g.id);
	bw_call_save(&w.g.call, &kms_grant_record, grant, &g);
	bw_call_mark(&w.g.call, alias);
	put_end();
	time_is(key.deletion_ms - 1);
	assert_int_equal(found().as, KMS_FOUND);
	assert_true(is_there(material));
	time_is(key.deletion_ms);
	assert_int_equal(found().as, KMS_NO_KEY);
	assert_false(is_there(f.store_key));
	assert_false(is_there(material));
	assert_false(is_there(alias));
	assert_false(is_there(grant));
	end();
}

static struct bw_str first_grant, last_grant;

static bool some_grants_are_gone(void)
{
	return !is_there(first_grant);
}

static void grants_put(const struct kms_found *f, int n)
{
	struct kms_grant g = {.grantee = BW_STR("arn:aws:iam::123456789012:user/u")};

	put_begin();
	for (int i = 0; i < n; i++) {
		g.id = bw_arena_printf(&w.arena, "%04d", i);
		last_grant = kms_grant_key(&w.g.call, f, g.id);
		if (i == 0)
			first_grant = last_grant;
		bw_call_save(&w.g.call, &kms_grant_record, last_grant, &g);
	}
	put_end();
}

/* Else ReplicateKey could make a replica of the same id anew, and it would have what is left of the grants of the one before. */
TEST(kms_due_a_keys_place_is_taken_until_its_last_grant_is_gone)
{
	struct kms_key key = {.spec = BW_KEY_SYMMETRIC_DEFAULT, .usage = KMS_ENCRYPT_DECRYPT, .origin = KMS_ORIGIN_AWS,
	    .state = KMS_PENDING_DELETION};
	struct bw_str material;
	struct kms_found f;

	due_service = &bw_service_kms;
	begin();
	key.deletion_ms = w.now_ms + 7 * KMS_DAY_MS;
	f = key_put(key, 0, key.deletion_ms);
	material = kms_material_key(&w.arena, f.account, f.region, f.id, f.key.material_id);
	grants_put(&f, 501);
	w.enough = some_grants_are_gone;
	turns(key.deletion_ms);
	assert_true(is_there(last_grant));
	assert_true(is_there(f.store_key));
	assert_false(is_there(material));
	f = found();
	assert_int_equal(f.as, KMS_NO_KEY);
	assert_false(bw_str_set(f.key.wrapped));
	/* In the very same millisecond: what goes on at once is not taken for done. */
	w.enough = NULL;
	time_is(key.deletion_ms);
	assert_false(is_there(last_grant));
	assert_false(is_there(f.store_key));
	end();
}

TEST(kms_due_a_cancelled_deletion_destroys_nothing)
{
	struct kms_key key = {.spec = BW_KEY_SYMMETRIC_DEFAULT, .usage = KMS_ENCRYPT_DECRYPT, .origin = KMS_ORIGIN_AWS,
	    .state = KMS_DISABLED};

	due_service = &bw_service_kms;
	begin();
	key_put(key, 0, w.now_ms + 7 * KMS_DAY_MS);
	time_is(w.now_ms + 8 * KMS_DAY_MS);
	assert_int_equal(found().key.state, KMS_DISABLED);
	assert_str(found().key.wrapped, "wrapped");
	end();
}

TEST(kms_due_imported_material_is_wiped_when_it_expires)
{
	struct kms_key key = {.spec = BW_KEY_SYMMETRIC_DEFAULT, .usage = KMS_ENCRYPT_DECRYPT, .origin = KMS_ORIGIN_EXTERNAL,
	    .state = KMS_DISABLED};
	struct kms_material m;
	struct kms_found f;

	due_service = &bw_service_kms;
	begin();
	f = key_put(key, w.now_ms + KMS_DAY_MS, w.now_ms + KMS_DAY_MS);
	time_is(w.now_ms + KMS_DAY_MS);
	put_begin();
	assert_ok(bw_call_load(
	    &w.g.call, &kms_material_record, kms_material_key(&w.arena, f.account, f.region, f.id, f.key.material_id), &m));
	bw_snapshot_end(w.g.call.view);
	assert_false(bw_str_set(m.wrapped));
	f = found();
	assert_int_equal(f.key.state, KMS_PENDING_IMPORT);
	assert_false(bw_str_set(f.key.wrapped));
	assert_true(f.key.was_disabled);
	end();
}

TEST(kms_due_a_key_rotates_on_its_schedule)
{
	struct kms_key key = {.spec = BW_KEY_SYMMETRIC_DEFAULT, .usage = KMS_ENCRYPT_DECRYPT, .origin = KMS_ORIGIN_AWS,
	    .state = KMS_ENABLED, .rotation_days = 90};
	struct bw_str first;
	struct kms_material old;
	struct kms_found f;
	int64_t next_ms;

	due_service = &bw_service_kms;
	begin();
	next_ms = key.rotation_next_ms = w.now_ms + 90 * (int64_t)KMS_DAY_MS;
	first = key_put(key, 0, next_ms).key.material_id;
	time_is(next_ms - 1);
	assert_true(bw_str_eq(found().key.material_id, first));
	time_is(next_ms);
	f = found();
	assert_false(bw_str_eq(f.key.material_id, first));
	assert_int_equal(f.key.material_id.n, 64);
	assert_int_equal(f.key.rotation_next_ms, next_ms + 90 * (int64_t)KMS_DAY_MS);
	put_begin();
	assert_ok(bw_call_load(&w.g.call, &kms_material_record, kms_material_key(&w.arena, f.account, f.region, f.id, first), &old));
	bw_snapshot_end(w.g.call.view);
	assert_int_equal(old.state, KMS_MATERIAL_NON_CURRENT);
	assert_str(old.wrapped, "wrapped");
	first = f.key.material_id;
	time_is(f.key.rotation_next_ms);
	assert_false(bw_str_eq(found().key.material_id, first));
	end();
}

TEST(kms_due_a_disabled_key_does_not_rotate)
{
	struct kms_key key = {.spec = BW_KEY_SYMMETRIC_DEFAULT, .usage = KMS_ENCRYPT_DECRYPT, .origin = KMS_ORIGIN_AWS,
	    .state = KMS_DISABLED, .rotation_days = 90};
	struct bw_str first;

	due_service = &bw_service_kms;
	begin();
	key.rotation_next_ms = w.now_ms + KMS_DAY_MS;
	first = key_put(key, 0, key.rotation_next_ms).key.material_id;
	time_is(key.rotation_next_ms);
	assert_true(bw_str_eq(found().key.material_id, first));
	end();
}
