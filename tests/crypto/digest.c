#include "known.h"
#include "crypto/crypto.h"

TEST(digest_sha256_answers_fips_180_vectors)
{
	static const struct {
		const char *text, *digest;
	} rows[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	struct bw_arena a;
	unsigned char out[32];

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		bw_sha256(bw_str_c(rows[i].text), out);
		assert_hex(&a, out, sizeof out, rows[i].digest);
	}
	bw_sha256(BW_STR_NONE, out);
	assert_hex(&a, out, sizeof out, rows[0].digest);
	bw_arena_free(&a);
}

TEST(digest_parts_equal_the_whole_and_a_copy_goes_its_own_way)
{
	struct bw_sha256_ctx c, copy;
	struct bw_arena a;
	unsigned char out[32];
	char block[1000];

	bw_arena_init(&a, 1 << 20);
	memset(block, 'a', sizeof block);
	bw_sha256_begin(&c);
	for (int i = 0; i < 999; i++)
		bw_sha256_add(&c, bw_str_make(block, sizeof block));
	copy = c;
	bw_sha256_add(&copy, BW_STR("something else"));
	bw_sha256_add(&c, BW_STR_NONE);
	bw_sha256_add(&c, bw_str_make(block, sizeof block));
	bw_sha256_end(&c, out);
	assert_hex(&a, out, sizeof out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	bw_arena_free(&a);
}

struct hmac_row {
	const char *key, *data, *mac;
};

/* RFC 4231 section 4, without the truncated case 5. Keys and data in hexadecimal. */
static const struct hmac_row rfc4231[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
        "d",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdc"
        "d",
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
};

TEST(digest_hmac_answers_rfc_4231)
{
	struct bw_hmac_key k;
	struct bw_arena a;
	unsigned char out[32];

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(rfc4231); i++) {
		bw_hmac_key(&k, from_hex(&a, rfc4231[i].key));
		/* Twice: the key is not used up. */
		bw_hmac(&k, from_hex(&a, rfc4231[i].data), out);
		bw_hmac(&k, from_hex(&a, rfc4231[i].data), out);
		assert_hex(&a, out, sizeof out, rfc4231[i].mac);
	}
	bw_arena_free(&a);
}

TEST(digest_hmac_hashes_keys_longer_than_a_block)
{
	struct bw_hmac_key k;
	struct bw_arena a;
	unsigned char key[131], out[32];

	bw_arena_init(&a, 1 << 20);
	memset(key, 0xaa, sizeof key);
	bw_hmac_key(&k, bw_str_make(key, sizeof key));
	bw_hmac(&k, BW_STR("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	assert_hex(&a, out, sizeof out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	bw_hmac(&k,
	    BW_STR("This is a test using a larger than block-size key and a larger than block-size data. The "
	           "key "
	           "needs to be hashed before being used by the HMAC algorithm."),
	    out);
	assert_hex(&a, out, sizeof out, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
	bw_arena_free(&a);
}

/* RFC 2202 section 3, cases 1, 2 and 6. */
TEST(digest_hmac_sha1_answers_rfc_2202)
{
	struct bw_arena a;
	unsigned char key[80], out[20];

	bw_arena_init(&a, 1 << 20);
	memset(key, 0x0b, sizeof key);
	bw_hmac_sha1(bw_str_make(key, 20), BW_STR("Hi There"), out);
	assert_hex(&a, out, sizeof out, "b617318655057264e28bc0b6fb378c8ef146be00");
	bw_hmac_sha1(BW_STR("Jefe"), BW_STR("what do ya want for nothing?"), out);
	assert_hex(&a, out, sizeof out, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	memset(key, 0xaa, sizeof key);
	bw_hmac_sha1(
	    bw_str_make(key, 80), BW_STR("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	assert_hex(&a, out, sizeof out, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	bw_arena_free(&a);
}

/* RFC 5869 appendix A, cases 1 to 3. */
static const struct {
	const char *secret, *salt, *info, *out;
} rfc5869[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
     "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f"
        "909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
};

TEST(digest_hkdf_answers_rfc_5869)
{
	struct bw_arena a;
	unsigned char out[82];

	bw_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BW_COUNT(rfc5869); i++) {
		size_t n = strlen(rfc5869[i].out) / 2;

		bw_hkdf(from_hex(&a, rfc5869[i].secret), from_hex(&a, rfc5869[i].salt),
		    from_hex(&a, rfc5869[i].info), out, n);
		assert_hex(&a, out, n, rfc5869[i].out);
	}
	bw_arena_free(&a);
}
