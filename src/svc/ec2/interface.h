/* What the files of network interfaces share. */
#pragma once

#include "svc/ec2/ec2.h"

/* AWS's highest quota of groups on one interface. */
enum { EC2_INTERFACE_GROUPS_MAX = 16 };

BW_CHECKED enum bw_err ec2_interface_shape(
    struct bw_call *call, const struct bw_network_interface *i, struct ec2_NetworkInterface *out);
/* The groups by id and name. A group that is gone is left out. */
BW_CHECKED enum bw_err ec2_interface_groups(
    struct bw_call *call, const struct bw_network_interface *i, struct ec2_GroupIdentifierList *out);
/* Groups given for an interface of the VPC: there, joined with it, each once, within the quota. None given:
 * its default one. */
BW_CHECKED enum bw_err ec2_interface_groups_check(struct bw_call *call, const struct bw_vpc *vpc,
    struct bw_str subnet, const struct ec2_SecurityGroupIdStringList *given, struct bw_strs *out);
/* The interface, unless a service keeps it for itself: OperationNotPermitted. */
BW_CHECKED enum bw_err ec2_interface_own(
    struct bw_call *call, struct bw_str id, struct bw_network_interface *out);
/* A row's `resource`. */
enum bw_err ec2_interface_resource(struct bw_call *call);
