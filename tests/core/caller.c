#include "test.h"

#include <unistd.h>

#include "core/guess.h"
#include "core/internal.h"

/* Who calls is resolved from records, and none of them may have changed when what it did is committed. */

#define ACCOUNT BW_STR("123456789012")
#define KEY BW_STR("AKIAEXAMPLEEXAMPLE00")

struct fixture {
	struct bw_core core;
	struct bw_arena arena;
	struct bw_snapshot *view;
	struct caller_entry *entry;
};

static void save(struct fixture *f, const struct bw_record *r, struct bw_str key, const void *from)
{
	struct bw_batch batch;
	struct bw_buf bytes;

	bw_buf_init(&bytes, 65536);
	bw_record_encode(r, from, &bytes);
	bw_batch_init(&batch, &f->arena);
	bw_batch_put(&batch, key, bw_buf_str(&bytes));
	assert_ok(bw_store_commit_wait(f->core.store, &batch));
	bw_buf_free(&bytes);
}

static void user_save(struct fixture *f, const char *path)
{
	const struct bw_user u = {.path = bw_str_c(path), .name = BW_STR("maya"), .id = BW_STR("AIDAEXAMPLE")};

	save(f, &bw_user_record, bw_entity_key(&f->arena, ACCOUNT, "user", u.name), &u);
}

static void key_save(struct fixture *f, bool active)
{
	const struct bw_access_key k = {
	    .id = KEY, .account = ACCOUNT, .user = BW_STR("maya"), .secret = BW_STR("secret"), .active = active};

	save(f, &bw_access_key_record, bw_access_key_key(&f->arena, KEY), &k);
}

static void setup(struct fixture *f, const char *name)
{
	struct bw_store_config config = {.ephemeral = true};

	*f = (struct fixture){0};
	bw_crypto_init();
	bw_arena_init(&f->arena, 1 << 24);
	config.data_dir = bw_arena_printf(&f->arena, "/tmp/bw-caller-%s-%d", name, (int)getpid());
	assert_ok(bw_store_open(&config, &f->core.store));
	f->core.policies = policy_cache_new();
	user_save(f, "/");
	key_save(f, true);
	assert_ok(bw_snapshot_begin(f->core.store, &f->view));
	assert_ok(caller_resolve(&f->core, f->view, KEY, BW_STR_NONE, &f->entry));
	bw_snapshot_end(f->view);
}

static void teardown(struct fixture *f)
{
	caller_entry_release(f->entry);
	policy_cache_free(f->core.policies);
	bw_store_close(f->core.store);
	bw_arena_free(&f->arena);
}

/* What the caller of the entry writes, as the gate commits it. */
static enum bw_err written(struct fixture *f)
{
	struct bw_batch batch;

	bw_batch_init(&batch, &f->arena);
	bw_batch_put(&batch, BW_STR("123456789012/global/iam/group/new"), BW_STR("value"));
	caller_entry_guard(f->entry, &batch);
	return bw_store_commit_wait(f->core.store, &batch);
}

static bool is_same(struct fixture *f)
{
	bool same;

	assert_ok(bw_snapshot_begin(f->core.store, &f->view));
	same = caller_entry_same(f->entry, f->view);
	bw_snapshot_end(f->view);
	return same;
}

TEST(caller_writes_while_nothing_of_it_changes)
{
	struct fixture f;

	setup(&f, "same");
	assert_ok(written(&f));
	assert_true(is_same(&f));
	assert_ok(written(&f));
	teardown(&f);
}

TEST(caller_writes_nothing_once_its_user_has_changed)
{
	struct fixture f;

	setup(&f, "user");
	user_save(&f, "/moved/");
	assert_int_equal(written(&f), BW_ECONFLICT);
	assert_false(is_same(&f));
	teardown(&f);
}

TEST(caller_writes_nothing_once_its_key_is_off)
{
	struct caller_entry *again;
	struct fixture f;

	setup(&f, "key");
	key_save(&f, false);
	assert_int_equal(written(&f), BW_ECONFLICT);
	assert_ok(bw_snapshot_begin(f.core.store, &f.view));
	assert_int_equal(caller_resolve(&f.core, f.view, KEY, BW_STR_NONE, &again), BW_ENOTFOUND);
	bw_snapshot_end(f.view);
	teardown(&f);
}

static int tried(struct guesses *g, struct bw_str of, int64_t now_ms, int asked)
{
	int n = 0;

	for (int i = 0; i < asked; i++)
		n += guess_take(g, of, now_ms);
	return n;
}

TEST(guesses_have_their_ceiling)
{
	struct guesses *g = guesses_new();
	const struct bw_str a = BW_STR("password AIDAA"), b = BW_STR("password AIDAB");
	int64_t now_ms = 1700000000000;

	assert_int_equal(tried(g, a, now_ms, BW_GUESSES - 1), BW_GUESSES - 1);
	assert_true(guess_take(g, a, now_ms));
	assert_false(guess_take(g, a, now_ms));
	assert_true(guess_take(g, b, now_ms));
	/* One a minute, and never more than there were. */
	assert_false(guess_take(g, a, now_ms + 59999));
	assert_int_equal(tried(g, a, now_ms + 60000, 5), 1);
	assert_int_equal(tried(g, a, now_ms + 3600000, 50), BW_GUESSES);
	/* A clock that was put back gives nothing. */
	assert_false(guess_take(g, a, now_ms));
	guesses_free(g);
}
