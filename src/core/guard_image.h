/* The guard's configuration and what it tells back: which security groups stand at which interfaces of this
 * host, flattened as for the edge. Published whole on a board (proc/board.h), read by the guard process,
 * which has no store. */
#pragma once

#include "core/edge_image.h"

/* One --guard option: [NAMESPACE/]INTERFACE=TARGET. */
struct bw_guard_binding {
	struct bw_str name;  /* "eth0", "blue/eth0": how it is spoken of */
	struct bw_str space; /* a network namespace by its name under /run/netns; absent: the guard's own */
	struct bw_str interface;         /* absent ("*"): every interface but the loopback */
	struct bw_strs groups;           /* sg- ids */
	struct bw_str network_interface; /* or an eni- id: the groups are those that it has at the time */
};

enum {
	BW_GUARD_BINDINGS_MAX = 32,
	BW_GUARD_GROUPS_MAX = 16, /* AWS's highest quota of groups on one interface */
	BW_GUARD_IMAGE_MAX = 64 * 1024 * 1024,
	BW_GUARD_REPORT_MAX = 64 * 1024,
};

struct bw_guard_config {
	struct bw_guard_binding *bindings;
	size_t count;
	bool origins; /* load balancers may speak to targets from their clients' addresses */
};

/* The options (NULL-terminated) as bindings in the arena. BW_EINVAL with *wrong the text that is none, and
 * *why in words. No interface is bound twice. */
BW_CHECKED enum bw_err bw_guard_parse(const char *const *options, struct bw_arena *arena,
    struct bw_guard_config *out, const char **wrong, const char **why);

struct bw_guard_rules {
	struct bw_str name, space, interface;
	bool known; /* false: none of its groups is there (any more); nothing is permitted */
	const struct bw_edge_permit *ingress;
	size_t ingress_count;
	const struct bw_edge_permit *egress;
	size_t egress_count;
};

/* Whom load balancers may speak to from their clients' addresses. */
struct bw_guard_target {
	bool udp; /* else TCP */
	struct bw_str address;
	int64_t port;
};

struct bw_guard_image {
	int64_t version; /* the snapshot's sequence number */
	const struct bw_guard_rules *rules;
	size_t rules_count;
	bool targets_known; /* false: those of the image before stay */
	const struct bw_guard_target *targets;
	size_t target_count;
};

/* How each binding stands. */
struct bw_guard_state {
	struct bw_str name, state; /* "enforced", "failed" (the rules before it stay in force) */
	struct bw_str reason;
	int64_t permits;            /* networks in its rules */
	int64_t permitted, refused; /* packets that began a connection, since the guard started */
};

struct bw_guard_report {
	int64_t image_version; /* that is in force */
	const struct bw_guard_state *states;
	size_t state_count;
	struct bw_str origins;        /* clients' addresses at targets: "off", "unused" (no target wants them), "kept", "failed" */
	struct bw_str origins_reason; /* why it failed; of the others: what keeps it from working everywhere */
	int64_t origins_made;         /* sockets handed to the edge, since the guard started */
};

void bw_guard_image_encode(const struct bw_guard_image *image, struct bw_buf *out);
/* As bw_edge_image_decode. */
BW_CHECKED enum bw_err bw_guard_image_decode(
    struct bw_str bytes, struct bw_arena *arena, struct bw_guard_image *out);
void bw_guard_report_encode(const struct bw_guard_report *report, struct bw_buf *out);
BW_CHECKED enum bw_err bw_guard_report_decode(
    struct bw_str bytes, struct bw_arena *arena, struct bw_guard_report *out);
/* The newest report; BW_ENOTFOUND: none yet, or `reports` is NULL. Any thread. */
BW_CHECKED enum bw_err bw_guard_report_read(
    const struct bw_board *reports, struct bw_arena *arena, struct bw_guard_report *out);
