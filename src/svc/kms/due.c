/* What becomes of a key by itself at its times: material rotates or expires, a waiting period ends. */
#include "core/task.h"
#include "svc/kms/custom.h"

static enum bw_err ask(struct bw_call *call, struct bw_str subject, struct bw_keyer_request *request);
static enum bw_err run(struct bw_call *call, struct bw_str subject, struct bw_str *event);
BW_TASK(kms, kms_key, .ask = ask, .run = run);

void kms_key_due(struct bw_call *call, const struct kms_found *f, int64_t due_ms)
{
	bw_call_task(call, &kms_key, due_ms,
	    bw_arena_printf(call->arena, "%.*s/%.*s/%.*s", BW_FMT(f->account), BW_FMT(f->region), BW_FMT(f->id)));
}

/* Wipes every material whose time has come. */
static enum bw_err materials_expire(struct bw_call *call, struct kms_found *f, struct bw_str *event)
{
	struct bw_str prefix = kms_material_key(call->arena, f->account, f->region, f->id, BW_STR_NONE), key;
	struct bw_scan scan;
	struct kms_material m;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK) {
		e = bw_call_load(call, &kms_material_record, key, &m);
		if (e != BW_OK)
			break;
		if (!m.valid_to_ms || m.valid_to_ms > call->now_ms)
			continue;
		kms_material_forget(call, f, &m);
		*event = BW_STR("DeleteExpiredKeyMaterial");
	}
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

void kms_material_forget(struct bw_call *call, struct kms_found *f, struct kms_material *m)
{
	struct bw_str key = kms_material_key(call->arena, f->account, f->region, f->id, m->id);
	bool current = bw_str_eq(m->id, f->key.material_id);

	m->wrapped = BW_STR_NONE;
	m->valid_to_ms = 0;
	/* What never came into use belongs to no ciphertext. KMS API Reference, "DeleteImportedKeyMaterial": a primary key's goes from its
	 * replicas, too. */
	if (m->state == KMS_MATERIAL_PENDING_ROTATION) {
		bw_call_delete(call, key);
		for (size_t i = 0; f->key.region_kind == KMS_PRIMARY && i < f->key.replica_regions.n; i++)
			bw_call_delete(call, kms_material_key(call->arena, f->account, f->key.replica_regions.v[i], f->id, m->id));
		return;
	}
	bw_call_save(call, &kms_material_record, key, m);
	if (current) {
		f->key.wrapped = BW_STR_NONE;
		f->key.material_valid_to_ms = 0;
	}
	/* AWS KMS Developer Guide, "Importing key material": without any one of its materials the whole key is unusable. */
	if (f->key.state == KMS_ENABLED || f->key.state == KMS_DISABLED) {
		f->key.was_disabled = f->key.state == KMS_DISABLED;
		f->key.state = KMS_PENDING_IMPORT;
	}
	kms_key_save(call, f);
}

static enum bw_err find(struct bw_call *call, struct bw_str subject, struct kms_found *f)
{
	struct bw_str account = bw_str_cut(&subject, '/'), region = bw_str_cut(&subject, '/');

	*f = (struct kms_found){0};
	return kms_find_in(call, account, region, subject, f);
}

/* ---- Automatic rotation ---- */

static bool rotates_now(const struct bw_call *call, const struct kms_found *f)
{
	const struct kms_key *k = &f->key;

	return f->as == KMS_FOUND && k->state == KMS_ENABLED && k->region_kind != KMS_REPLICA && k->rotation_days &&
	       k->rotation_next_ms <= call->now_ms;
}

static enum bw_err ask(struct bw_call *call, struct bw_str subject, struct bw_keyer_request *request)
{
	struct kms_found f;

	TRY(find(call, subject, &f));
	/* Its record stands, its time has passed: the material goes with it, as far as the token can be reached. */
	if (f.as != KMS_FOUND && f.store)
		kms_store_destroy_ask(call, &f);
	if (!rotates_now(call, &f))
		return BW_OK;
	request->op = BW_KEYER_GENERATE;
	kms_material_in_use(&f, &request->key);
	request->key.material_id = request->key.wrapped = BW_STR_NONE;
	request->key.version = 1;
	return BW_OK;
}

static enum bw_err rotate(struct bw_call *call, struct kms_found *f, struct bw_str *event)
{
	struct kms_material m = {
	    .id = call->answer.out3, .wrapped = call->answer.out, .version = 1, .created_ms = call->now_ms};
	int64_t period_ms = f->key.rotation_days * KMS_DAY_MS;

	CHECK(call->answer.result == BW_OK, call->answer.result);
	/* On its schedule, unless the key was disabled for longer than a period. */
	f->key.rotation_next_ms += period_ms;
	if (f->key.rotation_next_ms <= call->now_ms)
		f->key.rotation_next_ms = call->now_ms + period_ms;
	kms_key_due(call, f, f->key.rotation_next_ms);
	*event = BW_STR("RotateKey");
	return kms_rotate(call, f, &m, KMS_ROTATION_AUTOMATIC);
}

/* ---- The end ---- */

static enum bw_err destroy(struct bw_call *call, struct kms_found *f, struct bw_str *event)
{
	bool stands = bw_str_set(f->key.id), more;

	TRY(kms_grants_sweep(call, f, &more));
	if (more) {
		/* Without material its record keeps the place: a replica that is made anew has the same id, and must not have these grants. */
		kms_key_due(call, f, call->now_ms);
		return stands ? kms_key_empty(call, f) : BW_OK;
	}
	CHECK(stands, BW_OK);
	TRY(kms_key_destroy(call, f));
	*event = BW_STR("DeleteKey");
	return BW_OK;
}

static enum bw_err run(struct bw_call *call, struct bw_str subject, struct bw_str *event)
{
	struct kms_found f;

	TRY(find(call, subject, &f));
	if (f.as != KMS_FOUND)
		return destroy(call, &f, event);
	/* Between the question and the answer it may have been disabled: then the new material is nobody's. */
	if (call->answer.out3.n && rotates_now(call, &f))
		return rotate(call, &f, event);
	return materials_expire(call, &f, event);
}
