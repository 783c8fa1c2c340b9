#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/sys.h"
#include "crypto/memory.h"
#include "crypto/pem.h"

/* ---- memory ---- */

/* OpenSSL's state of a connection is one piece of 7.4 KiB (3.0), of which four fifths are zero once hands are
 * shaken: in processes that hold many it lies in a place that can sleep. SSL_new asks for nothing else of
 * about that size. */
enum { STATE_LEAST = 4096, STATE_MOST = 7808 };

static struct bw_doze *states; /* NULL: this process holds few, or has several threads */

static bool is_state(const void *p)
{
	return states && bw_doze_has(states, p);
}

void bw_tls_dozing(size_t max)
{
	static struct bw_doze d;

	bw_doze_init(&d, STATE_MOST, max);
	states = &d;
	bw_crypto_places(&d);
	bw_crypto_count();
}

size_t bw_tls_held_bytes(void)
{
	return states ? states->held_bytes + bw_crypto_held_bytes() : 0;
}

static SSL *state_new(SSL_CTX *ctx)
{
	void *place = states ? bw_doze_take(states) : NULL;
	SSL *tls;

	if (!place)
		return SSL_new(ctx);
	bw_crypto_offer(place, STATE_LEAST, STATE_MOST);
	tls = SSL_new(ctx);
	if (!bw_crypto_taken()) /* this OpenSSL's is of another size */
		bw_doze_give(states, place);
	return tls;
}

void bw_tls_sleep(struct ssl_st *tls)
{
	if (is_state(tls) && !bw_doze_sleeps(states, tls))
		bw_doze_sleep(states, tls);
}

void bw_tls_wake(struct ssl_st *tls)
{
	if (is_state(tls) && bw_doze_sleeps(states, tls))
		bw_doze_wake(states, tls);
}

/* ---- the socket ---- */

/* The socket below a connection: OpenSSL's own would write without MSG_NOSIGNAL, and a peer's leaving would
 * raise SIGPIPE. */
static int socket_write(BIO *b, const char *from, int n)
{
	ssize_t sent = send((int)(intptr_t)BIO_get_data(b), from, (size_t)n, MSG_NOSIGNAL);

	if (states && n > 0)
		(void)bw_crypto_record_used(from, (size_t)n);
	BIO_clear_retry_flags(b);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return (int)sent;
}

enum { FLAG_SHORT = 0x4000 }; /* of a BIO: its last read has emptied the socket. OpenSSL's own are below. */

/* Who reads now, and how much he takes. */
static struct reader {
	SSL *tls;
	size_t room;
} reader;

/* What has come lies where OpenSSL decrypts it. If that is one record and nothing else, all of it is read at
 * once, and the piece it lies in given back and wiped: OpenSSL, whose hands are slower, need not. */
static void come(const char *at, size_t n)
{
	const unsigned char *head = (const unsigned char *)at;
	bool alone = bw_crypto_record_used(at, n) && n >= SSL3_RT_HEADER_LENGTH &&
	             n == SSL3_RT_HEADER_LENGTH + ((size_t)head[3] << 8 | head[4]);

	if (reader.tls && alone && n <= reader.room)
		SSL_clear_options(reader.tls, SSL_OP_CLEANSE_PLAINTEXT);
	else if (reader.tls)
		SSL_set_options(reader.tls, SSL_OP_CLEANSE_PLAINTEXT);
}

static int socket_read(BIO *b, char *to, int n)
{
	ssize_t got = recv((int)(intptr_t)BIO_get_data(b), to, (size_t)n, 0);

	BIO_clear_retry_flags(b);
	BIO_clear_flags(b, FLAG_SHORT);
	if (got > 0 && states)
		come(to, (size_t)got);
	if (got > 0 && got < n)
		BIO_set_flags(b, FLAG_SHORT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(b);
	if (got == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return (int)got;
}

static long socket_ctrl(BIO *b, int command, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_method;

/* Once, before any thread: the table is read by all. */
__attribute__((constructor)) static void socket_method_make(void)
{
	socket_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bulwark socket");
	MUST(socket_method != NULL);
	MUST(BIO_meth_set_write(socket_method, socket_write) &&
	     BIO_meth_set_read(socket_method, socket_read) && BIO_meth_set_ctrl(socket_method, socket_ctrl));
}

/* Says what OpenSSL holds against us, and forgets it. */
static enum bw_err refuse(const char *what)
{
	char reason[256];

	ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
	ERR_clear_error();
	bw_log(BW_LOG_ERROR, "TLS: %s: %s", what, reason);
	return BW_EINVAL;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	MUST(ctx != NULL);
	MUST(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
	/* Forward secrecy and authenticated encryption only (RFC 9325 4.2). */
	MUST(SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL") == 1);
	MUST(SSL_CTX_set_ciphersuites(
	         ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1);
	MUST(SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1);
	/* A resumed session would skip nothing we measure and keeps a ticket key that breaks forward secrecy.
	 */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
	                             SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1); /* a record in one read of the socket instead of two */
	return ctx;
}

bool bw_tls_chain_use(SSL_CTX *ctx, struct bw_str pem)
{
	BIO *b = bw_pem_open(pem);
	X509 *cert = bw_pem_certificate(b);
	bool good = cert && SSL_CTX_use_certificate(ctx, cert) == 1;

	X509_free(cert);
	while (good && (cert = bw_pem_certificate(b)) != NULL) {
		good = SSL_CTX_add0_chain_cert(ctx, cert) == 1;
		if (!good)
			X509_free(cert);
	}
	if (good)
		ERR_clear_error(); /* the end of the text is how the reading ends */
	BIO_free(b);
	return good;
}

bool bw_tls_key_use(SSL_CTX *ctx, struct bw_str pem)
{
	BIO *b = bw_pem_open(pem);
	EVP_PKEY *key = bw_pem_key(b);
	bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

	EVP_PKEY_free(key);
	BIO_free(b);
	return good;
}

/* HTTP/1.1 is what is spoken here: a client that offers it gets it, one that offers only others is refused
 * (RFC 7301 3.2). */
static int alpn_select(SSL *tls, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
    unsigned int in_n, void *ctx)
{
	struct bw_str offers = bw_str_make(in, in_n), ours = BW_STR("http/1.1");

	(void)tls;
	(void)ctx;
	while (offers.n) {
		struct bw_str offer = bw_str_sub(offers, 1, (unsigned char)offers.p[0]);

		if (bw_str_eq(offer, ours)) {
			*out = (const unsigned char *)offer.p;
			*out_n = (unsigned char)offer.n;
			return SSL_TLSEXT_ERR_OK;
		}
		offers = bw_str_sub(offers, 1 + offer.n, offers.n);
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

enum bw_err bw_tls_server_new(struct bw_str chain_pem, struct bw_str key_pem, struct ssl_ctx_st **out)
{
	SSL_CTX *ctx = context_new(TLS_server_method());
	enum bw_err e = BW_OK;

	SSL_CTX_set_alpn_select_cb(ctx, alpn_select, NULL);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (!bw_tls_chain_use(ctx, chain_pem))
		e = refuse("cannot use the certificate chain");
	else if (!bw_tls_key_use(ctx, key_pem))
		e = refuse("cannot use the private key with the certificate");
	if (e != BW_OK) {
		SSL_CTX_free(ctx);
		return e;
	}
	*out = ctx;
	return BW_OK;
}

static bool authorities_use(SSL_CTX *ctx, struct bw_str pem)
{
	BIO *b = bw_pem_open(pem);
	bool good = true;
	int count = 0;
	X509 *cert;

	for (; good && (cert = bw_pem_certificate(b)) != NULL; count++) {
		good = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) == 1;
		X509_free(cert);
	}
	BIO_free(b);
	return good && count > 0;
}

enum bw_err bw_tls_client_new(struct bw_str ca_pem, struct ssl_ctx_st **out)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	SSL_CTX *ctx = context_new(TLS_client_method());

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	MUST(SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1) == 0);
	if (!authorities_use(ctx, ca_pem)) {
		SSL_CTX_free(ctx);
		return refuse("cannot read the authorities' certificates");
	}
	ERR_clear_error();
	*out = ctx;
	return BW_OK;
}

void bw_tls_free(struct ssl_ctx_st *ctx)
{
	SSL_CTX_free(ctx);
}

static SSL *connection_new(SSL_CTX *ctx, int fd)
{
	SSL *tls = state_new(ctx);
	BIO *b = BIO_new(socket_method);

	MUST(tls != NULL && b != NULL);
	BIO_set_data(b, (void *)(intptr_t)fd);
	BIO_set_init(b, 1);
	SSL_set_bio(tls, b, b);
	return tls;
}

struct ssl_st *bw_tls_accept(struct ssl_ctx_st *ctx, int fd)
{
	SSL *tls = connection_new(ctx, fd);

	SSL_set_accept_state(tls);
	return tls;
}

enum bw_err bw_tls_connect(struct ssl_ctx_st *ctx, int fd, struct bw_str host, struct ssl_st **out)
{
	SSL *tls = connection_new(ctx, fd);
	char *name = bw_strdup(host);
	unsigned char address[16];
	bool numeric = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
	bool good = numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), name) == 1
	                    : SSL_set1_host(tls, name) == 1 && SSL_set_tlsext_host_name(tls, name) == 1;

	bw_free(name);
	if (!good) {
		SSL_free(tls);
		return refuse("not a host name");
	}
	SSL_set_connect_state(tls);
	*out = tls;
	return BW_OK;
}

struct ssl_ctx_st *bw_tls_client_unverified(void)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	SSL_CTX *ctx = context_new(TLS_client_method());

	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	MUST(SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1) == 0);
	return ctx;
}

struct ssl_st *bw_tls_connect_unverified(struct ssl_ctx_st *ctx, int fd)
{
	SSL *tls = connection_new(ctx, fd);

	SSL_set_connect_state(tls);
	return tls;
}

void bw_tls_close(struct ssl_st *tls)
{
	if (!tls)
		return;
	ERR_clear_error();
	if (SSL_is_init_finished(tls))
		(void)SSL_shutdown(tls); /* one try: whoever does not read it does not need it */
	SSL_free(tls);
	ERR_clear_error();
}

static enum bw_tls_step step_of(SSL *tls, int result)
{
	switch (SSL_get_error(tls, result)) {
	case SSL_ERROR_NONE:
		return BW_TLS_DONE;
	case SSL_ERROR_WANT_READ:
		return BW_TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return BW_TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return BW_TLS_ENDED;
	default:
		/* After these nothing more may be sent, not even a farewell (SSL_shutdown's manual). */
		SSL_set_quiet_shutdown(tls, 1);
		return BW_TLS_BROKEN;
	}
}

/* What is left of before would be taken for the next call's (SSL_get_error's manual). Mostly nothing is, and to
 * clear it all the same OpenSSL goes through sixteen places, freeing what none of them holds. */
static void errors_clear(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}

enum bw_tls_step bw_tls_handshake(struct ssl_st *tls)
{
	errors_clear();
	return step_of(tls, SSL_do_handshake(tls));
}

enum bw_tls_step bw_tls_read(struct ssl_st *tls, char *to, size_t size, size_t *n)
{
	int result;

	*n = 0;
	errors_clear();
	BIO_clear_flags(
	    SSL_get_rbio(tls), FLAG_SHORT); /* what came before does not count: there may be more by now */
	if (states)
		reader = (struct reader){tls, size};
	result = SSL_read_ex(tls, to, size, n);
	if (states) {
		reader = (struct reader){0};
		SSL_set_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
	}
	return step_of(tls, result);
}

enum bw_tls_step bw_tls_write(struct ssl_st *tls, const char *from, size_t size, size_t *n)
{
	*n = 0;
	errors_clear();
	return step_of(tls, SSL_write_ex(tls, from, size, n));
}

bool bw_tls_pending(const struct ssl_st *tls)
{
	return SSL_has_pending(tls) == 1;
}

bool bw_tls_drained(const struct ssl_st *tls)
{
	return BIO_test_flags(SSL_get_rbio(tls), FLAG_SHORT) && !SSL_has_pending(tls);
}

struct bw_str bw_tls_version(const struct ssl_st *tls)
{
	return bw_str_c(SSL_get_version(tls));
}

struct bw_str bw_tls_cipher(const struct ssl_st *tls)
{
	return bw_str_c(SSL_get_cipher_name(tls));
}
