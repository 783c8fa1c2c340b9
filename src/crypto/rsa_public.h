/* RSA public keys between their numbers and PEM (RFC 7468, RFC 5280), and MD5, with which SSH and AWS name
 * them. Any thread. */
#pragma once

#include "base/buf.h"

/* The numbers, most significant byte first, without leading zeros, in the arena. BW_EINVAL: not one RSA
 * public key. */
BW_CHECKED enum bw_err bw_rsa_public_read(
    struct bw_str pem, struct bw_arena *arena, struct bw_str *modulus, struct bw_str *exponent);
/* Appends "-----BEGIN PUBLIC KEY-----" and so on. BW_EINVAL when the numbers are no key. */
BW_CHECKED enum bw_err bw_rsa_public_pem(struct bw_str modulus, struct bw_str exponent, struct bw_buf *out);
/* For fingerprints alone: it protects nothing. */
void bw_md5(struct bw_str bytes, unsigned char out[16]);
