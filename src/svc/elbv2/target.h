/* Targets as calls name them. */
#pragma once

#include "svc/elbv2/elb.h"

/* A target as a call names it, with what its address says. */
struct target_given {
	struct bw_str id, zone;
	int64_t port;
};

/* One to be registered: an id of the group's kind that may be had, with its port and zone. */
BW_CHECKED enum bw_err target_check(struct bw_call *call, const struct elb_target_group *g,
    const struct elbv2_TargetDescription *in, struct target_given *out);
/* One that is meant: the port as given, else the group's; spelled as when it was registered. */
BW_CHECKED enum bw_err target_named(struct bw_call *call, const struct elb_target_group *g,
    const struct elbv2_TargetDescription *in, struct target_given *out);
