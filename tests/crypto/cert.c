#include "test.h"
#include "crypto/crypto.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static const int64_t now_ms = 1800000000000;

static struct bw_buf ca_cert, ca_key, cert, key;

static void setup(void)
{
	bw_buf_init(&ca_cert, 1 << 16);
	bw_buf_init(&ca_key, 1 << 16);
	bw_buf_init(&cert, 1 << 16);
	bw_buf_init(&key, 1 << 16);
	assert_ok(bw_ca_make(BW_STR("Test CA"), now_ms, &ca_cert, &ca_key));
}

static void teardown(void)
{
	bw_buf_free(&ca_cert);
	bw_buf_free(&ca_key);
	bw_buf_free(&cert);
	bw_buf_free(&key);
}

static enum bw_err issue(const struct bw_str *names, size_t n)
{
	bw_buf_reset(&cert);
	bw_buf_reset(&key);
	return bw_ca_issue(bw_buf_str(&ca_cert), bw_buf_str(&ca_key), names, n, now_ms, &cert, &key);
}

static X509 *x509_of(const struct bw_buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->p, (int)pem->n);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(x);
	return x;
}

static EVP_PKEY *key_of(const struct bw_buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->p, (int)pem->n);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(k);
	return k;
}

/* The result of OpenSSL's own strict verification as a TLS server at the time `at_s`. */
static int verify(X509 *leaf, X509 *ca, const char *host, const char *address, time_t at_s)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int result;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_time(param, at_s);
	if (host)
		X509_VERIFY_PARAM_set1_host(param, host, 0);
	if (address)
		X509_VERIFY_PARAM_set1_ip_asc(param, address);
	result = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return result;
}

TEST(cert_verifies_for_its_names_and_time_alone)
{
	const struct bw_str names[] = {
	    BW_STR("localhost"), BW_STR("*.example.com"), BW_STR("127.0.0.1"), BW_STR("::1")};
	const time_t now = (time_t)(now_ms / 1000);
	X509 *leaf, *ca;

	setup();
	assert_ok(issue(names, BW_COUNT(names)));
	leaf = x509_of(&cert);
	ca = x509_of(&ca_cert);
	assert_int_equal(verify(leaf, ca, "localhost", NULL, now), X509_V_OK);
	assert_int_equal(verify(leaf, ca, "a.example.com", NULL, now), X509_V_OK);
	assert_int_equal(verify(leaf, ca, NULL, "127.0.0.1", now), X509_V_OK);
	assert_int_equal(verify(leaf, ca, NULL, "::1", now), X509_V_OK);
	assert_int_equal(verify(leaf, ca, "example.org", NULL, now), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verify(leaf, ca, NULL, "127.0.0.2", now), X509_V_ERR_IP_ADDRESS_MISMATCH);
	assert_int_equal(verify(leaf, ca, NULL, NULL, now - 3600 + 1), X509_V_OK);
	assert_int_equal(verify(leaf, ca, NULL, NULL, now - 3600 - 1), X509_V_ERR_CERT_NOT_YET_VALID);
	assert_int_equal(verify(leaf, ca, NULL, NULL, now - 3600 + 397 * 86400 - 1), X509_V_OK);
	assert_int_equal(
	    verify(leaf, ca, NULL, NULL, now - 3600 + 397 * 86400 + 1), X509_V_ERR_CERT_HAS_EXPIRED);
	X509_free(leaf);
	X509_free(ca);
	teardown();
}

TEST(cert_carries_the_right_extensions)
{
	const struct bw_str names[] = {BW_STR("localhost")};
	X509 *leaf, *ca;
	EVP_PKEY *leaf_key;

	setup();
	assert_ok(issue(names, 1));
	leaf = x509_of(&cert);
	ca = x509_of(&ca_cert);
	leaf_key = key_of(&key);
	assert_int_equal(X509_check_private_key(leaf, leaf_key), 1);
	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_get_pathlen(ca), 0);
	assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_check_ca(leaf), 0);
	assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
	assert_true(X509_get_extension_flags(leaf) & EXFLAG_BCONS);
	assert_non_null(X509_get0_subject_key_id(leaf));
	assert_int_equal(
	    ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf), X509_get0_subject_key_id(ca)), 0);
	assert_int_equal(
	    ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(ca), X509_get0_subject_key_id(ca)), 0);
	assert_int_equal(X509_get_version(leaf), X509_VERSION_3);
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(leaf)), 16);
	assert_string_equal(EVP_PKEY_get0_type_name(leaf_key), "EC");
	assert_int_equal(EVP_PKEY_get_bits(leaf_key), 256);
	EVP_PKEY_free(leaf_key);
	X509_free(leaf);
	X509_free(ca);
	teardown();
}

TEST(cert_of_a_long_name_has_no_subject_and_a_critical_alternative)
{
	char text[80];
	struct bw_str name = bw_str_make(text, 68);
	X509 *leaf;
	int at;

	setup();
	memset(text, 'a', sizeof text);
	text[40] = '.';
	assert_ok(issue(&name, 1));
	leaf = x509_of(&cert);
	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
	at = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1);
	assert_true(X509_EXTENSION_get_critical(X509_get_ext(leaf, at)));
	X509_free(leaf);
	teardown();
}

TEST(cert_refuses_malformed_names)
{
	static const char long_label[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const struct bw_str bad[] = {BW_STR_NONE, BW_STR(""), BW_STR("."), BW_STR("a."), BW_STR(".a"),
	    BW_STR("a..b"), BW_STR("-a"), BW_STR("a-"), BW_STR("*"), BW_STR("*."), BW_STR("a.*.b"),
	    BW_STR("a,DNS:b"), BW_STR("a b"), BW_STR("a\0b"), BW_STR("a_b"), BW_STR("1.2.3.4.5"),
	    BW_STR("1.2.3"), BW_STR("300.1.1.1"), BW_STR("127.1"), BW_STR("::1%lo"), BW_STR(":::"),
	    bw_str_c(long_label), BW_STR("\xc3\xa4.de")};

	setup();
	for (size_t i = 0; i < BW_COUNT(bad); i++) {
		struct bw_str names[] = {BW_STR("good"), bad[i]};

		assert_int_equal(issue(names, 2), BW_EINVAL);
		assert_int_equal(cert.n, 0);
	}
	assert_int_equal(issue(bad, 0), BW_EINVAL);
	teardown();
}

TEST(cert_refuses_a_ca_that_is_none)
{
	const struct bw_str names[] = {BW_STR("localhost")};
	struct bw_buf out_cert, out_key;

	setup();
	assert_ok(issue(names, 1));
	bw_buf_init(&out_cert, 1 << 16);
	bw_buf_init(&out_key, 1 << 16);
	/* A leaf cannot issue; a foreign key does not fit; text is no PEM. */
	assert_int_equal(
	    bw_ca_issue(bw_buf_str(&cert), bw_buf_str(&key), names, 1, now_ms, &out_cert, &out_key),
	    BW_EINTERNAL);
	assert_int_equal(
	    bw_ca_issue(bw_buf_str(&ca_cert), bw_buf_str(&key), names, 1, now_ms, &out_cert, &out_key),
	    BW_EINTERNAL);
	assert_int_equal(
	    bw_ca_issue(BW_STR("x"), BW_STR("y"), names, 1, now_ms, &out_cert, &out_key), BW_EINTERNAL);
	assert_int_equal(
	    bw_ca_issue(BW_STR_NONE, BW_STR_NONE, names, 1, now_ms, &out_cert, &out_key), BW_EINTERNAL);
	assert_int_equal(out_cert.n + out_key.n, 0);
	bw_buf_free(&out_cert);
	bw_buf_free(&out_key);
	teardown();
}

TEST(cert_common_name_has_bounds)
{
	static char text[65];
	struct bw_buf c, k;

	memset(text, 'n', sizeof text);
	bw_buf_init(&c, 1 << 16);
	bw_buf_init(&k, 1 << 16);
	assert_int_equal(bw_ca_make(BW_STR_NONE, now_ms, &c, &k), BW_EINVAL);
	assert_int_equal(bw_ca_make(bw_str_make(text, 65), now_ms, &c, &k), BW_EINVAL);
	assert_ok(bw_ca_make(bw_str_make(text, 64), now_ms, &c, &k));
	bw_buf_free(&c);
	bw_buf_free(&k);
}
