/* Where a load balancer stands in EC2's networks: subnets, security groups, the interfaces it has in them. */
#pragma once

#include "svc/elbv2/elb.h"

struct placement {
	struct elbv2_SubnetMapping *mappings; /* one a subnet, as given */
	struct bw_subnet *subnets;
	size_t n;
	struct bw_strs groups;
	struct bw_str vpc;
};

/* Subnets or mappings of CreateLoadBalancer or SetSubnets, checked. `type`: "app", "net". */
BW_CHECKED enum bw_err placement_subnets(struct bw_call *call, struct bw_str type, struct bw_str scheme,
    const struct elbv2_Subnets *subnets, const struct elbv2_SubnetMappings *mappings, struct placement *out);
/* Security groups of the placement's VPC; for an application load balancer without any the VPC's own. */
BW_CHECKED enum bw_err placement_groups(
    struct bw_call *call, struct bw_str type, const struct elbv2_SecurityGroups *given, struct placement *p);
/* The subnets that a load balancer stands in. */
BW_CHECKED enum bw_err placement_now(
    struct bw_call *call, const struct elb_load_balancer *lb, struct placement *out);
/* ipv4, dualstack, dualstack-without-public-ipv4: as far as the subnets allow. */
BW_CHECKED enum bw_err placement_address_type(
    struct bw_call *call, struct bw_str type, struct bw_str address_type, const struct placement *p);

/* Makes the interfaces that are missing, drops those in other subnets, and shows the zones in the load
 * balancer's shape. */
BW_CHECKED enum bw_err placement_take(
    struct bw_call *call, struct elb_load_balancer *lb, const struct placement *p);
/* Puts every interface into the groups. */
BW_CHECKED enum bw_err placement_regroup(
    struct bw_call *call, struct elb_load_balancer *lb, const struct bw_strs *groups);
BW_CHECKED enum bw_err placement_give(struct bw_call *call, const struct elb_load_balancer *lb);
/* The security groups as a shape's list, and back. */
void placement_groups_show(struct bw_call *call, struct elb_load_balancer *lb, const struct bw_strs *groups);
