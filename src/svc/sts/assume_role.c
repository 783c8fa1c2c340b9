#include "svc/sts/sts.h"

/* The source identity that the session will have. One that the calling session brings along is set on the next one as well: IAM
 * User Guide, "Monitor and control actions taken with assumed roles", asks for the permission in role chaining, too. */
static struct bw_str source_set(const struct bw_call *call)
{
	const IN_sts_AssumeRole *in = call->in;

	return bw_str_set(in->SourceIdentity) ? in->SourceIdentity : call->caller->source_identity;
}

static enum bw_err assumed_resource(struct bw_call *call)
{
	const IN_sts_AssumeRole *in = call->in;

	return sts_role_state(
	    call, in->RoleArn, in->Tags.n || call->caller->transitive.n, bw_str_set(source_set(call)));
}

static enum bw_err assumed_keys(struct bw_call *call)
{
	const IN_sts_AssumeRole *in = call->in;
	bool shown;

	TRY(sts_mfa_take(call, in->SerialNumber, in->TokenCode, &shown));
	if (shown) {
		bw_call_context(call, BW_STR("aws:MultiFactorAuthPresent"), BW_STR("true"));
		bw_call_context(call, BW_STR("aws:MultiFactorAuthAge"), BW_STR("0"));
	}
	bw_call_context(call, BW_STR("sts:ExternalId"), in->ExternalId);
	bw_call_context(call, BW_STR("sts:RoleSessionName"), in->RoleSessionName);
	bw_call_context(call, BW_STR("sts:SourceIdentity"), source_set(call));
	if (in->TransitiveTagKeys.n)
		bw_call_context_list(call, BW_STR("sts:TransitiveTagKeys"), in->TransitiveTagKeys.v, in->TransitiveTagKeys.n);
	return BW_OK;
}

/* Tags of the request over the transitive ones of the calling session, which may not be changed. */
static enum bw_err tags_choose(struct bw_call *call, const IN_sts_AssumeRole *in, struct bw_session *session)
{
	const struct bw_caller *c = call->caller;

	TRY(sts_tags_take(call, &in->Tags, &session->tags));
	for (size_t i = 0; i < in->TransitiveTagKeys.n; i++) {
		if (!bw_pairs_find_nocase(&session->tags, in->TransitiveTagKeys.v[i]))
			return bw_call_fail(call, "InvalidParameterValue", "%s",
			    "The specified transitive tag key must be included in the requested tags.");
		bw_strs_add(&session->transitive, call->arena, in->TransitiveTagKeys.v[i]);
	}
	for (size_t i = 0; i < c->transitive.n; i++) {
		const struct bw_pair *inherited = bw_pairs_find_nocase(&c->session_tags, c->transitive.v[i]);

		if (!inherited)
			continue;
		if (bw_pairs_find_nocase(&session->tags, inherited->key))
			return bw_call_fail(call, "InvalidParameterValue", "%s",
			    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
			    "from the calling session.");
		bw_pairs_set(&session->tags, call->arena, inherited->key, inherited->value);
		bw_strs_add(&session->transitive, call->arena, inherited->key);
	}
	return BW_OK;
}

/* Once set, a source identity goes along unchanged. */
static enum bw_err source_choose(struct bw_call *call, struct bw_session *session)
{
	struct bw_str held = call->caller->source_identity;

	session->source_identity = source_set(call);
	if (bw_str_set(held) && !bw_str_eq(held, session->source_identity))
		return bw_call_fail(call, "ValidationError", "%s",
		    "The source identity of the calling session cannot be changed when roles are chained.");
	return BW_OK;
}

static enum bw_err root_refuse(struct bw_call *call)
{
	if (call->caller->kind != BW_PRINCIPAL_ROOT)
		return BW_OK;
	return bw_call_fail(call, "AccessDenied", "%s", "Roles may not be assumed by root accounts.");
}

BW_OP(sts, AssumeRole, .effect = BW_READ_NOTING, .answer_told = true, .resource = assumed_resource, .keys = assumed_keys)
{
	/* IAM User Guide, "Secure API access with MFA": the credentials of a role say nothing of MFA, which was asked for where the
	 * role was assumed. */
	struct bw_session session = {.session_name = in->RoleSessionName};

	TRY(root_refuse(call));
	TRY(sts_role_take(call, in->RoleArn, in->DurationSeconds, &session));
	TRY(sts_policies_take(call, in->Policy, &in->PolicyArns, &session));
	TRY(tags_choose(call, in, &session));
	TRY(source_choose(call, &session));
	TRY(sts_issue(call, &session, &out->Credentials));
	out->AssumedRoleUser = sts_assumed_user(call, &session);
	out->PackedPolicySize = sts_packed(&session);
	out->SourceIdentity = session.source_identity;
	return BW_OK;
}
