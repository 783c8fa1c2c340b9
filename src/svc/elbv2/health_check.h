/* Health checks of target groups: defaults by protocol and what may be combined. */
#pragma once

#include "svc/elbv2/elb.h"

/* The members that CreateTargetGroup and ModifyTargetGroup have in common. */
struct health_input {
	struct bw_str protocol, port, path;
	struct bw_opt_bool enabled;
	struct bw_opt_int interval_s, timeout_s, healthy, unhealthy;
	const struct elbv2_Matcher *matcher;
};

/* What is not given becomes the default (ELB API Reference, CreateTargetGroup). */
void health_defaults(struct bw_call *call, struct elbv2_TargetGroup *g, struct health_input *h);
/* Checks and takes over what is given. */
BW_CHECKED enum bw_err health_set(
    struct bw_call *call, struct elbv2_TargetGroup *g, const struct health_input *h);
