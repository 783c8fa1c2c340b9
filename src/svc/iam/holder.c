#include "svc/iam/iam_policy.h"

static enum bw_err user_load(struct bw_call *call, struct bw_str name, struct iam_holder *h)
{
	struct bw_user *u = &h->of.user;

	TRY(iam_user_load(call, name, u));
	h->path = u->path;
	h->name = u->name;
	h->id = u->id;
	h->boundary = &u->boundary;
	h->attached = &u->attached;
	h->groups = &u->groups;
	h->inline_policies = &u->inline_policies;
	return BW_OK;
}

static void user_save(struct bw_call *call, const struct iam_holder *h)
{
	iam_user_save(call, &h->of.user);
}

static enum bw_err group_load(struct bw_call *call, struct bw_str name, struct iam_holder *h)
{
	struct bw_group *g = &h->of.group;

	TRY(iam_group_load(call, name, g));
	h->path = g->path;
	h->name = g->name;
	h->id = g->id;
	h->attached = &g->attached;
	h->inline_policies = &g->inline_policies;
	return BW_OK;
}

static void group_save(struct bw_call *call, const struct iam_holder *h)
{
	iam_group_save(call, &h->of.group);
}

static enum bw_err role_load(struct bw_call *call, struct bw_str name, struct iam_holder *h)
{
	struct bw_role *r = &h->of.role;

	TRY(iam_role_load(call, name, r));
	h->path = r->path;
	h->name = r->name;
	h->id = r->id;
	h->boundary = &r->boundary;
	h->attached = &r->attached;
	h->inline_policies = &r->inline_policies;
	return BW_OK;
}

static void role_save(struct bw_call *call, const struct iam_holder *h)
{
	iam_role_save(call, &h->of.role);
}

const struct iam_holder_kind iam_user_holder = {
    "user", &iam_policies_per_user_quota, &iam_user_inline_size_quota, user_load, user_save};
const struct iam_holder_kind iam_group_holder = {
    "group", &iam_policies_per_group_quota, &iam_group_inline_size_quota, group_load, group_save};
const struct iam_holder_kind iam_role_holder = {
    "role", &iam_policies_per_role_quota, &iam_role_inline_size_quota, role_load, role_save};

enum bw_err iam_holder_load(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, struct iam_holder *h)
{
	*h = (struct iam_holder){.kind = kind};
	return kind->load(call, name, h);
}

enum bw_err iam_holder_load_to_change(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, struct iam_holder *h)
{
	TRY(iam_holder_load(call, kind, name, h));
	return kind == &iam_role_holder ? iam_role_modifiable(call, &h->of.role) : BW_OK;
}

/* The last part of "user/path/name". */
static struct bw_str name_in(struct bw_str resource)
{
	for (size_t i = resource.n; i > 0; i--)
		if (resource.p[i - 1] == '/')
			return bw_str_sub(resource, i, resource.n);
	return resource;
}

enum bw_err iam_holder_find(struct bw_call *call, struct bw_str arn, struct iam_holder *h)
{
	static const struct iam_holder_kind *const kinds[] = {
	    &iam_user_holder, &iam_group_holder, &iam_role_holder};
	struct bw_arn parts;

	CHECK(bw_arn_parse(arn, &parts) == BW_OK, BW_ENOTFOUND);
	for (size_t i = 0; i < BW_COUNT(kinds); i++) {
		struct bw_str rest = parts.resource, name = name_in(parts.resource);

		if (!bw_str_eq(bw_str_cut(&rest, '/'), bw_str_c(kinds[i]->kind)) || name.n == 0)
			continue;
		CHECK(bw_call_exists(call, iam_key(call, kinds[i]->kind, name)), BW_ENOTFOUND);
		TRY(iam_holder_load(call, kinds[i], name, h));
		CHECK(
		    bw_str_eq(arn, bw_iam_arn(call->arena, call->account, kinds[i]->kind, h->path, h->name)),
		    BW_ENOTFOUND);
		return BW_OK;
	}
	return BW_ENOTFOUND;
}

void iam_holder_save(struct bw_call *call, const struct iam_holder *h)
{
	h->kind->save(call, h);
}
