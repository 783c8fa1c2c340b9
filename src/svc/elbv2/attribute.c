#include "svc/elbv2/attribute.h"

static const struct elb_attribute *attribute_find(
    const struct elb_attribute *table, unsigned of, struct bw_str key)
{
	for (; table->key; table++)
		if (table->of & of && elb_is(key, table->key))
			return table;
	return NULL;
}

static bool attribute_known(const struct elb_attribute *table, struct bw_str key)
{
	return attribute_find(table, ~0u, key) != NULL;
}

struct bw_str elb_attribute_value(
    const struct elb_attribute *table, unsigned of, const struct bw_pairs *set, const char *key)
{
	const struct elb_attribute *a = attribute_find(table, of, bw_str_c(key));
	const struct bw_pair *p = bw_pairs_find(set, bw_str_c(key));

	if (!a)
		return BW_STR_NONE;
	return p ? p->value : bw_str_c(a->usual);
}

/* All that belong to it, complete with defaults. */
static struct bw_pairs attributes_all(
    struct bw_arena *a, const struct elb_attribute *table, unsigned of, const struct bw_pairs *set)
{
	struct bw_pairs all = {0};
	size_t n = 0;

	while (table[n].key)
		n++;
	all.v = BW_NEW_ARRAY(a, struct bw_pair, n);
	for (; table->key; table++) {
		struct bw_str key = bw_str_c(table->key);

		if (table->of & of && !bw_pairs_find(&all, key))
			all.v[all.n++] =
			    (struct bw_pair){key, elb_attribute_value(table, of, set, table->key)};
	}
	return all;
}

static bool value_fits(const struct elb_attribute *a, struct bw_str value)
{
	int64_t number;

	if (a->words)
		return elb_one_of(value, a->words);
	if (a->max == 0)
		return true;
	if ((a->off && elb_is(value, "off")) || (a->zero && elb_is(value, "0")))
		return true;
	return bw_str_to_i64(value, a->min, a->max, &number) == BW_OK;
}

static enum bw_err value_refuse(
    struct bw_call *call, const char *label, const struct elb_attribute *a, struct bw_str value)
{
	if (a->words)
		return elb_invalid(
		    call, "%s attribute '%s' cannot be set to '%.*s'", label, a->key, BW_FMT(value));
	return elb_invalid(call,
	    "%s attribute '%s' value '%.*s' must be between '%lld' and '%lld' inclusive%s", label, a->key,
	    BW_FMT(value), (long long)a->min, (long long)a->max,
	    a->off    ? ", or 'off'"
	    : a->zero ? ", or '0'"
	              : "");
}

enum bw_err elb_attribute_set(struct bw_call *call, const char *label, const struct elb_attribute *table,
    unsigned of, struct bw_pairs *set, struct bw_str key, struct bw_str value)
{
	const struct elb_attribute *a = attribute_find(table, of, key);

	if (!bw_str_set(key))
		return elb_invalid(call, "A %s attribute key must be specified", label);
	if (!a && attribute_known(table, key))
		return bw_call_fail(call, "InvalidConfigurationRequest",
		    "%s attribute key '%.*s' is not supported on this resource", label, BW_FMT(key));
	if (!a)
		return elb_invalid(call, "%s attribute key '%.*s' is not recognized", label, BW_FMT(key));
	if (!bw_str_set(value))
		value = BW_STR("");
	if (!value_fits(a, value))
		return value_refuse(call, label, a, value);
	bw_pairs_set(set, call->arena, key, value);
	return BW_OK;
}

unsigned elb_group_of(const struct elbv2_TargetGroup *g)
{
	if (elb_is(g->Protocol, "HTTP") || elb_is(g->Protocol, "HTTPS"))
		return ELB_OF_GROUP_HTTP;
	return elb_is(g->Protocol, "UDP") || elb_is(g->Protocol, "TCP_UDP") ? ELB_OF_GROUP_UDP
	                                                                    : ELB_OF_GROUP_TCP;
}

bool elb_group_has(const struct elb_target_group *g, const char *key, const char *value)
{
	return elb_is(elb_attribute_value(elb_target_group_attributes, elb_group_of(&g->shape), &g->attributes, key), value);
}

struct bw_pairs elb_group_attributes(struct bw_arena *a, const struct elb_target_group *g)
{
	return attributes_all(a, elb_target_group_attributes, elb_group_of(&g->shape), &g->attributes);
}

static unsigned of_type(struct bw_str type)
{
	return elb_is(type, "app") ? ELB_OF_APP : ELB_OF_NET;
}

struct bw_pairs elb_load_balancer_attributes_all(struct bw_arena *a, const struct elb_load_balancer *lb)
{
	return attributes_all(a, elb_load_balancer_attributes, of_type(lb->type), &lb->attributes);
}

static unsigned of_listener(const struct elb_listener *l)
{
	unsigned of = of_type(l->type);

	if (elb_is(l->shape.Protocol, "HTTPS"))
		return of | ELB_OF_HTTPS;
	/* The idle timeout is TCP's and TLS's (Network Load Balancers Guide, "Listener attributes"). */
	return elb_is(l->shape.Protocol, "UDP") || elb_is(l->shape.Protocol, "TLS")
	           ? of & ~(unsigned)ELB_OF_NET
	           : of;
}

struct bw_pairs elb_listener_attributes_all(struct bw_arena *a, const struct elb_listener *l)
{
	return attributes_all(a, elb_listener_attributes, of_listener(l), &l->attributes);
}

/* ---- The operations ---- */

BW_OP(elbv2, DescribeLoadBalancerAttributes, .effect = BW_READ)
{
	struct elb_load_balancer lb;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	ATTRIBUTES_OUT(call, elb_load_balancer_attributes_all(call->arena, &lb), elbv2_LoadBalancerAttributes,
	    elbv2_LoadBalancerAttribute, &out->Attributes);
	return BW_OK;
}

/* Logs need a bucket to go to, and a prefix without what stands behind it (User Guide, "Enable access logs"). */
static enum bw_err logs_check(struct bw_call *call, const struct elb_load_balancer *lb)
{
	static const char *const logs[] = {"access_logs", "connection_logs", "health_check_logs"};
	struct bw_pairs all = elb_load_balancer_attributes_all(call->arena, lb);

	for (size_t i = 0; i < BW_COUNT(logs); i++) {
		const struct bw_pair *on =
		    bw_pairs_find(&all, bw_arena_printf(call->arena, "%s.s3.enabled", logs[i]));
		const struct bw_pair *prefix =
		    bw_pairs_find(&all, bw_arena_printf(call->arena, "%s.s3.prefix", logs[i]));
		const struct bw_pair *bucket =
		    bw_pairs_find(&all, bw_arena_printf(call->arena, "%s.s3.bucket", logs[i]));

		if (on && elb_is(on->value, "true") && bucket->value.n == 0)
			return bw_call_fail(call, "InvalidConfigurationRequest",
			    "The value of '%s.s3.bucket' cannot be empty when '%s.s3.enabled' is true",
			    logs[i], logs[i]);
		if (prefix && memmem(prefix->value.p, prefix->value.n, "AWSLogs", sizeof "AWSLogs" - 1))
			return bw_call_fail(call, "InvalidConfigurationRequest",
			    "The value of '%s.s3.prefix' cannot contain 'AWSLogs'", logs[i]);
	}
	return BW_OK;
}

BW_OP(elbv2, ModifyLoadBalancerAttributes, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_load_balancer lb;

	TRY(elb_load_balancer_load(call, in->LoadBalancerArn, &lb));
	for (size_t i = 0; i < in->Attributes.n; i++)
		TRY(elb_attribute_set(call, "Load balancer", elb_load_balancer_attributes, of_type(lb.type),
		    &lb.attributes, in->Attributes.v[i].Key, in->Attributes.v[i].Value));
	TRY(logs_check(call, &lb));
	elb_save(call, &elb_load_balancer_kind, lb.name, &lb);
	ATTRIBUTES_OUT(call, elb_load_balancer_attributes_all(call->arena, &lb), elbv2_LoadBalancerAttributes,
	    elbv2_LoadBalancerAttribute, &out->Attributes);
	return BW_OK;
}

BW_OP(elbv2, DescribeListenerAttributes, .effect = BW_READ)
{
	struct elb_listener l;

	TRY(elb_among(call, ELB_LISTENER, elb_listener_load(call, in->ListenerArn, &l)));
	ATTRIBUTES_OUT(call, elb_listener_attributes_all(call->arena, &l), elbv2_ListenerAttributes,
	    elbv2_ListenerAttribute, &out->Attributes);
	return BW_OK;
}

/* What says where a request goes, how long it is or who has sent it is not overwritten by a header that is renamed. */
static bool name_reserved(struct bw_str name)
{
	static const char *const names[] = {"authorization", "connection", "content-length", "content-type", "cookie", "expect", "host",
	    "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-amzn-oidc-accesstoken",
	    "x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port",
	    "x-forwarded-proto"};

	for (size_t i = 0; i < BW_COUNT(names); i++)
		if (bw_str_eq_nocase(name, bw_str_c(names[i])))
			return true;
	return false;
}

/* What becomes a header's name or value must be one: nothing of it may end the line (RFC 9110, 5.1 and 5.5).
 */
static bool header_text(struct bw_str key, struct bw_str value)
{
	bool name = bw_str_ends(key, BW_STR(".header_name"));

	if (!name && !bw_str_ends(key, BW_STR(".header_value")))
		return true;
	if (value.n > (name ? 64u : 1024u) || (name && (value.n == 0 || name_reserved(value))))
		return false;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (name && !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		                c == '-' || c == '_'))
			return false;
		if (c < 0x20 || c > 0x7e)
			return false;
	}
	return true;
}

BW_OP(elbv2, ModifyListenerAttributes, .effect = BW_WRITE, .resource = elb_arn_resource)
{
	struct elb_listener l;

	TRY(elb_listener_load(call, in->ListenerArn, &l));
	for (size_t i = 0; i < in->Attributes.n; i++) {
		const struct elbv2_ListenerAttribute *a = &in->Attributes.v[i];

		if (bw_str_set(a->Key) && !header_text(a->Key, a->Value))
			return elb_invalid(call, "Listener attribute '%.*s' cannot be set to '%.*s'",
			    BW_FMT(a->Key), BW_FMT(a->Value));
		TRY(elb_attribute_set(call, "Listener", elb_listener_attributes, of_listener(&l),
		    &l.attributes, a->Key, a->Value));
	}
	elb_save(call, &elb_listener_kind, elb_listener_name(call, &l), &l);
	ATTRIBUTES_OUT(call, elb_listener_attributes_all(call->arena, &l), elbv2_ListenerAttributes,
	    elbv2_ListenerAttribute, &out->Attributes);
	return BW_OK;
}
