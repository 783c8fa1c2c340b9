#include "core/trust.h"
#include "svc/iam/role_trust.h"

enum bw_err iam_trust_set(struct bw_call *call, struct bw_role *r, struct bw_str document)
{
	struct bw_policy *compiled;

	TRY(bw_call_policy(call, document, BW_POLICY_TRUST, NULL, &compiled));
	TRY(iam_trust_check(call, document));
	TRY(iam_document_fits(call, document, &iam_trust_size_quota));
	TRY(bw_trust_resolve(call, document, &r->trust_principals));
	r->trust = document;
	return BW_OK;
}

BW_OP(iam, UpdateAssumeRolePolicy, .effect = BW_WRITE, .resource = iam_role_resource)
{
	struct bw_role r;

	TRY(iam_role_load(call, in->RoleName, &r));
	TRY(iam_role_modifiable(call, &r));
	TRY(iam_trust_set(call, &r, in->PolicyDocument));
	iam_role_save(call, &r);
	return BW_OK;
}
