#include "test.h"

#include "jose/jwt.h"

enum { NOW = 1700000000 };

static struct bw_arena arena;

static struct bw_json_value claims_of(const char *text)
{
	struct bw_json_value v;

	bw_arena_init(&arena, 1 << 20);
	assert_ok(bw_jwt_claims(bw_str_c(text), &arena, &v));
	return v;
}

static void standard(const char *text, enum bw_jwt_fault want)
{
	struct bw_json_value v = claims_of(text);

	assert_int_equal(bw_jwt_check(&v, BW_STR("https://i"), NOW), want);
	bw_arena_free(&arena);
}

TEST(jwt_claims_are_one_object)
{
	static const char *const texts[] = {
	    "", "[]", "7", "{} {}", "{\"exp\":1,\"exp\":2}", "{\"a\":{\"b\":1,\"b\":1}}"};
	struct bw_json_value v;

	for (size_t i = 0; i < BW_COUNT(texts); i++) {
		bw_arena_init(&arena, 1 << 20);
		assert_int_equal(bw_jwt_claims(bw_str_c(texts[i]), &arena, &v), BW_EINVAL);
		bw_arena_free(&arena);
	}
}

TEST(jwt_issuer_is_the_one)
{
	standard("{\"iss\":\"https://i\",\"exp\":1700000001}", BW_JWT_GOOD);
	standard("{\"exp\":1700000001}", BW_JWT_ABSENT);
	standard("{\"iss\":\"https://i/\",\"exp\":1700000001}", BW_JWT_VALUE);
	standard("{\"iss\":\"HTTPS://i\",\"exp\":1700000001}", BW_JWT_VALUE);
	standard("{\"iss\":[\"https://i\"],\"exp\":1700000001}", BW_JWT_FORMAT);
}

TEST(jwt_expiry_lies_ahead)
{
	standard("{\"iss\":\"https://i\"}", BW_JWT_ABSENT);
	standard("{\"iss\":\"https://i\",\"exp\":1700000000}", BW_JWT_VALUE);
	standard("{\"iss\":\"https://i\",\"exp\":1700000000.9}", BW_JWT_VALUE);
	standard("{\"iss\":\"https://i\",\"exp\":1700000001.5}", BW_JWT_GOOD);
	standard("{\"iss\":\"https://i\",\"exp\":\"1700000001\"}", BW_JWT_FORMAT);
	standard("{\"iss\":\"https://i\",\"exp\":1.7e9}", BW_JWT_FORMAT);
	standard("{\"iss\":\"https://i\",\"exp\":99e99}", BW_JWT_FORMAT);
	standard("{\"iss\":\"https://i\",\"exp\":99999999999999999999}", BW_JWT_FORMAT);
	standard("{\"iss\":\"https://i\",\"exp\":-1}", BW_JWT_FORMAT);
	standard("{\"iss\":\"https://i\",\"exp\":null}", BW_JWT_FORMAT);
}

TEST(jwt_other_times_do_not)
{
	standard(
	    "{\"iss\":\"https://i\",\"exp\":1700000001,\"nbf\":1700000060,\"iat\":1700000060}", BW_JWT_GOOD);
	standard("{\"iss\":\"https://i\",\"exp\":1700000999,\"nbf\":1700000061}", BW_JWT_VALUE);
	standard("{\"iss\":\"https://i\",\"exp\":1700000999,\"iat\":1700000061}", BW_JWT_VALUE);
	standard("{\"iss\":\"https://i\",\"exp\":1700000999,\"iat\":\"now\"}", BW_JWT_FORMAT);
	standard("{\"iss\":\"https://i\",\"exp\":1700000999,\"nbf\":null}", BW_JWT_FORMAT);
}

static void claim(
    const char *text, enum bw_jwt_form form, const char *one, const char *two, enum bw_jwt_fault want)
{
	const struct bw_str values[] = {bw_str_c(one), bw_str_c(two)};
	struct bw_json_value v = claims_of(text);

	assert_int_equal(bw_jwt_check_claim(&v, BW_STR("c"), form, values, two ? 2 : 1), want);
	bw_arena_free(&arena);
}

TEST(jwt_claims_in_their_forms)
{
	claim("{\"c\":\"a\"}", BW_JWT_STRING, "a", NULL, BW_JWT_GOOD);
	claim("{\"c\":\"a b\"}", BW_JWT_STRING, "a", NULL, BW_JWT_VALUE);
	claim("{\"c\":7}", BW_JWT_STRING, "7", NULL, BW_JWT_FORMAT);
	claim("{\"d\":\"a\"}", BW_JWT_STRING, "a", NULL, BW_JWT_ABSENT);
	claim("{\"c\":[\"a\",\"b\",\"z\"]}", BW_JWT_ARRAY, "a", "b", BW_JWT_GOOD);
	claim("{\"c\":[\"a\"]}", BW_JWT_ARRAY, "a", "b", BW_JWT_VALUE);
	claim("{\"c\":[]}", BW_JWT_ARRAY, "a", NULL, BW_JWT_VALUE);
	claim("{\"c\":[\"a\",7]}", BW_JWT_ARRAY, "a", NULL, BW_JWT_FORMAT);
	claim("{\"c\":\"a\"}", BW_JWT_ARRAY, "a", NULL, BW_JWT_FORMAT);
	claim("{\"c\":\"z b a\"}", BW_JWT_SPACES, "a", "b", BW_JWT_GOOD);
	claim("{\"c\":\"ab\"}", BW_JWT_SPACES, "a", NULL, BW_JWT_VALUE);
	claim("{\"c\":\" \"}", BW_JWT_SPACES, "", NULL, BW_JWT_VALUE);
	claim("{\"c\":[\"a\"]}", BW_JWT_SPACES, "a", NULL, BW_JWT_FORMAT);
}

TEST(jwt_audience_is_a_text_or_a_list)
{
	struct bw_json_value v = claims_of("{\"aud\":[\"x\",\"me\"]}");

	assert_int_equal(bw_jwt_check_audience(&v, BW_STR("me")), BW_JWT_GOOD);
	assert_int_equal(bw_jwt_check_audience(&v, BW_STR("you")), BW_JWT_VALUE);
	bw_arena_free(&arena);
	v = claims_of("{\"aud\":\"me\"}");
	assert_int_equal(bw_jwt_check_audience(&v, BW_STR("me")), BW_JWT_GOOD);
	bw_arena_free(&arena);
	v = claims_of("{}");
	assert_int_equal(bw_jwt_check_audience(&v, BW_STR("me")), BW_JWT_ABSENT);
	bw_arena_free(&arena);
}
