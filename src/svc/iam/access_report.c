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

/* ---- What they attempted ---- */

struct tally {
	struct bw_call *call;
	struct iam_ServicesLastAccessed *services;
	const struct iam_access_entity *entity;
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

static enum bw_err services_list(struct iam_access_subject *s, struct iam_ServicesLastAccessed *out)
{
	struct bw_strs known;
	bool grants;

	iam_namespaces(s->call, &known);
	out->set = true;
	out->v = BW_NEW_ARRAY(s->call->arena, struct iam_ServiceLastAccessed, known.n);
	for (size_t i = 0; i < known.n; i++) {
		TRY(iam_access_subject_grants(s, known.v[i], &grants));
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
	struct iam_access_subject s = {.call = call};
	struct job job = {.arn = in->Arn, .asker = asker(call)};

	TRY(iam_access_subject_load(&s, in->Arn));
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
	const struct iam_access_entity *x = a, *y = b;

	if (x->when_ms != y->when_ms)
		return x->when_ms > y->when_ms ? -1 : 1;
	return bw_str_cmp(x->name, y->name);
}

static void entity_to_shape(
    struct bw_call *call, const struct iam_access_entity *e, struct iam_EntityDetails *out)
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
	struct iam_access_subject s = {.call = call};
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
	TRY(iam_access_subject_load(&s, job.arn));
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
