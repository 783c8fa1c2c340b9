/* What the edge tells the services: health, listeners, counters. */
#include "codec/time.h"
#include "edge/group.h"
#include "edge/log.h"
#include "edge/tls.h"
#include "edge/worker.h"

enum {
	SOON_MS = 100,
	EVERY_MS = 1000,
	AWAITED_MS = 7, /* not the time after which a socket is asked for again: both would meet each time */
};
#define CERTIFICATE_SOON_MS INT64_C(2592000000) /* 30 days */

/* CloudWatch's names (namespaces AWS/ApplicationELB and AWS/NetworkELB). TargetResponseTime is told as the
 * sum in microseconds and the number of answers. */
const char *const metric_names[METRICS] = {
    [M_REQUEST_COUNT] = "RequestCount",
    [M_GRPC_REQUESTS] = "GrpcRequestCount",
    [M_HTTP_2XX] = "HTTPCode_Target_2XX_Count",
    [M_HTTP_3XX] = "HTTPCode_Target_3XX_Count",
    [M_HTTP_4XX] = "HTTPCode_Target_4XX_Count",
    [M_HTTP_5XX] = "HTTPCode_Target_5XX_Count",
    [M_ELB_3XX] = "HTTPCode_ELB_3XX_Count",
    [M_ELB_4XX] = "HTTPCode_ELB_4XX_Count",
    [M_ELB_5XX] = "HTTPCode_ELB_5XX_Count",
    [M_ELB_500] = "HTTPCode_ELB_500_Count",
    [M_ELB_502] = "HTTPCode_ELB_502_Count",
    [M_ELB_503] = "HTTPCode_ELB_503_Count",
    [M_ELB_504] = "HTTPCode_ELB_504_Count",
    [M_FIXED] = "HTTP_Fixed_Response_Count",
    [M_REDIRECT] = "HTTP_Redirect_Count",
    [M_CONNECTION_ERROR] = "TargetConnectionErrorCount",
    [M_RESPONSE_US] = "TargetResponseTime.sum_us",
    [M_RESPONSES] = "TargetResponseTime.count",
    [M_REJECTED] = "RejectedConnectionCount",
    [M_NEW_CONNECTIONS] = "NewConnectionCount",
    [M_ACTIVE_CONNECTIONS] = "ActiveConnectionCount",
    [M_PROCESSED_BYTES] = "ProcessedBytes",
    [M_TLS_ERRORS] = "ClientTLSNegotiationErrorCount",
    [M_DESYNC] = "DesyncMitigationMode_NonCompliant_Request_Count",
    [M_DROPPED_HEADERS] = "DroppedInvalidHeaderRequestCount",
    [M_DENIED] = "SecurityGroupBlockedFlowCount_Inbound_TCP",
    [M_AUTH_SUCCESS] = "ELBAuthSuccess",
    [M_AUTH_FAILURE] = "ELBAuthFailure",
    [M_AUTH_ERROR] = "ELBAuthError",
    [M_AUTH_REFRESHED] = "ELBAuthRefreshTokenSuccess",
    [M_AUTH_CLAIMS_EXCEEDED] = "ELBAuthUserClaimsSizeExceeded",
    [M_HEALTHY] = "HealthyHostCount",
    [M_UNHEALTHY] = "UnHealthyHostCount",
};

/* "app/name/id": what is behind "loadbalancer/" in its ARN. */
static struct bw_str dimension_of(struct bw_str arn)
{
	static const char word[] = "loadbalancer/";
	const char *at = arn.n ? memmem(arn.p, arn.n, word, sizeof word - 1) : NULL;

	return at ? bw_str_sub(arn, (size_t)(at - arn.p) + sizeof word - 1, arn.n) : arn;
}

struct stats *stats_hold(struct edge *e, const struct bw_edge_load_balancer *lb)
{
	struct stats *s = bw_map_get(&e->stats, lb->arn);

	if (!s) {
		s = bw_alloc(sizeof *s);
		s->edge = e;
		s->arn = bw_str_c(bw_strdup(lb->arn));
		s->dimension = dimension_of(s->arn);
		report_resume(e, s->dimension, BW_STR_NONE, s->values);
		bw_map_put(&e->stats, s->arn, s);
	}
	s->references++;
	return s;
}

/* The counters of a load balancer that no image names and no connection uses any more. */
void stats_release(struct stats *s)
{
	if (!s || --s->references)
		return;
	bw_map_del(&s->edge->stats, s->arn);
	log_close(s->edge, &s->access_log);
	log_close(s->edge, &s->connection_log);
	log_close(s->edge, &s->health_log);
	bw_free((void *)(uintptr_t)s->arn.p);
	bw_free(s);
}

static bool is_gauge(enum metric m)
{
	return m == M_ACTIVE_CONNECTIONS || m == M_HEALTHY || m == M_UNHEALTHY;
}

/* A target group is known by its own dimension alone. */
void report_resume(const struct edge *e, struct bw_str load_balancer, struct bw_str target_group, int64_t *values)
{
	for (size_t i = 0; i < e->before.metric_count; i++) {
		const struct bw_edge_metric *m = &e->before.metrics[i];

		if (!bw_str_eq(m->target_group, target_group) ||
		    (!target_group.n && !bw_str_eq(m->load_balancer, load_balancer)))
			continue;
		for (size_t k = 0; k < METRICS; k++)
			if (!is_gauge((enum metric)k) && bw_str_eq(m->name, bw_str_c(metric_names[k])))
				values[k] = m->value;
	}
}

struct building {
	const struct edge *edge;
	struct bw_arena arena;
	struct bw_edge_metric *metrics;
	struct bw_edge_unkept *unkept;
	struct bw_edge_anomaly *anomalies;
	struct bw_edge_report report;
};

static void count_health(void *ctx, struct bw_str key, void *value)
{
	struct group *g = value;

	(void)ctx;
	(void)key;
	for (struct target *t = g->targets; t; t = t->next) {
		g->values[M_HEALTHY] += t->health == HEALTH_HEALTHY;
		g->values[M_UNHEALTHY] += t->health == HEALTH_UNHEALTHY;
	}
}

static void forget_health(void *ctx, struct bw_str key, void *value)
{
	struct group *g = value;

	(void)ctx;
	(void)key;
	g->values[M_HEALTHY] = g->values[M_UNHEALTHY] = 0;
}

static void put_values(struct building *b, const int64_t *values, struct bw_str lb, struct bw_str tg)
{
	for (size_t i = 0; i < METRICS; i++)
		if (metric_names[i] && (values[i] || i == M_HEALTHY || i == M_REQUEST_COUNT))
			b->metrics[b->report.metric_count++] =
			    (struct bw_edge_metric){bw_str_c(metric_names[i]), lb, tg, values[i]};
}

static void put_group(void *ctx, struct bw_str key, void *value)
{
	struct group *g = value;

	(void)key;
	put_values(
	    ctx, g->values, g->balancer_stats ? g->balancer_stats->dimension : BW_STR_NONE, g->dimension);
}

static void put_unkept(void *ctx, struct bw_str key, void *value)
{
	struct building *b = ctx;
	const char *reason = origin_unkept(b->edge, value);

	if (reason)
		b->unkept[b->report.unkept_count++] = (struct bw_edge_unkept){key, bw_str_c(reason)};
}

/* Each target at most once: as many places as targets of HTTP groups. */
static void put_anomalies(void *ctx, struct bw_str key, void *value)
{
	struct building *b = ctx;
	const struct group *g = value;
	double floor = group_anomaly_floor(g);

	for (const struct target *t = g->http ? g->targets : NULL; t; t = t->next)
		if (target_serves(t) && t->errors > floor)
			b->anomalies[b->report.anomaly_count++] =
			    (struct bw_edge_anomaly){key, t->id, t->port, group_mitigates(g)};
}

static void put_balancer(void *ctx, struct bw_str key, void *value)
{
	struct stats *s = value;

	(void)key;
	put_values(ctx, s->values, s->dimension, BW_STR_NONE);
}

/* What whoever looks at an open listener has to know: a certificate that has ended, or soon will. */
static struct bw_str warning_make(struct edge *e, struct building *b, const struct listening *l)
{
	int64_t now_ms = edge_wall_ms(e), end_ms;
	struct bw_str arn = BW_STR_NONE, text;
	struct bw_buf when;

	if (!l->listener->tls_set)
		return BW_STR_NONE;
	end_ms = tls_ends_ms(l->listener, &arn);
	if (end_ms - now_ms > CERTIFICATE_SOON_MS)
		return BW_STR_NONE;
	bw_buf_init(&when, 64);
	bw_time_put_iso8601(end_ms, &when);
	text = bw_arena_printf(&b->arena, "certificate %.*s %s %.*s", BW_FMT(arn), end_ms <= now_ms ? "expired on" : "expires on",
	    BW_FMT(bw_buf_str(&when)));
	bw_buf_free(&when);
	return text;
}

static void put_listenings(struct edge *e, struct building *b)
{
	struct bw_edge_listening *list;
	size_t n = 0;

	for (struct listening *l = e->listenings; l; l = l->next)
		n++;
	for (size_t i = 0; i < e->config->image.load_balancer_count; i++)
		n += e->config->balancers[i].in->listener_count;
	list = BW_NEW_ARRAY(&b->arena, struct bw_edge_listening, n + 1);
	for (struct listening *l = e->listenings; l; l = l->next) {
		bool v6 = l->address.any.sa_family == AF_INET6;

		list[b->report.listening_count++] = (struct bw_edge_listening){.listener = bw_str_c(l->arn),
		    .address = bw_arena_printf(&b->arena, "%s%s%s:%u%s", v6 ? "[" : "", l->address_text,
		        v6 ? "]" : "", bw_address_port(&l->address), l->udp ? "/udp" : ""),
		    .open = l->watch.fd >= 0,
		    .reason = l->reason[0] ? bw_str_c(l->reason) : warning_make(e, b, l)};
	}
	for (size_t i = 0; i < e->config->image.load_balancer_count; i++)
		for (size_t k = 0; k < e->config->balancers[i].in->listener_count; k++) {
			const struct listener *l = &e->config->balancers[i].listeners[k];

			if (l->tls && !l->tls_set)
				list[b->report.listening_count++] = (struct bw_edge_listening){
				    .listener = l->in->arn, .reason = bw_str_c(l->tls_reason)};
		}
	b->report.listening = list;
}

static void report_write(struct edge *e, struct building *b, struct bw_buf *out)
{
	b->metrics =
	    BW_NEW_ARRAY(&b->arena, struct bw_edge_metric, METRICS * (e->groups.count + e->stats.count) + 1);
	b->report.image_version = e->config->image.version;
	b->report.incarnation = e->self->incarnation;
	b->report.metrics = b->metrics;
	bw_map_each(&e->groups, forget_health, NULL);
	if (e->first) {
		bw_map_each(&e->groups, count_health, NULL);
		health_list(e, &b->arena, &b->report);
		put_listenings(e, b);
		b->unkept = BW_NEW_ARRAY(&b->arena, struct bw_edge_unkept, e->groups.count + 1);
		b->report.unkept = b->unkept;
		bw_map_each(&e->groups, put_unkept, b);
	}
	b->anomalies = BW_NEW_ARRAY(&b->arena, struct bw_edge_anomaly, targets_count(e) + 1);
	b->report.anomalies = b->anomalies;
	bw_map_each(&e->groups, put_anomalies, b);
	bw_map_each(&e->stats, put_balancer, b);
	bw_map_each(&e->groups, put_group, b);
	bw_edge_report_encode(&b->report, out);
}

void report_publish(struct edge *e)
{
	struct building b = {.edge = e};
	struct bw_buf out;

	e->report_due = false;
	bw_timer_set(e->loop, &e->report_timer, EVERY_MS);
	if (!e->config)
		return;
	/* Who waits for a listener is told of the image when its socket has come, or cannot. */
	if (sockets_awaited(e)) {
		bw_timer_set(e->loop, &e->report_timer, AWAITED_MS);
		return;
	}
	if (e->first && e->health_due)
		health_tell(e);
	e->health_due = false;
	bw_arena_init(&b.arena, BW_EDGE_REPORT_MAX * 4);
	bw_buf_init(&out, BW_EDGE_REPORT_MAX);
	report_write(e, &b, &out);
	if (out.failed || bw_board_publish(e->reports, bw_buf_str(&out)) != BW_OK)
		bw_log(BW_LOG_WARN, "the edge's report is too large to be told");
	bw_buf_free(&out);
	bw_arena_free(&b.arena);
}

void report_touch(struct edge *e)
{
	if (e->report_due)
		return;
	e->report_due = true;
	bw_timer_set(e->loop, &e->report_timer, SOON_MS);
}
