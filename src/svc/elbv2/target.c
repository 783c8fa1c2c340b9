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

static enum bw_err target_put(
    struct bw_call *call, const struct elb_target_group *g, const struct target_given *t, size_t *added)
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
	struct target_given t;
	size_t added = 0;

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	if (in->Targets.n == 0)
		return elb_invalid(call, "At least one target must be specified");
	for (size_t i = 0; i < in->Targets.n; i++) {
		TRY(target_check(call, &g, &in->Targets.v[i], &t));
		TRY(target_put(call, &g, &t, &added));
	}
	return room_check(call, &g, added);
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
