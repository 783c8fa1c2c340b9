/* AWS's security policies: which protocols and ciphers a listener offers. The API describes them, the edge
 * obeys. */
#pragma once

#include "base/str.h"

enum bw_tls_protocol {
	BW_TLS10 = 1 << 0,
	BW_TLS11 = 1 << 1,
	BW_TLS12 = 1 << 2,
	BW_TLS13 = 1 << 3,
};

/* A cipher is in a policy with all of its group or not at all. */
struct bw_tls_cipher_row {
	const char *name; /* OpenSSL's, which is AWS's */
	unsigned group;
};

struct bw_tls_policy {
	const char *name;
	unsigned protocols; /* bits of enum bw_tls_protocol */
	unsigned ciphers;   /* bits of groups */
	bool network_only;
};

extern const struct bw_tls_cipher_row bw_tls_ciphers[]; /* in the order of preference */
extern const size_t bw_tls_cipher_count;
extern const struct bw_tls_policy bw_tls_policies[];
extern const size_t bw_tls_policy_count;

/* NULL: there is none of that name. */
const struct bw_tls_policy *bw_tls_policy_find(struct bw_str name);
