/* Sealing and the store's fingerprint, without any database. */
#include "test.h"
#include "base/limits.h"
#include "store/seal.h"
#include "store/state.h"

static const char root[32] = "root", other_root[32] = "other", salt[32] = "salt";
static struct bw_arena arena;
static struct bw_buf out;
static unsigned char wrapped[3][BW_SEAL_WRAPPED];

static struct bw_str bytes(const void *p, size_t n)
{
	return bw_str_make(p, n);
}

static struct bw_seal *seal_of(const char *main_key, const char *with)
{
	unsigned char key[BW_STORE_KEY];

	bw_store_key(bytes(main_key, 32), bytes(with, 32), key);
	return bw_seal_new(key);
}

static struct bw_seal *setup(void)
{
	struct bw_seal *s;

	bw_crypto_init();
	bw_arena_init(&arena, 1 << 22);
	bw_buf_init(&out, 1 << 21);
	s = seal_of(root, salt);
	for (uint32_t id = 0; id < 3; id++) {
		bw_seal_key_make(s, id, wrapped[id]);
		assert_false(bw_seal_key_known(s, id));
		assert_ok(bw_seal_key_add(s, id, bytes(wrapped[id], BW_SEAL_WRAPPED)));
		assert_true(bw_seal_key_known(s, id));
	}
	return s;
}

static void teardown(struct bw_seal *s)
{
	bw_seal_free(s);
	bw_buf_free(&out);
	bw_arena_free(&arena);
}

TEST(seal_opens_for_its_kind_and_key_alone)
{
	struct bw_seal *s = setup();
	struct bw_str plain;
	uint64_t version;

	bw_seal_value(s, BW_SEAL_RECORD, 2, BW_STR("key"), UINT64_C(1) << 40, BW_STR("plain"), &out);
	assert_int_equal(out.n, 5 + BW_SEAL_OVERHEAD);
	assert_int_equal(bw_sealed_version(bw_buf_str(&out)), UINT64_C(1) << 40);
	assert_int_equal(bw_sealed_data_key(bw_buf_str(&out)), 2);
	assert_ok(bw_seal_open(s, BW_SEAL_RECORD, BW_STR("key"), bw_buf_str(&out), &arena, &plain, &version));
	assert_str(plain, "plain");
	assert_int_equal(version, UINT64_C(1) << 40);
	assert_int_equal(
	    bw_seal_open(s, BW_SEAL_COUNTER, BW_STR("key"), bw_buf_str(&out), &arena, &plain, NULL),
	    BW_ECORRUPT);
	assert_int_equal(
	    bw_seal_open(s, BW_SEAL_RECORD, BW_STR("ke"), bw_buf_str(&out), &arena, &plain, NULL),
	    BW_ECORRUPT);
	assert_int_equal(
	    bw_seal_open(s, BW_SEAL_RECORD, BW_STR("keyy"), bw_buf_str(&out), &arena, &plain, NULL),
	    BW_ECORRUPT);
	assert_int_equal(bw_seal_open(s, BW_SEAL_RECORD, BW_STR_NONE, bw_buf_str(&out), &arena, &plain, NULL),
	    BW_ECORRUPT);
	teardown(s);
}

TEST(seal_refuses_every_flipped_bit_and_every_length)
{
	struct bw_seal *s = setup();
	struct bw_str plain;

	bw_seal_value(s, BW_SEAL_RECORD, 1, BW_STR("key"), 7, BW_STR("plain"), &out);
	for (size_t bit = 0; bit < 8 * out.n; bit++) {
		out.p[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(
		    bw_seal_open(s, BW_SEAL_RECORD, BW_STR("key"), bw_buf_str(&out), &arena, &plain, NULL),
		    BW_ECORRUPT);
		out.p[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(bw_seal_open(s, BW_SEAL_RECORD, BW_STR("key"),
		                     bw_str_sub(bw_buf_str(&out), 0, n), &arena, &plain, NULL),
		    BW_ECORRUPT);
	assert_int_equal(bw_sealed_version(bw_str_sub(bw_buf_str(&out), 0, BW_SEAL_HEAD - 1)), 0);
	teardown(s);
}

TEST(seal_keys_open_only_under_their_root_salt_and_number)
{
	struct bw_seal *s = setup(), *same = seal_of(root, salt);
	struct bw_seal *wrong_root = seal_of(other_root, salt);
	struct bw_seal *wrong_salt = seal_of(root, root);
	struct bw_str plain, one = bytes(wrapped[1], BW_SEAL_WRAPPED);

	assert_int_equal(bw_seal_key_add(wrong_root, 1, one), BW_ECORRUPT);
	assert_int_equal(bw_seal_key_add(wrong_salt, 1, one), BW_ECORRUPT);
	assert_int_equal(bw_seal_key_add(same, 2, one), BW_ECORRUPT);
	assert_int_equal(bw_seal_key_add(same, 0, one), BW_ECORRUPT);
	assert_int_equal(bw_seal_key_add(same, BW_DATA_KEYS_MAX, one), BW_ETOOBIG);
	assert_int_equal(bw_seal_key_add(same, 1, bw_str_sub(one, 0, one.n - 1)), BW_ECORRUPT);
	assert_false(bw_seal_key_known(same, 1));
	assert_false(bw_seal_key_known(same, BW_DATA_KEYS_MAX));
	bw_seal_value(s, BW_SEAL_RECORD, 1, BW_STR("key"), 7, BW_STR("plain"), &out);
	assert_int_equal(
	    bw_seal_open(same, BW_SEAL_RECORD, BW_STR("key"), bw_buf_str(&out), &arena, &plain, NULL),
	    BW_ECORRUPT);
	assert_ok(bw_seal_key_add(same, 1, one));
	assert_ok(bw_seal_key_add(same, 1, one));
	assert_ok(bw_seal_open(same, BW_SEAL_RECORD, BW_STR("key"), bw_buf_str(&out), &arena, &plain, NULL));
	bw_seal_key_forget(same, 1);
	assert_int_equal(
	    bw_seal_open(same, BW_SEAL_RECORD, BW_STR("key"), bw_buf_str(&out), &arena, &plain, NULL),
	    BW_ECORRUPT);
	bw_seal_free(same);
	bw_seal_free(wrong_root);
	bw_seal_free(wrong_salt);
	teardown(s);
}

TEST(seal_takes_the_longest_key_and_value)
{
	static char text[BW_STORE_VALUE_MAX];
	struct bw_seal *s = setup();
	struct bw_str plain, key = bytes(text, BW_STORE_KEY_MAX);

	bw_seal_value(s, BW_SEAL_RECORD, 1, key, UINT64_MAX, bytes(text, sizeof text), &out);
	assert_ok(bw_seal_open(s, BW_SEAL_RECORD, key, bw_buf_str(&out), &arena, &plain, NULL));
	assert_int_equal(plain.n, sizeof text);
	assert_int_equal(bw_seal_open(s, BW_SEAL_RECORD, bytes(text, BW_STORE_KEY_MAX + 1), bw_buf_str(&out),
	                     &arena, &plain, NULL),
	    BW_ECORRUPT);
	teardown(s);
}

/* Any order of adding and taking out ends at the same sum, and nothing else does. */
static void sum_is_of_what_is_there(bool old)
{
	struct store_state a = {0}, b = {0}, none = {0};
	char sealed[40][BW_SEAL_OVERHEAD];
	struct store_fingerprint k = {.old = old}, other = {.old = old};

	bw_hmac_key(&k.hmac, BW_STR("key"));
	bw_hmac_key(&other.hmac, BW_STR("another key"));
	bw_sip_key(&k.sip, (const unsigned char *)"0123456789abcdef");
	bw_sip_key(&other.sip, (const unsigned char *)"0123456789abcdeF");
	for (size_t i = 0; i < BW_COUNT(sealed); i++) {
		memset(sealed[i], (int)i, sizeof sealed[i]);
		store_state_add(&a, &k, BW_STR("same"), bytes(sealed[i], BW_SEAL_OVERHEAD));
	}
	for (size_t i = BW_COUNT(sealed); i-- > 0;)
		store_state_add(&b, &k, BW_STR("same"), bytes(sealed[i], BW_SEAL_OVERHEAD));
	assert_true(store_state_same(&a, &b));
	store_state_remove(&b, &k, BW_STR("same"), bytes(sealed[3], BW_SEAL_OVERHEAD));
	assert_false(store_state_same(&a, &b));
	store_state_add(&b, &k, BW_STR("other"), bytes(sealed[3], BW_SEAL_OVERHEAD));
	assert_false(store_state_same(&a, &b));
	store_state_remove(&b, &k, BW_STR("other"), bytes(sealed[3], BW_SEAL_OVERHEAD));
	store_state_add(&b, &other, BW_STR("same"), bytes(sealed[3], BW_SEAL_OVERHEAD));
	assert_false(store_state_same(&a, &b));
	for (size_t i = 0; i < BW_COUNT(sealed); i++)
		store_state_remove(&a, &k, BW_STR("same"), bytes(sealed[i], BW_SEAL_OVERHEAD));
	assert_true(store_state_same(&a, &none));
}

TEST(state_sum_is_of_what_is_there)
{
	sum_is_of_what_is_there(false);
	sum_is_of_what_is_there(true);
}

TEST(state_comes_back_as_it_went_and_has_one_length)
{
	struct store_state s = {.seals = 5, .records = UINT64_MAX, .sum = {1, 2, UINT64_MAX, 4}}, back = {0};
	unsigned char text[STORE_STATE_BYTES + 1] = {0};

	store_state_encode(&s, text);
	assert_ok(store_state_decode(bytes(text, STORE_STATE_BYTES), &back));
	assert_true(store_state_same(&s, &back));
	assert_int_equal(back.seals, 5);
	assert_int_equal(store_state_decode(bytes(text, STORE_STATE_BYTES - 1), &back), BW_ECORRUPT);
	assert_int_equal(store_state_decode(bytes(text, STORE_STATE_BYTES + 1), &back), BW_ECORRUPT);
}
