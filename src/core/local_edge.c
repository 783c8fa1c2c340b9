/* What the edge tells, for whoever sits on this machine: metrics for Prometheus, listeners and targets for `bulwark status`. */
#include "codec/json.h"
#include "core/edge_image.h"
#include "core/internal.h"

enum { TARGETS_TOLD = 100 /* in trouble, by name; the others are counted */ };

static bool upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* CloudWatch's "HTTPCode_Target_2XX_Count" as Prometheus spells names: http_code_target_2xx_count. */
static void put_name(struct bw_str name, struct bw_buf *out)
{
	bw_buf_put(out, BW_STR("aws_elb_"));
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i], before = i ? name.p[i - 1] : '_';
		bool word = upper(c) && (lower(before) || (upper(before) && i + 1 < name.n && lower(name.p[i + 1])));

		if (word)
			bw_buf_put_c(out, '_');
		bw_buf_put_c(out, upper(c) ? (char)(c + 32) : c == '.' ? '_' : c);
	}
}

static void put_metric(const struct bw_edge_metric *m, struct bw_buf *out)
{
	put_name(m->name, out);
	bw_buf_put_c(out, '{');
	if (m->load_balancer.n)
		bw_buf_printf(out, "load_balancer=\"%.*s\"", BW_FMT(m->load_balancer));
	if (m->target_group.n)
		bw_buf_printf(
		    out, "%starget_group=\"%.*s\"", m->load_balancer.n ? "," : "", BW_FMT(m->target_group));
	bw_buf_printf(out, "} %lld\n", (long long)m->value);
}

static void put_listening(const struct bw_edge_listening *l, struct bw_buf *out)
{
	bw_buf_put(out, BW_STR("{\"listener\":"));
	bw_json_put_str(out, l->listener);
	bw_buf_put(out, BW_STR(",\"address\":"));
	bw_json_put_str(out, l->address);
	bw_buf_printf(out, ",\"open\":%s,\"reason\":", l->open ? "true" : "false");
	bw_json_put_str(out, l->reason);
	bw_buf_put_c(out, '}');
}

static void metrics_write(const struct bw_edge_report *r, struct bw_buf *out)
{
	for (size_t i = 0; i < r->metric_count; i++)
		put_metric(&r->metrics[i], out);
}

static void listeners_write(const struct bw_edge_report *r, struct bw_buf *out)
{
	bw_buf_put(out, BW_STR("{\"listeners\":["));
	for (size_t i = 0; i < r->listening_count; i++) {
		if (i)
			bw_buf_put_c(out, ',');
		put_listening(&r->listening[i], out);
	}
	bw_buf_put(out, BW_STR("]}\n"));
}

static bool in_trouble(const struct bw_edge_health *h)
{
	return bw_str_eq(h->state, BW_STR("unhealthy")) || bw_str_eq(h->reason, BW_STR("Target.InvalidState"));
}

static void put_target(const struct bw_edge_health *h, struct bw_buf *out)
{
	bw_buf_put(out, BW_STR("{\"target_group\":"));
	bw_json_put_str(out, h->target_group);
	bw_buf_put(out, BW_STR(",\"id\":"));
	bw_json_put_str(out, h->id);
	bw_buf_printf(out, ",\"port\":%lld,\"state\":", (long long)h->port);
	bw_json_put_str(out, h->state);
	bw_buf_put(out, BW_STR(",\"reason\":"));
	bw_json_put_str(out, h->reason);
	bw_buf_put(out, BW_STR(",\"description\":"));
	bw_json_put_str(out, h->description);
	bw_buf_put_c(out, '}');
}

static void put_unkept(const struct bw_edge_unkept *u, struct bw_buf *out)
{
	bw_buf_put(out, BW_STR("{\"target_group\":"));
	bw_json_put_str(out, u->target_group);
	bw_buf_put(out, BW_STR(",\"reason\":"));
	bw_json_put_str(out, u->reason);
	bw_buf_put_c(out, '}');
}

/* How many there are, those that get no requests though they should, and groups whose targets should see their clients'
 * addresses and do not. */
static void targets_write(const struct bw_edge_report *r, struct bw_buf *out)
{
	size_t healthy = 0, troubled = 0;

	bw_buf_put(out, BW_STR("{\"targets\":["));
	for (size_t i = 0; i < r->health_count; i++) {
		healthy += bw_str_eq(r->health[i].state, BW_STR("healthy"));
		if (!in_trouble(&r->health[i]) || troubled++ >= TARGETS_TOLD)
			continue;
		if (troubled > 1)
			bw_buf_put_c(out, ',');
		put_target(&r->health[i], out);
	}
	bw_buf_put(out, BW_STR("],\"unkept\":["));
	for (size_t i = 0; i < r->unkept_count && i < TARGETS_TOLD; i++) {
		if (i)
			bw_buf_put_c(out, ',');
		put_unkept(&r->unkept[i], out);
	}
	bw_buf_printf(out, "],\"healthy\":%zu,\"in_trouble\":%zu,\"all\":%zu}\n", healthy, troubled, r->health_count);
}

static void tell(struct bw_lane *lane, struct bw_http_exchange *x, struct bw_str type,
    void (*write)(const struct bw_edge_report *r, struct bw_buf *out))
{
	struct bw_edge_report report = {0};
	struct bw_arena a;
	struct bw_buf out;

	if (!local_peer(x)) {
		bw_http_respond(x, 404, BW_STR(""), BW_STR(""), false);
		return;
	}
	bw_arena_init(&a, 4 * (size_t)BW_EDGE_REPORT_MAX);
	bw_buf_init(&out, BW_RESPONSE_MAX);
	if (bw_edge_report_read(lane->core->edge_reports, &a, &report) != BW_OK)
		report = (struct bw_edge_report){0};
	write(&report, &out);
	bw_http_respond(
	    x, out.failed ? 500 : 200, type, out.failed ? BW_STR("") : bw_buf_str(&out), false);
	bw_buf_free(&out);
	bw_arena_free(&a);
}

void local_metrics(struct bw_lane *lane, struct bw_http_exchange *x)
{
	tell(lane, x, BW_STR("Content-Type: text/plain; version=0.0.4\r\n"), metrics_write);
}

void local_listeners(struct bw_lane *lane, struct bw_http_exchange *x)
{
	tell(lane, x, BW_STR("Content-Type: application/json\r\n"), listeners_write);
}

void local_targets(struct bw_lane *lane, struct bw_http_exchange *x)
{
	tell(lane, x, BW_STR("Content-Type: application/json\r\n"), targets_write);
}
