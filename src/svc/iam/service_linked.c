#include "base/sys.h"
#include "svc/iam/iam_policy.h"
#include "svc/iam/service_linked.h"

/* Service-linked roles: IAM User Guide, "Create a service-linked role", and the pages of the services that it
 * lists. */

static const struct iam_linked_service *service_find(struct bw_str principal)
{
	struct bw_str domain = BW_STR(".amazonaws.com"), name;

	if (!bw_str_ends(principal, domain))
		return NULL;
	name = bw_str_sub(principal, 0, principal.n - domain.n);
	for (size_t i = 0; i < iam_linked_service_count; i++)
		if (bw_str_eq(name, bw_str_c(iam_linked_services[i].service)))
			return &iam_linked_services[i];
	return NULL;
}

/* ---- Deletion tasks: deletion is done at once, its task is remembered ---- */

enum { TASKS_KEPT = 100 }; /* of an account, the newest: enough for whoever still polls */

struct deletion_tasks {
	struct bw_strs ids; /* oldest first */
};
static const struct bw_field deletion_tasks_fields[] = {
    BW_FIELD(1, STRS, struct deletion_tasks, ids),
};
static const struct bw_record deletion_tasks_record =
    BW_RECORD("role-deletion", struct deletion_tasks, deletion_tasks_fields);

static enum bw_err tasks_load(struct bw_call *call, struct bw_str *key, struct deletion_tasks *tasks)
{
	enum bw_err e;

	*key = bw_call_key(call, deletion_tasks_record.kind, BW_STR("tasks"));
	*tasks = (struct deletion_tasks){0};
	e = bw_call_load(call, &deletion_tasks_record, *key, tasks);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static enum bw_err task_add(struct bw_call *call, const struct bw_role *r, struct bw_str *id)
{
	struct deletion_tasks tasks;
	struct bw_str key;
	unsigned char u[16];

	bw_random(u, sizeof u);
	u[6] = (unsigned char)((u[6] & 0x0f) | 0x40);
	u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
	*id = bw_arena_printf(call->arena,
	    "task%.*s%.*s/%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    BW_FMT(r->path), BW_FMT(r->name), u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
	    u[10], u[11], u[12], u[13], u[14], u[15]);
	TRY(tasks_load(call, &key, &tasks));
	if (tasks.ids.n >= TASKS_KEPT)
		(void)bw_strs_remove(&tasks.ids, tasks.ids.v[0]);
	bw_strs_add(&tasks.ids, call->arena, *id);
	bw_call_save(call, &deletion_tasks_record, key, &tasks);
	return BW_OK;
}

/* ---- Rows ---- */

static struct bw_str linked_name(
    struct bw_call *call, const struct iam_linked_service *s, struct bw_str suffix)
{
	return bw_arena_printf(
	    call->arena, "AWSServiceRoleFor%s%s%.*s", s->role, suffix.n ? "_" : "", BW_FMT(suffix));
}

static enum bw_err linked_role_resource(struct bw_call *call)
{
	struct bw_str service = bw_call_input(call, "AWSServiceName"),
	              suffix = bw_call_input(call, "CustomSuffix");
	const struct iam_linked_service *s = service_find(service);
	struct bw_str name = s ? linked_name(call, s, suffix) : BW_STR("*");

	bw_call_resource(
	    call, bw_iam_arn(call->arena, call->account, "role",
	              bw_arena_printf(call->arena, "/aws-service-role/%.*s/", BW_FMT(service)), name));
	return BW_OK;
}

static enum bw_err service_name_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("iam:AWSServiceName"), bw_call_input(call, "AWSServiceName"));
	return BW_OK;
}

/* "task/aws-service-role/SERVICE/ROLE/UUID" is about the role of that path and name. */
static enum bw_err task_resource(struct bw_call *call)
{
	struct bw_str task = bw_call_input(call, "DeletionTaskId");
	size_t end = task.n;

	while (end > 0 && task.p[end - 1] != '/')
		end--;
	if (bw_str_starts(task, BW_STR("task/")) && end > sizeof "task/")
		bw_call_resource(call, bw_arena_printf(call->arena, "arn:aws:iam::%.*s:role/%.*s",
		                           BW_FMT(call->account), BW_FMT(bw_str_sub(task, 5, end - 6))));
	return BW_OK;
}

/* ---- Operations ---- */

static struct bw_str linked_trust(struct bw_call *call, struct bw_str service)
{
	return bw_arena_printf(call->arena,
	    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"%."
	    "*s\"},"
	    "\"Action\":\"sts:AssumeRole\"}]}",
	    BW_FMT(service));
}

static void linked_policy_attach(struct bw_call *call, const struct iam_linked_service *s, struct bw_role *r)
{
	struct bw_str arn =
	    bw_arena_printf(call->arena, "arn:aws:iam::aws:policy/aws-service-role/%s", s->policy);

	if (!iam_managed_is_aws(arn))
		return;
	bw_strs_add(&r->attached, call->arena, arn);
	bw_call_mark(call, bw_attached_key(call->arena, call->account, "attached", arn, "role", r->name));
}

BW_OP(iam, CreateServiceLinkedRole, .effect = BW_WRITE, .resource = linked_role_resource,
    .keys = service_name_keys)
{
	const struct iam_linked_service *s = service_find(in->AWSServiceName);
	struct bw_role r = {
	    .path = bw_arena_printf(call->arena, "/aws-service-role/%.*s/", BW_FMT(in->AWSServiceName)),
	    .service = in->AWSServiceName,
	    .trust = linked_trust(call, in->AWSServiceName),
	    .description = in->Description,
	    .max_session_s = 3600, /* AWS gives them an hour, and nobody may change it */
	};

	if (!s)
		return bw_call_fail(call, "InvalidInput",
		    "Service principal %.*s has no service-linked role.", BW_FMT(in->AWSServiceName));
	if (bw_str_set(in->CustomSuffix) && !s->suffix)
		return bw_call_fail(call, "InvalidInput", "Custom suffix is not allowed for %.*s",
		    BW_FMT(in->AWSServiceName));
	r.name = linked_name(call, s, in->CustomSuffix);
	if (r.name.n > 64)
		return bw_call_fail(
		    call, "InvalidInput", "Role name %.*s is longer than 64 characters.", BW_FMT(r.name));
	if (bw_call_exists(call, iam_key(call, "role", r.name)))
		return bw_call_fail(call, "InvalidInput",
		    "Service role name %.*s has been taken in this account, please try a different suffix.",
		    BW_FMT(r.name));
	linked_policy_attach(call, s, &r);
	iam_role_insert(call, &r);
	out->Role = BW_NEW(call->arena, struct iam_Role);
	return iam_role_to_shape(call, &r, IAM_ROLE_CREATED, out->Role);
}

BW_OP(iam, DeleteServiceLinkedRole, .effect = BW_WRITE, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	if (!bw_str_set(r.service))
		return bw_call_fail(
		    call, "NoSuchEntity", "There is no service-linked role with name %.*s.", BW_FMT(r.name));
	for (size_t i = 0; i < r.attached.n; i++)
		bw_call_delete(call,
		    bw_attached_key(call->arena, call->account, "attached", r.attached.v[i], "role", r.name));
	iam_role_remove(call, &r);
	return task_add(call, &r, &out->DeletionTaskId);
}

BW_OP(iam, GetServiceLinkedRoleDeletionStatus, .effect = BW_READ, .resource = task_resource)
{
	struct deletion_tasks tasks;
	struct bw_str key;

	TRY(tasks_load(call, &key, &tasks));
	if (!bw_strs_has(&tasks.ids, in->DeletionTaskId))
		return bw_call_fail(call, "NoSuchEntity", "The deletion task with id %.*s cannot be found.",
		    BW_FMT(in->DeletionTaskId));
	out->Status = BW_STR("SUCCEEDED");
	return BW_OK;
}
