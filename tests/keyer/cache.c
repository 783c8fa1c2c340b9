/* Keys that are kept ready: served for the very record they were opened from, and for no other. */
#include "fixture.h"

static struct keyer_cache *cache;

static void begin(void)
{
	keyer_begin();
	keyer_cache_free(cache);
	cache = keyer_cache_new();
}

static void end(void)
{
	keyer_cache_free(cache);
	cache = NULL;
}

static struct bw_keyer_answer ask_cached(const struct bw_keyer_request *r)
{
	struct bw_keyer_answer a;

	keyer_answer(&keyer, cache, r, &arena, &a);
	return a;
}

static struct bw_keyer_request mac_of(struct bw_keyer_material m)
{
	return (struct bw_keyer_request){.op = BW_KEYER_MAC, .key = m, .algorithm = BW_ALG_HMAC_SHA_256, .input = BW_STR("message")};
}

TEST(cached_keys_answer_as_fresh_ones_every_time)
{
	static const struct {
		enum bw_keyer_op op;
		enum bw_key_spec spec;
		enum bw_key_algorithm algorithm;
	} rows[] = {
	    {BW_KEYER_MAC, BW_KEY_HMAC_224, BW_ALG_HMAC_SHA_224},
	    {BW_KEYER_MAC, BW_KEY_HMAC_256, BW_ALG_HMAC_SHA_256},
	    {BW_KEYER_MAC, BW_KEY_HMAC_384, BW_ALG_HMAC_SHA_384},
	    {BW_KEYER_MAC, BW_KEY_HMAC_512, BW_ALG_HMAC_SHA_512},
	    {BW_KEYER_SIGN, BW_KEY_RSA_2048, BW_ALG_RSASSA_PKCS1_V1_5_SHA_256},
	    {BW_KEYER_SIGN, BW_KEY_ECC_NIST_EDWARDS25519, BW_ALG_ED25519_SHA_512},
	};

	begin();
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		const struct bw_keyer_request r = {
		    .op = rows[i].op, .key = key_make(rows[i].spec, NULL), .algorithm = rows[i].algorithm, .input = BW_STR("message")};
		struct bw_str want = ask_ok(&r);

		for (int k = 0; k < 3; k++) {
			struct bw_keyer_answer a = ask_cached(&r);

			assert_ok(a.result);
			assert_true(bw_str_eq(a.out, want));
		}
	}
	end();
}

TEST(a_cached_key_signs_with_each_algorithm_in_turn)
{
	static const enum bw_key_algorithm each[] = {BW_ALG_RSASSA_PSS_SHA_256, BW_ALG_RSASSA_PKCS1_V1_5_SHA_512, BW_ALG_RSASSA_PSS_SHA_512,
	    BW_ALG_RSASSA_PSS_SHA_256};
	struct bw_keyer_request r = {.op = BW_KEYER_SIGN, .input = BW_STR("message")};

	begin();
	r.key = key_make(BW_KEY_RSA_2048, NULL);
	for (size_t i = 0; i < BW_COUNT(each); i++) {
		struct bw_keyer_request verify = r;

		r.algorithm = verify.algorithm = each[i];
		verify.op = BW_KEYER_VERIFY;
		verify.input2 = ask_cached(&r).out;
		assert_ok(ask(&verify).result);
		assert_ok(ask_cached(&verify).result);
		verify.algorithm = BW_ALG_RSASSA_PKCS1_V1_5_SHA_256;
		assert_int_equal(ask_cached(&verify).result, BW_ECORRUPT);
	}
	end();
}

TEST(a_record_that_was_changed_is_not_served_from_the_cache)
{
	struct bw_keyer_material m;
	struct bw_keyer_request r;

	begin();
	m = key_make(BW_KEY_HMAC_256, NULL);
	r = mac_of(m);
	assert_ok(ask_cached(&r).result);
	for (size_t i = 0; i < m.wrapped.n; i++) {
		r.key.wrapped = flipped(m.wrapped, i);
		assert_int_equal(ask_cached(&r).result, BW_ECORRUPT);
	}
	r.key.wrapped = bw_str_sub(m.wrapped, 0, m.wrapped.n - 1);
	assert_int_equal(ask_cached(&r).result, BW_ECORRUPT);
	r.key.wrapped = BW_STR("");
	assert_int_equal(ask_cached(&r).result, BW_ECORRUPT);
	r = mac_of(m);
	r.key.account = BW_STR("111122223334");
	assert_int_equal(ask_cached(&r).result, BW_ECORRUPT);
	r = mac_of(m);
	r.key.region = BW_STR("eu-central-2");
	assert_int_equal(ask_cached(&r).result, BW_ECORRUPT);
	r = mac_of(m);
	r.key.key_id = BW_STR("1234abcd-12ab-34cd-56ef-1234567890ac");
	assert_int_equal(ask_cached(&r).result, BW_ECORRUPT);
	r = mac_of(m);
	r.key.material_id = flipped(m.material_id, 3);
	assert_int_equal(ask_cached(&r).result, BW_ECORRUPT);
	r = mac_of(m);
	r.key.version++;
	assert_int_equal(ask_cached(&r).result, BW_ECORRUPT);
	r = mac_of(m);
	assert_ok(ask_cached(&r).result);
	end();
}

/* At its ceiling, below and above it: the oldest makes room, and is opened again when it is asked for. */
TEST(a_cache_keeps_to_its_ceiling)
{
	enum { CEILING = 512, MORE = CEILING + 40 };
	struct bw_keyer_material *keys;
	struct bw_str *want;

	begin();
	keys = BW_NEW_ARRAY(&arena, struct bw_keyer_material, MORE);
	want = BW_NEW_ARRAY(&arena, struct bw_str, MORE);
	for (size_t i = 0; i < MORE; i++) {
		struct bw_keyer_request r = mac_of(keys[i] = key_make(BW_KEY_HMAC_256, NULL));

		want[i] = ask_ok(&r);
	}
	for (size_t turn = 0; turn < 3; turn++)
		for (size_t i = 0; i < MORE; i++) {
			struct bw_keyer_request r = mac_of(keys[i]);

			assert_true(bw_str_eq(ask_cached(&r).out, want[i]));
		}
	end();
}

TEST(what_nobody_uses_leaves_the_cache)
{
	struct keyer_key key = {0};
	struct bw_keyer_material m;
	struct keyer_turn t = {.keyer = &keyer, .arena = &arena};

	begin();
	m = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	assert_ok(keyer_key_open(&t, &m, &key));
	assert_non_null(keyer_cache_put(cache, &m, &key, 1000));
	assert_null(key.raw.p);
	assert_true(keyer_cache_sweep(cache, 1000 + 5 * 60 * 1000 - 1));
	assert_non_null(keyer_cache_find(cache, &m, 2000));
	assert_true(keyer_cache_sweep(cache, 1000 + 5 * 60 * 1000));
	assert_false(keyer_cache_sweep(cache, 2000 + 5 * 60 * 1000));
	assert_null(keyer_cache_find(cache, &m, 2000));
	end();
}
