/* The keyring: the main keys of a server, from which everything that seals or wraps is derived.
 *
 *	root key (kept as unseal.h says) --wraps--> keyring --derive--> the store's key-encryption key, the key that wraps KMS
 *	material, the key that names it
 *
 * Generations of main keys count from 1. Two exist at one time only while a rekey is at work. */
#pragma once

#include "base/buf.h"
#include "crypto/secret.h"

enum {
	BW_GENERATIONS_MAX = 255, /* one byte of each wrapped material; with a rekey a month it lasts 21 years */
	BW_KEYRING_BYTES = 2 + 96,
};

struct bw_keyring {
	unsigned oldest, newest;
	struct bw_secret bytes; /* the key that names materials, the main keys of `oldest` and of `newest`: 32 bytes each */
};

/* A fresh one, of generation 1. The owner frees. */
struct bw_keyring bw_keyring_new(void);
/* That of a server from before there were keyrings: its root key is its first main key. */
struct bw_keyring bw_keyring_of_root(const struct bw_secret *root);
void bw_keyring_free(struct bw_keyring *r);
/* Borrowed. NULL: there is none of that generation, or no longer. */
const unsigned char *bw_keyring_main(const struct bw_keyring *r, unsigned generation);
const unsigned char *bw_keyring_naming(const struct bw_keyring *r);
/* The store's key-encryption key (store/seal.h) of a generation, 0 being the newest, which is told. BW_ENOTFOUND: it is gone. */
BW_CHECKED enum bw_err bw_keyring_store_key(
    const struct bw_keyring *r, struct bw_str salt, uint32_t *generation, unsigned char out[32]);
/* The same with a further main key, or without the oldest of two. The owner frees. */
struct bw_keyring bw_keyring_grown(const struct bw_keyring *r);
struct bw_keyring bw_keyring_shrunk(const struct bw_keyring *r);

/* Appends it sealed under the root key, with `aad` as associated data. */
void bw_keyring_seal(const struct bw_keyring *r, const struct bw_secret *root, struct bw_str aad, struct bw_buf *out);
/* The owner frees. BW_EPERM: another root key, or other bytes. */
BW_CHECKED enum bw_err bw_keyring_open(
    struct bw_str sealed, const struct bw_secret *root, struct bw_str aad, struct bw_keyring *out);
