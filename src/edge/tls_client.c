/* What is told of a client's certificate: to targets in X-Amzn-Mtls-* headers, and in connection logs. */
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "codec/uri.h"
#include "edge/log.h"
#include "edge/tls.h"

static void put_escaped(struct bw_str s, struct bw_buf *out)
{
	/* As AWS says: URL-encoded with "+=/" left alone. */
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (bw_uri_unreserved(c) || c == '+' || c == '=' || c == '/')
			bw_buf_put_c(out, c);
		else
			bw_buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

static void put_pem(X509 *cert, struct bw_buf *out)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (b && PEM_write_bio_X509(b, cert) == 1 && (n = BIO_get_mem_data(b, &p)) > 0)
		put_escaped(bw_str_make(p, (size_t)n), out);
	BIO_free(b);
}

/* RFC 2253, with what is no printable ASCII escaped: it becomes a header's value. */
static void put_name(const X509_NAME *name, struct bw_buf *out)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n = 0;

	if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_get_mem_data(b, &p);
	for (long i = 0; i < n; i++)
		if (p[i] >= ' ' && p[i] < 0x7f)
			bw_buf_put_c(out, p[i]);
	BIO_free(b);
}

static void put_time(const ASN1_TIME *t, struct bw_buf *out)
{
	struct tm tm = {0};

	if (ASN1_TIME_to_tm(t, &tm) == 1)
		bw_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_validity(X509 *cert, struct bw_buf *out)
{
	bw_buf_put(out, BW_STR("NotBefore="));
	put_time(X509_get0_notBefore(cert), out);
	bw_buf_put(out, BW_STR(";NotAfter="));
	put_time(X509_get0_notAfter(cert), out);
}

static void put_serial(X509 *cert, struct bw_buf *out)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = n ? BN_bn2hex(n) : NULL;

	bw_buf_put(out, bw_str_c(hex));
	OPENSSL_free(hex);
	BN_free(n);
}

static void put_header_name(
    const struct exchange *x, const char *attribute_name, const char *usual, struct bw_buf *out)
{
	struct bw_str name = attribute(&x->listener->in->attributes, attribute_name);

	bw_buf_put(out, name.n ? name : bw_str_c(usual));
	bw_buf_put(out, BW_STR(": "));
}

static void put_chain(const struct exchange *x, X509 *leaf, struct bw_buf *out)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(x->tls);

	put_header_name(
	    x, "routing.http.request.x_amzn_mtls_clientcert.header_name", "X-Amzn-Mtls-Clientcert", out);
	put_pem(leaf, out);
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (X509_cmp(sk_X509_value(chain, i), leaf) != 0)
			put_pem(sk_X509_value(chain, i), out);
	bw_buf_put(out, BW_STR("\r\n"));
}

static void put_leaf(const struct exchange *x, X509 *leaf, struct bw_buf *out)
{
	put_header_name(x, "routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name",
	    "X-Amzn-Mtls-Clientcert-Serial-Number", out);
	put_serial(leaf, out);
	bw_buf_put(out, BW_STR("\r\n"));
	put_header_name(x, "routing.http.request.x_amzn_mtls_clientcert_issuer.header_name",
	    "X-Amzn-Mtls-Clientcert-Issuer", out);
	put_name(X509_get_issuer_name(leaf), out);
	bw_buf_put(out, BW_STR("\r\n"));
	put_header_name(x, "routing.http.request.x_amzn_mtls_clientcert_subject.header_name",
	    "X-Amzn-Mtls-Clientcert-Subject", out);
	put_name(X509_get_subject_name(leaf), out);
	bw_buf_put(out, BW_STR("\r\n"));
	put_header_name(x, "routing.http.request.x_amzn_mtls_clientcert_validity.header_name",
	    "X-Amzn-Mtls-Clientcert-Validity", out);
	put_validity(leaf, out);
	bw_buf_put(out, BW_STR("\r\n"));
	put_header_name(x, "routing.http.request.x_amzn_mtls_clientcert_leaf.header_name",
	    "X-Amzn-Mtls-Clientcert-Leaf", out);
	put_pem(leaf, out);
	bw_buf_put(out, BW_STR("\r\n"));
}

void tls_emit_client(const struct exchange *x, struct bw_buf *out)
{
	X509 *leaf = SSL_get0_peer_certificate(x->tls);

	if (!leaf)
		return;
	if (tls_passes_through(x->listener))
		put_chain(x, leaf, out);
	else
		put_leaf(x, leaf, out);
}

/* ---- in connection logs ---- */

/* AWS's words for why a handshake with a client's certificate failed. */
static const struct {
	int error;
	const char *word;
} faults[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "ClientCertExpired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "ClientCertNotYetValid"},
    {X509_V_ERR_CERT_REVOKED, "ClientCertCrlHit"},
    {X509_V_ERR_UNABLE_TO_GET_CRL, "ClientCertCrlProcessingError"},
    {X509_V_ERR_CRL_NOT_YET_VALID, "ClientCertCrlProcessingError"},
    {X509_V_ERR_CRL_HAS_EXPIRED, "ClientCertCrlProcessingError"},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, "ClientCertCrlProcessingError"},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, "ClientCertMaxChainDepthExceeded"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "ClientCertUntrusted"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "ClientCertUntrusted"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "ClientCertUntrusted"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "ClientCertUntrusted"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "ClientCertUntrusted"},
    {X509_V_ERR_INVALID_PURPOSE, "ClientCertTypeUnsupported"},
    {X509_V_ERR_CERT_REJECTED, "ClientCertRejected"},
    {X509_V_OK, "UnmappedConnectionError"},
};

static void put_status(const struct ssl_st *tls, bool shaken, struct bw_buf *out)
{
	const char *word = "ClientCertInvalid";
	long error = SSL_get_verify_result(tls);

	if (shaken) {
		bw_buf_put(out, BW_STR("Success"));
		return;
	}
	for (size_t i = 0; i < BW_COUNT(faults); i++)
		if (faults[i].error == error)
			word = faults[i].word;
	bw_buf_printf(out, "Failed:%s", word);
}

static void put_subject(X509 *leaf, struct bw_buf *out)
{
	struct bw_buf name;

	bw_buf_init(&name, 4096);
	if (leaf)
		put_name(X509_get_subject_name(leaf), &name);
	log_put_quoted(bw_buf_str(&name), out);
	bw_buf_free(&name);
}

void tls_log_client(const struct listener *l, const struct ssl_st *tls, bool shaken, struct bw_buf *out)
{
	X509 *leaf = tls && shaken ? SSL_get0_peer_certificate(tls) : NULL;

	put_subject(leaf, out);
	bw_buf_put_c(out, ' ');
	if (leaf) {
		put_validity(leaf, out);
		bw_buf_put_c(out, ' ');
		put_serial(leaf, out);
		bw_buf_put_c(out, ' ');
	} else {
		bw_buf_put(out, BW_STR("- - "));
	}
	if (tls && tls_verifies(l))
		put_status(tls, shaken, out);
	else
		bw_buf_put_c(out, '-');
}
