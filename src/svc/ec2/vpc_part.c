#include "svc/ec2/vpc_part.h"

#include "codec/sort.h"

static int by_id(const void *a, const void *b)
{
	return bw_str_cmp(((const struct ec2_part *)a)->id, ((const struct ec2_part *)b)->id);
}

static enum bw_err subnets_of(struct bw_call *call, struct ec2_part *part)
{
	struct bw_network n = bw_network_of(call);
	struct bw_subnet *all;
	size_t count, kept = 0;

	TRY(bw_network_all(&n, &bw_subnet_record, &all, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(all[i].vpc, part->vpc->id))
			all[kept++] = all[i];
	part->subnets = all;
	part->subnet_count = kept;
	return BW_OK;
}

static enum bw_err gateway_of(struct bw_call *call, struct ec2_part *part)
{
	struct bw_network n = bw_network_of(call);
	struct bw_internet_gateway *all;
	size_t count;

	TRY(bw_network_all(&n, &bw_internet_gateway_record, &all, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(all[i].vpc, part->vpc->id))
			part->gateway = all[i].id;
	return BW_OK;
}

enum bw_err ec2_parts(struct bw_call *call, size_t id_at, struct ec2_part **parts, size_t *n)
{
	struct bw_network net = bw_network_of(call);
	struct bw_vpc *vpcs;

	TRY(bw_network_all(&net, &bw_vpc_record, &vpcs, n));
	*parts = BW_NEW_ARRAY(call->arena, struct ec2_part, *n);
	for (size_t i = 0; i < *n; i++) {
		(*parts)[i] = (struct ec2_part){
		    .id = *(const struct bw_str *)((const char *)&vpcs[i] + id_at), .vpc = &vpcs[i]};
		TRY(subnets_of(call, &(*parts)[i]));
		TRY(gateway_of(call, &(*parts)[i]));
	}
	if (*n)
		bw_sort(*parts, *n, sizeof **parts, by_id);
	return BW_OK;
}
