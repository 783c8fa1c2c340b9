#include "svc/kms/custom.h"

/* Encrypt, Decrypt, ReEncrypt. */

static enum bw_key_algorithm algorithm_of(struct bw_str given)
{
	return bw_str_set(given) ? kms_algorithm_by_name(given) : BW_ALG_SYMMETRIC_DEFAULT;
}

static struct bw_str algorithm_name(struct bw_str given)
{
	return bw_str_c(kms_algorithms[algorithm_of(given)].name);
}

/* ---- Encrypt ---- */

static enum bw_err encrypt_keys(struct bw_call *call)
{
	const IN_kms_Encrypt *in = call->in;

	bw_call_context(call, BW_STR("kms:EncryptionAlgorithm"), algorithm_name(in->EncryptionAlgorithm));
	kms_context_keys(call, NULL, &in->EncryptionContext);
	return BW_OK;
}

static enum bw_err plaintext_check(struct bw_call *call, const struct kms_found *f, enum bw_key_algorithm a, struct bw_str plain)
{
	size_t most = kms_plaintext_max(f->key.spec, a);

	if (most == 0 || plain.n <= most)
		return BW_OK;
	return bw_call_fail(call, "ValidationException", "Algorithm %s and key spec %s cannot encrypt data larger than %zu bytes.",
	    kms_algorithms[a].name, kms_specs[f->key.spec].name, most);
}

static enum bw_err encrypt_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_Encrypt *in = input;
	struct kms_found *f = call->state;

	TRY(kms_grant_tokens_check(call, &in->GrantTokens));
	request->op = BW_KEYER_ENCRYPT;
	request->algorithm = algorithm_of(in->EncryptionAlgorithm);
	TRY(kms_usable(call, f, KMS_ENCRYPT_DECRYPT, request->algorithm));
	TRY(plaintext_check(call, f, request->algorithm, in->Plaintext));
	TRY(kms_context(call, &in->EncryptionContext, request->algorithm, &request->context));
	TRY(kms_dry_run(call, in->DryRun));
	kms_material_in_use(f, &request->key);
	request->input = in->Plaintext;
	if (f->store)
		kms_sealing_ask(call, f, request);
	return BW_OK;
}

static enum bw_err encrypt_then(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	(void)input;
	(void)request;
	return kms_sealing_then(call, call->state);
}

BW_OP(kms, Encrypt, .effect = BW_READ, .resource = kms_used_key, .keys = encrypt_keys, .ask = encrypt_ask, .then = encrypt_then)
{
	const struct kms_found *f = call->state;

	TRY(kms_used(call, f, NULL));
	out->CiphertextBlob = call->answer.out;
	out->KeyId = f->arn;
	out->EncryptionAlgorithm = algorithm_name(in->EncryptionAlgorithm);
	return BW_OK;
}

/* ---- What is to be opened ---- */

/* A ciphertext, the key that shall open it, and the key that it names in front. */
struct opening {
	struct kms_found key;
	struct bw_keyer_blob blob;
	struct kms_crossed crossed; /* when it comes out of a custom key store: then the blob has no material */
	bool symmetric, readable, ignored, opened;
};

static enum bw_err invalid_ciphertext(struct bw_call *call)
{
	return bw_call_fail(call, "InvalidCiphertextException", "%s", "");
}

static bool blob_read(struct bw_call *call, struct opening *o, struct bw_str ciphertext)
{
	if (bw_keyer_blob_parse(ciphertext, call->arena, &o->blob) == BW_OK)
		return true;
	if (kms_crossed_parse(ciphertext, &o->crossed) != BW_OK)
		return false;
	o->blob = (struct bw_keyer_blob){o->crossed.account, o->crossed.region, o->crossed.key_id, BW_STR_NONE};
	return true;
}

/* `ignored`: a dry run that does not look at the ciphertext. Finds the key of `given`, or the one the blob names. */
static enum bw_err opening_find(struct bw_call *call, struct opening *o, struct bw_str given, struct bw_str ciphertext,
    struct bw_str algorithm)
{
	o->symmetric = algorithm_of(algorithm) == BW_ALG_SYMMETRIC_DEFAULT;
	if (o->symmetric && !o->ignored)
		o->readable = blob_read(call, o, ciphertext);
	if (bw_str_set(given))
		return kms_find(call, given, true, &o->key);
	o->key = (struct kms_found){.as = KMS_BAD_ID, .arn = BW_STR("*")};
	/* A blob is opened where it was made, or by a related multi-Region key here. */
	if (o->readable && (bw_str_eq(o->blob.region, call->region) || bw_str_starts(o->blob.key_id, BW_STR("mrk-"))))
		return kms_find_in(call, o->blob.account, call->region, o->blob.key_id, &o->key);
	return BW_OK;
}

static bool modifiers_ignore(const struct kms_DryRunModifierList *modifiers, struct bw_opt_bool dry_run)
{
	return modifiers->n && dry_run.set && dry_run.v;
}

static enum bw_err input_check(struct bw_call *call, const struct opening *o, struct bw_str given, struct bw_str ciphertext,
    const struct kms_DryRunModifierList *modifiers, struct bw_opt_bool dry_run)
{
	if (modifiers->n && !(dry_run.set && dry_run.v))
		return bw_call_fail(call, "ValidationException", "%s", "DryRunModifiers can only be used when DryRun is true.");
	if (!bw_str_set(ciphertext) && !o->ignored)
		return bw_call_fail(call, "ValidationException", "%s",
		    "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null");
	if (!bw_str_set(given) && (!o->symmetric || o->ignored))
		return bw_call_fail(call, "ValidationException", "%s", "KeyId is required to decrypt with this algorithm.");
	return BW_OK;
}

/* The material that a blob names: the one in use, or an older one of the key. */
static enum bw_err material_find(struct bw_call *call, const struct opening *o, struct bw_keyer_material *out)
{
	struct kms_material m;
	enum bw_err e;

	kms_material_in_use(&o->key, out);
	/* Each is opened where it was sealed. */
	if (o->crossed.type != (o->key.store ? o->key.store->type : 0) ||
	    (o->key.store && !kms_crossed_fits(call, &o->key, &o->crossed)))
		return invalid_ciphertext(call);
	if (!o->symmetric || o->key.store || bw_str_eq(o->blob.material_id, o->key.key.material_id))
		return BW_OK;
	if (o->blob.material_id.n > 64)
		return invalid_ciphertext(call);
	e = bw_call_load(call, &kms_material_record,
	    kms_material_key(call->arena, o->key.account, o->key.region, o->key.id, o->blob.material_id), &m);
	if (e == BW_ENOTFOUND)
		return invalid_ciphertext(call);
	TRY(e);
	if (!bw_str_set(m.wrapped) || (m.valid_to_ms && m.valid_to_ms <= call->now_ms))
		return kms_invalid_state(call, &o->key, "pending import");
	out->material_id = m.id;
	out->version = m.version;
	out->wrapped = m.wrapped;
	return BW_OK;
}

/* All checks of opening, up to what the keyer alone can tell. */
static enum bw_err opening_check(struct bw_call *call, const struct opening *o, struct bw_str algorithm,
    const struct kms_EncryptionContextType *context, struct bw_keyer_material *material, struct bw_str *pairs)
{
	if (o->symmetric && !o->ignored && !o->readable)
		return invalid_ciphertext(call);
	TRY(kms_usable(call, &o->key, KMS_ENCRYPT_DECRYPT, algorithm_of(algorithm)));
	TRY(kms_context(call, context, algorithm_of(algorithm), pairs));
	if (o->ignored)
		return BW_OK;
	if (o->symmetric &&
	    (!bw_str_eq(o->blob.key_id, o->key.id) || !bw_str_eq(o->blob.account, o->key.account)))
		return bw_call_fail(call, "IncorrectKeyException", "%s",
		    "The key ID in the request does not identify a CMK that can perform this operation.");
	return material_find(call, o, material);
}

/* A ciphertext that names no key of ours tells nothing of what there is. */
static enum bw_err no_such_key(struct bw_call *call, const struct opening *o, struct bw_str given)
{
	if (bw_str_set(given) || o->key.as == KMS_FOUND || !o->symmetric)
		return BW_OK; /* what is missing is said after the decision */
	if (!o->readable)
		return invalid_ciphertext(call);
	return bw_call_fail(call, "AccessDeniedException", "%s",
	    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not "
	    "allowed to access.");
}

/* ---- Decrypt ---- */

static enum bw_err decrypt_resource(struct bw_call *call)
{
	const IN_kms_Decrypt *in = call->in;
	struct opening *o = BW_NEW(call->arena, struct opening);

	o->ignored = modifiers_ignore(&in->DryRunModifiers, in->DryRun);
	TRY(opening_find(call, o, in->KeyId, in->CiphertextBlob, in->EncryptionAlgorithm));
	TRY(no_such_key(call, o, in->KeyId));
	TRY(kms_about(call, &o->key));
	call->state = o;
	return BW_OK;
}

static enum bw_err decrypt_keys(struct bw_call *call)
{
	const IN_kms_Decrypt *in = call->in;

	bw_call_context(call, BW_STR("kms:EncryptionAlgorithm"), algorithm_name(in->EncryptionAlgorithm));
	kms_context_keys(call, NULL, &in->EncryptionContext);
	return BW_OK;
}

static enum bw_err decrypt_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_Decrypt *in = input;
	struct opening *o = call->state;

	TRY(input_check(call, o, in->KeyId, in->CiphertextBlob, &in->DryRunModifiers, in->DryRun));
	TRY(kms_no_recipient(call, in->Recipient));
	TRY(kms_grant_tokens_check(call, &in->GrantTokens));
	TRY(opening_check(call, o, in->EncryptionAlgorithm, &in->EncryptionContext, &request->key, &request->context));
	TRY(kms_dry_run(call, in->DryRun));
	if (o->key.store) {
		kms_cross_open(call, &o->key, request->context, &o->crossed);
		return BW_OK;
	}
	request->op = BW_KEYER_DECRYPT;
	request->algorithm = algorithm_of(in->EncryptionAlgorithm);
	request->input = in->CiphertextBlob;
	return BW_OK;
}

/* What a proxy has opened is KMS's own ciphertext. */
static enum bw_err decrypt_then(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_Decrypt *in = input;
	struct opening *o = call->state;
	struct bw_str bytes;

	if (!o->key.store || o->opened)
		return BW_OK;
	o->opened = true;
	TRY(kms_cross_opened(call, &o->key, &o->crossed, &bytes));
	if (o->crossed.type == KMS_STORE_CLOUDHSM) {
		call->answer = (struct bw_keyer_answer){BW_OK, bytes, BW_STR(""), BW_STR("")};
		return BW_OK;
	}
	request->op = BW_KEYER_DECRYPT;
	request->algorithm = BW_ALG_SYMMETRIC_DEFAULT;
	request->input = bytes;
	kms_material_in_use(&o->key, &request->key);
	return kms_context(call, &in->EncryptionContext, BW_ALG_SYMMETRIC_DEFAULT, &request->context);
}

/* A ciphertext of the wrong length or padding is told from one that was changed by nobody. */
static void opened_alike(struct bw_call *call)
{
	if (call->answer.result == BW_EINVAL)
		call->answer.result = BW_ECORRUPT;
}

BW_OP(kms, Decrypt, .effect = BW_READ, .resource = decrypt_resource, .keys = decrypt_keys, .ask = decrypt_ask,
    .then = decrypt_then)
{
	const struct opening *o = call->state;

	opened_alike(call);
	TRY(kms_used(call, &o->key, "InvalidCiphertextException"));
	out->Plaintext = call->answer.out;
	out->KeyId = o->key.arn;
	out->EncryptionAlgorithm = algorithm_name(in->EncryptionAlgorithm);
	if (o->symmetric && !o->key.store)
		out->KeyMaterialId = o->blob.material_id;
	return BW_OK;
}

/* ---- ReEncrypt ---- */

struct reencryption {
	struct opening from;
	struct kms_found to;
	struct bw_keyer_request whole; /* as it is for two keys of KMS's own */
	enum { R_OPENING, R_CHANGING, R_SEALING } step;
	struct bw_str sent;
};

static void seal_again(struct bw_call *call, struct reencryption *r, struct bw_str bytes)
{
	r->step = R_SEALING;
	r->sent = bytes;
	kms_cross_seal(call, &r->to, r->whole.context, bytes);
}

/* Between what was opened and what is to be sealed outside: `bytes` are the plaintext itself when a token has opened it. */
static void change(struct bw_call *call, struct reencryption *r, struct bw_str bytes, struct bw_keyer_request *request)
{
	bool plain = r->from.crossed.type == KMS_STORE_CLOUDHSM, to_token = r->to.store && r->to.store->type == KMS_STORE_CLOUDHSM;

	r->step = R_CHANGING;
	if (plain && to_token) {
		seal_again(call, r, bytes);
		return;
	}
	*request = r->whole;
	request->input = bytes;
	if (plain) {
		request->op = BW_KEYER_ENCRYPT;
	} else if (to_token) {
		request->op = BW_KEYER_DECRYPT;
		request->key = r->whole.other;
		request->algorithm = r->whole.other_algorithm;
		request->context = r->whole.other_context;
	}
}

static enum bw_err reencrypt_then(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	struct reencryption *r = call->state;
	struct bw_str bytes;

	(void)input;
	switch (r->step) {
	case R_OPENING:
		TRY(kms_cross_opened(call, &r->from.key, &r->from.crossed, &bytes));
		change(call, r, bytes, request);
		break;
	case R_CHANGING:
		if (!r->to.store)
			break;
		opened_alike(call);
		TRY(kms_answered(call, "InvalidCiphertextException"));
		seal_again(call, r, call->answer.out);
		break;
	case R_SEALING:
		return kms_cross_sealed(call, &r->to, r->whole.context, r->sent, &call->answer.out);
	}
	return BW_OK;
}

static enum bw_err reencrypt_resource(struct bw_call *call)
{
	const IN_kms_ReEncrypt *in = call->in;
	struct reencryption *r = BW_NEW(call->arena, struct reencryption);
	struct bw_also *to;
	bool same;

	r->from.ignored = modifiers_ignore(&in->DryRunModifiers, in->DryRun);
	TRY(opening_find(call, &r->from, in->SourceKeyId, in->CiphertextBlob, in->SourceEncryptionAlgorithm));
	TRY(no_such_key(call, &r->from, in->SourceKeyId));
	TRY(kms_find(call, in->DestinationKeyId, true, &r->to));
	TRY(kms_about(call, &r->from.key));
	TRY(kms_also_about(call, BW_STR("kms:ReEncryptTo"), &r->to, &to));
	same = bw_str_eq(r->from.key.arn, r->to.arn);
	bw_call_context(call, BW_STR("kms:ReEncryptOnSameKey"), same ? BW_STR("true") : BW_STR("false"));
	bw_also_context(call, to, BW_STR("kms:ReEncryptOnSameKey"), same ? BW_STR("true") : BW_STR("false"));
	bw_call_context(call, BW_STR("kms:EncryptionAlgorithm"), algorithm_name(in->SourceEncryptionAlgorithm));
	bw_also_context(call, to, BW_STR("kms:EncryptionAlgorithm"), algorithm_name(in->DestinationEncryptionAlgorithm));
	kms_context_keys(call, NULL, &in->SourceEncryptionContext);
	kms_context_keys(call, to, &in->DestinationEncryptionContext);
	call->state = r;
	return BW_OK;
}

static enum bw_err reencrypt_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_ReEncrypt *in = input;
	struct reencryption *r = call->state;

	TRY(input_check(call, &r->from, in->SourceKeyId, in->CiphertextBlob, &in->DryRunModifiers, in->DryRun));
	TRY(kms_grant_tokens_check(call, &in->GrantTokens));
	TRY(opening_check(call, &r->from, in->SourceEncryptionAlgorithm, &in->SourceEncryptionContext, &request->other,
	    &request->other_context));
	request->op = BW_KEYER_REENCRYPT;
	request->other_algorithm = algorithm_of(in->SourceEncryptionAlgorithm);
	request->algorithm = algorithm_of(in->DestinationEncryptionAlgorithm);
	TRY(kms_usable(call, &r->to, KMS_ENCRYPT_DECRYPT, request->algorithm));
	TRY(kms_context(call, &in->DestinationEncryptionContext, request->algorithm, &request->context));
	TRY(kms_dry_run(call, in->DryRun));
	kms_material_in_use(&r->to, &request->key);
	r->whole = *request;
	request->op = BW_KEYER_NOTHING;
	if (r->from.key.store)
		kms_cross_open(call, &r->from.key, r->whole.other_context, &r->from.crossed);
	else
		change(call, r, in->CiphertextBlob, request);
	return BW_OK;
}

BW_OP(kms, ReEncrypt, .effect = BW_READ, .resource = reencrypt_resource, .ask = reencrypt_ask, .then = reencrypt_then)
{
	const struct reencryption *r = call->state;

	TRY(kms_used(call, &r->from.key, "InvalidCiphertextException"));
	TRY(kms_used(call, &r->to, NULL));
	out->CiphertextBlob = call->answer.out;
	out->SourceKeyId = r->from.key.arn;
	out->KeyId = r->to.arn;
	out->SourceEncryptionAlgorithm = algorithm_name(in->SourceEncryptionAlgorithm);
	out->DestinationEncryptionAlgorithm = algorithm_name(in->DestinationEncryptionAlgorithm);
	if (r->from.symmetric && !r->from.key.store)
		out->SourceKeyMaterialId = r->from.blob.material_id;
	if (r->to.key.spec == BW_KEY_SYMMETRIC_DEFAULT && !r->to.store)
		out->DestinationKeyMaterialId = r->to.key.material_id;
	return BW_OK;
}
