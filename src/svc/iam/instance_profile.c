#include "svc/iam/iam_policy.h"

/* ---- Shapes and the index of roles ---- */

struct bw_str iam_profile_of_role_key(struct bw_call *call, struct bw_str role, struct bw_str profile)
{
	struct bw_str r = bw_arena_lower(call->arena, role), p = bw_arena_lower(call->arena, profile);

	return bw_call_key(
	    call, "profile-of-role", bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(r), BW_FMT(p)));
}

enum bw_err iam_instance_profile_to_shape(
    struct bw_call *call, const struct bw_instance_profile *p, struct iam_InstanceProfile *out)
{
	struct bw_role r;

	out->Path = p->path;
	out->InstanceProfileName = p->name;
	out->InstanceProfileId = p->id;
	out->Arn = bw_iam_arn(call->arena, call->account, "instance-profile", p->path, p->name);
	out->CreateDate = BW_TIME(p->created_ms);
	out->Roles.set = true;
	if (!bw_str_set(p->role))
		return BW_OK;
	TRY(iam_role_load(call, p->role, &r));
	out->Roles.n = 1;
	out->Roles.v = BW_NEW(call->arena, struct iam_Role);
	return iam_role_to_shape(call, &r, IAM_ROLE_NESTED, out->Roles.v);
}

/* One profile of the index, by its name in lower case as the index has it. */
static enum bw_err profile_add(struct bw_call *call, struct bw_str lower, struct iam_InstanceProfile *out)
{
	struct bw_instance_profile p;

	TRY(bw_call_load(call, &bw_instance_profile_record, iam_key(call, "instance-profile", lower), &p));
	return iam_instance_profile_to_shape(call, &p, out);
}

enum bw_err iam_profiles_of_role(
    struct bw_call *call, struct bw_str role, struct iam_instanceProfileListType *out)
{
	struct bw_str prefix = iam_profile_of_role_key(call, role, BW_STR_NONE), key;
	size_t n = bw_call_count_under(call, prefix, SIZE_MAX);
	struct bw_scan scan;
	enum bw_err e;

	out->set = true;
	out->v = BW_NEW_ARRAY(call->arena, struct iam_InstanceProfile, n);
	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK) {
		MUST(out->n < n);
		e = profile_add(call, bw_str_sub(key, prefix.n, key.n), &out->v[out->n++]);
		if (e != BW_OK)
			break;
	}
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Operations on profiles ---- */

BW_OP(iam, CreateInstanceProfile, .effect = BW_WRITE, .resource = iam_new_instance_profile_resource)
{
	struct bw_instance_profile p = {
	    .path = iam_path(in->Path),
	    .name = in->InstanceProfileName,
	    .id = bw_id_make(call->arena, "AIPA", call->account),
	    .created_ms = call->now_ms,
	};

	TRY(iam_exact_tags_set(call, &p.tags, &in->Tags));
	if (bw_call_exists(call, iam_key(call, "instance-profile", p.name)))
		return bw_call_fail(
		    call, "EntityAlreadyExists", "Instance Profile %.*s already exists.", BW_FMT(p.name));
	bw_call_take(call, &iam_instance_profiles_quota, BW_STR_NONE, 1);
	iam_instance_profile_save(call, &p);
	out->InstanceProfile = BW_NEW(call->arena, struct iam_InstanceProfile);
	iam_tags_to_shape(call, &p.tags, &out->InstanceProfile->Tags);
	return iam_instance_profile_to_shape(call, &p, out->InstanceProfile);
}

BW_OP(iam, GetInstanceProfile, .effect = BW_READ, .resource = iam_instance_profile_resource)
{
	struct bw_instance_profile p;

	TRY(iam_instance_profile_load(call, in->InstanceProfileName, &p));
	out->InstanceProfile = BW_NEW(call->arena, struct iam_InstanceProfile);
	iam_tags_to_shape(call, &p.tags, &out->InstanceProfile->Tags);
	out->InstanceProfile->Tags.set = true;
	return iam_instance_profile_to_shape(call, &p, out->InstanceProfile);
}

BW_OP(iam, DeleteInstanceProfile, .effect = BW_WRITE, .resource = iam_instance_profile_resource)
{
	struct bw_instance_profile p;

	TRY(iam_instance_profile_load(call, in->InstanceProfileName, &p));
	if (bw_str_set(p.role))
		return bw_call_fail(call, "DeleteConflict",
		    "Cannot delete entity, must remove roles from instance profile first.");
	bw_call_delete(call, iam_key(call, "instance-profile", p.name));
	bw_call_take(call, &iam_instance_profiles_quota, BW_STR_NONE, -1);
	return BW_OK;
}

BW_OP(iam, ListInstanceProfiles, .effect = BW_READ, .resource = iam_instance_profiles_resource)
{
	struct iam_chain page;
	struct iam_chain_scan scan;
	struct iam_InstanceProfile *shown;
	struct bw_instance_profile p;
	struct bw_str name;
	enum bw_err e;

	TRY(iam_chain_begin(call, in->Marker, in->MaxItems, &page));
	out->InstanceProfiles.set = true;
	out->InstanceProfiles.v = BW_NEW_ARRAY(call->arena, struct iam_InstanceProfile, page.room);
	TRY(iam_chain_scan_begin(call, &page, iam_prefix(call, "instance-profile"), &scan));
	while ((e = iam_chain_scan_next(call, &scan, &bw_instance_profile_record, &p, &name)) == BW_OK) {
		if (!iam_path_matches(p.path, in->PathPrefix))
			continue;
		if (!iam_chain_take(&page, name))
			break;
		shown = &out->InstanceProfiles.v[out->InstanceProfiles.n++];
		e = iam_instance_profile_to_shape(call, &p, shown);
		if (e != BW_OK)
			break;
		page.spent_bytes += shown->Roles.n ? shown->Roles.v->AssumeRolePolicyDocument.n : 0;
	}
	iam_chain_scan_end(&scan);
	iam_chain_end(call, &page, &out->IsTruncated, &out->Marker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

BW_OP(iam, ListInstanceProfilesForRole, .effect = BW_READ, .resource = iam_role_resource)
{
	struct iam_instanceProfileListType all = {0};
	struct bw_role r;
	size_t from, to;

	TRY(iam_role_load(call, in->RoleName, &r));
	TRY(iam_profiles_of_role(call, r.name, &all));
	TRY(bw_page_slice(call, all.n, in->Marker, in->MaxItems, IAM_PAGE_USUAL, &from, &to,
	    &out->IsTruncated, &out->Marker));
	out->InstanceProfiles =
	    (struct iam_instanceProfileListType){.set = true, .n = to - from, .v = all.v + from};
	return BW_OK;
}

/* ---- The role in a profile ---- */

/* Whoever puts a role into a profile hands it to EC2. */
static enum bw_err pass_role(struct bw_call *call)
{
	struct bw_str name = bw_call_input(call, "RoleName"), path = BW_STR("/");
	struct bw_role r;
	enum bw_err e = bw_call_load(call, &bw_role_record, iam_key(call, "role", name), &r);

	if (e != BW_OK && e != BW_ENOTFOUND)
		return e;
	if (e == BW_OK && bw_str_eq(r.name, name))
		path = r.path;
	bw_call_also(call, BW_STR("iam:PassRole"), bw_iam_arn(call->arena, call->account, "role", path, name),
	    BW_STR("iam:PassedToService"), BW_STR("ec2.amazonaws.com"));
	return iam_instance_profile_resource(call);
}

BW_OP(iam, AddRoleToInstanceProfile, .effect = BW_WRITE, .resource = pass_role)
{
	struct bw_instance_profile p;
	struct bw_role r;

	TRY(iam_instance_profile_load(call, in->InstanceProfileName, &p));
	TRY(iam_role_load(call, in->RoleName, &r));
	TRY(iam_role_modifiable(call, &r));
	TRY(bw_call_within(call, &iam_profiles_per_role_quota, bw_str_set(p.role) ? 2 : 1));
	p.role = r.name;
	iam_instance_profile_save(call, &p);
	bw_call_mark(call, iam_profile_of_role_key(call, r.name, p.name));
	return BW_OK;
}

BW_OP(iam, RemoveRoleFromInstanceProfile, .effect = BW_WRITE, .resource = iam_instance_profile_resource)
{
	struct bw_instance_profile p;
	struct bw_role r;

	TRY(iam_instance_profile_load(call, in->InstanceProfileName, &p));
	TRY(iam_role_load(call, in->RoleName, &r));
	if (!bw_str_set(p.role) || !bw_str_eq(p.role, r.name))
		return bw_call_fail(call, "NoSuchEntity",
		    "Role %.*s in Instance Profile %.*s cannot be found.", BW_FMT(r.name), BW_FMT(p.name));
	bw_call_delete(call, iam_profile_of_role_key(call, p.role, p.name));
	p.role = BW_STR_NONE;
	iam_instance_profile_save(call, &p);
	return BW_OK;
}

/* ---- Tags ---- */

BW_OP(iam, TagInstanceProfile, .effect = BW_WRITE, .resource = iam_instance_profile_resource)
{
	struct bw_instance_profile p;

	TRY(iam_instance_profile_load(call, in->InstanceProfileName, &p));
	TRY(iam_exact_tags_set(call, &p.tags, &in->Tags));
	iam_instance_profile_save(call, &p);
	return BW_OK;
}

BW_OP(iam, UntagInstanceProfile, .effect = BW_WRITE, .resource = iam_instance_profile_resource)
{
	struct bw_instance_profile p;

	TRY(iam_instance_profile_load(call, in->InstanceProfileName, &p));
	iam_exact_tags_remove(&p.tags, &in->TagKeys);
	iam_instance_profile_save(call, &p);
	return BW_OK;
}

BW_OP(iam, ListInstanceProfileTags, .effect = BW_READ, .resource = iam_instance_profile_resource)
{
	struct bw_instance_profile p;

	TRY(iam_instance_profile_load(call, in->InstanceProfileName, &p));
	return iam_tags_page(
	    call, &p.tags, in->Marker, in->MaxItems, &out->Tags, &out->IsTruncated, &out->Marker);
}
