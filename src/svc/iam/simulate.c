#include "svc/iam/simulate.h"

/* How many evaluations a page takes: then it is cut short, as AWS's pages may be (IAM API Reference,
 * MaxItems). */
enum { EVALUATIONS_MAX = 10000 };

static const char *const decisions[] = {
    [BW_ALLOWED] = "allowed",
    [BW_DENIED_IMPLICIT] = "implicitDeny",
    [BW_DENIED_EXPLICIT] = "explicitDeny",
};

/* ---- One action on one resource ---- */

struct result {
	struct iam_sim *sim;
	enum bw_decision decision, identity, resource;
	bool cross_account, boundary_allows;
	struct iam_StatementListType statements;
	size_t room;
};

static struct iam_Position *position(struct bw_call *call, struct bw_policy_place place)
{
	struct iam_Position *p = BW_NEW(call->arena, struct iam_Position);

	p->Line = BW_INT(place.line);
	p->Column = BW_INT(place.column);
	return p;
}

static void statement_add(struct result *r, const struct iam_sim_source *source, uint32_t statement)
{
	struct bw_call *call = r->sim->call;
	struct iam_StatementListType *list = &r->statements;

	if (list->n == r->room) {
		size_t room = r->room ? 2 * r->room : 4;
		struct iam_Statement *v = BW_NEW_ARRAY(call->arena, struct iam_Statement, room);

		if (list->n)
			memcpy(v, list->v, list->n * sizeof *v);
		list->v = v;
		r->room = room;
	}
	list->v[list->n++] = (struct iam_Statement){
	    .SourcePolicyId = source->id,
	    .SourcePolicyType = source->type,
	    .StartPosition = position(call, source->places[statement].start),
	    .EndPosition = position(call, source->places[statement].end),
	};
}

static void side_note(enum bw_decision *side, bool allow)
{
	if (!allow)
		*side = BW_DENIED_EXPLICIT;
	else if (*side == BW_DENIED_IMPLICIT)
		*side = BW_ALLOWED;
}

/* What determines the answer: the statements that deny, or those that allow when nothing denies. A boundary
 * allows nothing by itself. */
static void match_take(void *ctx, const struct bw_policy_match *m)
{
	struct result *r = ctx;
	const struct iam_sim_list *list = NULL;

	switch (m->layer) {
	case BW_LAYER_IDENTITY:
		list = &r->sim->identity;
		side_note(&r->identity, m->allow);
		break;
	case BW_LAYER_RESOURCE:
	case BW_LAYER_TRUST:
		list = &r->sim->resource;
		side_note(&r->resource, m->allow);
		break;
	case BW_LAYER_BOUNDARY:
		list = m->allow ? NULL : &r->sim->boundary;
		break;
	default:
		break;
	}
	if (list && r->decision != BW_DENIED_IMPLICIT && m->allow == (r->decision == BW_ALLOWED))
		statement_add(r, &list->sources[m->policy], m->statement);
}

/* The account in the resource's ARN counts when the resource has a policy to say something; else simulated
 * resources are taken as the caller's. */
static struct bw_str resource_account(const struct iam_sim *s, struct bw_str resource)
{
	struct bw_arn arn;

	if (s->resource.n && bw_arn_parse(resource, &arn) == BW_OK && arn.account.n == 12)
		return arn.account;
	return s->owner_account;
}

static bool boundary_allows(const struct iam_sim *s, const struct bw_policy_request *request)
{
	enum bw_decision said = BW_DENIED_IMPLICIT;

	for (size_t i = 0; i < s->boundary.n; i++) {
		enum bw_decision d = bw_policy_evaluate_one(s->boundary.refs[i].policy, request, NULL);

		if (d == BW_DENIED_EXPLICIT)
			return false;
		if (d == BW_ALLOWED)
			said = d;
	}
	return said == BW_ALLOWED;
}

static enum bw_err evaluate(struct iam_sim *s, struct bw_str action, struct bw_str resource, struct result *r)
{
	struct bw_policy_request request = s->request;
	struct bw_policy_layers layers = {.has_boundary = s->has_boundary};

	*r = (struct result){
	    .sim = s, .identity = BW_DENIED_IMPLICIT, .resource = BW_DENIED_IMPLICIT, .statements.set = true};
	TRY(iam_sim_resource(s, action, resource, &layers.resource_must_allow));
	request.action = action;
	request.resource = resource;
	request.resource_account = resource_account(s, resource);
	r->cross_account = bw_str_set(request.resource_account) &&
	                   !bw_str_eq(request.resource_account, request.principal_account);
	layers.identity = (struct bw_policy_list){s->identity.refs, s->identity.n};
	layers.boundary = (struct bw_policy_list){s->boundary.refs, s->boundary.n};
	layers.resource = (struct bw_policy_list){s->resource.refs, s->resource.n};
	r->decision = bw_policy_evaluate(&layers, &request).decision;
	r->boundary_allows = boundary_allows(s, &request);
	bw_policy_matched(&layers, &request, match_take, r);
	return BW_OK;
}

/* ---- Shapes ---- */

static void missing_to_shape(struct iam_sim *s, struct iam_ContextKeyNamesResultListType *out)
{
	out->set = true;
	out->n = s->missing.n;
	out->v = s->missing.v;
}

static struct iam_PermissionsBoundaryDecisionDetail *boundary_to_shape(const struct result *r)
{
	struct iam_PermissionsBoundaryDecisionDetail *out;

	if (!r->sim->has_boundary)
		return NULL;
	out = BW_NEW(r->sim->call->arena, struct iam_PermissionsBoundaryDecisionDetail);
	out->AllowedByPermissionsBoundary = BW_BOOL(r->boundary_allows);
	return out;
}

/* "Populated for only cross-account simulations", and there though empty within one. */
static void details_to_shape(const struct result *r, struct iam_EvalDecisionDetailsType *out)
{
	struct bw_arena *a = r->sim->call->arena;

	out->set = true;
	if (!r->cross_account)
		return;
	out->n = 2;
	out->keys = BW_NEW_ARRAY(a, struct bw_str, 2);
	out->v = BW_NEW_ARRAY(a, struct bw_str, 2);
	out->keys[0] = BW_STR("IAM Policy");
	out->v[0] = bw_str_c(decisions[r->identity]);
	out->keys[1] = BW_STR("Resource Policy");
	out->v[1] = bw_str_c(decisions[r->resource]);
}

static void specific_to_shape(
    const struct result *r, struct bw_str resource, struct iam_ResourceSpecificResult *out)
{
	*out = (struct iam_ResourceSpecificResult){
	    .EvalResourceName = resource,
	    .EvalResourceDecision = bw_str_c(decisions[r->decision]),
	    .MatchedStatements = r->statements,
	    .PermissionsBoundaryDecisionDetail = boundary_to_shape(r),
	};
	missing_to_shape(r->sim, &out->MissingContextValues);
	if (r->cross_account)
		details_to_shape(r, &out->EvalDecisionDetails);
}

/* ---- One action on all resources ---- */

static enum bw_err everything_answer(
    struct iam_sim *s, struct bw_str action, struct iam_EvaluationResult *out)
{
	struct result r;

	TRY(evaluate(s, action, BW_STR("*"), &r));
	out->EvalResourceName = BW_STR("*");
	out->EvalDecision = bw_str_c(decisions[r.decision]);
	out->MatchedStatements = r.statements;
	out->PermissionsBoundaryDecisionDetail = boundary_to_shape(&r);
	missing_to_shape(s, &out->MissingContextValues);
	return BW_OK;
}

/* One resource stands for itself; over several the strictest answer does, and the statements stand with each.
 */
static enum bw_err resources_answer(struct iam_sim *s, struct bw_str action,
    const struct iam_ResourceNameListType *resources, struct iam_EvaluationResult *out)
{
	struct iam_ResourceSpecificResultListType *all = &out->ResourceSpecificResults;
	enum bw_decision worst = BW_ALLOWED;
	struct result r;

	all->set = true;
	all->v = BW_NEW_ARRAY(s->call->arena, struct iam_ResourceSpecificResult, resources->n);
	for (size_t i = 0; i < resources->n; i++) {
		TRY(evaluate(s, action, resources->v[i], &r));
		specific_to_shape(&r, resources->v[i], &all->v[all->n++]);
		if (r.decision > worst)
			worst = r.decision;
	}
	out->EvalResourceName = resources->n == 1 ? resources->v[0] : BW_STR("*");
	out->EvalDecision = bw_str_c(decisions[worst]);
	out->MatchedStatements.set = out->MissingContextValues.set = true;
	out->PermissionsBoundaryDecisionDetail = boundary_to_shape(&r);
	if (resources->n == 1) {
		out->MatchedStatements = r.statements;
		details_to_shape(&r, &out->EvalDecisionDetails);
	}
	return BW_OK;
}

/* ---- Operations ---- */

struct asking {
	const struct iam_ActionNameListType *actions;
	const struct iam_ResourceNameListType *resources;
	struct bw_str marker;
	struct bw_opt_int max;
};

static bool is_everything(const struct iam_ResourceNameListType *resources)
{
	return resources->n == 0 || (resources->n == 1 && bw_str_eq(resources->v[0], BW_STR("*")));
}

static enum bw_err answer(struct iam_sim *s, const struct asking *a, struct iam_SimulatePolicyResponse *out)
{
	int64_t most = a->max.set ? a->max.v : IAM_PAGE_USUAL;
	int64_t afford = EVALUATIONS_MAX / (int64_t)(a->resources->n + 1);
	size_t from, to;

	if (most > afford)
		most = afford > 0 ? afford : 1;
	TRY(bw_page_slice(s->call, a->actions->n, a->marker, BW_INT(most), most, &from, &to,
	    &out->IsTruncated, &out->Marker));
	iam_sim_missing_find(s);
	out->EvaluationResults.set = true;
	out->EvaluationResults.v = BW_NEW_ARRAY(s->call->arena, struct iam_EvaluationResult, to - from);
	for (size_t i = from; i < to; i++) {
		struct iam_EvaluationResult *one = &out->EvaluationResults.v[out->EvaluationResults.n++];

		one->EvalActionName = a->actions->v[i];
		TRY(is_everything(a->resources) ? everything_answer(s, a->actions->v[i], one)
		                                : resources_answer(s, a->actions->v[i], a->resources, one));
	}
	return BW_OK;
}

/* The resource policy is read as the first action's kind has it, so that its keys are known and its faults
 * told. */
static enum bw_err resource_policy_take(
    struct iam_sim *s, struct bw_str document, const struct iam_ActionNameListType *actions)
{
	bool must_allow;

	if (!bw_str_set(document))
		return BW_OK;
	if (s->request.principal_kind != BW_PRINCIPAL_USER || !s->known)
		return bw_call_fail(
		    s->call, "InvalidInput", "Invalid caller - Caller must be an IAM user in this context.");
	s->resource_policy = document;
	return actions->n ? iam_sim_resource(s, actions->v[0], BW_STR("*"), &must_allow) : BW_OK;
}

static enum bw_err boundary_take(struct iam_sim *s, const struct iam_SimulationPolicyListType *documents)
{
	if (documents->n > 1)
		return bw_call_fail(s->call, "InvalidInput",
		    "Only one permissions boundary policy can be simulated at a time.");
	s->has_boundary = documents->n > 0;
	return iam_sim_add_all(
	    s, &s->boundary, documents, BW_POLICY_BOUNDARY, "PermissionsBoundaryPolicyInputList");
}

static struct iam_sim sim_of(struct bw_call *call)
{
	return (struct iam_sim){.call = call,
	    .request = {.principal_kind = BW_PRINCIPAL_USER, .principal_account = call->account}};
}

BW_OP(iam, SimulateCustomPolicy, .effect = BW_READ, .slow = true)
{
	struct asking a = {&in->ActionNames, &in->ResourceArns, in->Marker, in->MaxItems};
	struct iam_sim s = sim_of(call);

	TRY(iam_sim_actions_check(call, &in->ActionNames));
	TRY(iam_sim_resources_check(call, &in->ResourceArns, in->ResourceHandlingOption));
	TRY(iam_sim_context(&s, &in->ContextEntries));
	TRY(iam_sim_owner(&s, in->ResourceOwner));
	if (bw_str_set(in->CallerArn))
		TRY(iam_sim_caller(&s, in->CallerArn));
	TRY(iam_sim_add_all(&s, &s.identity, &in->PolicyInputList, BW_POLICY_IDENTITY, "PolicyInputList"));
	TRY(boundary_take(&s, &in->PermissionsBoundaryPolicyInputList));
	TRY(resource_policy_take(&s, in->ResourcePolicy, &in->ActionNames));
	return answer(&s, &a, out);
}

BW_OP(iam, SimulatePrincipalPolicy, .effect = BW_READ, .slow = true, .resource = iam_source_resource)
{
	struct asking a = {&in->ActionNames, &in->ResourceArns, in->Marker, in->MaxItems};
	struct iam_sim s = sim_of(call);

	TRY(iam_sim_actions_check(call, &in->ActionNames));
	TRY(iam_sim_resources_check(call, &in->ResourceArns, in->ResourceHandlingOption));
	TRY(iam_sim_context(&s, &in->ContextEntries));
	TRY(iam_sim_owner(&s, in->ResourceOwner));
	if (bw_str_set(in->CallerArn))
		TRY(iam_sim_caller(&s, in->CallerArn));
	TRY(boundary_take(&s, &in->PermissionsBoundaryPolicyInputList));
	TRY(iam_sim_add_principal(&s, in->PolicySourceArn));
	TRY(iam_sim_add_all(&s, &s.identity, &in->PolicyInputList, BW_POLICY_IDENTITY, "PolicyInputList"));
	TRY(resource_policy_take(&s, in->ResourcePolicy, &in->ActionNames));
	return answer(&s, &a, out);
}
