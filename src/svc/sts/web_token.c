#include "svc/sts/web_token.h"

#include "jose/jwt.h"

enum {
	TEXT_MAX = 255, /* webIdentitySubjectType of STS's model, clientIDType of IAM's */
	AMR_MAX = 8,    /* they go into the session's token */
};

static const struct bw_json_value *claim(const struct bw_json_value *claims, const char *name)
{
	return bw_json_member(claims, bw_str_c(name));
}

/* A text, or BW_EINVAL; absent where there is none. */
static enum bw_err text_read(const struct bw_json_value *v, struct bw_str *out)
{
	CHECK(!v || v->kind == BW_JSON_STRING, BW_EINVAL);
	*out = v ? v->text : BW_STR_NONE;
	return BW_OK;
}

/* One text or a list of them. */
static enum bw_err texts_read(const struct bw_json_value *v, struct bw_arena *arena, struct bw_strs *out)
{
	struct bw_str text;

	if (!v)
		return BW_OK;
	if (v->kind != BW_JSON_ARRAY) {
		TRY(text_read(v, &text));
		bw_strs_add(out, arena, text);
		return BW_OK;
	}
	CHECK(v->count <= STS_WEB_TAGS_MAX, BW_EINVAL);
	for (size_t i = 0; i < v->count; i++) {
		TRY(text_read(&v->values[i], &text));
		bw_strs_add(out, arena, text);
	}
	return BW_OK;
}

/* Seconds since 1970; fractions are dropped. */
static enum bw_err time_read(const struct bw_json_value *v, int64_t *out)
{
	struct bw_str rest;

	*out = 0;
	if (!v)
		return BW_OK;
	CHECK(v->kind == BW_JSON_NUMBER, BW_EINVAL);
	rest = v->text;
	return bw_str_to_i64(bw_str_cut(&rest, '.'), 0, INT64_C(1) << 53, out);
}

/* "Project": ["Automation"], one value each; the text alone is as good. */
static enum bw_err tags_read(const struct bw_json_value *v, struct bw_arena *arena, struct bw_pairs *out)
{
	if (!v)
		return BW_OK;
	CHECK(v->kind == BW_JSON_OBJECT && v->count <= STS_WEB_TAGS_MAX, BW_EINVAL);
	for (size_t i = 0; i < v->count; i++) {
		const struct bw_json_value *value = &v->values[i];
		struct bw_str text;

		if (value->kind == BW_JSON_ARRAY) {
			CHECK(value->count == 1, BW_EINVAL);
			value = &value->values[0];
		}
		TRY(text_read(value, &text));
		CHECK(!bw_pairs_find_nocase(out, v->keys[i]), BW_EINVAL);
		bw_pairs_set(out, arena, v->keys[i], text);
	}
	return BW_OK;
}

static enum bw_err session_read(
    const struct bw_json_value *claims, struct bw_arena *arena, struct sts_web_token *t)
{
	const struct bw_json_value *tags = claim(claims, "https://aws.amazon.com/tags");

	TRY(text_read(claim(claims, "https://aws.amazon.com/source_identity"), &t->source_identity));
	if (!tags)
		return BW_OK;
	CHECK(tags->kind == BW_JSON_OBJECT, BW_EINVAL);
	TRY(tags_read(claim(tags, "principal_tags"), arena, &t->tags));
	return texts_read(claim(tags, "transitive_tag_keys"), arena, &t->transitive);
}

/* Where there is an authorised party, the token was made for that one. */
static enum bw_err audience_read(
    const struct bw_json_value *claims, struct bw_arena *arena, struct sts_web_token *t)
{
	TRY(texts_read(claim(claims, "aud"), arena, &t->audiences));
	TRY(text_read(claim(claims, "azp"), &t->audience));
	t->authorised_party = bw_str_set(t->audience);
	if (!t->authorised_party && t->audiences.n)
		t->audience = t->audiences.v[0];
	return BW_OK;
}

static enum bw_err claims_read(
    const struct bw_json_value *claims, struct bw_arena *arena, struct sts_web_token *t)
{
	TRY(text_read(claim(claims, "iss"), &t->issuer));
	TRY(text_read(claim(claims, "sub"), &t->subject));
	TRY(time_read(claim(claims, "exp"), &t->expires_s));
	TRY(time_read(claim(claims, "nbf"), &t->not_before_s));
	TRY(audience_read(claims, arena, t));
	TRY(texts_read(claim(claims, "amr"), arena, &t->amr));
	return session_read(claims, arena, t);
}

static bool text_fits(struct bw_str text)
{
	return text.n > 0 && text.n <= TEXT_MAX;
}

static bool token_fits(const struct sts_web_token *t)
{
	if (!text_fits(t->subject) || !text_fits(t->audience) || !t->audiences.n || t->amr.n > AMR_MAX)
		return false;
	for (size_t i = 0; i < t->amr.n; i++)
		if (!text_fits(t->amr.v[i]))
			return false;
	return true;
}

enum bw_err sts_web_claims_read(
    struct bw_str payload, struct bw_arena *arena, struct sts_web_token *out, const char **missing)
{
	static const char *const needed[] = {"iss", "sub", "aud", "exp"};
	struct bw_json_value claims;

	*missing = NULL;
	TRY(bw_jwt_claims(payload, arena, &claims));
	for (size_t i = 0; i < BW_COUNT(needed); i++)
		if (!claim(&claims, needed[i])) {
			*missing = needed[i];
			return BW_EINVAL;
		}
	TRY(claims_read(&claims, arena, out));
	return token_fits(out) ? BW_OK : BW_EINVAL;
}

enum bw_err sts_web_token_read(
    struct bw_str text, struct bw_arena *arena, struct sts_web_token *out, const char **missing)
{
	*out = (struct sts_web_token){0};
	*missing = NULL;
	TRY(bw_jws_parse(text, arena, &out->jws));
	return sts_web_claims_read(out->jws.payload, arena, out, missing);
}
