/* EC2's networks as stored. They live below the services because svc/ec2 edits them, svc/elbv2 checks against
 * them and places interfaces in them, and the edge and the guard enforce what security groups permit.
 *
 * Every Region of every account has a default network from the start (core/network_default.c): it is
 * computed, with ids of the store's own, until the first write in that Region, which writes it whole. Nobody
 * above can tell.
 *
 * Keys are "account/Region/ec2/KIND/id". The first field of every record is its id. */
#pragma once

#include "core/call.h"
#include "core/edge_image.h"

struct bw_vpc {
	struct bw_str id, cidr, tenancy;
	bool is_default;
	bool dns_support, dns_hostnames, address_metrics; /* its attributes */
	int64_t created_ms;
	struct bw_str cidr_association; /* vpc-cidr-assoc- */
	struct bw_str dhcp_options, route_table, route_association, network_acl;
	struct bw_str group; /* the default security group */
	struct bw_str ipv6_cidr, ipv6_association; /* absent: IPv4 alone */
};

struct bw_subnet {
	struct bw_str id, vpc, cidr, zone, zone_id;
	bool default_for_zone, public_addresses; /* MapPublicIpOnLaunch */
	struct bw_str acl_association;
	struct bw_str hostname_type; /* ip-name, resource-name */
	bool name_a_record, name_aaaa_record, dns64;
	int64_t created_ms;
	struct bw_str ipv6_cidr, ipv6_association; /* subnet-cidr-assoc-; absent: IPv4 alone */
	bool ipv6_on_creation;                     /* AssignIpv6AddressOnCreation */
};

struct bw_internet_gateway {
	struct bw_str id, vpc; /* vpc empty: detached */
};

struct bw_security_group {
	struct bw_str id, name, description, vpc;
	int64_t created_ms;
	struct bw_strs rules; /* each a record of struct bw_group_rule, in the order of their making */
	struct bw_strs vpcs;  /* associated ones beside its own */
};

/* Exactly one of cidr, prefix_list and group is there. */
struct bw_group_rule {
	struct bw_str id; /* sgr- */
	bool egress;
	struct bw_str protocol;     /* tcp, udp, icmp, icmpv6, another's number, -1 */
	int64_t from_port, to_port; /* for ICMP type and code; -1: all */
	struct bw_str cidr, prefix_list, group;
	struct bw_str description; /* absent: none */
};

struct bw_network_interface {
	struct bw_str id, subnet, vpc, zone, zone_id, description;
	struct bw_str type; /* interface, network_load_balancer */
	struct bw_str mac, address, public_address;
	struct bw_strs more_addresses; /* secondary private ones */
	struct bw_strs groups;
	bool source_check;
	struct bw_str
	    requester; /* "amazon-elb": a service's own, that nobody else may change; absent: the account's */
	struct bw_str attachment; /* ela-attach-; absent: not attached */
	int64_t created_ms, attached_ms;
	struct bw_str token; /* the ClientToken that made it */
	struct bw_strs ipv6_addresses;
};

struct bw_prefix_list {
	struct bw_str id, name, family; /* IPv4, IPv6 */
	int64_t max_entries, version;
	struct bw_pairs entries; /* network, description */
	struct bw_str state;     /* create-complete, modify-complete ... */
	struct bw_str token;
};

extern const struct bw_record bw_vpc_record, bw_subnet_record, bw_internet_gateway_record,
    bw_security_group_record, bw_group_rule_record, bw_network_interface_record, bw_prefix_list_record;

/* Whose networks are looked at: a call's own, or those of an account and Region in some snapshot. */
struct bw_network {
	struct bw_call *call; /* NULL: outside of a call, nothing read is remembered */
	struct bw_store *store;
	struct bw_snapshot *view;
	struct bw_arena *arena;
	struct bw_str account, region;
};

struct bw_network bw_network_of(struct bw_call *call);

/* ---- Reading ---- */

/* `to` is the record's struct. BW_ENOTFOUND is for the caller to put in the service's words. */
BW_CHECKED enum bw_err bw_network_load(
    const struct bw_network *n, const struct bw_record *r, struct bw_str id, void *to);
/* Every record of the kind, by id, as an array of the record's struct in the arena. In a write, none may come
 * or go before it is committed. */
BW_CHECKED enum bw_err bw_network_all(
    const struct bw_network *n, const struct bw_record *r, void *array, size_t *count);

/* The rules of a group, decoded. */
BW_CHECKED enum bw_err bw_group_rules(const struct bw_network *n, const struct bw_security_group *g,
    struct bw_group_rule **rules, size_t *count);

/* What the groups permit together, flattened: group references become the private and public addresses of the
 * interfaces that are members, prefix lists their entries. A group that is not there permits nothing. */
struct bw_permits {
	struct bw_edge_permit *ingress, *egress;
	size_t ingress_count, egress_count;
};
BW_CHECKED enum bw_err bw_network_permits(
    const struct bw_network *n, const struct bw_strs *groups, struct bw_permits *out);

/* ---- Writing, in a call ---- */

void bw_network_save(struct bw_call *call, const struct bw_record *r, const void *from);
/* Its tags go along ("tags/ID", svc/ec2/tags.c). */
void bw_network_delete(struct bw_call *call, const struct bw_record *r, struct bw_str id);
/* Stores the rules in the group's record; the caller saves it. */
void bw_group_rules_set(
    struct bw_call *call, struct bw_security_group *g, const struct bw_group_rule *rules, size_t count);

/* "PREFIX-" and 17 hexadecimal digits, random. */
struct bw_str bw_network_id(struct bw_arena *a, const char *prefix);
/* "arn:aws:ec2:REGION:ACCOUNT:TYPE/ID" */
struct bw_str bw_network_arn(const struct bw_network *n, const char *type, struct bw_str id);

/* Makes an interface in a subnet that was loaded in this call, with groups that were loaded too. `spec` has
 * subnet, description, type, groups, requester, public_address and, when a certain one is wanted, address;
 * the rest is filled here. BW_EEXISTS: the wanted address is taken; BW_EINVAL: it is none of the subnet's;
 * BW_ETOOBIG: the subnet is full. An interface with a requester counts as attached. */
BW_CHECKED enum bw_err bw_network_interface_new(
    struct bw_call *call, const struct bw_subnet *subnet, struct bw_network_interface *spec);
/* Another private address for an interface of the subnet; errors as above. `wanted` absent: any. */
BW_CHECKED enum bw_err bw_network_address_take(
    struct bw_call *call, const struct bw_subnet *subnet, struct bw_str wanted, struct bw_str *address);
/* An IPv6 address of the subnet's own network; errors as above, BW_EINVAL also when it has none. */
BW_CHECKED enum bw_err bw_network_ipv6_take(
    struct bw_call *call, const struct bw_subnet *subnet, struct bw_str wanted, struct bw_str *address);
/* Who is in a group is an index: kept by every change of an interface's groups. */
void bw_network_members_set(
    struct bw_call *call, const struct bw_network_interface *i, const struct bw_strs *groups);
/* Gives its addresses back and leaves its groups. */
void bw_network_interface_delete(struct bw_call *call, const struct bw_network_interface *i);
/* Addresses of the subnet that interfaces have. */
size_t bw_network_addresses_used(const struct bw_network *n, struct bw_str subnet);

/* Index keys: addresses of a subnet ("address/SUBNET/ADDRESS", "address6" of IPv6), members of a group
 * ("member/GROUP/INTERFACE"), and whose rules refer to a group or prefix list ("reference/TARGET/GROUP").
 * With an absent last part: their prefix. */
struct bw_str bw_network_index(
    const struct bw_network *n, const char *index, struct bw_str of, struct bw_str what);

/* A new VPC's own group, with the ids of its two rules: members reach each other, and everything may be
 * reached. */
struct bw_security_group bw_network_default_group(
    struct bw_arena *a, struct bw_str vpc, struct bw_str id, struct bw_str in, struct bw_str out);

/* The DHCP options that AWS gives every VPC of the Region. */
struct bw_str bw_network_dhcp_options(const struct bw_network *n);

/* ---- Zones ---- */

struct bw_zone {
	struct bw_str name, id; /* "us-east-1a", "use1-az1" */
};
/* The zones of a Region, in the arena. */
size_t bw_network_zones(const struct bw_network *n, struct bw_zone **zones);
