/* Health checks: each target on its own beat, each check on a connection of its own. */
#include <errno.h>
#include <stdio.h>

#include "edge/internal.h"
#include "net/tls.h"

enum { ANSWER_MAX = 8 * 1024, FIRST_MS = 50 };

struct probe {
	struct edge *edge;
	struct target *target;
	struct sock sock;
	struct bw_timer beat, limit;
	bool busy, connected, asked, http, https;
	size_t sent_n, got;
	char *answer;
	char request[1536];
};

static struct probe *of_watch(struct bw_watch *w)
{
	return (struct probe *)((char *)w - offsetof(struct probe, sock.watch));
}

static void probe_close(struct probe *p)
{
	sock_close(p->edge, &p->sock);
	bw_timer_cancel(p->edge->loop, &p->limit);
	bw_free(p->answer);
	p->answer = NULL;
	p->busy = false;
}

static void health_set(struct target *t, enum health health, const char *reason, const char *description)
{
	if (t->health != health || t->reason != reason)
		report_touch(t->group->edge);
	t->health = health;
	t->reason = reason;
	(void)snprintf(t->description, sizeof t->description, "%s", description);
}

/* A new target is healthy after its first success; an unhealthy one after as many as the threshold says. */
static void passed(struct probe *p)
{
	struct target *t = p->target;

	probe_close(p);
	t->failures = 0;
	t->checks++;
	t->successes++;
	if (t->health != HEALTH_UNHEALTHY || t->successes >= t->group->in.healthy_threshold)
		health_set(t, HEALTH_HEALTHY, NULL, "");
}

static void failed(struct probe *p, const char *reason, const char *description)
{
	struct target *t = p->target;

	probe_close(p);
	t->successes = 0;
	t->checks++;
	t->failures++;
	if (t->health == HEALTH_UNHEALTHY || t->failures >= t->group->in.unhealthy_threshold)
		health_set(t, HEALTH_UNHEALTHY, reason, description);
	else if (t->health == HEALTH_INITIAL)
		health_set(
		    t, HEALTH_INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress");
}

static void timed_out(struct bw_timer *t)
{
	failed((struct probe *)((char *)t - offsetof(struct probe, limit)), "Target.Timeout",
	    "Request timed out");
}

static void refused(struct probe *p)
{
	failed(p, "Target.FailedHealthChecks", "Health checks failed");
}

/* "200", "200,202", "200-299". */
static bool code_matches(struct bw_str codes, int status)
{
	while (bw_str_set(codes)) {
		struct bw_str to = bw_str_cut(&codes, ','), from = bw_str_cut(&to, '-');
		int64_t a, b;

		if (bw_str_to_i64(from, 0, 999, &a) != BW_OK)
			continue;
		b = a;
		if (bw_str_set(to) && bw_str_to_i64(to, 0, 999, &b) != BW_OK)
			continue;
		if (a <= status && status <= b)
			return true;
	}
	return false;
}

static void judge(struct probe *p, int status)
{
	struct bw_str codes = p->target->group->in.health_codes;
	char text[80];

	if (code_matches(codes.n ? codes : BW_STR("200"), status)) {
		passed(p);
		return;
	}
	(void)snprintf(text, sizeof text, "Health checks failed with these codes: [%d]", status);
	failed(p, "Target.ResponseCodeMismatch", text);
}

static bool probe_write(struct probe *p)
{
	struct bw_str left = bw_str_sub(bw_str_c(p->request), p->sent_n, sizeof p->request);
	size_t n = 0;
	ssize_t sent;

	if (p->sock.tls) {
		if (bw_tls_write(p->sock.tls, left.p, left.n, &n) == BW_TLS_BROKEN)
			return false;
	} else {
		sent = send(p->sock.watch.fd, left.p, left.n, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return false;
		n = sent > 0 ? (size_t)sent : 0;
	}
	p->sent_n += n;
	p->asked = n == left.n;
	return true;
}

static void probe_read(struct probe *p)
{
	struct bw_http_response *r = &p->edge->response;
	size_t n, head_n;
	enum io io;

	for (;;) {
		enum bw_err e;

		io = sock_read(&p->sock, p->answer + p->got, ANSWER_MAX - p->got, &n);
		if (io == IO_WAIT)
			return;
		p->got += n;
		e = bw_http_parse_response(bw_str_make(p->answer, p->got), r, &head_n);
		if (e == BW_OK) {
			judge(p, r->status);
			return;
		}
		if (io != IO_DONE || e == BW_EINVAL || p->got == ANSWER_MAX) {
			refused(p);
			return;
		}
	}
}

static void probe_ready(struct bw_watch *w, uint32_t events)
{
	struct probe *p = of_watch(w);
	enum io io;

	sock_note(&p->sock, events);
	if (!p->connected) {
		if (!p->sock.writable && !p->sock.failed)
			return;
		if (!sock_connected(&p->sock)) {
			refused(p);
			return;
		}
		p->connected = true;
		if (!p->http) {
			passed(p);
			return;
		}
	}
	if (p->https && !p->sock.shaken) {
		io = sock_handshake(&p->sock);
		if (io == IO_END || io == IO_FAIL)
			refused(p);
		if (io != IO_DONE)
			return;
		p->sock.readable = true;
	}
	if (!p->asked && !probe_write(p)) {
		refused(p);
		return;
	}
	if (p->asked)
		probe_read(p);
}

static bool probe_address(const struct target *t, struct bw_address *out)
{
	struct bw_str port = t->group->in.health_port;
	int64_t n = t->port;

	*out = t->address;
	if (port.n && !bw_str_eq(port, BW_STR("traffic-port")) && bw_str_to_i64(port, 1, 65535, &n) != BW_OK)
		return false;
	if (out->any.sa_family == AF_INET6)
		out->v6.sin6_port = htons((uint16_t)n);
	else
		out->v4.sin_port = htons((uint16_t)n);
	return true;
}

static void request_write(struct probe *p, const struct bw_address *to)
{
	const struct bw_edge_target_group *in = &p->target->group->in;
	struct bw_str path = in->health_path.n && in->health_path.n < 1025 ? in->health_path : BW_STR("/");
	char text[BW_ADDRESS_TEXT_MAX];
	bool v6 = to->any.sa_family == AF_INET6;

	(void)snprintf(p->request, sizeof p->request,
	    "GET %.*s HTTP/1.1\r\nHost: %s%.*s%s:%u\r\nConnection: close\r\nUser-Agent: "
	    "ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, "
	    "compressed\r\n\r\n",
	    BW_FMT(path), v6 ? "[" : "", BW_FMT(bw_address_text(to, text)), v6 ? "]" : "",
	    bw_address_port(to));
}

static bool probe_open(struct probe *p)
{
	struct bw_address to;

	if (!probe_address(p->target, &to) || !sock_connect(p->edge, &p->sock, &to, probe_ready))
		return false;
	p->busy = true;
	p->connected = p->asked = false;
	p->sent_n = p->got = 0;
	p->http = !bw_str_eq(p->target->group->in.health_protocol, BW_STR("TCP"));
	p->https = bw_str_eq(p->target->group->in.health_protocol, BW_STR("HTTPS"));
	if (p->http)
		request_write(p, &to);
	p->answer = bw_realloc(NULL, ANSWER_MAX);
	if (p->https)
		p->sock.tls = bw_tls_connect_unverified(p->edge->target_tls, p->sock.watch.fd);
	return true;
}

static int64_t interval_ms(const struct target *t)
{
	int64_t s = t->group->in.health_interval_s;

	return (s < 1 ? 30 : s) * 1000;
}

static void beat(struct bw_timer *timer)
{
	struct probe *p = (struct probe *)((char *)timer - offsetof(struct probe, beat));
	struct target *t = p->target;
	int64_t limit_s = t->group->in.health_timeout_s;

	bw_timer_set(p->edge->loop, &p->beat, interval_ms(t));
	if (p->busy)
		return;
	if (t->health == HEALTH_INITIAL)
		health_set(
		    t, HEALTH_INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress");
	bw_timer_set(p->edge->loop, &p->limit, (limit_s < 1 ? 5 : limit_s) * 1000);
	if (!permits_pass(t->group->egress, false, &t->address, bw_address_port(&t->address)))
		return; /* its packets would be dropped: the limit tells */
	if (!probe_open(p))
		refused(p);
}

/* What an image says of it, where health has no say. */
static bool settled(struct target *t)
{
	if (t->draining)
		health_set(t, HEALTH_DRAINING, "Target.DeregistrationInProgress",
		    "Target deregistration is in progress");
	else if (!t->group->used)
		health_set(t, HEALTH_UNUSED, "Target.NotInUse",
		    "Target group is not configured to receive traffic from the load balancer");
	else if (!t->has_address)
		health_set(t, HEALTH_UNUSED, "Target.InvalidState", "Target is in an invalid state");
	else if (!t->group->in.health_enabled)
		health_set(t, HEALTH_UNAVAILABLE, "Target.HealthCheckDisabled",
		    "Health checks are disabled for the target group");
	else
		return false;
	return true;
}

void probe_start(struct target *t)
{
	struct probe *p = t->probe;

	if (settled(t)) {
		probe_stop(t);
		return;
	}
	if (p)
		return;
	t->probe = p = bw_alloc(sizeof *p);
	*p = (struct probe){.edge = t->group->edge,
	    .target = t,
	    .sock.watch.fd = -1,
	    .beat.fire = beat,
	    .limit.fire = timed_out};
	t->successes = t->failures = 0;
	health_set(t, HEALTH_INITIAL, "Elb.RegistrationInProgress", "Target registration is in progress");
	bw_timer_set(p->edge->loop, &p->beat, FIRST_MS);
}

void probe_stop(struct target *t)
{
	struct probe *p = t->probe;

	if (!p)
		return;
	probe_close(p);
	bw_timer_cancel(p->edge->loop, &p->beat);
	bw_free(p);
	t->probe = NULL;
}
