#include "svc/kms/custom.h"

/* DescribeKey's facts (AWS KMS API Reference, "KeyMetadata"). */

static void names(struct bw_call *call, const struct kms_key *k, enum kms_usage usage, bool *set, size_t *n, struct bw_str **v)
{
	const uint8_t *list = kms_algorithms_of(k->spec, k->usage);

	if (k->usage != (int64_t)usage)
		return;
	*v = BW_NEW_ARRAY(call->arena, struct bw_str, BW_ALGS);
	for (*set = true; list[*n] != BW_ALG_NONE; (*n)++)
		(*v)[*n] = bw_str_c(kms_algorithms[list[*n]].name);
}

void kms_algorithms_to_shape(struct bw_call *call, const struct kms_key *k, struct kms_EncryptionAlgorithmSpecList *encryption,
    struct kms_SigningAlgorithmSpecList *signing, struct kms_KeyAgreementAlgorithmSpecList *agreement)
{
	names(call, k, KMS_ENCRYPT_DECRYPT, &encryption->set, &encryption->n, &encryption->v);
	names(call, k, KMS_SIGN_VERIFY, &signing->set, &signing->n, &signing->v);
	names(call, k, KMS_KEY_AGREEMENT, &agreement->set, &agreement->n, &agreement->v);
}

static struct kms_MultiRegionKey region_key(struct bw_call *call, const struct kms_found *f, struct bw_str region)
{
	return (struct kms_MultiRegionKey){.Arn = kms_key_arn(call, f->account, region, f->id), .Region = region};
}

/* A replica knows its primary; the primary knows its replicas. */
static enum bw_err multi_region(struct bw_call *call, const struct kms_found *f, struct kms_MultiRegionConfiguration **out)
{
	struct kms_MultiRegionConfiguration *c = BW_NEW(call->arena, struct kms_MultiRegionConfiguration);
	struct kms_found primary = *f;

	if (f->key.region_kind == KMS_REPLICA)
		TRY(kms_find_in(call, f->account, f->key.primary_region, f->id, &primary));
	c->MultiRegionKeyType = f->key.region_kind == KMS_PRIMARY ? BW_STR("PRIMARY") : BW_STR("REPLICA");
	c->PrimaryKey = BW_NEW(call->arena, struct kms_MultiRegionKey);
	*c->PrimaryKey = region_key(call, f, f->key.primary_region);
	c->ReplicaKeys.set = true;
	c->ReplicaKeys.v = BW_NEW_ARRAY(call->arena, struct kms_MultiRegionKey, primary.key.replica_regions.n + 1);
	for (size_t i = 0; i < primary.key.replica_regions.n; i++)
		c->ReplicaKeys.v[c->ReplicaKeys.n++] = region_key(call, f, primary.key.replica_regions.v[i]);
	*out = c;
	return BW_OK;
}

enum bw_err kms_metadata(struct bw_call *call, const struct kms_found *f, struct kms_KeyMetadata **out)
{
	const struct kms_key *k = &f->key;
	struct bw_str spec = bw_str_c(kms_specs[k->spec].name);
	struct kms_KeyMetadata *m = BW_NEW(call->arena, struct kms_KeyMetadata);

	*m = (struct kms_KeyMetadata){.AWSAccountId = f->account, .KeyId = f->id, .Arn = f->arn,
	    .CreationDate = BW_TIME(k->created_ms), .Enabled = BW_BOOL(k->state == KMS_ENABLED),
	    .Description = bw_str_set(k->description) ? k->description : BW_STR(""),
	    .KeyUsage = bw_str_c(kms_usage_names[k->usage]), .KeyState = bw_str_c(kms_state_names[k->state]),
	    .Origin = bw_str_c(kms_origin_names[k->origin]), .KeyManager = k->aws_managed ? BW_STR("AWS") : BW_STR("CUSTOMER"), .CustomerMasterKeySpec = spec,
	    .KeySpec = spec, .MultiRegion = BW_BOOL(k->region_kind != KMS_REGIONAL)};
	if (k->state == KMS_PENDING_DELETION)
		m->DeletionDate = BW_TIME(k->deletion_ms);
	if (k->state == KMS_PENDING_REPLICA_DELETION)
		m->PendingDeletionWindowInDays = BW_INT(k->window_days);
	if (k->origin == KMS_ORIGIN_EXTERNAL && bw_str_set(k->wrapped)) {
		m->ExpirationModel = k->material_valid_to_ms ? BW_STR("KEY_MATERIAL_EXPIRES") : BW_STR("KEY_MATERIAL_DOES_NOT_EXPIRE");
		if (k->material_valid_to_ms)
			m->ValidTo = BW_TIME(k->material_valid_to_ms);
	}
	if (k->spec == BW_KEY_SYMMETRIC_DEFAULT)
		m->CurrentKeyMaterialId = f->store ? BW_STR_NONE : k->material_id;
	if (f->store)
		kms_store_describe(call, f, m);
	names(call, k, KMS_GENERATE_VERIFY_MAC, &m->MacAlgorithms.set, &m->MacAlgorithms.n, &m->MacAlgorithms.v);
	kms_algorithms_to_shape(call, k, &m->EncryptionAlgorithms, &m->SigningAlgorithms, &m->KeyAgreementAlgorithms);
	*out = m;
	return k->region_kind == KMS_REGIONAL ? BW_OK : multi_region(call, f, &m->MultiRegionConfiguration);
}
