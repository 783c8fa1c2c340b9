/* Encryption: what opens, and above all what does not. */
#include "fixture.h"

static struct bw_keyer_request encrypting(
    struct bw_keyer_material key, struct bw_str context, struct bw_str plain)
{
	return (struct bw_keyer_request){.op = BW_KEYER_ENCRYPT,
	    .key = key,
	    .algorithm = BW_ALG_SYMMETRIC_DEFAULT,
	    .context = context,
	    .input = plain};
}

static enum bw_err opens(
    struct bw_keyer_material key, struct bw_str context, struct bw_str sealed, struct bw_str *plain)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_DECRYPT,
	    .key = key,
	    .algorithm = BW_ALG_SYMMETRIC_DEFAULT,
	    .context = context,
	    .input = sealed};
	struct bw_keyer_answer a = ask(&r);

	if (plain)
		*plain = a.out;
	if (a.result != BW_OK)
		assert_int_equal(a.out.n, 0);
	return a.result;
}

TEST(symmetric_opens_what_it_sealed)
{
	struct bw_keyer_material key;
	struct bw_keyer_blob blob;
	struct bw_str sealed, again, plain;
	struct bw_keyer_request r;

	keyer_begin();
	key = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	r = encrypting(key, context_of("app", "x"), BW_STR("a secret"));
	sealed = ask_ok(&r);
	again = ask_ok(&r);
	assert_false(bw_str_eq(sealed, again));
	assert_false(bw_str_has(sealed, BW_STR("a secret")));
	assert_ok(opens(key, context_of("app", "x"), sealed, &plain));
	assert_str(plain, "a secret");
	assert_ok(bw_keyer_blob_parse(sealed, &arena, &blob));
	assert_str(blob.account, "111122223333");
	assert_str(blob.region, "eu-central-1");
	assert_true(bw_str_eq(blob.key_id, key.key_id));
	assert_true(bw_str_eq(blob.material_id, key.material_id));
}

TEST(symmetric_refuses_every_turned_bit_and_every_cut)
{
	struct bw_keyer_material key;
	struct bw_keyer_request r;
	struct bw_str sealed;

	keyer_begin();
	key = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	r = encrypting(key, BW_STR(""), BW_STR("0123456789"));
	sealed = ask_ok(&r);
	for (size_t i = 0; i < sealed.n; i++) {
		for (unsigned bit = 0; bit < 8; bit++)
			assert_int_equal(
			    opens(key, BW_STR(""), flipped_bit(sealed, i, bit), NULL), BW_ECORRUPT);
		assert_int_equal(opens(key, BW_STR(""), bw_str_sub(sealed, 0, i), NULL), BW_ECORRUPT);
	}
	assert_int_equal(
	    opens(key, BW_STR(""), bw_arena_printf(&arena, "%.*sx", BW_FMT(sealed)), NULL), BW_ECORRUPT);
}

TEST(symmetric_takes_no_other_context)
{
	struct bw_keyer_material key;
	struct bw_keyer_request r;
	struct bw_str sealed;

	keyer_begin();
	key = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	r = encrypting(key, context_of("app", "x"), BW_STR("s"));
	sealed = ask_ok(&r);
	/* Strings that are joined would be the same. */
	assert_int_equal(opens(key, context_of("ap", "px"), sealed, NULL), BW_ECORRUPT);
	assert_int_equal(opens(key, context_of("App", "x"), sealed, NULL), BW_ECORRUPT);
	assert_int_equal(opens(key, BW_STR(""), sealed, NULL), BW_ECORRUPT);
}

TEST(a_context_has_one_form_in_any_order)
{
	const struct bw_str one[] = {BW_STR("a"), BW_STR("1"), BW_STR("b"), BW_STR("2")};
	const struct bw_str two[] = {BW_STR("b"), BW_STR("2"), BW_STR("a"), BW_STR("1")};
	const struct bw_str swapped[] = {BW_STR("a"), BW_STR("2"), BW_STR("b"), BW_STR("1")};

	keyer_begin();
	assert_true(bw_str_eq(bw_keyer_context(&arena, one, 2), bw_keyer_context(&arena, two, 2)));
	assert_false(bw_str_eq(bw_keyer_context(&arena, one, 2), bw_keyer_context(&arena, swapped, 2)));
	assert_int_equal(bw_keyer_context(&arena, one, 0).n, 0);
}

TEST(a_ciphertext_belongs_to_its_key)
{
	struct bw_keyer_material key, other;
	struct bw_keyer_request r;
	struct bw_str sealed;

	keyer_begin();
	key = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	other = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	r = encrypting(key, BW_STR(""), BW_STR("s"));
	sealed = ask_ok(&r);
	assert_int_equal(opens(other, BW_STR(""), sealed, NULL), BW_ECORRUPT);
}

/* Wrapped material under any other identity is nothing. */
TEST(material_is_bound_to_its_identity)
{
	struct bw_keyer_material key, moved[6];
	struct bw_keyer_request r;

	keyer_begin();
	key = key_make(BW_KEY_HMAC_256, NULL);
	r = (struct bw_keyer_request){
	    .op = BW_KEYER_MAC, .key = key, .algorithm = BW_ALG_HMAC_SHA_256, .input = BW_STR("m")};
	assert_int_equal(ask_ok(&r).n, 32);
	for (size_t i = 0; i < BW_COUNT(moved); i++)
		moved[i] = key;
	moved[0].account = BW_STR("111122223334");
	moved[1].region = BW_STR("eu-central-2");
	moved[2].key_id = BW_STR("1234abcd-12ab-34cd-56ef-1234567890ac");
	moved[3].material_id = flipped(key.material_id, 0);
	moved[4].version = 2;
	moved[5].wrapped = BW_STR("");
	for (size_t i = 0; i < BW_COUNT(moved); i++) {
		r.key = moved[i];
		assert_int_equal(ask(&r).result, BW_ECORRUPT);
	}
	for (size_t i = 0; i < 8 * key.wrapped.n; i++) {
		r.key = key;
		r.key.wrapped = flipped_bit(key.wrapped, i / 8, i % 8);
		assert_int_equal(ask(&r).result, BW_ECORRUPT);
	}
}

/* Lengths in front keep parts apart: the same text cut elsewhere is another identity. */
TEST(identities_do_not_run_into_each_other)
{
	struct bw_keyer_material key;
	struct bw_keyer_request r;

	keyer_begin();
	key = key_make(BW_KEY_HMAC_256, NULL);
	key.account = BW_STR("111122223333e");
	key.region = BW_STR("u-central-1");
	r = (struct bw_keyer_request){
	    .op = BW_KEYER_MAC, .key = key, .algorithm = BW_ALG_HMAC_SHA_256, .input = BW_STR("m")};
	assert_int_equal(ask(&r).result, BW_ECORRUPT);
}

TEST(data_keys_open_again)
{
	struct bw_keyer_material key;
	struct bw_keyer_request r;
	struct bw_keyer_answer a;
	struct bw_str plain;

	keyer_begin();
	key = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	r = (struct bw_keyer_request){.op = BW_KEYER_DATA_KEY, .key = key, .length = 32, .plain = true};
	a = ask(&r);
	assert_ok(a.result);
	assert_int_equal(a.out2.n, 32);
	assert_ok(opens(key, BW_STR(""), a.out, &plain));
	assert_true(bw_str_eq(plain, a.out2));
	r.plain = false;
	a = ask(&r);
	assert_ok(a.result);
	assert_int_equal(a.out2.n, 0);
	for (size_t length = 0; length <= 1025; length += 1025) {
		r.length = length;
		assert_int_equal(ask(&r).result, BW_EINVAL);
	}
	r.length = 1024;
	assert_ok(ask(&r).result);
}

TEST(reencrypting_moves_a_message_to_another_key_and_context)
{
	struct bw_keyer_material from, to;
	struct bw_keyer_request r;
	struct bw_str sealed, moved, plain;

	keyer_begin();
	from = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	to = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	r = encrypting(from, context_of("a", "1"), BW_STR("s"));
	sealed = ask_ok(&r);
	r = (struct bw_keyer_request){.op = BW_KEYER_REENCRYPT,
	    .key = to,
	    .algorithm = BW_ALG_SYMMETRIC_DEFAULT,
	    .context = context_of("b", "2"),
	    .other = from,
	    .other_algorithm = BW_ALG_SYMMETRIC_DEFAULT,
	    .other_context = context_of("a", "1"),
	    .input = sealed};
	moved = ask_ok(&r);
	assert_ok(opens(to, context_of("b", "2"), moved, &plain));
	assert_str(plain, "s");
	r.other_context = BW_STR("");
	assert_int_equal(ask(&r).result, BW_ECORRUPT);
}

TEST(a_replica_opens_what_its_primary_sealed)
{
	struct bw_keyer_material key, replica;
	struct bw_keyer_request r;
	struct bw_str mac;

	keyer_begin();
	key = key_make(BW_KEY_HMAC_512, NULL);
	replica = key;
	replica.region = BW_STR("us-east-1");
	r = (struct bw_keyer_request){.op = BW_KEYER_REWRAP, .key = key, .other = replica};
	replica.wrapped = ask_ok(&r);
	r = (struct bw_keyer_request){
	    .op = BW_KEYER_MAC, .key = key, .algorithm = BW_ALG_HMAC_SHA_512, .input = BW_STR("m")};
	mac = ask_ok(&r);
	r.key = replica;
	assert_true(bw_str_eq(mac, ask_ok(&r)));
	r.key.wrapped = key.wrapped;
	assert_int_equal(ask(&r).result, BW_ECORRUPT);
}

TEST(rsa_opens_what_its_public_half_sealed_and_nothing_else)
{
	static const enum bw_key_algorithm both[] = {BW_ALG_RSAES_OAEP_SHA_1, BW_ALG_RSAES_OAEP_SHA_256};
	static const size_t longest[] = {214, 190}; /* RFC 8017 section 7.1.1: k - 2 hLen - 2 */
	struct bw_keyer_material key;
	struct bw_str long_text, sealed;

	keyer_begin();
	key = key_make(BW_KEY_RSA_2048, NULL);
	long_text = bw_str_make(bw_arena_alloc(&arena, 300), 300);
	for (size_t i = 0; i < 2; i++) {
		struct bw_keyer_request r = {.op = BW_KEYER_ENCRYPT,
		    .key = key,
		    .algorithm = both[i],
		    .input = bw_str_sub(long_text, 0, longest[i] + 1)};

		assert_int_equal(ask(&r).result, BW_EINVAL);
		r.input = bw_str_sub(long_text, 0, longest[i]);
		sealed = ask_ok(&r);
		assert_int_equal(sealed.n, 256);
		r = (struct bw_keyer_request){
		    .op = BW_KEYER_DECRYPT, .key = key, .algorithm = both[i], .input = sealed};
		assert_int_equal(ask_ok(&r).n, longest[i]);
		r.algorithm = both[1 - i];
		assert_int_equal(ask(&r).result, BW_ECORRUPT);
		r.algorithm = both[i];
		r.input = flipped(sealed, 17);
		assert_int_equal(ask(&r).result, BW_ECORRUPT);
		r.input = bw_str_sub(sealed, 0, 255);
		assert_int_equal(ask(&r).result, BW_ECORRUPT);
	}
}

TEST(sm2_opens_what_its_public_half_sealed_and_nothing_else)
{
	struct bw_keyer_request r = {.op = BW_KEYER_ENCRYPT, .algorithm = BW_ALG_SM2PKE};
	struct bw_str long_text, sealed;

	keyer_begin();
	r.key = key_make(BW_KEY_SM2, NULL);
	long_text = bw_str_make(bw_arena_alloc(&arena, 1025), 1025);
	r.input = long_text;
	assert_int_equal(ask(&r).result, BW_EINVAL);
	r.input = BW_STR("");
	assert_int_equal(ask(&r).result, BW_EINVAL);
	r.input = bw_str_sub(long_text, 0, 1024);
	sealed = ask_ok(&r);
	r.op = BW_KEYER_DECRYPT;
	r.input = sealed;
	assert_int_equal(ask_ok(&r).n, 1024);
	for (size_t i = 0; i < sealed.n; i += 31) {
		r.input = flipped(sealed, i);
		assert_int_equal(ask(&r).result, BW_ECORRUPT);
	}
	r.input = bw_str_sub(sealed, 0, sealed.n - 1);
	assert_int_equal(ask(&r).result, BW_ECORRUPT);
	r.input = BW_STR("");
	assert_int_equal(ask(&r).result, BW_ECORRUPT);
	r.input = sealed;
	r.key = key_make(BW_KEY_SM2, NULL);
	assert_int_equal(ask(&r).result, BW_ECORRUPT);
}

TEST(an_algorithm_goes_with_its_own_keys_alone)
{
	static const enum bw_key_spec keys[] = {BW_KEY_SYMMETRIC_DEFAULT, BW_KEY_HMAC_224,
	    BW_KEY_ECC_NIST_P256, BW_KEY_ECC_SECG_P256K1, BW_KEY_ECC_NIST_EDWARDS25519};
	static const enum bw_keyer_op ops[] = {BW_KEYER_ENCRYPT, BW_KEYER_DECRYPT, BW_KEYER_SIGN,
	    BW_KEYER_VERIFY, BW_KEYER_MAC, BW_KEYER_VERIFY_MAC, BW_KEYER_DERIVE};

	keyer_begin();
	for (size_t k = 0; k < BW_COUNT(keys); k++) {
		struct bw_keyer_material key = key_make(keys[k], NULL);

		for (enum bw_key_algorithm a = 0; a < BW_ALGS; a++)
			for (size_t o = 0; !keyer_goes_with(a, keys[k]) && o < BW_COUNT(ops); o++) {
				const struct bw_keyer_request r = {
				    .op = ops[o], .key = key, .algorithm = a, .input = BW_STR("m")};

				assert_int_not_equal(ask(&r).result, BW_OK);
			}
	}
}
