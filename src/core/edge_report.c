/* What all processes of the edge tell, as one report. */
#include "base/map.h"
#include "core/edge_image.h"
#include "proc/board.h"

/* The numbers of a moment: whoever has ended has none. Health is counted by the first loop alone. */
static const char *const gauges[] = {"ActiveConnectionCount", "HealthyHostCount", "UnHealthyHostCount"};

static bool is_gauge(struct bw_str name)
{
	for (size_t i = 0; i < BW_COUNT(gauges); i++)
		if (bw_str_eq(name, bw_str_c(gauges[i])))
			return true;
	return false;
}

/* One process's. `lives`: it still runs. */
struct part {
	bool found, lives;
	struct bw_edge_report report;
};

static enum bw_err part_read(const struct bw_edge_reporter *r, struct bw_arena *arena, struct part *out)
{
	struct bw_buf bytes;
	struct bw_str kept;
	uint64_t seq;
	enum bw_err e;

	*out = (struct part){0};
	bw_buf_init(&bytes, BW_EDGE_REPORT_MAX);
	e = bw_board_read(r->board, &bytes, &seq);
	kept = e == BW_OK ? bw_arena_str(arena, bw_buf_str(&bytes)) : BW_STR_NONE;
	bw_buf_free(&bytes);
	if (e == BW_ENOTFOUND)
		return BW_OK;
	TRY(e);
	TRY(bw_edge_report_decode(kept, arena, &out->report));
	out->found = true;
	out->lives = atomic_load(r->incarnation) == (uint64_t)out->report.incarnation;
	return BW_OK;
}

struct merging {
	struct bw_arena *arena;
	struct bw_map at; /* name and dimensions -> struct bw_edge_metric of `metrics` */
	struct bw_edge_metric *metrics;
	size_t n;
};

static struct bw_str key_of(struct merging *m, struct bw_str name, const struct bw_edge_metric *of)
{
	return bw_arena_printf(
	    m->arena, "%.*s %.*s %.*s", BW_FMT(name), BW_FMT(of->load_balancer), BW_FMT(of->target_group));
}

/* What the first loop does not know any more (every dimension it knows has a RequestCount there) is told no
 * longer. */
static void metric_add(struct merging *m, const struct bw_edge_metric *in, bool first)
{
	struct bw_str key = key_of(m, in->name, in);
	struct bw_edge_metric *known = bw_map_get(&m->at, key);

	if (known) {
		known->value += in->value;
		return;
	}
	if (!first && !bw_map_get(&m->at, key_of(m, BW_STR("RequestCount"), in)))
		return;
	m->metrics[m->n] = *in;
	bw_map_put(&m->at, key, &m->metrics[m->n++]);
}

static void part_add(struct merging *m, const struct part *p, bool first)
{
	for (size_t i = 0; i < p->report.metric_count; i++)
		if (first || p->lives || !is_gauge(p->report.metrics[i].name))
			metric_add(m, &p->report.metrics[i], first);
}

static void metrics_merge(
    const struct part *parts, size_t n, size_t first, struct bw_arena *arena, struct bw_edge_report *out)
{
	struct merging m = {.arena = arena};
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += parts[i].report.metric_count;
	m.metrics = BW_NEW_ARRAY(arena, struct bw_edge_metric, all + 1);
	bw_map_init(&m.at, 0, NULL);
	part_add(&m, &parts[first], true);
	for (size_t i = 0; i < n; i++)
		if (i != first)
			part_add(&m, &parts[i], false);
	bw_map_free(&m.at);
	out->metrics = m.metrics;
	out->metric_count = m.n;
}

/* Each process knows its own requests: what any that lives has found is so. */
static void anomalies_merge(const struct part *parts, size_t n, struct bw_arena *arena, struct bw_edge_report *out)
{
	struct bw_edge_anomaly *all;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += parts[i].lives ? parts[i].report.anomaly_count : 0;
	all = BW_NEW_ARRAY(arena, struct bw_edge_anomaly, count + 1);
	out->anomalies = all;
	out->anomaly_count = count;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; parts[i].lives && k < parts[i].report.anomaly_count; k++)
			*all++ = parts[i].report.anomalies[k];
}

enum bw_err bw_edge_report_read(
    const struct bw_edge_reports *reports, struct bw_arena *arena, struct bw_edge_report *out)
{
	struct part *parts;
	size_t first;

	CHECK(reports != NULL && reports->n >= 2, BW_ENOTFOUND);
	parts = BW_NEW_ARRAY(arena, struct part, reports->n);
	for (size_t i = 0; i < reports->n; i++)
		TRY(part_read(&reports->v[i], arena, &parts[i]));
	CHECK(parts[0].found || parts[1].found, BW_ENOTFOUND);
	first = parts[1].report.incarnation > parts[0].report.incarnation;
	*out = parts[first].report;
	for (size_t i = 0; i < reports->n; i++)
		if (parts[i].lives && parts[i].report.image_version < out->image_version)
			out->image_version = parts[i].report.image_version;
	metrics_merge(parts, reports->n, first, arena, out);
	anomalies_merge(parts, reports->n, arena, out);
	return BW_OK;
}
