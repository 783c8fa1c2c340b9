/* A token and a key set: whatever is read must not verify under keys that did not sign it, and the claims of
 * any payload are judged without a fault of ours. The first line is the token, the rest the set. */
#include "jose/jwks.h"
#include "jose/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str rest = bw_str_make(data, size), token = bw_str_cut(&rest, '\n'), wanted = BW_STR("a");
	struct bw_json_value claims;
	struct bw_jwks *set = NULL;
	struct bw_arena arena;
	struct bw_jws jws;

	bw_arena_init(&arena, 64 << 20);
	if (bw_jws_parse(token, &arena, &jws) == BW_OK) {
		MUST(jws.algorithm.n && jws.signed_bytes.n < token.n);
		if (bw_str_set(rest) && bw_jwks_parse(rest, &set) == BW_OK)
			MUST(bw_jwks_verify(set, &jws, (1 << BW_SIGNATURES) - 1) != BW_EINVAL);
		if (bw_jwt_claims(jws.payload, &arena, &claims) == BW_OK) {
			(void)bw_jwt_check(&claims, wanted, 1700000000);
			for (int form = BW_JWT_STRING; form <= BW_JWT_SPACES; form++)
				(void)bw_jwt_check_claim(&claims, wanted, (enum bw_jwt_form)form, &wanted, 1);
		}
	}
	bw_jwks_free(set);
	bw_arena_free(&arena);
	return 0;
}
