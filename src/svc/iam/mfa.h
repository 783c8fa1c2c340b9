/* What the files of MFA devices share. Thread, memory and errors as in iam.h. */
#pragma once

#include "base/sys.h"
#include "core/mfa.h"
#include "svc/iam/iam_policy.h"

/* ---- mfa_device.c ---- */

/* The device of SerialNumber, with its tags when it is there. */
BW_CHECKED enum bw_err iam_mfa_device_resource(struct bw_call *call);
/* NoSuchEntity in AWS's words. */
BW_CHECKED enum bw_err iam_mfa_load(struct bw_call *call, struct bw_str serial, struct bw_mfa_device *out);

static inline bool iam_mfa_is_assigned(const struct bw_mfa_device *d)
{
	return d->root || bw_str_set(d->user);
}
