/* The guard: a process with CAP_NET_ADMIN that keeps one nftables table of ours, "inet bulwark", in the
 * network namespaces that it is bound to, and touches nothing else there. It gets its rules as published
 * images, so it keeps enforcing when the api process is down; the table outlives the guard too. */
#pragma once

#include "core/guard_image.h"
#include "proc/board.h"
#include "proc/proc.h"

struct bw_guard {
	const struct bw_guard_config *config;
	struct bw_board *images, *reports;
};

/* Row of the process table; ctx is a struct bw_guard. Ends with 1, logged, when it lacks the power or the nft
 * program. */
int bw_guard_run(const struct bw_proc_self *self);
