/* PEM from anywhere, read by OpenSSL. What is encrypted is not read: there is nobody here to be asked for its passphrase, and OpenSSL, left alone,
 * asks on the terminal that a server was started from, and waits. Any thread. */
#pragma once

#include <openssl/pem.h>

#include "base/str.h"

/* How many begin in it: readers skip what they do not know, so as many must have been read. */
size_t bw_pem_blocks(struct bw_str pem);
/* A text to read from, which must outlive it. NULL, from which nothing is read, for one that is too long. The caller frees. */
BIO *bw_pem_open(struct bw_str pem);
/* The next one; NULL when none follows that can be read. The caller frees. */
X509 *bw_pem_certificate(BIO *from);
X509_CRL *bw_pem_revocations(BIO *from);
X509_REQ *bw_pem_request(BIO *from);
EVP_PKEY *bw_pem_key(BIO *from);
EVP_PKEY *bw_pem_public_key(BIO *from);
