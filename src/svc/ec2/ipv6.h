/* What VPCs, subnets and interfaces have of IPv6. */
#pragma once

#include "svc/ec2/ec2.h"

enum { EC2_IPV6_ADDRESSES_MAX = 50 }; /* no instance type has more on one interface */

/* Gives a VPC that is being made a /56 that no other VPC of the Region has. */
BW_CHECKED enum bw_err ec2_ipv6_vpc(struct bw_call *call, struct bw_vpc *v);
/* Gives a subnet that is being made the network asked for: of the VPC's, no other subnet's. */
BW_CHECKED enum bw_err ec2_ipv6_subnet(
    struct bw_call *call, struct bw_str given, const struct bw_vpc *vpc, struct bw_subnet *s);
/* Takes the addresses that the input asks for, or that the subnet gives by itself. */
BW_CHECKED enum bw_err ec2_ipv6_addresses_take(struct bw_call *call,
    const struct ec2_CreateNetworkInterfaceRequest *in, const struct bw_subnet *s,
    struct bw_network_interface *i);

void ec2_ipv6_vpc_shape(
    struct bw_call *call, const struct bw_vpc *v, struct ec2_VpcIpv6CidrBlockAssociationSet *out);
void ec2_ipv6_subnet_shape(
    struct bw_call *call, const struct bw_subnet *s, struct ec2_SubnetIpv6CidrBlockAssociationSet *out);
void ec2_ipv6_interface_shape(
    struct bw_call *call, const struct bw_network_interface *i, struct ec2_NetworkInterface *out);
