/* Addresses and networks in text: IPv4 in dotted decimal without leading zeros, IPv6 as RFC 4291 has it, and
 * CIDR notation over both. One spelling in, the canonical one (RFC 5952) out. */
#pragma once

#include "base/buf.h"

/* A network, or with `bits` all set a single address. */
struct bw_cidr {
	bool v6;
	uint8_t bits;      /* of the prefix: at most 32, or 128 */
	uint8_t bytes[16]; /* in network order; an IPv4 address takes the first four */
};

/* An address without a prefix. BW_EINVAL for anything else. */
BW_CHECKED enum bw_err bw_cidr_address(struct bw_str text, struct bw_cidr *out);
/* "ADDRESS/BITS", the prefix length in decimal without leading zeros. Bits behind the prefix are kept as
 * written: bw_cidr_mask clears them. BW_EINVAL for anything else, an address without a prefix too. */
BW_CHECKED enum bw_err bw_cidr_parse(struct bw_str text, struct bw_cidr *out);
/* Clears the bits behind the prefix; true when there were any. */
bool bw_cidr_mask(struct bw_cidr *c);
/* Whether every address of `inner` is one of `outer`; never across families. */
bool bw_cidr_contains(const struct bw_cidr *outer, const struct bw_cidr *inner);
bool bw_cidr_overlaps(const struct bw_cidr *a, const struct bw_cidr *b);
/* The IPv4 address that stands `index` addresses above the network's first. */
struct bw_cidr bw_cidr_nth(const struct bw_cidr *network, uint32_t index);
/* And back: how far an IPv4 address of the network stands above its first. */
uint32_t bw_cidr_index(const struct bw_cidr *network, const struct bw_cidr *address);
/* How many addresses an IPv4 network has. */
uint64_t bw_cidr_size(const struct bw_cidr *network);
/* The address alone, without its prefix; and with it. In the arena. */
struct bw_str bw_cidr_address_text(struct bw_arena *a, const struct bw_cidr *c);
struct bw_str bw_cidr_text(struct bw_arena *a, const struct bw_cidr *c);
