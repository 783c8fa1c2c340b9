#include "svc/ec2/interface.h"
#include "svc/ec2/ipv6.h"

#include "codec/time.h"

/* ---- Shape ---- */

/* "10.0.0.5" in "ip-10-0-0-5.DOMAIN" and "ec2-198-51-100-1.DOMAIN". */
static struct bw_str host_name(
    struct bw_call *call, const char *prefix, struct bw_str address, struct bw_str domain)
{
	struct bw_str name =
	    bw_arena_printf(call->arena, "%s-%.*s.%.*s", prefix, BW_FMT(address), BW_FMT(domain));
	char *at = (char *)name.p + strlen(prefix) + 1; /* freshly made */

	for (size_t i = 0; i < address.n; i++)
		if (at[i] == '.')
			at[i] = '-';
	return name;
}

static struct bw_str private_name(struct bw_call *call, struct bw_str address)
{
	return host_name(call, "ip", address, ec2_internal_domain(call));
}

/* Of its public address; absent: it has none. */
static struct bw_str address_owner(const struct bw_network_interface *i)
{
	if (!i->public_address.n)
		return BW_STR_NONE;
	return i->requester.n ? i->requester : BW_STR("amazon");
}

static struct ec2_NetworkInterfaceAssociation *association_shape(
    struct bw_call *call, struct bw_str address, struct bw_str owner)
{
	struct ec2_NetworkInterfaceAssociation *out =
	    BW_NEW(call->arena, struct ec2_NetworkInterfaceAssociation);
	struct bw_str domain =
	    bw_str_eq(call->region, BW_STR("us-east-1"))
	        ? BW_STR("compute-1.amazonaws.com")
	        : bw_arena_printf(call->arena, "%.*s.compute.amazonaws.com", BW_FMT(call->region));

	*out = (struct ec2_NetworkInterfaceAssociation){.IpOwnerId = owner,
	    .PublicIp = address,
	    .PublicDnsName = host_name(call, "ec2", address, domain)};
	return out;
}

static void addresses_shape(
    struct bw_call *call, const struct bw_network_interface *i, struct ec2_NetworkInterface *out)
{
	size_t n = 1 + i->more_addresses.n;

	out->PrivateIpAddresses = (struct ec2_NetworkInterfacePrivateIpAddressList){
	    true, n, BW_NEW_ARRAY(call->arena, struct ec2_NetworkInterfacePrivateIpAddress, n)};
	for (size_t k = 0; k < n; k++) {
		struct bw_str address = k ? i->more_addresses.v[k - 1] : i->address;

		out->PrivateIpAddresses.v[k] =
		    (struct ec2_NetworkInterfacePrivateIpAddress){.Primary = BW_BOOL(k == 0),
		        .PrivateDnsName = private_name(call, address),
		        .PrivateIpAddress = address,
		        .Association = k ? NULL : out->Association};
	}
}

static struct ec2_NetworkInterfaceAttachment *attachment_shape(
    struct bw_call *call, const struct bw_network_interface *i)
{
	struct ec2_NetworkInterfaceAttachment *out =
	    BW_NEW(call->arena, struct ec2_NetworkInterfaceAttachment);

	*out = (struct ec2_NetworkInterfaceAttachment){.AttachmentId = i->attachment,
	    .AttachTime = BW_TIME(i->attached_ms),
	    .DeleteOnTermination = BW_BOOL(false),
	    .DeviceIndex = BW_INT(1),
	    .InstanceOwnerId = i->requester,
	    .Status = BW_STR("attached")};
	return out;
}

enum bw_err ec2_interface_groups(
    struct bw_call *call, const struct bw_network_interface *i, struct ec2_GroupIdentifierList *out)
{
	struct bw_network n = bw_network_of(call);

	*out = (struct ec2_GroupIdentifierList){
	    true, 0, BW_NEW_ARRAY(call->arena, struct ec2_GroupIdentifier, i->groups.n)};
	for (size_t k = 0; k < i->groups.n; k++) {
		struct bw_security_group g;
		enum bw_err e = bw_network_load(&n, &bw_security_group_record, i->groups.v[k], &g);

		if (e == BW_OK)
			out->v[out->n++] = (struct ec2_GroupIdentifier){.GroupId = g.id, .GroupName = g.name};
		else if (e != BW_ENOTFOUND)
			return e;
	}
	return BW_OK;
}

enum bw_err ec2_interface_shape(
    struct bw_call *call, const struct bw_network_interface *i, struct ec2_NetworkInterface *out)
{
	*out = (struct ec2_NetworkInterface){
	    .AvailabilityZone = i->zone,
	    .AvailabilityZoneId = i->zone_id,
	    .Description = bw_str_set(i->description) ? i->description : BW_STR(""),
	    .InterfaceType = i->type,
	    .MacAddress = i->mac,
	    .NetworkInterfaceId = i->id,
	    .OwnerId = call->account,
	    .PrivateDnsName = private_name(call, i->address),
	    .PrivateIpAddress = i->address,
	    .RequesterId = i->requester.n ? i->requester : BW_STR_NONE,
	    .RequesterManaged = BW_BOOL(i->requester.n > 0),
	    .SourceDestCheck = BW_BOOL(i->source_check),
	    .Status = i->attachment.n ? BW_STR("in-use") : BW_STR("available"),
	    .SubnetId = i->subnet,
	    .VpcId = i->vpc,
	    .DenyAllIgwTraffic = BW_BOOL(false),
	    .Ipv6Native = BW_BOOL(false),
	};
	if (i->public_address.n) {
		out->Association = association_shape(call, i->public_address, address_owner(i));
		out->PublicDnsName = out->Association->PublicDnsName;
	}
	/* No service of AWS's runs instances here that would have interfaces of its own. */
	out->Operator = BW_NEW(call->arena, struct ec2_OperatorResponse);
	out->Operator->Managed = BW_BOOL(false);
	if (i->attachment.n)
		out->Attachment = attachment_shape(call, i);
	addresses_shape(call, i, out);
	ec2_ipv6_interface_shape(call, i, out);
	TRY(ec2_interface_groups(call, i, &out->Groups));
	TRY(ec2_tags_shape(call, i->id, &out->TagSet));
	out->TagSet.set = true;
	return BW_OK;
}

/* ---- Describe ---- */

static void all_addresses(struct ec2_facts *f, const void *item)
{
	const struct bw_network_interface *i = item;

	ec2_fact(f, i->address);
	for (size_t k = 0; k < i->more_addresses.n; k++)
		ec2_fact(f, i->more_addresses.v[k]);
}

static void primary_facts(struct ec2_facts *f, const void *item)
{
	ec2_fact_bool(f, true);
	if (((const struct bw_network_interface *)item)->more_addresses.n)
		ec2_fact_bool(f, false);
}

static void name_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, private_name(f->call, ((const struct bw_network_interface *)item)->address));
}

static void status_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct bw_network_interface *)item)->attachment.n ? BW_STR("in-use")
	                                                                      : BW_STR("available"));
}

static void attached_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, ((const struct bw_network_interface *)item)->attachment.n ? BW_STR("attached")
	                                                                      : BW_STR("detached"));
}

static void attach_facts(struct ec2_facts *f, const void *item, struct ec2_NetworkInterfaceAttachment **out)
{
	const struct bw_network_interface *i = item;

	*out = i->attachment.n ? attachment_shape(f->call, i) : NULL;
}

static void attach_time_fact(struct ec2_facts *f, const void *item)
{
	struct ec2_NetworkInterfaceAttachment *a;
	char text[32];
	struct bw_buf time = bw_buf_over(text, sizeof text);

	attach_facts(f, item, &a);
	if (!a)
		return;
	bw_time_put_iso8601_ms(a->AttachTime.ms, &time);
	ec2_fact(f, bw_arena_str(f->call->arena, bw_buf_str(&time)));
}

static void attach_ends_fact(struct ec2_facts *f, const void *item)
{
	struct ec2_NetworkInterfaceAttachment *a;

	attach_facts(f, item, &a);
	if (a)
		ec2_fact_bool(f, a->DeleteOnTermination.v);
}

static void attach_index_fact(struct ec2_facts *f, const void *item)
{
	struct ec2_NetworkInterfaceAttachment *a;

	attach_facts(f, item, &a);
	if (a)
		ec2_fact_int(f, a->DeviceIndex.v);
}

static void address_owner_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact(f, address_owner(item));
}

static void public_name_fact(struct ec2_facts *f, const void *item)
{
	const struct bw_network_interface *i = item;

	if (i->public_address.n)
		ec2_fact(f, association_shape(f->call, i->public_address, address_owner(i))->PublicDnsName);
}

static void managed_fact(struct ec2_facts *f, const void *item)
{
	ec2_fact_bool(f, ((const struct bw_network_interface *)item)->requester.n > 0);
}

static void group_names(struct ec2_facts *f, const void *item)
{
	struct ec2_GroupIdentifierList list;

	if (ec2_interface_groups(f->call, item, &list) != BW_OK)
		return;
	for (size_t k = 0; k < list.n; k++)
		ec2_fact(f, list.v[k].GroupName);
}

#define AT(name, member) EC2_FILTER_STR(name, struct bw_network_interface, member)

static const struct ec2_filter_row interface_filters[] = {
    EC2_FILTER_OF("addresses.association.owner-id", address_owner_fact),
    AT("addresses.association.public-ip", public_address),
    EC2_FILTER_OF("addresses.primary", primary_facts),
    EC2_FILTER_OF("addresses.private-ip-address", all_addresses),
    AT("association.public-ip", public_address),
    EC2_FILTER_FIXED("association.allocation-id", NULL),
    EC2_FILTER_FIXED("association.association-id", NULL),
    EC2_FILTER_OF("association.ip-owner-id", address_owner_fact),
    EC2_FILTER_OF("association.public-dns-name", public_name_fact),
    EC2_FILTER_OF("attachment.attach-time", attach_time_fact),
    AT("attachment.attachment-id", attachment),
    EC2_FILTER_OF("attachment.delete-on-termination", attach_ends_fact),
    EC2_FILTER_OF("attachment.device-index", attach_index_fact),
    EC2_FILTER_FIXED("attachment.instance-id", NULL),
    AT("attachment.instance-owner-id", requester),
    EC2_FILTER_OF("attachment.status", attached_fact),
    AT("availability-zone", zone),
    AT("availability-zone-id", zone_id),
    AT("description", description),
    EC2_FILTER_STRS("group-id", struct bw_network_interface, groups),
    EC2_FILTER_OF("group-name", group_names),
    AT("interface-type", type),
    EC2_FILTER_STRS("ipv6-addresses.ipv6-address", struct bw_network_interface, ipv6_addresses),
    AT("mac-address", mac),
    AT("network-interface-id", id),
    EC2_FILTER_FIXED("operator.managed", "false"),
    EC2_FILTER_FIXED("operator.principal", NULL),
    EC2_FILTER_OWNER("owner-id"),
    AT("private-ip-address", address),
    EC2_FILTER_OF("private-dns-name", name_fact),
    AT("requester-id", requester),
    EC2_FILTER_OF("requester-managed", managed_fact),
    EC2_FILTER_BOOL("source-dest-check", struct bw_network_interface, source_check),
    EC2_FILTER_OF("status", status_fact),
    AT("subnet-id", subnet),
    AT("vpc-id", vpc),
};
static const struct ec2_listing interface_listing = {
    &ec2_interface, sizeof(struct bw_network_interface), interface_filters, BW_COUNT(interface_filters)};

EC2_OP(DescribeNetworkInterfaces, .effect = BW_READ)
{
	struct ec2_page page;

	TRY(ec2_ids_alone(call, "NetworkInterfaceIds", &in->NetworkInterfaceIds, in->MaxResults));
	TRY(ec2_select_stored(call, &interface_listing, &in->NetworkInterfaceIds, &in->Filters, in->NextToken,
	    in->MaxResults, &page));
	out->NetworkInterfaces = (struct ec2_NetworkInterfaceList){
	    true, page.n, BW_NEW_ARRAY(call->arena, struct ec2_NetworkInterface, page.n)};
	for (size_t i = 0; i < page.n; i++)
		TRY(ec2_interface_shape(call, page.items[i], &out->NetworkInterfaces.v[i]));
	out->NextToken = page.next_token;
	return BW_OK;
}
