/* The state of a whole store: its sequence number, and a fingerprint of everything in it.
 *
 * Sealing alone cannot tell that a single record was put back as it stood earlier, or taken away: the older
 * value is still authentic under its own version. So the store keeps the sum (modulo 2^256) of a keyed hash
 * of each record's key, version and tag, kept up with every write and sealed with the sequence number. When a
 * store is opened, the sum is taken over all records anew and has to agree. (Clarke et al., "Incremental
 * Multiset Hash Functions and Their Application to Memory Integrity Checking", ASIACRYPT 2003:
 * MSet-Add-Hash.) Key, hashes and sum are never seen outside, so that 128 bits a hash are enough: SipHash. In
 * stores of format "1" it was HMAC-SHA256, which made opening slow; they are taken over when they are opened. What remains is putting back the whole file, which only something outside the machine could
 * notice. */
#pragma once

#include "base/str.h"
#include "crypto/crypto.h"
#include "store/seal.h"

struct store_state {
	uint64_t seq;      /* of the newest commit */
	uint32_t data_key; /* that seals now */
	uint64_t seals;    /* values it has sealed */
	uint64_t records;  /* records and counters together */
	uint64_t sum[4];   /* least significant first */
};

/* The keyed hash. */
struct store_fingerprint {
	bool old; /* of format "1" */
	struct bw_sip_key sip;
	struct bw_hmac_key hmac; /* when old */
};
/* Derives its key from the store's. */
void store_fingerprint_make(struct store_fingerprint *f, const struct bw_seal *seal, bool old);

enum { STORE_STATE_BYTES = 8 + 8 + 32 };

/* Adds (or takes out) one sealed value under its key. */
void store_state_add(
    struct store_state *s, const struct store_fingerprint *f, struct bw_str key, struct bw_str sealed);
void store_state_remove(
    struct store_state *s, const struct store_fingerprint *f, struct bw_str key, struct bw_str sealed);
bool store_state_same(const struct store_state *a, const struct store_state *b);
/* The part that is sealed; sequence number and data key are those of its sealing. */
void store_state_encode(const struct store_state *s, unsigned char out[STORE_STATE_BYTES]);
BW_CHECKED enum bw_err store_state_decode(struct bw_str plain, struct store_state *s);
