#include "svc/kms/custom.h"

/* Message authentication codes, shared secrets, random bytes. */

static enum bw_err mac_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("kms:MacAlgorithm"), bw_call_input(call, "MacAlgorithm"));
	return BW_OK;
}

static enum bw_err mac_fill(struct bw_call *call, struct bw_str algorithm, struct bw_str message,
    const struct kms_GrantTokenList *tokens, struct bw_opt_bool dry_run, struct bw_keyer_request *request)
{
	const struct kms_found *f = call->state;

	TRY(kms_grant_tokens_check(call, tokens));
	request->algorithm = kms_algorithm_by_name(algorithm);
	TRY(kms_usable(call, f, KMS_GENERATE_VERIFY_MAC, request->algorithm));
	TRY(kms_dry_run(call, dry_run));
	request->input = message;
	kms_material_in_use(f, &request->key);
	return BW_OK;
}

static enum bw_err mac_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_GenerateMac *in = input;

	request->op = BW_KEYER_MAC;
	return mac_fill(call, in->MacAlgorithm, in->Message, &in->GrantTokens, in->DryRun, request);
}

BW_OP(kms, GenerateMac, .effect = BW_READ, .resource = kms_used_key, .keys = mac_keys, .ask = mac_ask)
{
	const struct kms_found *f = call->state;

	TRY(kms_used(call, f, NULL));
	out->Mac = call->answer.out;
	out->MacAlgorithm = in->MacAlgorithm;
	out->KeyId = f->arn;
	return BW_OK;
}

static enum bw_err verify_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_VerifyMac *in = input;

	request->op = BW_KEYER_VERIFY_MAC;
	request->input2 = in->Mac;
	return mac_fill(call, in->MacAlgorithm, in->Message, &in->GrantTokens, in->DryRun, request);
}

BW_OP(kms, VerifyMac, .effect = BW_READ, .resource = kms_used_key, .keys = mac_keys, .ask = verify_ask)
{
	const struct kms_found *f = call->state;

	if (call->answer.result == BW_EINVAL)
		call->answer.result = BW_ECORRUPT; /* a MAC of another length */
	TRY(kms_used(call, f, "KMSInvalidMacException"));
	out->KeyId = f->arn;
	out->MacValid = BW_BOOL(true);
	out->MacAlgorithm = in->MacAlgorithm;
	return BW_OK;
}

/* ---- Shared secrets ---- */

static enum bw_err derive_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("kms:KeyAgreementAlgorithm"), bw_call_input(call, "KeyAgreementAlgorithm"));
	return BW_OK;
}

static enum bw_err derive_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_DeriveSharedSecret *in = input;
	const struct kms_found *f = call->state;

	TRY(kms_grant_tokens_check(call, &in->GrantTokens));
	TRY(kms_no_recipient(call, in->Recipient));
	TRY(kms_usable(call, f, KMS_KEY_AGREEMENT, BW_ALG_ECDH));
	TRY(kms_dry_run(call, in->DryRun));
	request->op = BW_KEYER_DERIVE;
	request->algorithm = BW_ALG_ECDH;
	request->input = in->PublicKey;
	kms_material_in_use(f, &request->key);
	return BW_OK;
}

BW_OP(kms, DeriveSharedSecret, .effect = BW_READ, .resource = kms_used_key, .keys = derive_keys, .ask = derive_ask)
{
	const struct kms_found *f = call->state;

	if (call->answer.result == BW_EINVAL)
		return bw_call_fail(call, "ValidationException", "%s", "The public key is not valid for the key agreement.");
	TRY(kms_used(call, f, NULL));
	out->KeyId = f->arn;
	out->SharedSecret = call->answer.out;
	out->KeyAgreementAlgorithm = in->KeyAgreementAlgorithm;
	out->KeyOrigin = bw_str_c(kms_origin_names[f->key.origin]);
	return BW_OK;
}

/* ---- Random bytes ---- */

static enum bw_err random_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_GenerateRandom *in = input;

	TRY(kms_no_recipient(call, in->Recipient));
	if (!in->NumberOfBytes.set)
		return bw_call_fail(call, "ValidationException", "%s", "NumberOfBytes is required.");
	if (bw_str_set(in->CustomKeyStoreId))
		return kms_custom_random(call, in->CustomKeyStoreId, (size_t)in->NumberOfBytes.v);
	request->op = BW_KEYER_RANDOM;
	request->length = (size_t)in->NumberOfBytes.v;
	return BW_OK;
}

BW_OP(kms, GenerateRandom, .effect = BW_READ, .ask = random_ask)
{
	if (bw_str_set(in->CustomKeyStoreId))
		return kms_custom_drawn(call, &out->Plaintext);
	TRY(kms_answered(call, NULL));
	out->Plaintext = call->answer.out;
	return BW_OK;
}
