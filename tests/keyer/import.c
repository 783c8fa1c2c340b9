/* Material from outside: wrapped as ImportKeyMaterial's callers wrap it. */
#include "fixture.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>

static struct bw_keyer_material wrapping;
static EVP_PKEY *wrapping_public;

static void import_begin(void)
{
	struct bw_keyer_request r;
	struct bw_keyer_answer a;
	const unsigned char *at;

	keyer_begin();
	wrapping = (struct bw_keyer_material){BW_STR("111122223333"), BW_STR("eu-central-1"), BW_STR("k"),
	    BW_STR_NONE, 1, BW_KEY_RSA_2048, BW_STR_NONE};
	r = (struct bw_keyer_request){.op = BW_KEYER_IMPORT_BEGIN, .key = wrapping};
	a = ask(&r);
	assert_ok(a.result);
	wrapping.wrapped = a.out;
	at = (const unsigned char *)a.out2.p;
	EVP_PKEY_free(wrapping_public);
	wrapping_public = d2i_PUBKEY(NULL, &at, (long)a.out2.n);
	assert_non_null(wrapping_public);
}

static struct bw_str oaep(const char *digest, struct bw_str plain)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(wrapping_public, NULL);
	unsigned char *out = bw_arena_alloc(&arena, 256);
	size_t n = 256;

	assert_int_equal(EVP_PKEY_encrypt_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(c, digest, NULL), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, digest, NULL), 1);
	assert_int_equal(EVP_PKEY_encrypt(c, out, &n, (const unsigned char *)plain.p, plain.n), 1);
	EVP_PKEY_CTX_free(c);
	return bw_str_make(out, n);
}

/* An AES key under RSA, and the material under that. */
static struct bw_str rsa_aes(const char *digest, struct bw_str plain)
{
	static const unsigned char key[32] = {1, 2, 3};
	struct bw_str head = oaep(digest, bw_str_make(key, sizeof key));
	unsigned char *out = bw_arena_alloc(&arena, plain.n + 32);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	struct bw_buf joined;
	struct bw_str copy;
	int n, last;

	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_256_wrap_pad(), NULL, key, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(c, out, &n, (const unsigned char *)plain.p, (int)plain.n), 1);
	assert_int_equal(EVP_EncryptFinal_ex(c, out + n, &last), 1);
	EVP_CIPHER_CTX_free(c);
	bw_buf_init(&joined, 1 << 16);
	bw_buf_put(&joined, head);
	bw_buf_put(&joined, bw_str_make(out, (size_t)(n + last)));
	copy = bw_arena_str(&arena, bw_buf_str(&joined));
	bw_buf_free(&joined);
	return copy;
}

static struct bw_keyer_answer import(enum bw_key_spec spec, enum bw_key_algorithm a, struct bw_str sealed)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_IMPORT,
	    .key = {BW_STR("111122223333"), BW_STR("eu-central-1"), BW_STR("k"), BW_STR_NONE, 1, spec,
	        BW_STR_NONE},
	    .other = wrapping,
	    .algorithm = a,
	    .input = sealed};

	return ask(&r);
}

static struct bw_str repeated(char c, size_t n)
{
	char *p = bw_arena_alloc(&arena, n + 1);

	memset(p, c, n);
	return bw_str_make(p, n);
}

TEST(imported_material_has_the_length_of_its_spec)
{
	static const struct {
		enum bw_key_spec spec;
		size_t n;
	} rows[] = {{BW_KEY_SYMMETRIC_DEFAULT, 32}, {BW_KEY_HMAC_224, 28}, {BW_KEY_HMAC_256, 32},
	    {BW_KEY_HMAC_384, 48}, {BW_KEY_HMAC_512, 64}};

	import_begin();
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		size_t n = rows[i].n;

		assert_ok(
		    import(rows[i].spec, BW_ALG_RSAES_OAEP_SHA_256, oaep("SHA256", repeated('k', n))).result);
		assert_ok(
		    import(rows[i].spec, BW_ALG_RSAES_OAEP_SHA_1, oaep("SHA1", repeated('k', n))).result);
		assert_int_equal(
		    import(rows[i].spec, BW_ALG_RSAES_OAEP_SHA_256, oaep("SHA256", repeated('k', n - 1)))
		        .result,
		    BW_EINVAL);
		assert_int_equal(
		    import(rows[i].spec, BW_ALG_RSAES_OAEP_SHA_256, oaep("SHA256", repeated('k', n + 1)))
		        .result,
		    BW_EINVAL);
	}
	assert_int_equal(
	    import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_1, oaep("SHA256", repeated('k', 32)))
	        .result,
	    BW_ECORRUPT);
}

TEST(the_same_material_has_the_same_id)
{
	struct bw_keyer_answer one, two, other;

	import_begin();
	one = import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, oaep("SHA256", repeated('k', 32)));
	two = import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, oaep("SHA256", repeated('k', 32)));
	other =
	    import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, oaep("SHA256", repeated('l', 32)));
	assert_true(bw_str_eq(one.out3, two.out3));
	assert_false(bw_str_eq(one.out3, other.out3));
	assert_false(bw_str_eq(one.out, two.out));
}

TEST(private_keys_are_imported_whole_or_not_at_all)
{
	static const enum bw_key_spec specs[] = {
	    BW_KEY_RSA_2048, BW_KEY_ECC_NIST_P256, BW_KEY_ECC_SECG_P256K1};
	EVP_PKEY *keys[3];

	import_begin();
	keys[0] = EVP_RSA_gen(2048);
	keys[1] = EVP_EC_gen("P-256");
	keys[2] = EVP_EC_gen("secp256k1");
	for (size_t i = 0; i < 3; i++) {
		struct bw_str der = keyer_der_private(&arena, keys[i]);
		struct bw_keyer_answer a =
		    import(specs[i], BW_ALG_RSA_AES_KEY_WRAP_SHA_256, rsa_aes("SHA256", der));

		assert_ok(a.result);
		assert_true(bw_str_eq(a.out2, keyer_der_public(&arena, keys[i])));
		assert_ok(import(specs[i], BW_ALG_RSA_AES_KEY_WRAP_SHA_1, rsa_aes("SHA1", der)).result);
		for (size_t k = 0; k < 3; k++)
			if (k != i)
				assert_int_equal(
				    import(specs[k], BW_ALG_RSA_AES_KEY_WRAP_SHA_256, rsa_aes("SHA256", der))
				        .result,
				    BW_EINVAL);
		assert_int_equal(
		    import(BW_KEY_RSA_3072, BW_ALG_RSA_AES_KEY_WRAP_SHA_256, rsa_aes("SHA256", der)).result,
		    BW_EINVAL);
		assert_int_equal(import(specs[i], BW_ALG_RSA_AES_KEY_WRAP_SHA_256,
		                     rsa_aes("SHA256", bw_str_sub(der, 0, der.n - 1)))
		                     .result,
		    BW_EINVAL);
		assert_int_equal(
		    import(specs[i], BW_ALG_RSA_AES_KEY_WRAP_SHA_256, flipped(rsa_aes("SHA256", der), 300))
		        .result,
		    BW_ECORRUPT);
		EVP_PKEY_free(keys[i]);
	}
}

TEST(an_import_needs_its_own_wrapping_key)
{
	struct bw_str sealed;

	import_begin();
	sealed = oaep("SHA256", repeated('k', 32));
	wrapping.key_id = BW_STR("another");
	assert_int_equal(
	    import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, sealed).result, BW_ECORRUPT);
	import_begin();
	assert_int_equal(
	    import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, sealed).result, BW_ECORRUPT);
	assert_int_equal(
	    import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, BW_STR("")).result, BW_ECORRUPT);
	assert_int_equal(
	    import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_SYMMETRIC_DEFAULT, sealed).result, BW_EINVAL);
}

/* The API process has it, and what is encrypted under it: it is good for nothing but the import itself. */
TEST(what_imports_are_wrapped_under_is_no_key)
{
	struct bw_keyer_material key;
	struct bw_keyer_request r;
	struct bw_str sealed;

	import_begin();
	sealed = oaep("SHA256", repeated('k', 32));
	r = (struct bw_keyer_request){.op = BW_KEYER_DECRYPT, .key = wrapping, .algorithm = BW_ALG_RSAES_OAEP_SHA_256, .input = sealed};
	assert_int_equal(ask(&r).result, BW_EINVAL);
	r.key.material_id = repeated('a', 64);
	assert_int_equal(ask(&r).result, BW_ECORRUPT);
	r = (struct bw_keyer_request){.op = BW_KEYER_REENCRYPT, .key = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL), .algorithm = BW_ALG_SYMMETRIC_DEFAULT,
	    .other = wrapping, .other_algorithm = BW_ALG_RSAES_OAEP_SHA_256, .input = sealed};
	assert_int_equal(ask(&r).result, BW_EINVAL);
	r = (struct bw_keyer_request){.op = BW_KEYER_REWRAP, .key = wrapping, .other = wrapping};
	assert_int_equal(ask(&r).result, BW_EINVAL);
	r = (struct bw_keyer_request){.op = BW_KEYER_IMPORT_BEGIN, .key = wrapping};
	r.key.material_id = repeated('a', 64);
	assert_int_equal(ask(&r).result, BW_EINVAL);
	assert_ok(import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, sealed).result);
	/* Nor is somebody's key what imports are wrapped under. */
	key = key_make(BW_KEY_RSA_2048, NULL);
	wrapping = key;
	assert_int_equal(import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, sealed).result, BW_EINVAL);
	wrapping.material_id = BW_STR_NONE;
	assert_int_equal(import(BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_RSAES_OAEP_SHA_256, sealed).result, BW_ECORRUPT);
}

/* To look whether numbers are primes takes a third of a second at the least: a channel's thread, on which all of a loop's other requests
 * wait, does not do it. */
TEST(keyer_import_of_rsa_waits_with_what_takes_long)
{
	static const struct {
		enum bw_key_spec spec;
		bool slow;
	} rows[] = {{BW_KEY_SYMMETRIC_DEFAULT, false}, {BW_KEY_HMAC_256, false}, {BW_KEY_ECC_NIST_P521, false}, {BW_KEY_RSA_2048, true},
	    {BW_KEY_RSA_4096, true}};

	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		struct bw_keyer_request r = {.op = BW_KEYER_IMPORT, .key = {.spec = rows[i].spec}, .other = {.spec = BW_KEY_RSA_4096}};

		assert_int_equal(keyer_is_slow(&r), rows[i].slow);
	}
}
