#include "svc/kms/kms.h"

static struct bw_str use_key(struct bw_call *call, const struct kms_found *f)
{
	return kms_store_key(call->arena, f->account, f->region, "last-use", f->id);
}

enum bw_err kms_used(struct bw_call *call, const struct kms_found *f, const char *corrupt)
{
	struct kms_last_use use = {.operation = bw_str_c(bw_at(call->model->name)), .event_id = bw_call_event_id(call),
	    .request_id = call->request_id, .when_ms = call->now_ms};

	TRY(kms_answered(call, corrupt));
	bw_call_note(call, &kms_last_use_record, use_key(call, f), &use);
	return BW_OK;
}

BW_OP(kms, GetKeyLastUsage, .effect = BW_READ, .resource = kms_managed_key)
{
	struct kms_last_use use;
	struct kms_found *f;
	enum bw_err e;

	TRY(kms_key_of(call, &f));
	out->KeyId = f->id;
	out->KeyCreationDate = out->TrackingStartDate = BW_TIME(f->key.created_ms);
	out->KeyLastUsage = BW_NEW(call->arena, struct kms_KeyLastUsageData);
	e = bw_call_load(call, &kms_last_use_record, use_key(call, f), &use);
	if (e == BW_ENOTFOUND)
		return BW_OK;
	TRY(e);
	*out->KeyLastUsage = (struct kms_KeyLastUsageData){.Operation = use.operation, .Timestamp = BW_TIME(use.when_ms),
	    .CloudTrailEventId = use.event_id, .KmsRequestId = use.request_id};
	return BW_OK;
}
