#include "core/edge_name.h"

struct bw_str bw_edge_name_key(struct bw_arena *a, struct bw_str name)
{
	struct bw_str lower = bw_arena_lower(a, name);

	return bw_arena_printf(a, "-/global/elbv2/dns/%.*s", BW_FMT(lower));
}

/* The last `labels` labels; absent when there are fewer. */
static struct bw_str tail(struct bw_str name, size_t labels)
{
	for (size_t i = name.n; i > 0; i--)
		if (name.p[i - 1] == '.' && --labels == 0)
			return bw_str_sub(name, i, name.n);
	return labels == 1 && name.n ? name : BW_STR_NONE;
}

struct bw_str bw_edge_name_zone(struct bw_str name)
{
	struct bw_str zone = tail(name, 4);

	if (!bw_str_set(zone) || !bw_str_ends(zone, BW_STR(".amazonaws.com")))
		return BW_STR_NONE;
	if (bw_str_starts(zone, BW_STR("elb.")) || bw_str_ends(zone, BW_STR(".elb.amazonaws.com")))
		return zone;
	return BW_STR_NONE;
}
