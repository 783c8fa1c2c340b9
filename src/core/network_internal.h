/* What the files of core/network* share; nobody else includes this. */
#pragma once

#include "core/core.h"
#include "core/network.h"

enum {
	NETWORK_ID_MAX = 64,     /* "security-group-rule" ids and all others are far shorter */
	NETWORK_RULE_MAX = 1024, /* an encoded rule: a description of 255 bytes and some ids */
};

/* Whether an index entry is there, or made in this very call. */
bool network_address_taken(struct bw_call *call, struct bw_str key);
/* Gives the IPv6 addresses of an interface back. */
void network_ipv6_give(struct bw_call *call, const struct bw_network_interface *i);
/* The default network's records of a kind, as an array in the arena, by id; of other kinds there are none. */
void *network_default(const struct bw_network *n, const struct bw_record *r, size_t *count);
void network_rules_encode(
    struct bw_arena *a, struct bw_security_group *g, const struct bw_group_rule *rules, size_t count);
