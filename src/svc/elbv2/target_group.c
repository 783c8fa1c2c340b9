#include "svc/elbv2/health_check.h"

/* ---- Creating ---- */

static enum bw_err new_resource(struct bw_call *call)
{
	struct bw_str name = bw_call_input(call, "Name");

	elb_new_resource(call, bw_arena_printf(call->arena, "targetgroup/%.*s/*", BW_FMT(name)));
	return BW_OK;
}

static enum bw_err built(struct bw_call *call, const IN_elbv2_CreateTargetGroup *in)
{
	static const char *const not_yet[] = {"GENEVE", "QUIC", "TCP_QUIC", NULL};

	if (elb_is(in->TargetType, "lambda"))
		return elb_not_built(call, "target groups of Lambda functions");
	if (bw_str_set(in->Protocol) && elb_one_of(in->Protocol, not_yet))
		return elb_not_built(call, "target groups with the GENEVE, QUIC and TCP_QUIC protocols");
	if (in->TargetControlPort.set)
		return elb_not_built(call, "the target optimizer (TargetControlPort)");
	return BW_OK;
}

static enum bw_err protocol_check(struct bw_call *call, const struct elbv2_TargetGroup *g)
{
	static const char *const versions[] = {"HTTP1", "HTTP2", "GRPC", NULL};
	bool http = elb_is(g->Protocol, "HTTP") || elb_is(g->Protocol, "HTTPS");

	if (elb_is(g->TargetType, "alb") && !elb_is(g->Protocol, "TCP"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Protocol '%.*s' is not supported for target groups with target type 'alb'",
		    BW_FMT(g->Protocol));
	if (!http && bw_str_set(g->ProtocolVersion))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Protocol version is not supported for target groups with protocol '%.*s'",
		    BW_FMT(g->Protocol));
	if (http && !elb_one_of(g->ProtocolVersion, versions))
		return elb_invalid(call, "Protocol version '%.*s' must be one of 'HTTP1, HTTP2, GRPC'",
		    BW_FMT(g->ProtocolVersion));
	if (elb_is(g->IpAddressType, "ipv6") && !elb_is(g->TargetType, "ip"))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "IP address type 'ipv6' is only supported for target groups with target type 'ip'");
	return BW_OK;
}

static enum bw_err vpc_check(struct bw_call *call, struct bw_str id)
{
	struct bw_network net = bw_network_of(call);
	struct bw_vpc vpc;
	enum bw_err e = bw_network_load(&net, &bw_vpc_record, id, &vpc);

	return e == BW_ENOTFOUND ? elb_invalid(call, "The VPC ID '%.*s' is not found", BW_FMT(id)) : e;
}

static enum bw_err group_from_input(
    struct bw_call *call, const IN_elbv2_CreateTargetGroup *in, struct elbv2_TargetGroup *g)
{
	struct health_input h = {in->HealthCheckProtocol, in->HealthCheckPort, in->HealthCheckPath,
	    in->HealthCheckEnabled, in->HealthCheckIntervalSeconds, in->HealthCheckTimeoutSeconds,
	    in->HealthyThresholdCount, in->UnhealthyThresholdCount, in->Matcher};
	bool http = elb_is(in->Protocol, "HTTP") || elb_is(in->Protocol, "HTTPS");

	*g = (struct elbv2_TargetGroup){.TargetGroupName = in->Name,
	    .Protocol = in->Protocol,
	    .Port = in->Port,
	    .VpcId = in->VpcId,
	    .ProtocolVersion = in->ProtocolVersion.n ? in->ProtocolVersion : BW_STR_NONE,
	    .TargetType = bw_str_set(in->TargetType) ? in->TargetType : BW_STR("instance"),
	    .IpAddressType = bw_str_set(in->IpAddressType) ? in->IpAddressType : BW_STR("ipv4")};
	if (http && !bw_str_set(g->ProtocolVersion))
		g->ProtocolVersion = BW_STR("HTTP1");
	if (!bw_str_set(g->Protocol))
		return elb_invalid(call, "A protocol must be specified");
	if (!g->Port.set)
		return elb_invalid(call, "A port must be specified");
	if (!g->VpcId.n)
		return elb_invalid(call, "A VPC ID must be specified");
	TRY(protocol_check(call, g));
	TRY(vpc_check(call, g->VpcId));
	health_defaults(call, g, &h);
	return health_set(call, g, &h);
}

/* What clients see beside what is stored. */
static enum bw_err group_to_shape(
    struct bw_call *call, const struct elb_target_group *g, struct elbv2_TargetGroup *out)
{
	*out = g->shape;
	out->TargetGroupArn = elb_named_arn(call, "targetgroup", g->name, g->id);
	return elb_group_users(call, g->name, &out->LoadBalancerArns);
}

static enum bw_err one_to_shape(
    struct bw_call *call, const struct elb_target_group *g, struct elbv2_TargetGroups *out)
{
	*out = (struct elbv2_TargetGroups){true, 1, BW_NEW(call->arena, struct elbv2_TargetGroup)};
	return group_to_shape(call, g, out->v);
}

/* The client's address is kept by default, except towards addresses over TCP (Network Load Balancers Guide).
 */
static void usual_attributes(struct bw_call *call, struct elb_target_group *g)
{
	if (elb_is(g->shape.TargetType, "ip") && elb_group_of(&g->shape) == ELB_OF_GROUP_TCP)
		bw_pairs_set(
		    &g->attributes, call->arena, BW_STR("preserve_client_ip.enabled"), BW_STR("false"));
}

BW_OP(elbv2, CreateTargetGroup, .effect = BW_WRITE, .resource = new_resource)
{
	struct elb_target_group g = {.name = in->Name, .created_ms = call->now_ms}, old;
	enum bw_err e;

	TRY(elb_name_check(call, "Target group", "or", in->Name));
	TRY(built(call, in));
	TRY(group_from_input(call, in, &g.shape));
	TRY(elb_tags_set(call, &g.tags, &in->Tags));
	e = elb_load(call, &elb_target_group_kind, g.name, &old);
	if (e == BW_OK && bw_shape_same(elbv2_TargetGroup_shape, &g.shape, &old.shape, call->arena))
		return one_to_shape(call, &old, &out->TargetGroups);
	if (e == BW_OK)
		return bw_call_fail(call, "DuplicateTargetGroupName",
		    "A target group with the same name '%.*s' exists, but with different settings",
		    BW_FMT(g.name));
	if (e != BW_ENOTFOUND)
		return e;
	g.id = elb_id(call);
	usual_attributes(call, &g);
	bw_call_take(call, &elb_groups_quota, call->region, 1);
	elb_save(call, &elb_target_group_kind, g.name, &g);
	return one_to_shape(call, &g, &out->TargetGroups);
}

/* ---- Reading ---- */

static enum bw_err not_found(struct bw_call *call)
{
	return bw_call_fail(call, "TargetGroupNotFound", "One or more target groups not found");
}

static enum bw_err described(
    struct bw_call *call, const struct elb_target_group *g, struct elbv2_TargetGroups *out)
{
	return group_to_shape(call, g, &out->v[out->n++]);
}

static enum bw_err by_arns(
    struct bw_call *call, const struct elbv2_TargetGroupArns *arns, struct elbv2_TargetGroups *out)
{
	struct elb_target_group g;

	for (size_t i = 0; i < arns->n; i++) {
		TRY(elb_among(call, ELB_TARGET_GROUP, elb_target_group_load(call, arns->v[i], &g)));
		TRY(described(call, &g, out));
	}
	return BW_OK;
}

static enum bw_err by_names(
    struct bw_call *call, const struct bw_str *names, size_t n, bool strict, struct elbv2_TargetGroups *out)
{
	struct elb_target_group g;

	for (size_t i = 0; i < n; i++) {
		enum bw_err e = elb_load(call, &elb_target_group_kind, names[i], &g);

		if (e == BW_ENOTFOUND && strict)
			return not_found(call);
		if (e == BW_OK)
			e = described(call, &g, out);
		if (e != BW_OK && e != BW_ENOTFOUND)
			return e;
	}
	return BW_OK;
}

/* The groups that the load balancer's rules forward to: one page of their names, each once. */
static enum bw_err by_load_balancer(
    struct bw_call *call, const IN_elbv2_DescribeTargetGroups *in, OUT_elbv2_DescribeTargetGroups *out)
{
	struct elb_load_balancer lb;
	struct bw_strs entries, names = {0};
	size_t from, to;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	TRY(elb_names(call, elb_index(call, "group", bw_arena_printf(call->arena, "%.*s/", BW_FMT(lb.name))),
	    &entries));
	names.v = BW_NEW_ARRAY(call->arena, struct bw_str, entries.n);
	for (size_t i = 0; i < entries.n; i++) {
		struct bw_str rest = entries.v[i], name = bw_str_cut(&rest, '/');

		if (names.n == 0 || !bw_str_eq(names.v[names.n - 1], name))
			names.v[names.n++] = name;
	}
	TRY(bw_page_slice(
	    call, names.n, in->Marker, in->PageSize, ELB_PAGE_USUAL, &from, &to, NULL, &out->NextMarker));
	out->TargetGroups.v = BW_NEW_ARRAY(call->arena, struct elbv2_TargetGroup, to - from);
	return by_names(call, names.v + from, to - from, false, &out->TargetGroups);
}

static enum bw_err all(
    struct bw_call *call, const IN_elbv2_DescribeTargetGroups *in, OUT_elbv2_DescribeTargetGroups *out)
{
	struct bw_page page;
	struct elb_target_group g;
	enum bw_err e;

	TRY(bw_page_begin(call, elb_key(call, &elb_target_group_kind, BW_STR("")), in->Marker, in->PageSize,
	    ELB_PAGE_USUAL, &page));
	out->TargetGroups.v = BW_NEW_ARRAY(call->arena, struct elbv2_TargetGroup, page.left);
	while ((e = bw_page_next(call, &page, elb_target_group_kind.record, &g, NULL)) == BW_OK) {
		e = elb_unpack(call->arena, &elb_target_group_kind, &g);
		if (e == BW_OK)
			e = described(call, &g, &out->TargetGroups);
		if (e != BW_OK)
			break;
	}
	bw_page_end(call, &page, NULL, &out->NextMarker);
	return e == BW_ENOTFOUND ? BW_OK : e;
}

BW_OP(elbv2, DescribeTargetGroups, .effect = BW_READ)
{
	size_t asked = in->TargetGroupArns.n + in->Names.n;
	int ways = (in->TargetGroupArns.n > 0) + (in->Names.n > 0) + bw_str_set(in->LoadBalancerArn);

	if (ways > 1)
		return elb_invalid(call, "Target group names, target group ARNs, and a load balancer ARN "
		                         "cannot be specified at the same time");
	out->TargetGroups.set = true;
	if (asked)
		out->TargetGroups.v = BW_NEW_ARRAY(call->arena, struct elbv2_TargetGroup, asked);
	if (in->TargetGroupArns.n)
		return by_arns(call, &in->TargetGroupArns, &out->TargetGroups);
	if (in->Names.n)
		return by_names(call, in->Names.v, in->Names.n, true, &out->TargetGroups);
	return bw_str_set(in->LoadBalancerArn) ? by_load_balancer(call, in, out) : all(call, in, out);
}

/* ---- Changing ---- */

BW_OP(elbv2, ModifyTargetGroup, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct health_input h = {in->HealthCheckProtocol, in->HealthCheckPort, in->HealthCheckPath,
	    in->HealthCheckEnabled, in->HealthCheckIntervalSeconds, in->HealthCheckTimeoutSeconds,
	    in->HealthyThresholdCount, in->UnhealthyThresholdCount, in->Matcher};
	struct elb_target_group g;
	bool was_http;

	TRY(elb_target_group_load(call, in->TargetGroupArn, &g));
	was_http = g.shape.Matcher != NULL;
	TRY(health_set(call, &g.shape, &h));
	if (!elb_is(g.shape.HealthCheckProtocol, "TCP") && !was_http) {
		/* From TCP to HTTP: what only HTTP has gets its default. */
		struct health_input rest = {.protocol = g.shape.HealthCheckProtocol,
		    .path = g.shape.HealthCheckPath,
		    .matcher = g.shape.Matcher};

		health_defaults(call, &g.shape, &rest);
		g.shape.HealthCheckPath = rest.path;
		g.shape.Matcher = (struct elbv2_Matcher *)rest.matcher;
	}
	elb_save(call, &elb_target_group_kind, g.name, &g);
	return one_to_shape(call, &g, &out->TargetGroups);
}

/* ---- Deleting ---- */

static enum bw_err targets_forget(struct bw_call *call, const struct elb_target_group *g)
{
	struct elb_target *targets;
	size_t n;

	TRY(elb_all(
	    call, &elb_target_kind, bw_arena_printf(call->arena, "%.*s/", BW_FMT(g->name)), &targets, &n));
	for (size_t i = 0; i < n; i++) {
		elb_behind_set(call, g, targets[i].id, false);
		elb_delete(call, &elb_target_kind, elb_target_name(call, g, targets[i].id, targets[i].port));
	}
	return BW_OK;
}

BW_OP(elbv2, DeleteTargetGroup, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elbv2_LoadBalancerArns users;
	struct elb_target_group g;
	enum bw_err e = elb_target_group_load(call, in->TargetGroupArn, &g);

	/* One that is gone already is deleted, as AWS has it. */
	if (e == BW_EFAILED && elb_is(call->error.code, "TargetGroupNotFound")) {
		call->error = (struct bw_error_text){0};
		return BW_OK;
	}
	TRY(e);
	TRY(elb_group_users(call, g.name, &users));
	if (users.n)
		return bw_call_fail(call, "ResourceInUse",
		    "Target group '%.*s' is currently in use by a listener or a rule",
		    BW_FMT(in->TargetGroupArn));
	TRY(targets_forget(call, &g));
	bw_call_take(call, &elb_groups_quota, call->region, -1);
	elb_delete(call, &elb_target_group_kind, g.name);
	return BW_OK;
}
