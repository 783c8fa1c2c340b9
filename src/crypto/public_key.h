/* Public keys as their numbers give them, and the signatures of JSON Web Algorithms (RFC 7518 section 3) that
 * they verify. A key belongs to one thread at a time. */
#pragma once

#include "base/str.h"

enum bw_signature {
	BW_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256 */
	BW_RS384,
	BW_RS512,
	BW_ES256, /* ECDSA on P-256 with SHA-256: r and s, 32 bytes each */
	BW_ES384,
	BW_ES512,
	BW_SIGNATURES,
};

/* By its name, "RS256". BW_EINVAL: none of them: "none" and the HMACs are no signatures. */
BW_CHECKED enum bw_err bw_signature_of(struct bw_str name, enum bw_signature *out);

struct bw_public_key;
/* Numbers most significant byte first. BW_EINVAL: not of 2,048 to 8,192 bits, or an exponent that is even or
 * below 3. The owner frees. */
BW_CHECKED enum bw_err bw_public_rsa(
    struct bw_str modulus, struct bw_str exponent, struct bw_public_key **out);
/* `curve` is "P-256", "P-384" or "P-521". BW_EINVAL: another one, or not a point of it. The owner frees. */
BW_CHECKED enum bw_err bw_public_ec(
    struct bw_str curve, struct bw_str x, struct bw_str y, struct bw_public_key **out);
void bw_public_free(struct bw_public_key *k);
/* Whether the key can have made such a signature. */
bool bw_public_makes(const struct bw_public_key *k, enum bw_signature s);
/* BW_ECORRUPT: it is not the key's signature of these bytes. */
BW_CHECKED enum bw_err bw_public_verify(
    struct bw_public_key *k, enum bw_signature s, struct bw_str bytes, struct bw_str signature);
