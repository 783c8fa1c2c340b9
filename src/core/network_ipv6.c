#include "core/network_internal.h"

#include "base/sys.h"
#include "codec/cidr.h"

/* AWS keeps the first four addresses and the last one of a subnet for itself in IPv6, too (VPC User Guide,
 * "Subnet CIDR blocks"). */
enum { RESERVED_FIRST = 4, BYTES = 16 };

/* The bits of byte `i` that a network leaves to its hosts. */
static uint8_t host_mask(const struct bw_cidr *network, size_t i)
{
	size_t fixed = network->bits > i * 8 ? network->bits - i * 8 : 0;

	return fixed >= 8 ? 0 : (uint8_t)(0xffu >> fixed);
}

static bool reserved(const struct bw_cidr *network, const struct bw_cidr *address)
{
	bool first = true, last = true;

	for (size_t i = 0; i < BYTES; i++) {
		uint8_t mask = host_mask(network, i), host = address->bytes[i] & mask;

		last = last && host == mask;
		first = first && (i + 1 == BYTES ? host < RESERVED_FIRST : host == 0);
	}
	return first || last;
}

static struct bw_cidr any_of(const struct bw_cidr *network)
{
	struct bw_cidr at = *network;
	uint8_t b[BYTES];

	bw_random(b, sizeof b);
	for (size_t i = 0; i < BYTES; i++)
		at.bytes[i] = (uint8_t)(at.bytes[i] | (b[i] & host_mask(network, i)));
	at.bits = BYTES * 8;
	return at;
}

enum bw_err bw_network_ipv6_take(
    struct bw_call *call, const struct bw_subnet *subnet, struct bw_str wanted, struct bw_str *address)
{
	struct bw_network n = bw_network_of(call);
	struct bw_cidr network, at;
	struct bw_str key;

	CHECK(subnet->ipv6_cidr.n && (!wanted.n || bw_cidr_address(wanted, &at) == BW_OK), BW_EINVAL);
	CHECK(bw_cidr_parse(subnet->ipv6_cidr, &network) == BW_OK, BW_ECORRUPT);
	if (wanted.n)
		CHECK(bw_cidr_contains(&network, &at) && !reserved(&network, &at), BW_EINVAL);
	/* Of 2^64 addresses one that nobody has is found at once. */
	do {
		if (!wanted.n)
			at = any_of(&network);
		*address = bw_cidr_address_text(call->arena, &at);
		key = bw_network_index(&n, "address6", subnet->id, *address);
		if (wanted.n && network_address_taken(call, key))
			return BW_EEXISTS;
	} while (!wanted.n && (reserved(&network, &at) || network_address_taken(call, key)));
	bw_call_mark(call, key);
	return BW_OK;
}

void network_ipv6_give(struct bw_call *call, const struct bw_network_interface *i)
{
	struct bw_network n = bw_network_of(call);

	for (size_t k = 0; k < i->ipv6_addresses.n; k++)
		bw_call_delete(call, bw_network_index(&n, "address6", i->subnet, i->ipv6_addresses.v[k]));
}
