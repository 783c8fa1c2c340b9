/* The guard: a process with CAP_NET_ADMIN that keeps one nftables table of ours, "inet bulwark", in the
 * network namespaces that it is bound to, and touches nothing else there. With --preserve-client-ip it also makes
 * the sockets by which the edge speaks from its clients' addresses (proc/origin.h), and keeps what leads the answers
 * back, in its own namespace. It gets its rules as published
 * images, so it keeps enforcing when the api process is down; the table outlives the guard too. */
#pragma once

#include "core/guard_image.h"
#include "proc/board.h"
#include "proc/errand.h"
#include "proc/proc.h"

struct bw_guard {
	const struct bw_guard_config *config;
	struct bw_board *images, *reports;
	struct bw_errand_channels origins; /* to the loops of the edge, a channel a seat; none without --preserve-client-ip */
};

/* Row of the process table; ctx is a struct bw_guard. Ends with 1, logged, when it lacks the power or the nft
 * program. */
int bw_guard_run(const struct bw_proc_self *self);
