#include "svc/kms/kms.h"

#include "core/trust.h"

/* AWS KMS Developer Guide, "Default key policy": the account's policies decide. */
static struct bw_str default_policy(struct bw_call *call)
{
	return bw_arena_printf(call->arena,
	    "{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n  \"Statement\" : [ {\n"
	    "    \"Sid\" : \"Enable IAM User Permissions\",\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {\n"
	    "      \"AWS\" : \"arn:aws:iam::%.*s:root\"\n    },\n    \"Action\" : \"kms:*\",\n    \"Resource\" : \"*\"\n  } ]\n}",
	    BW_FMT(call->account));
}

/* ... "Changing a key policy", the safety check: the caller must be able to change it again. */
static enum bw_err lockout_check(struct bw_call *call, struct bw_str arn, struct bw_policy *policy)
{
	if (bw_call_would_allow(call, BW_STR("kms:PutKeyPolicy"), arn, policy, true))
		return BW_OK;
	return bw_call_fail(call, "MalformedPolicyDocumentException", "%s",
	    "The new key policy will not allow you to update the key policy in the future.");
}

enum bw_err kms_policy_set(struct bw_call *call, struct kms_key *key, struct bw_str arn, struct bw_str document, bool unsafe)
{
	struct bw_policy *compiled;
	enum bw_err e;

	key->policy_principals = (struct bw_pairs){0};
	if (!bw_str_set(document)) {
		key->policy = default_policy(call);
		return BW_OK;
	}
	TRY(bw_call_within(call, &kms_policy_size_quota, document.n));
	TRY(bw_call_policy(call, document, BW_POLICY_KEY, "MalformedPolicyDocumentException", &compiled));
	e = bw_trust_resolve(call, document, &key->policy_principals);
	if (e == BW_EFAILED)
		return bw_call_fail(call, "MalformedPolicyDocumentException", "%s",
		    "Policy contains a statement with one or more invalid principals.");
	TRY(e);
	if (!unsafe)
		TRY(lockout_check(call, arn, compiled));
	key->policy = document;
	return BW_OK;
}

static enum bw_err name_check(struct bw_call *call, struct bw_str name)
{
	if (!bw_str_set(name) || bw_str_eq(name, BW_STR("default")))
		return BW_OK;
	return bw_call_fail(call, "NotFoundException", "%s", "No such policy exists");
}

BW_OP(kms, GetKeyPolicy, .effect = BW_READ, .resource = kms_managed_key)
{
	struct kms_found *f;

	TRY(kms_key_of(call, &f));
	TRY(name_check(call, in->PolicyName));
	out->Policy = bw_principals_effective(call, f->key.policy, &f->key.policy_principals);
	out->PolicyName = BW_STR("default");
	return BW_OK;
}

static enum bw_err put_keys(struct bw_call *call)
{
	const IN_kms_PutKeyPolicy *in = call->in;

	if (in->BypassPolicyLockoutSafetyCheck.set)
		bw_call_context(call, BW_STR("kms:BypassPolicyLockoutSafetyCheck"),
		    in->BypassPolicyLockoutSafetyCheck.v ? BW_STR("true") : BW_STR("false"));
	return BW_OK;
}

BW_OP(kms, PutKeyPolicy, .effect = BW_WRITE, .resource = kms_managed_key, .keys = put_keys)
{
	struct kms_found *f;

	TRY(kms_key_of(call, &f));
	TRY(name_check(call, in->PolicyName));
	TRY(kms_policy_set(call, &f->key, f->arn, in->Policy,
	    in->BypassPolicyLockoutSafetyCheck.set && in->BypassPolicyLockoutSafetyCheck.v));
	kms_key_save(call, f);
	return BW_OK;
}

BW_OP(kms, ListKeyPolicies, .effect = BW_READ, .resource = kms_managed_key)
{
	static struct bw_str names[] = {{"default", 7}};
	struct kms_found *f;
	size_t from, to;

	TRY(kms_key_of(call, &f));
	TRY(kms_page_slice(call, 1, in->Marker, in->Limit, KMS_PAGE_USUAL, &from, &to, &out->Truncated, &out->NextMarker));
	out->PolicyNames.set = true;
	out->PolicyNames.n = to - from;
	out->PolicyNames.v = names + from;
	return BW_OK;
}
