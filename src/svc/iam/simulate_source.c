#include "codec/json.h"
#include "core/trust.h"
#include "svc/iam/simulate.h"

/* ---- Places ---- */

/* Offsets ascend, so that one walk over the text finds them all. */
struct walker {
	struct bw_str text;
	size_t at, line_begin;
	uint32_t line;
};

static struct bw_policy_place walk_to(struct walker *w, size_t offset)
{
	for (; w->at < offset; w->at++)
		if (w->text.p[w->at] == '\n') {
			w->line++;
			w->line_begin = w->at + 1;
		}
	return (struct bw_policy_place){w->line, (uint32_t)(offset - w->line_begin) + 1};
}

/* AWS's reader notes where it stands before it reads a statement: behind the '[' or the statement before, or,
 * for a single one, behind its own '{'. */
static struct iam_sim_place *places_find(struct bw_call *call, struct bw_str document)
{
	struct walker w = {.text = document, .line = 1};
	const struct bw_json_value *statements;
	struct iam_sim_place *places;
	struct bw_json_value root;
	size_t from;

	MUST(bw_json_parse(document, call->arena, &root) == BW_OK); /* it has compiled */
	statements = bw_json_member(&root, BW_STR("Statement"));
	if (statements->kind == BW_JSON_OBJECT) {
		places = BW_NEW(call->arena, struct iam_sim_place);
		places->start = walk_to(&w, statements->offset + 1);
		places->end = walk_to(&w, statements->end);
		return places;
	}
	places = BW_NEW_ARRAY(call->arena, struct iam_sim_place, statements->count);
	from = statements->offset + 1;
	for (size_t i = 0; i < statements->count; i++) {
		places[i].start = walk_to(&w, from);
		from = statements->values[i].end;
		places[i].end = walk_to(&w, from);
	}
	return places;
}

/* ---- Documents ---- */

static void room_make(struct bw_call *call, struct iam_sim_list *l)
{
	size_t room = l->room ? 2 * l->room : 8;
	struct bw_policy_ref *refs = BW_NEW_ARRAY(call->arena, struct bw_policy_ref, room);
	struct iam_sim_source *sources = BW_NEW_ARRAY(call->arena, struct iam_sim_source, room);

	if (l->n) {
		memcpy(refs, l->refs, l->n * sizeof *refs);
		memcpy(sources, l->sources, l->n * sizeof *sources);
	}
	*l = (struct iam_sim_list){refs, sources, l->n, room};
}

enum bw_err iam_sim_add(struct iam_sim *s, struct iam_sim_list *list, struct bw_str document,
    enum bw_policy_kind kind, struct bw_str id, struct bw_str type)
{
	struct bw_policy *policy;

	TRY(bw_call_policy(s->call, document, kind, "InvalidInput", &policy));
	if (list->n == list->room)
		room_make(s->call, list);
	list->refs[list->n] = (struct bw_policy_ref){policy, id};
	list->sources[list->n++] = (struct iam_sim_source){id, type, places_find(s->call, document)};
	return BW_OK;
}

enum bw_err iam_sim_add_all(struct iam_sim *s, struct iam_sim_list *list,
    const struct iam_SimulationPolicyListType *documents, enum bw_policy_kind kind, const char *name)
{
	for (size_t i = 0; i < documents->n; i++)
		TRY(iam_sim_add(s, list, documents->v[i], kind,
		    bw_arena_printf(s->call->arena, "%s.%zu", name, i + 1),
		    kind == BW_POLICY_BOUNDARY ? BW_STR("Permissions Boundary Policy")
		                               : BW_STR("IAM Policy")));
	return BW_OK;
}

/* ---- A user, group or role ---- */

static enum bw_err managed_add(
    struct iam_sim *s, struct iam_sim_list *list, struct bw_str arn, enum bw_policy_kind kind)
{
	struct iam_managed m;

	TRY(iam_managed_load(s->call, arn, &m));
	return iam_sim_add(s, list, iam_managed_document(s->call, &m), kind, m.name,
	    kind == BW_POLICY_BOUNDARY ? BW_STR("Permissions Boundary Policy") : BW_STR("IAM Policy"));
}

/* Inline policies go by the names of their kind, their owner and themselves. */
static enum bw_err holder_add(struct iam_sim *s, const struct iam_holder *h)
{
	for (size_t i = 0; i < h->attached->n; i++)
		TRY(managed_add(s, &s->identity, h->attached->v[i], BW_POLICY_IDENTITY));
	for (size_t i = 0; i < h->inline_policies->n; i++)
		TRY(iam_sim_add(s, &s->identity, h->inline_policies->v[i].value, BW_POLICY_IDENTITY,
		    bw_arena_printf(s->call->arena, "%s_%.*s_%.*s", h->kind->kind, BW_FMT(h->name),
		        BW_FMT(h->inline_policies->v[i].key)),
		    BW_STR("IAM Policy")));
	return BW_OK;
}

static void tags_fill(struct iam_sim *s, const struct bw_pairs *tags)
{
	for (size_t i = 0; i < tags->n; i++)
		iam_sim_fill(s,
		    bw_arena_printf(s->call->arena, "aws:PrincipalTag/%.*s", BW_FMT(tags->v[i].key)).p,
		    tags->v[i].value);
}

/* A role asks through a session of some name. */
static void role_asks(struct iam_sim *s, const struct bw_role *r, struct bw_str arn)
{
	struct bw_call *call = s->call;

	s->known = true;
	s->request.principal_kind = BW_PRINCIPAL_ROLE;
	s->request.principal_role_arn = arn;
	s->request.principal_arn = bw_arena_printf(call->arena,
	    "arn:aws:sts::%.*s:assumed-role/%.*s/simulated", BW_FMT(call->account), BW_FMT(r->name));
	s->request.service_linked_role = bw_str_set(r->service);
	iam_sim_fill(s, "aws:PrincipalArn", arn);
	iam_sim_fill(s, "aws:PrincipalAccount", call->account);
	iam_sim_fill(s, "aws:PrincipalType", BW_STR("AssumedRole"));
	tags_fill(s, &r->tags);
}

static enum bw_err user_asks(struct iam_sim *s, const struct iam_holder *h, struct bw_str arn)
{
	struct iam_holder group;

	if (!s->known)
		TRY(iam_sim_caller(s, arn));
	if (bw_str_eq(s->request.principal_arn, arn)) {
		iam_sim_fill(s, "aws:userid", h->id);
		tags_fill(s, &h->of.user.tags);
	}
	for (size_t i = 0; i < h->groups->n; i++) {
		TRY(iam_holder_load(s->call, &iam_group_holder, h->groups->v[i], &group));
		TRY(holder_add(s, &group));
	}
	return BW_OK;
}

enum bw_err iam_sim_add_principal(struct iam_sim *s, struct bw_str arn)
{
	struct iam_holder h;

	TRY(iam_source_load(s->call, arn, &h));
	TRY(holder_add(s, &h));
	if (h.kind == &iam_user_holder)
		TRY(user_asks(s, &h, arn));
	else if (h.kind == &iam_role_holder && !s->known)
		role_asks(s, &h.of.role, arn);
	/* A boundary that is given takes the place of the one that is set. */
	if (s->has_boundary || !h.boundary || !h.boundary->n)
		return BW_OK;
	s->has_boundary = true;
	return managed_add(s, &s->boundary, *h.boundary, BW_POLICY_BOUNDARY);
}

/* ---- The resource's side ---- */

static bool is_assuming(struct bw_str action)
{
	return bw_str_starts_nocase(action, BW_STR("sts:assumerole")) ||
	       bw_str_eq_nocase(action, BW_STR("sts:tagsession")) ||
	       bw_str_eq_nocase(action, BW_STR("sts:setsourceidentity"));
}

/* Its trust policy, when the resource is a role of this account. */
static enum bw_err trust_add(struct iam_sim *s, struct bw_str resource, bool *must_allow)
{
	struct bw_call *call = s->call;
	struct iam_holder h;
	enum bw_err e = iam_holder_find(call, resource, &h);

	if (e == BW_ENOTFOUND || (e == BW_OK && h.kind != &iam_role_holder))
		return BW_OK;
	TRY(e);
	*must_allow = true;
	return iam_sim_add(s, &s->resource, bw_trust_effective(call, &h.of.role), BW_POLICY_TRUST,
	    bw_arena_printf(call->arena, "role_%.*s_AssumeRolePolicyDocument", BW_FMT(h.name)),
	    BW_STR("Resource Policy"));
}

static enum bw_err given_use(struct iam_sim *s, unsigned way)
{
	static const enum bw_policy_kind kinds[IAM_SIM_WAYS] = {
	    [IAM_SIM_OF_RESOURCE] = BW_POLICY_RESOURCE,
	    [IAM_SIM_OF_ROLE] = BW_POLICY_TRUST,
	    [IAM_SIM_OF_KEY] = BW_POLICY_KEY,
	};

	if (s->given[way].n == 0)
		TRY(iam_sim_add(s, &s->given[way], s->resource_policy, kinds[way], BW_STR("ResourcePolicy"),
		    BW_STR("Resource Policy")));
	s->resource = s->given[way];
	return BW_OK;
}

enum bw_err iam_sim_resource(
    struct iam_sim *s, struct bw_str action, struct bw_str resource, bool *must_allow)
{
	unsigned way = is_assuming(action)                            ? IAM_SIM_OF_ROLE
	               : bw_str_starts_nocase(action, BW_STR("kms:")) ? IAM_SIM_OF_KEY
	                                                              : IAM_SIM_OF_RESOURCE;

	s->resource = (struct iam_sim_list){0};
	*must_allow = false;
	if (bw_str_set(s->resource_policy)) {
		*must_allow = way != IAM_SIM_OF_RESOURCE;
		return given_use(s, way);
	}
	return way == IAM_SIM_OF_ROLE && s->known ? trust_add(s, resource, must_allow) : BW_OK;
}
