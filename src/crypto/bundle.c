/* Bundles of certification authorities and their revocation lists, as people hand them in. */
#include "crypto/crypto.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/pem.h"

enum { CERTIFICATES_MAX = 1000, KEY_BITS_MIN = 2048 };

/* ECDSA keys of any approved curve, RSA of at least 2048 bits. */
static bool key_strong(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (!key)
		return false;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? EVP_PKEY_get_bits(key) >= KEY_BITS_MIN
	                                                 : EVP_PKEY_get_security_bits(key) >= 112;
}

static enum bw_err bundle_read(struct bw_str pem, STACK_OF(X509) * out)
{
	BIO *bio = bw_pem_open(pem);
	X509 *cert;
	size_t n = 0;

	while (n < CERTIFICATES_MAX && (cert = bw_pem_certificate(bio))) {
		n++;
		if (!sk_X509_push(out, cert)) {
			X509_free(cert);
			break;
		}
	}
	BIO_free(bio);
	ERR_clear_error();
	return n > 0 && n == bw_pem_blocks(pem) ? BW_OK : BW_EINVAL;
}

static bool all_authorities(STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_check_ca(sk_X509_value(certs, i)) <= 0 || !key_strong(sk_X509_value(certs, i)))
			return false;
	return true;
}

enum bw_err bw_ca_bundle_check(struct bw_str pem, size_t *count)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	enum bw_err e = certs ? bundle_read(pem, certs) : BW_EINTERNAL;

	if (e == BW_OK && !all_authorities(certs))
		e = BW_EINVAL;
	*count = certs ? (size_t)sk_X509_num(certs) : 0;
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	return e;
}

static bool issued_by_any(X509_CRL *crl, STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *ca = sk_X509_value(certs, i);

		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) == 0 &&
		    X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
			return true;
	}
	return false;
}

enum bw_err bw_crl_check(struct bw_str crl_pem, struct bw_str bundle_pem, size_t *entries)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	BIO *bio = bw_pem_open(crl_pem);
	X509_CRL *crl = bw_pem_revocations(bio);
	enum bw_err e = BW_EINVAL;

	*entries = 0;
	if (crl && certs && bw_pem_blocks(crl_pem) == 1 && bundle_read(bundle_pem, certs) == BW_OK &&
	    issued_by_any(crl, certs)) {
		STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);

		*entries = revoked ? (size_t)sk_X509_REVOKED_num(revoked) : 0;
		e = BW_OK;
	}
	X509_CRL_free(crl);
	BIO_free(bio);
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	return e;
}
