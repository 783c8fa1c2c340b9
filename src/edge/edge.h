/* The edge: load balancers' listeners, served by the newest image (core/edge_image.h) in processes without
 * store or keys, one loop each. All do the same, but that the first alone checks health and has sockets
 * opened. */
#pragma once

#include "codec/cidr.h"
#include "core/edge_image.h"
#include "helper/helper.h"
#include "proc/board.h"
#include "proc/proc.h"

enum { BW_EDGE_LOOPS_MAX = BW_PROC_SHARES_MAX, BW_EDGE_SEATS = 2 * BW_EDGE_LOOPS_MAX };

struct bw_edge;

/* One loop, as the row's context. */
struct bw_edge_loop {
	struct bw_edge *edge;
	unsigned number;
	char title[16];
};

/* Made by the parent before it forks; shared by every edge process that comes and goes. */
struct bw_edge {
	unsigned loops;
	struct bw_edge_loop rows[BW_EDGE_LOOPS_MAX];
	struct bw_board *images;
	int images_wake; /* readable from the first image on: nobody takes it */
	struct bw_edge_reporter reporters[BW_EDGE_SEATS];
	struct bw_edge_reports reports;
	/* What the first loop has found out, for the others; its processes take turns. */
	struct bw_board *health[2];
	/* What the loops count together: memory that all of them map. */
	struct bw_edge_roster *roster;
	int roster_fd; /* its memory, for the program after this one */
	/* Seals the stickiness cookies: known to the parent, so that a restarted edge still reads them. */
	unsigned char cookie_key[32];
	/* A folder that the edge may write access logs into; -1: none. */
	int log_dir;
	/* Where load balancers may listen. */
	struct bw_cidr place;
	/* Over which identity providers are spoken to, a channel a seat; NULL: not at all. */
	const struct bw_helper *helper;
	/* Over which the guard lends sockets for clients' addresses, a channel a seat; NULL: it does not. */
	const struct bw_errand_channels *origins;
};

/* For `loops` loops (1 to BW_EDGE_LOOPS_MAX), listening at `place` alone. BW_EIO (logged). */
BW_CHECKED enum bw_err bw_edge_make(unsigned loops, const struct bw_cidr *place, struct bw_edge *out);
void bw_edge_free(struct bw_edge *e);
/* A row of the process table for each loop, none started before there is an image. `run` calls bw_edge_run. */
void bw_edge_rows(struct bw_edge *e, const char *(*user)(void), int (*run)(const struct bw_proc_self *self),
    struct bw_proc_row *rows);
/* Which of its loop's two seats the process has: numbers below BW_EDGE_SEATS, its own among those that serve. */
unsigned bw_edge_seat(const struct bw_proc_self *self);
/* The entry of such a row; ctx is a struct bw_edge_loop. Serves until it is told to drain, which lets
 * requests in work finish, or to retire, which lets connections finish. */
int bw_edge_run(const struct bw_proc_self *self);
