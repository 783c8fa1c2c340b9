/* A share of a root key as text, for people to keep: bwshare1-THRESHOLD-KEY-SHARE-CHECK. KEY tells root keys apart, CHECK finds
 * slips of the pen. */
#pragma once

#include "base/buf.h"
#include "crypto/secret.h"

enum { BW_SHARE_KEY = 8, BW_SHARE_BYTES = 33, BW_SHARES_OF_ROOT_MAX = 32, BW_SHARE_TEXT_MAX = 256 };

struct bw_share {
	int64_t threshold;
	unsigned char key[BW_SHARE_KEY], bytes[BW_SHARE_BYTES];
};

/* `count` shares. BW_EINVAL unless 2 <= threshold <= count <= BW_SHARES_OF_ROOT_MAX. The caller wipes. */
BW_CHECKED enum bw_err bw_shares_make(
    const struct bw_secret *root, int64_t threshold, int64_t count, struct bw_share shares[BW_SHARES_OF_ROOT_MAX]);
/* Appends the text, without a line's end. */
void bw_share_print(const struct bw_share *s, struct bw_buf *out);
/* BW_EINVAL unless it is one share and nothing else. */
BW_CHECKED enum bw_err bw_share_parse(struct bw_str text, struct bw_share *out);
/* The root key into `root`, of 32 bytes. BW_EINVAL: fewer than their threshold, one twice, or of several keys or splittings;
 * BW_EPERM: they do not give the key back that they are named for. */
BW_CHECKED enum bw_err bw_shares_join(const struct bw_share *shares, size_t count, struct bw_secret *root);
