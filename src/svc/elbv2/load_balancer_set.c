#include "svc/elbv2/load_balancer.h"
#include "svc/elbv2/placement.h"

void elb_subnet_keys(
    struct bw_call *call, const struct elbv2_Subnets *subnets, const struct elbv2_SubnetMappings *mappings)
{
	struct bw_str *ids = BW_NEW_ARRAY(call->arena, struct bw_str, subnets->n + mappings->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < subnets->n; i++)
		ids[n++] = subnets->v[i];
	for (size_t i = 0; i < mappings->n; i++)
		if (bw_str_set(mappings->v[i].SubnetId))
			ids[n++] = mappings->v[i].SubnetId;
	if (n)
		bw_call_context_list(call, BW_STR("elasticloadbalancing:Subnet"), ids, n);
}

BW_OP(elbv2, SetIpAddressType, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_load_balancer lb;
	struct placement p;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	TRY(placement_now(call, &lb, &p));
	TRY(placement_address_type(call, lb.type, in->IpAddressType, &p));
	lb.shape.IpAddressType = in->IpAddressType;
	elb_save(call, &elb_load_balancer_kind, lb.name, &lb);
	out->IpAddressType = in->IpAddressType;
	return BW_OK;
}

static enum bw_err groups_keys(struct bw_call *call)
{
	const IN_elbv2_SetSecurityGroups *in = call->in;

	if (in->SecurityGroups.n)
		bw_call_context_list(call, BW_STR("elasticloadbalancing:SecurityGroup"), in->SecurityGroups.v,
		    in->SecurityGroups.n);
	return BW_OK;
}

BW_OP(elbv2, SetSecurityGroups, .effect = BW_WRITE, .resource = elb_arn_resource, .keys = groups_keys)
{
	struct elb_load_balancer lb;
	struct placement p = {0};

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	if (elb_is(lb.type, "net") && lb.shape.SecurityGroups.n == 0)
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Security groups cannot be set on network load balancer '%.*s', which was created "
		    "without any",
		    BW_FMT(in->LoadBalancerArn));
	if (in->SecurityGroups.n == 0)
		return elb_invalid(call, "At least one security group must be specified");
	if (elb_is(lb.type, "app") && bw_str_set(in->EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Inbound rules on PrivateLink traffic are not supported for load balancers with type "
		    "'application'");
	p.vpc = lb.shape.VpcId;
	TRY(placement_groups(call, lb.type, &in->SecurityGroups, &p));
	TRY(placement_regroup(call, &lb, &p.groups));
	if (bw_str_set(in->EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic))
		lb.shape.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic =
		    in->EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic;
	elb_save(call, &elb_load_balancer_kind, lb.name, &lb);
	out->SecurityGroupIds = lb.shape.SecurityGroups;
	out->EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic =
	    lb.shape.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic;
	return BW_OK;
}

static enum bw_err subnets_keys(struct bw_call *call)
{
	const IN_elbv2_SetSubnets *in = call->in;

	elb_subnet_keys(call, &in->Subnets, &in->SubnetMappings);
	return BW_OK;
}

BW_OP(elbv2, SetSubnets, .effect = BW_WRITE, .resource = elb_arn_resource, .keys = subnets_keys)
{
	struct elb_load_balancer lb;
	struct placement p;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	TRY(placement_subnets(call, lb.type, lb.shape.Scheme, &in->Subnets, &in->SubnetMappings, &p));
	if (!bw_str_eq(p.vpc, lb.shape.VpcId))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "The subnets must belong to the VPC of the load balancer, '%.*s'",
		    BW_FMT(lb.shape.VpcId));
	TRY(placement_address_type(call, lb.type, in->IpAddressType, &p));
	if (elb_is(in->EnablePrefixForIpv6SourceNat, "on"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Source NAT with IPv6 prefixes requires the IP address type 'dualstack'");
	for (size_t i = 0; i < lb.shape.SecurityGroups.n; i++)
		bw_strs_add(&p.groups, call->arena, lb.shape.SecurityGroups.v[i]);
	elb_dns_delete(call, &lb);
	TRY(placement_take(call, &lb, &p));
	elb_dns_put(call, &lb);
	elb_save(call, &elb_load_balancer_kind, lb.name, &lb);
	out->AvailabilityZones = lb.shape.AvailabilityZones;
	out->IpAddressType = lb.shape.IpAddressType;
	out->EnablePrefixForIpv6SourceNat = lb.shape.EnablePrefixForIpv6SourceNat;
	return BW_OK;
}
