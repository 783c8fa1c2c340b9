#include "crypto/x509.h"

#include <openssl/err.h>

#include "crypto/pem.h"

enum { PEM_MAX = 64 * 1024, PASSPHRASE_MAX = 1024 };

static EVP_PKEY *key_read(struct bw_str pem)
{
	BIO *bio = pem.n && pem.n <= PEM_MAX ? bw_pem_open(pem) : NULL;
	EVP_PKEY *key = bw_pem_key(bio);

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

enum bw_err bw_x509_key_export(struct bw_str key_pem, struct bw_str passphrase, struct bw_buf *out)
{
	EVP_PKEY *key = key_read(key_pem);
	BIO *bio = BIO_new(BIO_s_secmem());
	bool good = key && bio && passphrase.n && passphrase.n <= PASSPHRASE_MAX &&
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
