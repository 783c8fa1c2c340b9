#include "svc/kms/grant.h"

/* Retiring and revoking (AWS KMS Developer Guide, "Retiring and revoking grants"). */

/* What RetireGrant is about: begins with the key, as every state does. */
struct retiring {
	struct kms_found key;
	struct kms_grant grant;
	bool found;
};

static enum bw_err retire_resource(struct bw_call *call)
{
	const IN_kms_RetireGrant *in = call->in;
	struct bw_str key = in->KeyId, id = in->GrantId;
	struct retiring *r = BW_NEW(call->arena, struct retiring);
	enum bw_err e;

	r->key.as = KMS_BAD_ID;
	call->state = r;
	if (bw_str_set(in->GrantToken))
		TRY(kms_grant_token_open(call, in->GrantToken, &key, &id));
	if (!bw_str_set(key) || !bw_str_set(id))
		return BW_OK;
	TRY(kms_find(call, key, false, &r->key));
	TRY(kms_about(call, &r->key));
	call->state = r;
	if (r->key.as != KMS_FOUND)
		return BW_OK;
	e = kms_grant_find(call, &r->key, id, &r->grant);
	if (e == BW_ENOTFOUND)
		return BW_OK;
	TRY(e);
	r->found = true;
	if (r->grant.has_equals || r->grant.has_subset)
		bw_call_context(call, BW_STR("kms:GrantConstraintType"),
		    r->grant.has_equals ? BW_STR("EncryptionContextEquals") : BW_STR("EncryptionContextSubset"));
	return BW_OK;
}

struct bw_str kms_grant_retired_as(const struct bw_call *call)
{
	const struct retiring *r = call->state;
	const struct kms_grant *g = &r->grant;
	struct bw_str as = BW_STR_NONE;

	if (!r->found)
		return as;
	if (bw_str_set(g->retiring))
		as = kms_grant_as(call, g->retiring, g->retiring_id);
	if (!bw_str_set(as) && bw_strs_has(&g->operations, BW_STR("RetireGrant")))
		as = kms_grant_as(call, g->grantee, g->grantee_id);
	return as;
}

static enum bw_err no_grant(struct bw_call *call, struct bw_str id)
{
	return bw_call_fail(call, "NotFoundException", "Grant %.*s not found", BW_FMT(id));
}

BW_OP(kms, RetireGrant, .effect = BW_WRITE, .resource = retire_resource)
{
	struct retiring *r = call->state;

	if (bw_str_set(in->GrantToken) ? bw_str_set(in->KeyId) || bw_str_set(in->GrantId)
	                               : !bw_str_set(in->KeyId) || !bw_str_set(in->GrantId))
		return bw_call_fail(call, "ValidationException", "%s",
		    "You must specify either a grant token, or both a key ID and a grant ID.");
	TRY(kms_must_exist(call, &r->key));
	if (!r->found)
		return no_grant(call, in->GrantId);
	TRY(kms_in_state(call, &r->key, KMS_IN_ANY & ~KMS_IN(PENDING_DELETION)));
	TRY(kms_dry_run(call, in->DryRun));
	kms_grant_remove(call, &r->key, &r->grant);
	return BW_OK;
}

static enum bw_err not_for_services(struct bw_call *call)
{
	bw_call_context(call, BW_STR("kms:GrantIsForAWSResource"), BW_STR("false"));
	return BW_OK;
}

BW_OP(kms, RevokeGrant, .effect = BW_WRITE, .resource = kms_managed_key, .keys = not_for_services)
{
	struct kms_found *f;
	struct kms_grant g;
	enum bw_err e;

	TRY(kms_key_of(call, &f));
	e = kms_grant_find(call, f, in->GrantId, &g);
	if (e == BW_ENOTFOUND)
		return no_grant(call, in->GrantId);
	TRY(e);
	TRY(kms_in_state(call, f, KMS_IN_ANY & ~KMS_IN(PENDING_DELETION)));
	TRY(kms_dry_run(call, in->DryRun));
	kms_grant_remove(call, f, &g);
	return BW_OK;
}
