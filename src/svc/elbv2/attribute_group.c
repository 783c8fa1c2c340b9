#include "svc/elbv2/attribute.h"

/* ---- Of target groups ---- */

BW_OP(elbv2, DescribeTargetGroupAttributes, .effect = BW_READ)
{
	struct elb_target_group g;

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	ATTRIBUTES_OUT(call, elb_group_attributes(call->arena, &g), elbv2_TargetGroupAttributes,
	    elbv2_TargetGroupAttribute, &out->Attributes);
	return BW_OK;
}

/* A token (RFC 6265, 4.1.1), or none yet: another could never be found in an answer. */
static bool cookie_name(struct bw_str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || strchr("()<>@,;:\\\"/[]?={}", name.p[i]))
			return false;
	return true;
}

/* A zone leaves DNS before all its targets get traffic, or with that (ALB User Guide, "Target group health").
 */
static enum bw_err failover_check(struct bw_call *call, const struct bw_pairs *all)
{
	static const struct {
		const char *dns, *routing;
	} pairs[] = {
	    {"target_group_health.dns_failover.minimum_healthy_targets.count",
	        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"},
	    {"target_group_health.dns_failover.minimum_healthy_targets.percentage",
	        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage"},
	};

	for (size_t i = 0; i < BW_COUNT(pairs); i++) {
		const struct bw_pair *dns = bw_pairs_find(all, bw_str_c(pairs[i].dns)),
		                     *routing = bw_pairs_find(all, bw_str_c(pairs[i].routing));
		int64_t leaves, opens;

		/* Either may be "off". */
		if (!dns || !routing || bw_str_to_i64(dns->value, 0, INT32_MAX, &leaves) != BW_OK ||
		    bw_str_to_i64(routing->value, 0, INT32_MAX, &opens) != BW_OK)
			continue;
		if (leaves < opens)
			return bw_call_fail(call, "InvalidConfigurationRequest",
			    "The value of '%s' must be greater than or equal to the value of '%s'",
			    pairs[i].dns, pairs[i].routing);
	}
	return BW_OK;
}

/* What attributes say of each other (ELB API Reference, TargetGroupAttribute). */
static enum bw_err group_check(struct bw_call *call, const struct elb_target_group *g)
{
	struct bw_pairs all = elb_group_attributes(call->arena, g);
#define IS(key, word)                                                                                        \
	(bw_pairs_find(&all, BW_STR(key)) && elb_is(bw_pairs_find(&all, BW_STR(key))->value, word))
	const struct bw_pair *cookie = bw_pairs_find(&all, BW_STR("stickiness.app_cookie.cookie_name"));

	if (cookie && !cookie_name(cookie->value))
		return elb_invalid(
		    call, "The application cookie name '%.*s' is not valid", BW_FMT(cookie->value));
	if (cookie && bw_str_starts(cookie->value, BW_STR("AWSALB")))
		return elb_invalid(
		    call, "The application cookie name '%.*s' is reserved", BW_FMT(cookie->value));
	if (IS("stickiness.enabled", "true") && IS("stickiness.type", "app_cookie") && cookie->value.n == 0)
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "You must specify an application cookie name for stickiness of type 'app_cookie'");
	if (IS("stickiness.enabled", "true") && elb_is(g->shape.Protocol, "TLS"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "You cannot enable stickiness on target groups with the TLS protocol");
	if (IS("load_balancing.algorithm.anomaly_mitigation", "on") &&
	    !IS("load_balancing.algorithm.type", "weighted_random"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Anomaly mitigation is only available with the 'weighted_random' algorithm");
	if (!IS("load_balancing.algorithm.type", "round_robin") &&
	    bw_pairs_find(&all, BW_STR("slow_start.duration_seconds")) &&
	    !IS("slow_start.duration_seconds", "0"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Slow start mode is not supported with the '%.*s' algorithm",
		    BW_FMT(bw_pairs_find(&all, BW_STR("load_balancing.algorithm.type"))->value));
	if (IS("target_health_state.unhealthy.connection_termination.enabled", "true") &&
	    !IS("target_health_state.unhealthy.draining_interval_seconds", "0"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "The unhealthy draining interval can only be configured when connection termination for "
		    "unhealthy targets is "
		    "disabled");
	if (elb_group_of(&g->shape) == ELB_OF_GROUP_UDP && IS("preserve_client_ip.enabled", "false"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "preserve_client_ip.enabled cannot be false if the target group protocol is UDP or "
		    "TCP_UDP");
	if (IS("load_balancing.cross_zone.enabled", "false") && IS("stickiness.enabled", "true") &&
	    elb_group_of(&g->shape) == ELB_OF_GROUP_HTTP)
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Target stickiness is not supported when cross-zone load balancing is off");
#undef IS
	return failover_check(call, &all);
}

/* A target of all zones is of none that a node could keep to (ALB User Guide, "Cross-zone load balancing for
 * target groups"). */
static enum bw_err zones_check(struct bw_call *call, const struct elb_target_group *g)
{
	struct elb_target *targets;
	size_t n;

	if (elb_group_of(&g->shape) != ELB_OF_GROUP_HTTP ||
	    !elb_group_has(g, "load_balancing.cross_zone.enabled", "false"))
		return BW_OK;
	TRY(elb_group_targets(call, g, &targets, &n));
	for (size_t i = 0; i < n; i++)
		if (elb_is(targets[i].zone, "all"))
			return bw_call_fail(call, "InvalidConfigurationRequest",
			    "Cross-zone load balancing cannot be turned off: target '%.*s' has the "
			    "Availability Zone 'all'",
			    BW_FMT(targets[i].id));
	return BW_OK;
}

/* Clients that do not stay with one group of a rule cannot stay with a target of it. */
static enum bw_err rules_check(struct bw_call *call, const struct elb_target_group *g)
{
	struct bw_strs names;

	if (elb_group_of(&g->shape) != ELB_OF_GROUP_HTTP || !elb_group_has(g, "stickiness.enabled", "true"))
		return BW_OK;
	TRY(elb_group_rules(call, g->name, &names));
	for (size_t i = 0; i < names.n; i++) {
		struct elb_rule r;

		TRY(elb_load(call, &elb_rule_kind, names.v[i], &r));
		for (size_t k = 0; k < r.shape.Actions.n; k++)
			if (r.shape.Actions.v[k].ForwardConfig &&
			    elb_forward_loose(r.shape.Actions.v[k].ForwardConfig))
				return bw_call_fail(call, "InvalidConfigurationRequest",
				    "This target group appears behind a rule with group stickiness disabled "
				    "(%.*s). You must "
				    "enable group stickiness before enabling target stickiness",
				    BW_FMT(elb_rule_arn(call, &r)));
	}
	return BW_OK;
}

static enum bw_err group_attribute_set(
    struct bw_call *call, struct elb_target_group *g, struct bw_str key, struct bw_str value)
{
	unsigned of = elb_group_of(&g->shape);

	if (elb_is(key, "stickiness.type") &&
	    !bw_str_eq(value, BW_STR("source_ip")) == !(of & ELB_OF_GROUP_HTTP))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Stickiness type '%.*s' is not supported for target groups with the %.*s protocol",
		    BW_FMT(value), BW_FMT(g->shape.Protocol));
	return elb_attribute_set(
	    call, "Target group", elb_target_group_attributes, of, &g->attributes, key, value);
}

BW_OP(elbv2, ModifyTargetGroupAttributes, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_target_group g;

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	for (size_t i = 0; i < in->Attributes.n; i++)
		TRY(group_attribute_set(call, &g, in->Attributes.v[i].Key, in->Attributes.v[i].Value));
	TRY(group_check(call, &g));
	TRY(zones_check(call, &g));
	TRY(rules_check(call, &g));
	elb_save(call, &elb_target_group_kind, g.name, &g);
	ATTRIBUTES_OUT(call, elb_group_attributes(call->arena, &g), elbv2_TargetGroupAttributes,
	    elbv2_TargetGroupAttribute, &out->Attributes);
	return BW_OK;
}
