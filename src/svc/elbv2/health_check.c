#include "svc/elbv2/health_check.h"

static bool is_http(struct bw_str protocol)
{
	return elb_is(protocol, "HTTP") || elb_is(protocol, "HTTPS");
}

static bool is_grpc(const struct elbv2_TargetGroup *g)
{
	return elb_is(g->ProtocolVersion, "GRPC");
}

static void matcher_default(struct bw_call *call, const struct elbv2_TargetGroup *g, struct health_input *h)
{
	struct elbv2_Matcher *m;

	if (h->matcher || !is_http(h->protocol))
		return;
	m = BW_NEW(call->arena, struct elbv2_Matcher);
	if (is_grpc(g))
		m->GrpcCode = BW_STR("12");
	else
		m->HttpCode = is_http(g->Protocol) ? BW_STR("200") : BW_STR("200-399");
	h->matcher = m;
}

void health_defaults(struct bw_call *call, struct elbv2_TargetGroup *g, struct health_input *h)
{
	bool http = is_http(g->Protocol);

	if (!bw_str_set(h->protocol))
		h->protocol = http || elb_is(g->TargetType, "alb") ? BW_STR("HTTP") : BW_STR("TCP");
	if (!bw_str_set(h->port))
		h->port = BW_STR("traffic-port");
	if (!bw_str_set(h->path) && is_http(h->protocol))
		h->path = is_grpc(g) ? BW_STR("/AWS.ALB/healthcheck") : BW_STR("/");
	if (!h->enabled.set)
		h->enabled = BW_BOOL(true);
	if (!h->interval_s.set)
		h->interval_s = BW_INT(30);
	if (!h->timeout_s.set)
		h->timeout_s = BW_INT(http ? 5 : elb_is(h->protocol, "HTTP") ? 6 : 10);
	if (!h->healthy.set)
		h->healthy = BW_INT(5);
	if (!h->unhealthy.set)
		h->unhealthy = BW_INT(2);
	matcher_default(call, g, h);
}

/* ---- Checking ---- */

static enum bw_err protocol_set(struct bw_call *call, struct elbv2_TargetGroup *g, struct bw_str protocol)
{
	bool alb = elb_is(g->TargetType, "alb");

	if (!is_http(protocol) && (!elb_is(protocol, "TCP") || is_http(g->Protocol) || alb))
		return elb_invalid(call,
		    "Health check protocol '%.*s' is not supported for target groups with %s '%.*s'",
		    BW_FMT(protocol), alb ? "target type" : "protocol",
		    BW_FMT(alb ? g->TargetType : g->Protocol));
	g->HealthCheckProtocol = protocol;
	if (!is_http(protocol)) {
		g->HealthCheckPath = BW_STR_NONE;
		g->Matcher = NULL;
	}
	return BW_OK;
}

static enum bw_err port_set(struct bw_call *call, struct elbv2_TargetGroup *g, struct bw_str port)
{
	int64_t number;

	if (!elb_is(port, "traffic-port") && bw_str_to_i64(port, 1, 65535, &number) != BW_OK)
		return elb_invalid(call,
		    "Health check port '%.*s' must be 'traffic-port' or a number between '1' and '65535' "
		    "inclusive",
		    BW_FMT(port));
	g->HealthCheckPort = port;
	return BW_OK;
}

static bool path_text(struct bw_str path)
{
	if (path.n == 0 || path.p[0] != '/')
		return false;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] <= ' ' || path.p[i] > '~')
			return false;
	return true;
}

static enum bw_err path_set(struct bw_call *call, struct elbv2_TargetGroup *g, struct bw_str path)
{
	if (!is_http(g->HealthCheckProtocol))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Health check paths are not supported for health checks with the %.*s protocol",
		    BW_FMT(g->HealthCheckProtocol));
	if (!path_text(path))
		return elb_invalid(call,
		    "Health check path '%.*s' must begin with a '/' character, and can only contain "
		    "printable ASCII characters, "
		    "without control characters or whitespace",
		    BW_FMT(path));
	g->HealthCheckPath = path;
	return BW_OK;
}

/* "200", "200,202", "200-299". */
static bool codes_parse(struct bw_str codes, int64_t min, int64_t max, bool *out_of_range)
{
	struct bw_str rest = codes;

	*out_of_range = false;
	if (codes.n == 0)
		return false;
	while (bw_str_set(rest)) {
		struct bw_str last = bw_str_cut(&rest, ','), first = bw_str_cut(&last, '-');
		int64_t from, to;

		if (bw_str_to_i64(first, 0, 999, &from) != BW_OK)
			return false;
		to = from;
		if (bw_str_set(last) && bw_str_to_i64(last, from, 999, &to) != BW_OK)
			return false;
		if (from < min || to > max)
			*out_of_range = true;
	}
	return true;
}

static enum bw_err codes_check(
    struct bw_call *call, const char *name, struct bw_str codes, int64_t min, int64_t max)
{
	bool out_of_range;

	if (!codes_parse(codes, min, max, &out_of_range))
		return elb_invalid(call,
		    "%s '%.*s' must be a code, a range of codes or a list of these separated by commas", name,
		    BW_FMT(codes));
	if (out_of_range)
		return elb_invalid(call,
		    "Health check matcher %s '%.*s' must be within '%lld-%lld' inclusive",
		    name[0] == 'H' ? "HTTP code" : "gRPC code", BW_FMT(codes), (long long)min,
		    (long long)max);
	return BW_OK;
}

static enum bw_err matcher_set(
    struct bw_call *call, struct elbv2_TargetGroup *g, const struct elbv2_Matcher *m)
{
	struct elbv2_Matcher *copy = BW_NEW(call->arena, struct elbv2_Matcher);

	if (!is_http(g->HealthCheckProtocol))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "Health check matchers are not supported for health checks with the %.*s protocol",
		    BW_FMT(g->HealthCheckProtocol));
	if (is_grpc(g) != bw_str_set(m->GrpcCode) || is_grpc(g) == bw_str_set(m->HttpCode))
		return elb_invalid(call, "A health check matcher must have %s for protocol version '%.*s'",
		    is_grpc(g) ? "a GrpcCode and no HttpCode" : "an HttpCode and no GrpcCode",
		    BW_FMT(bw_str_set(g->ProtocolVersion) ? g->ProtocolVersion : g->Protocol));
	if (is_grpc(g))
		TRY(codes_check(call, "GrpcCode", m->GrpcCode, 0, 99));
	else
		TRY(codes_check(call, "HttpCode", m->HttpCode, 200, is_http(g->Protocol) ? 499 : 599));
	*copy = *m;
	g->Matcher = copy;
	return BW_OK;
}

/* Those of network load balancers may begin when the one before is given up: ten seconds are their timeout,
 * and one of the two intervals that they began with. */
static enum bw_err times_check(struct bw_call *call, const struct elbv2_TargetGroup *g)
{
	int64_t least = g->HealthCheckTimeoutSeconds.v + (is_http(g->Protocol) ? 1 : 0);

	if (g->HealthCheckIntervalSeconds.v < least)
		return elb_invalid(call, "Health check interval must be greater than the timeout.");
	return BW_OK;
}

enum bw_err health_set(struct bw_call *call, struct elbv2_TargetGroup *g, const struct health_input *h)
{
	if (bw_str_set(h->protocol))
		TRY(protocol_set(call, g, h->protocol));
	if (bw_str_set(h->port))
		TRY(port_set(call, g, h->port));
	if (bw_str_set(h->path))
		TRY(path_set(call, g, h->path));
	if (h->enabled.set && !h->enabled.v)
		return elb_invalid(call,
		    "Health check enabled must be true for target groups with target type '%.*s'",
		    BW_FMT(g->TargetType));
	if (h->enabled.set)
		g->HealthCheckEnabled = h->enabled;
	if (h->interval_s.set)
		g->HealthCheckIntervalSeconds = h->interval_s;
	if (h->timeout_s.set)
		g->HealthCheckTimeoutSeconds = h->timeout_s;
	if (h->healthy.set)
		g->HealthyThresholdCount = h->healthy;
	if (h->unhealthy.set)
		g->UnhealthyThresholdCount = h->unhealthy;
	if (h->matcher)
		TRY(matcher_set(call, g, h->matcher));
	return times_check(call, g);
}
