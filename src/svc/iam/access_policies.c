#include "svc/iam/access.h"

/* Which policies let an identity reach a service. */

struct granting {
	struct bw_call *call;
	struct bw_str prefix;
	struct iam_policyGrantingServiceAccessListType *out;
	size_t room;
};

static void grant_add(struct granting *g, struct iam_PolicyGrantingServiceAccess grant)
{
	if (g->out->n == g->room) {
		size_t room = g->room ? 2 * g->room : 8;
		struct iam_PolicyGrantingServiceAccess *v =
		    BW_NEW_ARRAY(g->call->arena, struct iam_PolicyGrantingServiceAccess, room);

		if (g->out->n)
			memcpy(v, g->out->v, g->out->n * sizeof *v);
		g->out->v = v;
		g->room = room;
	}
	g->out->v[g->out->n++] = grant;
}

static bool attached_named(const struct granting *g, struct bw_str arn)
{
	for (size_t i = 0; i < g->out->n; i++)
		if (bw_str_eq(g->out->v[i].PolicyArn, arn))
			return true;
	return false;
}

static enum bw_err attached_add(struct granting *g, struct bw_str arn)
{
	struct iam_managed m;
	bool grants;

	if (attached_named(g, arn))
		return BW_OK;
	TRY(iam_managed_load(g->call, arn, &m));
	TRY(iam_document_grants(g->call, iam_managed_document(g->call, &m), g->prefix, &grants));
	if (grants)
		grant_add(g, (struct iam_PolicyGrantingServiceAccess){
		                 .PolicyName = m.name, .PolicyType = BW_STR("MANAGED"), .PolicyArn = arn});
	return BW_OK;
}

static enum bw_err holder_add(struct granting *g, const struct iam_holder *h)
{
	bool grants;

	for (size_t i = 0; i < h->attached->n; i++)
		TRY(attached_add(g, h->attached->v[i]));
	for (size_t i = 0; i < h->inline_policies->n; i++) {
		const struct bw_pair *p = &h->inline_policies->v[i];

		TRY(iam_document_grants(g->call, p->value, g->prefix, &grants));
		if (grants)
			grant_add(g, (struct iam_PolicyGrantingServiceAccess){
			                 .PolicyName = p->key,
			                 .PolicyType = BW_STR("INLINE"),
			                 .EntityType = iam_holder_type(h),
			                 .EntityName = h->name,
			             });
	}
	return BW_OK;
}

/* A user's policies are its own and those of its groups. */
static enum bw_err service_add(struct granting *g, const struct iam_holder *h)
{
	struct iam_holder group;

	TRY(holder_add(g, h));
	for (size_t i = 0; h->groups && i < h->groups->n; i++) {
		TRY(iam_holder_load(g->call, &iam_group_holder, h->groups->v[i], &group));
		TRY(holder_add(g, &group));
	}
	return BW_OK;
}

static enum bw_err identity_resource(struct bw_call *call)
{
	bw_call_resource(call, bw_call_input(call, "Arn"));
	bw_call_resource_account(call, call->account);
	return BW_OK;
}

BW_OP(iam, ListPoliciesGrantingServiceAccess, .effect = BW_READ, .resource = identity_resource)
{
	enum { PAGE = 20 }; /* namespaces: a call names 200 at most */
	struct bw_strs known;
	struct iam_holder h;
	size_t from, to;

	TRY(iam_access_holder(call, in->Arn, &h));
	iam_namespaces(call, &known);
	for (size_t i = 0; i < in->ServiceNamespaces.n; i++)
		if (!bw_strs_has(&known, in->ServiceNamespaces.v[i]))
			return bw_call_fail(call, "InvalidInput", "Invalid service namespace: %.*s",
			    BW_FMT(in->ServiceNamespaces.v[i]));
	TRY(bw_page_slice(call, in->ServiceNamespaces.n, in->Marker, (struct bw_opt_int){0}, PAGE, &from, &to,
	    &out->IsTruncated, &out->Marker));
	out->PoliciesGrantingServiceAccess.set = true;
	out->PoliciesGrantingServiceAccess.v =
	    BW_NEW_ARRAY(call->arena, struct iam_ListPoliciesGrantingServiceAccessEntry, to - from);
	for (size_t i = from; i < to; i++) {
		struct iam_ListPoliciesGrantingServiceAccessEntry *entry =
		    &out->PoliciesGrantingServiceAccess.v[out->PoliciesGrantingServiceAccess.n++];
		struct granting g = {call, in->ServiceNamespaces.v[i], &entry->Policies, 0};

		entry->ServiceNamespace = in->ServiceNamespaces.v[i];
		entry->Policies.set = true;
		TRY(service_add(&g, &h));
	}
	return BW_OK;
}
