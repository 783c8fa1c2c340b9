/* RSA public keys as SSH sends them (RFC 4253, section 6.6; RFC 4251, section 5), one spelling. Pure; any
 * thread. */
#pragma once

#include "base/buf.h"

/* The numbers, most significant byte first, without leading zeros: slices of `wire`. BW_EINVAL for anything
 * else, bytes behind the key too. */
BW_CHECKED enum bw_err bw_ssh_rsa_read(struct bw_str wire, struct bw_str *modulus, struct bw_str *exponent);
/* Appends what reading takes. The numbers are not empty and begin with no zero. */
void bw_ssh_rsa_put(struct bw_str modulus, struct bw_str exponent, struct bw_buf *out);
