#include "svc/elbv2/elb.h"

bool elb_is(struct bw_str s, const char *word)
{
	return bw_str_eq(s, bw_str_c(word));
}

bool elb_one_of(struct bw_str s, const char *const *list)
{
	for (; *list; list++)
		if (elb_is(s, *list))
			return true;
	return false;
}

enum bw_err elb_not_built(struct bw_call *call, const char *what)
{
	enum bw_err e =
	    bw_call_fail(call, "NotImplemented", "Bulwark does not implement %s. See docs/elbv2.md.", what);

	call->error.status = 501;
	return e;
}

enum bw_err elb_name_check(struct bw_call *call, const char *label, const char *joint, struct bw_str name)
{
	if (name.n == 0)
		return elb_invalid(call, "%s name cannot be blank", label);
	if (name.n > 32)
		return elb_invalid(
		    call, "%s name '%.*s' cannot be longer than '32' characters", label, BW_FMT(name));
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
			return elb_invalid(call,
			    "%s name '%.*s' can only contain characters that are alphanumeric characters %s "
			    "hyphens(-)",
			    label, BW_FMT(name), joint);
	}
	if (name.p[0] == '-' || name.p[name.n - 1] == '-')
		return elb_invalid(
		    call, "%s name '%.*s' cannot begin or end with a hyphen(-)", label, BW_FMT(name));
	return BW_OK;
}
