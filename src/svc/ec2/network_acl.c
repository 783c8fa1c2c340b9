#include "svc/ec2/vpc_part.h"

/* The default ACL of a VPC: rule 100 lets everything through in both directions, the last one refuses what is
 * left (VPC User Guide, "Default network ACL for a VPC"). */
static const struct entry {
	bool egress;
	int number;
	const char *action;
	bool v6; /* of VPCs with an IPv6 network alone */
} entries[] = {
    {true, 100, "allow", false},
    {true, 101, "allow", true},
    {true, 32767, "deny", false},
    {true, 32768, "deny", true},
    {false, 100, "allow", false},
    {false, 101, "allow", true},
    {false, 32767, "deny", false},
    {false, 32768, "deny", true},
};

static bool has_entry(const struct ec2_part *part, const struct entry *e)
{
	return !e->v6 || part->vpc->ipv6_cidr.n;
}

static void vpc_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct ec2_part *)item)->vpc->id);
}

static void subnets_fact(struct ec2_facts *f, const void *item)
{
	const struct ec2_part *part = item;

	for (size_t i = 0; i < part->subnet_count; i++)
		ec2_fact(f, part->subnets[i].id);
}

static void associations_fact(struct ec2_facts *f, const void *item)
{
	const struct ec2_part *part = item;

	for (size_t i = 0; i < part->subnet_count; i++)
		ec2_fact(f, part->subnets[i].acl_association);
}

static void entry_facts(struct ec2_facts *f, const void *item)
{
	for (size_t i = 0; i < BW_COUNT(entries); i++)
		if (has_entry(item, &entries[i]))
			ec2_fact_int(f, entries[i].number);
}

static void network6_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct ec2_part *)item)->vpc->ipv6_cidr.n ? BW_STR("::/0") : BW_STR_NONE);
}

static void action_facts(struct ec2_facts *f, const void *item)
{
	(void)item;
	ec2_fact(f, BW_STR("allow"));
	ec2_fact(f, BW_STR("deny"));
}

static void egress_facts(struct ec2_facts *f, const void *item)
{
	(void)item;
	ec2_fact_bool(f, true);
	ec2_fact_bool(f, false);
}

static const struct ec2_filter_row acl_filters[] = {
    EC2_FILTER_OF("association.association-id", associations_fact),
    EC2_FILTER_STR("association.network-acl-id", struct ec2_part, id),
    EC2_FILTER_OF("association.subnet-id", subnets_fact),
    EC2_FILTER_FIXED("default", "true"),
    EC2_FILTER_FIXED("entry.cidr", "0.0.0.0/0"),
    EC2_FILTER_OF("entry.egress", egress_facts),
    EC2_FILTER_FIXED("entry.icmp.code", NULL),
    EC2_FILTER_FIXED("entry.icmp.type", NULL),
    EC2_FILTER_OF("entry.ipv6-cidr", network6_fact),
    EC2_FILTER_FIXED("entry.port-range.from", NULL),
    EC2_FILTER_FIXED("entry.port-range.to", NULL),
    EC2_FILTER_FIXED("entry.protocol", "-1"),
    EC2_FILTER_OF("entry.rule-action", action_facts),
    EC2_FILTER_OF("entry.rule-number", entry_facts),
    EC2_FILTER_STR("network-acl-id", struct ec2_part, id),
    EC2_FILTER_OWNER("owner-id"),
    EC2_FILTER_OF("vpc-id", vpc_fact),
};
static const struct ec2_listing acl_listing = {
    &ec2_network_acl, sizeof(struct ec2_part), acl_filters, BW_COUNT(acl_filters)};

static void associations_shape(
    struct bw_call *call, const struct ec2_part *part, struct ec2_NetworkAclAssociationList *out)
{
	*out = (struct ec2_NetworkAclAssociationList){true, part->subnet_count,
	    BW_NEW_ARRAY(call->arena, struct ec2_NetworkAclAssociation, part->subnet_count)};
	for (size_t i = 0; i < part->subnet_count; i++)
		out->v[i] = (struct ec2_NetworkAclAssociation){
		    .NetworkAclAssociationId = part->subnets[i].acl_association,
		    .NetworkAclId = part->id,
		    .SubnetId = part->subnets[i].id};
}

static enum bw_err acl_shape(struct bw_call *call, const struct ec2_part *part, struct ec2_NetworkAcl *out)
{
	*out = (struct ec2_NetworkAcl){
	    .Entries = {true, 0,
	        BW_NEW_ARRAY(call->arena, struct ec2_NetworkAclEntry, BW_COUNT(entries))},
	    .IsDefault = BW_BOOL(true),
	    .NetworkAclId = part->id,
	    .VpcId = part->vpc->id,
	    .OwnerId = call->account,
	};
	for (size_t i = 0; i < BW_COUNT(entries); i++)
		if (has_entry(part, &entries[i]))
			out->Entries.v[out->Entries.n++] = (struct ec2_NetworkAclEntry){
			    .CidrBlock = entries[i].v6 ? BW_STR_NONE : BW_STR("0.0.0.0/0"),
			    .Ipv6CidrBlock = entries[i].v6 ? BW_STR("::/0") : BW_STR_NONE,
			    .Egress = BW_BOOL(entries[i].egress),
			    .Protocol = BW_STR("-1"),
			    .RuleAction = bw_str_c(entries[i].action),
			    .RuleNumber = BW_INT(entries[i].number)};
	associations_shape(call, part, &out->Associations);
	TRY(ec2_tags_shape(call, part->id, &out->Tags));
	out->Tags.set = true;
	return BW_OK;
}

EC2_OP(DescribeNetworkAcls, .effect = BW_READ)
{
	struct ec2_part *parts;
	struct ec2_page page;
	size_t n;

	TRY(ec2_parts(call, offsetof(struct bw_vpc, network_acl), &parts, &n));
	TRY(ec2_select(call, &acl_listing, parts, n, &in->NetworkAclIds, &in->Filters, in->NextToken,
	    in->MaxResults, &page));
	out->NetworkAcls = (struct ec2_NetworkAclList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_NetworkAcl, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(acl_shape(call, page.items[i], &out->NetworkAcls.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}
