/* Health checks: each target on its own beat, each check on a connection of its own. */
#include <stdio.h>

#include "base/sys.h"
#include "edge/group.h"
#include "edge/log.h"
#include "edge/probe.h"
#include "edge/proxy.h"
#include "edge/tls.h"
#include "net/tls.h"

enum { FIRST_MS = 50 };

static struct probe *of_watch(struct bw_watch *w)
{
	return (struct probe *)((char *)w - offsetof(struct probe, pump.sock.watch));
}

static void probe_close(struct probe *p)
{
	sock_close(p->pump.edge, &p->pump.sock);
	bw_timer_cancel(p->pump.edge->loop, &p->limit);
	pump_close(&p->pump);
	wire_free(p->pump.edge, &p->pump.out);
	bw_free(p->answer);
	p->answer = NULL;
	p->busy = false;
}

void health_note(struct target *t, enum health health, const char *reason, const char *description)
{
	if (t->health != health || t->reason != reason || strcmp(t->description, description) != 0) {
		t->group->edge->health_due = true;
		report_touch(t->group->edge);
	}
	if (health != HEALTH_UNHEALTHY)
		unhealthy_end(t);
	else if (t->health != HEALTH_UNHEALTHY)
		unhealthy_begin(t);
	t->health = health;
	t->reason = reason;
	(void)snprintf(t->description, sizeof t->description, "%s", description);
}

/* A new target is healthy after its first success; an unhealthy one after as many as the threshold says. */
static void passed(struct probe *p)
{
	struct target *t = p->target;

	log_health(p, NULL);
	probe_close(p);
	t->failures = 0;
	t->checks++;
	t->successes++;
	if (t->health != HEALTH_UNHEALTHY || t->successes >= t->group->in.healthy_threshold)
		health_note(t, HEALTH_HEALTHY, NULL, "");
}

/* `logged`: the health check log's word. */
static void failed(struct probe *p, const char *reason, const char *description, const char *logged)
{
	struct target *t = p->target;

	log_health(p, logged);
	probe_close(p);
	t->successes = 0;
	t->checks++;
	t->failures++;
	if (t->health == HEALTH_UNHEALTHY || t->failures >= t->group->in.unhealthy_threshold)
		health_note(t, HEALTH_UNHEALTHY, reason, description);
	else if (t->health == HEALTH_INITIAL)
		health_note(
		    t, HEALTH_INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress");
}

static void timed_out(struct bw_timer *t)
{
	struct probe *p = (struct probe *)((char *)t - offsetof(struct probe, limit));

	failed(p, "Target.Timeout", "Request timed out", p->connected ? "RequestTimedOut" : "ConnectionTimedOut");
}

void probe_refuse(struct probe *p)
{
	failed(p, "Target.FailedHealthChecks", "Health checks failed", "ConnectionReset");
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

void probe_judge(struct probe *p, int status)
{
	const struct group *g = p->target->group;
	struct bw_str codes = g->in.health_codes;
	char text[80];

	p->code = status;
	if (code_matches(codes.n ? codes : g->grpc ? BW_STR("12") : BW_STR("200"), status)) {
		passed(p);
		return;
	}
	(void)snprintf(text, sizeof text, "Health checks failed with these codes: [%d]", status);
	failed(p, "Target.ResponseCodeMismatch", text,
	    g->grpc ? "GRPCUnexpectedStatus" : status >= 500 ? "TargetError" : "ResponseCodeMismatch");
}

/* False: not yet, or the check is over. */
static bool connect_step(struct probe *p)
{
	if (!p->pump.sock.writable && !p->pump.sock.failed)
		return false;
	if (!sock_connected(&p->pump.sock)) {
		probe_refuse(p);
		return false;
	}
	p->connected = true;
	/* "Health check connections" (Network Load Balancers Guide, "Proxy protocol"): with the header, and nobody in it. */
	if (p->target->group->proxy_protocol && !proxy_say(p->pump.sock.watch.fd, NULL, &p->target->address)) {
		probe_refuse(p);
		return false;
	}
	if (!p->ops)
		passed(p);
	return p->ops != NULL;
}

static bool shake_step(struct probe *p)
{
	enum io io = sock_handshake(&p->pump.sock);

	if (io == IO_WAIT)
		return false;
	if (io != IO_DONE || (p->target->group->http2 && !tls_chose_http2(p->pump.sock.tls))) {
		probe_refuse(p);
		return false;
	}
	p->pump.sock.readable = true;
	return true;
}

static void probe_ready(struct bw_watch *w, uint32_t events)
{
	struct probe *p = of_watch(w);

	sock_note(&p->pump.sock, events);
	if (!p->connected && !connect_step(p))
		return;
	if (p->https && !p->pump.sock.shaken && !shake_step(p))
		return;
	if (!p->begun) {
		p->begun = true;
		p->ops->begin(p);
	}
	if (p->busy)
		p->ops->step(p);
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

static void host_write(struct probe *p, const struct bw_address *to)
{
	char text[BW_ADDRESS_TEXT_MAX];
	bool v6 = to->any.sa_family == AF_INET6;

	(void)snprintf(p->host, sizeof p->host, "%s%.*s%s:%u", v6 ? "[" : "",
	    BW_FMT(bw_address_text(to, text)), v6 ? "]" : "", bw_address_port(to));
}

static bool probe_open(struct probe *p)
{
	const struct group *g = p->target->group;
	struct bw_address to;

	if (!probe_address(p->target, &to) || !sock_connect(p->pump.edge, &p->pump.sock, group_speaks_from(g), &to, probe_ready))
		return false;
	p->busy = true;
	p->connected = p->begun = false;
	p->https = bw_str_eq(g->in.health_protocol, BW_STR("HTTPS"));
	p->ops = bw_str_eq(g->in.health_protocol, BW_STR("TCP")) ? NULL
	         : g->http2                                      ? &probe_http2
	                                                         : &probe_http1;
	host_write(p, &to);
	if (p->https)
		p->pump.sock.tls = bw_tls_connect_unverified(p->pump.edge->target_tls, p->pump.sock.watch.fd);
	if (p->https && g->http2)
		tls_offer_http2(p->pump.sock.tls);
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

	bw_timer_set(p->pump.edge->loop, &p->beat, interval_ms(t));
	if (p->busy)
		return;
	if (t->health == HEALTH_INITIAL)
		health_note(
		    t, HEALTH_INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress");
	p->began_us = bw_clock_mono_us();
	p->connected = false;
	p->code = -1;
	bw_timer_set(p->pump.edge->loop, &p->limit, (limit_s < 1 ? 5 : limit_s) * 1000);
	if (!permits_pass(t->group->egress, false, &t->address, bw_address_port(&t->address)))
		return; /* its packets would be dropped: the limit tells */
	if (!probe_open(p))
		probe_refuse(p);
}

bool health_settled(struct target *t)
{
	if (t->draining)
		health_note(t, HEALTH_DRAINING, "Target.DeregistrationInProgress",
		    "Target deregistration is in progress");
	else if (!t->group->used)
		health_note(t, HEALTH_UNUSED, "Target.NotInUse",
		    "Target group is not configured to receive traffic from the load balancer");
	else if (t->elsewhere)
		health_note(t, HEALTH_UNUSED, "Target.NotInUse",
		    "Target is in an Availability Zone that is not enabled for the load balancer");
	else if (!t->has_address)
		health_note(t, HEALTH_UNUSED, "Target.InvalidState", "Target is in an invalid state");
	else if (!t->group->in.health_enabled)
		health_note(t, HEALTH_UNAVAILABLE, "Target.HealthCheckDisabled",
		    "Health checks are disabled for the target group");
	else
		return false;
	return true;
}

void probe_start(struct target *t)
{
	struct probe *p = t->probe;
	bool known = p || t->told;

	if (health_settled(t)) {
		probe_stop(t);
		t->told = false;
		return;
	}
	if (!known)
		health_note(t, HEALTH_INITIAL, "Elb.RegistrationInProgress", "Target registration is in progress");
	if (p || !t->group->edge->first)
		return;
	t->probe = p = bw_alloc(sizeof *p);
	*p = (struct probe){.pump = {.edge = t->group->edge, .sock.watch.fd = -1},
	    .target = t,
	    .beat.fire = beat,
	    .limit.fire = timed_out};
	t->successes = t->failures = 0;
	bw_timer_set(p->pump.edge->loop, &p->beat, FIRST_MS);
}

void probe_stop(struct target *t)
{
	struct probe *p = t->probe;

	if (!p)
		return;
	probe_close(p);
	bw_timer_cancel(p->pump.edge->loop, &p->beat);
	bw_free(p);
	t->probe = NULL;
}
