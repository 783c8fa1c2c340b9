#include "core/trail_known.h"

#include "core/internal.h"

enum { RECORD_BYTES_MAX = 256 };

static const struct bw_str record_key = {"-/global/core/trail/known", 25};

static const struct bw_field fields[] = {
    BW_FIELD(1, I64, struct bw_trail_known, records),
    BW_FIELD(2, I64, struct bw_trail_known, gone),
    BW_FIELD(3, I64, struct bw_trail_known, gone_ms),
};
static const struct bw_record known_record = BW_RECORD("trail known", struct bw_trail_known, fields);

enum bw_err bw_trail_known_read(struct bw_store *store, struct bw_trail_known *out)
{
	struct bw_snapshot *view;
	struct bw_arena arena;
	struct bw_str bytes;
	enum bw_err e = bw_snapshot_begin(store, &view);

	*out = (struct bw_trail_known){0};
	if (e != BW_OK)
		return e;
	bw_arena_init(&arena, BW_STORE_VALUE_MAX);
	e = bw_snapshot_get(view, record_key, &arena, &bytes, NULL);
	bw_snapshot_end(view);
	if (e == BW_OK)
		e = bw_record_decode(&known_record, bytes, &arena, out);
	bw_arena_free(&arena);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static void put(struct bw_batch *batch, struct bw_arena *arena, const struct bw_trail_known *known)
{
	struct bw_buf bytes;

	bw_buf_init(&bytes, RECORD_BYTES_MAX);
	bw_record_encode(&known_record, known, &bytes);
	bw_batch_put(batch, record_key, bw_arena_str(arena, bw_buf_str(&bytes)));
	bw_buf_free(&bytes);
}

void trail_known_note(const struct bw_core *core, struct bw_batch *batch, struct bw_arena *arena)
{
	struct bw_trail_known known = core->trail_known;

	if (core->ephemeral || !core->trail)
		return;
	known.records = (int64_t)bw_trail_durable(core->trail);
	put(batch, arena, &known);
}

static enum bw_err save(struct bw_core *core)
{
	struct bw_batch batch;
	struct bw_arena arena;
	enum bw_err e;

	bw_arena_init(&arena, BW_CALL_ARENA_MAX);
	bw_batch_init(&batch, &arena);
	put(&batch, &arena, &core->trail_known);
	e = bw_store_commit_wait(core->store, &batch);
	bw_arena_free(&arena);
	return e;
}

static void tell(struct bw_core *core, int64_t missing)
{
	struct audit_event event = {.source = BW_STR("bulwark"), .name = BW_STR("TrailRecordsMissing"), .account = core->account,
	    .region = core->region, .when_ms = core->trail_known.gone_ms};
	struct bw_arena arena;
	struct bw_buf record;

	bw_arena_init(&arena, 4096);
	bw_buf_init(&record, BW_TRAIL_BLOCK_MAX);
	event.id = bw_uuid_new(&arena);
	event.subject = bw_arena_printf(&arena, "%lld", (long long)missing);
	audit_event(&event, &record);
	bw_trail_add(core->trail, 0, bw_buf_str(&record));
	bw_buf_free(&record);
	bw_arena_free(&arena);
}

/* It is remembered until an operator says that it is known: whoever takes a trail away leaves this behind. The store first, or a crash in
 * between would make the new trail look like an older copy. */
static enum bw_err go_on_without(struct bw_core *core, int64_t missing, bool accept)
{
	struct bw_trail_known *known = &core->trail_known;

	known->records -= missing;
	known->gone = accept ? 0 : known->gone + missing;
	known->gone_ms = bw_clock_wall_ms();
	TRY(save(core));
	if (!missing)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "audit trail: %lld records that were on the disk are not here: they were moved or taken away", (long long)missing);
	tell(core, missing);
	return BW_OK;
}

enum bw_err trail_known_settle(struct bw_core *core, bool accept)
{
	int64_t there = (int64_t)bw_trail_durable(core->trail), missing;

	TRY(bw_trail_known_read(core->store, &core->trail_known));
	missing = core->trail_known.records > there ? core->trail_known.records - there : 0;
	if (!missing && !(accept && core->trail_known.gone))
		return BW_OK;
	if (there == 0 || accept)
		return go_on_without(core, missing, accept);
	bw_log(BW_LOG_ERROR,
	    "audit trail: it ends %lld records before its end: an older copy was put in its place. Keep its folder as evidence, move it away, and "
	    "start again; or, if that is known and meant, 'bulwark accept'",
	    (long long)missing);
	return BW_ECORRUPT;
}
