#include "core/internal.h"

#include <dirent.h>
#include <unistd.h>

#include "crypto/crypto.h"

/* Two threads hash passwords; more would starve the loops of a small machine. */
enum { WORKERS = 2 };
/* The keyer may be starting, or starting again. */
enum { KEYER_WAIT_MS = 30000, KEYER_WAIT_ARENA_MAX = 1 << 26 };

static enum bw_err home_find(struct bw_core *core, struct bw_str *account)
{
	struct bw_snapshot *view;
	enum bw_err e;

	TRY(bw_snapshot_begin(core->store, &view));
	e = bw_snapshot_get(view, BW_STR("-/global/core/home/account"), &core->arena, account, NULL);
	bw_snapshot_end(view);
	return e;
}

static enum bw_err account_settle(struct bw_core *core, const struct bw_core_config *config)
{
	struct bw_str stored;
	enum bw_err e = home_find(core, &stored);

	if (e == BW_OK) {
		core->account = stored;
		if (config->account.n && !bw_str_eq(config->account, stored))
			bw_log(BW_LOG_WARN, "the store belongs to account %.*s: --account-id %.*s is of no effect",
			    BW_FMT(stored), BW_FMT(config->account));
		return BW_OK;
	}
	if (e != BW_ENOTFOUND)
		return e;
	TRY(first_choose(core, config->account));
	return first_start(core);
}

/* An ephemeral server's records die with it: what an earlier one left was sealed with a key that is gone. */
static void folder_empty(struct bw_str dir)
{
	DIR *d = opendir(dir.p);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

static enum bw_err trail_open(struct bw_core *core, const struct bw_core_config *config)
{
	unsigned char key[32];
	struct bw_str dir = bw_arena_printf(&core->arena, "%.*s/%s", BW_FMT(config->data_dir),
	    config->ephemeral ? "trail-ephemeral" : "trail");
	enum bw_err e;

	if (config->ephemeral)
		folder_empty(dir);
	bw_store_derive(core->store, BW_STR("trail"), key);
	e = bw_trail_open(dir, key, config->lanes, config->ephemeral, &core->trail);
	bw_wipe(key, sizeof key);
	if (e == BW_OK && config->trail_keep_days)
		bw_trail_keep(core->trail, config->trail_keep_days);
	return e;
}

/* The root key stays with the keyer: the store is opened with what the keyer derives of it. */
static enum bw_err store_key_ask(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32])
{
	const struct bw_core *core = ctx;
	const struct bw_keyer_request request = {.op = BW_KEYER_STORE_KEY, .input = salt, .length = *generation};
	struct bw_keyer_answer answer;
	struct bw_arena arena;
	enum bw_err e;

	bw_arena_init(&arena, KEYER_WAIT_ARENA_MAX);
	e = bw_keyer_ask_wait(core->waiter, &request, KEYER_WAIT_MS, &arena, &answer);
	if (e == BW_OK)
		e = answer.result == BW_OK && answer.out.n == 32 && answer.out2.n == 1 ? BW_OK : BW_EPERM;
	if (e == BW_OK) {
		memcpy(out, answer.out.p, 32);
		*generation = (unsigned char)answer.out2.p[0];
	} else {
		bw_log(BW_LOG_ERROR, "the keyer gives no key for the store: %s", bw_err_name(e));
	}
	bw_arena_free(&arena);
	return e;
}

static enum bw_err parts_open(struct bw_core *core, const struct bw_core_config *config)
{
	struct bw_store_config store = {
	    .data_dir = config->data_dir, .key = config->store_key, .key_ctx = config->store_key_ctx, .ephemeral = config->ephemeral};

	if (config->keyer_channels) {
		TRY(bw_keyer_waiter_new(core->keyer_channels[core->seal ? core->lanes : 0], &core->waiter));
		store.key = store_key_ask;
		store.key_ctx = core;
	}
	registry_build(core);
	TRY(quotas_build(core, config->quotas));
	TRY(bw_store_open(&store, &core->store));
	if (!core->seal) {
		/* Nothing is rekeyed: the channel is a lane's from now on. */
		bw_keyer_waiter_free(core->waiter);
		core->waiter = NULL;
	}
	bw_store_on_answered(core->store, lanes_answered, core);
	core->sessions = bw_sessions_new(core->store);
	core->policies = policy_cache_new();
	core->guesses = guesses_new();
	TRY(account_settle(core, config));
	TRY(trail_open(core, config));
	if (!core->ephemeral) {
		TRY(anchored_open(core, config->anchor, config->anchor_accept));
		TRY(trail_known_settle(core, config->anchor_accept));
	}
	core->workers = worker_pool_new(WORKERS);
	if (core->seal && core->keyer_channels)
		core->rekeyer = rekeyer_new(core);
	return BW_OK;
}

static void secret_forget(struct bw_str *s)
{
	bw_wipe((void *)(uintptr_t)s->p, s->n);
	*s = BW_STR_NONE;
}

enum bw_err bw_core_open(const struct bw_core_config *config, struct bw_arena *arena, struct bw_first_start *first,
    struct bw_core **out)
{
	struct bw_core *core = bw_alloc(sizeof *core);
	enum bw_err e;

	bw_arena_init(&core->arena, BW_CALL_ARENA_MAX);
	core->ephemeral = config->ephemeral;
	core->started_ms = bw_clock_mono_ms();
	core->region = bw_arena_str(&core->arena, config->region.n ? config->region : BW_STR("us-east-1"));
	core->edge = config->edge;
	core->data_dir = bw_arena_str(&core->arena, config->data_dir);
	core->guard = config->guard;
	core->guard_images = config->guard_images;
	core->guard_reports = config->guard_reports;
	core->keyer_channels = config->keyer_channels;
	core->seal = config->seal;
	core->seal_place = config->seal_place;
	core->lanes = config->lanes;
	core->outside_channels = config->outside_channels;
	core->edge_images = config->edge_images;
	core->edge_reports = config->edge_reports;
	core->processes = config->processes;
	core->root_key_id = bw_arena_str(&core->arena, config->root_key_id);
	core->root_secret = bw_arena_str(&core->arena, config->root_secret);
	e = parts_open(core, config);
	if (e != BW_OK) {
		bw_core_close(core);
		return e;
	}
	*first = core->first;
	first->account = bw_arena_str(arena, core->account);
	first->admin_key_id = bw_arena_str(arena, core->first.admin_key_id);
	first->admin_secret = bw_arena_str(arena, core->first.admin_secret);
	first->root_password = bw_arena_str(arena, core->first.root_password);
	if (!core->ephemeral)
		secret_forget(&core->root_secret); /* the store has it */
	*out = core;
	return BW_OK;
}

void bw_core_first_forget(struct bw_core *core, struct bw_first_start *first)
{
	secret_forget(&first->admin_secret);
	secret_forget(&first->root_password);
	if (core->ephemeral)
		return;
	secret_forget(&core->first.admin_secret);
	secret_forget(&core->first.root_password);
}

void bw_core_close(struct bw_core *core)
{
	if (!core)
		return;
	rekeyer_free(core->rekeyer);
	bw_keyer_waiter_free(core->waiter);
	publisher_free(core->publisher);
	worker_pool_free(core->workers);
	anchored_free(core->anchored);
	if (core->trail)
		bw_trail_close(core->trail);
	policy_cache_free(core->policies);
	guesses_free(core->guesses);
	bw_sessions_free(core->sessions);
	if (core->store)
		bw_store_close(core->store);
	bw_arena_free(&core->arena);
	bw_free(core);
}

void bw_core_condemn(struct bw_core *core)
{
	char id[BW_UUID_TEXT];
	unsigned char bytes[16];
	const struct audit_event event = {.source = BW_STR("bulwark"), .name = BW_STR("StoreCheckFailed"), .account = core->account,
	    .region = core->region, .id = bw_str_make(id, sizeof id), .subject = core->data_dir, .when_ms = bw_clock_wall_ms()};
	struct bw_buf text, record;

	bw_buf_init(&text, BW_UUID_TEXT + 1);
	bw_random(bytes, sizeof bytes);
	bw_uuid_put(bytes, &text);
	memcpy(id, text.p, sizeof id);
	bw_buf_free(&text);
	bw_buf_init(&record, BW_TRAIL_BLOCK_MAX);
	audit_event(&event, &record);
	bw_trail_add(core->trail, 0, bw_buf_str(&record));
	bw_buf_free(&record);
	bw_trail_close(core->trail);
	core->trail = NULL;
}

enum bw_err bw_core_reset(struct bw_core *core)
{
	CHECK(core->ephemeral && core->first.made, BW_EPERM);
	TRY(bw_store_clear(core->store));
	TRY(bw_trail_clear(core->trail));
	/* Callers resolved from what was there must not live on. */
	atomic_fetch_add(&core->generation, 1);
	TRY(first_start(core));
	if (core->publisher)
		publisher_wake(core->publisher);
	return BW_OK;
}

struct bw_str bw_core_account(const struct bw_core *core)
{
	return core->account;
}

struct bw_store *bw_core_store(const struct bw_core *core)
{
	return core->store;
}

struct bw_sessions *bw_core_sessions(const struct bw_core *core)
{
	return core->sessions;
}

struct bw_str bw_core_region(const struct bw_core *core)
{
	return core->region;
}
