#include "core/tls_policy.h"

#include <string.h>

/* Application and Network Load Balancers Guides, "Security policies": protocols and ciphers of each policy,
 * in the order of preference. */

enum {
	T13 = 1 << 0,    /* AES of TLS 1.3 */
	CHACHA = 1 << 1, /* not in FIPS policies */
	GCM = 1 << 2,    /* ECDHE with AES-GCM */
	SHA2 = 1 << 3,   /* ECDHE with AES-CBC */
	SHA1 = 1 << 4,
	RSA_GCM = 1 << 5, /* without forward secrecy */
	RSA_SHA2 = 1 << 6,
	RSA_SHA1 = 1 << 7,
	DES3 = 1 << 8,
	T13_256 = 1 << 9, /* the parts of T13, GCM and RSA_GCM that RFC 9151 takes */
	GCM_256 = 1 << 10,
	RSA_GCM_256 = 1 << 11,
	MODERN = T13 | CHACHA,
	FS = GCM | SHA2 | SHA1,
	NO_FS = RSA_GCM | RSA_SHA2 | RSA_SHA1,
};

/* In the usual order of preference. */
static const struct {
	const char *name; /* OpenSSL's, which is AWS's */
	unsigned groups;  /* a policy with any of these has it */
} ciphers[] = {
    {"TLS_AES_128_GCM_SHA256", T13},
    {"TLS_AES_256_GCM_SHA384", T13 | T13_256},
    {"TLS_CHACHA20_POLY1305_SHA256", CHACHA},
    {"ECDHE-ECDSA-AES128-GCM-SHA256", GCM},
    {"ECDHE-RSA-AES128-GCM-SHA256", GCM},
    {"ECDHE-ECDSA-AES128-SHA256", SHA2},
    {"ECDHE-RSA-AES128-SHA256", SHA2},
    {"ECDHE-ECDSA-AES128-SHA", SHA1},
    {"ECDHE-RSA-AES128-SHA", SHA1},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", GCM | GCM_256},
    {"ECDHE-RSA-AES256-GCM-SHA384", GCM | GCM_256},
    {"ECDHE-ECDSA-AES256-SHA384", SHA2},
    {"ECDHE-RSA-AES256-SHA384", SHA2},
    {"ECDHE-RSA-AES256-SHA", SHA1},
    {"ECDHE-ECDSA-AES256-SHA", SHA1},
    {"AES128-GCM-SHA256", RSA_GCM},
    {"AES128-SHA256", RSA_SHA2},
    {"AES128-SHA", RSA_SHA1},
    {"AES256-GCM-SHA384", RSA_GCM | RSA_GCM_256},
    {"AES256-SHA256", RSA_SHA2},
    {"AES256-SHA", RSA_SHA1},
    {"DES-CBC3-SHA", DES3},
};

_Static_assert(BW_COUNT(ciphers) == BW_TLS_CIPHERS, "as the header says");

const struct bw_tls_policy bw_tls_policies[] = {
    {"ELBSecurityPolicy-2016-08", BW_TLS10 | BW_TLS11 | BW_TLS12, FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", BW_TLS12 | BW_TLS13, MODERN | GCM},
    {"ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", BW_TLS12 | BW_TLS13, MODERN | GCM | SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", BW_TLS12 | BW_TLS13,
        MODERN | GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09", BW_TLS12 | BW_TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", BW_TLS13, MODERN},
    {"ELBSecurityPolicy-TLS13-1-0-PQ-2025-09", BW_TLS10 | BW_TLS11 | BW_TLS12 | BW_TLS13,
        MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", BW_TLS12 | BW_TLS13, MODERN | GCM},
    {"ELBSecurityPolicy-TLS13-1-2-2021-06", BW_TLS12 | BW_TLS13, MODERN | GCM | SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", BW_TLS12 | BW_TLS13,
        MODERN | GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", BW_TLS12 | BW_TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-1-2021-06", BW_TLS11 | BW_TLS12 | BW_TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-0-2021-06", BW_TLS10 | BW_TLS11 | BW_TLS12 | BW_TLS13, MODERN | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-3-2021-06", BW_TLS13, MODERN},
    {"ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", BW_TLS13, T13},
    {"ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", BW_TLS12 | BW_TLS13, T13 | GCM},
    {"ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", BW_TLS12 | BW_TLS13, T13 | GCM | SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04", BW_TLS12 | BW_TLS13, T13 | FS},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04", BW_TLS12 | BW_TLS13,
        T13 | GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04", BW_TLS12 | BW_TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", BW_TLS11 | BW_TLS12 | BW_TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", BW_TLS10 | BW_TLS11 | BW_TLS12 | BW_TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", BW_TLS13, T13},
    {"ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", BW_TLS12 | BW_TLS13, T13 | GCM},
    {"ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", BW_TLS12 | BW_TLS13, T13 | GCM | SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09", BW_TLS12 | BW_TLS13, T13 | FS},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09", BW_TLS12 | BW_TLS13,
        T13 | GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09", BW_TLS12 | BW_TLS13, T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09", BW_TLS10 | BW_TLS11 | BW_TLS12 | BW_TLS13,
        T13 | FS | NO_FS},
    {"ELBSecurityPolicy-TLS13-1-3-RFC9151-FIPS-2023-07", BW_TLS13, T13_256, .cnsa = BW_TLS_CNSA_ONLY},
    {"ELBSecurityPolicy-TLS13-1-2-RFC9151-FIPS-2023-07", BW_TLS12 | BW_TLS13, T13_256 | GCM_256,
        .cnsa = BW_TLS_CNSA_ONLY},
    {"ELBSecurityPolicy-TLS13-1-2-Ext0-RFC9151-FIPS-2023-07", BW_TLS12 | BW_TLS13,
        T13_256 | GCM_256 | RSA_GCM_256, .cnsa = BW_TLS_CNSA_ONLY},
    {"ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP1-FIPS-2023-07", BW_TLS12 | BW_TLS13, T13 | GCM,
        .cnsa = BW_TLS_CNSA_FIRST},
    {"ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP2-FIPS-2023-07", BW_TLS12 | BW_TLS13, T13 | GCM | SHA2,
        .cnsa = BW_TLS_CNSA_FIRST},
    {"ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP3-FIPS-2023-07", BW_TLS12 | BW_TLS13, T13 | FS,
        .cnsa = BW_TLS_CNSA_FIRST},
    {"ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP4-FIPS-2023-07", BW_TLS12 | BW_TLS13, T13 | FS | NO_FS,
        .cnsa = BW_TLS_CNSA_FIRST},
    {"ELBSecurityPolicy-TLS-1-2-2017-01", BW_TLS12, GCM | SHA2 | RSA_GCM | RSA_SHA2},
    {"ELBSecurityPolicy-TLS-1-1-2017-01", BW_TLS11 | BW_TLS12, FS | NO_FS},
    {"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", BW_TLS12, FS | NO_FS},
    {"ELBSecurityPolicy-FS-2018-06", BW_TLS10 | BW_TLS11 | BW_TLS12, FS},
    {"ELBSecurityPolicy-FS-1-1-2019-08", BW_TLS11 | BW_TLS12, FS},
    {"ELBSecurityPolicy-FS-1-2-2019-08", BW_TLS12, FS},
    {"ELBSecurityPolicy-FS-1-2-Res-2019-08", BW_TLS12, GCM | SHA2},
    {"ELBSecurityPolicy-FS-1-2-Res-2020-10", BW_TLS12, GCM},
    {"ELBSecurityPolicy-TLS-1-0-2015-04", BW_TLS10 | BW_TLS11 | BW_TLS12, FS | NO_FS | DES3},
    {"ELBSecurityPolicy-2015-05", BW_TLS10 | BW_TLS11 | BW_TLS12, FS | NO_FS, .network_only = true},
};

const size_t bw_tls_policy_count = BW_COUNT(bw_tls_policies);

const struct bw_tls_policy *bw_tls_policy_find(struct bw_str name)
{
	for (size_t i = 0; i < bw_tls_policy_count; i++)
		if (bw_str_eq(name, bw_str_c(bw_tls_policies[i].name)))
			return &bw_tls_policies[i];
	return NULL;
}

/* Lower comes first: TLS 1.3, then forward secrecy, and of each the strong ones. */
static int cnsa_rank(const char *name)
{
	int kind = strncmp(name, "TLS_", 4) == 0 ? 0 : strncmp(name, "ECDHE-", 6) == 0 ? 1 : 2;

	return 2 * kind + (strstr(name, "256_GCM") == NULL && strstr(name, "AES256") == NULL);
}

size_t bw_tls_policy_ciphers(const struct bw_tls_policy *p, const char *names[BW_TLS_CIPHERS])
{
	size_t n = 0;

	for (int rank = 0; rank < (p->cnsa ? 6 : 1); rank++)
		for (size_t i = 0; i < BW_COUNT(ciphers); i++)
			if ((ciphers[i].groups & p->ciphers) &&
			    (!p->cnsa || cnsa_rank(ciphers[i].name) == rank))
				names[n++] = ciphers[i].name;
	return n;
}
