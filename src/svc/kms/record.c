#include "svc/kms/record.h"

static const struct bw_field key_fields[] = {
    BW_FIELD(1, STR, struct kms_key, id),
    BW_FIELD(2, STR, struct kms_key, description),
    BW_FIELD(3, STR, struct kms_key, policy),
    BW_FIELD(4, PAIRS, struct kms_key, policy_principals),
    BW_FIELD(5, I64, struct kms_key, created_ms),
    BW_FIELD(6, I64, struct kms_key, spec),
    BW_FIELD(7, I64, struct kms_key, usage),
    BW_FIELD(8, I64, struct kms_key, origin),
    BW_FIELD(9, I64, struct kms_key, state),
    BW_FIELD(10, I64, struct kms_key, region_kind),
    BW_FIELD(11, PAIRS, struct kms_key, tags),
    BW_FIELD(12, STRS, struct kms_key, aliases),
    BW_FIELD(13, I64, struct kms_key, deletion_ms),
    BW_FIELD(14, I64, struct kms_key, window_days),
    BW_FIELD(15, BOOL, struct kms_key, was_disabled),
    BW_FIELD(16, STR, struct kms_key, primary_region),
    BW_FIELD(17, STRS, struct kms_key, replica_regions),
    BW_FIELD(18, I64, struct kms_key, rotation_days),
    BW_FIELD(19, I64, struct kms_key, rotation_next_ms),
    BW_FIELD(20, I64, struct kms_key, rotations_on_demand),
    BW_FIELD(21, STR, struct kms_key, material_id),
    BW_FIELD(22, STR, struct kms_key, wrapped),
    BW_FIELD(23, STR, struct kms_key, public_key),
    BW_FIELD(24, I64, struct kms_key, material_version),
    BW_FIELD(25, I64, struct kms_key, material_valid_to_ms),
    BW_FIELD(26, STR, struct kms_key, home_region),
    BW_FIELD(27, STR, struct kms_key, store_id),
    BW_FIELD(28, STR, struct kms_key, xks_key_id),
    BW_FIELD(29, BOOL, struct kms_key, aws_managed),
};
const struct bw_record kms_key_record = BW_RECORD("key", struct kms_key, key_fields);

static const struct bw_field material_fields[] = {
    BW_FIELD(1, STR, struct kms_material, id),
    BW_FIELD(2, STR, struct kms_material, wrapped),
    BW_FIELD(3, I64, struct kms_material, version),
    BW_FIELD(4, I64, struct kms_material, state),
    BW_FIELD(5, I64, struct kms_material, created_ms),
    BW_FIELD(6, I64, struct kms_material, rotated_ms),
    BW_FIELD(7, I64, struct kms_material, rotation),
    BW_FIELD(8, STR, struct kms_material, description),
    BW_FIELD(9, I64, struct kms_material, valid_to_ms),
    BW_FIELD(10, I64, struct kms_material, number),
};
const struct bw_record kms_material_record = BW_RECORD("material", struct kms_material, material_fields);

static const struct bw_field alias_fields[] = {
    BW_FIELD(1, STR, struct kms_alias, name),
    BW_FIELD(2, STR, struct kms_alias, key_id),
    BW_FIELD(3, I64, struct kms_alias, created_ms),
    BW_FIELD(4, I64, struct kms_alias, updated_ms),
};
const struct bw_record kms_alias_record = BW_RECORD("alias", struct kms_alias, alias_fields);

static const struct bw_field grant_fields[] = {
    BW_FIELD(1, STR, struct kms_grant, id),
    BW_FIELD(2, STR, struct kms_grant, name),
    BW_FIELD(3, STR, struct kms_grant, grantee),
    BW_FIELD(4, STR, struct kms_grant, grantee_id),
    BW_FIELD(5, STR, struct kms_grant, retiring),
    BW_FIELD(6, STR, struct kms_grant, retiring_id),
    BW_FIELD(7, STR, struct kms_grant, issuer),
    BW_FIELD(8, I64, struct kms_grant, created_ms),
    BW_FIELD(9, STRS, struct kms_grant, operations),
    BW_FIELD(10, PAIRS, struct kms_grant, equals),
    BW_FIELD(11, PAIRS, struct kms_grant, subset),
    BW_FIELD(12, BOOL, struct kms_grant, has_equals),
    BW_FIELD(13, BOOL, struct kms_grant, has_subset),
};
const struct bw_record kms_grant_record = BW_RECORD("grant", struct kms_grant, grant_fields);

static const struct bw_field last_use_fields[] = {
    BW_FIELD(1, STR, struct kms_last_use, operation),
    BW_FIELD(2, STR, struct kms_last_use, event_id),
    BW_FIELD(3, STR, struct kms_last_use, request_id),
    BW_FIELD(4, I64, struct kms_last_use, when_ms),
};
const struct bw_record kms_last_use_record = BW_RECORD("last-use", struct kms_last_use, last_use_fields);

static const struct bw_field import_fields[] = {
    BW_FIELD(1, STR, struct kms_import, key_arn),
    BW_FIELD(2, STR, struct kms_import, wrapped),
    BW_FIELD(3, I64, struct kms_import, algorithm),
    BW_FIELD(4, I64, struct kms_import, wrapping_spec),
    BW_FIELD(5, I64, struct kms_import, expires_ms),
};
const struct bw_record kms_import_record = BW_RECORD("import-token", struct kms_import, import_fields);

static const struct bw_field store_fields[] = {
    BW_FIELD(1, STR, struct kms_store, id),
    BW_FIELD(2, STR, struct kms_store, name),
    BW_FIELD(3, I64, struct kms_store, type),
    BW_FIELD(4, I64, struct kms_store, state),
    BW_FIELD(5, I64, struct kms_store, created_ms),
    BW_FIELD(6, STR, struct kms_store, error_code),
    BW_FIELD(7, STR, struct kms_store, cluster),
    BW_FIELD(8, STR, struct kms_store, trust_pem),
    BW_FIELD(9, STR, struct kms_store, pin),
    BW_FIELD(10, STR, struct kms_store, endpoint),
    BW_FIELD(11, STR, struct kms_store, path),
    BW_FIELD(12, STR, struct kms_store, key_id),
    BW_FIELD(13, STR, struct kms_store, secret),
};
const struct bw_record kms_store_record = BW_RECORD("store", struct kms_store, store_fields);

struct bw_str kms_store_key(struct bw_arena *a, struct bw_str account, struct bw_str region, const char *kind, struct bw_str name)
{
	return bw_arena_printf(a, "%.*s/%.*s/kms/%s/%.*s", BW_FMT(account), BW_FMT(region), kind, BW_FMT(name));
}

struct bw_str kms_material_key(struct bw_arena *a, struct bw_str account, struct bw_str region, struct bw_str key_id,
    struct bw_str material)
{
	return kms_store_key(a, account, region, "material",
	    bw_arena_printf(a, "%.*s/%.*s", BW_FMT(key_id), BW_FMT(material)));
}
