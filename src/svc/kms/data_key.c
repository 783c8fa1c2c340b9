#include "svc/kms/custom.h"

/* Data keys and data key pairs. The four operations differ in what they give out. */

static enum bw_err invalid(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "ValidationException", "%s", text);
}

static enum bw_err data_key_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("kms:EncryptionAlgorithm"), BW_STR("SYMMETRIC_DEFAULT"));
	bw_call_context(call, BW_STR("kms:DataKeyPairSpec"), bw_call_input(call, "KeyPairSpec"));
	return BW_OK;
}

/* GenerateDataKey under an asymmetric key: AWS says which key spec, not which usage. */
static enum bw_err wrapping_key(struct bw_call *call, const struct kms_found *f)
{
	TRY(kms_usable(call, f, KMS_ENCRYPT_DECRYPT, BW_ALG_NONE));
	if (f->key.spec != BW_KEY_SYMMETRIC_DEFAULT)
		return bw_call_fail(call, "InvalidKeyUsageException", "%.*s key spec is %s which is not valid for %s.",
		    BW_FMT(f->arn), kms_specs[f->key.spec].name, bw_at(call->model->name));
	return BW_OK;
}

/* ---- Symmetric ---- */

struct wanted {
	struct bw_str spec;
	struct bw_opt_int bytes;
	const struct kms_EncryptionContextType *context;
	const struct kms_GrantTokenList *tokens;
	const struct kms_RecipientInfo *recipient;
	struct bw_opt_bool dry_run;
	bool plain;
};

static enum bw_err data_key_ask(struct bw_call *call, const struct wanted *w, struct bw_keyer_request *request)
{
	struct kms_found *f = call->state;

	if (bw_str_set(w->spec) == w->bytes.set)
		return invalid(call, "Please specify either number of bytes or key spec.");
	TRY(kms_grant_tokens_check(call, w->tokens));
	TRY(kms_no_recipient(call, w->recipient));
	TRY(wrapping_key(call, f));
	TRY(kms_context(call, w->context, BW_ALG_SYMMETRIC_DEFAULT, &request->context));
	TRY(kms_dry_run(call, w->dry_run));
	request->op = BW_KEYER_DATA_KEY;
	request->algorithm = BW_ALG_SYMMETRIC_DEFAULT;
	request->length = w->bytes.set ? (size_t)w->bytes.v : bw_str_eq(w->spec, BW_STR("AES_128")) ? 16 : 32;
	request->plain = w->plain;
	kms_material_in_use(f, &request->key);
	if (f->store)
		kms_sealing_ask(call, f, request);
	return BW_OK;
}

static enum bw_err data_key_then(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	(void)input;
	(void)request;
	return kms_sealing_then(call, call->state);
}

/* A custom key store's ciphertexts do not name a material. */
static struct bw_str material_of(const struct kms_found *f)
{
	return f->store ? BW_STR_NONE : f->key.material_id;
}

static enum bw_err with_keys(struct bw_call *call)
{
	const IN_kms_GenerateDataKey *in = call->in;

	kms_context_keys(call, NULL, &in->EncryptionContext);
	return data_key_keys(call);
}

static enum bw_err with_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_GenerateDataKey *in = input;

	return data_key_ask(call,
	    &(struct wanted){in->KeySpec, in->NumberOfBytes, &in->EncryptionContext, &in->GrantTokens, in->Recipient, in->DryRun, true},
	    request);
}

BW_OP(kms, GenerateDataKey, .effect = BW_READ, .resource = kms_used_key, .keys = with_keys, .ask = with_ask,
    .then = data_key_then)
{
	const struct kms_found *f = call->state;

	TRY(kms_used(call, f, NULL));
	out->CiphertextBlob = call->answer.out;
	out->Plaintext = call->answer.out2;
	out->KeyId = f->arn;
	out->KeyMaterialId = material_of(f);
	return BW_OK;
}

static enum bw_err without_keys(struct bw_call *call)
{
	const IN_kms_GenerateDataKeyWithoutPlaintext *in = call->in;

	kms_context_keys(call, NULL, &in->EncryptionContext);
	return data_key_keys(call);
}

static enum bw_err without_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_GenerateDataKeyWithoutPlaintext *in = input;

	return data_key_ask(call,
	    &(struct wanted){in->KeySpec, in->NumberOfBytes, &in->EncryptionContext, &in->GrantTokens, NULL, in->DryRun, false},
	    request);
}

BW_OP(kms, GenerateDataKeyWithoutPlaintext, .effect = BW_READ, .resource = kms_used_key, .keys = without_keys,
    .ask = without_ask, .then = data_key_then)
{
	const struct kms_found *f = call->state;

	TRY(kms_used(call, f, NULL));
	out->CiphertextBlob = call->answer.out;
	out->KeyId = f->arn;
	out->KeyMaterialId = material_of(f);
	return BW_OK;
}

/* ---- Pairs ---- */

static enum bw_err pair_ask(struct bw_call *call, const struct wanted *w, struct bw_keyer_request *request)
{
	const struct kms_found *f = call->state;

	TRY(kms_grant_tokens_check(call, w->tokens));
	TRY(kms_no_recipient(call, w->recipient));
	TRY(wrapping_key(call, f));
	TRY(kms_not_in_store(call, f));
	TRY(kms_spec_offered(call, kms_spec_by_name(w->spec), KMS_ENCRYPT_DECRYPT));
	TRY(kms_context(call, w->context, BW_ALG_SYMMETRIC_DEFAULT, &request->context));
	TRY(kms_dry_run(call, w->dry_run));
	request->op = BW_KEYER_DATA_KEY_PAIR;
	request->algorithm = BW_ALG_SYMMETRIC_DEFAULT;
	request->pair_spec = kms_spec_by_name(w->spec);
	request->plain = w->plain;
	kms_material_in_use(f, &request->key);
	return BW_OK;
}

static enum bw_err pair_with_keys(struct bw_call *call)
{
	const IN_kms_GenerateDataKeyPair *in = call->in;

	kms_context_keys(call, NULL, &in->EncryptionContext);
	return data_key_keys(call);
}

static enum bw_err pair_with_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_GenerateDataKeyPair *in = input;

	return pair_ask(call,
	    &(struct wanted){in->KeyPairSpec, {0}, &in->EncryptionContext, &in->GrantTokens, in->Recipient, in->DryRun, true}, request);
}

BW_OP(kms, GenerateDataKeyPair, .effect = BW_READ, .resource = kms_used_key, .keys = pair_with_keys, .ask = pair_with_ask)
{
	const struct kms_found *f = call->state;

	TRY(kms_used(call, f, NULL));
	out->PrivateKeyCiphertextBlob = call->answer.out;
	out->PrivateKeyPlaintext = call->answer.out2;
	out->PublicKey = call->answer.out3;
	out->KeyId = f->arn;
	out->KeyPairSpec = in->KeyPairSpec;
	out->KeyMaterialId = f->key.material_id;
	return BW_OK;
}

static enum bw_err pair_without_keys(struct bw_call *call)
{
	const IN_kms_GenerateDataKeyPairWithoutPlaintext *in = call->in;

	kms_context_keys(call, NULL, &in->EncryptionContext);
	return data_key_keys(call);
}

static enum bw_err pair_without_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_GenerateDataKeyPairWithoutPlaintext *in = input;

	return pair_ask(call,
	    &(struct wanted){in->KeyPairSpec, {0}, &in->EncryptionContext, &in->GrantTokens, NULL, in->DryRun, false}, request);
}

BW_OP(kms, GenerateDataKeyPairWithoutPlaintext, .effect = BW_READ, .resource = kms_used_key, .keys = pair_without_keys,
    .ask = pair_without_ask)
{
	const struct kms_found *f = call->state;

	TRY(kms_used(call, f, NULL));
	out->PrivateKeyCiphertextBlob = call->answer.out;
	out->PublicKey = call->answer.out3;
	out->KeyId = f->arn;
	out->KeyPairSpec = in->KeyPairSpec;
	out->KeyMaterialId = f->key.material_id;
	return BW_OK;
}
