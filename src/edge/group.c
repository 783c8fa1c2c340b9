/* Target groups and targets outlive images: their health, connections and counters go on as long as they are
 * named. */
#include "edge/dispatch.h"
#include "edge/flow.h"
#include "edge/listen.h"
#include "edge/upstream.h"
#include "edge/upstream_h2.h"

static char *key_of(const struct bw_edge_target *in)
{
	struct bw_buf b;
	char *text;

	bw_buf_init(&b, 4096);
	bw_buf_printf(&b, "%.*s:%lld", BW_FMT(in->id), (long long)in->port);
	text = bw_strdup(bw_buf_str(&b));
	bw_buf_free(&b);
	return text;
}

/* "targetgroup/name/id": the last part of its ARN, as CloudWatch's dimension has it. */
static struct bw_str dimension_of(struct bw_str arn)
{
	struct bw_str last = arn;

	while (bw_str_set(arn))
		last = bw_str_cut(&arn, ':');
	return last;
}

void target_hold(struct target *t)
{
	t->references++;
}

void target_release(struct target *t)
{
	if (--t->references)
		return;
	probe_stop(t);
	bw_free(t->key);
	group_release(t->group);
	bw_free(t);
}

static struct target *target_new(struct group *g, const struct bw_edge_target *in)
{
	struct target *t = bw_alloc(sizeof *t);

	t->group = g;
	g->references++;
	t->references = 1;
	t->key = key_of(in);
	t->id = bw_str_make(t->key, in->id.n);
	t->health = HEALTH_INITIAL;
	t->reason = "Elb.RegistrationInProgress";
	return t;
}

struct target *group_by_key(struct group *g, struct bw_str key)
{
	for (struct target *t = g->targets; t; t = t->next)
		if (bw_str_eq(bw_str_c(t->key), key))
			return t;
	return NULL;
}

static bool address_of(const struct bw_edge_target *in, struct bw_address *out)
{
	return in->port >= 1 && address_make(in->address, in->port, out);
}

static void target_update(struct target *t, const struct bw_edge_target *in)
{
	struct bw_address address = {.bytes = 0};
	bool has = !in->elsewhere && address_of(in, &address);

	t->seen = true;
	/* Where the id points to may change: what was learnt of the old address says nothing of the new one.
	 */
	if (has != t->has_address || (has && memcmp(&address, &t->address, sizeof address) != 0)) {
		upstreams_close(t);
		fars_close(t);
		unhealthy_end(t);
		t->health = HEALTH_INITIAL;
		t->reason = "Elb.RegistrationInProgress";
		t->successes = t->failures = t->checks = 0;
		t->told = false;
	}
	t->has_address = has;
	t->elsewhere = in->elsewhere;
	t->address = address;
	t->port = in->port;
	t->draining = in->draining;
	t->draining_ms = in->draining_ms;
	t->registered_ms = in->registered_ms;
}

/* Leaves the group's list. `over`: it was deregistered, and its delay is over; else nobody needs the group, and requests in work
 * keep the target until they end. */
static void target_drop(struct target *t, bool over)
{
	t->gone = true;
	probe_stop(t);
	unhealthy_end(t);
	if (t->group->cut_drained)
		flows_end(t);
	if (over)
		dispatch_end(t);
	upstreams_close(t);
	fars_close(t);
	target_release(t);
}

static void targets_update(struct group *g, const struct bw_edge_target_group *in)
{
	struct target *old = g->targets, **tail = &g->targets;

	for (struct target *t = old; t; t = t->next)
		t->seen = false;
	for (size_t i = 0; i < in->target_count; i++) {
		char *key = key_of(&in->targets[i]);
		struct target *t = old;

		while (t && strcmp(t->key, key) != 0)
			t = t->next;
		bw_free(key);
		if (!t) {
			t = target_new(g, &in->targets[i]);
			t->next = old;
			old = t;
		}
		target_update(t, &in->targets[i]);
	}
	g->target_count = 0;
	for (struct target *t = old, *next; t; t = next) {
		next = t->next;
		if (t->seen) {
			*tail = t;
			tail = &t->next;
			g->target_count++;
		} else {
			target_drop(t, in->arn.n > 0);
		}
	}
	*tail = NULL;
}

static void sticky_read(struct group *g, const struct bw_pairs *p)
{
	struct bw_str type = attribute(p, "stickiness.type");

	g->sticky = STICKY_NONE;
	if (!attribute_on(p, "stickiness.enabled"))
		return;
	g->sticky = bw_str_eq(type, BW_STR("app_cookie"))  ? STICKY_APP
	            : bw_str_eq(type, BW_STR("source_ip")) ? STICKY_SOURCE
	                                                   : STICKY_LB;
	g->sticky_s = attribute_number(p,
	    g->sticky == STICKY_APP ? "stickiness.app_cookie.duration_seconds"
	                            : "stickiness.lb_cookie.duration_seconds",
	    86400);
	g->app_cookie = attribute(p, "stickiness.app_cookie.cookie_name");
}

static void group_read(struct group *g, const struct bw_edge_target_group *in)
{
	const struct bw_pairs *p = &in->attributes;
	struct bw_str balance = attribute(p, "load_balancing.algorithm.type");

	g->in = *in;
	g->seen = true;
	g->https = bw_str_eq(in->protocol, BW_STR("HTTPS"));
	g->http = g->https || bw_str_eq(in->protocol, BW_STR("HTTP"));
	g->grpc = bw_str_eq(in->protocol_version, BW_STR("GRPC"));
	g->http2 = g->grpc || bw_str_eq(in->protocol_version, BW_STR("HTTP2"));
	g->balance = bw_str_eq(balance, BW_STR("least_outstanding_requests")) ? BALANCE_LEAST
	             : bw_str_eq(balance, BW_STR("weighted_random"))          ? BALANCE_RANDOM
	                                                                      : BALANCE_ROUND;
	g->anomaly = bw_str_eq(attribute(p, "load_balancing.algorithm.anomaly_mitigation"), BW_STR("on"));
	g->slow_start_ms = attribute_number(p, "slow_start.duration_seconds", 0) * 1000;
	g->min_count = attribute_number(
	    p, "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", 1);
	g->min_percent = attribute_number(
	    p, "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", 0);
	g->proxy_protocol = attribute_on(p, "proxy_protocol_v2.enabled");
	g->keeps_origin = attribute_on(p, "preserve_client_ip.enabled");
	g->cut_unhealthy = attribute_on(p, "target_health_state.unhealthy.connection_termination.enabled");
	g->cut_drained = attribute_on(p, "deregistration_delay.connection_termination.enabled");
	g->unhealthy_drain_ms = attribute_number(p, "target_health_state.unhealthy.draining_interval_seconds", 0) * 1000;
	sticky_read(g, p);
	targets_update(g, in);
}

struct group *group_find(struct edge *e, struct bw_str arn)
{
	return bw_map_get(&e->groups, arn);
}

/* Texts of the old image go with it. */
static void group_forget(struct group *g)
{
	struct bw_edge_target_group none = {0};

	group_read(g, &none);
	g->sticky = STICKY_NONE;
	g->seen = false;
}

void group_release(struct group *g)
{
	if (--g->references)
		return;
	bw_map_del(&g->edge->groups, g->arn);
	bw_free(g->arn_text);
	bw_free(g);
}

static struct group *group_new(struct edge *e, struct bw_str arn)
{
	struct group *g = bw_alloc(sizeof *g);

	g->edge = e;
	g->arn_text = bw_strdup(arn);
	g->arn = bw_str_c(g->arn_text);
	g->dimension = dimension_of(g->arn);
	g->turn = turn_of(e, g->arn);
	report_resume(e, BW_STR_NONE, g->dimension, g->values);
	bw_map_put(&e->groups, g->arn, g);
	return g;
}

static void unsee(void *ctx, struct bw_str key, void *value)
{
	struct group *g = value;

	(void)ctx;
	(void)key;
	g->seen = g->used = false;
	g->egress = NULL;
	g->balancer.bytes = 0;
	g->balancer_stats = NULL;
}

void groups_update(struct edge *e, struct edge_config *config)
{
	config->groups = bw_alloc((config->image.target_group_count + 1) * sizeof(struct group *));
	bw_map_each(&e->groups, unsee, NULL);
	for (size_t i = 0; i < config->image.target_group_count; i++) {
		const struct bw_edge_target_group *in = &config->image.target_groups[i];
		struct group *g = group_find(e, in->arn);

		if (!g)
			g = group_new(e, in->arn);
		g->references++;
		config->groups[config->group_count++] = g;
		group_read(g, in);
	}
}

static void retire(void *ctx, struct bw_str key, void *value)
{
	struct group *g = value;

	(void)ctx;
	(void)key;
	for (struct target *t = g->targets; t; t = t->next) {
		probe_stop(t);
		t->told = true;
		t->checks = 0;
	}
}

void groups_retire(struct edge *e)
{
	bw_map_each(&e->groups, retire, NULL);
}

struct gathered {
	struct group **v;
	size_t n;
};

static void gather(void *ctx, struct bw_str key, void *value)
{
	struct gathered *all = ctx;

	(void)key;
	all->v[all->n++] = value;
	((struct group *)value)->references++;
}

/* Forgetting a group may free it: the map is not walked meanwhile. */
void groups_settle(struct edge *e)
{
	struct gathered all = {.v = bw_alloc((e->groups.count + 1) * sizeof(struct group *))};

	bw_map_each(&e->groups, gather, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct group *g = all.v[i];

		if (!g->seen)
			group_forget(g);
		for (struct target *t = g->targets; t; t = t->next)
			probe_start(t);
		group_release(g);
	}
	bw_free(all.v);
	origins_update(e);
	health_hear(e);
	report_touch(e);
}
