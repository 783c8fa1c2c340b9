/* OpenSSL's own keys, for the files of crypto/ alone. */
#pragma once

#include <openssl/evp.h>

#include "base/str.h"

/* NULL when the numbers are no key. The owner frees. */
EVP_PKEY *evp_rsa_public(struct bw_str modulus, struct bw_str exponent);
/* `group` is OpenSSL's name; the point is uncompressed. NULL when it is none of the curve. The owner frees.
 */
EVP_PKEY *evp_ec_public(const char *group, struct bw_str point);
