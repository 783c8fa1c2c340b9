#include "svc/iam/iam_policy.h"

#include <stdlib.h>

/* Who uses a policy, from the index of attachments and boundaries. */

/* The three kinds begin alike. */
union entity {
	struct {
		struct bw_str path, name, id;
	} any;
	struct bw_user user;
	struct bw_group group;
	struct bw_role role;
};
_Static_assert(offsetof(struct bw_user, id) == offsetof(struct bw_group, id) &&
                   offsetof(struct bw_user, id) == offsetof(struct bw_role, id) &&
                   offsetof(struct bw_user, path) == 0 && offsetof(struct bw_group, path) == 0 &&
                   offsetof(struct bw_role, path) == 0,
    "union entity reads any of them");

struct listing {
	const IN_iam_ListEntitiesForPolicy *in;
	OUT_iam_ListEntitiesForPolicy *out;
	struct iam_chain page;
};

static void group_add(struct listing *l, const union entity *e)
{
	l->out->PolicyGroups.v[l->out->PolicyGroups.n++] =
	    (struct iam_PolicyGroup){.GroupName = e->any.name, .GroupId = e->any.id};
}

static void user_add(struct listing *l, const union entity *e)
{
	l->out->PolicyUsers.v[l->out->PolicyUsers.n++] =
	    (struct iam_PolicyUser){.UserName = e->any.name, .UserId = e->any.id};
}

static void role_add(struct listing *l, const union entity *e)
{
	l->out->PolicyRoles.v[l->out->PolicyRoles.n++] =
	    (struct iam_PolicyRole){.RoleName = e->any.name, .RoleId = e->any.id};
}

static const struct source {
	const char *filter; /* EntityFilter */
	const struct bw_record *record;
	void (*add)(struct listing *l, const union entity *e);
} sources[] = {
    {"Group", &bw_group_record, group_add},
    {"User", &bw_user_record, user_add},
    {"Role", &bw_role_record, role_add},
};

/* Names in lower case, as the index has them. */
struct names {
	struct bw_str *v;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	return bw_str_cmp(*(const struct bw_str *)a, *(const struct bw_str *)b);
}

static enum bw_err names_read(struct bw_call *call, const struct bw_str prefix, struct names *names)
{
	struct bw_scan scan;
	struct bw_str key;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK)
		names->v[names->n++] = bw_str_sub(key, prefix.n, key.n);
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* Who of a kind uses the policy in the ways asked for, sorted, each once. */
static enum bw_err users_of(
    struct bw_call *call, const struct listing *l, const struct source *s, struct names *out)
{
	static const char *const hows[] = {"attached", "boundary"}, *const filters[] = {"PermissionsPolicy",
	                                                                "PermissionsBoundary"};
	struct bw_str prefixes[BW_COUNT(hows)];
	size_t room = 0, kept = 0;

	*out = (struct names){0};
	for (size_t i = 0; i < BW_COUNT(hows); i++) {
		struct bw_str filter = l->in->PolicyUsageFilter;

		prefixes[i] = BW_STR_NONE;
		if (bw_str_set(filter) && !bw_str_eq(filter, bw_str_c(filters[i])))
			continue;
		prefixes[i] = bw_attached_key(
		    call->arena, call->account, hows[i], l->in->PolicyArn, s->record->kind, BW_STR_NONE);
		room += bw_call_count_under(call, prefixes[i], SIZE_MAX);
	}
	out->v = BW_NEW_ARRAY(call->arena, struct bw_str, room);
	for (size_t i = 0; i < BW_COUNT(hows); i++)
		if (bw_str_set(prefixes[i]))
			TRY(names_read(call, prefixes[i], out));
	qsort(out->v, out->n, sizeof *out->v, by_name);
	for (size_t i = 0; i < out->n; i++)
		if (kept == 0 || !bw_str_eq(out->v[i], out->v[kept - 1]))
			out->v[kept++] = out->v[i];
	out->n = kept;
	return BW_OK;
}

static enum bw_err source_list(struct bw_call *call, struct listing *l, const struct source *s)
{
	struct names names;
	union entity e;

	TRY(users_of(call, l, s, &names));
	for (size_t i = 0; i < names.n; i++) {
		if (bw_str_cmp(names.v[i], l->page.after) <= 0)
			continue;
		TRY(bw_call_load(call, s->record, iam_key(call, s->record->kind, names.v[i]), &e));
		if (!iam_path_matches(e.any.path, l->in->PathPrefix))
			continue;
		if (!iam_chain_take(&l->page, names.v[i]))
			break;
		s->add(l, &e);
	}
	return BW_OK;
}

BW_OP(iam, ListEntitiesForPolicy, .effect = BW_READ, .resource = iam_policy_resource)
{
	struct listing l = {.in = in, .out = out};
	struct iam_managed m;

	TRY(iam_managed_load(call, in->PolicyArn, &m));
	TRY(iam_chain_begin(call, in->Marker, in->MaxItems, &l.page));
	out->PolicyGroups.set = out->PolicyUsers.set = out->PolicyRoles.set = true;
	out->PolicyGroups.v = BW_NEW_ARRAY(call->arena, struct iam_PolicyGroup, l.page.room);
	out->PolicyUsers.v = BW_NEW_ARRAY(call->arena, struct iam_PolicyUser, l.page.room);
	out->PolicyRoles.v = BW_NEW_ARRAY(call->arena, struct iam_PolicyRole, l.page.room);
	for (unsigned i = 0; i < BW_COUNT(sources); i++) {
		if (bw_str_set(in->EntityFilter) && !bw_str_eq(in->EntityFilter, bw_str_c(sources[i].filter)))
			continue;
		if (iam_chain_wants(&l.page, i))
			TRY(source_list(call, &l, &sources[i]));
	}
	iam_chain_end(call, &l.page, &out->IsTruncated, &out->Marker);
	return BW_OK;
}
