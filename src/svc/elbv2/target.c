#include "svc/elbv2/elb.h"

#include "base/sys.h"

/* A target as a call names it, with what its address says. */
struct given {
	struct bw_str id, zone;
	int64_t port;
};

struct bw_str elb_target_name(
    struct bw_call *call, const struct elb_target_group *g, struct bw_str id, int64_t port)
{
	return bw_arena_printf(call->arena, "%.*s/%lld/%.*s", BW_FMT(g->name), (long long)port, BW_FMT(id));
}

int64_t elb_group_drain_ms(const struct elb_target_group *g)
{
	int64_t seconds = 0;
	struct bw_str text = elb_attribute_value(elb_target_group_attributes, elb_group_of(&g->shape),
	    &g->attributes, "deregistration_delay.timeout_seconds");

	MUST(bw_str_to_i64(text, 0, 3600, &seconds) == BW_OK);
	return seconds * 1000;
}

enum bw_err elb_group_targets(
    struct bw_call *call, const struct elb_target_group *g, struct elb_target **targets, size_t *n)
{
	size_t kept = 0;

	TRY(elb_all(
	    call, &elb_target_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(g->name)), targets, n));
	for (size_t i = 0; i < *n; i++) {
		const struct elb_target *t = &(*targets)[i];

		if (!t->draining_ms || t->draining_ms + elb_group_drain_ms(g) > call->now_ms)
			(*targets)[kept++] = *t;
	}
	*n = kept;
	return BW_OK;
}

/* ---- Ids ---- */

static bool instance_id(struct bw_str id)
{
	if (!bw_str_starts(id, BW_STR("i-")) || (id.n != 10 && id.n != 19))
		return false;
	for (size_t i = 2; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
			return false;
	return true;
}

static enum bw_err instance_check(struct bw_call *call, const struct given *t)
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
		if (bw_str_eq(subnets[i].vpc, vpc) && within(address, subnets[i].cidr))
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

static enum bw_err address_check(struct bw_call *call, const struct elb_target_group *g, struct given *t)
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
	return BW_OK;
}

static enum bw_err alb_check(struct bw_call *call, const struct elb_target_group *g, const struct given *t)
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

static enum bw_err given_check(struct bw_call *call, const struct elb_target_group *g,
    const struct elbv2_TargetDescription *in, struct given *out)
{
	*out = (struct given){in->Id, in->AvailabilityZone, in->Port.set ? in->Port.v : g->shape.Port.v};
	if (bw_str_set(in->QuicServerId))
		return elb_invalid(call,
		    "A QUIC server ID cannot be specified for target groups with protocol '%.*s'",
		    BW_FMT(g->shape.Protocol));
	if (elb_is(g->shape.TargetType, "instance"))
		return instance_check(call, out);
	if (elb_is(g->shape.TargetType, "ip"))
		return address_check(call, g, out);
	if (out->port != g->shape.Port.v)
		return elb_invalid(
		    call, "The port of a load balancer target must be that of the target group");
	return alb_check(call, g, out);
}

/* ---- RegisterTargets ---- */

static enum bw_err target_put(
    struct bw_call *call, const struct elb_target_group *g, const struct given *t, size_t *added)
{
	struct bw_str name = elb_target_name(call, g, t->id, t->port);
	struct elb_target target = {.id = t->id,
	                      .port = t->port,
	                      .zone = t->zone,
	                      .registered_ms = call->now_ms},
	                  old;
	enum bw_err e = elb_load(call, &elb_target_kind, name, &old);

	if (e == BW_OK && !old.draining_ms && bw_str_eq(old.zone, target.zone))
		return BW_OK;
	if (e == BW_ENOTFOUND)
		++*added;
	else if (e != BW_OK)
		return e;
	elb_save(call, &elb_target_kind, name, &target);
	return BW_OK;
}

static size_t targets_under(struct bw_call *call, struct bw_str group)
{
	return bw_call_count_under(call,
	    elb_key(call, &elb_target_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(group))),
	    ELB_LIST_MAX);
}

/* All targets of the groups that the group's load balancer forwards to. */
static enum bw_err load_balancer_targets(struct bw_call *call, struct bw_str arn, size_t added)
{
	const struct bw_quota *quota;
	struct bw_strs entries;
	struct bw_str before = BW_STR("");
	struct elb_arn a;
	size_t n = added;

	MUST(elb_arn_parse(call, arn, &a) == BW_OK);
	quota = elb_is(a.type, "app") ? &elb_targets_of_app_quota : &elb_targets_of_net_quota;
	TRY(elb_names(
	    call, elb_index(call, "group", bw_arena_printf(call->arena, "%.*s/", BW_FMT(a.name))), &entries));
	for (size_t i = 0; i < entries.n; i++) {
		struct bw_str rest = entries.v[i], group = bw_str_cut(&rest, '/');

		if (!bw_str_eq(group, before))
			n += targets_under(call, group);
		before = group;
	}
	return bw_call_within(call, quota, n);
}

static enum bw_err room_check(struct bw_call *call, const struct elb_target_group *g, size_t added)
{
	struct elbv2_LoadBalancerArns users;
	size_t n;

	if (!added)
		return BW_OK;
	n = targets_under(call, g->name) + added;
	if (elb_is(g->shape.TargetType, "alb") && n > 1)
		return bw_call_fail(
		    call, "TooManyTargets", "A target group with target type 'alb' can only have one target");
	TRY(bw_call_within(call, &elb_targets_quota, n));
	TRY(elb_group_users(call, g->name, &users));
	return users.n ? load_balancer_targets(call, users.v[0], added) : BW_OK;
}

BW_OP(elbv2, RegisterTargets, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_target_group g;
	struct given t;
	size_t added = 0;

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	if (in->Targets.n == 0)
		return elb_invalid(call, "At least one target must be specified");
	for (size_t i = 0; i < in->Targets.n; i++) {
		TRY(given_check(call, &g, &in->Targets.v[i], &t));
		TRY(target_put(call, &g, &t, &added));
	}
	return room_check(call, &g, added);
}

/* ---- DeregisterTargets ---- */

/* The port of a target: as given, else the group's. Instances and addresses are spelled as when they were
 * registered. */
static enum bw_err target_named(struct bw_call *call, const struct elb_target_group *g,
    const struct elbv2_TargetDescription *in, struct given *out)
{
	struct bw_cidr address;

	*out = (struct given){in->Id, in->AvailabilityZone, in->Port.set ? in->Port.v : g->shape.Port.v};
	if (elb_is(g->shape.TargetType, "instance") && !instance_id(in->Id))
		return elb_invalid(call, "Instance ID '%.*s' is not valid", BW_FMT(in->Id));
	if (!elb_is(g->shape.TargetType, "ip"))
		return BW_OK;
	if (bw_cidr_address(in->Id, &address) != BW_OK)
		return elb_invalid(call, "The IP address '%.*s' is not a valid IPv4 address", BW_FMT(in->Id));
	out->id = bw_cidr_address_text(call->arena, &address);
	return BW_OK;
}

static enum bw_err target_drain(
    struct bw_call *call, const struct elb_target_group *g, const struct given *t, bool used)
{
	struct bw_str name = elb_target_name(call, g, t->id, t->port);
	struct elb_target target;
	enum bw_err e = elb_load(call, &elb_target_kind, name, &target);

	if (e != BW_OK || target.draining_ms)
		return e == BW_ENOTFOUND ? BW_OK : e;
	if (!used || elb_group_drain_ms(g) == 0) {
		elb_delete(call, &elb_target_kind, name);
		return BW_OK;
	}
	target.draining_ms = call->now_ms;
	elb_save(call, &elb_target_kind, name, &target);
	return BW_OK;
}

/* Those whose draining has ended are nothing but records: any change of the group's targets sweeps them. */
static enum bw_err drained_forget(struct bw_call *call, const struct elb_target_group *g)
{
	struct elb_target *targets;
	size_t n;

	TRY(elb_all(
	    call, &elb_target_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(g->name)), &targets, &n));
	for (size_t i = 0; i < n; i++)
		if (targets[i].draining_ms && targets[i].draining_ms + elb_group_drain_ms(g) <= call->now_ms)
			elb_delete(
			    call, &elb_target_kind, elb_target_name(call, g, targets[i].id, targets[i].port));
	return BW_OK;
}

BW_OP(elbv2, DeregisterTargets, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elbv2_LoadBalancerArns users;
	struct elb_target_group g;
	struct given t;

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	if (in->Targets.n == 0)
		return elb_invalid(call, "At least one target must be specified");
	TRY(elb_group_users(call, g.name, &users));
	TRY(drained_forget(call, &g));
	for (size_t i = 0; i < in->Targets.n; i++) {
		TRY(target_named(call, &g, &in->Targets.v[i], &t));
		TRY(target_drain(call, &g, &t, users.n > 0));
	}
	return BW_OK;
}

/* ---- DescribeTargetHealth ---- */

struct health_view {
	struct bw_call *call;
	const struct elb_target_group *g;
	struct bw_str arn;
	bool used;
	struct bw_edge_report report;
};

static struct elbv2_TargetHealth *health_make(
    struct bw_call *call, const char *state, const char *reason, const char *description)
{
	struct elbv2_TargetHealth *h = BW_NEW(call->arena, struct elbv2_TargetHealth);

	*h = (struct elbv2_TargetHealth){bw_str_c(state), bw_str_c(reason), bw_str_c(description)};
	return h;
}

static const struct bw_edge_health *reported(const struct health_view *v, const struct elb_target *t)
{
	for (size_t i = 0; i < v->report.health_count; i++) {
		const struct bw_edge_health *h = &v->report.health[i];

		if (h->port == t->port && bw_str_eq(h->id, t->id) && bw_str_eq(h->target_group, v->arn))
			return h;
	}
	return NULL;
}

static struct elbv2_TargetHealth *health_of(const struct health_view *v, const struct elb_target *t)
{
	const struct bw_edge_health *h = reported(v, t);
	struct elbv2_TargetHealth *out;

	if (t->draining_ms)
		return health_make(v->call, "draining", "Target.DeregistrationInProgress",
		    "Target deregistration is in progress");
	if (!v->used)
		return health_make(v->call, "unused", "Target.NotInUse",
		    "Target group is not configured to receive traffic from the load balancer");
	if (!h)
		return health_make(
		    v->call, "initial", "Elb.RegistrationInProgress", "Target registration is in progress");
	out = health_make(v->call, NULL, NULL, NULL);
	*out = (struct elbv2_TargetHealth){bw_arena_str(v->call->arena, h->state),
	    h->reason.n ? bw_arena_str(v->call->arena, h->reason) : BW_STR_NONE,
	    h->description.n ? bw_arena_str(v->call->arena, h->description) : BW_STR_NONE};
	return out;
}

static void health_put(const struct health_view *v, const struct elb_target *t,
    struct elbv2_TargetHealth *health, struct elbv2_TargetHealthDescriptions *out)
{
	struct elbv2_TargetDescription *d = BW_NEW(v->call->arena, struct elbv2_TargetDescription);
	bool traffic = elb_is(v->g->shape.HealthCheckPort, "traffic-port");

	*d = (struct elbv2_TargetDescription){
	    .Id = t->id, .Port = BW_INT(t->port), .AvailabilityZone = t->zone};
	out->v[out->n++] = (struct elbv2_TargetHealthDescription){.Target = d,
	    .TargetHealth = health,
	    .HealthCheckPort = traffic ? bw_arena_printf(v->call->arena, "%lld", (long long)t->port)
	                               : v->g->shape.HealthCheckPort};
}

static const struct elb_target *target_find(const struct elb_target *targets, size_t n, const struct given *t)
{
	for (size_t i = 0; i < n; i++)
		if (targets[i].port == t->port && bw_str_eq(targets[i].id, t->id))
			return &targets[i];
	return NULL;
}

static enum bw_err asked_put(const struct health_view *v, const struct elb_target *targets, size_t n,
    const struct elbv2_TargetDescription *asked, struct elbv2_TargetHealthDescriptions *out)
{
	const struct elb_target *found;
	struct elb_target missing;
	struct given t;

	TRY(target_named(v->call, v->g, asked, &t));
	found = target_find(targets, n, &t);
	if (found) {
		health_put(v, found, health_of(v, found), out);
		return BW_OK;
	}
	missing = (struct elb_target){.id = t.id, .port = t.port, .zone = t.zone};
	health_put(v, &missing,
	    health_make(
	        v->call, "unused", "Target.NotRegistered", "Target is not registered to the target group"),
	    out);
	return BW_OK;
}

BW_OP(elbv2, DescribeTargetHealth, .effect = BW_READ)
{
	struct health_view v = {.call = call, .arn = in->TargetGroupArn};
	struct elbv2_LoadBalancerArns users;
	struct elb_target_group g;
	struct elb_target *targets;
	size_t n;

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	TRY(elb_group_targets(call, &g, &targets, &n));
	TRY(elb_group_users(call, g.name, &users));
	v.g = &g;
	v.used = users.n > 0;
	bw_edge_report_latest(call->core, call->arena, &v.report);
	out->TargetHealthDescriptions = (struct elbv2_TargetHealthDescriptions){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_TargetHealthDescription, n + in->Targets.n)};
	for (size_t i = 0; i < in->Targets.n; i++)
		TRY(asked_put(&v, targets, n, &in->Targets.v[i], &out->TargetHealthDescriptions));
	for (size_t i = 0; in->Targets.n == 0 && i < n; i++)
		health_put(&v, &targets[i], health_of(&v, &targets[i]), &out->TargetHealthDescriptions);
	return BW_OK;
}
