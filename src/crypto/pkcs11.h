/* A thin face over a PKCS #11 module (OASIS PKCS #11 v2.40): a token, opened by its label and PIN, and
 * AES-256 keys that never leave it. A module is somebody else's code in our process, and its calls block for
 * as long as the token likes: never on a loop, and never where keys of ours lie that it need not see. */
#pragma once

#include "base/buf.h"

/* A token that is open. One thread at a time, and no two of one token in a process. */
struct bw_pkcs11;

struct bw_pkcs11_key {
	unsigned long handle; /* of the token's session: good as long as the token is open */
};

/* What sealing adds: a nonce in front and the tag behind. */
enum { BW_PKCS11_OVERHEAD = 12 + 16 };

/* Loads the module at the absolute path, finds the one token with that label and logs in as its user.
 * BW_EINVAL: no module to be loaded, or an empty or overlong label or PIN; BW_ENOTFOUND: no token of that
 * label; BW_EEXISTS: two of them, or this process has it open already; BW_EPERM: the PIN is wrong or locked;
 * BW_EIO: the token fails. Logged but for the PIN. The caller frees. */
BW_CHECKED enum bw_err bw_pkcs11_new(
    struct bw_str module, struct bw_str token, struct bw_str pin, struct bw_pkcs11 **out);
/* Logs out. NULL is allowed. */
void bw_pkcs11_free(struct bw_pkcs11 *t);

/* The one AES key with that label and that id; an absent one of the two is not asked for. BW_ENOTFOUND: none;
 * BW_EEXISTS: several; BW_EIO: the token fails, and has to be opened anew. */
BW_CHECKED enum bw_err bw_pkcs11_find(
    struct bw_pkcs11 *t, struct bw_str label, struct bw_str id, struct bw_pkcs11_key *out);
/* An AES-256 key that the token makes, keeps, and gives to nobody, for sealing and opening alone. Does not
 * ask whether there is such a one already. BW_EIO: the token cannot. */
BW_CHECKED enum bw_err bw_pkcs11_make(
    struct bw_pkcs11 *t, struct bw_str label, struct bw_str id, struct bw_pkcs11_key *out);
/* Gone for good. BW_EIO: the token cannot. */
BW_CHECKED enum bw_err bw_pkcs11_destroy(struct bw_pkcs11 *t, struct bw_pkcs11_key key);

/* Bytes of the token's generator. BW_EIO: the token has none, or fails. */
BW_CHECKED enum bw_err bw_pkcs11_random(struct bw_pkcs11 *t, void *out, size_t n);

/* AES-256-GCM within the token, with a random 96-bit nonce: at most 2^32 times under one key (NIST SP 800-38D
 * section 8.3). BW_ETOOBIG: `out` is full; BW_EIO: the token fails. */
BW_CHECKED enum bw_err bw_pkcs11_seal(struct bw_pkcs11 *t, struct bw_pkcs11_key key, struct bw_str aad,
    struct bw_str plain, struct bw_buf *out);
/* Into arena memory. BW_ECORRUPT: it does not authenticate; BW_EIO: the token fails. */
BW_CHECKED enum bw_err bw_pkcs11_unseal(struct bw_pkcs11 *t, struct bw_pkcs11_key key, struct bw_str aad,
    struct bw_str sealed, struct bw_arena *arena, struct bw_str *plain);
