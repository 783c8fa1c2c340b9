#include "core/network_internal.h"

#include "base/sys.h"
#include "codec/cidr.h"

/* AWS keeps the first four addresses of a subnet and its last one for itself (VPC User Guide, "Subnet CIDR
 * blocks"). */
enum { RESERVED_FIRST = 4, RESERVED_LAST = 1 };

size_t bw_network_addresses_used(const struct bw_network *n, struct bw_str subnet)
{
	struct bw_str prefix = bw_network_index(n, "address", subnet, BW_STR_NONE), key;
	struct bw_scan scan;
	size_t count = 0;

	if (bw_scan_begin(n->view, prefix, BW_STR_NONE, &scan) != BW_OK)
		return 0;
	while (bw_scan_next(&scan, n->arena, &key, NULL, NULL) == BW_OK)
		count++;
	bw_scan_end(&scan);
	return count;
}

bool network_address_taken(struct bw_call *call, struct bw_str key)
{
	for (const struct bw_batch_op *op = call->batch.first; op; op = op->next)
		if (op->kind == BW_BATCH_PUT && bw_str_eq(op->key, key))
			return true;
	return bw_call_exists(call, key);
}

static enum bw_err address_wanted(struct bw_call *call, const struct bw_subnet *subnet,
    const struct bw_cidr *network, struct bw_str wanted, struct bw_str *key)
{
	struct bw_network n = bw_network_of(call);
	struct bw_cidr address;
	uint32_t at;

	TRY(bw_cidr_address(wanted, &address));
	CHECK(bw_cidr_contains(network, &address), BW_EINVAL);
	at = bw_cidr_index(network, &address);
	CHECK(at >= RESERVED_FIRST && at < bw_cidr_size(network) - RESERVED_LAST, BW_EINVAL);
	*key = bw_network_index(&n, "address", subnet->id, wanted);
	return network_address_taken(call, *key) ? BW_EEXISTS : BW_OK;
}

/* From anywhere in the subnet on, so that the first try is nearly always good. What is taken is looked over
 * without being remembered: only the choice must stay free. */
static enum bw_err address_any(struct bw_call *call, const struct bw_subnet *subnet,
    const struct bw_cidr *network, struct bw_str *address, struct bw_str *key)
{
	struct bw_network n = bw_network_of(call);
	uint32_t usable = (uint32_t)(bw_cidr_size(network) - RESERVED_FIRST - RESERVED_LAST), start;

	CHECK(bw_network_addresses_used(&n, subnet->id) < usable, BW_ETOOBIG);
	bw_random(&start, sizeof start);
	for (uint32_t i = 0; i < usable; i++) {
		struct bw_cidr at = bw_cidr_nth(network, RESERVED_FIRST + (start + i) % usable);

		*address = bw_cidr_address_text(call->arena, &at);
		*key = bw_network_index(&n, "address", subnet->id, *address);
		if (bw_snapshot_version(call->view, *key) == 0 && !network_address_taken(call, *key))
			return BW_OK;
	}
	return BW_ETOOBIG;
}

enum bw_err bw_network_address_take(
    struct bw_call *call, const struct bw_subnet *subnet, struct bw_str wanted, struct bw_str *address)
{
	struct bw_cidr network;
	struct bw_str key;

	CHECK(bw_cidr_parse(subnet->cidr, &network) == BW_OK, BW_ECORRUPT);
	if (bw_str_set(wanted)) {
		*address = wanted;
		TRY(address_wanted(call, subnet, &network, wanted, &key));
	} else {
		TRY(address_any(call, subnet, &network, address, &key));
	}
	bw_call_mark(call, key);
	return BW_OK;
}

void bw_network_members_set(
    struct bw_call *call, const struct bw_network_interface *i, const struct bw_strs *groups)
{
	struct bw_network n = bw_network_of(call);

	for (size_t k = 0; k < i->groups.n; k++)
		if (!groups || !bw_strs_has(groups, i->groups.v[k]))
			bw_call_delete(call, bw_network_index(&n, "member", i->groups.v[k], i->id));
	for (size_t k = 0; groups && k < groups->n; k++)
		bw_call_mark(call, bw_network_index(&n, "member", groups->v[k], i->id));
}

/* Locally administered and unicast, as AWS's are. */
static struct bw_str mac_make(struct bw_arena *a)
{
	unsigned char b[5];

	bw_random(b, sizeof b);
	return bw_arena_printf(a, "02:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4]);
}

enum bw_err bw_network_interface_new(
    struct bw_call *call, const struct bw_subnet *subnet, struct bw_network_interface *spec)
{
	struct bw_arena *a = call->arena;

	spec->id = bw_network_id(a, "eni");
	spec->subnet = subnet->id;
	spec->vpc = subnet->vpc;
	spec->zone = subnet->zone;
	spec->zone_id = subnet->zone_id;
	spec->mac = mac_make(a);
	spec->created_ms = call->now_ms;
	if (!spec->type.n)
		spec->type = BW_STR("interface");
	if (spec->requester.n) {
		spec->attachment = bw_network_id(a, "ela-attach");
		spec->attached_ms = call->now_ms;
	} else {
		spec->source_check = true;
	}
	TRY(bw_network_address_take(call, subnet, spec->address, &spec->address));
	bw_network_members_set(call, spec, &spec->groups);
	bw_network_save(call, &bw_network_interface_record, spec);
	return BW_OK;
}

void bw_network_interface_delete(struct bw_call *call, const struct bw_network_interface *i)
{
	struct bw_network n = bw_network_of(call);

	bw_call_delete(call, bw_network_index(&n, "address", i->subnet, i->address));
	for (size_t k = 0; k < i->more_addresses.n; k++)
		bw_call_delete(call, bw_network_index(&n, "address", i->subnet, i->more_addresses.v[k]));
	network_ipv6_give(call, i);
	bw_network_members_set(call, i, NULL);
	bw_network_delete(call, &bw_network_interface_record, i->id);
}
