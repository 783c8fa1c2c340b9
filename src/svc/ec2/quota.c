#include "svc/ec2/ec2.h"

/* AWS's defaults: VPC User Guide, "Amazon VPC quotas". Each is of one Region. */
BW_QUOTA(ec2_vpcs_quota, "ec2-vpcs", 5, "VpcLimitExceeded", "The maximum number of VPCs has been reached.");
BW_QUOTA(ec2_subnets_quota, "ec2-subnets-per-vpc", 200, "SubnetLimitExceeded",
    "The maximum number of subnets has been reached.");
BW_QUOTA(ec2_gateways_quota, "ec2-internet-gateways", 5, "InternetGatewayLimitExceeded",
    "The maximum number of internet gateways has been reached.");
BW_QUOTA(ec2_groups_quota, "ec2-security-groups", 2500, "SecurityGroupLimitExceeded",
    "The maximum number of security groups has been reached.");
/* Inbound rules and outbound rules each. */
BW_QUOTA(ec2_rules_quota, "ec2-rules-per-security-group", 60, "RulesPerSecurityGroupLimitExceeded",
    "The maximum number of rules per security group has been reached.");
BW_QUOTA(ec2_groups_per_interface_quota, "ec2-security-groups-per-interface", 5,
    "SecurityGroupsPerInterfaceLimitExceeded",
    "The maximum number of security groups per interface has been reached.");
BW_QUOTA(ec2_interfaces_quota, "ec2-network-interfaces", 5000, "NetworkInterfaceLimitExceeded",
    "The maximum number of network interfaces has been reached.");
BW_QUOTA(ec2_prefix_lists_quota, "ec2-prefix-lists", 100, "PrefixListLimitExceeded",
    "The maximum number of customer-managed prefix lists has been reached.");
BW_QUOTA(ec2_prefix_entries_quota, "ec2-prefix-list-entries", 1000, "PrefixListMaxEntriesExceeded",
    "The maximum number of entries per prefix list is %lld.");
BW_QUOTA(ec2_tags_quota, "ec2-tags-per-resource", 50, "TagLimitExceeded",
    "The maximum number of Tags for a resource has been reached.");
BW_QUOTA(ec2_associations_quota, "ec2-vpcs-per-security-group", 5, "SecurityGroupVpcAssociationLimitExceeded",
    "The maximum number of VPCs associated with a security group has been reached.");
