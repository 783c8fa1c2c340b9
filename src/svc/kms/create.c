#include "svc/kms/custom.h"

#include "base/sys.h"

#include "codec/uuid.h"

/* ---- What is asked for ---- */

void kms_key_id_make(struct bw_call *call, struct kms_found *f, bool multi_region)
{
	unsigned char random[16];
	struct bw_buf text;

	bw_random(random, sizeof random);
	bw_buf_init(&text, 64);
	if (multi_region) {
		bw_buf_put(&text, BW_STR("mrk-"));
		bw_buf_put_hex(&text, random, sizeof random);
	} else {
		bw_uuid_put(random, &text);
	}
	f->id = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	f->arn = kms_key_arn(call, f->account, f->region, f->id);
	f->store_key = kms_store_key(call->arena, f->account, f->region, "key", f->id);
}

static struct bw_str or_else(struct bw_str given, const char *otherwise)
{
	return bw_str_set(given) ? given : bw_str_c(otherwise);
}

static void condition_keys(struct bw_call *call, const IN_kms_CreateKey *in, const struct kms_found *f)
{
	struct bw_str spec = bw_str_c(kms_specs[f->key.spec].name), usage = or_else(in->KeyUsage, "ENCRYPT_DECRYPT");
	bool multi_region = f->key.region_kind != KMS_REGIONAL;

	bw_call_context(call, BW_STR("kms:CallerAccount"), call->account);
	bw_call_context(call, BW_STR("kms:KeySpec"), spec);
	bw_call_context(call, BW_STR("kms:CustomerMasterKeySpec"), spec);
	bw_call_context(call, BW_STR("kms:KeyUsage"), usage);
	bw_call_context(call, BW_STR("kms:CustomerMasterKeyUsage"), usage);
	bw_call_context(call, BW_STR("kms:KeyOrigin"), or_else(in->Origin, "AWS_KMS"));
	bw_call_context(call, BW_STR("kms:MultiRegion"), multi_region ? BW_STR("true") : BW_STR("false"));
	if (multi_region)
		bw_call_context(call, BW_STR("kms:MultiRegionKeyType"), BW_STR("PRIMARY"));
	if (in->BypassPolicyLockoutSafetyCheck.set)
		bw_call_context(call, BW_STR("kms:BypassPolicyLockoutSafetyCheck"),
		    in->BypassPolicyLockoutSafetyCheck.v ? BW_STR("true") : BW_STR("false"));
}

static enum bw_err create_resource(struct bw_call *call)
{
	const IN_kms_CreateKey *in = call->in;
	struct kms_found *f = BW_NEW(call->arena, struct kms_found);
	struct bw_str spec = or_else(in->KeySpec, "SYMMETRIC_DEFAULT");
	bool multi_region = in->MultiRegion.set && in->MultiRegion.v;

	if (!bw_str_set(in->KeySpec) && bw_str_set(in->CustomerMasterKeySpec))
		spec = in->CustomerMasterKeySpec;
	*f = (struct kms_found){.as = KMS_FOUND, .account = call->account, .region = call->region};
	kms_key_id_make(call, f, multi_region);
	f->key = (struct kms_key){.id = f->id, .description = in->Description, .created_ms = call->now_ms,
	    .spec = kms_spec_by_name(spec), .usage = kms_usage_by_name(in->KeyUsage), .origin = KMS_ORIGIN_AWS,
	    .state = KMS_ENABLED, .region_kind = multi_region ? KMS_PRIMARY : KMS_REGIONAL};
	if (multi_region)
		f->key.primary_region = f->key.home_region = call->region;
	call->state = f;
	condition_keys(call, in, f);
	if (in->Tags.n)
		bw_call_also(call, BW_STR("kms:TagResource"), f->arn, BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

/* ---- Checks ---- */

static enum bw_err invalid(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "ValidationException", "%s", text);
}

static enum bw_err spec_check(struct bw_call *call, const IN_kms_CreateKey *in, struct kms_key *k)
{
	if (bw_str_set(in->KeySpec) && bw_str_set(in->CustomerMasterKeySpec))
		return invalid(call, "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
		                     "CustomerMasterKeySpec is deprecated.");
	if (!bw_str_set(in->KeyUsage)) {
		if (k->spec != BW_KEY_SYMMETRIC_DEFAULT)
			return invalid(call, "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.");
		k->usage = KMS_ENCRYPT_DECRYPT;
	}
	if (!(kms_specs[k->spec].usages & (1u << k->usage)))
		return bw_call_fail(call, "ValidationException", "KeyUsage %s is not compatible with KeySpec %s",
		    kms_usage_names[k->usage], kms_specs[k->spec].name);
	return kms_spec_offered(call, (enum bw_key_spec)k->spec, k->usage);
}

static enum bw_err origin_check(struct bw_call *call, const IN_kms_CreateKey *in, struct kms_found *f)
{
	struct kms_key *k = &f->key;
	bool stored = bw_str_eq(in->Origin, BW_STR("AWS_CLOUDHSM")) || bw_str_eq(in->Origin, BW_STR("EXTERNAL_KEY_STORE"));

	if (stored && !bw_str_set(in->CustomKeyStoreId))
		return invalid(call, "You must specify a CustomKeyStoreId when Origin is AWS_CLOUDHSM or EXTERNAL_KEY_STORE.");
	if (bw_str_set(in->XksKeyId) && !bw_str_eq(in->Origin, BW_STR("EXTERNAL_KEY_STORE")))
		return invalid(call, "XksKeyId is not valid unless Origin is EXTERNAL_KEY_STORE.");
	if (bw_str_set(in->CustomKeyStoreId) && !stored)
		return invalid(call, "Origin must be AWS_CLOUDHSM or EXTERNAL_KEY_STORE when you specify a CustomKeyStoreId.");
	if (stored)
		return kms_store_choose(call, in, f);
	if (bw_str_eq(in->Origin, BW_STR("EXTERNAL"))) {
		k->origin = KMS_ORIGIN_EXTERNAL;
		k->state = KMS_PENDING_IMPORT;
	}
	return BW_OK;
}

void kms_material_ask(const struct kms_found *f, struct bw_keyer_request *request)
{
	request->op = BW_KEYER_GENERATE;
	request->key = (struct bw_keyer_material){
	    .account = f->account, .region = f->region, .key_id = f->id, .version = 1, .spec = (enum bw_key_spec)f->key.spec};
}

static enum bw_err create_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_CreateKey *in = input;
	struct kms_found *f = call->state;

	TRY(spec_check(call, in, &f->key));
	TRY(origin_check(call, in, f));
	TRY(kms_tags_set(call, &f->key.tags, &in->Tags));
	TRY(kms_policy_set(call, &f->key, f->arn, in->Policy,
	    in->BypassPolicyLockoutSafetyCheck.set && in->BypassPolicyLockoutSafetyCheck.v));
	if (f->store)
		kms_store_ask(call, f);
	else if (f->key.origin == KMS_ORIGIN_AWS)
		kms_material_ask(f, request);
	return BW_OK; /* what is imported is not generated */
}

/* An external key store has agreed: KMS's own half of the key is still to be made. */
static enum bw_err create_then(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const struct kms_found *f = call->state;
	bool own;

	(void)input;
	if (!f->store || call->answer.out.n)
		return BW_OK;
	TRY(kms_store_asked(call, f, &own));
	if (own)
		kms_material_ask(f, request);
	return BW_OK;
}

void kms_material_add(struct bw_call *call, struct kms_found *f, const struct kms_material *m)
{
	f->key.material_id = m->id;
	f->key.wrapped = m->wrapped;
	f->key.material_version = m->version;
	f->key.material_valid_to_ms = m->valid_to_ms;
	bw_call_save(call, &kms_material_record, kms_material_key(call->arena, f->account, f->region, f->id, m->id), m);
}

enum bw_err kms_material_answered(struct bw_call *call, struct kms_found *f)
{
	TRY(kms_answered(call, NULL));
	f->key.public_key = call->answer.out2;
	kms_material_add(call, f, &(struct kms_material){.id = call->answer.out3, .wrapped = call->answer.out, .version = 1,
	    .state = KMS_MATERIAL_CURRENT, .created_ms = call->now_ms, .number = 1});
	return BW_OK;
}

BW_OP(kms, CreateKey, .effect = BW_WRITE, .resource = create_resource, .ask = create_ask,
    .then = create_then)
{
	struct kms_found *f = call->state;

	if (f->store)
		TRY(kms_store_enter(call, f));
	if (f->key.origin == KMS_ORIGIN_AWS || f->key.origin == KMS_ORIGIN_EXTERNAL_STORE)
		TRY(kms_material_answered(call, f));
	kms_key_save(call, f);
	bw_call_take(call, &kms_keys_quota, f->region, 1);
	return kms_metadata(call, f, &out->KeyMetadata);
}
