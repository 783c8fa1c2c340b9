#include "svc/kms/custom.h"

#include "codec/sort.h"

/* Rotation (AWS KMS Developer Guide, "Rotate AWS KMS keys"): the new material encrypts from now on, the older ones stay for
 * what they have encrypted. */

enum { USUAL_DAYS = 365, MATERIALS_MAX = 1000 };

static enum bw_err unsupported(struct bw_call *call)
{
	return bw_call_fail(call, "UnsupportedOperationException", "%s", "");
}

static enum bw_err symmetric_check(struct bw_call *call, const struct kms_found *f)
{
	return f->key.spec == BW_KEY_SYMMETRIC_DEFAULT ? BW_OK : unsupported(call);
}

static enum bw_err own_material_check(struct bw_call *call, const struct kms_found *f)
{
	if (f->key.origin == KMS_ORIGIN_AWS)
		return BW_OK;
	return bw_call_fail(call, "UnsupportedOperationException", "%.*s origin is %s which is not valid for this operation.",
	    BW_FMT(f->arn), kms_origin_names[f->key.origin]);
}

/* ---- Materials ---- */

static int by_number(const void *a, const void *b)
{
	const struct kms_material *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

enum bw_err kms_materials(struct bw_call *call, const struct kms_found *f, struct kms_material **out, size_t *n)
{
	struct bw_str prefix = kms_material_key(call->arena, f->account, f->region, f->id, BW_STR_NONE), key;
	struct kms_material *v = BW_NEW_ARRAY(call->arena, struct kms_material, MATERIALS_MAX);
	struct bw_scan scan;
	enum bw_err e;

	*n = 0;
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while (*n < MATERIALS_MAX && (e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK) {
		e = bw_call_load(call, &kms_material_record, key, &v[*n]);
		if (e != BW_OK)
			break;
		++*n;
	}
	bw_scan_end(&scan);
	_Static_assert(sizeof *v <= BW_SORT_ITEM_MAX, "materials are sorted whole");
	bw_sort(v, *n, sizeof *v, by_number);
	*out = v;
	return *n == MATERIALS_MAX || e == BW_ENOTFOUND ? BW_OK : e;
}

/* In one Region: the old one steps back, the new one is in use. */
static enum bw_err switch_to(struct bw_call *call, struct kms_found *f, const struct kms_material *m)
{
	struct bw_str key = kms_material_key(call->arena, f->account, f->region, f->id, f->key.material_id);
	struct kms_material old;
	enum bw_err e = bw_call_load(call, &kms_material_record, key, &old);

	if (e == BW_OK) {
		old.state = KMS_MATERIAL_NON_CURRENT;
		bw_call_save(call, &kms_material_record, key, &old);
	} else if (e != BW_ENOTFOUND) {
		return e;
	}
	kms_material_add(call, f, m);
	kms_key_save(call, f);
	return BW_OK;
}

enum bw_err kms_rotate(struct bw_call *call, struct kms_found *f, struct kms_material *m, enum kms_rotation how)
{
	struct kms_found *replicas;
	struct kms_material *all;
	size_t n, count;

	TRY(kms_materials(call, f, &all, &count));
	m->state = KMS_MATERIAL_CURRENT;
	m->rotated_ms = call->now_ms;
	m->rotation = how;
	m->number = count ? all[count - 1].number + 1 : 1;
	TRY(kms_replicas(call, f, &replicas, &n));
	for (size_t i = 0; i < n; i++) {
		replicas[i].key.rotation_next_ms = f->key.rotation_next_ms;
		TRY(switch_to(call, &replicas[i], m));
	}
	return switch_to(call, f, m);
}

/* ---- Automatic rotation ---- */

/* Related keys share whether and when they rotate; the primary does it. */
static enum bw_err schedule_set(struct bw_call *call, struct kms_found *f, int64_t days)
{
	struct kms_found *replicas;
	size_t n;

	TRY(kms_replicas(call, f, &replicas, &n));
	f->key.rotation_days = days;
	f->key.rotation_next_ms = days ? call->now_ms + days * KMS_DAY_MS : 0;
	if (days)
		kms_key_due(call, f, f->key.rotation_next_ms);
	kms_key_save(call, f);
	for (size_t i = 0; i < n; i++) {
		replicas[i].key.rotation_days = f->key.rotation_days;
		replicas[i].key.rotation_next_ms = f->key.rotation_next_ms;
		kms_key_save(call, &replicas[i]);
	}
	return BW_OK;
}

static enum bw_err schedule_check(struct bw_call *call, struct kms_found **f)
{
	TRY(kms_key_of(call, f));
	TRY(symmetric_check(call, *f));
	TRY(own_material_check(call, *f));
	TRY(kms_not_replica(call, *f));
	return kms_in_state(call, *f, KMS_IN(ENABLED));
}

static enum bw_err period_keys(struct bw_call *call)
{
	const IN_kms_EnableKeyRotation *in = call->in;

	bw_call_context(call, BW_STR("kms:RotationPeriodInDays"),
	    bw_arena_printf(
	        call->arena, "%lld", in->RotationPeriodInDays.set ? (long long)in->RotationPeriodInDays.v : USUAL_DAYS));
	return BW_OK;
}

BW_OP(kms, EnableKeyRotation, .effect = BW_WRITE, .resource = kms_managed_key, .keys = period_keys)
{
	struct kms_found *f;

	TRY(schedule_check(call, &f));
	return schedule_set(call, f, in->RotationPeriodInDays.set ? in->RotationPeriodInDays.v : USUAL_DAYS);
}

BW_OP(kms, DisableKeyRotation, .effect = BW_WRITE, .resource = kms_managed_key)
{
	struct kms_found *f;

	TRY(schedule_check(call, &f));
	return schedule_set(call, f, 0);
}

BW_OP(kms, GetKeyRotationStatus, .effect = BW_READ, .resource = kms_managed_key)
{
	struct kms_found *f;
	bool on;

	TRY(kms_key_of(call, &f));
	TRY(kms_not_in_store(call, f));
	on = f->key.rotation_days && f->key.state != KMS_PENDING_DELETION && f->key.state != KMS_PENDING_REPLICA_DELETION;
	out->KeyId = f->id;
	out->KeyRotationEnabled = BW_BOOL(on);
	if (on) {
		out->RotationPeriodInDays = BW_INT(f->key.rotation_days);
		out->NextRotationDate = BW_TIME(f->key.rotation_next_ms);
	}
	return BW_OK;
}

/* ---- On demand ---- */

/* Imported material that waits for its rotation, in the key and in each of its replicas. */
static enum bw_err pending_find(struct bw_call *call, const struct kms_found *f, struct kms_material *out)
{
	struct kms_found *replicas;
	struct kms_material *all;
	size_t n, count;

	TRY(kms_materials(call, f, &all, &count));
	TRY(kms_replicas(call, f, &replicas, &n));
	for (size_t i = 0; i < count; i++) {
		if (all[i].state != KMS_MATERIAL_PENDING_ROTATION)
			continue;
		*out = all[i];
		for (size_t r = 0; r < n; r++)
			if (!bw_call_exists(call, kms_material_key(call->arena, replicas[r].account, replicas[r].region,
			                              replicas[r].id, out->id)))
				return kms_invalid_state(call, f, "waiting for the import of the new key material in all replica Regions");
		return BW_OK;
	}
	return kms_invalid_state(call, f, "without new key material that could be rotated to");
}

static enum bw_err rotate_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	struct kms_found *f;

	(void)input;
	TRY(kms_key_of(call, &f));
	TRY(symmetric_check(call, f));
	TRY(kms_not_in_store(call, f));
	TRY(kms_not_replica(call, f));
	TRY(kms_in_state(call, f, KMS_IN(ENABLED)));
	TRY(bw_call_within(call, &kms_rotations_quota, (size_t)f->key.rotations_on_demand + 1));
	if (f->key.origin == KMS_ORIGIN_EXTERNAL)
		return BW_OK;
	kms_material_in_use(f, &request->key);
	request->op = BW_KEYER_GENERATE;
	request->key.material_id = request->key.wrapped = BW_STR_NONE;
	request->key.version = 1;
	return BW_OK;
}

BW_OP(kms, RotateKeyOnDemand, .effect = BW_WRITE, .resource = kms_managed_key, .ask = rotate_ask)
{
	struct kms_found *f = call->state;
	struct kms_material m = {.version = 1, .created_ms = call->now_ms};

	if (f->key.origin == KMS_ORIGIN_EXTERNAL) {
		TRY(pending_find(call, f, &m));
	} else {
		TRY(kms_answered(call, NULL));
		m.id = call->answer.out3;
		m.wrapped = call->answer.out;
	}
	f->key.rotations_on_demand++;
	out->KeyId = f->id;
	return kms_rotate(call, f, &m, KMS_ROTATION_ON_DEMAND);
}

/* ---- Listing ---- */

static struct bw_str state_name(const struct kms_material *m, bool relatives_wait)
{
	if (m->state == KMS_MATERIAL_PENDING_ROTATION)
		return relatives_wait ? BW_STR("PENDING_MULTI_REGION_IMPORT_AND_ROTATION") : BW_STR("PENDING_ROTATION");
	return m->state == KMS_MATERIAL_CURRENT ? BW_STR("CURRENT") : BW_STR("NON_CURRENT");
}

static void imported(struct bw_call *call, const struct kms_material *m, struct kms_RotationsListEntry *out)
{
	bool there = bw_str_set(m->wrapped) && !(m->valid_to_ms && m->valid_to_ms <= call->now_ms);

	out->ImportState = there ? BW_STR("IMPORTED") : BW_STR("PENDING_IMPORT");
	out->KeyMaterialDescription = m->description;
	if (!there)
		return;
	out->ExpirationModel = m->valid_to_ms ? BW_STR("KEY_MATERIAL_EXPIRES") : BW_STR("KEY_MATERIAL_DOES_NOT_EXPIRE");
	if (m->valid_to_ms)
		out->ValidTo = BW_TIME(m->valid_to_ms);
}

static enum bw_err entry(struct bw_call *call, const struct kms_found *f, const struct kms_material *m,
    struct kms_RotationsListEntry *out)
{
	struct kms_found *replicas;
	bool wait = false;
	size_t n;

	TRY(kms_replicas(call, f, &replicas, &n));
	for (size_t i = 0; i < n; i++)
		wait |= !bw_call_exists(
		    call, kms_material_key(call->arena, replicas[i].account, replicas[i].region, replicas[i].id, m->id));
	*out = (struct kms_RotationsListEntry){
	    .KeyId = f->id, .KeyMaterialId = m->id, .KeyMaterialState = state_name(m, wait)};
	if (m->rotation != KMS_ROTATION_NONE) {
		out->RotationDate = BW_TIME(m->rotated_ms);
		out->RotationType = m->rotation == KMS_ROTATION_AUTOMATIC ? BW_STR("AUTOMATIC") : BW_STR("ON_DEMAND");
	}
	if (f->key.origin == KMS_ORIGIN_EXTERNAL)
		imported(call, m, out);
	return BW_OK;
}

BW_OP(kms, ListKeyRotations, .effect = BW_READ, .resource = kms_managed_key)
{
	bool all = bw_str_eq(in->IncludeKeyMaterial, BW_STR("ALL_KEY_MATERIAL"));
	struct kms_material *v;
	struct kms_found *f;
	size_t n, kept = 0, from, to;

	TRY(kms_key_of(call, &f));
	TRY(symmetric_check(call, f));
	TRY(kms_not_in_store(call, f));
	TRY(kms_materials(call, f, &v, &n));
	for (size_t i = 0; i < n; i++)
		if (all || v[i].rotation != KMS_ROTATION_NONE)
			v[kept++] = v[i];
	TRY(kms_page_slice(call, kept, in->Marker, in->Limit, KMS_PAGE_USUAL, &from, &to, &out->Truncated, &out->NextMarker));
	out->Rotations.set = true;
	out->Rotations.v = BW_NEW_ARRAY(call->arena, struct kms_RotationsListEntry, to - from + 1);
	for (size_t i = from; i < to; i++)
		TRY(entry(call, f, &v[i], &out->Rotations.v[out->Rotations.n++]));
	return BW_OK;
}
