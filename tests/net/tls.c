#include "served.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <net/if.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "net/client.h"
#include "net/tls.h"
#include "net/tls_holder.h"

#define HOST "Host: a\r\n"

/* An authority, and what it has issued to 127.0.0.1. */
struct issued {
	struct bw_buf ca, ca_key, cert, key;
};

static int64_t wall_ms(void)
{
	return (int64_t)time(NULL) * 1000;
}

static void issue(struct issued *i, const char *name)
{
	struct bw_str names[] = {bw_str_c(name)};

	bw_crypto_init();
	bw_buf_init(&i->ca, 1 << 16);
	bw_buf_init(&i->ca_key, 1 << 16);
	bw_buf_init(&i->cert, 1 << 16);
	bw_buf_init(&i->key, 1 << 16);
	assert_ok(bw_ca_make(BW_STR("test authority"), wall_ms(), &i->ca, &i->ca_key));
	assert_ok(
	    bw_ca_issue(bw_buf_str(&i->ca), bw_buf_str(&i->ca_key), names, 1, wall_ms(), &i->cert, &i->key));
}

static void issued_free(struct issued *i)
{
	bw_buf_free(&i->ca);
	bw_buf_free(&i->cert);
	bw_buf_free(&i->ca_key);
	bw_buf_free(&i->key);
}

struct secured {
	struct issued issued;
	struct bw_http_server_config config;
	struct served served;
};

static void secured_start(struct secured *s, const char *name)
{
	*s = (struct secured){0};
	issue(&s->issued, name);
	s->config.tls = bw_tls_holder_new();
	assert_ok(bw_tls_holder_replace(s->config.tls, bw_buf_str(&s->issued.cert), bw_buf_str(&s->issued.key)));
	served_start(&s->served, &s->config, "127.0.0.1:0");
}

static void secured_stop(struct secured *s)
{
	served_stop(&s->served);
	bw_tls_holder_free(s->config.tls);
	issued_free(&s->issued);
}

static enum bw_err get(const struct secured *s, const char *scheme, const struct issued *trusted,
    struct bw_arena *a, int *status, struct bw_str *body)
{
	struct bw_str endpoint = bw_arena_printf(a, "%s://127.0.0.1:%u", scheme, s->served.port);

	return bw_client_get(endpoint, BW_STR("/x?y"), bw_buf_str(&trusted->ca), 10000, a, status, body);
}

TEST(tls_and_plain_on_one_port)
{
	struct bw_arena a;
	struct secured s;
	struct bw_str body;
	int status;

	bw_arena_init(&a, 1 << 24);
	secured_start(&s, "127.0.0.1");
	assert_ok(get(&s, "https", &s.issued, &a, &status, &body));
	assert_int_equal(status, 200);
	assert_str(body, "GET /x?y\n");
	assert_ok(get(&s, "http", &s.issued, &a, &status, &body));
	assert_str(body, "GET /x?y\n");
	secured_stop(&s);
	bw_arena_free(&a);
}

TEST(tls_client_trusts_one_authority_and_one_name)
{
	struct bw_arena a;
	struct issued other;
	struct secured s;
	struct bw_str body;
	int status;

	bw_arena_init(&a, 1 << 24);
	issue(&other, "127.0.0.1");
	secured_start(&s, "127.0.0.1");
	assert_int_equal(get(&s, "https", &other, &a, &status, &body), BW_EIO);
	secured_stop(&s);
	secured_start(&s, "127.0.0.2");
	assert_int_equal(get(&s, "https", &s.issued, &a, &status, &body), BW_EIO);
	secured_stop(&s);
	secured_start(&s, "localhost");
	assert_int_equal(get(&s, "https", &s.issued, &a, &status, &body), BW_EIO);
	secured_stop(&s);
	issued_free(&other);
	bw_arena_free(&a);
}

TEST(tls_contexts_refuse_what_does_not_belong_together)
{
	struct ssl_ctx_st *ctx;
	struct issued one, other;

	issue(&one, "127.0.0.1");
	issue(&other, "127.0.0.1");
	assert_int_equal(bw_tls_server_new(bw_buf_str(&one.cert), bw_buf_str(&other.key), &ctx), BW_EINVAL);
	assert_int_equal(bw_tls_server_new(BW_STR(""), bw_buf_str(&one.key), &ctx), BW_EINVAL);
	assert_int_equal(bw_tls_server_new(bw_buf_str(&one.cert), BW_STR("x"), &ctx), BW_EINVAL);
	assert_int_equal(bw_tls_server_new(bw_buf_str(&one.key), bw_buf_str(&one.cert), &ctx), BW_EINVAL);
	assert_int_equal(bw_tls_client_new(BW_STR(""), &ctx), BW_EINVAL);
	assert_int_equal(bw_tls_client_new(BW_STR("no certificate"), &ctx), BW_EINVAL);
	issued_free(&one);
	issued_free(&other);
}

/* A client as clients are: OpenSSL's own, blocking. */
static SSL *shake(int fd, int version_max, const char *alpn)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *tls;

	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, version_max);
	SSL_CTX_set_security_level(ctx, 0); /* so that the old versions are really offered */
	tls = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (alpn)
		SSL_set_alpn_protos(tls, (const unsigned char *)alpn, (unsigned)strlen(alpn));
	SSL_set_fd(tls, fd);
	if (SSL_connect(tls) == 1)
		return tls;
	SSL_free(tls);
	return NULL;
}

TEST(tls_old_versions_and_other_protocols_are_refused)
{
	static const struct {
		int version;
		const char *alpn, *got;
	} rows[] = {
	    {TLS1_VERSION, NULL, NULL},
	    {TLS1_1_VERSION, NULL, NULL},
	    {TLS1_2_VERSION, NULL, "TLSv1.2"},
	    {TLS1_3_VERSION, NULL, "TLSv1.3"},
	    {TLS1_3_VERSION, "\x08http/1.1", "TLSv1.3"},
	    {TLS1_3_VERSION, "\x02h2\x08http/1.1", "TLSv1.3"},
	    {TLS1_3_VERSION, "\x02h2", NULL},
	};
	struct secured s;

	secured_start(&s, "127.0.0.1");
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		int fd = dial(s.served.port);
		SSL *tls = shake(fd, rows[i].version, rows[i].alpn);

		assert_int_equal(tls != NULL, rows[i].got != NULL);
		if (tls)
			assert_string_equal(SSL_get_version(tls), rows[i].got);
		SSL_free(tls);
		close(fd);
	}
	served_wait_connections(&s.served, 0);
	secured_stop(&s);
}

static void tls_say(SSL *tls, struct bw_str bytes)
{
	assert_int_equal(SSL_write(tls, bytes.p, (int)bytes.n), (int)bytes.n);
}

/* Reads exactly the bytes of one echo's answer, and gives the body. */
static void assert_tls_hears(SSL *tls, const char *body)
{
	char head[1024];
	size_t n = 0, body_n = strlen(body);
	char *got = bw_alloc(body_n + 1);

	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
		assert_true(n < sizeof head - 1);
		assert_int_equal(SSL_read(tls, head + n++, 1), 1);
	}
	head[n] = '\0';
	assert_memory_equal(head, "HTTP/1.1 200 OK\r\n", 17);
	for (n = 0; n < body_n;) {
		int some = SSL_read(tls, got + n, (int)(body_n - n));

		assert_true(some > 0);
		n += (size_t)some;
	}
	assert_string_equal(got, body);
	bw_free(got);
}

/* An address of this machine that is not loopback: what connects to it comes from there too. */
static bool outside_address(struct sockaddr_in *out)
{
	struct ifaddrs *all, *i;
	bool found = false;

	assert_int_equal(getifaddrs(&all), 0);
	for (i = all; i && !found; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && !(i->ifa_flags & IFF_LOOPBACK)) {
			memcpy(out, i->ifa_addr, sizeof *out);
			found = true;
		}
	freeifaddrs(all);
	return found;
}

static int dial_outside(uint16_t port, struct sockaddr_in a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons(port);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

TEST(tls_only_for_those_who_are_not_on_this_machine)
{
	struct secured s = {0};
	struct sockaddr_in a = {0};
	SSL *tls;
	int fd;

	if (!outside_address(&a))
		skip(); /* a machine with loopback alone */
	issue(&s.issued, "127.0.0.1");
	s.config.tls = bw_tls_holder_new();
	assert_ok(bw_tls_holder_replace(s.config.tls, bw_buf_str(&s.issued.cert), bw_buf_str(&s.issued.key)));
	served_start(&s.served, &s.config, "0.0.0.0:0");
	fd = dial_outside(s.served.port, a);
	say(fd, BW_STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
	assert_int_equal(hear(fd, NULL), 403);
	assert_int_equal(hear(fd, NULL), -1);
	close(fd);
	fd = dial_outside(s.served.port, a);
	tls = shake(fd, TLS1_3_VERSION, NULL);
	assert_non_null(tls);
	tls_say(tls, BW_STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
	assert_tls_hears(tls, "GET /\n");
	SSL_free(tls);
	close(fd);
	assert_int_equal(s.served.requests, 1);
	secured_stop(&s);
}

TEST(tls_keep_alive_pipeline_and_single_bytes)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct bw_str request = BW_STR("POST /p HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
	struct secured s;

	secured_start(&s, "127.0.0.1");
	for (size_t v = 0; v < BW_COUNT(versions); v++) {
		int fd = dial(s.served.port);
		SSL *tls = shake(fd, versions[v], NULL);
		struct bw_buf many;

		assert_non_null(tls);
		tls_say(tls, request);
		assert_tls_hears(tls, "POST /p\nabc");
		for (size_t i = 0; i < request.n; i++) /* a record each */
			tls_say(tls, bw_str_sub(request, i, 1));
		assert_tls_hears(tls, "POST /p\nabc");
		bw_buf_init(&many, 1 << 20);
		for (int i = 0; i < 300; i++)
			bw_buf_put(&many, request);
		tls_say(
		    tls, bw_buf_str(
		             &many)); /* in several records, of which the last bring no event of their own */
		for (int i = 0; i < 300; i++)
			assert_tls_hears(tls, "POST /p\nabc");
		bw_buf_free(&many);
		tls_say(tls, BW_STR("GET /later HTTP/1.1\r\n" HOST "\r\nGET /n HTTP/1.1\r\n" HOST "\r\n"));
		assert_tls_hears(tls, "later");
		assert_tls_hears(tls, "GET /n\n");
		SSL_shutdown(tls);
		SSL_free(tls);
		close(fd);
	}
	served_wait_connections(&s.served, 0);
	secured_stop(&s);
}

TEST(tls_bodies_of_every_size)
{
	static const size_t sizes[] = {1, 16383, 16384, 16385, 40000, 300000, BW_HTTP_BODY_MAX};
	struct secured s;
	SSL *tls;
	int fd;

	secured_start(&s, "127.0.0.1");
	fd = dial(s.served.port);
	tls = shake(fd, TLS1_3_VERSION, NULL);
	assert_non_null(tls);
	for (size_t i = 0; i < BW_COUNT(sizes); i++) {
		char *echo = bw_alloc(sizes[i] + 8);
		struct bw_buf b;

		memcpy(echo, "PUT /p\n", 7);
		for (size_t k = 0; k < sizes[i]; k++)
			echo[7 + k] = (char)('a' + k % 26);
		bw_buf_init(&b, 1 << 22);
		bw_buf_printf(
		    &b, "PUT /p HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%s", sizes[i], echo + 7);
		tls_say(tls, bw_buf_str(&b));
		assert_tls_hears(tls, echo);
		bw_buf_free(&b);
		bw_free(echo);
	}
	SSL_free(tls);
	close(fd);
	secured_stop(&s);
}

TEST(tls_big_answers_to_a_slow_reader)
{
	enum { BIG = 5000000 };
	struct secured s;
	char *want = bw_alloc(BIG + 1);
	SSL *tls;
	int fd;

	for (int i = 0; i < BIG; i++)
		want[i] = (char)('a' + i % 23);
	secured_start(&s, "127.0.0.1");
	fd = dial(s.served.port);
	tls = shake(fd, TLS1_3_VERSION, NULL);
	assert_non_null(tls);
	tls_say(tls, BW_STR("GET /big?5000000 HTTP/1.1\r\n" HOST "\r\nGET /n HTTP/1.1\r\n" HOST "\r\n"));
	usleep(50000);
	assert_tls_hears(tls, want);
	assert_tls_hears(tls, "GET /n\n");
	SSL_free(tls);
	close(fd);
	secured_stop(&s);
	bw_free(want);
}

TEST(tls_refusals_reach_the_client)
{
	struct secured s;
	char answer[1024] = {0};
	SSL *tls;
	int fd;

	secured_start(&s, "127.0.0.1");
	fd = dial(s.served.port);
	tls = shake(fd, TLS1_3_VERSION, NULL);
	assert_non_null(tls);
	tls_say(tls, BW_STR("GET / HTTP/1.1\n\n"));
	assert_true(SSL_read(tls, answer, sizeof answer - 1) > 0);
	assert_non_null(strstr(answer, " 400 "));
	assert_non_null(strstr(answer, "refused 400"));
	assert_int_equal(SSL_read(tls, answer, sizeof answer), 0);
	assert_int_equal(SSL_get_error(tls, 0),
	    SSL_ERROR_ZERO_RETURN); /* a farewell, so that nobody can cut an answer short */
	SSL_free(tls);
	close(fd);
	secured_stop(&s);
}

TEST(tls_renegotiation_is_refused)
{
	struct secured s;
	SSL *tls;
	int fd;

	secured_start(&s, "127.0.0.1");
	fd = dial(s.served.port);
	tls = shake(fd, TLS1_2_VERSION, NULL);
	assert_non_null(tls);
	assert_int_equal(SSL_renegotiate(tls), 1);
	assert_int_not_equal(SSL_do_handshake(tls), 1);
	SSL_free(tls);
	close(fd);
	served_wait_connections(&s.served, 0);
	secured_stop(&s);
}

TEST(tls_peer_vanishing_at_every_byte_of_its_hello)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *tls = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	struct secured s;
	char hello[2048];
	int n;

	SSL_set_bio(tls, in, out);
	SSL_set_connect_state(tls);
	assert_int_equal(SSL_do_handshake(tls), -1);
	n = BIO_read(out, hello, sizeof hello);
	assert_in_range(n, 100, sizeof hello);
	secured_start(&s, "127.0.0.1");
	for (int i = 0; i <= n; i += 3) {
		int fd = dial(s.served.port);

		say(fd, bw_str_make(hello, (size_t)i));
		close(fd);
	}
	for (int i = 1; i < n; i += 5) { /* and one byte of it changed */
		int fd = dial(s.served.port);

		hello[i] = (char)~hello[i];
		say(fd, bw_str_make(hello, (size_t)n));
		hello[i] = (char)~hello[i];
		shutdown(fd, SHUT_WR);
		free(hear_all(fd));
		close(fd);
	}
	served_wait_connections(&s.served, 0);
	secured_stop(&s);
	SSL_free(tls);
	SSL_CTX_free(ctx);
}

TEST(tls_silent_handshake_is_cut_off)
{
	struct secured s;
	int fd;

	secured_start(&s, "127.0.0.1");
	fd = dial(s.served.port);
	say(fd, BW_STR("\x16\x03\x01"));
	served_wait_connections(&s.served, 1);
	usleep(20000);
	served_time_pass(&s.served, BW_HTTP_HEAD_TIMEOUT_MS + 100);
	served_wait_connections(&s.served, 0);
	close(fd);
	secured_stop(&s);
}

TEST(tls_certificate_is_replaced_while_serving)
{
	struct bw_http_server_config config = {0};
	struct bw_tls_holder *holder = bw_tls_holder_new();
	struct issued first, second;
	struct secured s = {0};
	struct bw_arena a;
	struct bw_str body;
	int status;

	bw_arena_init(&a, 1 << 24);
	issue(&first, "127.0.0.1");
	issue(&second, "127.0.0.1");
	assert_ok(bw_tls_holder_replace(holder, bw_buf_str(&first.cert), bw_buf_str(&first.key)));
	config.tls = holder;
	served_start(&s.served, &config, "127.0.0.1:0");
	assert_ok(get(&s, "https", &first, &a, &status, &body));
	assert_int_equal(get(&s, "https", &second, &a, &status, &body), BW_EIO);
	assert_int_equal(bw_tls_holder_replace(holder, BW_STR("x"), bw_buf_str(&second.key)), BW_EINVAL);
	assert_ok(get(&s, "https", &first, &a, &status, &body));
	assert_ok(bw_tls_holder_replace(holder, bw_buf_str(&second.cert), bw_buf_str(&second.key)));
	assert_ok(get(&s, "https", &second, &a, &status, &body));
	assert_int_equal(get(&s, "https", &first, &a, &status, &body), BW_EIO);
	served_stop(&s.served);
	bw_tls_holder_free(holder);
	issued_free(&first);
	issued_free(&second);
	bw_arena_free(&a);
}

struct late {
	struct bw_tls_holder *holder;
	const struct issued *issued;
	bool good;
};

/* Long enough for the connection to have begun, or the test would say less, but nothing wrong. */
static void *certificate_comes_late(void *arg)
{
	const struct late *l = arg;
	enum bw_err e;

	usleep(20000);
	e = bw_tls_holder_replace(l->holder, l->good ? bw_buf_str(&l->issued->cert) : BW_STR("x"), bw_buf_str(&l->issued->key));
	assert_int_equal(e, l->good ? BW_OK : BW_EINVAL);
	return NULL;
}

static enum bw_err get_before_certificate(bool good)
{
	struct bw_http_server_config config = {.tls = bw_tls_holder_new()};
	struct issued issued;
	struct late late = {config.tls, &issued, good};
	struct secured s = {0};
	struct bw_arena a;
	struct bw_str body;
	pthread_t thread;
	enum bw_err e;
	int status;

	bw_arena_init(&a, 1 << 24);
	issue(&issued, "127.0.0.1");
	served_start(&s.served, &config, "127.0.0.1:0");
	assert_int_equal(pthread_create(&thread, NULL, certificate_comes_late, &late), 0);
	e = get(&s, "https", &issued, &a, &status, &body);
	assert_int_equal(pthread_join(thread, NULL), 0);
	served_stop(&s.served);
	bw_tls_holder_free(config.tls);
	issued_free(&issued);
	bw_arena_free(&a);
	return e;
}

TEST(tls_waits_for_its_first_certificate)
{
	assert_ok(get_before_certificate(true));
}

TEST(tls_is_closed_when_its_first_certificate_is_refused)
{
	assert_int_equal(get_before_certificate(false), BW_EIO);
}

enum { IDLE_COUNT = 200 };

/* In a process of its own, so that the heap measured is the server's: opens connections, uses each once,
 * holds them. */
static _Noreturn void hold_idle_connections(int from_parent, int to_parent)
{
	static SSL *tls[IDLE_COUNT];
	uint16_t port;
	char byte = 'r';

	if (read(from_parent, &port, sizeof port) != sizeof port)
		_exit(1);
	for (int i = 0; i < IDLE_COUNT; i++) {
		tls[i] = shake(dial(port), TLS1_3_VERSION, NULL);
		if (!tls[i])
			_exit(2);
		tls_say(tls[i], BW_STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
		assert_tls_hears(tls[i], "GET /\n");
	}
	if (write(to_parent, &byte, 1) != 1 || read(from_parent, &byte, 1) != 0)
		_exit(3);
	_exit(0);
}

TEST(tls_idle_connections_are_small)
{
	int down[2], up[2], status;
	struct secured s;
	size_t before, each;
	pid_t child;
	char byte;

	assert_int_equal(pipe(down), 0);
	assert_int_equal(pipe(up), 0);
	child = fork();
	if (child == 0) {
		close(down[1]);
		hold_idle_connections(down[0], up[1]);
	}
	secured_start(&s, "127.0.0.1");
	before = mallinfo2().uordblks; /* nothing under a sanitizer, which has a heap of its own */
	assert_int_equal(write(down[1], &s.served.port, sizeof s.served.port), sizeof s.served.port);
	assert_int_equal(read(up[0], &byte, 1), 1);
	served_wait_connections(&s.served, IDLE_COUNT);
	each = (mallinfo2().uordblks - before) / IDLE_COUNT;
	print_message("# an idle TLS connection holds %zu bytes of heap\n", each);
	assert_true(each < 20 * 1024);
	close(down[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(down[0]);
	close(up[0]);
	close(up[1]);
	served_wait_connections(&s.served, 0);
	secured_stop(&s);
}
