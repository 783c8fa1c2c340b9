#include "jose/jws.h"

#include "codec/base64.h"

/* A member that is a string, or absent. */
static enum bw_err text_member(const struct bw_json_value *object, struct bw_str name, struct bw_str *out)
{
	const struct bw_json_value *v = bw_json_member(object, name);

	*out = v ? v->text : BW_STR_NONE;
	return !v || v->kind == BW_JSON_STRING ? BW_OK : BW_EINVAL;
}

static enum bw_err header_read(struct bw_str text, struct bw_arena *arena, struct bw_jws *out)
{
	struct bw_json_value v;

	CHECK(bw_json_parse(text, arena, &v) == BW_OK && v.kind == BW_JSON_OBJECT, BW_EINVAL);
	/* Extensions that have to be understood (RFC 7515 4.1.11): none is. */
	CHECK(!bw_json_member(&v, BW_STR("crit")), BW_EINVAL);
	TRY(text_member(&v, BW_STR("alg"), &out->algorithm));
	TRY(text_member(&v, BW_STR("kid"), &out->key_id));
	return out->algorithm.n ? BW_OK : BW_EINVAL;
}

enum bw_err bw_jws_parse(struct bw_str token, struct bw_arena *arena, struct bw_jws *out)
{
	struct bw_str rest = token, header = bw_str_cut(&rest, '.'), payload = bw_str_cut(&rest, '.');

	*out = (struct bw_jws){0};
	CHECK(token.n <= BW_JWS_MAX && bw_str_set(rest) && header.n && payload.n && rest.n, BW_EINVAL);
	out->signed_bytes = bw_str_sub(token, 0, header.n + 1 + payload.n);
	TRY(bw_base64url_decode(header, arena, &header));
	TRY(header_read(header, arena, out));
	TRY(bw_base64url_decode(payload, arena, &out->payload));
	return bw_base64url_decode(rest, arena, &out->signature);
}
