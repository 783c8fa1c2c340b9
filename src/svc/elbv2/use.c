#include "svc/elbv2/elb.h"

/* Which target groups rules forward to: the indices of both ways. */

/* Every target group that the actions forward to. */
static struct bw_strs actions_groups(struct bw_call *call, const struct elbv2_Actions *actions)
{
	struct bw_strs groups = {0};

	for (size_t i = 0; i < actions->n; i++) {
		const struct elbv2_ForwardActionConfig *f = actions->v[i].ForwardConfig;

		for (size_t k = 0; f && k < f->TargetGroups.n; k++)
			bw_strs_add(&groups, call->arena, f->TargetGroups.v[k].TargetGroupArn);
	}
	return groups;
}

static enum bw_err use_mark(struct bw_call *call, const struct elb_rule *r, struct bw_str arn, bool on)
{
	struct bw_str use, group;
	struct elb_arn a;

	CHECK(elb_arn_parse(call, arn, &a) == BW_OK, BW_ECORRUPT);
	use = elb_index(call, "use",
	    bw_arena_printf(call->arena, "%.*s/%.*s/%.*s/%.*s", BW_FMT(a.name), BW_FMT(r->load_balancer),
	        BW_FMT(r->listener), BW_FMT(r->id)));
	group = elb_index(call, "group",
	    bw_arena_printf(call->arena, "%.*s/%.*s/%.*s/%.*s", BW_FMT(r->load_balancer), BW_FMT(a.name),
	        BW_FMT(r->listener), BW_FMT(r->id)));
	if (on) {
		bw_call_mark(call, use);
		bw_call_mark(call, group);
	} else {
		bw_call_delete(call, use);
		bw_call_delete(call, group);
	}
	return BW_OK;
}

enum bw_err elb_uses_set(struct bw_call *call, const struct elb_rule *r, const struct elbv2_Actions *before,
    const struct elbv2_Actions *after)
{
	struct bw_strs old = before ? actions_groups(call, before) : (struct bw_strs){0};
	struct bw_strs new = after ? actions_groups(call, after) : (struct bw_strs){0};

	for (size_t i = 0; i < old.n; i++)
		if (!bw_strs_has(&new, old.v[i]))
			TRY(use_mark(call, r, old.v[i], false));
	for (size_t i = 0; i < new.n; i++)
		if (!bw_strs_has(&old, new.v[i]))
			TRY(use_mark(call, r, new.v[i], true));
	return BW_OK;
}

bool elb_used_by(struct bw_call *call, const struct elb_load_balancer *lb, struct bw_str group)
{
	struct bw_str prefix = elb_index(
	    call, "group", bw_arena_printf(call->arena, "%.*s/%.*s/", BW_FMT(lb->name), BW_FMT(group)));
	struct bw_str key;
	struct bw_scan scan;
	enum bw_err e;

	if (bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan) != BW_OK)
		return false;
	e = bw_scan_next(&scan, call->arena, &key, NULL, NULL);
	bw_scan_end(&scan);
	return e == BW_OK && bw_call_exists(call, key);
}

/* The names of the groups that the load balancer forwards to, each once. */
static enum bw_err groups_of(struct bw_call *call, const struct elb_load_balancer *lb, struct bw_strs *names)
{
	struct bw_strs entries;

	TRY(elb_names(call, elb_index(call, "group", bw_arena_printf(call->arena, "%.*s/", BW_FMT(lb->name))),
	    &entries));
	for (size_t i = 0; i < entries.n; i++) {
		struct bw_str rest = entries.v[i], name = bw_str_cut(&rest, '/');

		if (names->n == 0 || !bw_str_eq(names->v[names->n - 1], name))
			bw_strs_add(names, call->arena, name);
	}
	return BW_OK;
}

enum bw_err elb_uses_allowed(
    struct bw_call *call, const struct elb_load_balancer *lb, const struct elbv2_Actions *after)
{
	struct bw_strs more = {0}, names = {0}, new = actions_groups(call, after);
	struct elb_arn a;

	for (size_t i = 0; i < new.n; i++) {
		CHECK(elb_arn_parse(call, new.v[i], &a) == BW_OK, BW_ECORRUPT);
		if (!elb_used_by(call, lb, a.name))
			bw_strs_add(&more, call->arena, a.name);
	}
	if (more.n == 0)
		return BW_OK;
	TRY(groups_of(call, lb, &names));
	return bw_call_within(
	    call, elb_is(lb->type, "app") ? &elb_app_groups_quota : &elb_net_groups_quota, names.n + more.n);
}

enum bw_err elb_group_rules(struct bw_call *call, struct bw_str group, struct bw_strs *names)
{
	return elb_names(call, elb_index(call, "use", bw_arena_printf(call->arena, "%.*s/", BW_FMT(group))), names);
}

enum bw_err elb_group_users(struct bw_call *call, struct bw_str group, struct elbv2_LoadBalancerArns *out)
{
	struct bw_str before = BW_STR("");
	struct bw_strs entries;

	*out = (struct elbv2_LoadBalancerArns){.set = true};
	TRY(elb_group_rules(call, group, &entries));
	out->v = BW_NEW_ARRAY(call->arena, struct bw_str, entries.n);
	for (size_t i = 0; i < entries.n; i++) {
		struct bw_str rest = entries.v[i], name = bw_str_cut(&rest, '/');
		struct elb_load_balancer lb;

		if (bw_str_eq(name, before))
			continue;
		before = name;
		TRY(elb_owner_load(call, name, &lb));
		out->v[out->n++] = elb_load_balancer_arn(call, lb.type, lb.name, lb.id);
	}
	return BW_OK;
}
