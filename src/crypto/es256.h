/* Signing with ECDSA on P-256 and SHA-256 (ES256, RFC 7518 section 3.4), with keys that are derived from a
 * secret: whoever has the secret has the key, and nothing of it is kept anywhere else. A key belongs to one
 * thread at a time. */
#pragma once

#include "base/buf.h"

struct bw_es256;
/* The same secret gives the same key. The owner frees. */
struct bw_es256 *bw_es256_derive(const unsigned char secret[32]);
void bw_es256_free(struct bw_es256 *k);
/* r and s, 32 bytes each. */
void bw_es256_sign(struct bw_es256 *k, struct bw_str bytes, unsigned char out[64]);
/* "-----BEGIN PUBLIC KEY-----" and so on. */
void bw_es256_public_pem(const struct bw_es256 *k, struct bw_buf *out);
/* The point: a byte that says that it is whole, x, y. */
void bw_es256_public_point(const struct bw_es256 *k, unsigned char out[65]);
