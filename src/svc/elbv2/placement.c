#include "svc/elbv2/placement.h"

enum { GROUPS_MAX = 5 }; /* Application Load Balancers Guide, "Quotas": security groups per load balancer */

/* ---- Subnets ---- */

static bool is_app(struct bw_str type)
{
	return elb_is(type, "app");
}

static enum bw_err mappings_of(struct bw_call *call, struct bw_str type, const struct elbv2_Subnets *subnets,
    const struct elbv2_SubnetMappings *mappings, struct placement *p)
{
	if (subnets->n && mappings->n)
		return elb_invalid(call, "You can specify either subnets or subnet mappings, not both");
	p->n = subnets->n ? subnets->n : mappings->n;
	if (p->n == 0 && is_app(type))
		return elb_invalid(
		    call, "At least two subnets in two different Availability Zones must be specified");
	if (p->n == 0)
		return elb_invalid(call, "At least one subnet must be specified");
	p->mappings = BW_NEW_ARRAY(call->arena, struct elbv2_SubnetMapping, p->n);
	for (size_t i = 0; i < p->n; i++) {
		if (subnets->n)
			p->mappings[i].SubnetId = subnets->v[i];
		else
			p->mappings[i] = mappings->v[i];
		if (!bw_str_set(p->mappings[i].SubnetId))
			return elb_invalid(call, "A subnet ID must be specified in a subnet mapping");
	}
	return BW_OK;
}

static enum bw_err subnet_load(struct bw_call *call, struct bw_str id, struct bw_subnet *out)
{
	struct bw_network net = bw_network_of(call);
	enum bw_err e = bw_network_load(&net, &bw_subnet_record, id, out);

	return e == BW_ENOTFOUND
	           ? bw_call_fail(call, "SubnetNotFound", "The subnet ID '%.*s' does not exist", BW_FMT(id))
	           : e;
}

/* Addresses of one's own choice: none of ours are to be had from outside, private ones for internal network
 * load balancers. */
static enum bw_err mapping_check(struct bw_call *call, struct bw_str type, struct bw_str scheme,
    const struct elbv2_SubnetMapping *m, const struct bw_subnet *subnet)
{
	struct bw_cidr network, address;

	if (is_app(type) &&
	    (bw_str_set(m->AllocationId) || bw_str_set(m->PrivateIPv4Address) || bw_str_set(m->IPv6Address)))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Addresses cannot be specified in subnet mappings for load balancers with type "
		    "'application'");
	if (bw_str_set(m->AllocationId))
		return bw_call_fail(call, "AllocationIdNotFound", "The allocation IDs '%.*s' do not exist",
		    BW_FMT(m->AllocationId));
	if (bw_str_set(m->IPv6Address) || bw_str_set(m->SourceNatIpv6Prefix))
		return elb_invalid(call, "You must specify subnets with an associated IPv6 CIDR block.");
	if (!bw_str_set(m->PrivateIPv4Address))
		return BW_OK;
	if (!elb_is(scheme, "internal"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Private IPv4 addresses can only be specified for load balancers with scheme 'internal'");
	if (bw_cidr_address(m->PrivateIPv4Address, &address) != BW_OK ||
	    bw_cidr_parse(subnet->cidr, &network) != BW_OK || !bw_cidr_contains(&network, &address))
		return elb_invalid(call, "The private IPv4 address '%.*s' is not within subnet '%.*s'",
		    BW_FMT(m->PrivateIPv4Address), BW_FMT(subnet->id));
	return BW_OK;
}

static enum bw_err zones_check(struct bw_call *call, struct bw_str type, const struct placement *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < i; j++) {
			if (!bw_str_eq(p->subnets[i].vpc, p->subnets[j].vpc))
				return bw_call_fail(call, "InvalidConfigurationRequest",
				    "All subnets must belong to the same VPC: '%.*s', '%.*s'",
				    BW_FMT(p->subnets[j].vpc), BW_FMT(p->subnets[i].vpc));
			if (bw_str_eq(p->subnets[i].zone, p->subnets[j].zone))
				return bw_call_fail(call, "InvalidConfigurationRequest",
				    "A load balancer cannot be attached to multiple subnets in the same "
				    "Availability Zone");
		}
	if (is_app(type) && p->n < 2)
		return elb_invalid(
		    call, "At least two subnets in two different Availability Zones must be specified");
	return BW_OK;
}

/* Who faces the internet has to have a way there. */
static enum bw_err gateway_check(struct bw_call *call, struct bw_str scheme, struct bw_str vpc)
{
	struct bw_network net = bw_network_of(call);
	struct bw_internet_gateway *all;
	size_t n;

	if (elb_is(scheme, "internal"))
		return BW_OK;
	TRY(bw_network_all(&net, &bw_internet_gateway_record, &all, &n));
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(all[i].vpc, vpc))
			return BW_OK;
	return bw_call_fail(call, "InvalidSubnet", "VPC %.*s has no internet gateway", BW_FMT(vpc));
}

enum bw_err placement_subnets(struct bw_call *call, struct bw_str type, struct bw_str scheme,
    const struct elbv2_Subnets *subnets, const struct elbv2_SubnetMappings *mappings, struct placement *p)
{
	*p = (struct placement){0};
	TRY(mappings_of(call, type, subnets, mappings, p));
	p->subnets = BW_NEW_ARRAY(call->arena, struct bw_subnet, p->n);
	for (size_t i = 0; i < p->n; i++) {
		TRY(subnet_load(call, p->mappings[i].SubnetId, &p->subnets[i]));
		TRY(mapping_check(call, type, scheme, &p->mappings[i], &p->subnets[i]));
	}
	p->vpc = p->subnets[0].vpc;
	TRY(zones_check(call, type, p));
	return gateway_check(call, scheme, p->vpc);
}

/* ---- Security groups ---- */

static enum bw_err default_group(struct bw_call *call, struct placement *p)
{
	struct bw_network net = bw_network_of(call);
	struct bw_vpc vpc;

	TRY(bw_network_load(&net, &bw_vpc_record, p->vpc, &vpc));
	bw_strs_add(&p->groups, call->arena, vpc.group);
	return BW_OK;
}

static enum bw_err group_check(struct bw_call *call, struct bw_str id, const struct placement *p)
{
	struct bw_network net = bw_network_of(call);
	struct bw_security_group g;
	enum bw_err e = bw_network_load(&net, &bw_security_group_record, id, &g);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(
		    call, "InvalidSecurityGroup", "The security group ID '%.*s' does not exist", BW_FMT(id));
	if (e == BW_OK && !bw_str_eq(g.vpc, p->vpc) && !bw_strs_has(&g.vpcs, p->vpc))
		return bw_call_fail(
		    call, "InvalidConfigurationRequest", "One or more security groups are invalid");
	return e;
}

enum bw_err placement_groups(
    struct bw_call *call, struct bw_str type, const struct elbv2_SecurityGroups *given, struct placement *p)
{
	if (given->n > GROUPS_MAX)
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "You have exceeded the maximum number of security groups on a load balancer, '%d'",
		    GROUPS_MAX);
	for (size_t i = 0; i < given->n; i++) {
		TRY(group_check(call, given->v[i], p));
		if (!bw_strs_has(&p->groups, given->v[i]))
			bw_strs_add(&p->groups, call->arena, given->v[i]);
	}
	return given->n == 0 && is_app(type) ? default_group(call, p) : BW_OK;
}

enum bw_err placement_now(struct bw_call *call, const struct elb_load_balancer *lb, struct placement *p)
{
	const struct elbv2_AvailabilityZones *zones = &lb->shape.AvailabilityZones;

	*p = (struct placement){.n = zones->n, .vpc = lb->shape.VpcId};
	p->subnets = BW_NEW_ARRAY(call->arena, struct bw_subnet, p->n);
	for (size_t i = 0; i < p->n; i++)
		TRY(subnet_load(call, zones->v[i].SubnetId, &p->subnets[i]));
	return BW_OK;
}

enum bw_err placement_address_type(
    struct bw_call *call, struct bw_str type, struct bw_str address_type, const struct placement *p)
{
	if (!bw_str_set(address_type) || elb_is(address_type, "ipv4"))
		return BW_OK;
	if (!is_app(type) && !elb_is(address_type, "dualstack"))
		return elb_invalid(call,
		    "IP address type '%.*s' is not supported for load balancers with type 'network'",
		    BW_FMT(address_type));
	for (size_t i = 0; i < p->n; i++)
		if (!p->subnets[i].ipv6_cidr.n)
			return elb_invalid(call, "You must specify subnets with an associated IPv6 CIDR block.");
	return elb_not_built(call, "dual-stack load balancers");
}

void placement_groups_show(struct bw_call *call, struct elb_load_balancer *lb, const struct bw_strs *groups)
{
	struct elbv2_SecurityGroups *s = &lb->shape.SecurityGroups;

	*s = (struct elbv2_SecurityGroups){
	    groups->n > 0, groups->n, BW_NEW_ARRAY(call->arena, struct bw_str, groups->n)};
	for (size_t i = 0; i < groups->n; i++)
		s->v[i] = groups->v[i];
}

/* ---- Interfaces ---- */

static enum bw_err interface_make(
    struct bw_call *call, struct elb_load_balancer *lb, const struct placement *p, size_t i)
{
	struct bw_network_interface spec = {.subnet = p->subnets[i].id,
	    .groups = p->groups,
	    .requester = BW_STR("amazon-elb"),
	    .public_address = lb->address,
	    .address = p->mappings[i].PrivateIPv4Address,
	    .type = is_app(lb->type) ? BW_STR("interface") : BW_STR("network_load_balancer"),
	    .description = bw_arena_printf(
	        call->arena, "ELB %.*s/%.*s/%.*s", BW_FMT(lb->type), BW_FMT(lb->name), BW_FMT(lb->id))};
	enum bw_err e = bw_network_interface_new(call, &p->subnets[i], &spec);

	if (e == BW_EEXISTS || e == BW_EINVAL)
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "The private IPv4 address '%.*s' is not available in subnet '%.*s'", BW_FMT(spec.address),
		    BW_FMT(spec.subnet));
	if (e == BW_ETOOBIG)
		return bw_call_fail(call, "InvalidSubnet",
		    "Not enough IP space available in %.*s. ELB requires at least 8 free IP addresses in "
		    "each subnet.",
		    BW_FMT(spec.subnet));
	TRY(e);
	bw_pairs_set(&lb->interfaces, call->arena, spec.subnet, spec.id);
	return BW_OK;
}

static enum bw_err interface_drop(struct bw_call *call, struct bw_str id)
{
	struct bw_network net = bw_network_of(call);
	struct bw_network_interface i;
	enum bw_err e = bw_network_load(&net, &bw_network_interface_record, id, &i);

	if (e == BW_OK)
		bw_network_interface_delete(call, &i);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static bool placed_in(const struct placement *p, struct bw_str subnet)
{
	for (size_t i = 0; i < p->n; i++)
		if (bw_str_eq(p->subnets[i].id, subnet))
			return true;
	return false;
}

static void zones_show(struct bw_call *call, struct elb_load_balancer *lb, const struct placement *p)
{
	struct elbv2_AvailabilityZones *z = &lb->shape.AvailabilityZones;

	*z = (struct elbv2_AvailabilityZones){
	    true, p->n, BW_NEW_ARRAY(call->arena, struct elbv2_AvailabilityZone, p->n)};
	for (size_t i = 0; i < p->n; i++) {
		struct elbv2_LoadBalancerAddress *a = BW_NEW(call->arena, struct elbv2_LoadBalancerAddress);

		*a = (struct elbv2_LoadBalancerAddress){
		    .IpAddress = lb->address, .PrivateIPv4Address = p->mappings[i].PrivateIPv4Address};
		z->v[i] = (struct elbv2_AvailabilityZone){
		    .ZoneName = p->subnets[i].zone, .SubnetId = p->subnets[i].id};
		z->v[i].LoadBalancerAddresses = (struct elbv2_LoadBalancerAddresses){true, 1, a};
	}
}

enum bw_err placement_take(struct bw_call *call, struct elb_load_balancer *lb, const struct placement *p)
{
	struct bw_pairs before = lb->interfaces;

	lb->interfaces = (struct bw_pairs){0};
	for (size_t i = 0; i < before.n; i++)
		if (placed_in(p, before.v[i].key))
			bw_pairs_set(&lb->interfaces, call->arena, before.v[i].key, before.v[i].value);
		else
			TRY(interface_drop(call, before.v[i].value));
	for (size_t i = 0; i < p->n; i++)
		if (!bw_pairs_find(&before, p->subnets[i].id))
			TRY(interface_make(call, lb, p, i));
	zones_show(call, lb, p);
	return BW_OK;
}

enum bw_err placement_regroup(
    struct bw_call *call, struct elb_load_balancer *lb, const struct bw_strs *groups)
{
	struct bw_network net = bw_network_of(call);

	for (size_t i = 0; i < lb->interfaces.n; i++) {
		struct bw_network_interface face;

		TRY(bw_network_load(&net, &bw_network_interface_record, lb->interfaces.v[i].value, &face));
		bw_network_members_set(call, &face, groups);
		face.groups = *groups;
		bw_network_save(call, &bw_network_interface_record, &face);
	}
	placement_groups_show(call, lb, groups);
	return BW_OK;
}

enum bw_err placement_give(struct bw_call *call, const struct elb_load_balancer *lb)
{
	for (size_t i = 0; i < lb->interfaces.n; i++)
		TRY(interface_drop(call, lb->interfaces.v[i].value));
	return BW_OK;
}
