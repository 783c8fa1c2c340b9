#include "svc/ec2/interface.h"
#include "svc/ec2/ipv6.h"

/* ---- Creating ---- */

static enum bw_err create_resource(struct bw_call *call)
{
	const struct ec2_CreateNetworkInterfaceRequest *in = call->in;
	struct bw_network n = bw_network_of(call);
	struct bw_subnet s = {0};

	if (bw_network_load(&n, &bw_subnet_record, in->SubnetId, &s) != BW_OK)
		s.vpc = BW_STR_NONE;
	ec2_about(call, &ec2_subnet, in->SubnetId, s.vpc);
	for (size_t i = 0; i < in->Groups.n && i < EC2_INTERFACE_GROUPS_MAX; i++)
		ec2_about_id(call, in->Groups.v[i]);
	ec2_about_new(call, &ec2_interface, &in->TagSpecifications, s.vpc);
	return BW_OK;
}

static bool joined(const struct bw_security_group *g, struct bw_str vpc)
{
	return bw_str_eq(g->vpc, vpc) || bw_strs_has(&g->vpcs, vpc);
}

enum bw_err ec2_interface_groups_check(struct bw_call *call, const struct bw_vpc *vpc, struct bw_str subnet,
    const struct ec2_SecurityGroupIdStringList *given, struct bw_strs *out)
{
	*out = (struct bw_strs){0};
	if (!given->n)
		bw_strs_add(out, call->arena, vpc->group);
	TRY(bw_call_within(call, &ec2_groups_per_interface_quota, given->n));
	if (given->n > EC2_INTERFACE_GROUPS_MAX)
		return bw_call_within(call, &ec2_groups_per_interface_quota, SIZE_MAX >> 1);
	for (size_t i = 0; i < given->n; i++) {
		struct bw_security_group g;

		TRY(ec2_load(call, &ec2_group, given->v[i], &g));
		if (!joined(&g, vpc->id))
			return bw_call_fail(call, "InvalidParameter",
			    "Security group %.*s and subnet %.*s belong to different networks.", BW_FMT(g.id),
			    BW_FMT(subnet));
		if (bw_strs_has(out, g.id))
			return bw_call_fail(call, "InvalidParameterValue",
			    "Duplicate security group ID '%.*s'.", BW_FMT(g.id));
		bw_strs_add(out, call->arena, g.id);
	}
	return BW_OK;
}

static enum bw_err unsupported_refuse(
    struct bw_call *call, const struct ec2_CreateNetworkInterfaceRequest *in)
{
	if (in->Ipv4Prefixes.n || in->Ipv4PrefixCount.v || in->Ipv6Prefixes.n || in->Ipv6PrefixCount.v)
		return bw_call_fail(
		    call, "UnsupportedOperation", "%s", "Prefix delegation is not supported.");
	if (in->EnablePrimaryIpv6.v)
		return bw_call_fail(
		    call, "UnsupportedOperation", "%s", "Primary IPv6 addresses are not supported.");
	if (in->InterfaceType.n && !bw_str_eq(in->InterfaceType, BW_STR("interface")))
		return bw_call_fail(call, "UnsupportedOperation",
		    "Interfaces of type '%.*s' are not supported.", BW_FMT(in->InterfaceType));
	return BW_OK;
}

static enum bw_err address_failed(struct bw_call *call, enum bw_err e, struct bw_str address)
{
	switch (e) {
	case BW_EEXISTS:
		return bw_call_fail(
		    call, "InvalidIPAddress.InUse", "Address %.*s is in use.", BW_FMT(address));
	case BW_EINVAL:
		return bw_call_fail(call, "InvalidParameterValue", "%s",
		    "Address does not fall within the subnet's address range");
	case BW_ETOOBIG:
		return bw_call_fail(call, "InsufficientFreeAddressesInSubnet", "%s",
		    "The specified subnet does not have enough free addresses to satisfy the request.");
	default:
		return e;
	}
}

/* The primary address that the input asks for: absent when any will do. */
static enum bw_err primary_of(
    struct bw_call *call, const struct ec2_CreateNetworkInterfaceRequest *in, struct bw_str *out)
{
	*out = in->PrivateIpAddress;
	for (size_t i = 0; i < in->PrivateIpAddresses.n; i++) {
		if (!in->PrivateIpAddresses.v[i].Primary.v)
			continue;
		if (out->n)
			return bw_call_fail(call, "InvalidParameterValue", "%s",
			    "Only one primary private IP address can be specified.");
		*out = in->PrivateIpAddresses.v[i].PrivateIpAddress;
	}
	return BW_OK;
}

enum { SECONDARY_MAX = 49 }; /* no instance type has more on one interface */

static enum bw_err secondary_take(struct bw_call *call, const struct ec2_CreateNetworkInterfaceRequest *in,
    const struct bw_subnet *s, struct bw_network_interface *i)
{
	int64_t count = in->SecondaryPrivateIpAddressCount.v;

	if (count && in->PrivateIpAddresses.n)
		return bw_call_fail(call, "InvalidParameterCombination", "%s",
		    "The parameters secondaryPrivateIpAddressCount and privateIpAddresses cannot be used "
		    "together");
	if (count < 0 || count > SECONDARY_MAX || in->PrivateIpAddresses.n > SECONDARY_MAX + 1)
		return bw_call_fail(call, "PrivateIpAddressLimitExceeded", "%s",
		    "Number of private addresses will exceed limit.");
	for (size_t k = 0; k < in->PrivateIpAddresses.n + (size_t)count; k++) {
		const struct ec2_PrivateIpAddressSpecification *p =
		    k < in->PrivateIpAddresses.n ? &in->PrivateIpAddresses.v[k] : NULL;
		struct bw_str address;
		enum bw_err e;

		if (p && p->Primary.v)
			continue;
		e = bw_network_address_take(call, s, p ? p->PrivateIpAddress : BW_STR_NONE, &address);
		if (e != BW_OK)
			return address_failed(call, e, p ? p->PrivateIpAddress : BW_STR_NONE);
		bw_strs_add(&i->more_addresses, call->arena, address);
	}
	return BW_OK;
}

static bool has_group(const struct bw_network_interface *i, struct bw_str id)
{
	for (size_t k = 0; k < i->groups.n; k++)
		if (bw_str_eq(i->groups.v[k], id))
			return true;
	return false;
}

/* What is not given may be anything. An interface that was changed since is another request's, too: better refused than taken for
 * what was asked for. */
static bool same_request(
    struct bw_call *call, const struct ec2_CreateNetworkInterfaceRequest *in, const struct bw_network_interface *made)
{
	struct bw_str address;

	if (!bw_str_eq(made->subnet, in->SubnetId) || !bw_str_eq(made->description, in->Description))
		return false;
	if (in->Groups.n && in->Groups.n != made->groups.n)
		return false;
	for (size_t i = 0; i < in->Groups.n; i++)
		if (!has_group(made, in->Groups.v[i]))
			return false;
	return primary_of(call, in, &address) == BW_OK && (!address.n || bw_str_eq(address, made->address));
}

/* BW_OK with *made when the token made an interface before. */
static enum bw_err token_look(struct bw_call *call, const struct ec2_CreateNetworkInterfaceRequest *in,
    struct bw_network_interface *made, bool *found)
{
	struct bw_network n = bw_network_of(call);
	struct bw_network_interface *all;
	size_t count;

	*found = false;
	TRY(bw_network_all(&n, &bw_network_interface_record, &all, &count));
	for (size_t i = 0; in->ClientToken.n && i < count && !*found; i++)
		if (bw_str_eq(all[i].token, in->ClientToken)) {
			*made = all[i];
			*found = true;
		}
	if (*found && !same_request(call, in, made))
		return bw_call_fail(call, "IdempotentParameterMismatch", "%s",
		    "The client token was used before with other parameters.");
	return *found ? BW_OK : bw_call_within(call, &ec2_interfaces_quota, count + 1);
}

static enum bw_err interface_make(
    struct bw_call *call, const struct ec2_CreateNetworkInterfaceRequest *in, struct bw_network_interface *i)
{
	struct bw_subnet s;
	struct bw_vpc vpc;
	enum bw_err e;

	TRY(ec2_load(call, &ec2_subnet, in->SubnetId, &s));
	TRY(ec2_load(call, &ec2_vpc, s.vpc, &vpc));
	TRY(ec2_interface_groups_check(call, &vpc, s.id, &in->Groups, &i->groups));
	TRY(primary_of(call, in, &i->address));
	/* Wanted addresses first: one that is chosen must not be one of them. */
	if (in->PrivateIpAddresses.n)
		TRY(secondary_take(call, in, &s, i));
	TRY(ec2_ipv6_addresses_take(call, in, &s, i));
	e = bw_network_interface_new(call, &s, i);
	if (e != BW_OK)
		return address_failed(call, e, i->address);
	if (!in->PrivateIpAddresses.n)
		TRY(secondary_take(call, in, &s, i));
	bw_network_save(call, &bw_network_interface_record, i);
	return BW_OK;
}

EC2_OP(CreateNetworkInterface, .effect = BW_WRITE, .resource = create_resource)
{
	struct bw_network_interface i = {.description = in->Description, .token = in->ClientToken};
	bool found;

	TRY(unsupported_refuse(call, in));
	if (in->Description.n > 255 || in->ClientToken.n > 64)
		return bw_call_fail(call, "InvalidParameterValue", "%s",
		    "A description has at most 255 characters, a client token at most 64.");
	TRY(token_look(call, in, &i, &found));
	out->ClientToken = in->ClientToken;
	out->NetworkInterface = BW_NEW(call->arena, struct ec2_NetworkInterface);
	if (found)
		return ec2_interface_shape(call, &i, out->NetworkInterface);
	TRY(interface_make(call, in, &i));
	TRY(ec2_interface_shape(call, &i, out->NetworkInterface));
	out->NetworkInterface->Status = BW_STR("pending");
	TRY(ec2_tags_new(call, &ec2_interface, i.id, &in->TagSpecifications, &out->NetworkInterface->TagSet));
	out->NetworkInterface->TagSet.set = true;
	return BW_OK;
}

/* ---- Deleting ---- */

enum bw_err ec2_interface_resource(struct bw_call *call)
{
	ec2_about_id(call, bw_call_input(call, "NetworkInterfaceId"));
	return BW_OK;
}

enum bw_err ec2_interface_own(struct bw_call *call, struct bw_str id, struct bw_network_interface *out)
{
	TRY(ec2_load(call, &ec2_interface, id, out));
	if (out->requester.n)
		return bw_call_fail(call, "OperationNotPermitted", "%s",
		    "You do not have permission to access the specified resource.");
	return BW_OK;
}

EC2_OP(DeleteNetworkInterface, .effect = BW_WRITE, .resource = ec2_interface_resource)
{
	struct bw_network_interface i;

	TRY(ec2_load(call, &ec2_interface, in->NetworkInterfaceId, &i));
	if (i.attachment.n)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Network interface '%.*s' is currently in use.", BW_FMT(i.id));
	bw_network_interface_delete(call, &i);
	return BW_OK;
}

/* ---- Attaching ---- */

/* Instances are not here: none has any id. */
EC2_OP(AttachNetworkInterface, .effect = BW_WRITE, .resource = ec2_interface_resource)
{
	struct bw_network_interface i;

	TRY(ec2_interface_own(call, in->NetworkInterfaceId, &i));
	return bw_call_fail(call, "InvalidInstanceID.NotFound", "The instance ID '%.*s' does not exist",
	    BW_FMT(in->InstanceId));
}

static enum bw_err attachment_find(struct bw_call *call, struct bw_str id, struct bw_network_interface *out)
{
	struct bw_network n = bw_network_of(call);
	struct bw_network_interface *all;
	size_t count;

	TRY(bw_network_all(&n, &bw_network_interface_record, &all, &count));
	for (size_t i = 0; i < count; i++)
		if (bw_str_eq(all[i].attachment, id)) {
			*out = all[i];
			return BW_OK;
		}
	return BW_ENOTFOUND;
}

static enum bw_err detach_resource(struct bw_call *call)
{
	struct bw_network_interface i;

	if (attachment_find(call, bw_call_input(call, "AttachmentId"), &i) == BW_OK)
		ec2_about_id(call, i.id);
	return BW_OK;
}

/* Attachments are those of services' own interfaces: nobody else ends them. */
EC2_OP(DetachNetworkInterface, .effect = BW_WRITE, .resource = detach_resource)
{
	struct bw_network_interface i;
	enum bw_err e = attachment_find(call, in->AttachmentId, &i);

	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "InvalidAttachmentID.NotFound",
		    "The networkInterface attachment ID '%.*s' does not exist", BW_FMT(in->AttachmentId));
	TRY(e);
	return bw_call_fail(
	    call, "OperationNotPermitted", "%s", "You are not allowed to manage 'ela-attach' attachments.");
}
