/* The policy of an authority: it allows beside the policies of those who call, and denies above them. */
#include "svc/acm_pca/pca.h"

#include "core/trust.h"

static enum bw_err policy_set(struct bw_call *call, struct pca_found *f, struct bw_str document)
{
	struct bw_policy *compiled;
	enum bw_err e;

	f->a.policy_principals = (struct bw_pairs){0};
	TRY(bw_call_policy(call, document, BW_POLICY_RESOURCE, "InvalidPolicyException", &compiled));
	e = bw_trust_resolve(call, document, &f->a.policy_principals);
	if (e == BW_EFAILED)
		return bw_call_fail(call, "InvalidPolicyException", "%s",
		    "The policy names a principal that does not exist.");
	TRY(e);
	/* Whoever may set it now must be able to set it again. */
	if (!bw_call_would_allow(call, BW_STR("acm-pca:PutPolicy"), f->arn, compiled, false))
		return bw_call_fail(call, "LockoutPreventedException", "%s",
		    "The policy would prevent you from changing the policy of this certificate authority "
		    "again.");
	f->a.policy = document;
	return BW_OK;
}

BW_OP(acm_pca, PutPolicy, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	TRY(policy_set(call, f, in->Policy));
	pca_save(call, f);
	return BW_OK;
}

BW_OP(acm_pca, GetPolicy, .effect = BW_READ, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	if (!bw_str_set(f->a.policy))
		return bw_call_fail(call, "ResourceNotFoundException", "There is no policy attached to %.*s.",
		    BW_FMT(f->arn));
	out->Policy = bw_principals_effective(call, f->a.policy, &f->a.policy_principals);
	return BW_OK;
}

/* Without one there is nothing to do, and nothing wrong. */
BW_OP(acm_pca, DeletePolicy, .effect = BW_WRITE, .resource = pca_resource)
{
	struct pca_found *f;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, ~PCA_IN(DELETED)));
	f->a.policy = BW_STR_NONE;
	f->a.policy_principals = (struct bw_pairs){0};
	pca_save(call, f);
	return BW_OK;
}
