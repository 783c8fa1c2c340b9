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

/* RFC 9151, the profile of the Commercial National Security Algorithm suite: P-384, SHA-384, AES-256. */
enum bw_tls_cnsa {
	BW_TLS_CNSA_NO,
	BW_TLS_CNSA_FIRST, /* where the client has it */
	BW_TLS_CNSA_ONLY,
};

enum { BW_TLS_CIPHERS = 22 /* that there are in all */ };

struct bw_tls_policy {
	const char *name;
	unsigned protocols; /* bits of enum bw_tls_protocol */
	unsigned ciphers;   /* bits of groups */
	bool network_only;
	enum bw_tls_cnsa cnsa;
};

extern const struct bw_tls_policy bw_tls_policies[];
extern const size_t bw_tls_policy_count;

/* NULL: there is none of that name. */
const struct bw_tls_policy *bw_tls_policy_find(struct bw_str name);
/* Its ciphers in the order of preference, and how many they are. */
size_t bw_tls_policy_ciphers(const struct bw_tls_policy *p, const char *names[BW_TLS_CIPHERS]);
