#include "core/internal.h"

enum {
	CALLERS_MAX = 1024,     /* resolved callers a lane keeps */
	SIGNING_KEYS_MAX = 4096, /* midstates by key, date, Region and service */
	USES_MAX = 2000,        /* credentials whose last use waits to be written */
	NOTES_MAX = 2000,       /* facts that wait with them: both together fit a batch */
	ACCOUNTS_MAX = 1024,    /* whose rate is watched */
	STRANGERS_MAX = 4096,   /* addresses, likewise */
	FLUSH_MS = 5000,        /* how often last uses are written */
	TICK_MS = 100,
};

struct last_use {
	int64_t when_ms;
	const struct bw_service *service;
	char region[32];
};

/* The bytes of a record. */
struct note {
	size_t n, room;
	char bytes[];
};

static void entry_drop(void *value)
{
	caller_entry_release(value);
}

/* A batch that is on its way to the committer, with the memory it lives in. */
struct flush {
	struct bw_commit commit;
	struct bw_batch batch;
	struct bw_arena arena;
};

static void flush_done(struct bw_commit *c)
{
	struct flush *f = c->ctx;

	if (c->result != BW_OK)
		bw_log(BW_LOG_WARN, "last-used times were not written: %s", bw_err_name(c->result));
	bw_arena_free(&f->arena);
	bw_free(f);
}

static void flush_add(void *ctx, struct bw_str key, void *value)
{
	struct flush *f = ctx;
	const struct last_use *u = value;
	struct bw_last_used record = {
	    .when_ms = u->when_ms, .region = bw_str_c(u->region), .service = bw_str_c(u->service->signing_name)};
	struct bw_buf bytes;

	bw_buf_init(&bytes, 1024);
	bw_record_encode(&bw_last_used_record, &record, &bytes);
	bw_batch_put(&f->batch, bw_arena_str(&f->arena, key), bw_arena_str(&f->arena, bw_buf_str(&bytes)));
	bw_buf_free(&bytes);
}

static void note_add(void *ctx, struct bw_str key, void *value)
{
	struct flush *f = ctx;
	const struct note *note = value;

	bw_batch_put(&f->batch, key, bw_str_make(note->bytes, note->n));
}

static void use_drop(void *value)
{
	bw_free(value);
}

static void uses_flush(struct bw_lane *lane)
{
	struct flush *f;

	if (lane->used.count == 0 && lane->notes.count == 0)
		return;
	f = bw_alloc(sizeof *f);
	bw_arena_init(&f->arena, BW_CALL_ARENA_MAX);
	bw_batch_init(&f->batch, &f->arena);
	bw_map_each(&lane->used, flush_add, f);
	bw_map_each(&lane->notes, note_add, f);
	trail_known_note(lane->core, &f->batch, &f->arena);
	f->commit = (struct bw_commit){.batch = &f->batch, .done = flush_done, .ctx = f};
	bw_map_free(&lane->used);
	bw_map_init(&lane->used, USES_MAX, use_drop);
	bw_map_free(&lane->notes);
	bw_map_init(&lane->notes, NOTES_MAX, use_drop);
	if (bw_store_commit(lane->core->store, &f->commit) != BW_OK) {
		f->commit.result = BW_EAGAIN;
		flush_done(&f->commit);
	}
}

static void tick(struct bw_timer *t)
{
	struct bw_lane *lane = (struct bw_lane *)((char *)t - offsetof(struct bw_lane, tick));
	int64_t now_ms = bw_loop_now_ms(lane->loop);

	bw_trail_tick(lane->core->trail, lane->index, now_ms);
	if (now_ms - lane->flushed_ms >= FLUSH_MS) {
		lane->flushed_ms = now_ms;
		uses_flush(lane);
	}
	tasks_tick(lane, now_ms, bw_clock_wall_ms());
	lane_strangers_tell(lane, now_ms, false);
	bw_timer_set(lane->loop, &lane->tick, TICK_MS);
}

enum bw_err bw_lane_new(struct bw_core *core, struct bw_loop *loop, unsigned index, struct bw_lane **out)
{
	struct bw_lane *lane = bw_alloc(sizeof *lane);

	lane->core = core;
	lane->loop = loop;
	lane->index = index;
	bw_sigv4_cache_init(&lane->signatures, SIGNING_KEYS_MAX);
	bw_map_init(&lane->callers, CALLERS_MAX, entry_drop);
	bw_map_init(&lane->used, USES_MAX, use_drop);
	bw_map_init(&lane->notes, NOTES_MAX, use_drop);
	bw_map_init(&lane->rates, ACCOUNTS_MAX, use_drop);
	bw_map_init(&lane->strangers, STRANGERS_MAX, use_drop);
	key_sets_init(&lane->key_sets);
	if (index == 0)
		tasks_new(lane);
	gather_begin(lane);
	lane->tick.fire = tick;
	bw_timer_set(loop, &lane->tick, TICK_MS);
	*out = lane;
	if (core->outside_channels)
		TRY(bw_errand_client_new(loop, core->outside_channels[index], &bw_outside_errands, &lane->outside));
	return core->keyer_channels ? bw_keyer_client_new(loop, core->keyer_channels[index], &lane->keyer) : BW_OK;
}

void bw_lane_free(struct bw_lane *lane)
{
	if (!lane)
		return;
	bw_timer_cancel(lane->loop, &lane->tick);
	bw_turn_remove(lane->loop, &lane->turn);
	uses_flush(lane);
	lane_strangers_tell(lane, bw_loop_now_ms(lane->loop), true);
	tasks_free(lane);
	gate_calls_free(lane);
	bw_keyer_client_free(lane->keyer);
	bw_errand_client_free(lane->outside);
	bw_sigv4_cache_free(&lane->signatures);
	bw_map_free(&lane->callers);
	bw_map_free(&lane->used);
	bw_map_free(&lane->notes);
	bw_map_free(&lane->rates);
	bw_map_free(&lane->strangers);
	bw_map_free(&lane->key_sets);
	bw_free(lane);
}

void lanes_answered(void *ctx)
{
	struct bw_core *core = ctx;

	while (core->answered) {
		struct bw_lane *lane = core->answered;
		struct bw_post *newest = lane->answered;

		core->answered = lane->answered_next;
		lane->answered = NULL;
		/* From here on the lane may be gone. */
		bw_loop_post_all(lane->loop, newest, lane->answered_oldest);
	}
}

void lane_note_use(struct bw_lane *lane, const struct bw_caller *c, const struct bw_service *service, struct bw_str region,
    int64_t now_ms)
{
	bool role = c->kind == BW_PRINCIPAL_ROLE;
	char room[256];
	struct bw_buf key = bw_buf_over(room, sizeof room);
	struct last_use *u;

	if (c->temporary && !role)
		return;
	bw_buf_put(&key, c->account);
	bw_buf_put(&key, role ? BW_STR("/global/iam/last-used/role/") : BW_STR("/global/iam/last-used/access-key/"));
	bw_buf_put(&key, role ? c->entity_id : c->key_id);
	if (key.failed)
		return;
	u = bw_map_get(&lane->used, bw_buf_str(&key));
	if (!u) {
		u = bw_alloc(sizeof *u);
		bw_map_put(&lane->used, bw_buf_str(&key), u);
	}
	u->when_ms = now_ms;
	u->service = service;
	if (service->global)
		region = BW_STR("us-east-1");
	if (region.n < sizeof u->region) {
		memcpy(u->region, region.p, region.n);
		u->region[region.n] = '\0';
	}
}

/* True when the entry says that it was noted already; says so from now on. */
static bool access_noted(
    struct caller_entry *entry, const struct bw_operation *operation, struct bw_str region, int64_t second)
{
	struct noted_access *slot = &entry->noted[(uintptr_t)operation / sizeof *operation % NOTED_MAX];

	if (region.n >= sizeof slot->region)
		return false;
	if (slot->operation == operation && slot->second == second && strlen(slot->region) == region.n &&
	    memcmp(slot->region, region.p, region.n) == 0)
		return true;
	slot->operation = operation;
	slot->second = second;
	memcpy(slot->region, region.p, region.n);
	slot->region[region.n] = '\0';
	return false;
}

void lane_note_access(struct bw_lane *lane, const struct bw_call *call, struct caller_entry *entry)
{
	const struct bw_caller *c = call->caller;
	struct bw_access access = {
	    .when_ms = call->now_ms, .region = call->service->global ? BW_STR("us-east-1") : call->region};
	struct bw_str action;
	char key_room[256], room[128];
	struct bw_buf key = bw_buf_over(key_room, sizeof key_room), bytes = bw_buf_over(room, sizeof room);

	if (!entry || !call->model || (c->kind != BW_PRINCIPAL_USER && c->kind != BW_PRINCIPAL_ROLE))
		return;
	if (access_noted(entry, call->model, access.region, call->now_ms / 1000))
		return;
	action = bw_str_c(bw_at(call->model->action));
	bw_buf_put(&key, c->account);
	bw_buf_put(&key, BW_STR("/global/iam/access/"));
	bw_buf_put(&key, c->entity_id);
	bw_buf_put(&key, BW_STR("/"));
	bw_buf_put(&key, bw_str_cut(&action, ':'));
	bw_buf_put(&key, BW_STR("/"));
	bw_buf_put(&key, action);
	bw_record_encode(&bw_access_record, &access, &bytes);
	if (!key.failed && !bytes.failed)
		lane_note(lane, bw_buf_str(&key), bw_buf_str(&bytes));
}

void lane_note(struct bw_lane *lane, struct bw_str key, struct bw_str bytes)
{
	struct note *note = bw_map_get(&lane->notes, key);

	if (!note && lane->notes.count == NOTES_MAX)
		uses_flush(lane);
	if (!note || note->room < bytes.n) {
		note = bw_alloc(sizeof *note + 2 * bytes.n);
		note->room = 2 * bytes.n;
		bw_map_put(&lane->notes, key, note);
	}
	note->n = bytes.n;
	memcpy(note->bytes, bytes.p, bytes.n);
}
