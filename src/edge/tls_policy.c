/* AWS's security policies as OpenSSL takes them, and what came of them. */
#include <openssl/obj_mac.h>
#include <openssl/ssl.h>

#include "core/tls_policy.h"
#include "edge/tls.h"

/* What of the policy OpenSSL takes: the names of TLS 1.3 apart from the others. */
static void ciphers_list(const struct bw_tls_policy *p, bool tls13, char *out, size_t size)
{
	const char *names[BW_TLS_CIPHERS];
	size_t count = bw_tls_policy_ciphers(p, names), n = 0;

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(names[i]);

		if ((strncmp(names[i], "TLS_", 4) == 0) != tls13)
			continue;
		MUST(n + length + 2 <= size);
		if (n)
			out[n++] = ':';
		memcpy(out + n, names[i], length);
		n += length;
	}
	out[n] = '\0';
}

static int version_of(unsigned protocols, bool least)
{
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
	int found = TLS1_2_VERSION;

	for (size_t i = 0; i < BW_COUNT(versions); i++)
		if (protocols >> i & 1) {
			found = versions[i];
			if (least)
				break;
		}
	return found;
}

/* Curves and signatures of RFC 9151 (sections 4 and 5), alone or in front. */
static bool cnsa_apply(SSL_CTX *ctx, enum bw_tls_cnsa cnsa)
{
	static const struct {
		const char *groups, *signatures;
	} lists[] = {
	    [BW_TLS_CNSA_FIRST] = {"P-384:P-256:P-521",
	        "ECDSA+SHA384:rsa_pss_pss_sha384:rsa_pss_rsae_sha384:RSA+SHA384:ECDSA+SHA256:rsa_pss_pss_"
	        "sha256:rsa_pss_rsae_sha256:RSA+SHA256:"
	        "ECDSA+SHA512:rsa_pss_pss_sha512:rsa_pss_rsae_sha512:RSA+SHA512"},
	    [BW_TLS_CNSA_ONLY] = {"P-384", "ECDSA+SHA384:rsa_pss_pss_sha384:rsa_pss_rsae_sha384:RSA+SHA384"},
	};

	return cnsa == BW_TLS_CNSA_NO || (SSL_CTX_set1_groups_list(ctx, lists[cnsa].groups) == 1 &&
	                                     SSL_CTX_set1_sigalgs_list(ctx, lists[cnsa].signatures) == 1);
}

/* One that is not known here is as the strictest of TLS 1.2. */
static const struct bw_tls_policy *policy_of(struct bw_str name)
{
	const struct bw_tls_policy *p = bw_tls_policy_find(name);

	return p ? p : bw_tls_policy_find(BW_STR("ELBSecurityPolicy-TLS13-1-2-Res-2021-06"));
}

bool tls_policy_takes(struct bw_str name, const struct evp_pkey_st *key)
{
	int bits = EVP_PKEY_get_bits(key);

	if (policy_of(name)->cnsa != BW_TLS_CNSA_ONLY)
		return true;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? bits == 384 : bits >= 3072;
}

bool tls_policy_apply(struct ssl_ctx_st *ctx, struct bw_str name)
{
	const struct bw_tls_policy *p = policy_of(name);
	char older[1024], newer[256];

	ciphers_list(p, false, older, sizeof older);
	ciphers_list(p, true, newer, sizeof newer);
	/* OpenSSL offers SHA-1 handshakes, which the old versions need, only at level 0. */
	if (p->protocols & (BW_TLS10 | BW_TLS11))
		SSL_CTX_set_security_level(ctx, 0);
	return SSL_CTX_set_min_proto_version(ctx, version_of(p->protocols, true)) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, version_of(p->protocols, false)) == 1 &&
	       (!older[0] || SSL_CTX_set_cipher_list(ctx, older) == 1) &&
	       (!newer[0] || SSL_CTX_set_ciphersuites(ctx, newer) == 1) && cnsa_apply(ctx, p->cnsa);
}

const char *tls_key_exchange(const struct ssl_st *tls)
{
	static const struct {
		int nid;
		const char *name;
	} groups[] = {{NID_X25519, "x25519"}, {NID_X9_62_prime256v1, "secp256r1"},
	    {NID_secp384r1, "secp384r1"}, {NID_secp521r1, "secp521r1"}, {NID_X448, "x448"},
	    {NID_ffdhe2048, "ffdhe2048"}, {NID_ffdhe3072, "ffdhe3072"}};
	long nid = tls ? SSL_get_negotiated_group((struct ssl_st *)(uintptr_t)tls) : 0;

	for (size_t i = 0; i < BW_COUNT(groups); i++)
		if (groups[i].nid == nid)
			return groups[i].name;
	return "-";
}
