/* What clients see of a load balancer beside what is stored. */
#pragma once

#include "svc/elbv2/elb.h"

/* With its ARN, times, and the state that the edge's report (bw_edge_report_latest) gives. */
BW_CHECKED enum bw_err elb_load_balancer_to_shape(struct bw_call *call, const struct elb_load_balancer *lb,
    const struct bw_edge_report *report, struct elbv2_LoadBalancer *out);
/* Route 53's hosted zone of load balancers in a Region; absent for Regions that are not AWS's. */
struct bw_str elb_hosted_zone(struct bw_str region, bool application);
/* elasticloadbalancing:Subnet of the subnets that a call names. */
void elb_subnet_keys(
    struct bw_call *call, const struct elbv2_Subnets *subnets, const struct elbv2_SubnetMappings *mappings);
