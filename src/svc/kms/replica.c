#include "svc/kms/kms.h"

/* Multi-Region keys (AWS KMS Developer Guide, "Multi-Region keys in AWS KMS"): related keys share their id, their materials,
 * their rotation; policy, tags, aliases, grants and state are each one's own. Materials are wrapped for the first primary's
 * Region, and copied as they are. */

static enum bw_err unsupported(struct bw_call *call, const struct kms_found *f, const char *is)
{
	return bw_call_fail(call, "UnsupportedOperationException", "%.*s is %s.", BW_FMT(f->arn), is);
}

enum bw_err kms_not_replica(struct bw_call *call, const struct kms_found *f)
{
	return f->key.region_kind != KMS_REPLICA ? BW_OK : unsupported(call, f, "a multi-Region replica key");
}

enum bw_err kms_replicas(struct bw_call *call, const struct kms_found *f, struct kms_found **out, size_t *n)
{
	const struct bw_strs *regions = &f->key.replica_regions;

	*n = 0;
	*out = BW_NEW_ARRAY(call->arena, struct kms_found, regions->n + 1);
	if (f->key.region_kind != KMS_PRIMARY)
		return BW_OK;
	for (size_t i = 0; i < regions->n; i++) {
		TRY(kms_find_in(call, f->account, regions->v[i], f->id, &(*out)[*n]));
		*n += (*out)[*n].as == KMS_FOUND;
	}
	return BW_OK;
}

/* ---- ReplicateKey ---- */

static enum bw_err replicate_resource(struct bw_call *call)
{
	const IN_kms_ReplicateKey *in = call->in;
	struct bw_str there;

	TRY(kms_managed_key(call));
	bw_call_context(call, BW_STR("kms:ReplicaRegion"), in->ReplicaRegion);
	there = kms_key_arn(call, call->account, in->ReplicaRegion, bw_str_sub(call->resource, call->resource.n - 36, 36));
	(void)bw_call_also_on(call, BW_STR("kms:CreateKey"), there);
	if (in->Tags.n)
		(void)bw_call_also_on(call, BW_STR("kms:TagResource"), there);
	return BW_OK;
}

static enum bw_err materials_copy(struct bw_call *call, const struct kms_found *from, const struct kms_found *to)
{
	struct kms_material *v;
	size_t n;

	TRY(kms_materials(call, from, &v, &n));
	for (size_t i = 0; i < n; i++)
		bw_call_save(
		    call, &kms_material_record, kms_material_key(call->arena, to->account, to->region, to->id, v[i].id), &v[i]);
	return BW_OK;
}

static enum bw_err region_check(struct bw_call *call, const struct kms_found *f, struct bw_str region)
{
	struct kms_found there = {0};

	if (bw_str_eq(region, f->region))
		return bw_call_fail(call, "ValidationException", "%s", "The replica Region must be another than the primary key's.");
	TRY(kms_find_in(call, f->account, region, f->id, &there));
	if (bw_str_set(there.key.id))
		return bw_call_fail(call, "AlreadyExistsException", "%.*s already exists", BW_FMT(there.arn));
	return BW_OK;
}

/* The related key in the other Region, as ReplicateKey makes it. */
static enum bw_err replica_make(struct bw_call *call, const struct kms_found *f, const IN_kms_ReplicateKey *in,
    struct kms_found *to)
{
	*to = (struct kms_found){.as = KMS_FOUND, .account = f->account, .region = in->ReplicaRegion, .id = f->id};
	to->arn = kms_key_arn(call, to->account, to->region, to->id);
	to->store_key = kms_store_key(call->arena, to->account, to->region, "key", to->id);
	to->key = f->key;
	to->key.region_kind = KMS_REPLICA;
	to->key.created_ms = call->now_ms;
	to->key.description = in->Description;
	to->key.aliases = to->key.replica_regions = (struct bw_strs){0};
	to->key.tags = (struct bw_pairs){0};
	TRY(kms_tags_set(call, &to->key.tags, &in->Tags));
	TRY(kms_policy_set(call, &to->key, to->arn, in->Policy,
	    in->BypassPolicyLockoutSafetyCheck.set && in->BypassPolicyLockoutSafetyCheck.v));
	if (f->key.origin == KMS_ORIGIN_AWS)
		return materials_copy(call, f, to);
	/* AWS KMS API Reference, "ReplicateKey": imported material is to be imported here, too. */
	to->key.state = KMS_PENDING_IMPORT;
	to->key.wrapped = BW_STR_NONE;
	to->key.material_valid_to_ms = 0;
	return BW_OK;
}

BW_OP(kms, ReplicateKey, .effect = BW_WRITE, .resource = replicate_resource)
{
	struct kms_found *f, replica;

	TRY(kms_key_of(call, &f));
	if (f->key.region_kind != KMS_PRIMARY)
		return unsupported(call, f, "not a multi-Region primary key");
	TRY(kms_in_state(call, f, KMS_IN(ENABLED)));
	TRY(region_check(call, f, in->ReplicaRegion));
	TRY(replica_make(call, f, in, &replica));
	bw_strs_add(&f->key.replica_regions, call->arena, in->ReplicaRegion);
	kms_key_save(call, f);
	kms_key_save(call, &replica);
	bw_call_take(call, &kms_keys_quota, replica.region, 1);
	out->ReplicaPolicy = replica.key.policy;
	kms_tags_to_shape(call, &replica.key.tags, 0, replica.key.tags.n, &out->ReplicaTags);
	TRY(kms_metadata(call, &replica, &out->ReplicaKeyMetadata));
	/* The primary as it is read back is the one before this call. */
	out->ReplicaKeyMetadata->MultiRegionConfiguration->ReplicaKeys
	    .v[out->ReplicaKeyMetadata->MultiRegionConfiguration->ReplicaKeys.n++] =
	    (struct kms_MultiRegionKey){.Arn = replica.arn, .Region = replica.region};
	return BW_OK;
}

/* ---- UpdatePrimaryRegion ---- */

struct moving {
	struct kms_found primary, next;
};

static enum bw_err move_resource(struct bw_call *call)
{
	const IN_kms_UpdatePrimaryRegion *in = call->in;
	struct moving *m = BW_NEW(call->arena, struct moving);
	struct bw_also *also;

	TRY(kms_find(call, in->KeyId, false, &m->primary));
	TRY(kms_about(call, &m->primary));
	call->state = m;
	bw_call_context(call, BW_STR("kms:PrimaryRegion"), in->PrimaryRegion);
	if (m->primary.as != KMS_FOUND)
		return BW_OK;
	TRY(kms_find_in(call, m->primary.account, in->PrimaryRegion, m->primary.id, &m->next));
	TRY(kms_also_about(call, BW_STR("kms:UpdatePrimaryRegion"), &m->next, &also));
	bw_also_context(call, also, BW_STR("kms:PrimaryRegion"), in->PrimaryRegion);
	return BW_OK;
}

BW_OP(kms, UpdatePrimaryRegion, .effect = BW_WRITE, .resource = move_resource)
{
	struct moving *m = call->state;
	struct kms_found *others;
	size_t n;

	TRY(kms_must_exist(call, &m->primary));
	if (m->primary.key.region_kind != KMS_PRIMARY)
		return unsupported(call, &m->primary, "not a multi-Region primary key");
	TRY(kms_in_state(call, &m->primary, KMS_IN(ENABLED)));
	if (bw_str_eq(m->primary.region, in->PrimaryRegion))
		return bw_call_fail(call, "ValidationException", "%s", "The key is the primary key already.");
	TRY(kms_must_exist(call, &m->next));
	TRY(kms_in_state(call, &m->next, KMS_IN(ENABLED)));
	TRY(kms_replicas(call, &m->primary, &others, &n));
	for (size_t i = 0; i < n; i++) {
		if (bw_str_eq(others[i].region, in->PrimaryRegion))
			continue;
		others[i].key.primary_region = in->PrimaryRegion;
		kms_key_save(call, &others[i]);
	}
	m->next.key.region_kind = KMS_PRIMARY;
	m->next.key.primary_region = m->primary.key.primary_region = in->PrimaryRegion;
	m->next.key.replica_regions = m->primary.key.replica_regions;
	m->next.key.rotations_on_demand = m->primary.key.rotations_on_demand;
	bw_strs_remove(&m->next.key.replica_regions, in->PrimaryRegion);
	bw_strs_add(&m->next.key.replica_regions, call->arena, m->primary.region);
	m->primary.key.region_kind = KMS_REPLICA;
	m->primary.key.replica_regions = (struct bw_strs){0};
	kms_key_save(call, &m->primary);
	kms_key_save(call, &m->next);
	if (m->next.key.rotation_days)
		kms_key_due(call, &m->next, m->next.key.rotation_next_ms);
	return BW_OK;
}
