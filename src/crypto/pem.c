#include "crypto/pem.h"

#include <limits.h>

size_t bw_pem_blocks(struct bw_str pem)
{
	static const char begin[] = "-----BEGIN ";
	size_t n = 0;

	for (size_t i = 0; i + sizeof begin - 1 <= pem.n; i++)
		n += memcmp(pem.p + i, begin, sizeof begin - 1) == 0;
	return n;
}

BIO *bw_pem_open(struct bw_str pem)
{
	return pem.n <= INT_MAX ? BIO_new_mem_buf(pem.n ? pem.p : "", (int)pem.n) : NULL;
}

static int no_passphrase(char *to, int size, int writing, void *ctx)
{
	(void)to, (void)size, (void)writing, (void)ctx;
	return -1;
}

X509 *bw_pem_certificate(BIO *from)
{
	return from ? PEM_read_bio_X509(from, NULL, no_passphrase, NULL) : NULL;
}

X509_CRL *bw_pem_revocations(BIO *from)
{
	return from ? PEM_read_bio_X509_CRL(from, NULL, no_passphrase, NULL) : NULL;
}

X509_REQ *bw_pem_request(BIO *from)
{
	return from ? PEM_read_bio_X509_REQ(from, NULL, no_passphrase, NULL) : NULL;
}

EVP_PKEY *bw_pem_key(BIO *from)
{
	return from ? PEM_read_bio_PrivateKey(from, NULL, no_passphrase, NULL) : NULL;
}

EVP_PKEY *bw_pem_public_key(BIO *from)
{
	return from ? PEM_read_bio_PUBKEY(from, NULL, no_passphrase, NULL) : NULL;
}
