#include "svc/kms/custom.h"

#include "base/sys.h"

/* AWS KMS Developer Guide, "Key states of AWS KMS keys". */

static const char *const state_words[] = {
    [KMS_PENDING_DELETION] = "pending deletion",
    [KMS_PENDING_IMPORT] = "pending import",
    [KMS_PENDING_REPLICA_DELETION] = "pending replica deletion",
};

enum bw_err kms_invalid_state(struct bw_call *call, const struct kms_found *f, const char *words)
{
	return bw_call_fail(call, "KMSInvalidStateException", "%.*s is %s.", BW_FMT(f->arn), words);
}

enum bw_err kms_in_state(struct bw_call *call, const struct kms_found *f, unsigned states)
{
	int64_t state = f->key.state;

	if (states & (1u << state))
		return BW_OK;
	if (state == KMS_DISABLED)
		return bw_call_fail(call, "DisabledException", "%.*s is disabled.", BW_FMT(f->arn));
	return kms_invalid_state(call, f, state == KMS_ENABLED ? "enabled" : state_words[state]);
}

enum bw_err kms_usable(struct bw_call *call, const struct kms_found *f, enum kms_usage usage, enum bw_key_algorithm algorithm)
{
	const struct kms_key *k = &f->key;

	TRY(kms_must_exist(call, f));
	TRY(kms_in_state(call, f, KMS_IN(ENABLED)));
	TRY(kms_store_ready(call, f));
	if (k->usage != (int64_t)usage)
		return bw_call_fail(call, "InvalidKeyUsageException", "%.*s key usage is %s which is not valid for %s.",
		    BW_FMT(f->arn), kms_usage_names[k->usage], bw_at(call->model->name));
	if (algorithm != BW_ALG_NONE && !kms_spec_has(k->spec, k->usage, algorithm))
		return bw_call_fail(call, "InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.",
		    kms_algorithms[algorithm].name, kms_specs[k->spec].name);
	return BW_OK;
}

/* AWS KMS Developer Guide, "Key spec reference": SM2 in China Regions alone. OpenSSL has no agreement with it. */
enum bw_err kms_spec_offered(struct bw_call *call, enum bw_key_spec spec, int64_t usage)
{
	if (spec != BW_KEY_SM2)
		return BW_OK;
	if (!bw_str_starts(call->region, BW_STR("cn-")))
		return bw_call_fail(call, "UnsupportedOperationException", "%s", "KeySpec SM2 is supported only in China Regions.");
	if (usage == KMS_KEY_AGREEMENT)
		return bw_call_fail(call, "UnsupportedOperationException", "%s",
		    "The cryptographic library of this server does not have key agreement with SM2.");
	return BW_OK;
}

enum bw_err kms_dry_run(struct bw_call *call, struct bw_opt_bool dry_run)
{
	if (!dry_run.set || !dry_run.v)
		return BW_OK;
	return bw_call_fail(
	    call, "DryRunOperationException", "The request would have succeeded, but the DryRun option is set.");
}

enum bw_err kms_no_recipient(struct bw_call *call, const struct kms_RecipientInfo *recipient)
{
	if (!recipient)
		return BW_OK;
	return bw_call_fail(call, "ValidationException",
	    "Recipient is not supported: this server cannot verify attestation documents of Nitro enclaves.");
}

/* ---- The keyer ---- */

void kms_material_in_use(const struct kms_found *f, struct bw_keyer_material *out)
{
	*out = (struct bw_keyer_material){.account = f->account,
	    .region = bw_str_set(f->key.home_region) ? f->key.home_region : f->region, .key_id = f->id,
	    .material_id = f->key.material_id, .version = f->key.material_version, .spec = (enum bw_key_spec)f->key.spec,
	    .wrapped = f->key.wrapped};
}

enum bw_err kms_answered(struct bw_call *call, const char *corrupt)
{
	switch (call->answer.result) {
	case BW_OK:
		return BW_OK;
	case BW_ECORRUPT:
		/* AWS says no more than the code. */
		if (corrupt)
			return bw_call_fail(call, corrupt, "%s", "");
		break;
	case BW_EINVAL:
		return bw_call_fail(call, "ValidationException", "%s", "The input is not valid for the key.");
	case BW_EPERM:
		return bw_call_fail(call, "KeyUnavailableException", "%s", "The server is sealed: its keys are not available.");
	case BW_ENOTFOUND:
		return bw_call_fail(call, "UnsupportedOperationException", "%s",
		    "The cryptographic library of this server does not have the algorithm.");
	case BW_EAGAIN:
		return bw_call_fail(call, "KeyUnavailableException", "%s",
		    "The request was rejected because the specified KMS key was not available. You can retry the request.");
	case BW_EIO:
		return bw_call_fail(call, "DependencyTimeoutException", "%s",
		    "The system timed out while trying to fulfill the request. You can retry the request.");
	default:
		break;
	}
	bw_log(BW_LOG_ERROR, "request %.*s: keyer: %s", BW_FMT(call->request_id), bw_err_name(call->answer.result));
	return bw_call_fail(call, "KMSInternalException", "%s",
	    "The request was rejected because an internal exception occurred. The request can be retried.");
}

/* ---- Encryption contexts ---- */

void kms_context_keys(struct bw_call *call, struct bw_also *also, const struct kms_EncryptionContextType *context)
{
	for (size_t i = 0; i < context->n; i++) {
		struct bw_str name = bw_arena_printf(call->arena, "kms:EncryptionContext:%.*s", BW_FMT(context->keys[i]));

		if (also)
			bw_also_context(call, also, name, context->v[i]);
		else
			bw_call_context(call, name, context->v[i]);
	}
	if (context->n == 0)
		return;
	if (also)
		bw_also_context_list(call, also, BW_STR("kms:EncryptionContextKeys"), context->keys, context->n);
	else
		bw_call_context_list(call, BW_STR("kms:EncryptionContextKeys"), context->keys, context->n);
}

enum bw_err kms_context(struct bw_call *call, const struct kms_EncryptionContextType *context, enum bw_key_algorithm algorithm,
    struct bw_str *out)
{
	struct bw_str *pairs = BW_NEW_ARRAY(call->arena, struct bw_str, 2 * context->n + 1);
	size_t bytes = 0;

	*out = BW_STR_NONE;
	for (size_t i = 0; i < context->n; i++) {
		pairs[2 * i] = context->keys[i];
		pairs[2 * i + 1] = context->v[i];
		bytes += context->keys[i].n + context->v[i].n;
	}
	if (bytes > KMS_CONTEXT_MAX)
		return bw_call_fail(call, "ValidationException", "EncryptionContext exceeds the maximum size of %d.", KMS_CONTEXT_MAX);
	if (algorithm != BW_ALG_SYMMETRIC_DEFAULT) {
		if (context->n)
			return bw_call_fail(call, "ValidationException",
			    "EncryptionContext is not supported when using algorithm %s.", kms_algorithms[algorithm].name);
		return BW_OK;
	}
	*out = bw_keyer_context(call->arena, pairs, context->n);
	return BW_OK;
}

/* ---- Pages ---- */

static enum bw_err marker_bad(struct bw_call *call, enum bw_err e)
{
	if (e != BW_EFAILED)
		return e;
	return bw_call_fail(call, "InvalidMarkerException", "%s", "Could not deserialize marker");
}

enum bw_err kms_page_begin(struct bw_call *call, struct bw_str prefix, struct bw_str marker, struct bw_opt_int limit,
    int64_t usual, struct bw_page *page)
{
	return marker_bad(call, bw_page_begin(call, prefix, marker, limit, usual, page));
}

enum bw_err kms_page_slice(struct bw_call *call, size_t n, struct bw_str marker, struct bw_opt_int limit, int64_t usual,
    size_t *from, size_t *to, struct bw_opt_bool *truncated, struct bw_str *next)
{
	return marker_bad(call, bw_page_slice(call, n, marker, limit, usual, from, to, truncated, next));
}
