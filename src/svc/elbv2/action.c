#include "svc/elbv2/action.h"

enum { ACTIONS_MAX = 5 }; /* Application Load Balancers Guide, "Quotas": actions per rule */

/* ---- Redirects and fixed responses ---- */

/* Reserved keywords stand as "#{name}"; `allowed` lists those that the part may have. */
static bool keywords_known(struct bw_str s, const char *const *allowed)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		ptrdiff_t end;

		if (s.p[i] != '#' || s.p[i + 1] != '{')
			continue;
		end = bw_str_find(s, '}', i);
		if (end < 0 || !elb_one_of(bw_str_sub(s, i + 2, (size_t)end - i - 2), allowed))
			return false;
	}
	return true;
}

static bool plain_text(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

static struct bw_str or_usual(struct bw_str given, const char *usual)
{
	return bw_str_set(given) ? given : bw_str_c(usual);
}

static enum bw_err redirect_parts(struct bw_call *call, const struct elbv2_RedirectActionConfig *r)
{
	static const char *const of_host[] = {"host", NULL};
	static const char *const of_path[] = {"host", "path", "port", NULL};
	static const char *const of_query[] = {"host", "path", "port", "protocol", "query", NULL};
	int64_t port;

	if (!elb_is(r->Port, "#{port}") && bw_str_to_i64(r->Port, 1, 65535, &port) != BW_OK)
		return elb_invalid(call,
		    "The redirect port '%.*s' must be '#{port}' or a number between '1' and '65535' "
		    "inclusive",
		    BW_FMT(r->Port));
	if (!keywords_known(r->Host, of_host) || !plain_text(r->Host))
		return elb_invalid(call, "The redirect host '%.*s' is not valid", BW_FMT(r->Host));
	if (r->Path.p[0] != '/' || !keywords_known(r->Path, of_path) || !plain_text(r->Path))
		return elb_invalid(
		    call, "The redirect path '%.*s' is not valid: it must start with a '/'", BW_FMT(r->Path));
	if (!keywords_known(r->Query, of_query) || !plain_text(r->Query))
		return elb_invalid(call, "The redirect query '%.*s' is not valid", BW_FMT(r->Query));
	return BW_OK;
}

enum bw_err action_redirect(struct bw_call *call, struct elbv2_Action *a, struct bw_str protocol)
{
	struct elbv2_RedirectActionConfig *r = BW_NEW(call->arena, struct elbv2_RedirectActionConfig);

	*r = *a->RedirectConfig;
	r->Protocol = or_usual(r->Protocol, "#{protocol}");
	r->Port = or_usual(r->Port, "#{port}");
	r->Host = or_usual(r->Host, "#{host}");
	r->Path = or_usual(r->Path, "/#{path}");
	r->Query = or_usual(r->Query, "#{query}");
	TRY(redirect_parts(call, r));
	if (elb_is(protocol, "HTTPS") && elb_is(r->Protocol, "HTTP"))
		return bw_call_fail(call, "InvalidLoadBalancerAction", "You cannot redirect HTTPS to HTTP");
	if ((elb_is(r->Protocol, "#{protocol}") || bw_str_eq(r->Protocol, protocol)) &&
	    elb_is(r->Port, "#{port}") && elb_is(r->Host, "#{host}") && elb_is(r->Path, "/#{path}"))
		return bw_call_fail(call, "InvalidLoadBalancerAction",
		    "The redirect configuration is not valid because it creates a loop.");
	a->RedirectConfig = r;
	return BW_OK;
}

enum bw_err action_fixed(struct bw_call *call, struct elbv2_Action *a)
{
	static const char *const types[] = {
	    "text/plain", "text/css", "text/html", "application/javascript", "application/json", NULL};
	struct elbv2_FixedResponseActionConfig *f = a->FixedResponseConfig;

	if (bw_str_set(f->ContentType) && !elb_one_of(f->ContentType, types))
		return elb_invalid(call,
		    "The content type '%.*s' must be one of 'text/plain, text/css, text/html, "
		    "application/javascript, application/json'",
		    BW_FMT(f->ContentType));
	return BW_OK;
}

/* ---- Each by its type ---- */

static const struct {
	const char *type;
	bool last, http,
	    https; /* ends the list; of HTTP and HTTPS listeners alone; of HTTPS listeners alone */
	size_t config;
} types[] = {
    {"forward", true, false, false, SIZE_MAX},
    {"redirect", true, true, false, offsetof(struct elbv2_Action, RedirectConfig)},
    {"fixed-response", true, true, false, offsetof(struct elbv2_Action, FixedResponseConfig)},
    {"authenticate-oidc", false, true, true, offsetof(struct elbv2_Action, AuthenticateOidcConfig)},
    {"authenticate-cognito", false, true, true, offsetof(struct elbv2_Action, AuthenticateCognitoConfig)},
    {"jwt-validation", false, true, true, offsetof(struct elbv2_Action, JwtValidationConfig)},
};

static size_t type_index(const struct elbv2_Action *a)
{
	size_t i = 0;

	while (!elb_is(a->Type, types[i].type))
		i++;
	return i;
}

static bool has_config(const struct elbv2_Action *a, size_t config)
{
	return *(const void *const *)((const char *)a + config) != NULL;
}

/* An action has the configuration of its type and of no other. */
static enum bw_err config_check(struct bw_call *call, const struct elbv2_Action *a, struct bw_str protocol)
{
	size_t own = type_index(a);

	if ((types[own].http && !elb_is(protocol, "HTTP") && !elb_is(protocol, "HTTPS")) ||
	    (types[own].https && !elb_is(protocol, "HTTPS")))
		return bw_call_fail(call, "InvalidLoadBalancerAction",
		    "Actions of type '%s' are not supported for %.*s listeners", types[own].type,
		    BW_FMT(protocol));
	for (size_t i = 0; i < BW_COUNT(types); i++) {
		if (types[i].config == SIZE_MAX)
			continue;
		if (i == own && !has_config(a, types[i].config))
			return elb_invalid(call, "A configuration must be specified for actions of type '%s'",
			    types[i].type);
		if (i != own && has_config(a, types[i].config))
			return elb_invalid(call,
			    "A configuration of type '%s' cannot be specified for actions of type '%s'",
			    types[i].type, types[own].type);
	}
	if (own != 0 && (bw_str_set(a->TargetGroupArn) || a->ForwardConfig))
		return elb_invalid(
		    call, "Target groups cannot be specified for actions of type '%s'", types[own].type);
	return BW_OK;
}

static enum bw_err action_check(struct bw_call *call, const struct elb_load_balancer *lb,
    struct bw_str protocol, struct elbv2_Action *a, const struct elbv2_Actions *before)
{
	TRY(config_check(call, a, protocol));
	if (elb_is(a->Type, "forward"))
		return action_forward(call, a, lb, protocol);
	if (elb_is(a->Type, "redirect"))
		return action_redirect(call, a, protocol);
	if (elb_is(a->Type, "fixed-response"))
		return action_fixed(call, a);
	if (elb_is(a->Type, "authenticate-oidc"))
		return action_oidc(call, a, before);
	return elb_is(a->Type, "authenticate-cognito") ? action_cognito(call, a) : action_jwt(call, a);
}

/* ---- The list ---- */

/* By their Order; a single action needs none. */
static enum bw_err order_set(struct bw_call *call, struct elbv2_Actions *actions)
{
	for (size_t i = 0; i < actions->n; i++) {
		struct elbv2_Action a = actions->v[i];
		size_t at = i;

		if (actions->n > 1 && !a.Order.set)
			return elb_invalid(call, "An order must be specified for each of multiple actions");
		while (at > 0 && actions->v[at - 1].Order.v > a.Order.v) {
			actions->v[at] = actions->v[at - 1];
			at--;
		}
		if (at > 0 && actions->v[at - 1].Order.v == a.Order.v)
			return elb_invalid(call, "The order '%lld' was specified for more than one action",
			    (long long)a.Order.v);
		actions->v[at] = a;
	}
	return BW_OK;
}

static enum bw_err types_check(struct bw_call *call, const struct elbv2_Actions *actions)
{
	for (size_t i = 0; i < actions->n; i++)
		for (size_t j = 0; j < i; j++)
			if (bw_str_eq(actions->v[i].Type, actions->v[j].Type))
				return bw_call_fail(call, "InvalidLoadBalancerAction",
				    "You cannot specify multiple of the following action type: '%.*s'",
				    BW_FMT(actions->v[i].Type));
	for (size_t i = 0; i < actions->n; i++)
		if (types[type_index(&actions->v[i])].last != (i + 1 == actions->n))
			return bw_call_fail(call, "InvalidLoadBalancerAction",
			    "A list of actions must end with exactly one action of type forward, redirect or "
			    "fixed-response");
	return BW_OK;
}

enum bw_err elb_actions_check(struct bw_call *call, const struct elb_load_balancer *lb,
    struct bw_str protocol, struct elbv2_Actions *actions, const struct elbv2_Actions *before)
{
	struct elbv2_Action *v = BW_NEW_ARRAY(call->arena, struct elbv2_Action, actions->n);

	if (actions->n == 0)
		return elb_invalid(call, "At least one action must be specified");
	if (actions->n > ACTIONS_MAX)
		return bw_call_fail(call, "TooManyActions", "A rule can only have '%d' actions", ACTIONS_MAX);
	memcpy(v, actions->v, actions->n * sizeof *v);
	actions->v = v;
	TRY(order_set(call, actions));
	TRY(types_check(call, actions));
	for (size_t i = 0; i < actions->n; i++)
		TRY(action_check(call, lb, protocol, &actions->v[i], before));
	return BW_OK;
}

void elb_actions_to_shape(
    struct bw_call *call, const struct elbv2_Actions *actions, struct elbv2_Actions *out)
{
	*out = *actions;
	out->v = BW_NEW_ARRAY(call->arena, struct elbv2_Action, actions->n);
	for (size_t i = 0; i < actions->n; i++) {
		out->v[i] = actions->v[i];
		if (actions->v[i].AuthenticateOidcConfig) {
			struct elbv2_AuthenticateOidcActionConfig *c =
			    BW_NEW(call->arena, struct elbv2_AuthenticateOidcActionConfig);

			*c = *actions->v[i].AuthenticateOidcConfig;
			c->ClientSecret = BW_STR_NONE;
			out->v[i].AuthenticateOidcConfig = c;
		}
	}
}
