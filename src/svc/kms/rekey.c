/* Material in records, wrapped anew under a newer main key. */
#include "core/rekey.h"
#include "svc/kms/kms.h"

static void material_of(struct bw_str account, struct bw_str region, const struct kms_key *key, struct bw_keyer_material *out)
{
	*out = (struct bw_keyer_material){.account = account,
	    .region = bw_str_set(key->home_region) ? key->home_region : region,
	    .key_id = key->id,
	    .spec = (enum bw_key_spec)key->spec};
}

static enum bw_err key_find(
    struct bw_snapshot *view, struct bw_arena *a, struct bw_str key, struct bw_str value, struct bw_keyer_material *out)
{
	struct bw_str rest = key, account = bw_str_cut(&rest, '/'), region = bw_str_cut(&rest, '/');
	struct kms_key k;

	(void)view;
	TRY(bw_record_decode(&kms_key_record, value, a, &k));
	CHECK(bw_str_set(k.wrapped), BW_ENOTFOUND);
	material_of(account, region, &k, out);
	out->material_id = k.material_id;
	out->version = k.material_version;
	out->wrapped = k.wrapped;
	return BW_OK;
}

static enum bw_err key_replace(struct bw_arena *a, struct bw_str value, struct bw_str wrapped, struct bw_buf *out)
{
	struct kms_key k;

	TRY(bw_record_decode(&kms_key_record, value, a, &k));
	k.wrapped = wrapped;
	bw_record_encode(&kms_key_record, &k, out);
	return out->failed ? BW_ETOOBIG : BW_OK;
}

/* Its spec and the Region that it is wrapped for stand in the key's own record. */
static enum bw_err material_find(
    struct bw_snapshot *view, struct bw_arena *a, struct bw_str key, struct bw_str value, struct bw_keyer_material *out)
{
	struct bw_str rest = key, account = bw_str_cut(&rest, '/'), region = bw_str_cut(&rest, '/'), bytes;
	struct kms_material m;
	struct kms_key k;

	TRY(bw_record_decode(&kms_material_record, value, a, &m));
	CHECK(bw_str_set(m.wrapped), BW_ENOTFOUND);
	(void)bw_str_cut(&rest, '/');
	(void)bw_str_cut(&rest, '/');
	TRY(bw_snapshot_get(view, kms_store_key(a, account, region, "key", bw_str_cut(&rest, '/')), a, &bytes, NULL));
	TRY(bw_record_decode(&kms_key_record, bytes, a, &k));
	material_of(account, region, &k, out);
	out->material_id = m.id;
	out->version = m.version;
	out->wrapped = m.wrapped;
	return BW_OK;
}

static enum bw_err material_replace(struct bw_arena *a, struct bw_str value, struct bw_str wrapped, struct bw_buf *out)
{
	struct kms_material m;

	TRY(bw_record_decode(&kms_material_record, value, a, &m));
	m.wrapped = wrapped;
	bw_record_encode(&kms_material_record, &m, out);
	return out->failed ? BW_ETOOBIG : BW_OK;
}

BW_REKEY(keys, .part = "kms/key/", .find = key_find, .replace = key_replace);
BW_REKEY(materials, .part = "kms/material/", .find = material_find, .replace = material_replace);
