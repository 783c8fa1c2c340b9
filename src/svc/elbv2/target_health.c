#include "svc/elbv2/target.h"

struct health_view {
	struct bw_call *call;
	const struct elb_target_group *g;
	struct bw_str arn;
	bool used, anomalies;        /* anomalies: they were asked for */
	struct elb_load_balancer lb; /* that uses the group */
	struct bw_edge_report report;
};

static struct elbv2_TargetHealth *health_make(
    struct bw_call *call, const char *state, const char *reason, const char *description)
{
	struct elbv2_TargetHealth *h = BW_NEW(call->arena, struct elbv2_TargetHealth);

	*h = (struct elbv2_TargetHealth){bw_str_c(state), bw_str_c(reason), bw_str_c(description)};
	return h;
}

static const struct bw_edge_health *reported(const struct health_view *v, const struct elb_target *t)
{
	for (size_t i = 0; i < v->report.health_count; i++) {
		const struct bw_edge_health *h = &v->report.health[i];

		if (h->port == t->port && bw_str_eq(h->id, t->id))
			return h;
	}
	return NULL;
}

static struct elbv2_TargetHealth *health_of(const struct health_view *v, const struct elb_target *t)
{
	const struct bw_edge_health *h = reported(v, t);
	struct elbv2_TargetHealth *out;

	if (t->draining_ms)
		return health_make(v->call, "draining", "Target.DeregistrationInProgress",
		    "Target deregistration is in progress");
	if (!v->used)
		return health_make(v->call, "unused", "Target.NotInUse",
		    "Target group is not configured to receive traffic from the load balancer");
	if (elb_target_elsewhere(&v->lb, t))
		return health_make(v->call, "unused", "Target.NotInUse",
		    "Target is in an Availability Zone that is not enabled for the load balancer");
	/* What is said of a target that has been registered again meanwhile, or is in use since, is of the time before. */
	if (!h || bw_str_eq(h->state, BW_STR("draining")) || bw_str_eq(h->reason, BW_STR("Target.NotInUse")))
		return health_make(
		    v->call, "initial", "Elb.RegistrationInProgress", "Target registration is in progress");
	out = health_make(v->call, NULL, NULL, NULL);
	*out = (struct elbv2_TargetHealth){bw_arena_str(v->call->arena, h->state),
	    h->reason.n ? bw_arena_str(v->call->arena, h->reason) : BW_STR_NONE,
	    h->description.n ? bw_arena_str(v->call->arena, h->description) : BW_STR_NONE};
	return out;
}

/* Targets of application load balancers are watched by what they answer (ALB User Guide, "Automatic target weights"). */
static struct elbv2_AnomalyDetection *anomaly_of(const struct health_view *v, const struct elb_target *t)
{
	struct elbv2_AnomalyDetection *out;
	bool found = false, mitigated = false;

	if (!v->anomalies || elb_group_of(&v->g->shape) != ELB_OF_GROUP_HTTP)
		return NULL;
	for (size_t i = 0; i < v->report.anomaly_count; i++) {
		const struct bw_edge_anomaly *a = &v->report.anomalies[i];

		if (a->port != t->port || !bw_str_eq(a->id, t->id) || !bw_str_eq(a->target_group, v->arn))
			continue;
		found = true;
		mitigated = mitigated || a->mitigated;
	}
	out = BW_NEW(v->call->arena, struct elbv2_AnomalyDetection);
	*out = (struct elbv2_AnomalyDetection){
	    found ? BW_STR("anomalous") : BW_STR("normal"), mitigated ? BW_STR("yes") : BW_STR("no")};
	return out;
}

/* A zonal shift would override a target's health; nothing shifts zones here. */
static struct elbv2_AdministrativeOverride *override_of(const struct health_view *v)
{
	struct elbv2_AdministrativeOverride *out = BW_NEW(v->call->arena, struct elbv2_AdministrativeOverride);

	*out = (struct elbv2_AdministrativeOverride){BW_STR("no_override"), BW_STR("AdministrativeOverride.NoOverride"),
	    BW_STR("No override is currently active on target")};
	return out;
}

static void health_put(const struct health_view *v, const struct elb_target *t,
    struct elbv2_TargetHealth *health, struct elbv2_TargetHealthDescriptions *out)
{
	struct elbv2_TargetDescription *d = BW_NEW(v->call->arena, struct elbv2_TargetDescription);
	bool traffic = elb_is(v->g->shape.HealthCheckPort, "traffic-port");

	*d = (struct elbv2_TargetDescription){
	    .Id = t->id, .Port = BW_INT(t->port), .AvailabilityZone = t->zone};
	out->v[out->n++] = (struct elbv2_TargetHealthDescription){.Target = d,
	    .TargetHealth = health,
	    .AnomalyDetection = anomaly_of(v, t),
	    .AdministrativeOverride = override_of(v),
	    .HealthCheckPort = traffic ? bw_arena_printf(v->call->arena, "%lld", (long long)t->port)
	                               : v->g->shape.HealthCheckPort};
}

static const struct elb_target *target_find(
    const struct elb_target *targets, size_t n, const struct target_given *t)
{
	for (size_t i = 0; i < n; i++)
		if (targets[i].port == t->port && bw_str_eq(targets[i].id, t->id))
			return &targets[i];
	return NULL;
}

static enum bw_err asked_put(const struct health_view *v, const struct elb_target *targets, size_t n,
    const struct elbv2_TargetDescription *asked, struct elbv2_TargetHealthDescriptions *out)
{
	const struct elb_target *found;
	struct elb_target missing;
	struct target_given t;

	TRY(target_named(v->call, v->g, asked, &t));
	found = target_find(targets, n, &t);
	if (found) {
		health_put(v, found, health_of(v, found), out);
		return BW_OK;
	}
	missing = (struct elb_target){.id = t.id, .port = t.port, .zone = t.zone};
	health_put(v, &missing,
	    health_make(
	        v->call, "unused", "Target.NotRegistered", "Target is not registered to the target group"),
	    out);
	return BW_OK;
}

/* The report with what it says of this group alone: it speaks of every target there is. */
static void report_narrow(struct health_view *v)
{
	struct bw_edge_health *own =
	    BW_NEW_ARRAY(v->call->arena, struct bw_edge_health, v->report.health_count);
	size_t n = 0;

	for (size_t i = 0; i < v->report.health_count; i++)
		if (bw_str_eq(v->report.health[i].target_group, v->arn))
			own[n++] = v->report.health[i];
	v->report.health = own;
	v->report.health_count = n;
}

BW_OP(elbv2, DescribeTargetHealth, .effect = BW_READ)
{
	struct health_view v = {.call = call, .arn = in->TargetGroupArn};
	struct elbv2_LoadBalancerArns users;
	struct elb_target_group g;
	struct elb_target *targets;
	size_t n;

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	TRY(elb_group_targets(call, &g, &targets, &n));
	TRY(elb_group_users(call, g.name, &users));
	v.g = &g;
	v.used = users.n > 0;
	if (v.used)
		TRY(elb_load_balancer_load(call, users.v[0], &v.lb));
	v.anomalies = in->Include.n > 0; /* one of AnomalyDetection and All, both of which say so */
	bw_edge_report_latest(call->core, call->arena, &v.report);
	report_narrow(&v);
	out->TargetHealthDescriptions = (struct elbv2_TargetHealthDescriptions){
	    true, 0, BW_NEW_ARRAY(call->arena, struct elbv2_TargetHealthDescription, n + in->Targets.n)};
	for (size_t i = 0; i < in->Targets.n; i++)
		TRY(asked_put(&v, targets, n, &in->Targets.v[i], &out->TargetHealthDescriptions));
	for (size_t i = 0; in->Targets.n == 0 && i < n; i++)
		health_put(&v, &targets[i], health_of(&v, &targets[i]), &out->TargetHealthDescriptions);
	return BW_OK;
}
