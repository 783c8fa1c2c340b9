/* The keyer's process, and the channels to it. */
#pragma once

#include "bin/api.h"
#include "crypto/secret.h"

struct keyer_process {
	const struct place *place;
	struct bw_secret ephemeral_key; /* of an ephemeral server: lives in the parent, so that a keyer
	                                   started again has it */
	int keyer_ends[LOOPS_MAX], api_ends[LOOPS_MAX];
	size_t count;
};

/* Makes the channels, one a loop, and the root key where the first start is about to need it. Before the
 * processes are forked. BW_EPERM, BW_EINVAL, BW_EIO: logged. */
BW_CHECKED enum bw_err keyer_prepare(
    struct keyer_process *k, struct place *place, bool ephemeral, size_t loops);
/* The entry of its row. ctx: struct keyer_process. */
int keyer_run(const struct bw_proc_self *self);
/* For the other processes: wipes the key of an ephemeral server, closes the keyer's ends of the channels, and, unless
 * `asks`, the api's. */
void keyer_forget(struct keyer_process *k, bool asks);
