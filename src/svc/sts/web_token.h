/* What STS reads of an identity provider's token (IAM User Guide, "OIDC federation"; "Passing session tags
 * using AssumeRoleWithWebIdentity"). Pure: whether it is signed is for others to see. */
#pragma once

#include "jose/jws.h"
#include "store/record.h"

enum { STS_WEB_TAGS_MAX = 50 }; /* of a session */

struct sts_web_token {
	struct bw_jws jws;
	struct bw_str issuer, subject;
	struct bw_str audience;   /* of a token with azp that: for whom it was made */
	struct bw_strs audiences; /* aud, one or several */
	bool authorised_party;
	int64_t expires_s, not_before_s; /* the latter 0: no such claim */
	struct bw_strs amr;
	struct bw_pairs tags;
	struct bw_strs transitive;
	struct bw_str source_identity;
};

/* BW_EINVAL: not such a token, `*missing` the claim that has to be there and is not, or NULL. Slices point
 * into the token or the arena. */
BW_CHECKED enum bw_err sts_web_token_read(
    struct bw_str text, struct bw_arena *arena, struct sts_web_token *out, const char **missing);
/* The same of its payload alone, into a zeroed `out`. */
BW_CHECKED enum bw_err sts_web_claims_read(
    struct bw_str payload, struct bw_arena *arena, struct sts_web_token *out, const char **missing);
