/* Percent-encoding (RFC 3986, section 2.1) as AWS signs it: everything but A-Z a-z 0-9 - . _ ~ is escaped, in
 * upper-case digits (IAM User Guide, "Create a signed AWS API request", UriEncode). Pure; any thread. */
#pragma once

#include "base/buf.h"

/* Appends, with '/' escaped too: values, and IAM's policy documents. */
void bw_uri_encode(struct bw_str s, struct bw_buf *out);
/* Into memory of the caller's, which must hold 3 * s.n bytes; paths keep their '/'. Returns how many were written. */
size_t bw_uri_encode_to(struct bw_str s, bool keep_slash, char *out);
/* True when encoding would leave `c` as it is. */
bool bw_uri_unreserved(char c);

/* Resolves escapes; with `plus_is_space` (forms) a '+' is a space. Bytes that need no escape, and those that
 * should have one, pass as they are. BW_EINVAL when a '%' is not followed by two hexadecimal digits. The
 * result is a slice of `s` where nothing had to change, else arena memory; it may hold any byte, NUL too. */
BW_CHECKED enum bw_err bw_uri_decode(
    struct bw_str s, bool plus_is_space, struct bw_arena *arena, struct bw_str *out);
