/* Certificates by name and by what the client can do with them (ALB User Guide, "SSL certificates": ECDSA before RSA, the
 * longer key, the later end), and protocols (NLB User Guide, "ALPN policies"). */
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "edge/tls_choose.h"

/* ---- certificates ---- */

static bool signature_known(SSL *tls, int kind)
{
	int n = SSL_get_sigalgs(tls, 0, NULL, NULL, NULL, NULL, NULL), sign;

	for (int i = 0; i < n; i++)
		if (SSL_get_sigalgs(tls, i, &sign, NULL, NULL, NULL, NULL) > 0 &&
		    (sign == kind || (kind == EVP_PKEY_RSA && sign == EVP_PKEY_RSA_PSS)))
			return true;
	return false;
}

static bool cipher_ours(SSL *tls, const SSL_CIPHER *c)
{
	STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(tls);

	for (int i = 0; i < sk_SSL_CIPHER_num(ours); i++)
		if (SSL_CIPHER_get_id(sk_SSL_CIPHER_value(ours, i)) == SSL_CIPHER_get_id(c))
			return true;
	return false;
}

static bool cipher_common(SSL *tls, int authentication)
{
	const unsigned char *p = NULL;
	long n = SSL_get0_raw_cipherlist(tls, &p); /* bytes, two a cipher */

	for (long i = 0; p && i + 1 < n; i += 2) {
		const SSL_CIPHER *c = SSL_CIPHER_find(tls, p + i);

		if (c && SSL_CIPHER_get_auth_nid(c) == authentication && cipher_ours(tls, c))
			return true;
	}
	return false;
}

/* Whether the client can do with a key of that kind: since TLS 1.3 its signature algorithms tell, before that its ciphers. */
static bool client_can(SSL *tls, int kind)
{
	if (SSL_version(tls) >= TLS1_3_VERSION)
		return signature_known(tls, kind);
	return cipher_common(tls, kind == EVP_PKEY_EC ? NID_auth_ecdsa : NID_auth_rsa);
}

static bool client_uses(SSL *tls, const SSL_CTX *ctx)
{
	return client_can(tls, EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_CTX_get0_certificate(ctx))));
}

static bool better(SSL *tls, X509 *a, X509 *b)
{
	EVP_PKEY *ka = X509_get0_pubkey(a), *kb = X509_get0_pubkey(b);
	int kind_a = EVP_PKEY_get_base_id(ka), kind_b = EVP_PKEY_get_base_id(kb);
	bool can_a = client_can(tls, kind_a), can_b = client_can(tls, kind_b);

	if (can_a != can_b)
		return can_a;
	if (kind_a != kind_b)
		return kind_a == EVP_PKEY_EC;
	if (EVP_PKEY_get_bits(ka) != EVP_PKEY_get_bits(kb))
		return EVP_PKEY_get_bits(ka) > EVP_PKEY_get_bits(kb);
	return ASN1_TIME_compare(X509_get0_notAfter(a), X509_get0_notAfter(b)) > 0;
}

static bool named(const SSL_CTX *ctx, const char *name)
{
	return X509_check_host(SSL_CTX_get0_certificate(ctx), name, 0, 0, NULL) == 1;
}

SSL_CTX *tls_choose(SSL *tls, SSL_CTX *const *contexts, size_t n)
{
	const char *name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *best = NULL;

	for (size_t i = 1; name && i < n; i++)
		if (named(contexts[i], name) &&
		    (!best || better(tls, SSL_CTX_get0_certificate(contexts[i]), SSL_CTX_get0_certificate(best))))
			best = contexts[i];
	/* The default one is not among those that are compared; it is there for whom none of them serves. */
	if (name && n && (!best || !client_uses(tls, best)) && named(contexts[0], name))
		best = contexts[0];
	return best;
}

/* ---- protocols ---- */

struct tls_protocols {
	const char *policy;
	const char *list; /* as on the wire, by preference */
	bool must;        /* a client that offers others only is refused (RFC 7301, 3.2); else it is answered without */
};

static const struct tls_protocols policies[] = {
    {"HTTP1Only", "\x08http/1.1\x08http/1.0", false},
    {"HTTP2Only", "\x02h2", false},
    {"HTTP2Optional", "\x08http/1.1\x08http/1.0\x02h2", false},
    {"HTTP2Preferred", "\x02h2\x08http/1.1\x08http/1.0", false},
};
static const struct tls_protocols https[] = {{"", "\x08http/1.1", true}, {"", "\x02h2\x08http/1.1", true}};

const struct tls_protocols *tls_protocols_of(struct bw_str policy)
{
	for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
		if (bw_str_eq(policy, bw_str_c(policies[i].policy)))
			return &policies[i];
	return NULL;
}

const struct tls_protocols *tls_protocols_https(bool http2)
{
	return &https[http2];
}

int tls_protocol_choose(const struct tls_protocols *p, const unsigned char **out, unsigned char *out_n,
    const unsigned char *in, unsigned in_n)
{
	unsigned char *chosen;

	if (!p)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_select_next_proto(&chosen, out_n, (const unsigned char *)p->list, (unsigned)strlen(p->list), in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return p->must ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}
