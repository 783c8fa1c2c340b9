#include "svc/sts/sts.h"

/* STS API Reference, GetSessionToken and GetFederationToken: 12 hours unless asked otherwise, the root user an hour at most. */
enum { DURATION_DEFAULT_S = 43200, DURATION_ROOT_MAX_S = 3600 };

static int64_t expiry(const struct bw_call *call, struct bw_opt_int asked)
{
	int64_t seconds = asked.set ? asked.v : DURATION_DEFAULT_S;

	if (call->caller->kind == BW_PRINCIPAL_ROOT && seconds > DURATION_ROOT_MAX_S)
		seconds = DURATION_ROOT_MAX_S;
	return call->now_ms + seconds * 1000;
}

static struct bw_session session_of(const struct bw_call *call, enum bw_principal_kind kind, struct bw_opt_int duration)
{
	const struct bw_caller *c = call->caller;

	return (struct bw_session){.kind = kind, .account = c->account, .name = c->name, .entity_id = c->entity_id,
	    .issued_ms = call->now_ms, .expires_ms = expiry(call, duration)};
}

BW_OP(sts, GetSessionToken, .effect = BW_READ_NOTING, .answer_told = true, .always_allowed = true)
{
	struct bw_session session = session_of(call, call->caller->kind, in->DurationSeconds);

	TRY(sts_mfa_take(call, in->SerialNumber, in->TokenCode, &session.mfa));
	session.mfa_ms = session.mfa ? call->now_ms : 0;
	return sts_issue(call, &session, &out->Credentials);
}

static enum bw_err federated_resource(struct bw_call *call)
{
	bw_call_resource(call, bw_arena_printf(call->arena, "arn:aws:sts::%.*s:federated-user/%.*s", BW_FMT(call->account),
	                           BW_FMT(bw_call_input(call, "Name"))));
	if (((const IN_sts_GetFederationToken *)call->in)->Tags.n)
		bw_call_also(call, BW_STR("sts:TagSession"), call->resource, BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

BW_OP(sts, GetFederationToken, .effect = BW_READ, .answer_told = true, .resource = federated_resource)
{
	struct bw_session session = session_of(call, BW_PRINCIPAL_FEDERATED, in->DurationSeconds);
	struct sts_FederatedUser *user = BW_NEW(call->arena, struct sts_FederatedUser);

	session.session_name = in->Name;
	TRY(sts_policies_take(call, in->Policy, &in->PolicyArns, &session));
	TRY(sts_tags_take(call, &in->Tags, &session.tags));
	TRY(sts_issue(call, &session, &out->Credentials));
	user->FederatedUserId = bw_arena_printf(call->arena, "%.*s:%.*s", BW_FMT(call->account), BW_FMT(in->Name));
	user->Arn = call->resource;
	out->FederatedUser = user;
	out->PackedPolicySize = sts_packed(&session);
	return BW_OK;
}
