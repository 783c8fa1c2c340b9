#include "svc/elbv2/load_balancer.h"
#include "svc/elbv2/placement.h"

#include "base/sys.h"

/* ---- Creating ---- */

static struct bw_str type_word(struct bw_str type)
{
	return elb_is(type, "network")   ? BW_STR("net")
	       : elb_is(type, "gateway") ? BW_STR("gwy")
	                                 : BW_STR("app");
}

static enum bw_err new_resource(struct bw_call *call)
{
	struct bw_str name = bw_call_input(call, "Name"), type = type_word(bw_call_input(call, "Type"));

	elb_new_resource(
	    call, bw_arena_printf(call->arena, "loadbalancer/%.*s/%.*s/*", BW_FMT(type), BW_FMT(name)));
	return BW_OK;
}

static enum bw_err new_keys(struct bw_call *call)
{
	const IN_elbv2_CreateLoadBalancer *in = call->in;

	bw_call_context(call, BW_STR("elasticloadbalancing:Scheme"),
	    bw_str_set(in->Scheme) ? in->Scheme : BW_STR("internet-facing"));
	elb_subnet_keys(call, &in->Subnets, &in->SubnetMappings);
	if (in->SecurityGroups.n)
		bw_call_context_list(call, BW_STR("elasticloadbalancing:SecurityGroup"), in->SecurityGroups.v,
		    in->SecurityGroups.n);
	return BW_OK;
}

static enum bw_err input_check(
    struct bw_call *call, const IN_elbv2_CreateLoadBalancer *in, struct bw_str type)
{
	TRY(elb_name_check(call, "The load balancer", "and", in->Name));
	if (bw_str_starts(in->Name, BW_STR("internal-")))
		return elb_invalid(
		    call, "The load balancer name '%.*s' cannot begin with 'internal-'", BW_FMT(in->Name));
	if (elb_is(type, "gwy"))
		return elb_not_built(call, "gateway load balancers");
	if (bw_str_set(in->CustomerOwnedIpv4Pool))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "A customer-owned address pool can only be specified for load balancers on Outposts");
	if (in->IpamPools && bw_str_set(in->IpamPools->Ipv4IpamPoolId))
		return elb_invalid(
		    call, "The IPAM pool ID '%.*s' does not exist", BW_FMT(in->IpamPools->Ipv4IpamPoolId));
	if (elb_is(in->EnablePrefixForIpv6SourceNat, "on"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Source NAT with IPv6 prefixes requires the IP address type 'dualstack'");
	return BW_OK;
}

/* Application Load Balancers have a number in their names, Network Load Balancers their id (Elastic Load
 * Balancing Guide). */
static struct bw_str dns_name(struct bw_call *call, const struct elb_load_balancer *lb, bool internal)
{
	char digits[10];

	if (elb_is(lb->type, "net"))
		return bw_arena_printf(call->arena, "%.*s-%.*s.elb.%.*s.amazonaws.com", BW_FMT(lb->name),
		    BW_FMT(lb->id), BW_FMT(call->region));
	bw_random_text(digits, 1, BW_STR("123456789"));
	bw_random_text(digits + 1, sizeof digits - 1, BW_STR("0123456789"));
	return bw_arena_printf(call->arena, "%s%.*s-%.10s.%.*s.elb.amazonaws.com",
	    internal ? "internal-" : "", BW_FMT(lb->name), digits, BW_FMT(call->region));
}

static void shape_fill(struct bw_call *call, const IN_elbv2_CreateLoadBalancer *in,
    struct elb_load_balancer *lb, const struct placement *p)
{
	bool app = elb_is(lb->type, "app");

	lb->shape = (struct elbv2_LoadBalancer){.LoadBalancerName = lb->name,
	    .Scheme = bw_str_set(in->Scheme) ? in->Scheme : BW_STR("internet-facing"),
	    .VpcId = p->vpc,
	    .Type = app ? BW_STR("application") : BW_STR("network"),
	    .IpAddressType = BW_STR("ipv4")};
	lb->shape.CanonicalHostedZoneId = elb_hosted_zone(call->region, app);
	if (!app) {
		lb->shape.EnablePrefixForIpv6SourceNat = BW_STR("off");
		if (p->groups.n)
			lb->shape.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = BW_STR("on");
	}
	placement_groups_show(call, lb, &p->groups);
}

static bool same_groups(const struct elbv2_SecurityGroups *a, const struct bw_strs *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!bw_strs_has(b, a->v[i]))
			return false;
	return a->n == b->n;
}

static bool same_subnets(const struct elbv2_AvailabilityZones *a, const struct placement *p)
{
	for (size_t i = 0; i < a->n; i++) {
		size_t k = 0;

		while (k < p->n && !bw_str_eq(p->subnets[k].id, a->v[i].SubnetId))
			k++;
		if (k == p->n)
			return false;
	}
	return a->n == p->n;
}

static bool same_settings(
    const struct elb_load_balancer *old, const struct elb_load_balancer *new, const struct placement *p)
{
	return bw_str_eq(old->type, new->type) && bw_str_eq(old->shape.Scheme, new->shape.Scheme) &&
	       bw_str_eq(old->shape.IpAddressType, new->shape.IpAddressType) &&
	       same_groups(&old->shape.SecurityGroups, &p->groups) &&
	       same_subnets(&old->shape.AvailabilityZones, p);
}

static enum bw_err one_to_shape(
    struct bw_call *call, struct elb_load_balancer *lb, struct elbv2_LoadBalancers *out)
{
	struct bw_edge_report report;

	*out = (struct elbv2_LoadBalancers){true, 1, BW_NEW(call->arena, struct elbv2_LoadBalancer)};
	bw_edge_report_latest(call->core, call->arena, &report);
	return elb_load_balancer_to_shape(call, lb, &report, out->v);
}

static enum bw_err make(struct bw_call *call, struct elb_load_balancer *lb, const struct placement *p)
{
	bool internal = elb_is(lb->shape.Scheme, "internal"), app = elb_is(lb->type, "app");

	lb->id = elb_id(call);
	lb->shape.DNSName = dns_name(call, lb, internal);
	if (internal)
		bw_pairs_set(
		    &lb->attributes, call->arena, BW_STR("ipv6.deny_all_igw_traffic"), BW_STR("true"));
	TRY(elb_address_take(call, lb));
	TRY(placement_take(call, lb, p));
	elb_dns_put(call, lb);
	bw_call_take(call, app ? &elb_app_quota : &elb_net_quota, call->region, 1);
	/* Where the image's builder finds load balancers without looking through the whole store. */
	bw_call_mark(call, bw_arena_printf(call->arena, "-/global/elbv2/place/%.*s/%.*s",
	                       BW_FMT(call->account), BW_FMT(call->region)));
	elb_save(call, &elb_load_balancer_kind, lb->name, lb);
	return BW_OK;
}

BW_OP(elbv2, CreateLoadBalancer, .effect = BW_WRITE, .resource = new_resource, .keys = new_keys)
{
	struct elb_load_balancer lb = {.name = in->Name,
	                             .type = type_word(in->Type),
	                             .created_ms = call->now_ms},
	                         old;
	struct placement p;
	enum bw_err e;

	TRY(input_check(call, in, lb.type));
	TRY(placement_subnets(call, lb.type, in->Scheme, &in->Subnets, &in->SubnetMappings, &p));
	TRY(placement_address_type(call, lb.type, in->IpAddressType, &p));
	TRY(placement_groups(call, lb.type, &in->SecurityGroups, &p));
	TRY(elb_tags_set(call, &lb.tags, &in->Tags));
	shape_fill(call, in, &lb, &p);
	e = elb_load(call, &elb_load_balancer_kind, lb.name, &old);
	if (e == BW_OK && same_settings(&old, &lb, &p))
		return one_to_shape(call, &old, &out->LoadBalancers);
	if (e == BW_OK)
		return bw_call_fail(call, "DuplicateLoadBalancerName",
		    "A load balancer with the same name '%.*s' exists, but with different settings",
		    BW_FMT(lb.name));
	if (e != BW_ENOTFOUND)
		return e;
	TRY(make(call, &lb, &p));
	return one_to_shape(call, &lb, &out->LoadBalancers);
}

/* ---- Reading ---- */

/* What is shown, and the report that all of it is shown by. */
struct listing {
	struct elbv2_LoadBalancers *shown;
	struct bw_edge_report report;
};

static enum bw_err described(struct bw_call *call, const struct elb_load_balancer *lb, struct listing *l)
{
	return elb_load_balancer_to_shape(call, lb, &l->report, &l->shown->v[l->shown->n++]);
}

static enum bw_err by_arns(struct bw_call *call, const struct elbv2_LoadBalancerArns *arns, struct listing *l)
{
	struct elb_load_balancer lb;

	for (size_t i = 0; i < arns->n; i++) {
		TRY(elb_among(call, ELB_LOAD_BALANCER, elb_load_balancer_load(call, arns->v[i], &lb)));
		TRY(described(call, &lb, l));
	}
	return BW_OK;
}

static enum bw_err by_names(
    struct bw_call *call, const struct elbv2_LoadBalancerNames *names, struct listing *l)
{
	struct elb_load_balancer lb;
	struct bw_str absent = BW_STR("");

	for (size_t i = 0; i < names->n; i++) {
		enum bw_err e = elb_load(call, &elb_load_balancer_kind, names->v[i], &lb);

		if (e == BW_ENOTFOUND) {
			absent = bw_arena_printf(
			    call->arena, "%.*s%s%.*s", BW_FMT(absent), absent.n ? ", " : "", BW_FMT(names->v[i]));
			continue;
		}
		TRY(e);
		TRY(described(call, &lb, l));
	}
	return absent.n ? bw_call_fail(call, "LoadBalancerNotFound", "Load balancers '[%.*s]' not found", BW_FMT(absent))
	                : BW_OK;
}

static enum bw_err all(
    struct bw_call *call, const IN_elbv2_DescribeLoadBalancers *in, struct listing *l, struct bw_str *next)
{
	struct bw_page page;
	struct elb_load_balancer lb;
	enum bw_err e;

	TRY(bw_page_begin(call, elb_key(call, &elb_load_balancer_kind, BW_STR("")), in->Marker, in->PageSize,
	    ELB_PAGE_USUAL, &page));
	l->shown->v = BW_NEW_ARRAY(call->arena, struct elbv2_LoadBalancer, page.left);
	while ((e = bw_page_next(call, &page, elb_load_balancer_kind.record, &lb, NULL)) == BW_OK) {
		e = elb_unpack(call->arena, &elb_load_balancer_kind, &lb);
		if (e == BW_OK)
			e = described(call, &lb, l);
		if (e != BW_OK)
			break;
	}
	bw_page_end(call, &page, NULL, next);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

BW_OP(elbv2, DescribeLoadBalancers, .effect = BW_READ)
{
	size_t asked = in->LoadBalancerArns.n + in->Names.n;
	struct listing l = {.shown = &out->LoadBalancers};

	if (in->LoadBalancerArns.n && in->Names.n)
		return elb_invalid(
		    call, "Load balancer names and load balancer ARNs cannot be specified at the same time");
	if (asked > 20)
		return elb_invalid(call, "A maximum of '20' load balancers can be specified");
	out->LoadBalancers.set = true;
	bw_edge_report_latest(call->core, call->arena, &l.report);
	if (!asked)
		return all(call, in, &l, &out->NextMarker);
	out->LoadBalancers.v = BW_NEW_ARRAY(call->arena, struct elbv2_LoadBalancer, asked);
	return in->Names.n ? by_names(call, &in->Names, &l) : by_arns(call, &in->LoadBalancerArns, &l);
}

/* ---- Deleting ---- */

static enum bw_err listeners_remove(struct bw_call *call, const struct elb_load_balancer *lb)
{
	struct elb_listener *listeners;
	size_t n;

	TRY(elb_all(call, &elb_listener_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(lb->name)),
	    &listeners, &n));
	for (size_t i = 0; i < n; i++)
		TRY(elb_listener_remove(call, lb, &listeners[i]));
	return BW_OK;
}

BW_OP(elbv2, DeleteLoadBalancer, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_load_balancer lb;
	struct bw_strs groups;
	enum bw_err e = elb_load_balancer_load(call, in->LoadBalancerArn, &lb);

	if (e == BW_EFAILED && elb_is(call->error.code, "LoadBalancerNotFound")) {
		call->error = (struct bw_error_text){0};
		return BW_OK;
	}
	TRY(e);
	if (elb_is(elb_attribute_value(elb_load_balancer_attributes, ELB_OF_APP | ELB_OF_NET, &lb.attributes,
	               "deletion_protection.enabled"),
	        "true"))
		return bw_call_fail(call, "OperationNotPermitted",
		    "Load balancer '%.*s' cannot be deleted because deletion protection is enabled",
		    BW_FMT(in->LoadBalancerArn));
	TRY(elb_names(call, elb_index(call, "behind", bw_arena_printf(call->arena, "%.*s/", BW_FMT(lb.name))),
	    &groups));
	if (groups.n)
		return bw_call_fail(call, "ResourceInUse",
		    "Load balancer '%.*s' is currently a target of a target group",
		    BW_FMT(in->LoadBalancerArn));
	TRY(listeners_remove(call, &lb));
	TRY(placement_give(call, &lb));
	elb_address_give(call, &lb);
	elb_dns_delete(call, &lb);
	bw_call_take(call, elb_is(lb.type, "app") ? &elb_app_quota : &elb_net_quota, call->region, -1);
	elb_delete(call, &elb_load_balancer_kind, lb.name);
	return BW_OK;
}
