#include "svc/kms/grant.h"

#include "core/trust.h"

static void context_to_shape(struct bw_call *call, const struct bw_pairs *pairs, struct kms_EncryptionContextType *out)
{
	out->set = true;
	out->keys = BW_NEW_ARRAY(call->arena, struct bw_str, pairs->n + 1);
	out->v = BW_NEW_ARRAY(call->arena, struct bw_str, pairs->n + 1);
	for (out->n = 0; out->n < pairs->n; out->n++) {
		out->keys[out->n] = pairs->v[out->n].key;
		out->v[out->n] = pairs->v[out->n].value;
	}
}

/* A principal that was renamed or is gone is shown as policies show it. */
static struct bw_str principal_now(struct bw_call *call, struct bw_str arn, struct bw_str id)
{
	struct bw_arn parts;

	if (!bw_str_set(id) || bw_arn_parse(arn, &parts) != BW_OK || !bw_str_eq(parts.service, BW_STR("iam")))
		return arn;
	return bw_principal_now(call, arn, id);
}

static void entry(struct bw_call *call, struct bw_str key_arn, const struct kms_grant *g, struct kms_GrantListEntry *out)
{
	*out = (struct kms_GrantListEntry){.KeyId = key_arn, .GrantId = g->id, .Name = bw_str_set(g->name) ? g->name : BW_STR(""),
	    .CreationDate = BW_TIME(g->created_ms), .GranteePrincipal = principal_now(call, g->grantee, g->grantee_id),
	    .RetiringPrincipal = principal_now(call, g->retiring, g->retiring_id), .IssuingAccount = g->issuer,
	    .Operations = {true, g->operations.n, g->operations.v}};
	if (!g->has_equals && !g->has_subset)
		return;
	out->Constraints = BW_NEW(call->arena, struct kms_GrantConstraints);
	if (g->has_equals)
		context_to_shape(call, &g->equals, &out->Constraints->EncryptionContextEquals);
	else
		context_to_shape(call, &g->subset, &out->Constraints->EncryptionContextSubset);
}

static enum bw_err list_keys(struct bw_call *call)
{
	bw_call_context(call, BW_STR("kms:GrantIsForAWSResource"), BW_STR("false"));
	return BW_OK;
}

static bool is_wanted(const IN_kms_ListGrants *in, struct bw_str grantee, const struct kms_grant *g)
{
	return (!bw_str_set(in->GrantId) || bw_str_eq(in->GrantId, g->id)) &&
	       (!bw_str_set(grantee) || bw_str_eq(grantee, kms_grant_who(g->grantee, g->grantee_id)));
}

/* As the indices know whoever has that ARN now. */
static struct bw_str who_is(struct bw_call *call, struct bw_str arn)
{
	return bw_str_set(arn) ? kms_grant_who(arn, bw_principal_id(call, arn)) : BW_STR_NONE;
}

BW_OP(kms, ListGrants, .effect = BW_READ, .resource = kms_managed_key, .keys = list_keys)
{
	struct bw_str grantee = who_is(call, in->GranteePrincipal);
	struct bw_page page;
	struct kms_found *f;
	struct kms_grant g;
	enum bw_err e;

	TRY(kms_key_of(call, &f));
	TRY(kms_page_begin(call, kms_grant_key(call, f, BW_STR_NONE), in->Marker, in->Limit, KMS_PAGE_SMALL, &page));
	out->Grants.set = true;
	out->Grants.v = BW_NEW_ARRAY(call->arena, struct kms_GrantListEntry, page.left);
	while ((e = bw_page_next(call, &page, &kms_grant_record, &g, NULL)) == BW_OK) {
		if (is_wanted(in, grantee, &g))
			entry(call, f->arn, &g, &out->Grants.v[out->Grants.n++]);
		else
			bw_page_skip(&page);
	}
	bw_page_end(call, &page, &out->Truncated, &out->NextMarker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

BW_OP(kms, ListRetirableGrants, .effect = BW_READ)
{
	struct bw_str who = who_is(call, in->RetiringPrincipal), name;
	struct bw_page page;
	enum bw_err e;

	TRY(kms_page_begin(call, kms_retiring_key(call, NULL, who, BW_STR_NONE), in->Marker, in->Limit, KMS_PAGE_SMALL, &page));
	out->Grants.set = true;
	out->Grants.v = BW_NEW_ARRAY(call->arena, struct kms_GrantListEntry, page.left);
	while ((e = bw_page_next(call, &page, NULL, NULL, &name)) == BW_OK) {
		struct bw_str key_id = bw_str_cut(&name, '/');
		struct kms_found f = {0};
		struct kms_grant g;

		e = kms_find_in(call, call->account, call->region, key_id, &f);
		if (e != BW_OK)
			break;
		if (f.as == KMS_FOUND && kms_grant_find(call, &f, name, &g) == BW_OK)
			entry(call, f.arn, &g, &out->Grants.v[out->Grants.n++]);
		else
			bw_page_skip(&page);
	}
	bw_page_end(call, &page, &out->Truncated, &out->NextMarker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}
