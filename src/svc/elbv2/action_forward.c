#include "svc/elbv2/action.h"

enum { WEIGHT_MAX = 999, STICKY_MAX_S = 604800 };

/* ---- Which groups a listener may forward to ---- */

/* ELB API Reference, CreateTargetGroup: what a listener's protocol goes with. */
static const struct {
	const char *listener;
	const char *const groups[4];
} compatible[] = {
    {"HTTP", {"HTTP", "HTTPS", NULL}},
    {"HTTPS", {"HTTP", "HTTPS", NULL}},
    {"TCP", {"TCP", "TCP_UDP", NULL}},
    {"TLS", {"TLS", "TCP", NULL}},
    {"UDP", {"UDP", "TCP_UDP", NULL}},
    {"TCP_UDP", {"TCP_UDP", NULL}},
};

static bool goes_with(struct bw_str listener, struct bw_str group)
{
	for (size_t i = 0; i < BW_COUNT(compatible); i++)
		if (elb_is(listener, compatible[i].listener))
			return elb_one_of(group, compatible[i].groups);
	return false;
}

/* `loose`: clients do not stay with one of several groups, so that they could not stay with a target either. */
static enum bw_err group_check(struct bw_call *call, struct bw_str arn, const struct elb_load_balancer *lb,
    struct bw_str protocol, bool loose)
{
	struct bw_str own = elb_load_balancer_arn(call, lb->type, lb->name, lb->id);
	struct elbv2_LoadBalancerArns users;
	struct elb_target_group g;

	TRY(elb_target_group_load(call, arn, &g));
	if (!goes_with(protocol, g.shape.Protocol))
		return bw_call_fail(call, "IncompatibleProtocols",
		    "Listener protocol '%.*s' is not supported with a target group with the protocol '%.*s'",
		    BW_FMT(protocol), BW_FMT(g.shape.Protocol));
	if (loose && elb_group_has(&g, "stickiness.enabled", "true"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups");
	if (!bw_str_eq(g.shape.VpcId, lb->shape.VpcId))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "The following target groups are not in the VPC of load balancer '%.*s': %.*s",
		    BW_FMT(own), BW_FMT(arn));
	/* A group has one load balancer: when that is this one, there is no need to look at every rule. */
	if (elb_used_by(call, lb, g.name))
		return BW_OK;
	TRY(elb_group_users(call, g.name, &users));
	for (size_t i = 0; i < users.n; i++)
		if (!bw_str_eq(users.v[i], own))
			return bw_call_fail(call, "TargetGroupAssociationLimit",
			    "The following target groups cannot be associated with more than one load "
			    "balancer: %.*s",
			    BW_FMT(arn));
	return BW_OK;
}

/* ---- ForwardConfig ---- */

static struct elbv2_ForwardActionConfig *config_of(struct bw_call *call, const struct elbv2_Action *a)
{
	struct elbv2_ForwardActionConfig *f = BW_NEW(call->arena, struct elbv2_ForwardActionConfig);
	size_t n;

	if (a->ForwardConfig && a->ForwardConfig->TargetGroups.n) {
		*f = *a->ForwardConfig;
		n = f->TargetGroups.n;
		f->TargetGroups.v = BW_NEW_ARRAY(call->arena, struct elbv2_TargetGroupTuple, n);
		memcpy(f->TargetGroups.v, a->ForwardConfig->TargetGroups.v, n * sizeof *f->TargetGroups.v);
		return f;
	}
	f->TargetGroups =
	    (struct elbv2_TargetGroupList){true, 1, BW_NEW(call->arena, struct elbv2_TargetGroupTuple)};
	f->TargetGroups.v[0].TargetGroupArn = a->TargetGroupArn;
	if (a->ForwardConfig)
		f->TargetGroupStickinessConfig = a->ForwardConfig->TargetGroupStickinessConfig;
	return f;
}

static enum bw_err weights_check(struct bw_call *call, struct elbv2_TargetGroupList *groups)
{
	for (size_t i = 0; i < groups->n; i++) {
		struct elbv2_TargetGroupTuple *t = &groups->v[i];

		if (!bw_str_set(t->TargetGroupArn))
			return elb_invalid(call, "A target group ARN must be specified");
		if (!t->Weight.set)
			t->Weight = BW_INT(1);
		if (t->Weight.v < 0 || t->Weight.v > WEIGHT_MAX)
			return elb_invalid(call,
			    "Target group weight '%lld' must be between '0' and '%d' inclusive",
			    (long long)t->Weight.v, WEIGHT_MAX);
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(t->TargetGroupArn, groups->v[j].TargetGroupArn))
				return elb_invalid(call, "Target group '%.*s' was specified more than once",
				    BW_FMT(t->TargetGroupArn));
	}
	return BW_OK;
}

bool elb_forward_loose(const struct elbv2_ForwardActionConfig *f)
{
	return f->TargetGroups.n > 1 && !(f->TargetGroupStickinessConfig && f->TargetGroupStickinessConfig->Enabled.v);
}

static enum bw_err stickiness_check(struct bw_call *call, struct elbv2_ForwardActionConfig *f)
{
	struct elbv2_TargetGroupStickinessConfig *s =
	    BW_NEW(call->arena, struct elbv2_TargetGroupStickinessConfig);

	if (f->TargetGroupStickinessConfig)
		*s = *f->TargetGroupStickinessConfig;
	if (!s->Enabled.set)
		s->Enabled = BW_BOOL(false);
	if (s->Enabled.v && !s->DurationSeconds.set)
		return elb_invalid(
		    call, "A stickiness duration must be specified when target group stickiness is enabled");
	if (s->DurationSeconds.set && (s->DurationSeconds.v < 1 || s->DurationSeconds.v > STICKY_MAX_S))
		return elb_invalid(call,
		    "Target group stickiness duration '%lld' must be between '1' and '%d' inclusive",
		    (long long)s->DurationSeconds.v, STICKY_MAX_S);
	f->TargetGroupStickinessConfig = s;
	return BW_OK;
}

enum bw_err action_forward(
    struct bw_call *call, struct elbv2_Action *a, const struct elb_load_balancer *lb, struct bw_str protocol)
{
	struct elbv2_ForwardActionConfig *f = config_of(call, a);

	if (!bw_str_set(a->TargetGroupArn) && !(a->ForwardConfig && a->ForwardConfig->TargetGroups.n))
		return elb_invalid(call, "A target group ARN must be specified");
	if (bw_str_set(a->TargetGroupArn) &&
	    (f->TargetGroups.n > 1 || !bw_str_eq(f->TargetGroups.v[0].TargetGroupArn, a->TargetGroupArn)))
		return elb_invalid(call, "You cannot specify both a target group ARN and a list of target "
		                         "groups in a forward action, unless the list has that one");
	TRY(bw_call_within(
	    call, elb_is(lb->type, "app") ? &elb_app_action_groups_quota : &elb_net_action_groups_quota, f->TargetGroups.n));
	TRY(weights_check(call, &f->TargetGroups));
	TRY(stickiness_check(call, f));
	for (size_t i = 0; i < f->TargetGroups.n; i++)
		TRY(group_check(call, f->TargetGroups.v[i].TargetGroupArn, lb, protocol,
		    elb_is(lb->type, "app") && elb_forward_loose(f)));
	a->ForwardConfig = f;
	a->TargetGroupArn = f->TargetGroups.n == 1 ? f->TargetGroups.v[0].TargetGroupArn : BW_STR_NONE;
	return BW_OK;
}
