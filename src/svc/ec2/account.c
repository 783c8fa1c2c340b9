#include "svc/ec2/ec2.h"

/* The attributes of an account: VPC alone is supported, and the default VPC is named. */

static enum bw_err default_vpc_value(struct bw_call *call, struct bw_str *out)
{
	struct bw_vpc v;

	*out = ec2_default_vpc(call, &v) == BW_OK ? v.id : BW_STR("none");
	return BW_OK;
}

static enum bw_err platforms_value(struct bw_call *call, struct bw_str *out)
{
	(void)call;
	*out = BW_STR("VPC");
	return BW_OK;
}

static enum bw_err groups_per_interface_value(struct bw_call *call, struct bw_str *out)
{
	*out = bw_arena_printf(
	    call->arena, "%lld", (long long)bw_quota_value(call, &ec2_groups_per_interface_quota));
	return BW_OK;
}

static enum bw_err instances_value(struct bw_call *call, struct bw_str *out)
{
	(void)call;
	*out = BW_STR("20");
	return BW_OK;
}

static enum bw_err addresses_value(struct bw_call *call, struct bw_str *out)
{
	(void)call;
	*out = BW_STR("5");
	return BW_OK;
}

static const struct attribute {
	const char *name;
	enum bw_err (*value)(struct bw_call *call, struct bw_str *out);
} attributes[] = {
    {"supported-platforms", platforms_value},
    {"default-vpc", default_vpc_value},
    {"max-instances", instances_value},
    {"vpc-max-security-groups-per-interface", groups_per_interface_value},
    {"max-elastic-ips", addresses_value},
    {"vpc-max-elastic-ips", addresses_value},
};

static bool asked(const struct ec2_AccountAttributeNameStringList *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (bw_str_eq(names->v[i], bw_str_c(name)))
			return true;
	return names->n == 0;
}

EC2_OP(DescribeAccountAttributes, .effect = BW_READ)
{
	out->AccountAttributes = (struct ec2_AccountAttributeList){
	    true, 0, BW_NEW_ARRAY(call->arena, struct ec2_AccountAttribute, BW_COUNT(attributes))};
	for (size_t i = 0; i < BW_COUNT(attributes); i++) {
		struct ec2_AccountAttribute *to = &out->AccountAttributes.v[out->AccountAttributes.n];

		if (!asked(&in->AttributeNames, attributes[i].name))
			continue;
		*to = (struct ec2_AccountAttribute){.AttributeName = bw_str_c(attributes[i].name),
		    .AttributeValues = {true, 1, BW_NEW(call->arena, struct ec2_AccountAttributeValue)}};
		TRY(attributes[i].value(call, &to->AttributeValues.v->AttributeValue));
		out->AccountAttributes.n++;
	}
	return BW_OK;
}
