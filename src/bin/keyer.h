/* The keyer's process, the channels to it, and what it is opened with. */
#pragma once

#include "bin/api.h"
#include "crypto/secret.h"
#include "keyer/keyer.h"

/* Shared among the parent and the keyers that follow each other; nobody else keeps it. */
struct keyer_page;

struct keyer_process {
	struct place *place;
	struct bw_secret ephemeral_key; /* of an ephemeral server: lives in the parent, so that a keyer
	                                   started again has it */
	struct keyer_page *page;        /* of any other: as the rest */
	int page_fd;                    /* its memory, for the program after this one; -1: none */
	struct bw_board *status;
	int listening; /* the operator's socket; -1: none */
	struct bw_ring *channels[LOOPS_MAX + 1];
	size_t count;
};

/* Makes the channels, one a loop and one for rekeying, the operator's socket and the board. `root` is taken over: the root key where it was made just
 * now, which the first keyer takes, and else empty. Before the processes are forked. BW_EAGAIN, BW_EIO: logged. */
BW_CHECKED enum bw_err keyer_prepare(
    struct keyer_process *k, struct place *place, struct bw_secret *root, bool ephemeral, size_t loops);
/* The entry of its row. ctx: struct keyer_process. */
int keyer_run(const struct bw_proc_self *self);
/* For the other processes: gives up the keys and, unless it `asks`, the channels and the board. */
void keyer_forget(struct keyer_process *k, bool asks);
