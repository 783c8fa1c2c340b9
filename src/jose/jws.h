/* JSON web signatures in their compact form (RFC 7515), read strictly: three parts of unpadded base64url, a
 * header that is one JSON object without doubled members, no critical extensions. What the header says of
 * keys (jwk, jku, x5u, x5c) is never looked at: keys come from whoever verifies. Pure. */
#pragma once

#include "codec/json.h"

enum { BW_JWS_MAX = 16 * 1024 }; /* of a whole token: access tokens in headers are some thousands */

/* Slices point into the token or the arena. */
struct bw_jws {
	struct bw_str algorithm;
	struct bw_str key_id; /* absent: the header names none */
	struct bw_str signed_bytes, payload, signature;
};

/* BW_EINVAL: not such a token. */
BW_CHECKED enum bw_err bw_jws_parse(struct bw_str token, struct bw_arena *arena, struct bw_jws *out);
