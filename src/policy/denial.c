/* The text of a denial. IAM User Guide, "Troubleshoot access denied error messages"; the ARN of a denying
 * policy since January 2026 (AWS Security Blog, "Enhanced access denied error messages with policy ARNs"). */
#include "policy/form.h"

static const struct {
	const char *with, *because;
	bool arn; /* the kinds of policy whose ARN is told */
} layers[] = {
    [BW_LAYER_NONE] = {NULL, NULL, false},
    [BW_LAYER_IDENTITY] = {"an identity-based policy", "no identity-based policy", true},
    [BW_LAYER_RESOURCE] = {"a resource-based policy", "no resource-based policy", false},
    [BW_LAYER_BOUNDARY] = {"a permissions boundary", "no permissions boundary", true},
    [BW_LAYER_SESSION] = {"a session policy", "no session policy", true},
    [BW_LAYER_SCP] = {"a service control policy", "no service control policy", true},
    [BW_LAYER_RCP] = {"a resource control policy", "no resource control policy", true},
    [BW_LAYER_VPCE] = {"a VPC endpoint policy", "no VPC endpoint policy", false},
    [BW_LAYER_TRUST] = {"the role trust policy", NULL,
        false}, /* AWS gives no reason for a role that does not trust */
};

static void who_put(const struct bw_policy_request *r, struct bw_buf *out)
{
	if (r->principal_kind == BW_PRINCIPAL_WEB) {
		bw_buf_put(out, BW_STR("Not authorized to perform "));
		bw_buf_put(out, r->action);
		return;
	}
	bw_buf_put(out, BW_STR("User: "));
	bw_buf_put(out, r->principal_kind == BW_PRINCIPAL_ANONYMOUS ? BW_STR("anonymous") : r->principal_arn);
	bw_buf_put(out, BW_STR(" is not authorized to perform: "));
	bw_buf_put(out, r->action);
	if (r->resource.n == 0)
		return;
	bw_buf_put(out, BW_STR(" on resource: "));
	bw_buf_put(out, r->resource);
}

/* STS tells nobody why a role may not be taken: neither whom it trusts nor whether it is there. */
static bool is_taking_role(struct bw_str action)
{
	static const char *const actions[] = {"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"};

	for (size_t i = 0; i < BW_COUNT(actions); i++)
		if (bw_str_starts_nocase(action, bw_str_c(actions[i])))
			return true;
	return false;
}

void bw_policy_denial(
    const struct bw_policy_request *request, const struct bw_verdict *verdict, struct bw_buf *out)
{
	bool explicitly = verdict->decision == BW_DENIED_EXPLICIT;
	const char *with = layers[verdict->layer].with, *because = layers[verdict->layer].because;

	who_put(request, out);
	/* STS does not tell a stranger which role trusts whom. */
	if (request->principal_kind == BW_PRINCIPAL_WEB)
		return;
	if (explicitly && with) {
		bw_buf_printf(out, " with an explicit deny in %s", with);
		if (layers[verdict->layer].arn && same_account(request) &&
		    bw_str_starts(verdict->policy_id, BW_STR("arn:")))
			bw_buf_printf(out, ": %.*s", BW_FMT(verdict->policy_id));
	}
	if (!explicitly && because && !is_taking_role(request->action))
		bw_buf_printf(out, " because %s allows the %.*s action", because, BW_FMT(request->action));
}
