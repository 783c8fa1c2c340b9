/* A group's rules change as a whole: the record, who refers to whom, and the quotas. */
#include "svc/ec2/group.h"

enum { RULES_BYTES_MAX = 900 * 1024 }; /* below the ceiling of a record */

enum bw_err ec2_group_find(
    struct bw_call *call, struct bw_str id, struct bw_str name, struct bw_security_group *out)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group *groups;
	struct bw_vpc vpc;
	size_t count;

	if (bw_str_set(id))
		return ec2_load(call, &ec2_group, id, out);
	if (!name.n)
		return bw_call_fail(call, "MissingParameter", "%s",
		    "The request must contain the parameter groupName or groupId");
	TRY(ec2_default_vpc(call, &vpc));
	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(groups[i].vpc, vpc.id) && bw_str_eq(groups[i].name, name)) {
			*out = groups[i];
			return BW_OK;
		}
	return bw_call_fail(call, "InvalidGroup.NotFound",
	    "The security group '%.*s' does not exist in default VPC '%.*s'", BW_FMT(name), BW_FMT(vpc.id));
}

enum bw_err ec2_group_resource(struct bw_call *call)
{
	struct bw_str id = bw_call_input(call, "GroupId"), name = bw_call_input(call, "GroupName");
	struct bw_security_group g;

	if (!bw_str_set(id) && name.n && ec2_group_find(call, id, name, &g) == BW_OK)
		id = g.id;
	/* A name that leads nowhere leaves "*": whoever may not do this to every group learns nothing. */
	if (id.n)
		ec2_about_id(call, id);
	return BW_OK;
}

enum bw_err ec2_group_edit(
    struct bw_call *call, struct bw_str id, struct bw_str name, struct ec2_group_edit *out)
{
	struct bw_network n = bw_network_of(call);

	TRY(ec2_group_find(call, id, name, &out->group));
	TRY(bw_group_rules(&n, &out->group, &out->before.v, &out->before.n));
	out->after =
	    (struct ec2_rules){BW_NEW_ARRAY(call->arena, struct bw_group_rule, out->before.n), out->before.n};
	if (out->before.n)
		memcpy(out->after.v, out->before.v, out->before.n * sizeof *out->after.v);
	return BW_OK;
}

/* ---- Quotas ---- */

struct weight {
	size_t v4[2], v6[2]; /* [egress] */
};

/* A prefix list counts as many rules as it may have entries, a group one of each family. `resized` (may be
 * NULL): a list as it shall be. */
static enum bw_err weight_add(struct bw_call *call, const struct bw_group_rule *r,
    const struct bw_prefix_list *resized, struct weight *w)
{
	struct bw_network n = bw_network_of(call);
	struct bw_prefix_list list;
	enum bw_err e;

	if (r->group.n) {
		w->v4[r->egress]++;
		w->v6[r->egress]++;
	} else if (r->prefix_list.n) {
		e = bw_network_load(&n, &bw_prefix_list_record, r->prefix_list, &list);
		if (e != BW_OK)
			return e == BW_ENOTFOUND ? BW_OK : e;
		if (resized && bw_str_eq(resized->id, list.id))
			list = *resized;
		*(bw_str_eq(list.family, BW_STR("IPv6")) ? &w->v6[r->egress] : &w->v4[r->egress]) +=
		    (size_t)list.max_entries;
	} else {
		*(bw_str_find(r->cidr, ':', 0) >= 0 ? &w->v6[r->egress] : &w->v4[r->egress]) += 1;
	}
	return BW_OK;
}

static enum bw_err weigh(struct bw_call *call, const struct ec2_rules *rules,
    const struct bw_prefix_list *resized, struct weight *w)
{
	*w = (struct weight){0};
	for (size_t i = 0; i < rules->n; i++)
		TRY(weight_add(call, &rules->v[i], resized, w));
	return BW_OK;
}

/* A group above a quota that was lowered may still shrink. */
static enum bw_err grown_within(struct bw_call *call, size_t before, size_t after)
{
	return after > before ? bw_call_within(call, &ec2_rules_quota, after) : BW_OK;
}

static enum bw_err weights_within(
    struct bw_call *call, const struct weight *before, const struct weight *after)
{
	for (int egress = 0; egress < 2; egress++) {
		TRY(grown_within(call, before->v4[egress], after->v4[egress]));
		TRY(grown_within(call, before->v6[egress], after->v6[egress]));
	}
	return BW_OK;
}

static enum bw_err quota_check(struct bw_call *call, const struct ec2_group_edit *e)
{
	struct weight before, after;

	TRY(weigh(call, &e->before, NULL, &before));
	TRY(weigh(call, &e->after, NULL, &after));
	TRY(weights_within(call, &before, &after));
	return e->after.n > EC2_RULES_MAX ? bw_call_within(call, &ec2_rules_quota, SIZE_MAX >> 1) : BW_OK;
}

enum bw_err ec2_groups_fit(struct bw_call *call, const struct bw_prefix_list *resized)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group *groups;
	size_t count;

	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++) {
		struct weight before, after;
		struct ec2_rules rules;

		TRY(bw_group_rules(&n, &groups[i], &rules.v, &rules.n));
		TRY(weigh(call, &rules, NULL, &before));
		TRY(weigh(call, &rules, resized, &after));
		TRY(weights_within(call, &before, &after));
	}
	return BW_OK;
}

/* ---- References ---- */

static struct bw_str target_of(const struct bw_security_group *g, const struct bw_group_rule *r)
{
	struct bw_str target = r->group.n ? r->group : r->prefix_list;

	return bw_str_eq(target, g->id) ? BW_STR_NONE : target;
}

static bool refers(const struct bw_security_group *g, const struct ec2_rules *rules, struct bw_str target)
{
	for (size_t i = 0; i < rules->n; i++)
		if (bw_str_eq(target_of(g, &rules->v[i]), target))
			return true;
	return false;
}

static void references_set(struct bw_call *call, const struct ec2_group_edit *e)
{
	struct bw_network n = bw_network_of(call);

	for (size_t i = 0; i < e->before.n; i++) {
		struct bw_str target = target_of(&e->group, &e->before.v[i]);

		if (target.n && !refers(&e->group, &e->after, target))
			bw_call_delete(call, bw_network_index(&n, "reference", target, e->group.id));
	}
	for (size_t i = 0; i < e->after.n; i++) {
		struct bw_str target = target_of(&e->group, &e->after.v[i]);

		if (target.n && !refers(&e->group, &e->before, target))
			bw_call_mark(call, bw_network_index(&n, "reference", target, e->group.id));
	}
}

enum bw_err ec2_group_commit(struct bw_call *call, struct ec2_group_edit *e)
{
	size_t bytes = 0;

	TRY(quota_check(call, e));
	bw_group_rules_set(call, &e->group, e->after.v, e->after.n);
	for (size_t i = 0; i < e->group.rules.n; i++)
		bytes += e->group.rules.v[i].n + 8;
	if (bytes > RULES_BYTES_MAX)
		return bw_call_within(call, &ec2_rules_quota, SIZE_MAX >> 1);
	references_set(call, e);
	for (size_t i = 0; i < e->before.n; i++)
		if (!ec2_rule_by_id(&e->after, e->before.v[i].id))
			ec2_tags_delete(call, e->before.v[i].id);
	bw_network_save(call, &bw_security_group_record, &e->group);
	return BW_OK;
}
