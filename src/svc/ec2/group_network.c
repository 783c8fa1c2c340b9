/* Groups and what lies around them: VPCs they are associated with, groups that refer to them, references that
 * lead nowhere. */
#include "svc/ec2/group.h"

#include "codec/sort.h"

enum { REFERENCES_ASKED_MAX = 200 };

/* ---- Associations with further VPCs ---- */

static enum bw_err association_resource(struct bw_call *call)
{
	TRY(ec2_group_resource(call));
	ec2_about(call, &ec2_vpc, bw_call_input(call, "VpcId"), BW_STR_NONE);
	return BW_OK;
}

static void group_save(struct bw_call *call, const struct bw_security_group *g)
{
	bw_network_save(call, &bw_security_group_record, g);
}

/* VPC User Guide, "Associate security groups with multiple VPCs": not default groups, nor those of a default
 * VPC. */
static enum bw_err associable(struct bw_call *call, const struct bw_security_group *g)
{
	struct bw_vpc own;

	TRY(ec2_load(call, &ec2_vpc, g->vpc, &own));
	if (bw_str_eq(g->name, BW_STR("default")) || own.is_default)
		return bw_call_fail(call, "InvalidParameterValue",
		    "The security group '%.*s' cannot be associated with another VPC: it is a default "
		    "security group or "
		    "belongs to a default VPC.",
		    BW_FMT(g->id));
	return BW_OK;
}

EC2_OP(AssociateSecurityGroupVpc, .effect = BW_WRITE, .resource = association_resource)
{
	struct bw_security_group g;
	struct bw_vpc vpc;

	TRY(ec2_load(call, &ec2_group, in->GroupId, &g));
	TRY(ec2_load(call, &ec2_vpc, in->VpcId, &vpc));
	TRY(associable(call, &g));
	if (bw_str_eq(g.vpc, vpc.id) || bw_strs_has(&g.vpcs, vpc.id))
		return bw_call_fail(call, "SecurityGroupVpcAssociation.Duplicate",
		    "The security group '%.*s' is already associated with VPC '%.*s'", BW_FMT(g.id),
		    BW_FMT(vpc.id));
	TRY(bw_call_within(call, &ec2_associations_quota, g.vpcs.n + 1));
	bw_strs_add(&g.vpcs, call->arena, vpc.id);
	group_save(call, &g);
	out->State = BW_STR("associating");
	return BW_OK;
}

static enum bw_err association_used(
    struct bw_call *call, const struct bw_security_group *g, struct bw_str vpc)
{
	struct bw_network n = bw_network_of(call);
	struct bw_network_interface *interfaces;
	size_t count;

	TRY(bw_network_all(&n, &bw_network_interface_record, &interfaces, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(interfaces[i].vpc, vpc) && bw_strs_has(&interfaces[i].groups, g->id))
			return bw_call_fail(call, "DependencyViolation",
			    "resource %.*s has a dependent object", BW_FMT(g->id));
	return BW_OK;
}

EC2_OP(DisassociateSecurityGroupVpc, .effect = BW_WRITE, .resource = association_resource)
{
	struct bw_security_group g;

	TRY(ec2_load(call, &ec2_group, in->GroupId, &g));
	TRY(ec2_id_check(call, &ec2_vpc, in->VpcId));
	if (!bw_strs_has(&g.vpcs, in->VpcId))
		return bw_call_fail(call, "SecurityGroupVpcAssociation.NotFound",
		    "The security group '%.*s' is not associated with VPC '%.*s'", BW_FMT(g.id),
		    BW_FMT(in->VpcId));
	TRY(association_used(call, &g, in->VpcId));
	(void)bw_strs_remove(&g.vpcs, in->VpcId);
	group_save(call, &g);
	out->State = BW_STR("disassociating");
	return BW_OK;
}

struct association_item {
	struct bw_str id; /* the group's and the VPC's */
	struct bw_str group, vpc;
};

static const struct ec2_filter_row association_filters[] = {
    EC2_FILTER_STR("group-id", struct association_item, group),
    EC2_FILTER_OWNER("group-owner-id"),
    EC2_FILTER_FIXED("state", "associated"),
    EC2_FILTER_STR("vpc-id", struct association_item, vpc),
    EC2_FILTER_OWNER("vpc-owner-id"),
};
static const struct ec2_listing association_listing = {
    NULL, sizeof(struct association_item), association_filters, BW_COUNT(association_filters)};

static int by_id(const void *a, const void *b)
{
	return bw_str_cmp(((const struct association_item *)a)->id, ((const struct association_item *)b)->id);
}

static enum bw_err associations_read(struct bw_call *call, struct association_item **items, size_t *n)
{
	struct bw_network net = bw_network_of(call);
	struct bw_security_group *groups;
	size_t count, total = 0;

	*n = 0;
	TRY(bw_network_all(&net, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++)
		total += groups[i].vpcs.n;
	*items = BW_NEW_ARRAY(call->arena, struct association_item, total);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < groups[i].vpcs.n; k++)
			(*items)[(*n)++] =
			    (struct association_item){bw_arena_printf(call->arena, "%.*s/%.*s",
			                                  BW_FMT(groups[i].id), BW_FMT(groups[i].vpcs.v[k])),
			        groups[i].id, groups[i].vpcs.v[k]};
	if (*n)
		bw_sort(*items, *n, sizeof **items, by_id);
	return BW_OK;
}

EC2_OP(DescribeSecurityGroupVpcAssociations, .effect = BW_READ)
{
	struct association_item *items;
	struct ec2_page page;
	size_t n;

	TRY(associations_read(call, &items, &n));
	TRY(ec2_select(
	    call, &association_listing, items, n, NULL, &in->Filters, in->NextToken, in->MaxResults, &page));
	out->SecurityGroupVpcAssociations = (struct ec2_SecurityGroupVpcAssociationList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_SecurityGroupVpcAssociation, page.n)};
	for (size_t i = 0; i < page.n; i++) {
		const struct association_item *item = page.items[i];

		out->SecurityGroupVpcAssociations.v[i] =
		    (struct ec2_SecurityGroupVpcAssociation){.GroupId = item->group,
		        .VpcId = item->vpc,
		        .VpcOwnerId = call->account,
		        .GroupOwnerId = call->account,
		        .State = BW_STR("associated")};
	}
	out->NextToken = page.next_token;
	return BW_OK;
}

static enum bw_err vpc_resource(struct bw_call *call)
{
	ec2_about(call, &ec2_vpc, bw_call_input(call, "VpcId"), BW_STR_NONE);
	return BW_OK;
}

static const struct ec2_filter_row for_vpc_filters[] = {
    EC2_FILTER_STR("group-id", struct bw_security_group, id),
    EC2_FILTER_STR("description", struct bw_security_group, description),
    EC2_FILTER_STR("group-name", struct bw_security_group, name),
    EC2_FILTER_OWNER("owner-id"),
    EC2_FILTER_STR("primary-vpc-id", struct bw_security_group, vpc),
};
static const struct ec2_listing for_vpc_listing = {
    &ec2_group, sizeof(struct bw_security_group), for_vpc_filters, BW_COUNT(for_vpc_filters)};

EC2_OP(GetSecurityGroupsForVpc, .effect = BW_READ, .resource = vpc_resource)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group *groups;
	struct bw_vpc vpc;
	struct ec2_page page;
	size_t count, kept = 0;

	TRY(ec2_load(call, &ec2_vpc, in->VpcId, &vpc));
	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(groups[i].vpc, vpc.id) || bw_strs_has(&groups[i].vpcs, vpc.id))
			groups[kept++] = groups[i];
	TRY(ec2_select(
	    call, &for_vpc_listing, groups, kept, NULL, &in->Filters, in->NextToken, in->MaxResults, &page));
	out->SecurityGroupForVpcs = (struct ec2_SecurityGroupForVpcList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_SecurityGroupForVpc, page.n)};
	for (size_t i = 0; i < page.n; i++) {
		const struct bw_security_group *g = page.items[i];
		struct ec2_SecurityGroupForVpc *to = &out->SecurityGroupForVpcs.v[i];

		*to = (struct ec2_SecurityGroupForVpc){.Description = g->description,
		    .GroupName = g->name,
		    .OwnerId = call->account,
		    .GroupId = g->id,
		    .PrimaryVpcId = g->vpc};
		TRY(ec2_tags_shape(call, g->id, &to->Tags));
	}
	out->NextToken = page.next_token;
	return BW_OK;
}

/* ---- References ---- */

static enum bw_err references_resource(struct bw_call *call)
{
	const struct ec2_DescribeSecurityGroupReferencesRequest *in = call->in;

	for (size_t i = 0; i < in->GroupId.n && i < REFERENCES_ASKED_MAX; i++)
		ec2_about_id(call, in->GroupId.v[i]);
	return BW_OK;
}

/* Groups of other VPCs that refer to these: AWS tells of those alone. Without peering only an association
 * joins two. */
EC2_OP(DescribeSecurityGroupReferences, .effect = BW_READ, .resource = references_resource)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group *groups;
	size_t count;

	if (in->GroupId.n > REFERENCES_ASKED_MAX)
		return bw_call_fail(call, "InvalidParameterValue",
		    "At most %d security groups can be asked for at once.", REFERENCES_ASKED_MAX);
	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	out->SecurityGroupReferenceSet = (struct ec2_SecurityGroupReferences){
	    true, 0, BW_NEW_ARRAY(call->arena, struct ec2_SecurityGroupReference, count * in->GroupId.n)};
	for (size_t i = 0; i < in->GroupId.n; i++) {
		struct bw_security_group g;

		TRY(ec2_load(call, &ec2_group, in->GroupId.v[i], &g));
		for (size_t k = 0; k < count; k++)
			if (!bw_str_eq(groups[k].vpc, g.vpc) &&
			    bw_call_exists(call, bw_network_index(&n, "reference", g.id, groups[k].id)))
				out->SecurityGroupReferenceSet.v[out->SecurityGroupReferenceSet.n++] =
				    (struct ec2_SecurityGroupReference){
				        .GroupId = g.id, .ReferencingVpcId = groups[k].vpc};
	}
	return BW_OK;
}

/* ---- Stale rules ---- */

/* A rule is stale when the group it names is gone, or no longer joined with its own VPC. */
static bool stale(struct bw_call *call, const struct bw_security_group *g, const struct bw_group_rule *r)
{
	struct bw_network n = bw_network_of(call);
	struct bw_security_group peer;

	if (!r->group.n)
		return false;
	if (bw_network_load(&n, &bw_security_group_record, r->group, &peer) != BW_OK)
		return true;
	return !bw_str_eq(peer.vpc, g->vpc) && !bw_strs_has(&peer.vpcs, g->vpc) &&
	       !bw_strs_has(&g->vpcs, peer.vpc);
}

static void stale_shape(
    struct bw_call *call, const struct ec2_rules *rules, bool egress, struct ec2_StaleIpPermissionSet *out)
{
	struct ec2_IpPermissionList list;

	ec2_permissions_shape(call, rules, egress, &list);
	*out = (struct ec2_StaleIpPermissionSet){
	    true, list.n, BW_NEW_ARRAY(call->arena, struct ec2_StaleIpPermission, list.n)};
	for (size_t i = 0; i < list.n; i++)
		out->v[i] = (struct ec2_StaleIpPermission){.FromPort = list.v[i].FromPort,
		    .ToPort = list.v[i].ToPort,
		    .IpProtocol = list.v[i].IpProtocol,
		    .IpRanges = {.set = true},
		    .PrefixListIds = {.set = true},
		    .UserIdGroupPairs = {true, list.v[i].UserIdGroupPairs.n, list.v[i].UserIdGroupPairs.v}};
}

static enum bw_err stale_of(struct bw_call *call, const struct bw_security_group *g, struct ec2_rules *out)
{
	struct bw_network n = bw_network_of(call);
	struct ec2_rules rules;

	TRY(bw_group_rules(&n, g, &rules.v, &rules.n));
	*out = (struct ec2_rules){BW_NEW_ARRAY(call->arena, struct bw_group_rule, rules.n), 0};
	for (size_t i = 0; i < rules.n; i++)
		if (stale(call, g, &rules.v[i]))
			out->v[out->n++] = rules.v[i];
	return BW_OK;
}

static const struct ec2_listing stale_listing = {&ec2_group, sizeof(struct bw_security_group), NULL, 0};

EC2_OP(DescribeStaleSecurityGroups, .effect = BW_READ)
{
	struct bw_network n = bw_network_of(call);
	const struct ec2_FilterList none = {0};
	struct bw_security_group *groups;
	struct bw_vpc vpc;
	struct ec2_page page;
	size_t count, kept = 0;

	TRY(ec2_load(call, &ec2_vpc, in->VpcId, &vpc));
	TRY(bw_network_all(&n, &bw_security_group_record, &groups, &count));
	for (size_t i = 0; i < count; i++) {
		struct ec2_rules rules;

		TRY(stale_of(call, &groups[i], &rules));
		if (rules.n && bw_str_eq(groups[i].vpc, vpc.id))
			groups[kept++] = groups[i];
	}
	TRY(ec2_select(
	    call, &stale_listing, groups, kept, NULL, &none, in->NextToken, in->MaxResults, &page));
	out->StaleSecurityGroupSet = (struct ec2_StaleSecurityGroupSet){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_StaleSecurityGroup, page.n)};
	for (size_t i = 0; i < page.n; i++) {
		const struct bw_security_group *g = page.items[i];
		struct ec2_StaleSecurityGroup *to = &out->StaleSecurityGroupSet.v[i];
		struct ec2_rules rules;

		TRY(stale_of(call, g, &rules));
		*to = (struct ec2_StaleSecurityGroup){
		    .Description = g->description, .GroupId = g->id, .GroupName = g->name, .VpcId = g->vpc};
		stale_shape(call, &rules, false, &to->StaleIpPermissions);
		stale_shape(call, &rules, true, &to->StaleIpPermissionsEgress);
	}
	out->NextToken = page.next_token;
	return BW_OK;
}
