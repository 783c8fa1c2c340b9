/* Shares of a secret: any `threshold` of them give it back, fewer say nothing of it. */
#pragma once

#include "base/str.h"

enum { BW_SHARES_MAX = 255 };

/* Fills `count` shares of secret.n + 1 bytes, one behind the other: the share's number (1 and up), then its bytes. The caller
 * wipes them. BW_EINVAL: an empty secret, or not 2 <= threshold <= count <= BW_SHARES_MAX. Any thread. */
BW_CHECKED enum bw_err bw_shamir_split(struct bw_str secret, unsigned threshold, unsigned count, unsigned char *shares);
/* The secret of `n` bytes from shares in any order. BW_EINVAL: fewer than two, one of another length or without a number, one
 * twice. Too few shares, or a wrong one, give other bytes: whoever joins has to know by other means whether they are right. Any
 * thread. */
BW_CHECKED enum bw_err bw_shamir_join(const struct bw_str *shares, unsigned count, unsigned char *secret, size_t n);
