#include "test.h"

#include <stdio.h>

#include "codec/base64.h"
#include "jose/jwks.h"

/* RFC 7515, appendices A.2 and A.3: the keys, and what they signed. */
#define RSA_N                                                                                                \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-" \
	"yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e" \
	"-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-"              \
	"DWNmoudF8NAco9"                                                                                     \
	"_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define PAYLOAD                                                                                              \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RSA_SIGNATURE                                                                                        \
	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"              \
	"O8W2Fp5jujGbds"                                                                                     \
	"9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"                                                        \
	"nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZR"                                           \
	"mB_eSN9383LcOLn6_dO--xi12jzDwusC-"                                                                  \
	"eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs9"                                 \
	"8rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define EC_SIGNATURE "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define RSA_HEADER   "eyJhbGciOiJSUzI1NiJ9"
#define EC_HEADER    "eyJhbGciOiJFUzI1NiJ9"
#define RSA_TOKEN    RSA_HEADER "." PAYLOAD "." RSA_SIGNATURE
#define EC_TOKEN     EC_HEADER "." PAYLOAD "." EC_SIGNATURE
#define RSA_KEY      "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}"
#define EC_KEY       "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}"
#define SET(keys)    "{\"keys\":[" keys "]}"

enum { ALL = (1 << BW_SIGNATURES) - 1 };

/* The token against the set; a set or token that is none answers BW_EINVAL. */
static enum bw_err verify(const char *set, struct bw_str token, uint32_t algorithms)
{
	struct bw_jwks *keys;
	struct bw_jws parsed;
	struct bw_arena a;
	enum bw_err e;

	TRY(bw_jwks_parse(bw_str_c(set), &keys));
	bw_arena_init(&a, 1 << 20);
	e = bw_jws_parse(token, &a, &parsed);
	if (e == BW_OK)
		e = bw_jwks_verify(keys, &parsed, algorithms);
	bw_arena_free(&a);
	bw_jwks_free(keys);
	return e;
}

/* With another header in front, which breaks the signature unless it is looked at first. */
static enum bw_err headed(const char *set, const char *header)
{
	struct bw_buf token;
	enum bw_err e;

	bw_buf_init(&token, 64 << 10);
	bw_base64url_encode(bw_str_c(header), &token);
	bw_buf_put(&token, BW_STR("." PAYLOAD "." RSA_SIGNATURE));
	e = verify(set, bw_buf_str(&token), ALL);
	bw_buf_free(&token);
	return e;
}

TEST(jws_of_the_rfc_verify)
{
	assert_ok(verify(SET(RSA_KEY), BW_STR(RSA_TOKEN), 1 << BW_RS256));
	assert_ok(verify(SET(EC_KEY), BW_STR(EC_TOKEN), 1 << BW_ES256));
}

TEST(jws_only_with_the_algorithms_permitted)
{
	assert_int_equal(verify(SET(EC_KEY), BW_STR(EC_TOKEN), 1 << BW_RS256), BW_EPERM);
	assert_int_equal(verify(SET(RSA_KEY), BW_STR(RSA_TOKEN), ALL & ~(1 << BW_RS256)), BW_EPERM);
	assert_int_equal(headed(SET(RSA_KEY), "{\"alg\":\"none\"}"), BW_EPERM);
	assert_int_equal(headed(SET(RSA_KEY), "{\"alg\":\"None\"}"), BW_EPERM);
	assert_int_equal(headed(SET(RSA_KEY), "{\"alg\":\"HS256\"}"), BW_EPERM);
	assert_int_equal(headed(SET(RSA_KEY), "{\"alg\":\"PS256\"}"), BW_EPERM);
	/* Another kind of signature than the key makes. */
	assert_int_equal(headed(SET(RSA_KEY), "{\"alg\":\"ES256\"}"), BW_EPERM);
	assert_int_equal(headed(SET(EC_KEY), "{\"alg\":\"RS256\"}"), BW_EPERM);
	assert_int_equal(headed(SET(EC_KEY), "{\"alg\":\"ES384\"}"), BW_EPERM);
	/* The set says what its key is for. */
	assert_int_equal(verify(SET("{\"alg\":\"RS512\",\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}"),
	                     BW_STR(RSA_TOKEN), ALL),
	    BW_EPERM);
}

TEST(jws_a_header_names_no_keys_of_its_own)
{
	static const char *const headers[] = {"{\"alg\":\"RS256\",\"jwk\":" RSA_KEY "}",
	    "{\"alg\":\"RS256\",\"jku\":\"https://evil.example/keys\"}",
	    "{\"alg\":\"RS256\",\"x5u\":\"https://evil.example/cert\"}"};

	for (size_t i = 0; i < BW_COUNT(headers); i++)
		assert_int_equal(headed(SET(EC_KEY), headers[i]), BW_EPERM);
	assert_int_equal(
	    headed(SET(RSA_KEY), "{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}"), BW_ENOTFOUND);
	assert_int_equal(headed(SET(RSA_KEY), "{\"alg\":\"RS256\",\"kid\":\"\"}"), BW_ENOTFOUND);
	assert_int_equal(headed(SET(), "{\"alg\":\"RS256\"}"), BW_ENOTFOUND);
	/* Two keys and no word which. */
	assert_int_equal(headed(SET(RSA_KEY "," EC_KEY), "{\"alg\":\"RS256\"}"), BW_ENOTFOUND);
}

TEST(jws_headers_are_read_strictly)
{
	static const char *const headers[] = {"", "[]", "\"RS256\"", "{}", "{\"alg\":256}", "{\"alg\":null}",
	    "{\"alg\":\"RS256\",\"alg\":\"RS256\"}", "{\"alg\":\"RS256\",\"kid\":7}",
	    "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", "{\"alg\":\"RS256\",\"crit\":[]}",
	    "{\"alg\":\"RS256\"} x"};

	for (size_t i = 0; i < BW_COUNT(headers); i++)
		assert_int_equal(headed(SET(RSA_KEY), headers[i]), BW_EINVAL);
}

TEST(jws_tokens_are_read_strictly)
{
	static const char *const tokens[] = {"", ".", "..", "...", RSA_HEADER, RSA_HEADER "." PAYLOAD,
	    RSA_HEADER "." PAYLOAD ".", RSA_HEADER ".." RSA_SIGNATURE, "." PAYLOAD "." RSA_SIGNATURE,
	    RSA_TOKEN ".", RSA_TOKEN "=", RSA_TOKEN " ", " " RSA_TOKEN, RSA_TOKEN ".x",
	    RSA_HEADER "=." PAYLOAD "." RSA_SIGNATURE};

	for (size_t i = 0; i < BW_COUNT(tokens); i++)
		assert_int_equal(verify(SET(RSA_KEY), bw_str_c(tokens[i]), ALL), BW_EINVAL);
}

TEST(jws_every_changed_byte_is_noticed)
{
	char token[] = RSA_TOKEN;

	for (size_t i = 0; i < sizeof token - 1; i += 7) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(verify(SET(RSA_KEY), bw_str_c(token), ALL), BW_OK);
		token[i] = was;
	}
	assert_int_equal(verify(SET(EC_KEY), BW_STR(EC_HEADER "." PAYLOAD ".AAAA"), ALL), BW_ECORRUPT);
}

TEST(jws_length_has_a_ceiling)
{
	char *long_one = bw_alloc(BW_JWS_MAX + 2);
	struct bw_jws parsed;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	memset(long_one, 'A', BW_JWS_MAX + 1);
	memcpy(long_one, RSA_HEADER ".", sizeof RSA_HEADER);
	long_one[BW_JWS_MAX - 9] = '.';
	/* Both parts decode: their lengths leave no odd letter. */
	assert_ok(bw_jws_parse(bw_str_make(long_one, BW_JWS_MAX), &a, &parsed));
	assert_ok(bw_jws_parse(bw_str_make(long_one, BW_JWS_MAX - 1), &a, &parsed));
	assert_int_equal(bw_jws_parse(bw_str_make(long_one, BW_JWS_MAX + 1), &a, &parsed), BW_EINVAL);
	bw_arena_free(&a);
	bw_free(long_one);
}

TEST(jwks_are_read_strictly)
{
	static const char *const sets[] = {"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[7]}",
	    "{\"keys\":[{}]}", "{\"keys\":[],\"keys\":[]}",
	    SET("{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
	        "\"},{\"kid\":\"a\",\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}")};
	struct bw_jwks *keys;

	for (size_t i = 0; i < BW_COUNT(sets); i++)
		assert_int_equal(bw_jwks_parse(bw_str_c(sets[i]), &keys), BW_EINVAL);
}

TEST(jwks_pass_over_what_verifies_nothing)
{
	static const char *const keys[] = {"{\"kty\":\"oct\",\"k\":\"AAAA\"}",
	    "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
	    "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQ\"}",
	    "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAA\"}", "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}",
	    "{\"kty\":\"RSA\",\"n\":\"" RSA_N "=\",\"e\":\"AQAB\"}",
	    "{\"kty\":\"RSA\",\"use\":\"enc\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}",
	    "{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}",
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_X "\"}",
	    "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
	    "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}"};
	char text[2048];

	for (size_t i = 0; i < BW_COUNT(keys); i++) {
		struct bw_jwks *set;

		(void)snprintf(text, sizeof text, "{\"keys\":[%s]}", keys[i]);
		assert_ok(bw_jwks_parse(bw_str_c(text), &set));
		assert_int_equal(bw_jwks_count(set), 0);
		bw_jwks_free(set);
	}
}

/* `n` keys, and blanks up to `bytes`. */
static enum bw_err set_of(int n, size_t bytes)
{
	struct bw_jwks *set = NULL;
	struct bw_buf text;
	enum bw_err e;

	bw_buf_init(&text, 1 << 20);
	bw_buf_put(&text, BW_STR("{\"keys\":["));
	for (int i = 0; i < n; i++)
		bw_buf_printf(&text,
		    "%s{\"kid\":\"%d\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
		    "\"}",
		    i ? "," : "", i);
	bw_buf_put(&text, BW_STR("]}"));
	while (text.n < bytes)
		bw_buf_put_c(&text, ' ');
	e = bw_jwks_parse(bw_buf_str(&text), &set);
	if (e == BW_OK)
		assert_int_equal(bw_jwks_count(set), n);
	bw_jwks_free(set);
	bw_buf_free(&text);
	return e;
}

TEST(jwks_have_ceilings)
{
	assert_ok(set_of(BW_JWKS_KEYS_MAX - 1, 0));
	assert_ok(set_of(BW_JWKS_KEYS_MAX, BW_JWKS_BYTES_MAX - 1));
	assert_ok(set_of(BW_JWKS_KEYS_MAX, BW_JWKS_BYTES_MAX));
	assert_int_equal(set_of(BW_JWKS_KEYS_MAX, BW_JWKS_BYTES_MAX + 1), BW_ETOOBIG);
	assert_int_equal(set_of(BW_JWKS_KEYS_MAX + 1, 0), BW_ETOOBIG);
}
