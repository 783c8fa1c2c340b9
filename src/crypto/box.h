/* Boxes that anybody can fill and one alone can open: X25519 (RFC 7748) with a pair of keys made for the
 * filling, HKDF-SHA256 of the shared secret and both public keys, AES-256-GCM. Whoever fills keeps nothing
 * with which the boxes of before could be opened. */
#pragma once

#include "crypto/crypto.h"

enum { BW_BOX_KEY = 32 };

struct bw_box; /* one end's key, expanded */

/* The public key of a secret one. */
void bw_box_public(const unsigned char secret[BW_BOX_KEY], unsigned char out[BW_BOX_KEY]);

/* To fill: a new pair, of which `sender` is the public key. At most 2^32 boxes (crypto.h). BW_EINVAL: `to` is
 * no public key with which there is a secret (all-zero results are refused). The caller frees. */
BW_CHECKED enum bw_err bw_box_to(
    const unsigned char to[BW_BOX_KEY], unsigned char sender[BW_BOX_KEY], struct bw_box **out);
/* To open what was filled by that sender. Errors and ownership as above. */
BW_CHECKED enum bw_err bw_box_from(
    const unsigned char secret[BW_BOX_KEY], const unsigned char sender[BW_BOX_KEY], struct bw_box **out);
void bw_box_free(struct bw_box *b);

/* Appends nonce, ciphertext and tag: BW_AEAD_OVERHEAD bytes more than `plain`. */
void bw_box_seal(struct bw_box *b, struct bw_str aad, struct bw_str plain, struct bw_buf *out);
/* Into arena memory. BW_ECORRUPT when it does not authenticate. */
BW_CHECKED enum bw_err bw_box_open(
    struct bw_box *b, struct bw_str aad, struct bw_str sealed, struct bw_arena *arena, struct bw_str *plain);
