/* Certificates with their keys and chains as people hand them in: one spelling, nothing around it. */
#include "crypto/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { PEM_MAX = 2 * 1024 * 1024, CHAIN_MAX = 100 };

/* Without it, OpenSSL would ask for an encrypted key's passphrase on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *ctx)
{
	(void)out, (void)size, (void)writing, (void)ctx;
	return -1;
}

/* PEM readers skip what they do not know: as many blocks must have been read as there are beginnings. */
static size_t blocks(struct bw_str pem)
{
	static const char begin[] = "-----BEGIN ";
	size_t n = 0;

	for (size_t i = 0; i + sizeof begin - 1 <= pem.n; i++)
		n += memcmp(pem.p + i, begin, sizeof begin - 1) == 0;
	return n;
}

static STACK_OF(X509) * read_all(struct bw_str pem)
{
	BIO *bio = pem.n && pem.n <= PEM_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	STACK_OF(X509) *all = sk_X509_new_null();
	X509 *cert;

	while (bio && all && sk_X509_num(all) < CHAIN_MAX && (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
		if (!sk_X509_push(all, cert))
			X509_free(cert);
	BIO_free(bio);
	ERR_clear_error();
	return all;
}

static EVP_PKEY *key_read(struct bw_str pem)
{
	BIO *bio = pem.n && pem.n <= PEM_MAX && blocks(pem) == 1 ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

static bool strong(EVP_PKEY *key)
{
	char group[64];
	size_t n;

	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096;
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, &n) != 1)
		return false;
	return strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0 || strcmp(group, "secp521r1") == 0;
}

/* Each is signed by the next. */
static bool chained(X509 *leaf, STACK_OF(X509) * chain)
{
	X509 *below = leaf;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *above = sk_X509_value(chain, i);

		if (X509_check_issued(above, below) != X509_V_OK || X509_verify(below, X509_get0_pubkey(above)) != 1)
			return false;
		below = above;
	}
	return true;
}

static enum bw_x509_fault check(STACK_OF(X509) * certs, EVP_PKEY *key, STACK_OF(X509) * chain, struct bw_str cert_pem,
    struct bw_str chain_pem)
{
	X509 *leaf;

	if (!certs || sk_X509_num(certs) != 1 || blocks(cert_pem) != 1)
		return BW_X509_NO_CERTIFICATE;
	leaf = sk_X509_value(certs, 0);
	if (!key)
		return BW_X509_NO_KEY;
	if (X509_check_private_key(leaf, key) != 1)
		return BW_X509_OTHER_KEY;
	if (!strong(key))
		return BW_X509_WEAK;
	if (!bw_str_set(chain_pem))
		return BW_X509_GOOD;
	if (!chain || sk_X509_num(chain) == 0 || (size_t)sk_X509_num(chain) != blocks(chain_pem))
		return BW_X509_NO_CHAIN;
	return chained(leaf, chain) ? BW_X509_GOOD : BW_X509_OTHER_CHAIN;
}

enum bw_x509_fault bw_x509_check(struct bw_str cert_pem, struct bw_str key_pem, struct bw_str chain_pem)
{
	STACK_OF(X509) *certs = read_all(cert_pem), *chain = bw_str_set(chain_pem) ? read_all(chain_pem) : NULL;
	EVP_PKEY *key = key_read(key_pem);
	enum bw_x509_fault fault = check(certs, key, chain, cert_pem, chain_pem);

	EVP_PKEY_free(key);
	sk_X509_pop_free(certs, X509_free);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return fault;
}

enum bw_err bw_x509_key_export(struct bw_str key_pem, struct bw_str passphrase, struct bw_buf *out)
{
	EVP_PKEY *key = key_read(key_pem);
	BIO *bio = BIO_new(BIO_s_secmem());
	bool good = key && bio && passphrase.n && passphrase.n <= 1024 &&
	            PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), passphrase.p, (int)passphrase.n, NULL, NULL) == 1;
	char *p;
	long n = good ? BIO_get_mem_data(bio, &p) : 0;

	if (n > 0)
		bw_buf_put(out, bw_str_make(p, (size_t)n));
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return n > 0 && !out->failed ? BW_OK : BW_EINVAL;
}
