#include "svc/elbv2/target.h"

#include "base/sys.h"

static bool instance_id(struct bw_str id)
{
	if (!bw_str_starts(id, BW_STR("i-")) || (id.n != 10 && id.n != 19))
		return false;
	for (size_t i = 2; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
			return false;
	return true;
}

static enum bw_err instance_check(struct bw_call *call, const struct target_given *t)
{
	if (!instance_id(t->id))
		return elb_invalid(call, "Instance ID '%.*s' is not valid", BW_FMT(t->id));
	if (bw_str_set(t->zone))
		return elb_invalid(
		    call, "An Availability Zone cannot be specified for instance ID '%.*s'", BW_FMT(t->id));
	if (bw_str_set(elb_instance_address(call->core, t->id)))
		return BW_OK;
	bw_log(BW_LOG_INFO, "instance %.*s has no address: serve --instance %.*s=ADDRESS names one",
	    BW_FMT(t->id), BW_FMT(t->id));
	return bw_call_fail(call, "InvalidTarget",
	    "The following targets are not in a running state and cannot be registered: '%.*s'",
	    BW_FMT(t->id));
}

/* Outside of the VPC these may be registered (ELB API Reference, CreateTargetGroup); the machine's own
 * loopback beside them, because here a target may live on it. */
static const char *const outside[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
    "127.0.0.0/8", "::1/128", "fc00::/7", NULL};

static bool within(const struct bw_cidr *address, struct bw_str network)
{
	struct bw_cidr c;

	return bw_cidr_parse(network, &c) == BW_OK && bw_cidr_contains(&c, address);
}

static bool within_any(const struct bw_cidr *address, const char *const *networks)
{
	for (; *networks; networks++)
		if (within(address, bw_str_c(*networks)))
			return true;
	return false;
}

static bool is_loopback(const struct bw_cidr *address)
{
	static const char *const own[] = {"127.0.0.0/8", "::1/128", NULL};

	return within_any(address, own);
}

/* The zone of the subnet that has the address; absent when it is outside of the VPC. */
static enum bw_err zone_of(
    struct bw_call *call, const struct bw_cidr *address, struct bw_str vpc, struct bw_str *zone)
{
	struct bw_network net = bw_network_of(call);
	struct bw_subnet *subnets;
	size_t n;

	*zone = BW_STR_NONE;
	TRY(bw_network_all(&net, &bw_subnet_record, &subnets, &n));
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(subnets[i].vpc, vpc) &&
		    (within(address, subnets[i].cidr) || within(address, subnets[i].ipv6_cidr)))
			*zone = subnets[i].zone;
	return BW_OK;
}

static bool zone_known(struct bw_call *call, struct bw_str zone)
{
	struct bw_network net = bw_network_of(call);
	struct bw_zone *zones;
	size_t n = bw_network_zones(&net, &zones);

	if (elb_is(zone, "all"))
		return true;
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(zone, zones[i].name))
			return true;
	return false;
}

static enum bw_err address_check(
    struct bw_call *call, const struct elb_target_group *g, struct target_given *t)
{
	bool v6 = elb_is(g->shape.IpAddressType, "ipv6");
	struct bw_cidr address;
	struct bw_str zone;

	if (bw_cidr_address(t->id, &address) != BW_OK || address.v6 != v6)
		return elb_invalid(call, "The IP address '%.*s' is not a valid %s address", BW_FMT(t->id),
		    v6 ? "IPv6" : "IPv4");
	t->id = bw_cidr_address_text(call->arena, &address);
	TRY(zone_of(call, &address, g->shape.VpcId, &zone));
	if (bw_str_set(zone)) {
		if (bw_str_set(t->zone) && !bw_str_eq(t->zone, zone))
			return elb_invalid(call,
			    "The IP address '%.*s' is within the VPC, and cannot have its Availability Zone "
			    "overridden to '%.*s' from '%.*s'",
			    BW_FMT(t->id), BW_FMT(t->zone), BW_FMT(zone));
		t->zone = zone;
		return BW_OK;
	}
	if (!within_any(&address, outside))
		return elb_invalid(call,
		    "The IP address '%.*s' is not within the VPC, nor within a private address range",
		    BW_FMT(t->id));
	if (!bw_str_set(t->zone) && is_loopback(&address))
		t->zone = BW_STR("all");
	if (!bw_str_set(t->zone))
		return elb_invalid(call,
		    "You must specify an Availability Zone for IP address '%.*s', which is not within the "
		    "VPC",
		    BW_FMT(t->id));
	if (!zone_known(call, t->zone))
		return elb_invalid(call, "The Availability Zone '%.*s' is not valid", BW_FMT(t->zone));
	/* "Cross-zone load balancing for target groups" (ALB User Guide): a zone counts when it is off, and then there must be one. */
	if (elb_group_of(&g->shape) != ELB_OF_GROUP_HTTP)
		return BW_OK;
	if (!elb_group_has(g, "load_balancing.cross_zone.enabled", "false"))
		t->zone = BW_STR("all");
	else if (elb_is(t->zone, "all"))
		return elb_invalid(call,
		    "IP address '%.*s' cannot have the Availability Zone 'all' when cross-zone load balancing is off", BW_FMT(t->id));
	return BW_OK;
}

static enum bw_err own_refuse(struct bw_call *call, struct bw_str address, const struct target_given *t)
{
	if (!elb_address_is_own(call->core, call->arena, address, t->port))
		return BW_OK;
	return bw_call_fail(call, "InvalidTarget", "The following targets are this server itself and cannot be registered: '%.*s:%lld'",
	    BW_FMT(t->id), (long long)t->port);
}

static enum bw_err alb_check(
    struct bw_call *call, const struct elb_target_group *g, const struct target_given *t)
{
	struct elb_load_balancer lb;
	struct elb_listener *listeners;
	struct elb_arn arn;
	size_t n;

	if (elb_arn_parse(call, t->id, &arn) != BW_OK || arn.kind != ELB_LOAD_BALANCER ||
	    !elb_is(arn.type, "app"))
		return elb_invalid(
		    call, "'%.*s' is not a valid application load balancer ARN", BW_FMT(t->id));
	TRY(elb_load_balancer_load(call, t->id, &lb));
	if (!bw_str_eq(lb.shape.VpcId, g->shape.VpcId))
		return bw_call_fail(call, "InvalidTarget",
		    "The load balancer '%.*s' is not in the VPC of the target group", BW_FMT(t->id));
	TRY(elb_all(call, &elb_listener_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(lb.name)),
	    &listeners, &n));
	for (size_t i = 0; i < n; i++)
		if (listeners[i].shape.Port.v == g->shape.Port.v)
			return BW_OK;
	return bw_call_fail(call, "InvalidTarget",
	    "The load balancer '%.*s' must have at least one listener with the port of the target group, "
	    "%lld",
	    BW_FMT(t->id), (long long)g->shape.Port.v);
}

enum bw_err target_check(struct bw_call *call, const struct elb_target_group *g,
    const struct elbv2_TargetDescription *in, struct target_given *out)
{
	*out =
	    (struct target_given){in->Id, in->AvailabilityZone, in->Port.set ? in->Port.v : g->shape.Port.v};
	if (bw_str_set(in->QuicServerId))
		return elb_invalid(call,
		    "A QUIC server ID cannot be specified for target groups with protocol '%.*s'",
		    BW_FMT(g->shape.Protocol));
	if (elb_is(g->shape.TargetType, "instance")) {
		TRY(instance_check(call, out));
		return own_refuse(call, elb_instance_address(call->core, out->id), out);
	}
	if (elb_is(g->shape.TargetType, "ip")) {
		TRY(address_check(call, g, out));
		return own_refuse(call, out->id, out);
	}
	if (out->port != g->shape.Port.v)
		return elb_invalid(
		    call, "The port of a load balancer target must be that of the target group");
	return alb_check(call, g, out);
}

enum bw_err target_named(struct bw_call *call, const struct elb_target_group *g,
    const struct elbv2_TargetDescription *in, struct target_given *out)
{
	struct bw_cidr address;

	*out =
	    (struct target_given){in->Id, in->AvailabilityZone, in->Port.set ? in->Port.v : g->shape.Port.v};
	if (elb_is(g->shape.TargetType, "instance") && !instance_id(in->Id))
		return elb_invalid(call, "Instance ID '%.*s' is not valid", BW_FMT(in->Id));
	if (!elb_is(g->shape.TargetType, "ip"))
		return BW_OK;
	if (bw_cidr_address(in->Id, &address) != BW_OK)
		return elb_invalid(call, "The IP address '%.*s' is not a valid IPv4 address", BW_FMT(in->Id));
	out->id = bw_cidr_address_text(call->arena, &address);
	return BW_OK;
}
