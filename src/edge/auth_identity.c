/* What a target is told of who asks (ALB User Guide, "User claims encoding and signature verification"). */
#include "edge/auth_oidc.h"
#include "edge/worker.h"

#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/es256.h"
#include "jose/jwt.h"

enum { DATA_S = 120 /* how long the signed claims are good */, LINES_MAX = 48 * 1024 };

bool identity_fits(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* URL-safe, but padded, as ALB does. */
static void put_padded(struct bw_str bytes, struct bw_buf *out)
{
	bw_base64url_encode(bytes, out);
	for (size_t i = bytes.n % 3; i % 3; i++)
		bw_buf_put_c(out, '=');
}

static void header_put(const struct oidc *o, const struct auth_key *key, int64_t until_s,
    struct bw_buf *scratch, struct bw_buf *out)
{
	bw_buf_reset(scratch);
	bw_buf_put(scratch, BW_STR("{\"typ\":\"JWT\",\"kid\":"));
	bw_json_put_str(scratch, key->id);
	bw_buf_put(scratch, BW_STR(",\"alg\":\"ES256\",\"iss\":"));
	bw_json_put_str(scratch, o->issuer);
	bw_buf_put(scratch, BW_STR(",\"client\":"));
	bw_json_put_str(scratch, o->client);
	bw_buf_put(scratch, BW_STR(",\"signer\":"));
	bw_json_put_str(scratch, o->balancer->in->arn);
	bw_buf_printf(scratch, ",\"exp\":%lld}", (long long)until_s);
	put_padded(bw_buf_str(scratch), out);
}

/* The provider's claims as they came, but for the two that are the load balancer's own. */
static bool payload_put(struct exchange *x, const struct oidc *o, const struct session *s, int64_t until_s,
    struct bw_buf *scratch, struct bw_buf *out)
{
	struct bw_json_value claims;

	if (bw_jwt_claims(s->claims, &x->edge->arena, &claims) != BW_OK)
		return false;
	bw_buf_reset(scratch);
	bw_buf_put_c(scratch, '{');
	for (size_t i = 0; i < claims.count; i++) {
		if (bw_str_eq(claims.keys[i], BW_STR("exp")) || bw_str_eq(claims.keys[i], BW_STR("iss")))
			continue;
		bw_json_put_str(scratch, claims.keys[i]);
		bw_buf_put_c(scratch, ':');
		bw_buf_put(scratch, bw_str_sub(s->claims, claims.values[i].offset,
		                        claims.values[i].end - claims.values[i].offset));
		bw_buf_put_c(scratch, ',');
	}
	bw_buf_printf(scratch, "\"exp\":%lld,\"iss\":", (long long)until_s);
	bw_json_put_str(scratch, o->issuer);
	bw_buf_put_c(scratch, '}');
	put_padded(bw_buf_str(scratch), out);
	return true;
}

static bool data_put(struct exchange *x, const struct oidc *o, const struct session *s, struct bw_buf *out)
{
	int64_t now_ms = edge_wall_ms(x->edge), until_s = now_ms / 1000 + DATA_S;
	const struct auth_key *key = auth_key_now(o->balancer, now_ms);
	unsigned char signature[64];
	struct bw_buf scratch;
	size_t at = out->n;
	bool good;

	if (!key)
		return false;
	bw_buf_init(&scratch, LINES_MAX);
	header_put(o, key, until_s, &scratch, out);
	bw_buf_put_c(out, '.');
	good = payload_put(x, o, s, until_s, &scratch, out) && !scratch.failed && !out->failed;
	bw_buf_free(&scratch);
	if (!good)
		return false;
	bw_es256_sign(key->signer, bw_str_sub(bw_buf_str(out), at, out->n), signature);
	bw_buf_put_c(out, '.');
	put_padded(bw_str_make(signature, sizeof signature), out);
	return true;
}

bool identity_put(struct exchange *x, const struct oidc *o, const struct session *s)
{
	struct bw_buf *out = &x->identity;

	bw_buf_init(out, LINES_MAX);
	bw_buf_put(out, BW_STR("X-Amzn-Oidc-Accesstoken: "));
	bw_buf_put(out, s->access_token);
	bw_buf_put(out, BW_STR("\r\nX-Amzn-Oidc-Identity: "));
	bw_buf_put(out, s->subject);
	bw_buf_put(out, BW_STR("\r\nX-Amzn-Oidc-Data: "));
	if (!data_put(x, o, s, out))
		return false;
	bw_buf_put(out, BW_STR("\r\n"));
	return !out->failed;
}
