/* What the files of guard/ share. */
#pragma once

#include <stdatomic.h>

#include "codec/cidr.h"
#include "guard/guard.h"

/* A permit in numbers. */
struct guard_permit {
	int protocol; /* -1: all */
	int from, to; /* ports, or ICMP type and code; -1: all */
	struct bw_cidr network;
};

/* BW_EINVAL for what is no permit: it then permits nothing. */
BW_CHECKED enum bw_err guard_permit_parse(const struct bw_edge_permit *in, struct guard_permit *out);

/* ---- cut.c ---- */

/* Ports that anybody might reach, both ways: AWS does not track such flows, so that they end when the rule
 * does (EC2 User Guide, "Security group connection tracking"). */
struct guard_open {
	int protocol; /* TCP or UDP */
	int from, to;
	bool v6;
};

enum { GUARD_OPEN_MAX = 256 };

struct guard_opens {
	struct guard_open v[GUARD_OPEN_MAX];
	size_t n;
};

/* What is open now for one direction: permits of everybody, when the other direction permits everything to
 * everybody. */
void guard_opens_find(const struct bw_edge_permit *permits, size_t n, const struct bw_edge_permit *back,
    size_t back_n, struct guard_opens *out);
/* Adds to `cut` what was open before and is not any more. Too many become all ports of the family and
 * protocol. */
void guard_opens_closed(
    const struct guard_opens *before, const struct guard_opens *now, struct guard_opens *cut);

/* ---- table.c ---- */

/* One binding, with what earlier images have closed. */
struct guard_bound {
	const struct bw_guard_rules *rules;
	const struct guard_opens *cut_in, *cut_out;
};

/* The nft commands, as JSON, that make the table of one namespace hold exactly these. One transaction.
 * `fresh`: whatever the table held before goes, counters too. */
void guard_table_put(const struct guard_bound *bound, size_t n, bool fresh, struct bw_buf *json);
/* The counters' answer of nft: how many packets binding `index` has permitted and refused. Absent ones are 0.
 */
BW_CHECKED enum bw_err guard_counters_read(
    struct bw_str json, size_t index, int64_t *permitted, int64_t *refused);

/* ---- nft.c ---- */

/* Runs nft in a network namespace (NULL: our own), its input from `json` (absent: none). What it prints goes
 * to `out`, what it complains of to `said`, cut at their ceilings. BW_ENOTFOUND: no such namespace; BW_EIO:
 * it failed or took too long. */
BW_CHECKED enum bw_err guard_nft(const char *space, const char *const *arguments, struct bw_str json,
    struct bw_buf *out, struct bw_buf *said);

/* ---- routes.c ---- */

/* The rule and the route of both families (IPv4, IPv6), in our own namespace; an errno for each, or 0. What is
 * there already stays. */
void guard_routes_put(int errors[2]);
void guard_routes_remove(void);

/* ---- origins.c ---- */

struct guard_origins {
	bool wanted; /* --preserve-client-ip */
	bool there;  /* our table is, or is to be: from the first target on, for as long as there may be connections */
	bool loaded; /* as far as is known it is */
	bool wide;   /* the newest image names targets */
	/* Of both families, for the thread that lends: 0: sockets may be made; EAGAIN: not now; another: they cannot be used. */
	_Atomic int errors[2];
	_Atomic int64_t made;
	const char *state; /* as the report has it */
	char reason[200];
	struct bw_buf json, next, out, said; /* json: of the table that is, or is to be, there */
};

/* What one before us has left is gone on with: connections may go by it. */
void guard_origins_open(struct guard_origins *o, bool wanted);
/* And takes away all of ours, unless another guard follows: without the table what the edge's sockets say would go anywhere
 * meanwhile, and without the way back its connections would be cut. */
void guard_origins_close(struct guard_origins *o, bool relieved);
/* What the image says of targets, into the kernel. */
void guard_origins_apply(struct guard_origins *o, const struct bw_guard_image *image);
/* Puts back what somebody has taken away. */
void guard_origins_look(struct guard_origins *o);
/* The nft commands, as JSON, that make the table anew. One transaction. */
void guard_origins_table(const struct bw_guard_target *targets, size_t count, struct bw_buf *json);

/* ---- lend.c ---- */

/* Answers the loops' requests on a thread of its own, until it is stopped. BW_EIO, logged. */
struct guard_lender;
BW_CHECKED enum bw_err guard_lender_start(
    const struct bw_errand_channels *channels, struct guard_origins *origins, struct guard_lender **out);
void guard_lender_stop(struct guard_lender *l);

/* ---- powers.c ---- */

/* Gives up every capability but CAP_NET_ADMIN, and CAP_SYS_ADMIN when `spaces` (to enter a namespace).
 * BW_EPERM (logged) when one is missing. */
BW_CHECKED enum bw_err guard_powers_keep(bool spaces);
