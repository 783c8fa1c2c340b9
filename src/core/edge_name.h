/* The DNS names of load balancers: an index that svc/elbv2 keeps and `bulwark dns` answers from. */
#pragma once

#include "base/mem.h"

/* The key under which a name's address stands as text; the name in any case, without a dot at its end. */
struct bw_str bw_edge_name_key(struct bw_arena *a, struct bw_str name);
/* The zone that names like this one are in, a part of it: "REGION.elb.amazonaws.com",
 * "elb.REGION.amazonaws.com". Absent: it is not a load balancer's. */
struct bw_str bw_edge_name_zone(struct bw_str name);
