/* The root key of a store: 32 random bytes in a file outside the data folder, as one line of hexadecimal or
 * base64. */
#pragma once

#include "crypto/secret.h"

enum { BW_ROOT_KEY_BYTES = 32 };

/* Reads the key; the caller frees `out`. BW_ENOTFOUND when there is no such file (not logged). Logged:
 * BW_EPERM when others than the owner may read the file, it belongs to somebody else, or is no regular file;
 * BW_EINVAL when it holds anything but one key; BW_EIO. */
BW_CHECKED enum bw_err bw_root_key_read(struct bw_str path, struct bw_secret *out);
/* Makes the file with a fresh key, mode 0600, durable before it returns, and never over an existing one
 * (BW_EEXISTS). BW_EIO is logged. */
BW_CHECKED enum bw_err bw_root_key_make(struct bw_str path, struct bw_secret *out);
/* The same with a key that is there already. */
BW_CHECKED enum bw_err bw_root_key_write(struct bw_str path, const struct bw_secret *key);
/* The key out of such a file's text. BW_EINVAL when it is anything but one key. The caller frees `out`. */
BW_CHECKED enum bw_err bw_root_key_parse(struct bw_str text, struct bw_secret *out);
/* The text of a file that nobody else may read, under the same rules. BW_EINVAL: it is empty or longer than `most` bytes. Logged,
 * also when there is no such file. The caller frees `out`. */
BW_CHECKED enum bw_err bw_secret_text_read(struct bw_str path, size_t most, struct bw_secret *out);
/* Its first line alone: a PIN, say. */
BW_CHECKED enum bw_err bw_secret_file_read(struct bw_str path, size_t most, struct bw_secret *out);
