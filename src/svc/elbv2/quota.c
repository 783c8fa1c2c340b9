#include "svc/elbv2/elb.h"

/* Application and Network Load Balancers Guides, "Quotas". The names are those DescribeAccountLimits gives,
 * behind "elbv2-". */

#define QUOTA(id, name, value, code, message) BW_QUOTA(id, "elbv2-" name, value, code, message)

QUOTA(elb_app_quota, "application-load-balancers", 50, "TooManyLoadBalancers",
    "The maximum number of application load balancers has been reached (%lld)");
QUOTA(elb_net_quota, "network-load-balancers", 50, "TooManyLoadBalancers",
    "The maximum number of network load balancers has been reached (%lld)");
QUOTA(elb_groups_quota, "target-groups", 3000, "TooManyTargetGroups",
    "The maximum number of target groups has been reached (%lld)");
QUOTA(elb_targets_quota, "targets-per-target-group", 1000, "TooManyTargets",
    "The maximum number of targets per target group has been reached (%lld)");
QUOTA(elb_targets_of_app_quota, "targets-per-application-load-balancer", 1000, "TooManyTargets",
    "The maximum number of targets per load balancer has been reached (%lld)");
QUOTA(elb_targets_of_net_quota, "targets-per-network-load-balancer", 3000, "TooManyTargets",
    "The maximum number of targets per load balancer has been reached (%lld)");
QUOTA(elb_targets_of_zone_quota, "targets-per-availability-zone-per-network-load-balancer", 500, "TooManyTargets",
    "The maximum number of targets per Availability Zone per load balancer has been reached (%lld)");
QUOTA(elb_app_listeners_quota, "listeners-per-application-load-balancer", 50, "TooManyListeners",
    "The maximum number of listeners per load balancer has been reached (%lld)");
QUOTA(elb_net_listeners_quota, "listeners-per-network-load-balancer", 50, "TooManyListeners",
    "The maximum number of listeners per load balancer has been reached (%lld)");
QUOTA(elb_rules_quota, "rules-per-application-load-balancer", 100, "TooManyRules",
    "The maximum number of rules per load balancer has been reached (%lld)");
QUOTA(elb_app_groups_quota, "target-groups-per-application-load-balancer", 100,
    "TooManyUniqueTargetGroupsPerLoadBalancer",
    "You have reached the maximum number of unique target groups that you can associate with a load balancer "
    "of type "
    "'application': [%lld]");
QUOTA(elb_net_groups_quota, "target-groups-per-network-load-balancer", 3000,
    "TooManyUniqueTargetGroupsPerLoadBalancer",
    "You have reached the maximum number of unique target groups that you can associate with a load balancer "
    "of type "
    "'network': [%lld]");
QUOTA(elb_app_certificates_quota, "certificates-per-application-load-balancer", 25, "TooManyCertificates",
    "The maximum number of certificates per load balancer has been reached (%lld)");
QUOTA(elb_net_certificates_quota, "certificates-per-network-load-balancer", 25, "TooManyCertificates",
    "The maximum number of certificates per load balancer has been reached (%lld)");
QUOTA(elb_condition_values_quota, "condition-values-per-alb-rule", 5, "ValidationError",
    "A rule can only have '%lld' condition values");
QUOTA(elb_wildcards_quota, "condition-wildcards-per-alb-rule", 6, "ValidationError",
    "A rule can only have '%lld' condition wildcards");
QUOTA(elb_app_action_groups_quota, "target-groups-per-action-on-application-load-balancer", 5,
    "TooManyTargetGroups", "An action can only have '%lld' target groups");
QUOTA(elb_net_action_groups_quota, "target-groups-per-action-on-network-load-balancer", 5,
    "TooManyTargetGroups", "An action can only have '%lld' target groups");
QUOTA(elb_trust_stores_quota, "trust-stores-per-account", 20, "TooManyTrustStores",
    "The maximum number of trust stores has been reached (%lld)");
QUOTA(elb_revocations_quota, "revocation-entries-per-trust-store", 500000,
    "TooManyTrustStoreRevocationEntries",
    "The maximum number of revocation entries per trust store has been reached (%lld)");
QUOTA(elb_trust_certificates_quota, "ca-certificates-per-trust-store", 25, "InvalidCaCertificatesBundle",
    "The CA certificates bundle can only have '%lld' certificates");

/* ---- DescribeAccountLimits ---- */

static const struct bw_quota *const shown[] = {&elb_app_quota, &elb_net_quota, &elb_groups_quota,
    &elb_targets_quota, &elb_targets_of_app_quota, &elb_targets_of_net_quota, &elb_targets_of_zone_quota, &elb_app_listeners_quota,
    &elb_net_listeners_quota, &elb_rules_quota, &elb_app_groups_quota, &elb_net_groups_quota,
    &elb_app_certificates_quota, &elb_net_certificates_quota, &elb_condition_values_quota, &elb_wildcards_quota, &elb_app_action_groups_quota, &elb_net_action_groups_quota,
    &elb_trust_stores_quota, &elb_revocations_quota, &elb_trust_certificates_quota};

BW_OP(elbv2, DescribeAccountLimits, .effect = BW_READ)
{
	size_t from, to;

	TRY(bw_page_slice(call, BW_COUNT(shown), in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL,
	    &out->NextMarker));
	out->Limits =
	    (struct elbv2_Limits){true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_Limit, to - from)};
	for (; from < to; from++)
		out->Limits.v[out->Limits.n++] =
		    (struct elbv2_Limit){.Name = bw_str_c(shown[from]->name + strlen("elbv2-")),
		        .Max = bw_arena_printf(
		            call->arena, "%lld", (long long)bw_quota_value(call, shown[from]))};
	return BW_OK;
}
