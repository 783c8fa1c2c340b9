/* What ACM itself may do with an authority: for renewals, when nobody calls (AWS Private CA User Guide,
 * "Assigning certificate renewal permissions to ACM"). */
#include "svc/acm_pca/pca.h"

static const char acm[] = "acm.amazonaws.com";

static struct bw_str holder(struct bw_call *call, struct bw_str account, struct bw_str principal)
{
	return bw_arena_printf(call->arena, "%.*s/%.*s",
	    BW_FMT(bw_str_set(account) ? account : call->account), BW_FMT(principal));
}

static enum bw_err holder_check(struct bw_call *call, struct bw_str account, struct bw_str principal)
{
	if (!bw_str_eq(principal, bw_str_c(acm)))
		return bw_call_fail(call, "ValidationException",
		    "%.*s is not a valid principal: the only one is %s.", BW_FMT(principal), acm);
	if (bw_str_set(account) && !bw_str_eq(account, call->account))
		return bw_call_fail(
		    call, "ValidationException", "%s", "SourceAccount must be the account that owns the CA.");
	return BW_OK;
}

BW_OP(acm_pca, CreatePermission, .effect = BW_WRITE, .resource = pca_resource)
{
	struct bw_str key = holder(call, in->SourceAccount, in->Principal);
	struct acm_pca_Permission p;
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	TRY(holder_check(call, in->SourceAccount, in->Principal));
	if (bw_pairs_find(&f->a.permissions, key))
		return bw_call_fail(call, "PermissionAlreadyExistsException",
		    "The permission has already been given to %.*s.", BW_FMT(in->Principal));
	p = (struct acm_pca_Permission){.CertificateAuthorityArn = f->arn,
	    .CreatedAt = BW_TIME(call->now_ms),
	    .Principal = in->Principal,
	    .SourceAccount = call->account,
	    .Actions = in->Actions};
	bw_pairs_set(
	    &f->a.permissions, call->arena, key, bw_shape_pack(acm_pca_Permission_shape, &p, call->arena));
	pca_save(call, f);
	return BW_OK;
}

BW_OP(acm_pca, DeletePermission, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	TRY(holder_check(call, in->SourceAccount, in->Principal));
	if (!bw_pairs_remove(&f->a.permissions, holder(call, in->SourceAccount, in->Principal)))
		return bw_call_fail(call, "ResourceNotFoundException",
		    "No permission has been given to %.*s.", BW_FMT(in->Principal));
	pca_save(call, f);
	return BW_OK;
}

BW_OP(acm_pca, ListPermissions, .effect = BW_READ, .resource = pca_resource)
{
	struct pca_found *f;
	size_t from, to;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	TRY(pca_page_slice(
	    call, f->a.permissions.n, in->NextToken, in->MaxResults, &from, &to, &out->NextToken));
	out->Permissions.set = true;
	out->Permissions.v = BW_NEW_ARRAY(call->arena, struct acm_pca_Permission, to - from + 1);
	for (size_t i = from; i < to; i++)
		TRY(bw_shape_unpack(acm_pca_Permission_shape, f->a.permissions.v[i].value, call->arena,
		    &out->Permissions.v[out->Permissions.n++]));
	return BW_OK;
}
