/* Keys in custom key stores. */
#include "svc/kms/custom.h"

static struct bw_str member_key(struct bw_call *call, const struct kms_found *f)
{
	return kms_store_key(call->arena, f->account, f->region, "store-key",
	    bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(f->key.store_id), BW_FMT(f->id)));
}

/* An external key is one KMS key's. */
static struct bw_str external_key(struct bw_call *call, const struct kms_found *f)
{
	return kms_store_key(call->arena, f->account, f->region, "xks-key",
	    bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(f->key.store_id), BW_FMT(f->key.xks_key_id)));
}

enum bw_err kms_store_of(struct bw_call *call, struct kms_found *f)
{
	f->store = BW_NEW(call->arena, struct kms_store);
	/* A store with keys cannot be deleted. */
	return bw_call_load(
	    call, &kms_store_record, kms_custom_key(call, f->account, f->region, f->key.store_id), f->store);
}

static const char not_connected[] =
    "This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key "
    "store and try the request again.";

enum bw_err kms_store_ready(struct bw_call *call, const struct kms_found *f)
{
	if (!f->store || f->store->state == KMS_STORE_CONNECTED)
		return BW_OK;
	if (f->store->type == KMS_STORE_EXTERNAL)
		return bw_call_fail(call, "KMSInvalidStateException", "%s", not_connected);
	return kms_invalid_state(call, f, "unavailable");
}

void kms_store_describe(struct bw_call *call, const struct kms_found *f, struct kms_KeyMetadata *m)
{
	m->CustomKeyStoreId = f->store->id;
	if (f->store->type == KMS_STORE_CLOUDHSM) {
		m->CloudHsmClusterId = f->store->cluster;
	} else {
		m->XksKeyConfiguration = BW_NEW(call->arena, struct kms_XksKeyConfigurationType);
		m->XksKeyConfiguration->Id = f->key.xks_key_id;
	}
	/* AWS KMS Developer Guide, "Key states": a key that is going stays so. */
	if (f->store->state != KMS_STORE_CONNECTED && (f->key.state == KMS_ENABLED || f->key.state == KMS_DISABLED)) {
		m->KeyState = BW_STR("Unavailable");
		m->Enabled = BW_BOOL(false);
	}
}

enum bw_err kms_not_in_store(struct bw_call *call, const struct kms_found *f)
{
	if (!f->store)
		return BW_OK;
	return bw_call_fail(call, "UnsupportedOperationException", "%.*s origin is %s which is not valid for this operation.",
	    BW_FMT(f->arn), kms_origin_names[f->key.origin]);
}

/* ---- CreateKey ---- */

static enum bw_err invalid(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "ValidationException", "%s", text);
}

static enum bw_err fits_check(struct bw_call *call, const IN_kms_CreateKey *in, const struct kms_found *f)
{
	bool external = bw_str_eq(in->Origin, BW_STR("EXTERNAL_KEY_STORE"));

	if (f->key.spec != BW_KEY_SYMMETRIC_DEFAULT || f->key.region_kind != KMS_REGIONAL)
		return bw_call_fail(call, "UnsupportedOperationException", "%s",
		    "A custom key store holds symmetric encryption keys of a single Region alone.");
	if (external != (f->store->type == KMS_STORE_EXTERNAL))
		return invalid(call, "Origin is not valid for a custom key store of this type.");
	if (external && !bw_str_set(in->XksKeyId))
		return invalid(call, "XksKeyId is required when Origin is EXTERNAL_KEY_STORE.");
	return BW_OK;
}

static enum bw_err store_is_open(struct bw_call *call, const struct kms_found *f)
{
	if (f->store->state == KMS_STORE_CONNECTED)
		return BW_OK;
	if (f->store->type == KMS_STORE_EXTERNAL)
		return bw_call_fail(call, "CustomKeyStoreInvalidStateException", "%s", not_connected);
	return kms_custom_wrong_state(call, f->store, "connect it first.");
}

enum bw_err kms_store_choose(struct bw_call *call, const IN_kms_CreateKey *in, struct kms_found *f)
{
	f->store = BW_NEW(call->arena, struct kms_store);
	TRY(kms_custom_load(call, in->CustomKeyStoreId, f->store));
	TRY(fits_check(call, in, f));
	TRY(store_is_open(call, f));
	f->key.store_id = f->store->id;
	f->key.xks_key_id = in->XksKeyId;
	f->key.origin = f->store->type == KMS_STORE_EXTERNAL ? KMS_ORIGIN_EXTERNAL_STORE : KMS_ORIGIN_CLOUDHSM;
	if (bw_str_set(in->XksKeyId) && bw_call_exists(call, external_key(call, f)))
		return bw_call_fail(call, "XksKeyAlreadyInUseException", "%s", "");
	return BW_OK;
}

static void token_ask(struct bw_call *call, const struct kms_found *f, enum bw_outside_op op)
{
	struct bw_outside_request *r = BW_NEW(call->arena, struct bw_outside_request);

	*r = (struct bw_outside_request){.op = op, .where = f->store->cluster, .pin = f->store->pin, .label = f->id};
	call->reach = r;
}

void kms_store_ask(struct bw_call *call, const struct kms_found *f)
{
	if (f->store->type == KMS_STORE_EXTERNAL)
		xks_metadata_ask(call, f);
	else
		token_ask(call, f, BW_OUTSIDE_TOKEN_MAKE);
}

void kms_store_destroy_ask(struct bw_call *call, const struct kms_found *f)
{
	if (f->store->type == KMS_STORE_CLOUDHSM && f->store->state == KMS_STORE_CONNECTED)
		token_ask(call, f, BW_OUTSIDE_TOKEN_DESTROY);
}

enum bw_err kms_store_asked(struct bw_call *call, const struct kms_found *f, bool *generate)
{
	enum xks_outcome outcome;
	bool usable = false;

	*generate = f->store->type == KMS_STORE_EXTERNAL;
	if (!*generate)
		return call->reached.result == BW_OK
		           ? BW_OK
		           : bw_call_fail(call, "CloudHsmClusterInvalidConfigurationException", "%s",
		                 "The AWS CloudHSM cluster did not make the key.");
	outcome = xks_metadata_read(call, &usable);
	if (outcome != XKS_DONE)
		return bw_call_fail(call, xks_words[outcome].key_code, "%s", xks_words[outcome].text);
	return usable ? BW_OK
	              : bw_call_fail(call, "XksKeyInvalidConfigurationException", "%s",
	                    "The external key must be an enabled AES_256 key that encrypts and decrypts.");
}

/* In the view that the commit is held to. */
enum bw_err kms_store_enter(struct bw_call *call, const struct kms_found *f)
{
	struct kms_found now = *f;

	TRY(kms_store_of(call, &now));
	TRY(store_is_open(call, &now));
	bw_call_mark(call, member_key(call, f));
	if (f->store->type != KMS_STORE_EXTERNAL)
		return BW_OK;
	if (bw_call_exists(call, external_key(call, f)))
		return bw_call_fail(call, "XksKeyAlreadyInUseException", "%s", "");
	bw_call_mark(call, external_key(call, f));
	return BW_OK;
}

void kms_store_leave(struct bw_call *call, const struct kms_found *f)
{
	bw_call_delete(call, member_key(call, f));
	if (f->store->type == KMS_STORE_EXTERNAL)
		bw_call_delete(call, external_key(call, f));
}
