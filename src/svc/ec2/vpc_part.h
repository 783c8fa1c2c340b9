/* Parts that every VPC has, shown as resources of their own: its main route table, its network ACL, its DHCP
 * options. */
#pragma once

#include "svc/ec2/ec2.h"

/* What the lists of parts are made of. */
struct ec2_part {
	struct bw_str id;
	const struct bw_vpc *vpc;
	const struct bw_subnet *subnets; /* of the VPC */
	size_t subnet_count;
	struct bw_str gateway; /* attached to the VPC; empty: none */
};

/* One a VPC, by the id that stands at `id_at` in its record. Sorted. */
BW_CHECKED enum bw_err ec2_parts(struct bw_call *call, size_t id_at, struct ec2_part **parts, size_t *n);
