#include "svc/elbv2/elb.h"

/* Application and Network Load Balancers Guides, "Capacity reservations". One machine serves here whatever is
 * reserved, so a reservation is granted at once and changes nothing but what is described. */

enum {
	APP_MIN = 100, /* capacity units of an application load balancer */
	APP_MAX = 1500,
	NET_MIN_ZONE = 2750, /* of a network load balancer, for each zone */
	NET_MAX_ZONE = 45000,
	DECREASES = 2, /* a day */
	DAY_MS = 24 * 3600 * 1000,
};

static int64_t decreases_left(const struct bw_call *call, const struct elb_load_balancer *lb)
{
	return call->now_ms - lb->capacity_ms >= DAY_MS ? DECREASES : DECREASES - lb->capacity_decreases;
}

static void zones_to_shape(struct bw_call *call, const struct elb_load_balancer *lb,
    struct elbv2_ZonalCapacityReservationStates *out)
{
	const struct elbv2_AvailabilityZones *z = &lb->shape.AvailabilityZones;

	*out = (struct elbv2_ZonalCapacityReservationStates){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_ZonalCapacityReservationState, z->n)};
	for (size_t i = 0; lb->capacity_units && i < z->n; i++) {
		struct elbv2_CapacityReservationStatus *s =
		    BW_NEW(call->arena, struct elbv2_CapacityReservationStatus);

		s->Code = BW_STR("provisioned");
		out->v[out->n++] = (struct elbv2_ZonalCapacityReservationState){.State = s,
		    .AvailabilityZone = z->v[i].ZoneName,
		    .EffectiveCapacityUnits = {true, (double)lb->capacity_units / (double)z->n}};
	}
}

static struct elbv2_MinimumLoadBalancerCapacity *minimum(
    struct bw_call *call, const struct elb_load_balancer *lb)
{
	struct elbv2_MinimumLoadBalancerCapacity *m =
	    BW_NEW(call->arena, struct elbv2_MinimumLoadBalancerCapacity);

	m->CapacityUnits = BW_INT(lb->capacity_units);
	return lb->capacity_units ? m : NULL;
}

BW_OP(elbv2, DescribeCapacityReservation, .effect = BW_READ)
{
	struct elb_load_balancer lb;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	if (lb.capacity_ms)
		out->LastModifiedTime = BW_TIME(lb.capacity_ms);
	out->DecreaseRequestsRemaining = BW_INT(decreases_left(call, &lb));
	out->MinimumLoadBalancerCapacity = minimum(call, &lb);
	zones_to_shape(call, &lb, &out->CapacityReservationState);
	return BW_OK;
}

static enum bw_err units_check(struct bw_call *call, const struct elb_load_balancer *lb, int64_t units)
{
	int64_t zones = (int64_t)lb->shape.AvailabilityZones.n;
	bool app = elb_is(lb->type, "app");
	int64_t least = app ? APP_MIN : NET_MIN_ZONE * zones, most = app ? APP_MAX : NET_MAX_ZONE * zones;

	if (units < least)
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "The minimum capacity of load balancer '%.*s' is '%lld' units", BW_FMT(lb->name),
		    (long long)least);
	if (units > most)
		return bw_call_fail(call, "CapacityUnitsLimitExceeded",
		    "You've exceeded the capacity units limit, '%lld'", (long long)most);
	if (units < lb->capacity_units && decreases_left(call, lb) <= 0)
		return bw_call_fail(call, "CapacityDecreaseRequestLimitExceeded",
		    "You've exceeded the daily capacity decrease limit for this reservation");
	return BW_OK;
}

BW_OP(elbv2, ModifyCapacityReservation, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	bool reset = in->ResetCapacityReservation.set && in->ResetCapacityReservation.v;
	const struct elbv2_MinimumLoadBalancerCapacity *m = in->MinimumLoadBalancerCapacity;
	struct elb_load_balancer lb;
	int64_t units, left;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	if (reset == (m && m->CapacityUnits.set))
		return elb_invalid(call, "Either a minimum load balancer capacity or a reset of the capacity "
		                         "reservation must be specified");
	units = reset ? 0 : m->CapacityUnits.v;
	if (!reset)
		TRY(units_check(call, &lb, units));
	left = decreases_left(call, &lb);
	if (!reset && units < lb.capacity_units)
		left--;
	lb.capacity_decreases = DECREASES - left;
	lb.capacity_units = units;
	lb.capacity_ms = call->now_ms;
	elb_save(call, &elb_load_balancer_kind, lb.name, &lb);
	out->LastModifiedTime = BW_TIME(lb.capacity_ms);
	out->DecreaseRequestsRemaining = BW_INT(left);
	out->MinimumLoadBalancerCapacity = minimum(call, &lb);
	zones_to_shape(call, &lb, &out->CapacityReservationState);
	return BW_OK;
}

/* ---- IPAM pools: there are none to take addresses from ---- */

BW_OP(elbv2, ModifyIpPools, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_load_balancer lb;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	if (!elb_is(lb.type, "app"))
		return elb_invalid(
		    call, "IPAM pools are not supported for load balancers with type 'network'");
	if (in->IpamPools && bw_str_set(in->IpamPools->Ipv4IpamPoolId))
		return elb_invalid(
		    call, "The IPAM pool ID '%.*s' does not exist", BW_FMT(in->IpamPools->Ipv4IpamPoolId));
	if (!in->IpamPools && !in->RemoveIpamPools.n)
		return elb_invalid(call, "Either IPAM pools or IPAM pools to remove must be specified");
	return BW_OK;
}
