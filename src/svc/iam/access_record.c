#include "core/task.h"
#include "svc/iam/access.h"

/* The gate notes attempts and writes them after some seconds (core/lane.c). */
enum {
	SETTLED_MS = 60 * 1000, /* well above those seconds */
	DAY_MS = 24 * 60 * 60 * 1000,
	READ_BYTES_MAX = 4 * 1024 * 1024, /* of one entity: some hundred bytes an action */
};

enum bw_err iam_access_each(struct bw_call *call, struct bw_str entity_id,
    void (*each)(void *ctx, struct bw_str action, const struct bw_access *access), void *ctx)
{
	struct bw_str prefix = bw_access_record_key(call->arena, call->account, entity_id, BW_STR("")), key,
	              bytes;
	int64_t oldest_ms = call->now_ms - (int64_t)IAM_TRACKED_DAYS * DAY_MS;
	struct bw_arena arena;
	struct bw_scan scan;
	struct bw_access access;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	bw_arena_init(&arena, READ_BYTES_MAX);
	while ((e = bw_scan_next(&scan, &arena, &key, &bytes, NULL)) == BW_OK) {
		e = bw_record_decode(&bw_access_record, bytes, &arena, &access);
		if (e != BW_OK)
			break;
		if (access.when_ms >= oldest_ms) {
			access.region = bw_arena_str(call->arena, access.region);
			each(ctx, bw_str_sub(key, prefix.n, key.n), &access);
		}
	}
	bw_scan_end(&scan);
	bw_arena_free(&arena);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Forgetting ---- */

static enum bw_err forget(struct bw_call *call, struct bw_str subject, struct bw_str *event)
{
	struct bw_str id = subject, prefix, key;
	struct bw_scan scan;
	enum bw_err e;

	*event = BW_STR_NONE;
	(void)bw_str_cut(&id, '/');
	(void)bw_str_cut(&id, '/');
	prefix = bw_access_record_key(call->arena, call->account, id, BW_STR(""));
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK)
		bw_call_delete(call, key);
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

BW_TASK(iam, access_forget, .run = forget);

void iam_access_forget(struct bw_call *call, struct bw_str entity_id)
{
	bw_call_task(call, &access_forget, call->now_ms + SETTLED_MS,
	    BW_JOIN(call->arena, call->account, BW_STR("/"), call->region, BW_STR("/"), entity_id));
}
