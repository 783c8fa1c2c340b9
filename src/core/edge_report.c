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
static void anomalies_merge(
    const struct part *parts, size_t n, struct bw_arena *arena, struct bw_edge_report *out)
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

/* Of one target group. */
struct odd {
	int64_t anomalous, mitigated;
};

/* "targetgroup/name/id", the end of its ARN. */
static struct bw_str dimension_of(struct bw_str target_group)
{
	size_t from = target_group.n;

	while (from && target_group.p[from - 1] != ':')
		from--;
	return bw_str_sub(target_group, from, target_group.n);
}

/* Several processes may have found the same target: it counts once, and as mitigated when any does that. */
static void odd_count(
    struct bw_arena *arena, const struct bw_edge_anomaly *a, struct bw_map *seen, struct bw_map *groups)
{
	struct bw_str dimension = dimension_of(a->target_group),
	              key = bw_arena_printf(arena, "%.*s %.*s %lld", BW_FMT(a->target_group), BW_FMT(a->id),
	                  (long long)a->port);
	const struct bw_edge_anomaly *known = bw_map_get(seen, key);
	struct odd *of = bw_map_get(groups, dimension);

	if (!of) {
		of = BW_NEW(arena, struct odd);
		*of = (struct odd){0};
		bw_map_put(groups, dimension, of);
	}
	of->anomalous += !known;
	of->mitigated += a->mitigated && !(known && known->mitigated);
	if (!known || a->mitigated)
		bw_map_put(seen, key, (void *)(uintptr_t)a);
}

/* AnomalousHostCount and MitigatedHostCount, beside the HealthyHostCount that every group has. */
static void odd_tell(struct bw_arena *arena, struct bw_map *groups, struct bw_edge_report *out)
{
	struct bw_edge_metric *all =
	    BW_NEW_ARRAY(arena, struct bw_edge_metric, out->metric_count + 2 * groups->count + 1);
	size_t n = 0;

	for (size_t i = 0; i < out->metric_count; i++) {
		struct bw_edge_metric m = out->metrics[i];
		const struct odd *of = bw_map_get(groups, m.target_group);

		all[n++] = m;
		if (!of || !bw_str_eq(m.name, BW_STR("HealthyHostCount")))
			continue;
		m.name = BW_STR("AnomalousHostCount");
		m.value = of->anomalous;
		all[n++] = m;
		m.name = BW_STR("MitigatedHostCount");
		m.value = of->mitigated;
		all[n++] = m;
	}
	out->metrics = all;
	out->metric_count = n;
}

static void anomalies_count(struct bw_arena *arena, struct bw_edge_report *out)
{
	struct bw_map seen, groups;

	bw_map_init(&seen, 0, NULL);
	bw_map_init(&groups, 0, NULL);
	for (size_t i = 0; i < out->anomaly_count; i++)
		odd_count(arena, &out->anomalies[i], &seen, &groups);
	odd_tell(arena, &groups, out);
	bw_map_free(&seen);
	bw_map_free(&groups);
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
	anomalies_count(arena, out);
	return BW_OK;
}
