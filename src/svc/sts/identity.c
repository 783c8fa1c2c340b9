#include "svc/sts/sts.h"

BW_OP(sts, GetCallerIdentity, .effect = BW_READ, .always_allowed = true)
{
	out->Account = call->account;
	out->Arn = call->caller->arn;
	out->UserId = call->caller->id;
	return BW_OK;
}

BW_OP(sts, GetAccessKeyInfo, .effect = BW_READ)
{
	struct bw_access_key key;
	enum bw_err e = bw_call_load(call, &bw_access_key_record, bw_access_key_key(call->arena, in->AccessKeyId), &key);

	if (e == BW_OK) {
		out->Account = key.account;
		return BW_OK;
	}
	if (e != BW_ENOTFOUND)
		return e;
	/* A key id names its account whether or not the key was ever issued here. */
	if (bw_id_account(in->AccessKeyId, call->arena, &out->Account) != BW_OK)
		return bw_call_fail(call, "ValidationError", "%s", "Invalid AccessKeyId.");
	return BW_OK;
}

BW_OP(sts, DecodeAuthorizationMessage, .effect = BW_READ)
{
	if (bw_message_open(bw_core_sessions(call->core), call->account, in->EncodedMessage, call->arena, &out->DecodedMessage) != BW_OK)
		return bw_call_fail(call, "InvalidAuthorizationMessageException", "%s", "Message is not valid");
	return BW_OK;
}
