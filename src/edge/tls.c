/* TLS of listeners: certificates chosen by the name asked for, AWS's security policies, mutual TLS. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "crypto/pem.h"
#include "edge/tls.h"
#include "edge/tls_choose.h"
#include "edge/worker.h"
#include "net/tls.h"

struct tls_set {
	struct edge *edge;
	int references; /* of listeners, and of connections */
	char digest[65];
	SSL_CTX **contexts; /* one a certificate; the default first */
	char **arns;        /* of each */
	size_t count;
	size_t bytes; /* of OpenSSL's memory */
	const struct tls_protocols *protocols; /* NULL: none are negotiated */
	bool passthrough, ignore_expiry;
};

/* ---- certificates ---- */

static int name_asked(SSL *ssl, int *alert, void *arg)
{
	struct tls_set *s = arg;
	SSL_CTX *ctx = tls_choose(ssl, s->contexts, s->count);

	(void)alert;
	if (!ctx)
		return SSL_TLSEXT_ERR_NOACK; /* the default one, as ALB does */
	(void)SSL_set_SSL_CTX(ssl, ctx);
	return SSL_TLSEXT_ERR_OK;
}

static int alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
    unsigned int in_n, void *arg)
{
	const struct tls_set *s = arg;

	(void)ssl;
	return tls_protocol_choose(s->protocols, out, out_n, in, in_n);
}

/* ---- mutual TLS ---- */

static int verified(int good, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_set *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (good || s->passthrough)
		return 1;
	return s->ignore_expiry && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_HAS_EXPIRED;
}

static bool authorities_use(X509_STORE *store, struct bw_str pem)
{
	BIO *b = bw_pem_open(pem);
	X509 *cert;
	int n = 0;

	for (; (cert = bw_pem_certificate(b)) != NULL; n++) {
		(void)X509_STORE_add_cert(store, cert);
		X509_free(cert);
	}
	BIO_free(b);
	return n > 0;
}

/* The names of those whose certificates are taken, for clients that have several. */
static void authorities_advertise(SSL_CTX *ctx, struct bw_str pem)
{
	BIO *b = bw_pem_open(pem);
	X509 *cert;

	for (; (cert = bw_pem_certificate(b)) != NULL; X509_free(cert))
		(void)SSL_CTX_add_client_CA(ctx, cert);
	BIO_free(b);
}

/* A trust store that cannot be read trusts nobody: the listener does not open. */
static bool clients_verify(struct tls_set *s, SSL_CTX *ctx, const struct bw_edge_listener *in)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);

	if (bw_str_eq(in->client_mode, BW_STR("passthrough"))) {
		s->passthrough = true;
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, verified);
		return true;
	}
	if (!bw_str_eq(in->client_mode, BW_STR("verify")))
		return !in->client_mode.n || bw_str_eq(in->client_mode, BW_STR("off"));
	s->ignore_expiry = in->client_ignore_expiry;
	if (!authorities_use(store, in->client_ca_pem) || !tls_revocations_use(store, &in->client_crls))
		return false;
	if (in->client_advertise)
		authorities_advertise(ctx, in->client_ca_pem);
	SSL_CTX_set_verify_depth(ctx, 4);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verified);
	return true;
}

/* ---- sets ---- */

/* NULL, or why not. */
static const char *context_fill(
    struct tls_set *s, SSL_CTX *ctx, const struct bw_edge_listener *in, const struct bw_edge_certificate *c)
{
	if (!tls_policy_apply(ctx, in->ssl_policy))
		return "this machine's OpenSSL lacks what the security policy asks for";
	if (!bw_tls_chain_use(ctx, c->chain_pem) || !bw_tls_key_use(ctx, c->key_pem))
		return "the certificate or its key cannot be used";
	if (!tls_policy_takes(in->ssl_policy, SSL_CTX_get0_privatekey(ctx)))
		return "the security policy takes certificates with keys of P-384 or of RSA with 3072 bits and more";
	return clients_verify(s, ctx, in) ? NULL : "the trust store cannot be used";
}

static SSL_CTX *context_make(struct tls_set *s, const struct bw_edge_listener *in, const struct bw_edge_certificate *c,
    const char **reason)
{
	static const unsigned char session_scope[] = "edge";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	MUST(ctx != NULL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
	                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF |
	                             SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	/* The chain is the certificate's own: clients' authorities are nobody's business. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                          SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(ctx, 1); /* a record in one read of the socket instead of two */
	SSL_CTX_set_app_data(ctx, s);
	(void)SSL_CTX_set_session_id_context(ctx, session_scope, sizeof session_scope - 1);
	SSL_CTX_set_tlsext_servername_callback(ctx, name_asked);
	SSL_CTX_set_tlsext_servername_arg(ctx, s);
	SSL_CTX_set_alpn_select_cb(ctx, alpn_select, s);
	*reason = context_fill(s, ctx, in, c);
	ERR_clear_error();
	if (!*reason)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static void digest_of(const struct bw_edge_listener *in, bool http2, char out[65])
{
	struct bw_edge_load_balancer lb = {.listeners = in, .listener_count = 1};
	struct bw_edge_listener alone = *in;
	struct bw_edge_image image = {.load_balancers = &lb, .load_balancer_count = 1, .version = http2};
	struct bw_buf bytes, hex;
	unsigned char digest[32];

	/* The rules change oftener than the certificates, and say nothing of TLS. */
	alone.rule_count = 0;
	alone.attributes.n = 0;
	lb.listeners = &alone;
	bw_buf_init(&bytes, BW_EDGE_IMAGE_MAX);
	bw_edge_image_encode(&image, &bytes);
	bw_sha256(bw_buf_str(&bytes), digest);
	bw_buf_free(&bytes);
	bw_buf_init(&hex, 64);
	bw_buf_put_hex(&hex, digest, sizeof digest);
	memcpy(out, hex.p, 64);
	out[64] = '\0';
	bw_buf_free(&hex);
}

void tls_set_release(struct tls_set *s)
{
	if (!s || --s->references)
		return;
	bw_map_del(&s->edge->tls_sets, bw_str_c(s->digest));
	s->edge->tls_sets_bytes -= s->bytes;
	for (size_t i = 0; i < s->count; i++) {
		SSL_CTX_free(s->contexts[i]);
		bw_free(s->arns[i]);
	}
	bw_free(s->contexts);
	bw_free(s->arns);
	bw_free(s);
}

static bool certificates_use(struct tls_set *s, const struct bw_edge_listener *in, bool defaults, const char **reason)
{
	for (size_t i = 0; i < in->certificate_count; i++) {
		SSL_CTX *ctx;

		if (in->certificates[i].is_default != defaults)
			continue;
		ctx = context_make(s, in, &in->certificates[i], reason);
		if (!ctx && defaults)
			return false;
		if (!ctx)
			continue;
		s->arns[s->count] = bw_strdup(in->certificates[i].arn);
		s->contexts[s->count++] = ctx;
	}
	return s->count > 0;
}

/* ---- when certificates end ---- */

int64_t tls_ends_ms(const struct listener *l, struct bw_str *arn)
{
	const struct tls_set *s = l->tls_set;
	int64_t first_ms = INT64_MAX;

	for (size_t i = 0; s && i < s->count; i++) {
		const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(s->contexts[i]));
		struct tm at;

		if (ASN1_TIME_to_tm(end, &at) != 1 || (int64_t)timegm(&at) * 1000 >= first_ms)
			continue;
		first_ms = (int64_t)timegm(&at) * 1000;
		*arn = bw_str_c(s->arns[i]);
	}
	return first_ms;
}

/* ---- sets, shared by listeners with the same certificates ---- */

struct tls_set *tls_set_make(
    struct edge *e, const struct bw_edge_listener *in, bool http2, const char **reason)
{
	struct tls_set *s;
	char digest[65];
	size_t before, after;

	digest_of(in, http2, digest);
	s = bw_map_get(&e->tls_sets, bw_str_c(digest));
	if (s) {
		s->references++;
		return s;
	}
	s = bw_alloc(sizeof *s);
	*s = (struct tls_set){.edge = e, .references = 1};
	s->protocols = !bw_str_eq(in->protocol, BW_STR("TLS")) ? tls_protocols_https(http2)
	               : in->alpn.n                            ? tls_protocols_of(in->alpn.v[0])
	                                                       : NULL;
	memcpy(s->digest, digest, sizeof digest);
	s->contexts = bw_alloc((in->certificate_count + 1) * sizeof(SSL_CTX *));
	s->arns = bw_alloc((in->certificate_count + 1) * sizeof(char *));
	*reason = "there is no certificate";
	before = bw_tls_held_bytes();
	if (!certificates_use(s, in, true, reason) || !certificates_use(s, in, false, reason)) {
		tls_set_release(s);
		return NULL;
	}
	after = bw_tls_held_bytes();
	s->bytes = after > before ? after - before : 0;
	e->tls_sets_bytes += s->bytes;
	bw_map_put(&e->tls_sets, bw_str_c(s->digest), s);
	return s;
}

static void held_release(void *parent, void *set, CRYPTO_EX_DATA *data, int index, long n, void *arg)
{
	(void)parent, (void)data, (void)index, (void)n, (void)arg;
	tls_set_release(set);
}

/* Whoever has connected and not yet said hello when another image comes is asked by this set: OpenSSL keeps
 * the context for a connection, and knows of nothing behind it. */
static void set_hold(struct tls_set *s, SSL *tls)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, held_release);
	MUST(index >= 0 && SSL_set_ex_data(tls, index, s) == 1);
	s->references++;
}

struct ssl_st *tls_accept(const struct listener *l, int fd)
{
	SSL *tls = bw_tls_accept(l->tls_set->contexts[0], fd);

	set_hold(l->tls_set, tls);
	return tls;
}

bool tls_chose_http2(const struct ssl_st *tls)
{
	const unsigned char *p;
	unsigned n;

	SSL_get0_alpn_selected(tls, &p, &n);
	return n == 2 && memcmp(p, "h2", 2) == 0;
}

void tls_offer_http2(struct ssl_st *tls)
{
	static const unsigned char h2[] = {2, 'h', '2'};

	MUST(SSL_set_alpn_protos(tls, h2, sizeof h2) == 0);
}

void tls_offer_same(struct ssl_st *tls, const struct ssl_st *client)
{
	const unsigned char *p = NULL;
	unsigned char list[256];
	unsigned n = 0;

	if (client)
		SSL_get0_alpn_selected(client, &p, &n);
	if (n >= sizeof list)
		n = 0;
	list[0] = (unsigned char)n;
	if (n)
		memcpy(list + 1, p, n);
	MUST(SSL_set_alpn_protos(tls, list, n ? n + 1 : 0) == 0);
}

bool tls_passes_through(const struct listener *l)
{
	return l->tls_set && l->tls_set->passthrough;
}

bool tls_verifies(const struct listener *l)
{
	return bw_str_eq(l->in->client_mode, BW_STR("verify"));
}

struct bw_str tls_name_asked(const struct ssl_st *tls)
{
	return bw_str_c(SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name));
}

struct bw_str tls_certificate_arn(const struct listener *l, const struct ssl_st *tls)
{
	const struct tls_set *s = l->tls_set;

	for (size_t i = 0; s && i < s->count; i++)
		if (s->contexts[i] == SSL_get_SSL_CTX(tls))
			return bw_str_c(s->arns[i]);
	return BW_STR_NONE;
}
