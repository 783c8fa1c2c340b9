/* A data folder's seal file: made at the first start, read at every other, and opened here where no server runs. */
#pragma once

#include "bin/place.h"
#include "keyer/unseal.h"
#include "store/store.h"

/* Options by which a seal is chosen. */
#define OPTIONS_SEAL                                                                                              \
	{"seal", OPTION_VALUE, "KIND", "how the root key is kept: file, passphrase, shamir, pkcs11, tpm2 or kms (default: file)"}, \
	    {"shares", OPTION_VALUE, "N", "shamir: how many shares, 2 to 32 (default: 5)"},                       \
	    {"threshold", OPTION_VALUE, "K", "shamir: how many of them open it, 2 to N (default: 3)"},            \
	    {"seal-memory", OPTION_VALUE, "MIB", "passphrase: what Argon2id takes to try one, 64 to 1024 (default: 256)"}, \
	    {"seal-module", OPTION_VALUE, "FILE", "pkcs11: the module of the token"},                             \
	    {"seal-token", OPTION_VALUE, "LABEL", "pkcs11: the token's label"},                                   \
	    {"seal-label", OPTION_VALUE, "LABEL", "pkcs11: the key's label (default: bulwark-root)"},             \
	    {"seal-pin-file", OPTION_VALUE, "FILE", "pkcs11: a file with the PIN, mode 0600"},                    \
	    {"seal-tpm", OPTION_VALUE, "WAY", "tpm2: how it is reached (default: device:/dev/tpmrm0)"},           \
	    {"seal-pcrs", OPTION_VALUE, "LIST", "tpm2: PCRs that have to stand as they do now: 0,2,7, or none (default: 7)"}, \
	    {"seal-auth-file", OPTION_VALUE, "FILE", "tpm2: a file with a word that the TPM wants too, mode 0600"}, \
	    {"seal-endpoint", OPTION_VALUE, "URL", "kms: https://HOST[:PORT], AWS's or another Bulwark's"},       \
	    {"seal-region", OPTION_VALUE, "REGION", "kms: its Region (default: us-east-1)"},                      \
	    {"seal-key-id", OPTION_VALUE, "KEY", "kms: the key's id, ARN or alias"},                              \
	    {"seal-credentials", OPTION_VALUE, "FILE", "kms: an AWS credentials file, mode 0600; its first profile"}, \
	    {"seal-ca", OPTION_VALUE, "FILE", "kms: the CA to trust (default: the system's)"}

/* The bytes of the seal file. BW_ENOTFOUND: there is none. Others are logged. Any thread. ctx: struct place. */
BW_CHECKED enum bw_err seal_read(void *ctx, struct bw_arena *arena, struct bw_str *bytes);
/* Replaces it, durably. */
BW_CHECKED enum bw_err seal_write(void *ctx, struct bw_str bytes);
/* Makes the seal file if there is none: for a new data folder as the options ask, with people asked what they have to be asked and
 * told what they have to be told; for one from before there were seal files, around its root key file. `root` is the root key
 * when it was made now, else empty; the caller frees. 0, or the exit status, with a message. */
int seal_ready(const struct parsed *p, struct place *place, struct bw_secret *root);
/* Where the next root key lies until the seal file says that it is the one. */
struct bw_str root_key_fresh(struct place *place);
/* Fills the parts of a making that the options ask for, and asks people: 0 or the exit status, with a message. */
int seal_ask(const struct parsed *p, struct place *place, const struct bw_unseal_kind *kind, struct bw_seal_make *m);
/* Shows people what they have to keep. */
void seal_tell(const struct bw_seal_make *m);

/* For when what keeps the root key does not give it any more. */
#define OPTION_RECOVERY_KEY {"recovery-key", OPTION_VALUE, "FILE", "a file with the root key, of 'bulwark root-key join', instead of what usually opens it"}

/* The root key of a folder: of the recovery file, if there is one, else found or asked for. False with a message. The caller frees. */
bool seal_root(struct place *place, struct bw_str file, const char *recovery, struct bw_secret *root);
/* The keyring, for commands that look into a store without its server. False with a message. The caller frees. */
bool seal_open_here(struct place *place, struct bw_keyring *ring);
/* The store of a folder, to be looked at: its server may be running. False with a message. The caller closes. */
bool seal_store_look(struct place *place, struct bw_store **out);
/* The store's key of a keyring: for struct bw_store_config. ctx: struct bw_keyring. */
enum bw_err seal_store_key(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32]);
