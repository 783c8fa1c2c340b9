/* Sets of public keys as identity providers publish them (RFC 7517), and what they verify. A set belongs to
 * one thread at a time. */
#pragma once

#include "crypto/public_key.h"
#include "jose/jws.h"

enum {
	BW_JWKS_KEYS_MAX = 10,          /* as ALB states ("Verify JWTs using an Application Load Balancer") */
	BW_JWKS_BYTES_MAX = 150 * 1024, /* likewise */
};

struct bw_jwks;
/* Keys of other kinds, of other uses, or too weak, are passed over. BW_EINVAL: not a key set, or two of its
 * keys have one id; BW_ETOOBIG: above the ceilings. The owner frees. */
BW_CHECKED enum bw_err bw_jwks_parse(struct bw_str text, struct bw_jwks **out);
void bw_jwks_free(struct bw_jwks *s);
size_t bw_jwks_count(const struct bw_jwks *s);

/* Whether the token is signed by a key of the set, with one of `algorithms` (bits of enum bw_signature). The
 * token's key id chooses the key; a token without one is for a set of one key. BW_EPERM: another algorithm,
 * or one that the key is not for; BW_ENOTFOUND: no such key; BW_ECORRUPT: not its signature. */
BW_CHECKED enum bw_err bw_jwks_verify(
    const struct bw_jwks *s, const struct bw_jws *token, uint32_t algorithms);
