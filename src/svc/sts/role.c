#include "core/trust.h"
#include "svc/sts/sts.h"

/* The role of AssumeRole and its kin. */

enum {
	DURATION_DEFAULT_S = 3600,
	DURATION_CHAINED_MAX_S = 3600, /* IAM User Guide, "Roles terms and concepts": role chaining */
};

enum bw_err sts_role_account(struct bw_call *call, struct bw_str arn, struct bw_str *account)
{
	struct bw_arn parts;

	if (bw_arn_parse(arn, &parts) != BW_OK || !bw_str_eq(parts.service, BW_STR("iam")) ||
	    !bw_str_starts(parts.resource, BW_STR("role/")) || parts.account.n != 12 || parts.region.n)
		return bw_call_fail(call, "ValidationError", "%.*s is invalid", BW_FMT(arn));
	*account = parts.account;
	return BW_OK;
}

/* The role of an ARN, as its own account stores it. BW_ENOTFOUND also when the path differs. */
static enum bw_err role_by_arn(struct bw_call *call, struct bw_str arn, struct bw_role *role, struct bw_str *account)
{
	struct bw_str name = arn;

	TRY(sts_role_account(call, arn, account));
	for (ptrdiff_t at; (at = bw_str_find(name, '/', 0)) >= 0;)
		name = bw_str_sub(name, (size_t)at + 1, name.n);
	TRY(bw_call_load(call, &bw_role_record, bw_entity_key(call->arena, *account, "role", name), role));
	CHECK(bw_str_eq(arn, bw_iam_arn(call->arena, *account, "role", role->path, role->name)), BW_ENOTFOUND);
	return BW_OK;
}

/* The role's trust policy decides, and identity policies only where it lets them. */
enum bw_err sts_role_state(struct bw_call *call, struct bw_str arn, bool tags, bool source)
{
	struct bw_policy *trust = NULL;
	struct bw_str account;
	struct bw_role role;
	enum bw_err e = role_by_arn(call, arn, &role, &account);

	if (e == BW_EFAILED)
		return e;
	bw_call_resource(call, arn);
	/* A role that is not there has a policy that allows nobody: its absence is not told. */
	bw_call_resource_policy(call, NULL, BW_STR_NONE, true);
	if (e != BW_OK)
		return BW_OK;
	TRY(bw_call_policy(call, bw_trust_effective(call, &role), BW_POLICY_TRUST, NULL, &trust));
	bw_call_resource_policy(call, trust, arn, true);
	bw_call_resource_tags(call, &role.tags, true);
	if (tags)
		bw_call_also(call, BW_STR("sts:TagSession"), arn, BW_STR_NONE, BW_STR_NONE);
	if (source)
		bw_call_also(call, BW_STR("sts:SetSourceIdentity"), arn, BW_STR_NONE, BW_STR_NONE);
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

enum bw_err sts_role_take(struct bw_call *call, struct bw_str arn, struct bw_opt_int asked, struct bw_session *session)
{
	struct bw_role role;
	int64_t seconds;

	TRY(role_by_arn(call, arn, &role, &session->account));
	TRY(duration_choose(call, &role, asked, &seconds));
	session->kind = BW_PRINCIPAL_ROLE;
	session->name = role.name;
	session->entity_id = role.id;
	session->issued_ms = call->now_ms;
	session->expires_ms = call->now_ms + seconds * 1000;
	return BW_OK;
}

struct sts_AssumedRoleUser *sts_assumed_user(struct bw_call *call, const struct bw_session *s)
{
	struct sts_AssumedRoleUser *u = BW_NEW(call->arena, struct sts_AssumedRoleUser);

	u->AssumedRoleId = bw_arena_printf(call->arena, "%.*s:%.*s", BW_FMT(s->entity_id), BW_FMT(s->session_name));
	u->Arn = bw_arena_printf(call->arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", BW_FMT(s->account),
	    BW_FMT(s->name), BW_FMT(s->session_name));
	return u;
}
