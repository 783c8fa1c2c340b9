/* What the files of core/network* share; nobody else includes this. */
#pragma once

#include "core/core.h"
#include "core/network.h"

enum {
	NETWORK_ID_MAX = 64,     /* "security-group-rule" ids and all others are far shorter */
	NETWORK_RULE_MAX = 1024, /* an encoded rule: a description of 255 bytes and some ids */
};

/* The default network's records of a kind, as an array in the arena, by id; of other kinds there are none. */
void *network_default(const struct bw_network *n, const struct bw_record *r, size_t *count);
void network_rules_encode(
    struct bw_arena *a, struct bw_security_group *g, const struct bw_group_rule *rules, size_t count);
