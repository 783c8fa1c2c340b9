/* What the writer writes, and what is read of requests. */
#include "test.h"
#include "crypto/csr.h"
#include "crypto/der.h"

#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static struct bw_arena arena;

static void setup(void)
{
	bw_arena_init(&arena, 16 << 20);
}

static void teardown(void)
{
	bw_arena_free(&arena);
}

static void assert_bytes(struct bw_str got, const char *want, size_t n)
{
	assert_true(bw_str_eq(got, bw_str_make(want, n)));
}
#define ASSERT_DER(got, want) assert_bytes((got), "" want, sizeof(want) - 1)

/* X.690 section 8.19 and the examples of RFC 5280's appendices. */
TEST(der_object_identifiers)
{
	static const char *const bad[] = {"", "1", "3.1", "1.40", "0.40", "1.2.", ".1", "1.2.-3", "1.2.2147483648", "1.2.03.x", "1..2", "2.99999999999", "2.5.29.019", "2.05.29.19", "02.5.29.19", "1.2.00"};

	setup();
	ASSERT_DER(bw_der_oid(&arena, BW_STR("2.5.29.17")), "\x06\x03\x55\x1d\x11");
	ASSERT_DER(bw_der_oid(&arena, BW_STR("1.2.840.113549.1.1.11")), "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b");
	ASSERT_DER(bw_der_oid(&arena, BW_STR("2.999.3")), "\x06\x03\x88\x37\x03");
	ASSERT_DER(bw_der_oid(&arena, BW_STR("0.0")), "\x06\x01\x00");
	for (size_t i = 0; i < BW_COUNT(bad); i++)
		assert_false(bw_str_set(bw_der_oid(&arena, bw_str_c(bad[i]))));
	teardown();
}

TEST(der_lengths)
{
	static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
	char *bytes = calloc(1, 70000);

	setup();
	for (size_t i = 0; i < BW_COUNT(lengths); i++) {
		struct bw_str der = BW_DER(&arena, BW_DER_OCTET_STRING, bw_str_make(bytes, lengths[i]));
		const unsigned char *at = (const unsigned char *)der.p;
		ASN1_OCTET_STRING *read = d2i_ASN1_OCTET_STRING(NULL, &at, (long)der.n);

		assert_non_null(read);
		assert_int_equal(ASN1_STRING_length(read), lengths[i]);
		assert_true(at == (const unsigned char *)der.p + der.n);
		ASN1_OCTET_STRING_free(read);
	}
	free(bytes);
	teardown();
}

TEST(der_numbers_bits_and_times)
{
	setup();
	ASSERT_DER(bw_der_small(&arena, 0), "\x02\x01\x00");
	ASSERT_DER(bw_der_small(&arena, 127), "\x02\x01\x7f");
	ASSERT_DER(bw_der_small(&arena, 128), "\x02\x02\x00\x80");
	ASSERT_DER(bw_der_unsigned(&arena, BW_STR("\0\0\xff")), "\x02\x02\x00\xff");
	ASSERT_DER(bw_der_named_bits(&arena, 0), "\x03\x01\x00");
	ASSERT_DER(bw_der_named_bits(&arena, 1), "\x03\x02\x07\x80");
	ASSERT_DER(bw_der_named_bits(&arena, 1 | 32 | 64), "\x03\x02\x01\x86");
	ASSERT_DER(bw_der_named_bits(&arena, 256), "\x03\x03\x07\x00\x80");
	ASSERT_DER(bw_der_time(&arena, 0), "\x17\x0d" "700101000000Z");
	ASSERT_DER(bw_der_time(&arena, INT64_C(2524607999000)), "\x17\x0d" "491231235959Z");
	ASSERT_DER(bw_der_time(&arena, INT64_C(2524608000000)), "\x18\x0f" "20500101000000Z");
	ASSERT_DER(bw_der_true(&arena), "\x01\x01\xff");
	ASSERT_DER(bw_der_bits(&arena, BW_STR("ab")), "\x03\x03\x00" "ab");
	teardown();
}

TEST(der_pem_lines)
{
	setup();
	assert_true(bw_str_eq(bw_der_pem(&arena, "X", BW_STR("abc")), BW_STR("-----BEGIN X-----\nYWJj\n-----END X-----\n")));
	/* 48 bytes are one line of 64 characters, the 49th begins another. */
	assert_int_equal(bw_der_pem(&arena, "X", bw_str_make("0123456789012345678901234567890123456789012345678", 49)).n, 18 + 65 + 5 + 16);
	teardown();
}

/* ---- Requests ---- */

static struct bw_str request_pem(EVP_PKEY *key, X509_REQ **keep)
{
	X509_REQ *r = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	struct bw_str pem;
	char *p;
	long n;

	assert_int_equal(X509_REQ_set_pubkey(r, key), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN", MBSTRING_ASC, (const unsigned char *)"a", -1, -1, 0), 1);
	assert_true(X509_REQ_sign(r, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(bio, r), 1);
	n = BIO_get_mem_data(bio, &p);
	pem = bw_arena_str(&arena, bw_str_make(p, (size_t)n));
	BIO_free(bio);
	*keep = r;
	return pem;
}

static enum bw_csr_fault fault_of(EVP_PKEY *key)
{
	struct bw_csr csr;
	X509_REQ *r;
	enum bw_csr_fault fault;

	assert_non_null(key);
	fault = bw_csr_read(request_pem(key, &r), &arena, &csr);
	X509_REQ_free(r);
	EVP_PKEY_free(key);
	return fault;
}

TEST(csr_keys_that_are_taken)
{
	setup();
	assert_int_equal(fault_of(EVP_EC_gen("P-256")), BW_CSR_GOOD);
	assert_int_equal(fault_of(EVP_EC_gen("P-384")), BW_CSR_GOOD);
	assert_int_equal(fault_of(EVP_EC_gen("P-521")), BW_CSR_GOOD);
	assert_int_equal(fault_of(EVP_EC_gen("secp256k1")), BW_CSR_KEY);
	assert_int_equal(fault_of(EVP_EC_gen("P-224")), BW_CSR_KEY);
	assert_int_equal(fault_of(EVP_RSA_gen(2047)), BW_CSR_KEY);
	assert_int_equal(fault_of(EVP_RSA_gen(2048)), BW_CSR_GOOD);
	teardown();
}

/* Every byte of the signed part matters. */
TEST(csr_every_bit_is_signed)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *r;
	unsigned char *der = NULL;
	struct bw_csr csr;
	int n;

	setup();
	assert_int_equal(bw_csr_read(request_pem(key, &r), &arena, &csr), BW_CSR_GOOD);
	assert_int_equal(csr.key_id.n, 20);
	n = i2d_X509_REQ(r, &der);
	for (int i = 0; i < n; i++) {
		der[i] ^= 1;
		assert_int_not_equal(bw_csr_read(bw_der_pem(&arena, "CERTIFICATE REQUEST", bw_str_make(der, (size_t)n)), &arena, &csr), BW_CSR_GOOD);
		der[i] ^= 1;
	}
	for (int i = 0; i < n; i++)
		assert_int_not_equal(bw_csr_read(bw_der_pem(&arena, "CERTIFICATE REQUEST", bw_str_make(der, (size_t)i)), &arena, &csr), BW_CSR_GOOD);
	OPENSSL_free(der);
	X509_REQ_free(r);
	EVP_PKEY_free(key);
	teardown();
}
