#include "svc/kms/kms.h"

/* Sign, Verify, GetPublicKey. */

static enum bw_err sign_keys(struct bw_call *call)
{
	struct bw_str type = bw_call_input(call, "MessageType");

	bw_call_context(call, BW_STR("kms:SigningAlgorithm"), bw_call_input(call, "SigningAlgorithm"));
	bw_call_context(call, BW_STR("kms:MessageType"), bw_str_set(type) ? type : BW_STR("RAW"));
	return BW_OK;
}

/* What stands in place of the message: a digest of the algorithm's length, ML-DSA's external mu, or nothing of the kind. */
static enum bw_err message_of(struct bw_call *call, struct bw_str type, struct bw_str message, enum bw_key_algorithm algorithm,
    enum bw_key_message *out)
{
	const struct kms_algorithm *a = &kms_algorithms[algorithm];
	bool mu = algorithm == BW_ALG_ML_DSA_SHAKE_256, digest = bw_str_eq(type, BW_STR("DIGEST"));

	*out = BW_MESSAGE_RAW;
	if (!bw_str_set(type) || bw_str_eq(type, BW_STR("RAW"))) {
		/* AWS KMS Developer Guide, "Ed25519ph": the algorithm takes digests alone. */
		return algorithm != BW_ALG_ED25519_PH_SHA_512
		           ? BW_OK
		           : bw_call_fail(call, "ValidationException", "MessageType RAW is not valid for algorithm %s.", a->name);
	}
	if (digest == mu || a->digest_bytes == 0)
		return bw_call_fail(
		    call, "ValidationException", "MessageType %.*s is not valid for algorithm %s.", BW_FMT(type), a->name);
	if (message.n != a->digest_bytes)
		return bw_call_fail(call, "ValidationException", "Digest is invalid length for algorithm %s.", a->name);
	*out = mu ? BW_MESSAGE_EXTERNAL_MU : BW_MESSAGE_DIGEST;
	return BW_OK;
}

/* What both have. */
struct signing {
	struct bw_str algorithm, type, message;
	const struct kms_GrantTokenList *tokens;
	struct bw_opt_bool dry_run;
};

static enum bw_err signing_ask(struct bw_call *call, const struct signing *s, struct bw_keyer_request *request)
{
	const struct kms_found *f = call->state;

	TRY(kms_grant_tokens_check(call, s->tokens));
	request->algorithm = kms_algorithm_by_name(s->algorithm);
	TRY(kms_usable(call, f, KMS_SIGN_VERIFY, request->algorithm));
	TRY(message_of(call, s->type, s->message, request->algorithm, &request->message));
	TRY(kms_dry_run(call, s->dry_run));
	request->input = s->message;
	kms_material_in_use(f, &request->key);
	return BW_OK;
}

static enum bw_err sign_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_Sign *in = input;

	request->op = BW_KEYER_SIGN;
	return signing_ask(
	    call, &(struct signing){in->SigningAlgorithm, in->MessageType, in->Message, &in->GrantTokens, in->DryRun}, request);
}

BW_OP(kms, Sign, .effect = BW_READ, .resource = kms_used_key, .keys = sign_keys, .ask = sign_ask)
{
	const struct kms_found *f = call->state;

	TRY(kms_used(call, f, NULL));
	out->KeyId = f->arn;
	out->Signature = call->answer.out;
	out->SigningAlgorithm = in->SigningAlgorithm;
	return BW_OK;
}

static enum bw_err verify_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_Verify *in = input;

	request->op = BW_KEYER_VERIFY;
	request->input2 = in->Signature;
	return signing_ask(
	    call, &(struct signing){in->SigningAlgorithm, in->MessageType, in->Message, &in->GrantTokens, in->DryRun}, request);
}

BW_OP(kms, Verify, .effect = BW_READ, .resource = kms_used_key, .keys = sign_keys, .ask = verify_ask)
{
	const struct kms_found *f = call->state;

	if (call->answer.result == BW_EINVAL)
		call->answer.result = BW_ECORRUPT; /* a malformed signature does not verify either */
	TRY(kms_used(call, f, "KMSInvalidSignatureException"));
	out->KeyId = f->arn;
	out->SignatureValid = BW_BOOL(true);
	out->SigningAlgorithm = in->SigningAlgorithm;
	return BW_OK;
}

BW_OP(kms, GetPublicKey, .effect = BW_READ, .resource = kms_used_key)
{
	struct kms_found *f;

	TRY(kms_grant_tokens_check(call, &in->GrantTokens));
	TRY(kms_key_of(call, &f));
	if (!kms_specs[f->key.spec].asymmetric)
		return bw_call_fail(call, "UnsupportedOperationException", "%s", "");
	TRY(kms_in_state(call, f, KMS_IN(ENABLED)));
	out->KeyId = f->arn;
	out->PublicKey = f->key.public_key;
	out->CustomerMasterKeySpec = out->KeySpec = bw_str_c(kms_specs[f->key.spec].name);
	out->KeyUsage = bw_str_c(kms_usage_names[f->key.usage]);
	kms_algorithms_to_shape(call, &f->key, &out->EncryptionAlgorithms, &out->SigningAlgorithms, &out->KeyAgreementAlgorithms);
	return BW_OK;
}
