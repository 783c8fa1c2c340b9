#include "core/tls_policy.h"

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
	MODERN = T13 | CHACHA,
	FS = GCM | SHA2 | SHA1,
	NO_FS = RSA_GCM | RSA_SHA2 | RSA_SHA1,
};

const struct bw_tls_cipher_row bw_tls_ciphers[] = {
    {"TLS_AES_128_GCM_SHA256", T13},
    {"TLS_AES_256_GCM_SHA384", T13},
    {"TLS_CHACHA20_POLY1305_SHA256", CHACHA},
    {"ECDHE-ECDSA-AES128-GCM-SHA256", GCM},
    {"ECDHE-RSA-AES128-GCM-SHA256", GCM},
    {"ECDHE-ECDSA-AES128-SHA256", SHA2},
    {"ECDHE-RSA-AES128-SHA256", SHA2},
    {"ECDHE-ECDSA-AES128-SHA", SHA1},
    {"ECDHE-RSA-AES128-SHA", SHA1},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", GCM},
    {"ECDHE-RSA-AES256-GCM-SHA384", GCM},
    {"ECDHE-ECDSA-AES256-SHA384", SHA2},
    {"ECDHE-RSA-AES256-SHA384", SHA2},
    {"ECDHE-RSA-AES256-SHA", SHA1},
    {"ECDHE-ECDSA-AES256-SHA", SHA1},
    {"AES128-GCM-SHA256", RSA_GCM},
    {"AES128-SHA256", RSA_SHA2},
    {"AES128-SHA", RSA_SHA1},
    {"AES256-GCM-SHA384", RSA_GCM},
    {"AES256-SHA256", RSA_SHA2},
    {"AES256-SHA", RSA_SHA1},
    {"DES-CBC3-SHA", DES3},
};

const size_t bw_tls_cipher_count = BW_COUNT(bw_tls_ciphers);

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
