/* What the files of the image's builder share. */
#pragma once

#include "svc/elbv2/elb.h"

/* The records of one account and Region, in key order. */
struct place {
	struct bw_call call; /* reads only; of nobody */
	struct elb_load_balancer *load_balancers;
	struct elb_listener *listeners;
	struct elb_rule *rules;
	struct elb_target_group *groups;
	struct elb_trust_store *stores;
	size_t load_balancer_count, listener_count, rule_count, group_count, store_count;
	int64_t *due_ms;
};

/* A listener with its certificates and rules. */
BW_CHECKED enum bw_err image_listener(
    struct place *p, const struct elb_listener *l, struct bw_edge_listener *out);

/* Takes the addresses of targets that lead back: to this server's own API, or to a listener that leads to them, over others
 * perhaps. Without an address a target gets nothing, and is described as Target.InvalidState. The lists are the image's, still to
 * be changed. */
void image_cut_back(const struct bw_core *core, struct bw_arena *arena, const struct bw_edge_image *image);
