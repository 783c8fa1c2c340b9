/* Parts of a certificate that several read. */
#pragma once

#include <openssl/x509.h>

#include "base/buf.h"

/* 0: it is no time. */
int64_t x509_time_ms(const ASN1_TIME *t);
/* Its bytes in hexadecimal digits, with colons between them. */
struct bw_str x509_serial_text(X509 *cert, struct bw_arena *arena);
