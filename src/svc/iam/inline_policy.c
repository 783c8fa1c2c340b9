#include "svc/iam/iam_policy.h"

/* Policies embedded in users, groups and roles: one implementation, twelve operations. */

enum {
	/* White space does not count towards AWS's quotas, but it is stored. What one entity may hold of it
	 * in all, so that its record stays below BW_STORE_VALUE_MAX whatever a client sends. */
	INLINE_BYTES_MAX = 512 * 1024,
};

static enum bw_err bytes_fit(struct bw_call *call, const struct iam_holder *h)
{
	size_t bytes = 0;

	for (size_t i = 0; i < h->inline_policies->n; i++)
		bytes += h->inline_policies->v[i].key.n + h->inline_policies->v[i].value.n;
	if (bytes > INLINE_BYTES_MAX)
		return bw_call_fail(call, "LimitExceeded",
		    "Maximum size of %d bytes with white space exceeded for the inline policies of %s %.*s",
		    INLINE_BYTES_MAX, h->kind->kind, BW_FMT(h->name));
	return BW_OK;
}

static enum bw_err put(struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name,
    struct bw_str policy, struct bw_str document)
{
	struct bw_policy *compiled;
	struct iam_holder h;

	TRY(iam_holder_load_to_change(call, kind, name, &h));
	TRY(bw_call_policy(call, document, BW_POLICY_IDENTITY, NULL, &compiled));
	bw_pairs_set(h.inline_policies, call->arena, policy, document);
	TRY(iam_inline_fits(call, h.inline_policies, kind->inline_quota, kind->kind, h.name));
	TRY(bytes_fit(call, &h));
	iam_holder_save(call, &h);
	return BW_OK;
}

static enum bw_err absent(struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str policy)
{
	return bw_call_fail(call, "NoSuchEntity", "The %s policy with name %.*s cannot be found.", kind->kind,
	    BW_FMT(policy));
}

/* The document as answers carry it, and the entity's name as it is spelled. */
static enum bw_err get(struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name,
    struct bw_str policy, struct bw_str *document)
{
	struct iam_holder h;
	struct bw_pair *found;

	TRY(iam_holder_load(call, kind, name, &h));
	found = bw_pairs_find(h.inline_policies, policy);
	if (!found)
		return absent(call, kind, policy);
	*document = iam_document_encode(call, found->value);
	return BW_OK;
}

static enum bw_err delete (
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, struct bw_str policy) {
	struct iam_holder h;

	TRY(iam_holder_load_to_change(call, kind, name, &h));
	if (!bw_pairs_remove(h.inline_policies, policy)) return absent(call, kind, policy);
	iam_holder_save(call, &h);
	return BW_OK;
}

/* What the three list operations are asked and answer, their types apart. */
struct listing {
	struct bw_str marker;
	struct bw_opt_int max;
	struct iam_policyNameListType *names;
	struct bw_opt_bool *truncated;
	struct bw_str *next;
};

static enum bw_err list(
    struct bw_call *call, const struct iam_holder_kind *kind, struct bw_str name, const struct listing *l)
{
	struct iam_holder h;
	size_t from, to;

	TRY(iam_holder_load(call, kind, name, &h));
	TRY(bw_page_slice(call, h.inline_policies->n, l->marker, l->max, IAM_PAGE_USUAL, &from, &to,
	    l->truncated, l->next));
	l->names->set = true;
	l->names->v = BW_NEW_ARRAY(call->arena, struct bw_str, to - from);
	for (size_t i = from; i < to; i++)
		l->names->v[l->names->n++] = h.inline_policies->v[i].key;
	return BW_OK;
}

#define LISTING                                                                                              \
	(&(struct listing){in->Marker, in->MaxItems, &out->PolicyNames, &out->IsTruncated, &out->Marker})

BW_OP(iam, PutUserPolicy, .effect = BW_WRITE, .resource = iam_user_resource, .keys = iam_boundary_keys)
{
	return put(call, &iam_user_holder, in->UserName, in->PolicyName, in->PolicyDocument);
}

BW_OP(iam, PutGroupPolicy, .effect = BW_WRITE, .resource = iam_group_resource)
{
	return put(call, &iam_group_holder, in->GroupName, in->PolicyName, in->PolicyDocument);
}

BW_OP(iam, PutRolePolicy, .effect = BW_WRITE, .resource = iam_role_resource, .keys = iam_boundary_keys)
{
	return put(call, &iam_role_holder, in->RoleName, in->PolicyName, in->PolicyDocument);
}

BW_OP(iam, GetUserPolicy, .effect = BW_READ, .resource = iam_user_resource)
{
	out->UserName = in->UserName;
	out->PolicyName = in->PolicyName;
	return get(call, &iam_user_holder, in->UserName, in->PolicyName, &out->PolicyDocument);
}

BW_OP(iam, GetGroupPolicy, .effect = BW_READ, .resource = iam_group_resource)
{
	out->GroupName = in->GroupName;
	out->PolicyName = in->PolicyName;
	return get(call, &iam_group_holder, in->GroupName, in->PolicyName, &out->PolicyDocument);
}

BW_OP(iam, GetRolePolicy, .effect = BW_READ, .resource = iam_role_resource)
{
	out->RoleName = in->RoleName;
	out->PolicyName = in->PolicyName;
	return get(call, &iam_role_holder, in->RoleName, in->PolicyName, &out->PolicyDocument);
}

BW_OP(iam, DeleteUserPolicy, .effect = BW_WRITE, .resource = iam_user_resource, .keys = iam_boundary_keys)
{
	return delete (call, &iam_user_holder, in->UserName, in->PolicyName);
}

BW_OP(iam, DeleteGroupPolicy, .effect = BW_WRITE, .resource = iam_group_resource)
{
	return delete (call, &iam_group_holder, in->GroupName, in->PolicyName);
}

BW_OP(iam, DeleteRolePolicy, .effect = BW_WRITE, .resource = iam_role_resource, .keys = iam_boundary_keys)
{
	return delete (call, &iam_role_holder, in->RoleName, in->PolicyName);
}

BW_OP(iam, ListUserPolicies, .effect = BW_READ, .resource = iam_user_resource)
{
	return list(call, &iam_user_holder, in->UserName, LISTING);
}

BW_OP(iam, ListGroupPolicies, .effect = BW_READ, .resource = iam_group_resource)
{
	return list(call, &iam_group_holder, in->GroupName, LISTING);
}

BW_OP(iam, ListRolePolicies, .effect = BW_READ, .resource = iam_role_resource)
{
	return list(call, &iam_role_holder, in->RoleName, LISTING);
}
