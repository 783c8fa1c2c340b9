#include "svc/elbv2/target.h"

#include "base/sys.h"

struct bw_str elb_target_name(
    struct bw_call *call, const struct elb_target_group *g, struct bw_str id, int64_t port)
{
	return bw_arena_printf(call->arena, "%.*s/%lld/%.*s", BW_FMT(g->name), (long long)port, BW_FMT(id));
}

bool elb_target_elsewhere(const struct elb_load_balancer *lb, const struct elb_target *t)
{
	if (!bw_str_set(t->zone) || elb_is(t->zone, "all"))
		return false;
	for (size_t i = 0; i < lb->shape.AvailabilityZones.n; i++)
		if (bw_str_eq(lb->shape.AvailabilityZones.v[i].ZoneName, t->zone))
			return false;
	return true;
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

/* A load balancer behind another one may not be deleted: an index of who is. */
void elb_behind_set(struct bw_call *call, const struct elb_target_group *g, struct bw_str id, bool behind)
{
	struct bw_str key;
	struct elb_arn a;

	if (!elb_is(g->shape.TargetType, "alb") || elb_arn_parse(call, id, &a) != BW_OK)
		return;
	key = elb_index(
	    call, "behind", bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(a.name), BW_FMT(g->name)));
	if (behind)
		bw_call_mark(call, key);
	else
		bw_call_delete(call, key);
}

/* ---- RegisterTargets ---- */

/* `added`: the zones of those that are new. */
static enum bw_err target_put(struct bw_call *call, const struct elb_target_group *g,
    const struct target_given *t, struct bw_strs *added)
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
		bw_strs_add(added, call->arena, t->zone);
	else if (e != BW_OK)
		return e;
	elb_behind_set(call, g, t->id, true);
	elb_save(call, &elb_target_kind, name, &target);
	return BW_OK;
}

static size_t targets_under(struct bw_call *call, struct bw_str group)
{
	return bw_call_count_under(call,
	    elb_key(call, &elb_target_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(group))),
	    ELB_LIST_MAX);
}

/* The targets of all groups that a load balancer forwards to, and the most that one of its nodes may be asked
 * to reach. */
struct tally {
	size_t all, everywhere; /* `everywhere`: of these, those of no zone or of each */
	size_t *of_zone;        /* by the load balancer's zones */
};

static void zone_tally(const struct elb_load_balancer *lb, struct bw_str zone, struct tally *t)
{
	t->all++;
	t->everywhere += !bw_str_set(zone) || elb_is(zone, "all");
	for (size_t z = 0; z < lb->shape.AvailabilityZones.n; z++)
		t->of_zone[z] += bw_str_eq(lb->shape.AvailabilityZones.v[z].ZoneName, zone);
}

static enum bw_err group_tally(
    struct bw_call *call, const struct elb_load_balancer *lb, struct bw_str group, struct tally *t)
{
	struct elb_target *targets;
	size_t n;

	TRY(elb_all(
	    call, &elb_target_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(group)), &targets, &n));
	for (size_t i = 0; i < n; i++)
		zone_tally(lb, targets[i].zone, t);
	return BW_OK;
}

/* NLB User Guide, "Quotas": with cross-zone load balancing every node reaches every target. */
static enum bw_err zones_within(
    struct bw_call *call, const struct elb_load_balancer *lb, const struct tally *t)
{
	struct bw_pairs attributes = elb_load_balancer_attributes_all(call->arena, lb);
	const struct bw_pair *cross = bw_pairs_find(&attributes, BW_STR("load_balancing.cross_zone.enabled"));

	if (cross && elb_is(cross->value, "true"))
		return bw_call_within(call, &elb_targets_of_zone_quota, t->all);
	for (size_t z = 0; z < lb->shape.AvailabilityZones.n; z++)
		TRY(bw_call_within(call, &elb_targets_of_zone_quota, t->everywhere + t->of_zone[z]));
	return BW_OK;
}

static enum bw_err load_balancer_room(struct bw_call *call, struct bw_str arn, const struct bw_strs *added)
{
	struct bw_str before = BW_STR("");
	struct elb_load_balancer lb;
	struct tally t = {0};
	struct bw_strs entries;
	struct elb_arn a;

	MUST(elb_arn_parse(call, arn, &a) == BW_OK);
	TRY(elb_load(call, &elb_load_balancer_kind, a.name, &lb));
	t.of_zone = BW_NEW_ARRAY(call->arena, size_t, lb.shape.AvailabilityZones.n + 1);
	TRY(elb_names(
	    call, elb_index(call, "group", bw_arena_printf(call->arena, "%.*s/", BW_FMT(a.name))), &entries));
	for (size_t i = 0; i < entries.n; i++) {
		struct bw_str rest = entries.v[i], group = bw_str_cut(&rest, '/');

		if (!bw_str_eq(group, before))
			TRY(group_tally(call, &lb, group, &t));
		before = group;
	}
	for (size_t i = 0; i < added->n; i++)
		zone_tally(&lb, added->v[i], &t);
	if (elb_is(a.type, "app"))
		return bw_call_within(call, &elb_targets_of_app_quota, t.all);
	TRY(bw_call_within(call, &elb_targets_of_net_quota, t.all));
	return zones_within(call, &lb, &t);
}

static enum bw_err room_check(
    struct bw_call *call, const struct elb_target_group *g, const struct bw_strs *added)
{
	struct elbv2_LoadBalancerArns users;
	size_t n;

	if (!added->n)
		return BW_OK;
	n = targets_under(call, g->name) + added->n;
	if (elb_is(g->shape.TargetType, "alb") && n > 1)
		return bw_call_fail(
		    call, "TooManyTargets", "A target group with target type 'alb' can only have one target");
	TRY(bw_call_within(call, &elb_targets_quota, n));
	TRY(elb_group_users(call, g->name, &users));
	return users.n ? load_balancer_room(call, users.v[0], added) : BW_OK;
}

BW_OP(elbv2, RegisterTargets, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_target_group g;
	struct target_given t;
	struct bw_strs added = {0};

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	if (in->Targets.n == 0)
		return elb_invalid(call, "At least one target must be specified");
	for (size_t i = 0; i < in->Targets.n; i++) {
		TRY(target_check(call, &g, &in->Targets.v[i], &t));
		TRY(target_put(call, &g, &t, &added));
	}
	return room_check(call, &g, &added);
}

/* ---- DeregisterTargets ---- */

static enum bw_err target_drain(
    struct bw_call *call, const struct elb_target_group *g, const struct target_given *t, bool used)
{
	struct bw_str name = elb_target_name(call, g, t->id, t->port);
	struct elb_target target;
	enum bw_err e = elb_load(call, &elb_target_kind, name, &target);

	if (e != BW_OK || target.draining_ms)
		return e == BW_ENOTFOUND ? BW_OK : e;
	elb_behind_set(call, g, t->id, false);
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
	struct target_given t;

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
