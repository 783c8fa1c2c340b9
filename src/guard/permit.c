#include "guard/guard_internal.h"

static const struct {
	const char *name;
	int number;
} protocols[] = {{"-1", -1}, {"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}};

static enum bw_err protocol_parse(struct bw_str text, int *out)
{
	int64_t number;

	for (size_t i = 0; i < BW_COUNT(protocols); i++)
		if (bw_str_eq(text, bw_str_c(protocols[i].name))) {
			*out = protocols[i].number;
			return BW_OK;
		}
	TRY(bw_str_to_i64(text, 0, 255, &number));
	*out = (int)number;
	return BW_OK;
}

enum bw_err guard_permit_parse(const struct bw_edge_permit *in, struct guard_permit *out)
{
	TRY(protocol_parse(in->protocol, &out->protocol));
	CHECK(in->from_port >= -1 && in->from_port <= 65535 && in->to_port >= -1 && in->to_port <= 65535,
	    BW_EINVAL);
	out->from = (int)in->from_port;
	out->to = (int)in->to_port;
	TRY(bw_cidr_parse(in->network, &out->network));
	(void)bw_cidr_mask(&out->network);
	return BW_OK;
}
