#include "svc/kms/kms.h"

#include "codec/time.h"

/* Imported key material (AWS KMS Developer Guide, "Importing key material for AWS KMS keys"). */

static const struct bw_str purpose = {"kms import token", 16};

static enum bw_err external_check(struct bw_call *call, const struct kms_found *f)
{
	if (f->key.origin == KMS_ORIGIN_EXTERNAL)
		return BW_OK;
	return bw_call_fail(call, "UnsupportedOperationException", "%.*s origin is %s which is not valid for this operation.",
	    BW_FMT(f->arn), kms_origin_names[f->key.origin]);
}

/* ---- GetParametersForImport ---- */

static enum bw_err parameters_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("kms:WrappingAlgorithm"), bw_call_input(call, "WrappingAlgorithm"));
	bw_call_context(call, BW_STR("kms:WrappingKeySpec"), bw_call_input(call, "WrappingKeySpec"));
	return BW_OK;
}

static bool wraps_directly(enum bw_key_algorithm a)
{
	return a == BW_ALG_RSAES_OAEP_SHA_1 || a == BW_ALG_RSAES_OAEP_SHA_256;
}

static bool is_rsa(int64_t spec)
{
	return spec == BW_KEY_RSA_2048 || spec == BW_KEY_RSA_3072 || spec == BW_KEY_RSA_4096;
}

/* ... "Select a wrapping key spec and algorithm": symmetric material is wrapped directly, RSA keys by way of AES, others either
 * way; what is too large for a 2048-bit key is refused. */
static enum bw_err wrapping_check(struct bw_call *call, const struct kms_found *f, const IN_kms_GetParametersForImport *in)
{
	enum bw_key_algorithm a = kms_algorithm_by_name(in->WrappingAlgorithm);
	bool direct = wraps_directly(a), asymmetric = kms_specs[f->key.spec].asymmetric;

	if (bw_str_eq(in->WrappingAlgorithm, BW_STR("RSAES_PKCS1_V1_5")))
		return bw_call_fail(call, "UnsupportedOperationException", "%s",
		    "The RSAES_PKCS1_V1_5 wrapping algorithm is no longer supported.");
	if (!is_rsa(kms_spec_by_name(in->WrappingKeySpec)) || (!direct && a != BW_ALG_RSA_AES_KEY_WRAP_SHA_1 &&
	                                                           a != BW_ALG_RSA_AES_KEY_WRAP_SHA_256))
		return bw_call_fail(call, "UnsupportedOperationException", "%s", "SM2 wrapping keys are not supported in this Region.");
	if (asymmetric ? direct && (is_rsa(f->key.spec) || (f->key.spec == BW_KEY_ECC_NIST_P521 &&
	                                                       bw_str_eq(in->WrappingKeySpec, BW_STR("RSA_2048"))))
	               : !direct)
		return bw_call_fail(call, "ValidationException", "WrappingAlgorithm %.*s is not valid for KeySpec %s.",
		    BW_FMT(in->WrappingAlgorithm), kms_specs[f->key.spec].name);
	return BW_OK;
}

static enum bw_err parameters_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_GetParametersForImport *in = input;
	struct kms_found *f;

	TRY(kms_key_of(call, &f));
	TRY(external_check(call, f));
	TRY(kms_in_state(call, f, KMS_NOT_GOING));
	TRY(wrapping_check(call, f, in));
	request->op = BW_KEYER_IMPORT_BEGIN;
	kms_material_in_use(f, &request->key);
	request->key.material_id = request->key.wrapped = BW_STR_NONE;
	request->key.version = 1;
	request->key.spec = kms_spec_by_name(in->WrappingKeySpec);
	return BW_OK;
}

BW_OP(kms, GetParametersForImport, .effect = BW_READ, .resource = kms_managed_key, .keys = parameters_keys,
    .ask = parameters_ask)
{
	const struct kms_found *f = call->state;
	struct kms_import token = {.key_arn = f->arn, .algorithm = kms_algorithm_by_name(in->WrappingAlgorithm),
	    .wrapping_spec = kms_spec_by_name(in->WrappingKeySpec), .expires_ms = call->now_ms + KMS_DAY_MS};
	struct bw_buf bytes;

	TRY(kms_answered(call, NULL));
	token.wrapped = call->answer.out;
	bw_buf_init(&bytes, 64 * 1024);
	bw_record_encode(&kms_import_record, &token, &bytes);
	MUST(!bytes.failed);
	kms_token_seal(call, purpose, bw_buf_str(&bytes), &out->ImportToken);
	bw_buf_free(&bytes);
	out->KeyId = f->arn;
	out->PublicKey = call->answer.out2;
	out->ParametersValidTo = BW_TIME(token.expires_ms);
	return BW_OK;
}

/* ---- ImportKeyMaterial ---- */

/* What the call is about: begins with the key, as every state does. */
struct importing {
	struct kms_found key;
	struct kms_import token;
};

static enum bw_err import_resource(struct bw_call *call)
{
	struct importing *i = BW_NEW(call->arena, struct importing);

	TRY(kms_find(call, bw_call_input(call, "KeyId"), false, &i->key));
	TRY(kms_about(call, &i->key));
	call->state = i;
	return BW_OK;
}

static enum bw_err import_keys(struct bw_call *call)
{
	const IN_kms_ImportKeyMaterial *in = call->in;
	struct bw_buf text;

	bw_call_context(call, BW_STR("kms:ExpirationModel"),
	    bw_str_set(in->ExpirationModel) ? in->ExpirationModel : BW_STR("KEY_MATERIAL_EXPIRES"));
	if (!in->ValidTo.set)
		return BW_OK;
	bw_buf_init(&text, 64);
	bw_time_put_iso8601(in->ValidTo.ms, &text);
	bw_call_context(call, BW_STR("kms:ValidTo"), bw_arena_str(call->arena, bw_buf_str(&text)));
	bw_buf_free(&text);
	return BW_OK;
}

static enum bw_err token_check(struct bw_call *call, struct importing *i, struct bw_str token)
{
	struct bw_str bytes;

	if (kms_token_open(call, purpose, token, &bytes) != BW_OK ||
	    bw_record_decode(&kms_import_record, bytes, call->arena, &i->token) != BW_OK ||
	    !bw_str_eq(i->token.key_arn, i->key.arn))
		return bw_call_fail(call, "InvalidImportTokenException", "%s", "The import token is not valid for this KMS key.");
	if (i->token.expires_ms <= call->now_ms)
		return bw_call_fail(call, "ExpiredImportTokenException", "%s", "The import token has expired.");
	return BW_OK;
}

static enum bw_err expiry_check(struct bw_call *call, const IN_kms_ImportKeyMaterial *in)
{
	bool expires = !bw_str_eq(in->ExpirationModel, BW_STR("KEY_MATERIAL_DOES_NOT_EXPIRE"));

	if (expires != in->ValidTo.set)
		return bw_call_fail(call, "ValidationException", "%s",
		    expires ? "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"
		            : "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE");
	if (expires && (in->ValidTo.ms <= call->now_ms || in->ValidTo.ms > call->now_ms + INT64_C(365) * KMS_DAY_MS))
		return bw_call_fail(call, "ValidationException", "%s", "ValidTo must be in the future and at most 365 days away.");
	return BW_OK;
}

static enum bw_err import_ask(struct bw_call *call, const void *input, struct bw_keyer_request *request)
{
	const IN_kms_ImportKeyMaterial *in = input;
	struct importing *i = call->state;
	bool symmetric = i->key.key.spec == BW_KEY_SYMMETRIC_DEFAULT;

	TRY(kms_must_exist(call, &i->key));
	TRY(external_check(call, &i->key));
	TRY(kms_in_state(call, &i->key, KMS_NOT_GOING));
	TRY(expiry_check(call, in));
	if (!symmetric && (bw_str_set(in->ImportType) || bw_str_set(in->KeyMaterialDescription) || bw_str_set(in->KeyMaterialId)))
		return bw_call_fail(call, "ValidationException", "%s",
		    "ImportType, KeyMaterialDescription and KeyMaterialId are valid for symmetric encryption KMS keys only.");
	if (bw_str_set(in->KeyMaterialId) && bw_str_eq(in->ImportType, BW_STR("NEW_KEY_MATERIAL")))
		return bw_call_fail(call, "ValidationException", "%s",
		    "KeyMaterialId cannot be specified when ImportType is NEW_KEY_MATERIAL.");
	TRY(token_check(call, i, in->ImportToken));
	request->op = BW_KEYER_IMPORT;
	kms_material_in_use(&i->key, &request->key);
	request->key.material_id = request->key.wrapped = BW_STR_NONE;
	request->key.version = 1;
	request->other = request->key;
	request->other.spec = (enum bw_key_spec)i->token.wrapping_spec;
	request->other.wrapped = i->token.wrapped;
	request->algorithm = (enum bw_key_algorithm)i->token.algorithm;
	request->input = in->EncryptedKeyMaterial;
	return BW_OK;
}

static enum bw_err incorrect(struct bw_call *call, const char *text)
{
	return bw_call_fail(call, "IncorrectKeyMaterialException", "%s", text);
}

/* What the material of that id is to the key already: at the key itself, or for a replica at its primary. */
static enum bw_err known_find(struct bw_call *call, const struct kms_found *f, struct bw_str id, struct kms_material *out,
    bool *known)
{
	struct kms_found at = *f;
	enum bw_err e;

	if (f->key.region_kind == KMS_REPLICA)
		at.region = f->key.primary_region;
	e = bw_call_load(call, &kms_material_record, kms_material_key(call->arena, at.account, at.region, at.id, id), out);
	*known = e == BW_OK;
	return e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err kms_materials_complete(
    struct bw_call *call, const struct kms_found *f, struct bw_str just_now, bool *complete)
{
	struct kms_material *v;
	size_t n;

	TRY(kms_materials(call, f, &v, &n));
	*complete = true;
	for (size_t i = 0; i < n; i++)
		if (v[i].state != KMS_MATERIAL_PENDING_ROTATION && !bw_str_eq(v[i].id, just_now) && !bw_str_set(v[i].wrapped))
			*complete = false;
	return BW_OK;
}

/* Which place the material takes: first, again, or next to rotate to. */
static enum bw_err place_find(struct bw_call *call, const struct kms_found *f, const IN_kms_ImportKeyMaterial *in,
    struct bw_str id, struct kms_material *m)
{
	bool known, wants_new = bw_str_eq(in->ImportType, BW_STR("NEW_KEY_MATERIAL"));
	struct kms_material *v;
	size_t n;

	if (bw_str_set(in->KeyMaterialId) && !bw_str_eq(in->KeyMaterialId, id))
		return incorrect(call, "The key material is not the one of the given KeyMaterialId.");
	TRY(known_find(call, f, id, m, &known));
	if (known)
		return wants_new && f->key.region_kind != KMS_REPLICA
		           ? incorrect(call, "The key material has been imported into this KMS key before.")
		           : BW_OK;
	if (f->key.region_kind == KMS_REPLICA)
		return incorrect(call, "The key material is not the primary key's.");
	*m = (struct kms_material){.id = id, .created_ms = call->now_ms, .state = KMS_MATERIAL_CURRENT, .number = 1};
	TRY(kms_materials(call, f, &v, &n));
	if (n == 0)
		return bw_str_eq(in->ImportType, BW_STR("EXISTING_KEY_MATERIAL"))
		           ? incorrect(call, "No key material has been imported into this KMS key yet.")
		           : BW_OK;
	if (!wants_new || f->key.spec != BW_KEY_SYMMETRIC_DEFAULT)
		return incorrect(call, "The key material must be the same that was imported before.");
	for (size_t i = 0; i < n; i++)
		if (v[i].state == KMS_MATERIAL_PENDING_ROTATION)
			return kms_invalid_state(call, f, "pending rotation to key material that was imported before");
	m->state = KMS_MATERIAL_PENDING_ROTATION;
	m->number = v[n - 1].number + 1;
	return BW_OK;
}

/* The key comes back to life when nothing of it is missing. */
static enum bw_err wake(struct bw_call *call, struct kms_found *f, const struct kms_material *m)
{
	bool complete;

	if (m->state == KMS_MATERIAL_CURRENT) {
		f->key.material_id = m->id;
		f->key.wrapped = m->wrapped;
		f->key.material_version = m->version;
		f->key.material_valid_to_ms = m->valid_to_ms;
	}
	TRY(kms_materials_complete(call, f, m->id, &complete));
	if (f->key.state == KMS_PENDING_IMPORT && complete && bw_str_set(f->key.wrapped)) {
		f->key.state = f->key.was_disabled ? KMS_DISABLED : KMS_ENABLED;
		f->key.was_disabled = false;
	}
	kms_key_save(call, f);
	return BW_OK;
}

BW_OP(kms, ImportKeyMaterial, .effect = BW_WRITE, .resource = import_resource, .keys = import_keys, .ask = import_ask)
{
	struct importing *i = call->state;
	struct kms_found *f = &i->key;
	struct kms_material m;

	if (call->answer.result == BW_EINVAL)
		return incorrect(call, "The key material is not valid for the KMS key's spec.");
	TRY(kms_answered(call, "InvalidCiphertextException"));
	TRY(place_find(call, f, in, call->answer.out3, &m));
	m.wrapped = call->answer.out;
	m.version = 1;
	m.valid_to_ms = in->ValidTo.set ? in->ValidTo.ms : 0;
	if (bw_str_set(in->KeyMaterialDescription))
		m.description = in->KeyMaterialDescription;
	if (bw_str_set(call->answer.out2) && call->answer.out2.n)
		f->key.public_key = call->answer.out2;
	bw_call_save(call, &kms_material_record, kms_material_key(call->arena, f->account, f->region, f->id, m.id), &m);
	if (m.valid_to_ms)
		kms_key_due(call, f, m.valid_to_ms);
	TRY(wake(call, f, &m));
	out->KeyId = f->arn;
	out->KeyMaterialId = m.id;
	return BW_OK;
}

/* ---- DeleteImportedKeyMaterial ---- */

BW_OP(kms, DeleteImportedKeyMaterial, .effect = BW_WRITE, .resource = kms_managed_key)
{
	struct kms_found *f;
	struct kms_material m;
	struct bw_str id;
	enum bw_err e;

	TRY(kms_key_of(call, &f));
	TRY(external_check(call, f));
	id = bw_str_set(in->KeyMaterialId) ? in->KeyMaterialId : f->key.material_id;
	out->KeyId = f->arn;
	out->KeyMaterialId = id;
	if (!bw_str_set(id))
		return BW_OK; /* nothing was imported yet */
	e = bw_call_load(call, &kms_material_record, kms_material_key(call->arena, f->account, f->region, f->id, id), &m);
	if (e == BW_ENOTFOUND)
		return bw_str_set(in->KeyMaterialId)
		           ? bw_call_fail(call, "NotFoundException", "Key material %.*s does not exist", BW_FMT(id))
		           : BW_OK;
	TRY(e);
	kms_material_forget(call, f, &m);
	return BW_OK;
}
