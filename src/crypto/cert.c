/* A private CA and the certificates it issues: RFC 5280 profiles, ECDSA on P-256 with SHA-256. */
#include "crypto/crypto.h"
#include "crypto/x509.h"
#include "base/sys.h"
#include "crypto/pem.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

enum {
	CA_DAYS = 3650,
	LEAF_DAYS =
	    397, /* longer ones are refused by browsers (CA/Browser Forum Baseline Requirements 6.3.2) */
	COMMON_NAME_MAX = 64, /* RFC 5280 appendix A.1, ub-common-name */
	DNS_NAME_MAX = 253,   /* RFC 1035 section 2.3.4, in text */
	DNS_LABEL_MAX = 63,
	SERIAL_BYTES = 16, /* RFC 5280 section 4.1.2.2 allows 20 */
	PEM_MAX = 64 * 1024,
	NAMES_MAX = 1000,
	EARLIER_S = 3600, /* clients with a slow clock still accept a fresh certificate */
};

/* Always BW_EINTERNAL, for `return failed("...")`: says in the log what OpenSSL says. */
static enum bw_err failed(const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	bw_log(BW_LOG_ERROR, "certificate: %s: %s", what, reason ? reason : "no reason given");
	ERR_clear_error();
	return BW_EINTERNAL;
}

/* 126 random bits with the second highest set: positive, and always sixteen bytes long. */
static bool serial_set(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *n;
	bool good;

	bw_random(bytes, sizeof bytes);
	bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
	n = BN_bin2bn(bytes, sizeof bytes, NULL);
	good = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return good;
}

static bool extension_add(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	bool good = e && X509_add_ext(cert, e, -1);

	X509_EXTENSION_free(e);
	return good;
}

struct extension {
	int nid;
	const char *value;
};

/* The subject key identifier comes first: the authority's is copied from the issuer, which may be the same.
 */
static const struct extension ca_extensions[] = {
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
};

static const struct extension leaf_extensions[] = {
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
};

static bool extensions_add(X509 *cert, X509 *issuer, const struct extension *list, size_t n)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (size_t i = 0; i < n; i++)
		if (!extension_add(cert, &ctx, list[i].nid, list[i].value))
			return false;
	return true;
}

static bool common_name_set(X509_NAME *name, struct bw_str cn)
{
	return X509_NAME_add_entry_by_NID(
	           name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)cn.p, (int)cn.n, -1, 0) == 1;
}

static bool validity_set(X509 *cert, int64_t now_ms, int days)
{
	time_t now = (time_t)(now_ms / 1000);

	return ASN1_TIME_adj(X509_getm_notBefore(cert), now, 0, -EARLIER_S) &&
	       ASN1_TIME_adj(X509_getm_notAfter(cert), now, days, -EARLIER_S);
}

/* A certificate of version 3 with a serial number, the times and the key; the caller names, extends and signs
 * it. */
static X509 *cert_new(EVP_PKEY *key, int64_t now_ms, int days)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) && serial_set(cert) &&
	    validity_set(cert, now_ms, days) && X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

static bool bio_to_buf(BIO *bio, struct bw_buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	if (n <= 0)
		return false;
	bw_buf_put(out, bw_str_make(p, (size_t)n));
	return !out->failed;
}

static enum bw_err pem_put(X509 *cert, EVP_PKEY *key, struct bw_buf *cert_pem, struct bw_buf *key_pem)
{
	BIO *public = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_secmem());
	bool good = public && private && PEM_write_bio_X509(public, cert) == 1 &&
	            PEM_write_bio_PKCS8PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	            bio_to_buf(public, cert_pem) && bio_to_buf(private, key_pem);

	BIO_free(public);
	BIO_free(private);
	return good ? BW_OK : failed("writing PEM");
}

static bool ca_fill(X509 *cert, EVP_PKEY *key, struct bw_str common_name)
{
	return common_name_set(X509_get_subject_name(cert), common_name) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
	       extensions_add(cert, cert, ca_extensions, BW_COUNT(ca_extensions)) &&
	       X509_sign(cert, key, EVP_sha256());
}

enum bw_err bw_ca_make(
    struct bw_str common_name, int64_t now_ms, struct bw_buf *cert_pem, struct bw_buf *key_pem)
{
	EVP_PKEY *key;
	X509 *cert;
	enum bw_err err;

	CHECK(common_name.n && common_name.n <= COMMON_NAME_MAX, BW_EINVAL);
	key = EVP_EC_gen("P-256");
	cert = key ? cert_new(key, now_ms, CA_DAYS) : NULL;
	err = cert && ca_fill(cert, key, common_name) ? pem_put(cert, key, cert_pem, key_pem)
	                                              : failed("making a CA");
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

/* Letters, digits and inner hyphens (RFC 1123 section 2.1). */
static bool label_is_good(struct bw_str label)
{
	if (!label.n || label.n > DNS_LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

/* One leading "*." is a wildcard (RFC 6125 section 6.4.3); what is left has to be a host name. */
static bool dns_name_is_good(struct bw_str name)
{
	struct bw_str rest = bw_str_starts(name, BW_STR("*.")) ? bw_str_sub(name, 2, name.n) : name;

	if (!name.n || name.n > DNS_NAME_MAX)
		return false;
	while (bw_str_set(rest))
		if (!label_is_good(bw_str_cut(&rest, '.')))
			return false;
	return true;
}

/* The address in network order; the number of its bytes, or 0 when `name` is no address. */
static int address_parse(struct bw_str name, unsigned char bytes[16])
{
	char text[INET6_ADDRSTRLEN];

	if (name.n >= sizeof text || memchr(name.p, 0, name.n))
		return 0;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	if (inet_pton(AF_INET, text, bytes) == 1)
		return 4;
	return inet_pton(AF_INET6, text, bytes) == 1 ? 16 : 0;
}

static bool name_is_good(struct bw_str name)
{
	unsigned char bytes[16];
	struct bw_str last = name;

	if (!name.n)
		return false;
	if (address_parse(name, bytes))
		return true;
	/* A name whose last label is a number would be read as an address by some and as a name by others. */
	for (ptrdiff_t dot; (dot = bw_str_find(last, '.', 0)) >= 0;)
		last = bw_str_sub(last, (size_t)dot + 1, last.n);
	return dns_name_is_good(name) && !(last.n && last.p[0] >= '0' && last.p[0] <= '9');
}

/* NULL when OpenSSL has no memory. */
static GENERAL_NAME *general_name_new(struct bw_str name)
{
	unsigned char bytes[16];
	int address = address_parse(name, bytes);
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_STRING *text = address ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	if (g && text &&
	    ASN1_STRING_set(text, address ? (const void *)bytes : name.p, address ? address : (int)name.n)) {
		GENERAL_NAME_set0_value(g, address ? GEN_IPADD : GEN_DNS, text);
		return g;
	}
	GENERAL_NAME_free(g);
	ASN1_STRING_free(text);
	return NULL;
}

/* The extension is made from values, never from OpenSSL's text syntax, in which a name could carry a second
 * one. It is critical when the subject is empty (RFC 5280 section 4.2.1.6). */
static bool alt_names_add(X509 *cert, const struct bw_str *names, size_t n, bool critical)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	bool good = all != NULL;

	for (size_t i = 0; good && i < n; i++) {
		GENERAL_NAME *g = general_name_new(names[i]);

		good = g && sk_GENERAL_NAME_push(all, g) > 0;
		if (!good)
			GENERAL_NAME_free(g);
	}
	good = good && X509_add1_ext_i2d(cert, NID_subject_alt_name, all, critical, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(all);
	return good;
}

static bool leaf_fill(X509 *cert, X509 *ca, EVP_PKEY *ca_key, const struct bw_str *names, size_t n)
{
	bool named = names[0].n <= COMMON_NAME_MAX;

	return (!named || common_name_set(X509_get_subject_name(cert), names[0])) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(ca)) &&
	       extensions_add(cert, ca, leaf_extensions, BW_COUNT(leaf_extensions)) &&
	       alt_names_add(cert, names, n, !named) && X509_sign(cert, ca_key, EVP_sha256());
}

static X509 *cert_read(struct bw_str pem)
{
	BIO *bio = pem.n && pem.n <= PEM_MAX ? bw_pem_open(pem) : NULL;
	X509 *cert = bw_pem_certificate(bio);

	BIO_free(bio);
	return cert;
}

static EVP_PKEY *key_read(struct bw_str pem)
{
	BIO *bio = pem.n && pem.n <= PEM_MAX ? bw_pem_open(pem) : NULL;
	EVP_PKEY *key = bw_pem_key(bio);

	BIO_free(bio);
	return key;
}

static enum bw_err leaf_make(X509 *ca, EVP_PKEY *ca_key, EVP_PKEY *key, const struct bw_str *names, size_t n,
    int64_t now_ms, struct bw_buf *cert_pem, struct bw_buf *key_pem)
{
	X509 *cert = key ? cert_new(key, now_ms, LEAF_DAYS) : NULL;
	enum bw_err err = cert && leaf_fill(cert, ca, ca_key, names, n)
	                      ? pem_put(cert, key, cert_pem, key_pem)
	                      : failed("issuing");

	X509_free(cert);
	return err;
}

static enum bw_err issue(struct bw_str ca_cert_pem, struct bw_str ca_key_pem, EVP_PKEY *key,
    const struct bw_str *names, size_t name_count, int64_t now_ms, struct bw_buf *cert_pem, struct bw_buf *key_pem)
{
	X509 *ca;
	EVP_PKEY *ca_key;
	enum bw_err err;

	CHECK(name_count > 0 && name_count <= NAMES_MAX, BW_EINVAL);
	for (size_t i = 0; i < name_count; i++)
		CHECK(name_is_good(names[i]), BW_EINVAL);
	ca = cert_read(ca_cert_pem);
	ca_key = key_read(ca_key_pem);
	if (!ca || !ca_key)
		err = failed("reading the CA");
	else if (X509_check_ca(ca) != 1 || X509_check_private_key(ca, ca_key) != 1)
		err = failed("the CA's certificate and key do not belong together");
	else
		err = leaf_make(ca, ca_key, key, names, name_count, now_ms, cert_pem, key_pem);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	return err;
}

enum bw_err bw_ca_issue(struct bw_str ca_cert_pem, struct bw_str ca_key_pem, const struct bw_str *names,
    size_t name_count, int64_t now_ms, struct bw_buf *cert_pem, struct bw_buf *key_pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	enum bw_err err = issue(ca_cert_pem, ca_key_pem, key, names, name_count, now_ms, cert_pem, key_pem);

	EVP_PKEY_free(key);
	return err;
}

/* ACM's names of them (ACM API Reference, "KeyAlgorithm"). */
static EVP_PKEY *key_make(struct bw_str algorithm)
{
	static const struct {
		const char *name, *group;
		unsigned bits;
	} kinds[] = {
	    {"RSA_2048", NULL, 2048},
	    {"RSA_3072", NULL, 3072},
	    {"RSA_4096", NULL, 4096},
	    {"EC_prime256v1", "P-256", 0},
	    {"EC_secp384r1", "P-384", 0},
	    {"EC_secp521r1", "P-521", 0},
	};

	for (size_t i = 0; i < BW_COUNT(kinds); i++)
		if (bw_str_eq(algorithm, bw_str_c(kinds[i].name)))
			return kinds[i].group ? EVP_EC_gen(kinds[i].group) : EVP_RSA_gen(kinds[i].bits);
	return NULL;
}

enum bw_err bw_ca_issue_as(struct bw_str ca_cert_pem, struct bw_str ca_key_pem, struct bw_str algorithm,
    const struct bw_str *names, size_t name_count, int64_t now_ms, struct bw_buf *cert_pem, struct bw_buf *key_pem)
{
	EVP_PKEY *key = key_make(algorithm);
	enum bw_err err;

	CHECK(key, BW_EINVAL);
	err = issue(ca_cert_pem, ca_key_pem, key, names, name_count, now_ms, cert_pem, key_pem);
	EVP_PKEY_free(key);
	return err;
}

enum bw_err bw_ca_issue_for(struct bw_str ca_cert_pem, struct bw_str ca_key_pem, struct bw_str key_pem,
    const struct bw_str *names, size_t name_count, int64_t now_ms, struct bw_buf *cert_pem)
{
	EVP_PKEY *key = key_read(key_pem);
	struct bw_buf again;
	enum bw_err err;

	CHECK(key, BW_EINVAL);
	bw_buf_init(&again, PEM_MAX);
	err = issue(ca_cert_pem, ca_key_pem, key, names, name_count, now_ms, cert_pem, &again);
	bw_buf_free(&again);
	EVP_PKEY_free(key);
	return err;
}

static bool public_put(EVP_PKEY *key, struct bw_buf *spki)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	if (n > 0)
		bw_buf_put(spki, bw_str_make(der, (size_t)n));
	OPENSSL_free(der);
	return n > 0 && !spki->failed;
}

enum bw_err bw_key_make(struct bw_str algorithm, struct bw_buf *key_pem, struct bw_buf *spki)
{
	EVP_PKEY *key = key_make(algorithm);
	BIO *bio = BIO_new(BIO_s_secmem());
	bool good = key && bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	            bio_to_buf(bio, key_pem) && public_put(key, spki);
	enum bw_err err = good ? BW_OK : key ? failed("making a key") : BW_EINVAL;

	BIO_free(bio);
	EVP_PKEY_free(key);
	return err;
}

enum bw_err bw_key_public(struct bw_str key_pem, struct bw_buf *spki)
{
	EVP_PKEY *key = key_read(key_pem);
	bool good = key && public_put(key, spki);

	EVP_PKEY_free(key);
	ERR_clear_error();
	return good ? BW_OK : BW_EINVAL;
}
