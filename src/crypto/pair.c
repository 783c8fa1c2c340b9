#include "crypto/pair.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/pem.h"
#include "crypto/x509_parts.h"

enum { CHAIN_MAX = 10 };

static X509 *certificate_read(struct bw_str pem)
{
	BIO *bio = bw_pem_blocks(pem) == 1 ? bw_pem_open(pem) : NULL;
	X509 *cert = bw_pem_certificate(bio);

	BIO_free(bio);
	return cert;
}

static enum bw_pair_fault certificate_fault(struct bw_str pem)
{
	BIO *bio = bw_pem_open(pem);
	X509 *first = bw_pem_certificate(bio), *second = first ? bw_pem_certificate(bio) : NULL;
	enum bw_pair_fault fault = second ? BW_PAIR_SEVERAL : BW_PAIR_CERTIFICATE;

	X509_free(first);
	X509_free(second);
	BIO_free(bio);
	return fault;
}

/* Keys on curves come with their parameters in a block of their own. */
static EVP_PKEY *key_read(struct bw_str pem)
{
	size_t n = bw_pem_blocks(pem);
	bool alone = n == 1 || (n == 2 && bw_str_has(pem, BW_STR("-----BEGIN EC PARAMETERS-----")));
	BIO *bio = alone ? bw_pem_open(pem) : NULL;
	EVP_PKEY *key = bw_pem_key(bio);

	BIO_free(bio);
	return key;
}

static bool is_signed_by(X509 *cert, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && X509_check_issued(issuer, cert) == X509_V_OK && X509_verify(cert, key) == 1;
}

static bool chain_holds(X509 *cert, struct bw_str pem)
{
	BIO *bio = bw_pem_open(pem);
	X509 *below = cert, *next = NULL;
	size_t n = 0;
	bool holds = true;

	while (holds && n < CHAIN_MAX && (next = bw_pem_certificate(bio))) {
		holds = is_signed_by(below, next);
		if (below != cert)
			X509_free(below);
		below = next;
		n++;
	}
	if (below != cert)
		X509_free(below);
	BIO_free(bio);
	return holds && n > 0 && n == bw_pem_blocks(pem);
}

static enum bw_pair_fault key_check(X509 *cert, struct bw_str pem)
{
	EVP_PKEY *key = key_read(pem);
	enum bw_pair_fault fault = !key                                     ? BW_PAIR_KEY
	                           : X509_check_private_key(cert, key) != 1 ? BW_PAIR_MISMATCH
	                                                                    : BW_PAIR_GOOD;

	EVP_PKEY_free(key);
	return fault;
}

enum bw_pair_fault bw_pair_check(
    struct bw_str certificate, struct bw_str key, struct bw_str chain, struct bw_pair_facts *facts)
{
	X509 *cert = certificate_read(certificate);
	enum bw_pair_fault fault = cert && X509_get0_pubkey(cert) ? BW_PAIR_GOOD : certificate_fault(certificate);

	if (fault == BW_PAIR_GOOD) {
		facts->from_ms = x509_time_ms(X509_get0_notBefore(cert));
		facts->until_ms = x509_time_ms(X509_get0_notAfter(cert));
		if (bw_str_set(key))
			fault = key_check(cert, key);
	}
	if (fault == BW_PAIR_GOOD && bw_str_set(chain) && !chain_holds(cert, chain))
		fault = BW_PAIR_CHAIN;
	X509_free(cert);
	ERR_clear_error();
	return fault;
}
