/* Where the anchor lies (core/anchor.h), and the process that alone goes there: a library of the TPM's and a disk that does not answer are kept
 * away from whoever holds the store. */
#pragma once

#include "bin/place.h"
#include "core/anchor.h"
#include "proc/proc.h"

#define OPTIONS_ANCHOR                                                                                            \
	{"anchor", OPTION_VALUE, "WHERE", "what tells when the whole data folder was put back: file:PATH (of another machine's), tpm2[:WAY] (default: nothing)"}, \
	{"anchor-minutes", OPTION_VALUE, "N", "how long what is written may go without it (default: file 1, tpm2 60)"}

struct anchor_place;

struct anchor_process {
	struct bw_anchor anchor; /* asks over the channel */
	const struct anchor_place *place; /* NULL: none was asked for */
	struct bw_str at;        /* file: its path; tpm2: how it is reached */
	uint32_t index;          /* tpm2 */
	int asker, answerer;     /* the channel's ends */
	uint64_t asked;
};

/* What the options say, and the channel. 0 or the exit status, with a message. */
int anchor_choose(const struct parsed *p, struct place *place, struct anchor_process *a);
/* The entry of its row; ctx: struct anchor_process, of which one was asked for. */
int anchor_run(const struct bw_proc_self *self);
/* For the other processes: closes what is not theirs. */
void anchor_forget(const struct anchor_process *a, bool asks);
/* For commands without a table of processes: forks it; it ends with its asker. Before threads. BW_EIO. */
BW_CHECKED enum bw_err anchor_fork(struct anchor_process *a);
/* For struct bw_core_config; NULL: there is none. */
const struct bw_anchor *anchor_of(const struct anchor_process *a);
