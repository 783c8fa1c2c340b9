/* What becomes of keys by themselves at their times, on a clock of the test's. */
#include "test.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/internal.h"
#include "svc/kms/grant.h"

static const char account[] = "123456789012", key_id[] = "12345678-1234-4234-8234-123456789012";

static struct {
	char folder[64];
	struct bw_core *core;
	struct bw_loop *loop;
	struct bw_lane *lane;
	struct bw_arena arena;
	struct gate_call g; /* what records are put with */
	struct bw_timer timer;
	int64_t now_ms, turn_ms, give_up_ms;
	struct bw_ring *channel;
	pid_t keyer;
} w;

static void for_ever(void *ctx)
{
	(void)ctx;
	for (;;)
		(void)poll(NULL, 0, 1000);
}

static void keyer_start(void)
{
	struct bw_secret root = bw_secret_new(32);

	assert_ok(bw_keyer_channel(&w.channel));
	w.keyer = fork();
	if (w.keyer == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(bw_keyer_serve(&root, NULL, &w.channel, 1, for_ever, NULL) == BW_OK ? 0 : 1);
	}
	assert_true(w.keyer > 0);
	bw_secret_free(&root);
}

static void put_begin(void)
{
	w.g.call = (struct bw_call){.core = w.core, .arena = &w.arena, .now_ms = w.now_ms, .account = bw_str_c(account),
	    .region = BW_STR("us-east-1"), .service = &bw_service_kms};
	w.g.lane = w.lane;
	bw_batch_init(&w.g.call.batch, &w.arena);
	assert_ok(bw_snapshot_begin(w.core->store, &w.g.call.view));
}

static void put_end(void)
{
	bw_snapshot_end(w.g.call.view);
	assert_ok(bw_store_commit_wait(w.core->store, &w.g.call.batch));
}

static void begin(void)
{
	struct bw_core_config config = {.ephemeral = true, .account = bw_str_c(account), .lanes = 1};
	struct bw_first_start first;

	memset(&w, 0, sizeof w);
	keyer_start();
	bw_crypto_init();
	bw_arena_init(&w.arena, 64 << 20);
	snprintf(w.folder, sizeof w.folder, "/tmp/bulwark-due-XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	config.data_dir = bw_str_c(w.folder);
	config.keyer_channels = &w.channel;
	assert_ok(bw_core_open(&config, &w.arena, &first, &w.core));
	assert_ok(bw_loop_new(&w.loop));
	assert_ok(bw_lane_new(w.core, w.loop, 0, &w.lane));
	/* Far from the real clock, which the lane goes by. */
	w.now_ms = bw_clock_wall_ms() + INT64_C(10000) * KMS_DAY_MS;
	w.turn_ms = bw_clock_mono_ms();
}

static int away(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st, (void)kind, (void)where;
	return remove(path);
}

static void end(void)
{
	char name[80];
	int status;

	bw_lane_free(w.lane);
	bw_loop_free(w.loop);
	bw_core_close(w.core);
	bw_arena_free(&w.arena);
	kill(w.keyer, SIGKILL);
	assert_int_equal(waitpid(w.keyer, &status, 0), w.keyer);
	bw_ring_free(w.channel);
	assert_int_equal(nftw(w.folder, away, 8, FTW_DEPTH | FTW_PHYS), 0);
	snprintf(name, sizeof name, "%s.key", w.folder);
	(void)remove(name);
}

/* How many marks are due at the test's time. */
static size_t due_count(void)
{
	struct bw_snapshot *view;
	struct bw_scan scan;
	struct bw_str key;
	int64_t due_ms;
	size_t n = 0;

	assert_ok(bw_snapshot_begin(w.core->store, &view));
	assert_ok(bw_scan_begin(view, BW_STR("-/global/task/due/"), BW_STR_NONE, &scan));
	while (bw_scan_next(&scan, &w.arena, &key, NULL, NULL) == BW_OK) {
		assert_ok(bw_str_to_i64(bw_str_sub(key, 18, 14), 0, INT64_MAX, &due_ms));
		n += due_ms <= w.now_ms;
	}
	bw_scan_end(&scan);
	bw_snapshot_end(view);
	return n;
}

static void turn(struct bw_timer *t)
{
	w.turn_ms += 10000;
	tasks_tick(w.lane, w.turn_ms, w.now_ms);
	if (due_count() == 0 || bw_clock_mono_ms() > w.give_up_ms)
		bw_loop_stop(w.loop);
	else
		bw_timer_set(w.loop, t, 10);
}

/* Everything that is due by then happens. */
static void time_is(int64_t now_ms)
{
	w.now_ms = now_ms;
	w.give_up_ms = bw_clock_mono_ms() + 20000;
	w.timer.fire = turn;
	bw_timer_set(w.loop, &w.timer, 1);
	bw_loop_run(w.loop);
	assert_int_equal(due_count(), 0);
}

static struct kms_found found(void)
{
	struct kms_found f = {0};

	put_begin();
	assert_ok(kms_find_in(&w.g.call, bw_str_c(account), BW_STR("us-east-1"), bw_str_c(key_id), &f));
	bw_snapshot_end(w.g.call.view);
	return f;
}

static bool is_there(struct bw_str key)
{
	struct bw_snapshot *view;
	bool there;

	assert_ok(bw_snapshot_begin(w.core->store, &view));
	there = bw_snapshot_version(view, key) != 0;
	bw_snapshot_end(view);
	return there;
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

TEST(kms_due_a_cancelled_deletion_destroys_nothing)
{
	struct kms_key key = {.spec = BW_KEY_SYMMETRIC_DEFAULT, .usage = KMS_ENCRYPT_DECRYPT, .origin = KMS_ORIGIN_AWS,
	    .state = KMS_DISABLED};

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

	begin();
	key.rotation_next_ms = w.now_ms + KMS_DAY_MS;
	first = key_put(key, 0, key.rotation_next_ms).key.material_id;
	time_is(key.rotation_next_ms);
	assert_true(bw_str_eq(found().key.material_id, first));
	end();
}
