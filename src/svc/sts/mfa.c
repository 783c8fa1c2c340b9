#include "core/mfa.h"
#include "svc/sts/sts.h"

static enum bw_err refuse(struct bw_call *call, const char *why)
{
	return bw_call_fail(call, "AccessDenied", "MultiFactorAuthentication failed%s", why);
}

/* The devices of who calls: users and the root user alone have any, and show them with their own keys. */
static enum bw_err is_own(struct bw_call *call, const struct bw_mfa_device *d)
{
	const struct bw_caller *c = call->caller;
	bool own = c->kind == BW_PRINCIPAL_ROOT ? d->root : c->kind == BW_PRINCIPAL_USER && bw_str_eq(d->user, c->name);

	return own && !c->temporary ? BW_OK : BW_ENOTFOUND;
}

enum bw_err sts_mfa_take(struct bw_call *call, struct bw_str serial, struct bw_str code, bool *shown)
{
	struct bw_mfa_device d;
	enum bw_err e;

	*shown = false;
	if (!bw_str_set(serial) && !bw_str_set(code))
		return BW_OK;
	if (!bw_str_set(serial) || !bw_str_set(code))
		return refuse(call, ", must provide both MFA serial number and one time pass code.");
	e = bw_mfa_load(call, serial, &d);
	if (e == BW_OK)
		e = is_own(call, &d);
	if (e == BW_ENOTFOUND)
		return refuse(call, ", unable to validate MFA code.  Please verify your MFA serial number is valid and associated "
		                    "with this user.");
	TRY(e);
	/* Too many wrong codes are answered as one more: how many are left is nobody's business. */
	if (bw_mfa_verify(call, &d, code) != BW_MFA_GOOD)
		return refuse(call, " with invalid MFA one time pass code. ");
	*shown = true;
	return BW_OK;
}
