#include "served.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "net/socket.h"

static atomic_llong clock_ahead_ms;

static int64_t test_clock(void)
{
	return bw_clock_mono_ms() + clock_ahead_ms;
}

struct later {
	struct bw_timer timer;
	struct bw_http_exchange *x;
};

static void answer_later(struct bw_timer *t)
{
	struct later *l = (struct later *)t;

	bw_http_respond(l->x, 200, BW_STR(""), BW_STR("later"), false);
	bw_free(l);
}

static void answer_echo(struct bw_http_exchange *x)
{
	struct bw_buf b;

	bw_buf_init(&b, BW_RESPONSE_MAX);
	bw_buf_put(&b, x->request->method);
	bw_buf_put_c(&b, ' ');
	bw_buf_put(&b, x->request->target);
	bw_buf_put_c(&b, '\n');
	bw_buf_put(&b, x->body);
	bw_http_respond(x, 200, BW_STR("Content-Type: text/plain\r\n"), bw_buf_str(&b), false);
	bw_buf_free(&b);
}

static void answer_big(struct bw_http_exchange *x)
{
	int64_t n = 0;
	char *body;

	MUST(bw_str_to_i64(x->request->query, 0, 2 * BW_RESPONSE_MAX, &n) == BW_OK);
	body = bw_alloc((size_t)n);
	for (int64_t i = 0; i < n; i++)
		body[i] = (char)('a' + i % 23);
	bw_http_respond(x, 200, BW_STR(""), bw_str_make(body, (size_t)n), false);
	bw_free(body);
}

static void on_request(void *ctx, struct bw_http_exchange *x)
{
	struct served *s = ctx;
	struct bw_str path = x->request->path;

	atomic_fetch_add(&s->requests, 1);
	if (bw_str_eq(path, BW_STR("/later"))) {
		struct later *l = bw_alloc(sizeof *l);

		*l = (struct later){.timer.fire = answer_later, .x = x};
		bw_timer_set(x->loop, &l->timer, 30);
	} else if (bw_str_eq(path, BW_STR("/hold"))) {
		s->holding[atomic_fetch_add(&s->held, 1)] = x;
	} else if (bw_str_eq(path, BW_STR("/big"))) {
		answer_big(x);
	} else if (bw_str_eq(path, BW_STR("/close"))) {
		bw_http_respond(x, 200, BW_STR(""), BW_STR("bye"), true);
	} else if (bw_str_eq(path, BW_STR("/none"))) {
		bw_http_respond(x, 204, BW_STR(""), BW_STR("never sent"), false);
	} else if (bw_str_eq(path, BW_STR("/split"))) {
		bw_http_respond(x, 200, BW_STR("X: y\r\n\r\n<p>"), BW_STR(""), false);
	} else {
		answer_echo(x);
	}
}

static void on_refused(void *ctx, int status, struct bw_buf *lines, struct bw_buf *body)
{
	(void)ctx;
	bw_buf_put(lines, BW_STR("Content-Type: text/x-refusal\r\n"));
	bw_buf_printf(body, "refused %d", status);
}

static void *serve(void *arg)
{
	struct served *s = arg;

	bw_loop_run(s->loop);
	return NULL;
}

void served_start(struct served *s, const struct bw_http_server_config *config, const char *listen)
{
	struct bw_address a;
	int fd;

	*s = (struct served){.config = *config};
	s->config.on_request = on_request;
	s->config.on_refused = on_refused;
	s->config.ctx = s;
	if (!s->config.body_max_bytes)
		s->config.body_max_bytes = BW_HTTP_BODY_MAX;
	if (!s->config.connections_max)
		s->config.connections_max = 1000;
	assert_ok(bw_address_parse(bw_str_c(listen), &a));
	assert_ok(bw_socket_listen(&a, false, &fd));
	assert_ok(bw_socket_address(fd, &a));
	s->port = bw_address_port(&a);
	assert_ok(bw_loop_new(&s->loop));
	bw_loop_clock_set(s->loop, test_clock);
	assert_ok(bw_http_server_add(s->loop, fd, &s->config, &s->server));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

struct call {
	struct bw_post post;
	struct served *served;
	void (*run)(struct served *s);
	atomic_bool done;
};

static void call_run(struct bw_post *p)
{
	struct call *c = (struct call *)p;

	c->run(c->served);
	atomic_store(&c->done, true);
}

static void nap(void)
{
	usleep(1000);
}

void served_call(struct served *s, void (*run)(struct served *s))
{
	struct call c = {.post.run = call_run, .served = s, .run = run};

	bw_loop_post(s->loop, &c.post);
	while (!atomic_load(&c.done))
		nap();
}

static void stop(struct served *s)
{
	bw_http_server_free(s->server);
	bw_loop_stop(s->loop);
}

void served_stop(struct served *s)
{
	served_call(s, stop);
	pthread_join(s->thread, NULL);
	bw_loop_free(s->loop);
}

static void release(struct served *s)
{
	while (s->held) {
		int i = atomic_fetch_sub(&s->held, 1) - 1;

		bw_http_respond(s->holding[i], 200, BW_STR(""), BW_STR("released"), false);
	}
}

void served_release(struct served *s)
{
	served_call(s, release);
}

static void nothing(struct served *s)
{
	(void)s;
}

void served_time_pass(struct served *s, int64_t ms)
{
	atomic_fetch_add(&clock_ahead_ms, ms);
	served_call(s, nothing);
}

void served_wait_requests(struct served *s, int requests)
{
	for (int i = 0; s->requests != requests; i++) {
		assert_true(i < 10000);
		nap();
	}
}

void served_wait_connections(struct served *s, size_t connections)
{
	for (int i = 0; bw_http_server_connections(s->server) != connections; i++) {
		assert_true(i < 10000);
		nap();
	}
}

int dial(uint16_t port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

void say(int fd, struct bw_str bytes)
{
	while (bytes.n) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n < 0)
			return; /* the peer has refused already; what it said is still to be heard */
		bytes = bw_str_sub(bytes, (size_t)n, bytes.n);
	}
}

char *hear_all(int fd)
{
	struct bw_buf b;
	char some[4096], *text;
	ssize_t n;

	bw_buf_init(&b, 1 << 26);
	while ((n = recv(fd, some, sizeof some, 0)) > 0)
		bw_buf_put(&b, bw_str_make(some, (size_t)n));
	text = bw_strdup(bw_buf_str(&b));
	bw_buf_free(&b);
	return text;
}

static bool hear_exactly(int fd, char *to, size_t n)
{
	while (n) {
		ssize_t got = recv(fd, to, n, 0);

		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

int hear(int fd, struct bw_buf *body)
{
	char head[4096], *line, *bytes;
	size_t n = 0;
	int64_t status, length = 0;

	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
		assert_true(n < sizeof head - 1);
		if (!hear_exactly(fd, head + n++, 1))
			return -1;
	}
	head[n] = '\0';
	assert_memory_equal(head, "HTTP/1.1 ", 9);
	assert_ok(bw_str_to_i64(bw_str_make(head + 9, 3), 100, 599, &status));
	line = strstr(head, "Content-Length: ");
	if (line) {
		struct bw_str rest = bw_str_c(line + 16);

		assert_ok(bw_str_to_i64(bw_str_cut(&rest, '\r'), 0, 1 << 26, &length));
	}
	bytes = bw_alloc((size_t)length);
	if (!hear_exactly(fd, bytes, (size_t)length))
		status = -1;
	if (body) {
		bw_buf_reset(body);
		bw_buf_put(body, bw_str_make(bytes, (size_t)length));
	}
	bw_free(bytes);
	return (int)status;
}

char *talk(uint16_t port, struct bw_str bytes)
{
	int fd = dial(port);
	char *answers;

	say(fd, bytes);
	shutdown(fd, SHUT_WR);
	answers = hear_all(fd);
	close(fd);
	return answers;
}
