/* Certificates and their keys as people hand them in: PEM (RFC 7468), checked before they are kept. Any
 * thread. */
#pragma once

#include "base/str.h"

enum bw_pair_fault {
	BW_PAIR_GOOD,
	BW_PAIR_CERTIFICATE, /* not one certificate */
	BW_PAIR_SEVERAL,     /* more than one */
	BW_PAIR_KEY,         /* not one private key without a passphrase */
	BW_PAIR_MISMATCH,    /* the key is not the certificate's */
	BW_PAIR_CHAIN,       /* not the certificates that signed it, each the one before */
};

struct bw_pair_facts {
	int64_t from_ms, until_ms; /* of the certificate's validity */
};

/* `key` and `chain` may be absent, and are then not looked at. Expiry is for the caller to judge. */
enum bw_pair_fault bw_pair_check(
    struct bw_str certificate, struct bw_str key, struct bw_str chain, struct bw_pair_facts *facts);
