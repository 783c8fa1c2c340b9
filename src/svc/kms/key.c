#include "svc/kms/kms.h"

/* Keys as they stand: describing, listing, enabling, disabling. */

/* KMS API Reference, "DescribeKey": an AWS managed key comes to be when it is asked for by its alias. */
static enum bw_err described_key(struct bw_call *call)
{
	struct kms_found *f = BW_NEW(call->arena, struct kms_found);

	TRY(kms_find(call, bw_call_input(call, "KeyId"), true, f));
	kms_managed_plan(call, f);
	return kms_about(call, f);
}

static enum bw_err describe_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_DescribeKey *in = input;
	struct kms_found *f;

	TRY(kms_grant_tokens_check(call, &in->GrantTokens));
	TRY(kms_key_of(call, &f));
	if (f->planned)
		kms_material_ask(f, request);
	return BW_OK;
}

BW_OP(kms, DescribeKey, .effect = BW_READ_NOTING, .resource = described_key, .ask = describe_ask)
{
	struct kms_found *f = call->state;

	if (f->planned) {
		TRY(kms_material_answered(call, f));
		kms_managed_save(call, f);
	}
	return kms_metadata(call, f, &out->KeyMetadata);
}

static enum bw_err no_resource(struct bw_call *call)
{
	bw_call_context(call, BW_STR("kms:CallerAccount"), call->account);
	return BW_OK;
}

BW_OP(kms, ListKeys, .effect = BW_READ, .resource = no_resource)
{
	struct bw_str prefix = kms_store_key(call->arena, call->account, call->region, "key", BW_STR_NONE), id;
	struct bw_page page;
	enum bw_err e;

	TRY(kms_page_begin(call, prefix, in->Marker, in->Limit, KMS_PAGE_USUAL, &page));
	out->Keys.set = true;
	out->Keys.v = BW_NEW_ARRAY(call->arena, struct kms_KeyListEntry, page.left);
	while ((e = bw_page_next(call, &page, NULL, NULL, &id)) == BW_OK)
		out->Keys.v[out->Keys.n++] =
		    (struct kms_KeyListEntry){.KeyId = id, .KeyArn = kms_key_arn(call, call->account, call->region, id)};
	bw_page_end(call, &page, &out->Truncated, &out->NextMarker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err state_set(struct bw_call *call, enum kms_state state)
{
	struct kms_found *f;

	TRY(kms_key_of(call, &f));
	TRY(kms_in_state(call, f, KMS_IN(ENABLED) | KMS_IN(DISABLED)));
	f->key.state = state;
	/* "...rotation resumes": what was due meanwhile is done at once. */
	if (state == KMS_ENABLED && f->key.rotation_days && f->key.rotation_next_ms <= call->now_ms)
		kms_key_due(call, f, call->now_ms);
	kms_key_save(call, f);
	return BW_OK;
}

BW_OP(kms, EnableKey, .effect = BW_WRITE, .resource = kms_managed_key)
{
	return state_set(call, KMS_ENABLED);
}

BW_OP(kms, DisableKey, .effect = BW_WRITE, .resource = kms_managed_key)
{
	return state_set(call, KMS_DISABLED);
}

BW_OP(kms, UpdateKeyDescription, .effect = BW_WRITE, .resource = kms_managed_key)
{
	struct kms_found *f;

	TRY(kms_key_of(call, &f));
	TRY(kms_in_state(call, f, KMS_NOT_GOING));
	f->key.description = in->Description;
	kms_key_save(call, f);
	return BW_OK;
}
