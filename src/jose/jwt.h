/* Claims of JSON web tokens (RFC 7519): an object whose members are judged one by one. Pure; the time comes
 * in. */
#pragma once

#include "codec/json.h"

enum bw_jwt_fault {
	BW_JWT_GOOD,
	BW_JWT_ABSENT, /* a claim that has to be there is not */
	BW_JWT_FORMAT, /* it is of another kind */
	BW_JWT_VALUE,  /* its value is not the one that is wanted, or not now */
};

enum {
	/* How far the issuer's clock may run before ours, for iat and nbf; exp is taken at its word. */
	BW_JWT_SKEW_S = 60,
};

/* The claims of a payload. BW_EINVAL: not one JSON object, or a member stands there twice. */
BW_CHECKED enum bw_err bw_jwt_claims(
    struct bw_str payload, struct bw_arena *arena, struct bw_json_value *out);
/* iss equals; exp is there and lies ahead; nbf and iat, when they are there, do not. */
enum bw_jwt_fault bw_jwt_check(const struct bw_json_value *claims, struct bw_str issuer, int64_t now_s);
/* aud is `audience`, or a list with it in. */
enum bw_jwt_fault bw_jwt_check_audience(const struct bw_json_value *claims, struct bw_str audience);

enum bw_jwt_form {
	BW_JWT_STRING, /* one text */
	BW_JWT_ARRAY,  /* a list of texts */
	BW_JWT_SPACES, /* one text of words with one space between */
};

/* Every one of `values` is in the claim: the text itself, in the list, among the words. */
enum bw_jwt_fault bw_jwt_check_claim(const struct bw_json_value *claims, struct bw_str name,
    enum bw_jwt_form form, const struct bw_str *values, size_t count);
