#include "core/managed_policy.h"
#include "svc/sts/sts.h"

static BW_QUOTA(session_tags_quota, "sts-session-tags", 50, "LimitExceeded", "Cannot exceed quota for TagsPerSession: %lld");
static BW_QUOTA(session_policies_quota, "sts-session-policies", 10, "LimitExceeded",
    "Cannot exceed quota for PolicyArnsPerSession: %lld");

enum bw_err sts_tags_take(struct bw_call *call, const struct sts_tagListType *from, struct bw_pairs *to)
{
	TRY(bw_call_within(call, &session_tags_quota, from->n));
	for (size_t i = 0; i < from->n; i++) {
		struct bw_str key = from->v[i].Key;

		if (bw_str_starts_nocase(key, BW_STR("aws:")))
			return bw_call_fail(call, "InvalidParameterValue", "%s",
			    "One or more tag keys are invalid: keys that begin with aws: are reserved.");
		if (bw_pairs_find_nocase(to, key))
			return bw_call_fail(call, "InvalidParameterValue", "%s",
			    "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
		bw_pairs_set(to, call->arena, key, from->v[i].Value);
	}
	return BW_OK;
}

/* AWS names no error of STS for this: the words are IAM's, where a policy is attached. */
static enum bw_err arn_take(struct bw_call *call, struct bw_str arn, struct bw_session *session)
{
	struct bw_policy_arn parts;
	enum bw_err e = bw_managed_policy_there(call, session->account, arn);
	struct bw_arn any;

	if (e == BW_OK) {
		bw_strs_add(&session->policy_arns, call->arena, arn);
		return BW_OK;
	}
	if (e != BW_ENOTFOUND)
		return e;
	if (bw_arn_parse(arn, &any) != BW_OK || !bw_str_starts(any.resource, BW_STR("policy/")))
		return bw_call_fail(call, "ValidationError", "%.*s is invalid", BW_FMT(arn));
	if (!bw_policy_arn_parse(arn, session->account, &parts))
		return bw_call_fail(call, "ValidationError", "%s",
		    "Session policies must be managed policies of the session's own account.");
	return bw_call_fail(
	    call, "ValidationError", "Policy %.*s does not exist or is not attachable.", BW_FMT(arn));
}

enum bw_err sts_policies_take(struct bw_call *call, struct bw_str policy, const struct sts_policyDescriptorListType *arns,
    struct bw_session *session)
{
	struct bw_policy *compiled;

	TRY(bw_call_within(call, &session_policies_quota, arns->n));
	for (size_t i = 0; i < arns->n; i++)
		TRY(arn_take(call, arns->v[i].arn, session));
	if (!bw_str_set(policy))
		return BW_OK;
	session->policy = policy;
	return bw_call_policy(call, policy, BW_POLICY_SESSION, "MalformedPolicyDocument", &compiled);
}

enum bw_err sts_issue(struct bw_call *call, struct bw_session *session, struct sts_Credentials **out)
{
	int64_t percent = bw_session_packed_percent(session);
	struct sts_Credentials *c = BW_NEW(call->arena, struct sts_Credentials);

	if (percent > 100)
		return bw_call_fail(call, "PackedPolicyTooLarge",
		    "Packed size of session policies and session tags consumes %lld%% of allotted space.", (long long)percent);
	TRY(bw_session_issue(bw_core_sessions(call->core), session, call->arena, &c->SessionToken));
	c->AccessKeyId = session->key_id;
	c->SecretAccessKey = session->secret;
	c->Expiration = BW_TIME(session->expires_ms);
	*out = c;
	return BW_OK;
}

struct bw_opt_int sts_packed(const struct bw_session *session)
{
	int64_t percent = bw_session_packed_percent(session);

	return percent ? BW_INT(percent) : (struct bw_opt_int){0};
}
