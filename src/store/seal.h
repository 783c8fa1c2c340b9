/* Sealing: what stands in a database is authenticated and secret there, whichever database it is.
 *
 *	main key (of the keyer) --HKDF with the store's salt--> key-encryption key --wraps--> data keys --seal--> values
 *
 * A sealed value is   kind 1 | data key 4 | version 8 | nonce 12 | ciphertext | tag 16   (integers
 *big-endian), and its associated data is  kind | key length 2 | key | version | data key:  a value that was
 *moved to another key, or put under another version, does not open. Data key 0 seals no value: from it
 *everything bw_seal_derive answers is made, so that derived keys outlive every rotation. */
#pragma once

#include "base/buf.h"

enum bw_seal_kind { BW_SEAL_RECORD = 1, BW_SEAL_COUNTER = 2, BW_SEAL_STATE = 3 };

enum {
	BW_SEAL_HEAD = 13,
	BW_SEAL_OVERHEAD = BW_SEAL_HEAD + 28,
	BW_SEAL_SALT = 32,
	BW_STORE_KEY = 32,
	BW_SEAL_WRAPPED = 32 + 28,
	BW_DATA_KEYS_MAX = 4096, /* at 2^30 values a key (BW_SEALS_MAX) more than any disk holds */
};
/* A random 96-bit nonce is safe for 2^32 values under one key (NIST SP 800-38D section 8.3): rotate at a
 * quarter. */
#define BW_SEALS_MAX (UINT64_C(1) << 30)

struct bw_seal;

/* The key-encryption key of a store: of its server's main key and its salt. */
void bw_store_key(struct bw_str main_key, struct bw_str salt, unsigned char out[BW_STORE_KEY]);
/* From that key. No data key is known yet. The caller frees, which wipes. */
struct bw_seal *bw_seal_new(const unsigned char key[BW_STORE_KEY]);
void bw_seal_free(struct bw_seal *s);

/* A fresh data key, wrapped for storing, and not yet known: it is added like one that was read. */
void bw_seal_key_make(struct bw_seal *s, uint32_t id, unsigned char wrapped[BW_SEAL_WRAPPED]);
/* Unwraps. BW_ECORRUPT when the key-encryption key is another one or the bytes were changed; BW_ETOOBIG past
 * BW_DATA_KEYS_MAX. A key that is known already stays. Any thread. */
BW_CHECKED enum bw_err bw_seal_key_add(struct bw_seal *s, uint32_t id, struct bw_str wrapped);
/* The same data key wrapped under another key-encryption key. BW_ECORRUPT as above. */
BW_CHECKED enum bw_err bw_seal_key_rewrap(struct bw_seal *s, const unsigned char key[BW_STORE_KEY], uint32_t id,
    struct bw_str wrapped, unsigned char out[BW_SEAL_WRAPPED]);
/* From now on that one wraps and unwraps. Nobody else may be at it. */
void bw_seal_rekey(struct bw_seal *s, const unsigned char key[BW_STORE_KEY]);
/* For a key that never reached the disk: nothing may be sealed under it. */
void bw_seal_key_forget(struct bw_seal *s, uint32_t id);
bool bw_seal_key_known(const struct bw_seal *s, uint32_t id);

/* Appends the sealed value. The data key must be known. Any thread. */
void bw_seal_value(struct bw_seal *s, enum bw_seal_kind kind, uint32_t data_key, struct bw_str key,
    uint64_t version, struct bw_str plain, struct bw_buf *out);
/* Into arena memory. BW_ECORRUPT unless it is what was sealed for this kind and key; `version` may be NULL.
 */
BW_CHECKED enum bw_err bw_seal_open(struct bw_seal *s, enum bw_seal_kind kind, struct bw_str key,
    struct bw_str sealed, struct bw_arena *arena, struct bw_str *plain, uint64_t *version);
/* What stands in front, not authenticated; 0 when there is not enough of it. */
uint64_t bw_sealed_version(struct bw_str sealed);
uint32_t bw_sealed_data_key(struct bw_str sealed);

/* 32 bytes for a purpose. Data key 0 must be known. */
void bw_seal_derive(const struct bw_seal *s, struct bw_str purpose, unsigned char out[32]);
