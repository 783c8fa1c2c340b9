#include "svc/elbv2/image.h"

#include "base/sys.h"
#include "core/edge_auth.h"

/* The edge's image of all load balancers, of every account and Region that has any. Everything of a place is
 * read in a few ordered walks; the records are small and the walks are what a rebuild costs. */

/* ---- What a place has ---- */

static enum bw_err place_load(struct place *p)
{
	struct bw_call *c = &p->call;

	TRY(elb_all(c, &elb_load_balancer_kind, BW_STR(""), &p->load_balancers, &p->load_balancer_count));
	TRY(elb_all(c, &elb_listener_kind, BW_STR(""), &p->listeners, &p->listener_count));
	TRY(elb_all(c, &elb_rule_kind, BW_STR(""), &p->rules, &p->rule_count));
	TRY(elb_all(c, &elb_target_group_kind, BW_STR(""), &p->groups, &p->group_count));
	return elb_all(c, &elb_trust_store_kind, BW_STR(""), &p->stores, &p->store_count);
}

/* "ACCOUNT/REGION" of every place that ever had a load balancer. */
static enum bw_err places_list(struct bw_snapshot *view, struct bw_arena *arena, struct bw_strs *out)
{
	struct bw_str prefix = BW_STR("-/global/elbv2/place/"), key;
	struct bw_scan scan;
	enum bw_err e;

	TRY(bw_scan_begin(view, prefix, BW_STR_NONE, &scan));
	while ((e = bw_scan_next(&scan, arena, &key, NULL, NULL)) == BW_OK)
		bw_strs_add(out, arena, bw_str_sub(key, prefix.n, key.n));
	bw_scan_end(&scan);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

/* ---- Load balancers ---- */

static struct bw_strs groups_of(const struct elb_load_balancer *lb)
{
	return (struct bw_strs){lb->shape.SecurityGroups.n, lb->shape.SecurityGroups.v};
}

static enum bw_err permits_fill(
    struct place *p, const struct elb_load_balancer *lb, struct bw_edge_load_balancer *out)
{
	struct bw_network net = {.store = bw_core_store(p->call.core),
	    .view = p->call.view,
	    .arena = p->call.arena,
	    .account = p->call.account,
	    .region = p->call.region};
	struct bw_strs groups = groups_of(lb);
	struct bw_permits permits;

	out->has_security_groups = groups.n > 0;
	if (!groups.n)
		return BW_OK;
	TRY(bw_network_permits(&net, &groups, &permits));
	out->ingress = permits.ingress;
	out->ingress_count = permits.ingress_count;
	out->egress = permits.egress;
	out->egress_count = permits.egress_count;
	return BW_OK;
}

static enum bw_err listeners_fill(
    struct place *p, const struct elb_load_balancer *lb, struct bw_edge_load_balancer *out)
{
	struct bw_edge_listener *v = BW_NEW_ARRAY(p->call.arena, struct bw_edge_listener, p->listener_count);
	size_t n = 0;

	for (size_t i = 0; i < p->listener_count; i++)
		if (bw_str_eq(p->listeners[i].load_balancer, lb->name))
			TRY(image_listener(p, &p->listeners[i], &v[n++]));
	out->listeners = v;
	out->listener_count = n;
	return BW_OK;
}

static bool authenticates(const struct bw_edge_rule *r)
{
	for (size_t i = 0; i < r->action_count; i++)
		if (bw_str_starts(r->actions[i].type, BW_STR("authenticate-")))
			return true;
	return false;
}

/* Keys for users' sessions, where there are users. */
static void auth_fill(
    struct place *p, const struct elb_load_balancer *lb, struct bw_edge_load_balancer *out)
{
	int64_t until_ms;
	bool any = false;

	for (size_t i = 0; i < out->listener_count; i++)
		for (size_t k = 0; k < out->listeners[i].rule_count; k++)
			any = any || authenticates(&out->listeners[i].rules[k]);
	if (!any)
		return;
	bw_edge_auth_keys(bw_core_store(p->call.core), lb->id, p->call.now_ms, p->call.arena, out, &until_ms);
	if (until_ms < *p->due_ms)
		*p->due_ms = until_ms;
}

static enum bw_err load_balancer_fill(
    struct place *p, const struct elb_load_balancer *lb, struct bw_edge_load_balancer *out)
{
	struct bw_call *c = &p->call;

	*out = (struct bw_edge_load_balancer){.arn = elb_load_balancer_arn(c, lb->type, lb->name, lb->id),
	    .name = lb->name,
	    .id = lb->id,
	    .dns_name = lb->shape.DNSName,
	    .type = lb->shape.Type,
	    .attributes = elb_load_balancer_attributes_all(c->arena, lb)};
	bw_strs_add(&out->addresses, c->arena, lb->address);
	TRY(permits_fill(p, lb, out));
	TRY(listeners_fill(p, lb, out));
	auth_fill(p, lb, out);
	return BW_OK;
}

/* ---- Target groups ---- */

static struct bw_str target_address(struct place *p, const struct elb_target_group *g, struct bw_str id)
{
	struct elb_arn a;

	if (elb_is(g->shape.TargetType, "ip"))
		return id;
	if (elb_is(g->shape.TargetType, "instance"))
		return elb_instance_address(p->call.core, id);
	if (elb_arn_parse(&p->call, id, &a) != BW_OK)
		return BW_STR_NONE;
	for (size_t i = 0; i < p->load_balancer_count; i++)
		if (bw_str_eq(p->load_balancers[i].id, a.id))
			return p->load_balancers[i].address;
	return BW_STR_NONE;
}

static enum bw_err targets_fill(struct place *p, const struct elb_target_group *g,
    const struct elb_load_balancer *user, struct bw_edge_target_group *out)
{
	struct bw_edge_target *v;
	struct elb_target *targets;
	size_t n;

	TRY(elb_group_targets(&p->call, g, &targets, &n));
	v = BW_NEW_ARRAY(p->call.arena, struct bw_edge_target, n);
	for (size_t i = 0; i < n; i++) {
		const struct elb_target *t = &targets[i];
		int64_t end_ms = t->draining_ms + elb_group_drain_ms(g);

		v[i] = (struct bw_edge_target){.id = t->id,
		    .address = target_address(p, g, t->id),
		    .port = t->port,
		    .zone = t->zone,
		    .elsewhere = user && elb_target_elsewhere(user, t),
		    .draining = t->draining_ms != 0,
		    .draining_ms = t->draining_ms,
		    .registered_ms = t->registered_ms};
		if (t->draining_ms && end_ms < *p->due_ms)
			*p->due_ms = end_ms;
	}
	out->targets = v;
	out->target_count = n;
	return BW_OK;
}

static enum bw_err group_fill(struct place *p, const struct elb_target_group *g,
    const struct elb_load_balancer *user, struct bw_edge_target_group *out)
{
	const struct elbv2_TargetGroup *s = &g->shape;

	*out = (struct bw_edge_target_group){.arn = elb_named_arn(&p->call, "targetgroup", g->name, g->id),
	    .name = g->name,
	    .protocol = s->Protocol,
	    .protocol_version = s->ProtocolVersion,
	    .target_type = s->TargetType,
	    .port = s->Port.v,
	    .attributes = elb_group_attributes(p->call.arena, g),
	    .health_enabled = s->HealthCheckEnabled.v,
	    .health_protocol = s->HealthCheckProtocol,
	    .health_port = s->HealthCheckPort,
	    .health_path = s->HealthCheckPath,
	    .health_interval_s = s->HealthCheckIntervalSeconds.v,
	    .health_timeout_s = s->HealthCheckTimeoutSeconds.v,
	    .healthy_threshold = s->HealthyThresholdCount.v,
	    .unhealthy_threshold = s->UnhealthyThresholdCount.v};
	if (s->Matcher)
		out->health_codes =
		    bw_str_set(s->Matcher->GrpcCode) ? s->Matcher->GrpcCode : s->Matcher->HttpCode;
	return targets_fill(p, g, user, out);
}

/* The load balancer that forwards to it. A group that nobody forwards to is no matter of the edge's: its targets are not even
 * checked. */
static enum bw_err user_of(struct place *p, const struct elb_target_group *g, bool *used, const struct elb_load_balancer **user)
{
	struct bw_str rest, name;
	struct bw_strs uses;

	*user = NULL;
	TRY(elb_group_rules(&p->call, g->name, &uses));
	*used = uses.n > 0;
	if (!*used)
		return BW_OK;
	rest = uses.v[0];
	name = bw_str_cut(&rest, '/');
	for (size_t i = 0; i < p->load_balancer_count; i++)
		if (bw_str_eq(p->load_balancers[i].name, name))
			*user = &p->load_balancers[i];
	return BW_OK;
}

static enum bw_err groups_fill(struct place *p, struct bw_edge_target_group *v, size_t *n)
{
	for (size_t i = 0; i < p->group_count; i++) {
		const struct elb_load_balancer *user;
		bool used;

		TRY(user_of(p, &p->groups[i], &used, &user));
		if (used)
			TRY(group_fill(p, &p->groups[i], user, &v[(*n)++]));
	}
	return BW_OK;
}

/* ---- The image ---- */

struct making {
	struct bw_edge_load_balancer *load_balancers;
	struct bw_edge_target_group *groups;
	size_t load_balancer_count, group_count;
};

static void *joined(struct bw_arena *a, const void *old, size_t n, size_t more, size_t size)
{
	char *v = bw_arena_alloc_array(a, size, n + more);

	if (n)
		memcpy(v, old, n * size);
	return v;
}

static enum bw_err place_add(struct place *p, struct making *m)
{
	struct bw_arena *a = p->call.arena;

	TRY(place_load(p));
	m->load_balancers = joined(
	    a, m->load_balancers, m->load_balancer_count, p->load_balancer_count, sizeof *m->load_balancers);
	for (size_t i = 0; i < p->load_balancer_count; i++)
		TRY(load_balancer_fill(
		    p, &p->load_balancers[i], &m->load_balancers[m->load_balancer_count++]));
	m->groups = joined(a, m->groups, m->group_count, p->group_count, sizeof *m->groups);
	return groups_fill(p, m->groups, &m->group_count);
}

static enum bw_err build(struct bw_core *core, struct bw_snapshot *view, struct bw_arena *arena,
    struct bw_edge_image *image, int64_t *due_ms)
{
	struct making m = {0};
	struct bw_strs places = {0};

	*due_ms = INT64_MAX;
	TRY(places_list(view, arena, &places));
	for (size_t i = 0; i < places.n; i++) {
		struct bw_str region = places.v[i], account = bw_str_cut(&region, '/');
		/* No call of a client's: what reads by it neither guards nor states anything. */
		struct place p = {.call = {.core = core,
		                      .arena = arena,
		                      .view = view,
		                      .now_ms = image->made_ms,
		                      .account = account,
		                      .region = region,
		                      .service = &bw_service_elbv2},
		    .due_ms = due_ms};

		TRY(place_add(&p, &m));
	}
	image->load_balancers = m.load_balancers;
	image->load_balancer_count = m.load_balancer_count;
	image->target_groups = m.groups;
	image->target_group_count = m.group_count;
	image_cut_back(core, arena, image);
	return BW_OK;
}

static const char *const services[] = {"elbv2", "ec2", "acm", NULL};
static const struct bw_image_builder image_builder = {services, build};
BW_IMAGE_BUILDER(image_builder);
