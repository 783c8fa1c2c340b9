#include "jose/jwt.h"

enum bw_err bw_jwt_claims(struct bw_str payload, struct bw_arena *arena, struct bw_json_value *out)
{
	CHECK(bw_json_parse(payload, arena, out) == BW_OK, BW_EINVAL);
	return out->kind == BW_JSON_OBJECT ? BW_OK : BW_EINVAL;
}

/* Seconds since 1970, fractions dropped (RFC 7519 section 2, NumericDate); no exponents, no signs. */
static bool seconds_of(const struct bw_json_value *v, int64_t *out)
{
	struct bw_str rest = v->text, whole;

	if (v->kind != BW_JSON_NUMBER)
		return false;
	whole = bw_str_cut(&rest, '.');
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] < '0' || rest.p[i] > '9')
			return false;
	return bw_str_to_i64(whole, 0, INT64_C(1) << 53, out) == BW_OK;
}

/* A time that, where it stands, must not lie ahead. */
static enum bw_jwt_fault past_check(const struct bw_json_value *claims, struct bw_str name, int64_t now_s)
{
	const struct bw_json_value *v = bw_json_member(claims, name);
	int64_t at;

	if (!v)
		return BW_JWT_GOOD;
	if (!seconds_of(v, &at))
		return BW_JWT_FORMAT;
	return at <= now_s + BW_JWT_SKEW_S ? BW_JWT_GOOD : BW_JWT_VALUE;
}

static enum bw_jwt_fault expiry_check(const struct bw_json_value *claims, int64_t now_s)
{
	const struct bw_json_value *v = bw_json_member(claims, BW_STR("exp"));
	int64_t at;

	if (!v)
		return BW_JWT_ABSENT;
	if (!seconds_of(v, &at))
		return BW_JWT_FORMAT;
	return now_s < at ? BW_JWT_GOOD : BW_JWT_VALUE;
}

enum bw_jwt_fault bw_jwt_check(const struct bw_json_value *claims, struct bw_str issuer, int64_t now_s)
{
	enum bw_jwt_fault fault = bw_jwt_check_claim(claims, BW_STR("iss"), BW_JWT_STRING, &issuer, 1);

	if (fault == BW_JWT_GOOD)
		fault = expiry_check(claims, now_s);
	if (fault == BW_JWT_GOOD)
		fault = past_check(claims, BW_STR("nbf"), now_s);
	if (fault == BW_JWT_GOOD)
		fault = past_check(claims, BW_STR("iat"), now_s);
	return fault;
}

enum bw_jwt_fault bw_jwt_check_audience(const struct bw_json_value *claims, struct bw_str audience)
{
	const struct bw_json_value *v = bw_json_member(claims, BW_STR("aud"));

	return bw_jwt_check_claim(claims, BW_STR("aud"),
	    v && v->kind == BW_JSON_ARRAY ? BW_JWT_ARRAY : BW_JWT_STRING, &audience, 1);
}

static bool list_has(const struct bw_json_value *list, struct bw_str value)
{
	for (size_t i = 0; i < list->count; i++)
		if (bw_str_eq(list->values[i].text, value))
			return true;
	return false;
}

static bool list_of_texts(const struct bw_json_value *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->values[i].kind != BW_JSON_STRING)
			return false;
	return true;
}

static bool words_have(struct bw_str words, struct bw_str value)
{
	while (bw_str_set(words))
		if (bw_str_eq(bw_str_cut(&words, ' '), value))
			return true;
	return false;
}

enum bw_jwt_fault bw_jwt_check_claim(const struct bw_json_value *claims, struct bw_str name,
    enum bw_jwt_form form, const struct bw_str *values, size_t count)
{
	const struct bw_json_value *v = bw_json_member(claims, name);

	if (!v)
		return BW_JWT_ABSENT;
	if (v->kind != (form == BW_JWT_ARRAY ? BW_JSON_ARRAY : BW_JSON_STRING) ||
	    (form == BW_JWT_ARRAY && !list_of_texts(v)))
		return BW_JWT_FORMAT;
	for (size_t i = 0; i < count; i++)
		if (!(form == BW_JWT_ARRAY      ? list_has(v, values[i])
		        : form == BW_JWT_SPACES ? values[i].n && words_have(v->text, values[i])
		                                : bw_str_eq(v->text, values[i])))
			return BW_JWT_VALUE;
	return count ? BW_JWT_GOOD : BW_JWT_VALUE;
}
