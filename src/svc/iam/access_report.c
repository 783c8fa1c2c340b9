#include <stdlib.h>

#include "aws/pack.h"
#include "codec/uuid.h"
#include "svc/iam/access.h"

/* Reports of last access. A job is done at once; what it found is kept with it, as it was then. */

enum {
	JOBS_KEPT = 100, /* of an account, the newest */
	PAGE_USUAL = 100,
};

struct job {
	struct bw_str arn, asker; /* whom it is about; the entity id of who asked */
	struct bw_str found;      /* GetServiceLastAccessedDetailsResponse, packed */
};
static const struct bw_field job_fields[] = {
    BW_FIELD(1, STR, struct job, arn),
    BW_FIELD(2, STR, struct job, asker),
    BW_FIELD(3, STR, struct job, found),
};
static const struct bw_record job_record = BW_RECORD("access-job", struct job, job_fields);

struct jobs {
	struct bw_strs ids; /* oldest first */
};
static const struct bw_field jobs_fields[] = {
    BW_FIELD(1, STRS, struct jobs, ids),
};
static const struct bw_record jobs_record = BW_RECORD("access-jobs", struct jobs, jobs_fields);

/* ---- Whom a report is about ---- */

struct entity {
	struct bw_str arn, name, id, path, type;
	int64_t when_ms; /* of the newest attempt at the service asked for; 0: none */
};

struct subject {
	struct bw_call *call;
	struct bw_strs documents;
	struct entity *entities; /* who could have used them */
	size_t n, room;
};

struct bw_str iam_holder_type(const struct iam_holder *h)
{
	return h->kind == &iam_user_holder   ? BW_STR("USER")
	       : h->kind == &iam_role_holder ? BW_STR("ROLE")
	                                     : BW_STR("GROUP");
}

enum bw_err iam_access_holder(struct bw_call *call, struct bw_str arn, struct iam_holder *h)
{
	enum bw_err e = iam_holder_find(call, arn, h);
	struct bw_arn parts;

	if (e == BW_OK && bw_arn_parse(arn, &parts) == BW_OK && !bw_str_eq(parts.account, call->account))
		e = BW_ENOTFOUND;
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "NoSuchEntity", "Arn %.*s was not found.", BW_FMT(arn));
	return e;
}

static void entity_add(struct subject *s, const struct iam_holder *h)
{
	for (size_t i = 0; i < s->n; i++)
		if (bw_str_eq(s->entities[i].id, h->id))
			return;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 16;
		struct entity *v = BW_NEW_ARRAY(s->call->arena, struct entity, room);

		if (s->n)
			memcpy(v, s->entities, s->n * sizeof *v);
		s->entities = v;
		s->room = room;
	}
	s->entities[s->n++] = (struct entity){
	    .arn = bw_iam_arn(s->call->arena, s->call->account, h->kind->kind, h->path, h->name),
	    .name = h->name,
	    .id = h->id,
	    .path = h->path,
	    .type = iam_holder_type(h),
	};
}

static enum bw_err holder_documents(struct subject *s, const struct iam_holder *h)
{
	struct iam_managed m;
	struct iam_holder group;

	for (size_t i = 0; i < h->attached->n; i++) {
		TRY(iam_managed_load(s->call, h->attached->v[i], &m));
		bw_strs_add(&s->documents, s->call->arena, iam_managed_document(s->call, &m));
	}
	for (size_t i = 0; i < h->inline_policies->n; i++)
		bw_strs_add(&s->documents, s->call->arena, h->inline_policies->v[i].value);
	for (size_t i = 0; h->groups && i < h->groups->n; i++) {
		TRY(iam_holder_load(s->call, &iam_group_holder, h->groups->v[i], &group));
		TRY(holder_documents(s, &group));
	}
	return BW_OK;
}

static enum bw_err names_under(struct bw_call *call, struct bw_str prefix, struct bw_strs *out)
{
	struct bw_scan scan;
	struct bw_str key;
	enum bw_err e;

	TRY(bw_scan_begin(call->view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, call->arena, &key, NULL, NULL)) == BW_OK)
		bw_strs_add(out, call->arena, bw_str_sub(key, prefix.n, key.n));
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* By the name in lower case, as indices have it. */
static enum bw_err indexed_add(struct subject *s, const char *kind, struct bw_str lower);

static enum bw_err members_add(struct subject *s, struct bw_str group)
{
	struct bw_strs users = {0};

	TRY(names_under(s->call, bw_member_key(s->call->arena, s->call->account, group, BW_STR("")), &users));
	for (size_t i = 0; i < users.n; i++)
		TRY(indexed_add(s, "user", users.v[i]));
	return BW_OK;
}

static enum bw_err indexed_add(struct subject *s, const char *kind, struct bw_str lower)
{
	struct bw_str key = iam_key(s->call, kind, lower);
	struct iam_holder h;
	struct bw_user u;
	struct bw_role r;

	if (strcmp(kind, "group") == 0)
		return members_add(s, lower);
	if (strcmp(kind, "user") == 0) {
		TRY(bw_call_load(s->call, &bw_user_record, key, &u));
		TRY(iam_holder_load(s->call, &iam_user_holder, u.name, &h));
	} else {
		TRY(bw_call_load(s->call, &bw_role_record, key, &r));
		TRY(iam_holder_load(s->call, &iam_role_holder, r.name, &h));
	}
	entity_add(s, &h);
	return BW_OK;
}

static enum bw_err policy_subject(struct subject *s, struct bw_str arn)
{
	static const char *const kinds[] = {"user", "group", "role"};
	struct iam_managed m;

	TRY(iam_managed_load(s->call, arn, &m));
	bw_strs_add(&s->documents, s->call->arena, iam_managed_document(s->call, &m));
	for (size_t i = 0; i < BW_COUNT(kinds); i++) {
		struct bw_strs names = {0};

		TRY(names_under(s->call,
		    bw_attached_key(s->call->arena, s->call->account, "attached", arn, kinds[i], BW_STR_NONE),
		    &names));
		for (size_t k = 0; k < names.n; k++)
			TRY(indexed_add(s, kinds[i], names.v[k]));
	}
	return BW_OK;
}

static enum bw_err subject_load(struct subject *s, struct bw_str arn)
{
	struct iam_holder h;
	struct bw_arn parts;

	if (bw_arn_parse(arn, &parts) != BW_OK)
		return bw_call_fail(s->call, "InvalidInput", "Invalid Arn: %.*s", BW_FMT(arn));
	if (bw_str_starts(parts.resource, BW_STR("policy/")))
		return policy_subject(s, arn);
	TRY(iam_access_holder(s->call, arn, &h));
	TRY(holder_documents(s, &h));
	if (h.kind == &iam_group_holder)
		return members_add(s, h.name);
	entity_add(s, &h);
	return BW_OK;
}

static enum bw_err subject_grants(struct subject *s, struct bw_str prefix, bool *grants)
{
	*grants = false;
	for (size_t i = 0; i < s->documents.n && !*grants; i++)
		TRY(iam_document_grants(s->call, s->documents.v[i], prefix, grants));
	return BW_OK;
}

/* ---- What they attempted ---- */

struct tally {
	struct bw_call *call;
	struct iam_ServicesLastAccessed *services;
	const struct entity *entity;
	struct iam_ServiceLastAccessed *counted; /* the service whose entity was last counted */
	bool actions;
};

static bool newer(const struct bw_opt_time *than, int64_t when_ms)
{
	return !than->set || when_ms > than->ms;
}

static void action_note(struct tally *t, struct iam_TrackedActionsLastAccessed *list, struct bw_str name,
    const struct bw_access *a)
{
	struct iam_TrackedActionLastAccessed *at = NULL;

	for (size_t i = 0; i < list->n && !at; i++)
		if (bw_str_eq(list->v[i].ActionName, name))
			at = &list->v[i];
	if (!at) {
		struct iam_TrackedActionLastAccessed *v =
		    BW_NEW_ARRAY(t->call->arena, struct iam_TrackedActionLastAccessed, list->n + 1);

		if (list->n)
			memcpy(v, list->v, list->n * sizeof *v);
		list->v = v;
		list->set = true;
		at = &list->v[list->n++];
		at->ActionName = bw_arena_str(t->call->arena, name);
	}
	if (!newer(&at->LastAccessedTime, a->when_ms))
		return;
	at->LastAccessedTime = BW_TIME(a->when_ms);
	at->LastAccessedRegion = a->region;
	at->LastAccessedEntity = t->entity->arn;
}

/* Attempts come sorted by service. */
static void attempt_note(void *ctx, struct bw_str action, const struct bw_access *a)
{
	struct tally *t = ctx;
	struct iam_ServiceLastAccessed *s = NULL;
	struct bw_str prefix = bw_str_cut(&action, '/');

	for (size_t i = 0; i < t->services->n && !s; i++)
		if (bw_str_eq(t->services->v[i].ServiceNamespace, prefix))
			s = &t->services->v[i];
	if (!s)
		return;
	if (t->counted != s)
		s->TotalAuthenticatedEntities = BW_INT(s->TotalAuthenticatedEntities.v + 1);
	t->counted = s;
	if (newer(&s->LastAuthenticated, a->when_ms)) {
		s->LastAuthenticated = BW_TIME(a->when_ms);
		s->LastAuthenticatedEntity = t->entity->arn;
		s->LastAuthenticatedRegion = a->region;
	}
	if (t->actions)
		action_note(t, &s->TrackedActionsLastAccessed, action, a);
}

static enum bw_err services_list(struct subject *s, struct iam_ServicesLastAccessed *out)
{
	struct bw_strs known;
	bool grants;

	iam_namespaces(s->call, &known);
	out->set = true;
	out->v = BW_NEW_ARRAY(s->call->arena, struct iam_ServiceLastAccessed, known.n);
	for (size_t i = 0; i < known.n; i++) {
		TRY(subject_grants(s, known.v[i], &grants));
		if (grants)
			out->v[out->n++] = (struct iam_ServiceLastAccessed){
			    .ServiceName = iam_namespace_name(known.v[i]),
			    .ServiceNamespace = known.v[i],
			    .TotalAuthenticatedEntities = BW_INT(0),
			};
	}
	return BW_OK;
}

/* ---- Jobs ---- */

static struct bw_str asker(const struct bw_call *call)
{
	return bw_str_set(call->caller->entity_id) ? call->caller->entity_id : call->caller->id;
}

static enum bw_err job_add(struct bw_call *call, const struct job *job, struct bw_str *id)
{
	struct bw_str key = bw_call_key(call, jobs_record.kind, BW_STR("jobs"));
	struct jobs jobs = {0};
	enum bw_err e = bw_call_load(call, &jobs_record, key, &jobs);

	if (e != BW_OK && e != BW_ENOTFOUND)
		return e;
	if (jobs.ids.n >= JOBS_KEPT) {
		bw_call_delete(call, bw_call_key(call, job_record.kind, jobs.ids.v[0]));
		(void)bw_strs_remove(&jobs.ids, jobs.ids.v[0]);
	}
	*id = bw_uuid_new(call->arena);
	bw_strs_add(&jobs.ids, call->arena, *id);
	bw_call_save(call, &jobs_record, key, &jobs);
	bw_call_save(call, &job_record, bw_call_key(call, job_record.kind, *id), job);
	return BW_OK;
}

/* AWS gives a job to who asked for it alone. */
static enum bw_err job_load(struct bw_call *call, struct bw_str id, struct job *job)
{
	enum bw_err e = bw_call_load(call, &job_record, bw_call_key(call, job_record.kind, id), job);

	if (e == BW_ENOTFOUND || (e == BW_OK && !bw_str_eq(job->asker, asker(call))))
		return bw_call_fail(
		    call, "NoSuchEntity", "The job with id %.*s cannot be found.", BW_FMT(id));
	return e;
}

/* ---- Operations ---- */

static enum bw_err report_resource(struct bw_call *call)
{
	bw_call_resource(call, bw_call_input(call, "Arn"));
	bw_call_resource_account(call, call->account);
	return BW_OK;
}

BW_OP(iam, GenerateServiceLastAccessedDetails, .effect = BW_WRITE, .slow = true, .resource = report_resource)
{
	bool actions = bw_str_eq(in->Granularity, BW_STR("ACTION_LEVEL"));
	struct iam_GetServiceLastAccessedDetailsResponse found = {
	    .JobStatus = BW_STR("COMPLETED"),
	    .JobType = actions ? BW_STR("ACTION_LEVEL") : BW_STR("SERVICE_LEVEL"),
	    .JobCreationDate = BW_TIME(call->now_ms),
	    .JobCompletionDate = BW_TIME(call->now_ms),
	};
	struct subject s = {.call = call};
	struct job job = {.arn = in->Arn, .asker = asker(call)};

	TRY(subject_load(&s, in->Arn));
	TRY(services_list(&s, &found.ServicesLastAccessed));
	for (size_t i = 0; i < s.n; i++) {
		struct tally t = {call, &found.ServicesLastAccessed, &s.entities[i], NULL, actions};

		TRY(iam_access_each(call, s.entities[i].id, attempt_note, &t));
	}
	job.found = bw_shape_pack(iam_GetServiceLastAccessedDetailsResponse_shape, &found, call->arena);
	return job_add(call, &job, &out->JobId);
}

BW_OP(iam, GetServiceLastAccessedDetails, .effect = BW_READ)
{
	struct iam_ServicesLastAccessed *services = &out->ServicesLastAccessed;
	struct job job;
	size_t from, to;

	TRY(job_load(call, in->JobId, &job));
	TRY(bw_shape_unpack(iam_GetServiceLastAccessedDetailsResponse_shape, job.found, call->arena, out));
	TRY(bw_page_slice(call, services->n, in->Marker, in->MaxItems, PAGE_USUAL, &from, &to,
	    &out->IsTruncated, &out->Marker));
	services->set = true;
	services->v = services->n ? services->v + from : NULL;
	services->n = to - from;
	return BW_OK;
}

struct newest {
	struct bw_str prefix;
	int64_t when_ms;
};

static void newest_note(void *ctx, struct bw_str action, const struct bw_access *a)
{
	struct newest *n = ctx;

	if (bw_str_eq(bw_str_cut(&action, '/'), n->prefix) && a->when_ms > n->when_ms)
		n->when_ms = a->when_ms;
}

/* The newest first; who attempted nothing last, by name. */
static int by_date(const void *a, const void *b)
{
	const struct entity *x = a, *y = b;

	if (x->when_ms != y->when_ms)
		return x->when_ms > y->when_ms ? -1 : 1;
	return bw_str_cmp(x->name, y->name);
}

static void entity_to_shape(struct bw_call *call, const struct entity *e, struct iam_EntityDetails *out)
{
	out->EntityInfo = BW_NEW(call->arena, struct iam_EntityInfo);
	*out->EntityInfo = (struct iam_EntityInfo){
	    .Arn = e->arn, .Name = e->name, .Type = e->type, .Id = e->id, .Path = e->path};
	if (e->when_ms)
		out->LastAuthenticated = BW_TIME(e->when_ms);
}

/* Who it is, is told as of now, not as of the job: a policy may have more users than a record can keep. */
BW_OP(iam, GetServiceLastAccessedDetailsWithEntities, .effect = BW_READ, .slow = true)
{
	struct iam_GetServiceLastAccessedDetailsResponse found = {0};
	struct subject s = {.call = call};
	struct job job;
	size_t from, to;
	bool listed = false;

	TRY(job_load(call, in->JobId, &job));
	TRY(bw_shape_unpack(iam_GetServiceLastAccessedDetailsResponse_shape, job.found, call->arena, &found));
	for (size_t i = 0; i < found.ServicesLastAccessed.n; i++)
		listed |= bw_str_eq(found.ServicesLastAccessed.v[i].ServiceNamespace, in->ServiceNamespace);
	if (!listed)
		return bw_call_fail(call, "NoSuchEntity",
		    "The service namespace %.*s cannot be found in the job.", BW_FMT(in->ServiceNamespace));
	TRY(subject_load(&s, job.arn));
	for (size_t i = 0; i < s.n; i++) {
		struct newest n = {in->ServiceNamespace, 0};

		TRY(iam_access_each(call, s.entities[i].id, newest_note, &n));
		s.entities[i].when_ms = n.when_ms;
	}
	if (s.n)
		qsort(s.entities, s.n, sizeof *s.entities, by_date);
	TRY(bw_page_slice(
	    call, s.n, in->Marker, in->MaxItems, PAGE_USUAL, &from, &to, &out->IsTruncated, &out->Marker));
	out->JobStatus = found.JobStatus;
	out->JobCreationDate = found.JobCreationDate;
	out->JobCompletionDate = found.JobCompletionDate;
	out->EntityDetailsList.set = true;
	out->EntityDetailsList.v = BW_NEW_ARRAY(call->arena, struct iam_EntityDetails, to - from);
	for (size_t i = from; i < to; i++)
		entity_to_shape(call, &s.entities[i], &out->EntityDetailsList.v[out->EntityDetailsList.n++]);
	return BW_OK;
}
