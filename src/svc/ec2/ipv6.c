/* IPv6 networks of VPCs and subnets (VPC User Guide, "VPC CIDR blocks" and "Subnet CIDR blocks"). */
#include "svc/ec2/ipv6.h"

#include "base/sys.h"
#include "codec/cidr.h"

enum { VPC_BITS = 56, SUBNET_BITS = 64, STEP_BITS = 4, GIVEN_BYTES = 4, OWN_BYTES = 3 };

/* A /56 of Amazon's: its first 32 bits are of the range that AWS gives VPCs from. */
static struct bw_cidr block_any(void)
{
	static const uint8_t amazon[GIVEN_BYTES] = {0x26, 0x00, 0x1f, 0x18};
	struct bw_cidr c = {.v6 = true, .bits = VPC_BITS};

	memcpy(c.bytes, amazon, sizeof amazon);
	bw_random(c.bytes + GIVEN_BYTES, OWN_BYTES);
	return c;
}

static bool block_free(const struct bw_cidr *c, const struct bw_vpc *vpcs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct bw_cidr other;

		if (vpcs[i].ipv6_cidr.n && bw_cidr_parse(vpcs[i].ipv6_cidr, &other) == BW_OK &&
		    bw_cidr_overlaps(&other, c))
			return false;
	}
	return true;
}

enum bw_err ec2_ipv6_vpc(struct bw_call *call, struct bw_vpc *v)
{
	struct bw_network n = bw_network_of(call);
	struct bw_vpc *vpcs;
	struct bw_cidr c;
	size_t count;

	TRY(bw_network_all(&n, &bw_vpc_record, &vpcs, &count));
	do
		c = block_any();
	while (!block_free(&c, vpcs, count));
	v->ipv6_cidr = bw_cidr_text(call->arena, &c);
	v->ipv6_association = bw_network_id(call->arena, "vpc-cidr-assoc");
	return BW_OK;
}

static enum bw_err network_free(
    struct bw_call *call, const struct bw_vpc *vpc, const struct bw_cidr *c, struct bw_str given)
{
	struct bw_network n = bw_network_of(call);
	struct bw_subnet *subnets;
	size_t count;

	TRY(bw_network_all(&n, &bw_subnet_record, &subnets, &count));
	for (size_t i = 0; i < count; i++) {
		struct bw_cidr other;

		if (bw_str_eq(subnets[i].vpc, vpc->id) && subnets[i].ipv6_cidr.n &&
		    bw_cidr_parse(subnets[i].ipv6_cidr, &other) == BW_OK && bw_cidr_overlaps(&other, c))
			return bw_call_fail(call, "InvalidSubnet.Conflict",
			    "The CIDR '%.*s' conflicts with another subnet", BW_FMT(given));
	}
	return BW_OK;
}

enum bw_err ec2_ipv6_subnet(
    struct bw_call *call, struct bw_str given, const struct bw_vpc *vpc, struct bw_subnet *s)
{
	struct bw_cidr c, whole;

	if (bw_cidr_parse(given, &c) != BW_OK || !c.v6)
		return bw_call_fail(call, "InvalidParameterValue",
		    "Value (%.*s) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block.",
		    BW_FMT(given));
	(void)bw_cidr_mask(&c);
	if (!vpc->ipv6_cidr.n || bw_cidr_parse(vpc->ipv6_cidr, &whole) != BW_OK ||
	    !bw_cidr_contains(&whole, &c) || c.bits > SUBNET_BITS || c.bits % STEP_BITS)
		return bw_call_fail(
		    call, "InvalidSubnet.Range", "The CIDR '%.*s' is invalid.", BW_FMT(given));
	TRY(network_free(call, vpc, &c, given));
	s->ipv6_cidr = bw_cidr_text(call->arena, &c);
	s->ipv6_association = bw_network_id(call->arena, "subnet-cidr-assoc");
	return BW_OK;
}

/* ---- Shapes ---- */

void ec2_ipv6_vpc_shape(
    struct bw_call *call, const struct bw_vpc *v, struct ec2_VpcIpv6CidrBlockAssociationSet *out)
{
	struct ec2_VpcCidrBlockState *state;

	*out = (struct ec2_VpcIpv6CidrBlockAssociationSet){.set = true};
	if (!v->ipv6_cidr.n)
		return;
	state = BW_NEW(call->arena, struct ec2_VpcCidrBlockState);
	state->State = BW_STR("associated");
	out->n = 1;
	out->v = BW_NEW(call->arena, struct ec2_VpcIpv6CidrBlockAssociation);
	*out->v = (struct ec2_VpcIpv6CidrBlockAssociation){.AssociationId = v->ipv6_association,
	    .Ipv6CidrBlock = v->ipv6_cidr,
	    .Ipv6CidrBlockState = state,
	    .NetworkBorderGroup = call->region,
	    .Ipv6Pool = BW_STR("Amazon"),
	    .Ipv6AddressAttribute = BW_STR("public"),
	    .IpSource = BW_STR("amazon")};
}

void ec2_ipv6_subnet_shape(
    struct bw_call *call, const struct bw_subnet *s, struct ec2_SubnetIpv6CidrBlockAssociationSet *out)
{
	struct ec2_SubnetCidrBlockState *state;

	*out = (struct ec2_SubnetIpv6CidrBlockAssociationSet){.set = true};
	if (!s->ipv6_cidr.n)
		return;
	state = BW_NEW(call->arena, struct ec2_SubnetCidrBlockState);
	state->State = BW_STR("associated");
	out->n = 1;
	out->v = BW_NEW(call->arena, struct ec2_SubnetIpv6CidrBlockAssociation);
	*out->v = (struct ec2_SubnetIpv6CidrBlockAssociation){.AssociationId = s->ipv6_association,
	    .Ipv6CidrBlock = s->ipv6_cidr,
	    .Ipv6CidrBlockState = state,
	    .Ipv6AddressAttribute = BW_STR("public"),
	    .IpSource = BW_STR("amazon")};
}

void ec2_ipv6_interface_shape(
    struct bw_call *call, const struct bw_network_interface *i, struct ec2_NetworkInterface *out)
{
	struct ec2_NetworkInterfaceIpv6AddressesList *list = &out->Ipv6Addresses;
	size_t n = i->ipv6_addresses.n;

	*list = (struct ec2_NetworkInterfaceIpv6AddressesList){
	    true, n, BW_NEW_ARRAY(call->arena, struct ec2_NetworkInterfaceIpv6Address, n)};
	for (size_t k = 0; k < n; k++)
		list->v[k] = (struct ec2_NetworkInterfaceIpv6Address){
		    .Ipv6Address = i->ipv6_addresses.v[k], .IsPrimaryIpv6 = BW_BOOL(false)};
	if (n)
		out->Ipv6Address = i->ipv6_addresses.v[0];
}

/* ---- Addresses of interfaces ---- */

static enum bw_err address_failed(struct bw_call *call, enum bw_err e, struct bw_str address)
{
	if (e == BW_EEXISTS)
		return bw_call_fail(
		    call, "InvalidIPAddress.InUse", "Address %.*s is in use.", BW_FMT(address));
	return e == BW_EINVAL ? bw_call_fail(call, "InvalidParameterValue", "%s",
	                            "Address does not fall within the subnet's address range")
	                      : e;
}

/* How many are asked for: a number, or the addresses themselves, or as many as the subnet gives by itself. */
static enum bw_err addresses_count(struct bw_call *call, const struct ec2_CreateNetworkInterfaceRequest *in,
    const struct bw_subnet *s, int64_t *count)
{
	if (in->Ipv6AddressCount.v && in->Ipv6Addresses.n)
		return bw_call_fail(call, "InvalidParameterCombination", "%s",
		    "The parameters ipv6AddressCount and ipv6Addresses cannot be used together");
	*count = in->Ipv6Addresses.n        ? (int64_t)in->Ipv6Addresses.n
	         : in->Ipv6AddressCount.set ? in->Ipv6AddressCount.v
	                                    : s->ipv6_on_creation;
	if (*count < 0 || *count > EC2_IPV6_ADDRESSES_MAX)
		return bw_call_fail(call, "PrivateIpAddressLimitExceeded", "%s",
		    "Number of IPv6 addresses will exceed limit.");
	if (*count && !s->ipv6_cidr.n)
		return bw_call_fail(call, "InvalidParameterValue",
		    "The subnet '%.*s' has no IPv6 CIDR block to take addresses from.", BW_FMT(s->id));
	return BW_OK;
}

enum bw_err ec2_ipv6_addresses_take(struct bw_call *call, const struct ec2_CreateNetworkInterfaceRequest *in,
    const struct bw_subnet *s, struct bw_network_interface *i)
{
	int64_t count = 0;

	TRY(addresses_count(call, in, s, &count));
	for (int64_t k = 0; k < count; k++) {
		struct bw_str wanted = in->Ipv6Addresses.n ? in->Ipv6Addresses.v[k].Ipv6Address : BW_STR_NONE,
		              address;
		enum bw_err e = in->Ipv6Addresses.n && !wanted.n
		                    ? BW_EINVAL
		                    : bw_network_ipv6_take(call, s, wanted, &address);

		if (e != BW_OK)
			return address_failed(call, e, wanted);
		bw_strs_add(&i->ipv6_addresses, call->arena, address);
	}
	return BW_OK;
}
