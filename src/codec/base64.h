/* Base64 (RFC 4648), one spelling: section 4 with padding, section 5 (URL-safe) without. Pure; any thread. */
#pragma once

#include "base/buf.h"

/* Appends the standard alphabet with padding. */
void bw_base64_encode(struct bw_str bytes, struct bw_buf *out);
/* Appends the URL-safe alphabet without padding. */
void bw_base64url_encode(struct bw_str bytes, struct bw_buf *out);
/* Into arena memory. BW_EINVAL for a foreign character (white space too), missing or misplaced padding, and
 * bits behind the last byte that are not zero: a text that decodes is the one that encoding gives. */
BW_CHECKED enum bw_err bw_base64_decode(struct bw_str text, struct bw_arena *arena, struct bw_str *bytes);
/* As above for the URL-safe alphabet, where padding is refused. */
BW_CHECKED enum bw_err bw_base64url_decode(struct bw_str text, struct bw_arena *arena, struct bw_str *bytes);
