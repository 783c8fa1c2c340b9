#include "core/trust.h"
#include "svc/sts/sts.h"

enum {
	DURATION_DEFAULT_S = 3600,
	DURATION_CHAINED_MAX_S = 3600, /* IAM User Guide, "Roles terms and concepts": role chaining */
};

/* The role of an ARN, as its own account stores it. BW_ENOTFOUND also when the path differs. */
static enum bw_err role_by_arn(struct bw_call *call, struct bw_str arn, struct bw_role *role, struct bw_str *account)
{
	struct bw_arn parts;
	struct bw_str name;

	if (bw_arn_parse(arn, &parts) != BW_OK || !bw_str_eq(parts.service, BW_STR("iam")) ||
	    !bw_str_starts(parts.resource, BW_STR("role/")) || parts.account.n != 12 || parts.region.n)
		return bw_call_fail(call, "ValidationError", "%.*s is invalid", BW_FMT(arn));
	name = bw_str_sub(parts.resource, 5, arn.n);
	for (ptrdiff_t at; (at = bw_str_find(name, '/', 0)) >= 0;)
		name = bw_str_sub(name, (size_t)at + 1, name.n);
	*account = parts.account;
	TRY(bw_call_load(call, &bw_role_record, bw_entity_key(call->arena, parts.account, "role", name), role));
	CHECK(bw_str_eq(arn, bw_iam_arn(call->arena, parts.account, "role", role->path, role->name)), BW_ENOTFOUND);
	return BW_OK;
}

/* The source identity that the session will have. One that the calling session brings along is set on the next one as well: IAM
 * User Guide, "Monitor and control actions taken with assumed roles", asks for the permission in role chaining, too. */
static struct bw_str source_set(const struct bw_call *call)
{
	const IN_sts_AssumeRole *in = call->in;

	return bw_str_set(in->SourceIdentity) ? in->SourceIdentity : call->caller->source_identity;
}

/* The role's trust policy decides, and identity policies only where it lets them. */
static enum bw_err assumed_resource(struct bw_call *call)
{
	const IN_sts_AssumeRole *in = call->in;
	struct bw_policy *trust = NULL;
	struct bw_str account;
	struct bw_role role;
	enum bw_err e = role_by_arn(call, in->RoleArn, &role, &account);

	if (e == BW_EFAILED)
		return e;
	bw_call_resource(call, in->RoleArn);
	/* A role that is not there has a policy that allows nobody: its absence is not told. */
	bw_call_resource_policy(call, NULL, BW_STR_NONE, true);
	if (e != BW_OK)
		return BW_OK;
	TRY(bw_call_policy(call, bw_trust_effective(call, &role), BW_POLICY_TRUST, NULL, &trust));
	bw_call_resource_policy(call, trust, in->RoleArn, true);
	bw_call_resource_tags(call, &role.tags, true);
	if (in->Tags.n || call->caller->transitive.n)
		bw_call_also(call, BW_STR("sts:TagSession"), in->RoleArn, BW_STR_NONE, BW_STR_NONE);
	if (bw_str_set(source_set(call)))
		bw_call_also(call, BW_STR("sts:SetSourceIdentity"), in->RoleArn, BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
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

static enum bw_err duration_choose(struct bw_call *call, const struct bw_role *role, struct bw_opt_int asked, int64_t *seconds)
{
	*seconds = asked.set ? asked.v : DURATION_DEFAULT_S;
	if (call->caller->chained && *seconds > DURATION_CHAINED_MAX_S)
		return bw_call_fail(call, "ValidationError", "%s",
		    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.");
	if (*seconds > role->max_session_s)
		return bw_call_fail(call, "ValidationError", "%s",
		    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
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

static struct sts_AssumedRoleUser *assumed_user(struct bw_call *call, const struct bw_session *s)
{
	struct sts_AssumedRoleUser *u = BW_NEW(call->arena, struct sts_AssumedRoleUser);

	u->AssumedRoleId = bw_arena_printf(call->arena, "%.*s:%.*s", BW_FMT(s->entity_id), BW_FMT(s->session_name));
	u->Arn = bw_arena_printf(call->arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", BW_FMT(s->account),
	    BW_FMT(s->name), BW_FMT(s->session_name));
	return u;
}

BW_OP(sts, AssumeRole, .effect = BW_READ_NOTING, .answer_told = true, .resource = assumed_resource, .keys = assumed_keys)
{
	/* IAM User Guide, "Secure API access with MFA": the credentials of a role say nothing of MFA, which was asked for where the
	 * role was assumed. */
	struct bw_session session = {
	    .kind = BW_PRINCIPAL_ROLE, .session_name = in->RoleSessionName, .issued_ms = call->now_ms};
	struct bw_role role;
	int64_t seconds;

	TRY(root_refuse(call));
	TRY(role_by_arn(call, in->RoleArn, &role, &session.account));
	session.name = role.name;
	session.entity_id = role.id;
	TRY(duration_choose(call, &role, in->DurationSeconds, &seconds));
	session.expires_ms = call->now_ms + seconds * 1000;
	TRY(sts_policies_take(call, in->Policy, &in->PolicyArns, &session));
	TRY(tags_choose(call, in, &session));
	TRY(source_choose(call, &session));
	TRY(sts_issue(call, &session, &out->Credentials));
	out->AssumedRoleUser = assumed_user(call, &session);
	out->PackedPolicySize = sts_packed(&session);
	out->SourceIdentity = session.source_identity;
	return BW_OK;
}
