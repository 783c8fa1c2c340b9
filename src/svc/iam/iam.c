#include "svc/iam/iam.h"

#include "core/managed_policy.h"

/* ---- The five kinds of entities as one table: where a record keeps what all of them have ---- */

struct entity_kind {
	const struct bw_record *record;
	const char *member; /* of an input that names one */
	const char *absent; /* how AWS begins its NoSuchEntity text */
	const char *said;   /* how its denials begin to name one */
	const char *tag;    /* the action that tags one */
	size_t path, name;
	size_t tags; /* 0: has none */
};

#define ENTITY(record_, type, member_, absent_, said_, tag_, tags_)                                          \
	{                                                                                                    \
		&(record_), (member_), (absent_), (said_), (tag_), offsetof(type, path),                     \
		    offsetof(type, name), (tags_)                                                            \
	}

static const struct entity_kind users = ENTITY(bw_user_record, struct bw_user, "UserName",
    "The user with name", "user", "iam:TagUser", offsetof(struct bw_user, tags));
static const struct entity_kind groups =
    ENTITY(bw_group_record, struct bw_group, "GroupName", "The group with name", "group", NULL, 0);
static const struct entity_kind roles = ENTITY(bw_role_record, struct bw_role, "RoleName",
    "The role with name", "role", "iam:TagRole", offsetof(struct bw_role, tags));
static const struct entity_kind profiles =
    ENTITY(bw_instance_profile_record, struct bw_instance_profile, "InstanceProfileName", "Instance Profile",
        "instance profile", "iam:TagInstanceProfile", offsetof(struct bw_instance_profile, tags));
static const struct entity_kind policies = ENTITY(bw_managed_policy_record, struct bw_managed_policy,
    "PolicyName", NULL, "policy", "iam:TagPolicy", offsetof(struct bw_managed_policy, tags));

static struct bw_str part(const void *entity, size_t offset)
{
	return *(const struct bw_str *)((const char *)entity + offset);
}

struct bw_str iam_key(struct bw_call *call, const char *kind, struct bw_str name)
{
	return bw_entity_key(call->arena, call->account, kind, name);
}

struct bw_str iam_prefix(struct bw_call *call, const char *kind)
{
	return bw_entity_key(call->arena, call->account, kind, BW_STR(""));
}

/* Keys carry names in lower case: the record says how the name is really spelled. */
static enum bw_err entity_find(
    struct bw_call *call, const struct entity_kind *k, struct bw_str name, void *out)
{
	TRY(bw_call_load(call, k->record, iam_key(call, k->record->kind, name), out));
	return bw_str_eq(part(out, k->name), name) ? BW_OK : BW_ENOTFOUND;
}

static enum bw_err entity_load(
    struct bw_call *call, const struct entity_kind *k, struct bw_str name, void *out)
{
	enum bw_err e = entity_find(call, k, name, out);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(
		    call, "NoSuchEntity", "%s %.*s cannot be found.", k->absent, BW_FMT(name));
	return e;
}

static void entity_save(struct bw_call *call, const struct entity_kind *k, const void *entity)
{
	bw_call_save(call, k->record, iam_key(call, k->record->kind, part(entity, k->name)), entity);
}

enum bw_err iam_user_find(struct bw_call *call, struct bw_str name, struct bw_user *out)
{
	return entity_find(call, &users, name, out);
}

enum bw_err iam_group_find(struct bw_call *call, struct bw_str name, struct bw_group *out)
{
	return entity_find(call, &groups, name, out);
}

/* ---- Rows: .resource ---- */

static void state_entity(struct bw_call *call, const struct entity_kind *k, const void *entity)
{
	bw_call_resource(call, bw_iam_arn(call->arena, call->account, k->record->kind, part(entity, k->path),
	                           part(entity, k->name)));
	if (k->tags)
		bw_call_resource_tags(call, (const struct bw_pairs *)((const char *)entity + k->tags), true);
}

/* IAM's denials name what is there by its name alone, "role NAME"; those of newer operations by its ARN, as
 * what is to be made and what is listed. So the recorded ones have it. */
static void state_said(struct bw_call *call, const struct entity_kind *k, struct bw_str name)
{
	struct bw_str operation = bw_str_c(bw_at(call->model->name));

	if (bw_str_starts(operation, BW_STR("Tag")) || bw_str_starts(operation, BW_STR("Untag")) ||
	    (bw_str_starts(operation, BW_STR("Put")) &&
	        bw_str_ends(operation, BW_STR("PermissionsBoundary"))))
		return;
	bw_call_resource_said(call, bw_arena_printf(call->arena, "%s %.*s", k->said, BW_FMT(name)));
}

/* `room` takes the record. */
static enum bw_err state_named(
    struct bw_call *call, const struct entity_kind *k, struct bw_str name, void *room)
{
	enum bw_err e = entity_find(call, k, name, room);

	if (e == BW_OK)
		state_entity(call, k, room);
	else if (e == BW_ENOTFOUND)
		bw_call_resource(
		    call, bw_iam_arn(call->arena, call->account, k->record->kind, BW_STR("/"), name));
	else
		return e;
	state_said(call, k, name);
	return BW_OK;
}

static bool input_has_tags(const struct bw_call *call)
{
	const struct bw_member *tags = bw_member_find(bw_at(call->model->input), "Tags");

	return tags && ((const struct bw_any_list *)((const char *)call->in + tags->offset))->n > 0;
}

static enum bw_err state_new(struct bw_call *call, const struct entity_kind *k)
{
	bw_call_resource(call, bw_iam_arn(call->arena, call->account, k->record->kind,
	                           iam_path(bw_call_input(call, "Path")), bw_call_input(call, k->member)));
	if (k->tag && input_has_tags(call))
		bw_call_also(call, bw_str_c(k->tag), call->resource, BW_STR_NONE, BW_STR_NONE);
	return BW_OK;
}

void iam_user_state(struct bw_call *call, const struct bw_user *u)
{
	state_entity(call, &users, u);
}

enum bw_err iam_user_resource(struct bw_call *call)
{
	struct bw_user u;
	struct bw_str name;

	TRY(iam_user_name(call, bw_call_input(call, "UserName"), &name));
	if (bw_str_set(name))
		return state_named(call, &users, name, &u);
	bw_call_resource(call, call->caller->arn);
	return BW_OK;
}

enum bw_err iam_group_resource(struct bw_call *call)
{
	struct bw_group g;

	return state_named(call, &groups, bw_call_input(call, "GroupName"), &g);
}

enum bw_err iam_role_resource(struct bw_call *call)
{
	struct bw_role r;

	return state_named(call, &roles, bw_call_input(call, "RoleName"), &r);
}

enum bw_err iam_instance_profile_resource(struct bw_call *call)
{
	struct bw_instance_profile p;

	return state_named(call, &profiles, bw_call_input(call, "InstanceProfileName"), &p);
}

enum bw_err iam_new_user_resource(struct bw_call *call)
{
	return state_new(call, &users);
}

enum bw_err iam_new_group_resource(struct bw_call *call)
{
	return state_new(call, &groups);
}

enum bw_err iam_new_role_resource(struct bw_call *call)
{
	return state_new(call, &roles);
}

enum bw_err iam_new_instance_profile_resource(struct bw_call *call)
{
	return state_new(call, &profiles);
}

enum bw_err iam_new_policy_resource(struct bw_call *call)
{
	TRY(state_new(call, &policies));
	bw_call_resource_said(
	    call, bw_arena_printf(call->arena, "policy %.*s", BW_FMT(bw_call_input(call, "PolicyName"))));
	return BW_OK;
}

static enum bw_err state_all(struct bw_call *call, const struct entity_kind *k)
{
	bw_call_resource(call, bw_iam_arn(call->arena, call->account, k->record->kind,
	                           bw_call_input(call, "PathPrefix"), BW_STR("")));
	return BW_OK;
}

enum bw_err iam_users_resource(struct bw_call *call)
{
	return state_all(call, &users);
}

enum bw_err iam_groups_resource(struct bw_call *call)
{
	return state_all(call, &groups);
}

enum bw_err iam_roles_resource(struct bw_call *call)
{
	return state_all(call, &roles);
}

enum bw_err iam_instance_profiles_resource(struct bw_call *call)
{
	return state_all(call, &profiles);
}

void iam_also_target(struct bw_call *call, struct bw_str arn)
{
	if (!bw_str_eq(arn, call->resource))
		bw_call_also(call, bw_str_c(bw_at(call->model->action)), arn, BW_STR_NONE, BW_STR_NONE);
}

/* ---- Who is meant ---- */

enum bw_err iam_user_name(struct bw_call *call, struct bw_str given, struct bw_str *name)
{
	*name = given;
	if (bw_str_set(given) || call->caller->kind == BW_PRINCIPAL_ROOT)
		return BW_OK;
	if (call->caller->kind != BW_PRINCIPAL_USER)
		return bw_call_fail(
		    call, "ValidationError", "Must specify userName when calling with non-User credentials");
	*name = call->caller->name;
	return BW_OK;
}

enum bw_err iam_denied(struct bw_call *call, struct bw_str message)
{
	enum bw_err e = bw_call_fail(call, "AccessDenied", "%.*s", BW_FMT(message));

	call->error.status =
	    403; /* the models do not list the code, so its usual status is not known from them */
	return e;
}

/* ---- Loading and saving ---- */

enum bw_err iam_user_load(struct bw_call *call, struct bw_str name, struct bw_user *out)
{
	if (!bw_str_set(name))
		return bw_call_fail(
		    call, "ValidationError", "Must specify userName when calling with non-User credentials");
	return entity_load(call, &users, name, out);
}

enum bw_err iam_group_load(struct bw_call *call, struct bw_str name, struct bw_group *out)
{
	return entity_load(call, &groups, name, out);
}

enum bw_err iam_role_load(struct bw_call *call, struct bw_str name, struct bw_role *out)
{
	return entity_load(call, &roles, name, out);
}

enum bw_err iam_instance_profile_load(
    struct bw_call *call, struct bw_str name, struct bw_instance_profile *out)
{
	return entity_load(call, &profiles, name, out);
}

/* The account is made at the first start and never deleted: its absence is our own fault. */
enum bw_err iam_account_load(struct bw_call *call, struct bw_account *out)
{
	enum bw_err e =
	    bw_call_load(call, &bw_account_record, bw_account_key(call->arena, call->account), out);

	MUST(e != BW_ENOTFOUND);
	return e;
}

void iam_user_save(struct bw_call *call, const struct bw_user *u)
{
	entity_save(call, &users, u);
}

void iam_group_save(struct bw_call *call, const struct bw_group *g)
{
	entity_save(call, &groups, g);
}

void iam_role_save(struct bw_call *call, const struct bw_role *r)
{
	entity_save(call, &roles, r);
}

void iam_instance_profile_save(struct bw_call *call, const struct bw_instance_profile *p)
{
	entity_save(call, &profiles, p);
}

void iam_policy_save(struct bw_call *call, const struct bw_managed_policy *p)
{
	entity_save(call, &policies, p);
}

void iam_account_save(struct bw_call *call, const struct bw_account *a)
{
	bw_call_save(call, &bw_account_record, bw_account_key(call->arena, call->account), a);
}

enum bw_err iam_name_free(struct bw_call *call, const char *kind, const char *label, struct bw_str name)
{
	if (bw_call_exists(call, iam_key(call, kind, name)))
		return bw_call_fail(
		    call, "EntityAlreadyExists", "%s with name %.*s already exists.", label, BW_FMT(name));
	return BW_OK;
}

/* ---- Paths ---- */

struct bw_str iam_path(struct bw_str given)
{
	return bw_str_set(given) ? given : BW_STR("/");
}

bool iam_path_matches(struct bw_str path, struct bw_str prefix)
{
	return !bw_str_set(prefix) || bw_str_starts(path, prefix);
}

/* ---- Managed policies by ARN ---- */

enum bw_err iam_policy_resource(struct bw_call *call)
{
	struct bw_str arn = bw_call_input(call, "PolicyArn");
	struct bw_managed_policy p;
	enum bw_err e;

	bw_call_resource(call, arn);
	e = bw_managed_policy_load(call, call->account, arn, &p);
	if (e == BW_OK)
		state_entity(call, &policies, &p);
	bw_call_resource_said(call, bw_arena_printf(call->arena, "policy %.*s", BW_FMT(arn)));
	return e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err iam_policy_load(struct bw_call *call, struct bw_str arn, struct bw_managed_policy *out)
{
	struct bw_policy_arn parts;
	enum bw_err e;

	if (!bw_policy_arn_parse(arn, call->account, &parts))
		return bw_call_fail(call, "ValidationError", "ARN %.*s is not valid.", BW_FMT(arn));
	e = bw_managed_policy_load(call, call->account, arn, out);
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "NoSuchEntity", "Policy %.*s was not found.", BW_FMT(arn));
	return e;
}

enum bw_err iam_policy_attachable(struct bw_call *call, struct bw_str arn)
{
	enum bw_err e = bw_managed_policy_there(call, call->account, arn);
	struct bw_arn parts;

	if (e != BW_ENOTFOUND)
		return e;
	if (bw_arn_parse(arn, &parts) != BW_OK)
		return bw_call_fail(call, "ValidationError", "ARN %.*s is not valid.", BW_FMT(arn));
	return bw_call_fail(
	    call, "NoSuchEntity", "Policy %.*s does not exist or is not attachable.", BW_FMT(arn));
}

enum bw_err iam_boundary_attachable(struct bw_call *call, struct bw_str arn)
{
	enum bw_err e = bw_managed_policy_there(call, call->account, arn);
	struct bw_arn parts;

	if (e != BW_ENOTFOUND)
		return e;
	if (bw_arn_parse(arn, &parts) != BW_OK)
		return bw_call_fail(call, "ValidationError", "Invalid ARN:  Could not be parsed!");
	if (!bw_str_starts(parts.resource, BW_STR("policy/")))
		return bw_call_fail(call, "InvalidInput", "ARN %.*s is not valid.", BW_FMT(arn));
	return bw_call_fail(
	    call, "NoSuchEntity", "Scope ARN: %.*s does not exist or is not attachable.", BW_FMT(arn));
}

/* ---- Rows: .keys ---- */

static enum bw_err boundary_of(struct bw_call *call, struct bw_str *boundary)
{
	struct bw_str user = bw_call_input(call, "UserName"), role = bw_call_input(call, "RoleName");
	struct bw_user u;
	struct bw_role r;
	enum bw_err e = BW_OK;

	*boundary = BW_STR_NONE;
	if (bw_str_set(user)) {
		e = entity_find(call, &users, user, &u);
		*boundary = e == BW_OK ? u.boundary : BW_STR_NONE;
	} else if (bw_str_set(role)) {
		e = entity_find(call, &roles, role, &r);
		*boundary = e == BW_OK ? r.boundary : BW_STR_NONE;
	}
	return e == BW_ENOTFOUND ? BW_OK : e;
}

enum bw_err iam_boundary_keys(struct bw_call *call)
{
	struct bw_str boundary;

	TRY(boundary_of(call, &boundary));
	bw_call_context(call, BW_STR("iam:PermissionsBoundary"), boundary);
	return BW_OK;
}

enum bw_err iam_new_boundary_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("iam:PermissionsBoundary"), bw_call_input(call, "PermissionsBoundary"));
	return BW_OK;
}

enum bw_err iam_policy_arn_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("iam:PolicyARN"), bw_call_input(call, "PolicyArn"));
	return iam_boundary_keys(call);
}
