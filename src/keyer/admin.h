/* What the operator says to the keyer, over a socket in the data folder that only its owner may use: words that unseal go from the
 * command straight to the keyer, and the api process never sees them. One message asks, one answers. */
#pragma once

#include "store/record.h"

enum { BW_ADMIN_MESSAGE_MAX = 128 * 1024 }; /* a new seal file, and 32 words */

struct bw_admin_request {
	struct bw_str verb;   /* a row of admin.c's table: status, unseal, seal ... */
	struct bw_strs words; /* of people, or the root key as text */
	struct bw_str file;   /* rotate: a seal file with the facts wanted, around any keyring; rotated: what stands on the disk */
	struct bw_str root;   /* rotate: the new root key, 32 bytes */
};

/* `result` is an enum bw_err: BW_OK; BW_EAGAIN: more words are wanted; BW_EPERM: wrong; BW_EINVAL: not such a word; BW_EEXISTS:
 * said already; BW_EQUOTA: too many wrong ones, wait for wait_ms; BW_ECONFLICT: not in this state (sealed, unsealed, or a rekey is at work). */
struct bw_admin_answer {
	int64_t result, wait_ms;
	struct bw_str status; /* struct bw_seal_status, encoded */
	struct bw_str file;   /* the bytes of a new seal file */
};

/* The listening socket, mode 0600, made by the parent before it forks, so that it outlives the keyer, and kept (proc/kept.h).
 * BW_EAGAIN: another server answers there. BW_EIO. Both logged. */
BW_CHECKED enum bw_err bw_admin_listen(struct bw_str data_dir, int *fd);
/* Asks the server of a data folder. Texts live in the arena, which the caller wipes. BW_ENOTFOUND: no server runs there; BW_EIO:
 * no answer; BW_ECORRUPT: it answers something else. */
BW_CHECKED enum bw_err bw_admin_ask(struct bw_str data_dir, const struct bw_admin_request *request, struct bw_arena *arena,
    struct bw_admin_answer *answer);
