#include "svc/kms/custom.h"
#include "svc/kms/grant.h"

/* Deletion (AWS KMS Developer Guide, "Delete an AWS KMS key"): a waiting period, then destruction. What was encrypted under
 * the key stays encrypted for ever. */

enum { WINDOW_MIN = 7, WINDOW_MAX = 30, GRANTS_A_ROUND = 500 };

static enum bw_err window_keys(struct bw_call *call)
{
	const IN_kms_ScheduleKeyDeletion *in = call->in;

	bw_call_context(call, BW_STR("kms:ScheduleKeyDeletionPendingWindowInDays"),
	    bw_arena_printf(call->arena, "%lld", in->PendingWindowInDays.set ? (long long)in->PendingWindowInDays.v : WINDOW_MAX));
	return BW_OK;
}

static void deletion_begin(struct bw_call *call, struct kms_found *f)
{
	f->key.state = KMS_PENDING_DELETION;
	f->key.deletion_ms = call->now_ms + f->key.window_days * KMS_DAY_MS;
	kms_key_due(call, f, f->key.deletion_ms);
}

BW_OP(kms, ScheduleKeyDeletion, .effect = BW_WRITE, .resource = kms_managed_key, .keys = window_keys)
{
	int64_t days = in->PendingWindowInDays.set ? in->PendingWindowInDays.v : WINDOW_MAX;
	struct kms_found *f;

	TRY(kms_key_of(call, &f));
	if (days < WINDOW_MIN || days > WINDOW_MAX)
		return bw_call_fail(call, "ValidationException", "PendingWindowInDays must be between %d and %d (inclusive).",
		    WINDOW_MIN, WINDOW_MAX);
	TRY(kms_in_state(call, f, KMS_NOT_GOING));
	f->key.window_days = days;
	if (f->key.region_kind == KMS_PRIMARY && f->key.replica_regions.n)
		f->key.state = KMS_PENDING_REPLICA_DELETION; /* the period begins when the last replica is gone */
	else
		deletion_begin(call, f);
	kms_key_save(call, f);
	out->KeyId = f->arn;
	out->KeyState = bw_str_c(kms_state_names[f->key.state]);
	out->PendingWindowInDays = BW_INT(days);
	if (f->key.state == KMS_PENDING_DELETION)
		out->DeletionDate = BW_TIME(f->key.deletion_ms);
	return BW_OK;
}

BW_OP(kms, CancelKeyDeletion, .effect = BW_WRITE, .resource = kms_managed_key)
{
	struct kms_found *f;
	bool complete = true;

	TRY(kms_key_of(call, &f));
	if (f->key.state != KMS_PENDING_DELETION && f->key.state != KMS_PENDING_REPLICA_DELETION)
		return kms_invalid_state(call, f, "not pending deletion");
	if (f->key.origin == KMS_ORIGIN_EXTERNAL) {
		TRY(kms_materials_complete(call, f, BW_STR_NONE, &complete));
		complete = complete && bw_str_set(f->key.wrapped);
	}
	f->key.state = complete ? KMS_DISABLED : KMS_PENDING_IMPORT;
	f->key.deletion_ms = f->key.window_days = 0;
	kms_key_save(call, f);
	out->KeyId = f->arn;
	return BW_OK;
}

/* ---- Destruction ---- */

static enum bw_err materials_delete(struct bw_call *call, const struct kms_found *f)
{
	struct bw_str prefix = kms_material_key(call->arena, f->account, f->region, f->id, BW_STR_NONE), key;
	struct bw_scan scan;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK)
		bw_call_delete(call, key);
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* The last replica's end lets the primary's waiting period begin. */
static enum bw_err primary_tell(struct bw_call *call, const struct kms_found *replica)
{
	struct kms_found primary = {0};

	TRY(kms_find_in(call, replica->account, replica->key.primary_region, replica->id, &primary));
	if (primary.as != KMS_FOUND)
		return BW_OK;
	bw_strs_remove(&primary.key.replica_regions, replica->region);
	if (primary.key.state == KMS_PENDING_REPLICA_DELETION && primary.key.replica_regions.n == 0)
		deletion_begin(call, &primary);
	kms_key_save(call, &primary);
	return BW_OK;
}

enum bw_err kms_key_empty(struct bw_call *call, struct kms_found *f)
{
	TRY(materials_delete(call, f));
	f->key.wrapped = BW_STR_NONE;
	kms_key_save(call, f);
	return BW_OK;
}

enum bw_err kms_key_destroy(struct bw_call *call, struct kms_found *f)
{
	TRY(materials_delete(call, f));
	for (size_t i = 0; i < f->key.aliases.n; i++)
		bw_call_delete(call, kms_store_key(call->arena, f->account, f->region, "alias", f->key.aliases.v[i]));
	if (f->key.region_kind == KMS_REPLICA)
		TRY(primary_tell(call, f));
	if (f->store)
		kms_store_leave(call, f);
	bw_call_delete(call, kms_store_key(call->arena, f->account, f->region, "last-use", f->id));
	bw_call_delete(call, f->store_key);
	bw_call_take(call, &kms_keys_quota, f->region, -1);
	return BW_OK;
}

/* A key may have more grants than one commit holds. */
enum bw_err kms_grants_sweep(struct bw_call *call, const struct kms_found *f, bool *more)
{
	struct bw_str prefix = kms_grant_key(call, f, BW_STR_NONE), name;
	struct bw_scan scan;
	size_t n = 0;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while (n < GRANTS_A_ROUND && (e = bw_scan_next(&scan, call->arena, &name, NULL, NULL)) == BW_OK) {
		struct kms_grant g;

		e = kms_grant_find(call, f, bw_str_sub(name, prefix.n, name.n), &g);
		if (e != BW_OK)
			break;
		kms_grant_remove(call, f, &g);
		n++;
	}
	bw_scan_end(&scan);
	*more = n == GRANTS_A_ROUND;
	return *more || e == BW_ENOTFOUND ? BW_OK : e;
}
