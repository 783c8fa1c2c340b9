/* The edge: load balancers' listeners, served by the newest image (core/edge_image.h) in a process without
 * store or keys. */
#pragma once

#include "helper/helper.h"
#include "proc/board.h"
#include "proc/proc.h"

/* Made by the parent before it forks; shared by every edge process that comes and goes. */
struct bw_edge {
	struct bw_board *images, *reports;
	/* Seals the stickiness cookies: known to the parent, so that a restarted edge still reads them. */
	unsigned char cookie_key[32];
	/* A folder that the edge may write access logs into; -1: none. */
	int log_dir;
	/* Over which identity providers are spoken to; NULL: not at all. */
	const struct bw_helper *helper;
};

/* Boards and key. BW_EIO (logged). */
BW_CHECKED enum bw_err bw_edge_make(struct bw_edge *out);
void bw_edge_free(struct bw_edge *e);
/* The entry of the process table's row; ctx is the struct bw_edge. Serves until it is told to drain, which
 * lets requests in work finish. */
int bw_edge_run(const struct bw_proc_self *self);
